//! What the packages of the host kits carry: the dashboard's page and its texts, and the SQL of the tables.
//!
//! The Rust kit is in `host` itself, and reads the files where they are.

use std::fs;
use std::path::Path;

use rulebound::catalogue::{Catalogue, RuleEntry};
use rulebound_tests::root;
use serde_json::{Map, Value, json};

use super::Generated;

/// The texts of the dashboard, as every kit serves them.
const TEXTS: &str = "host/dashboard/texts.json";
/// The folders that a kit reads.
const SOURCES: [&str; 3] = ["dashboard", "sql/postgres", "sql/sqlite"];
/// Where a package has its copy. Nothing else is in these folders.
pub(super) const COPIES: [&str; 2] = ["bindings/python/python/rulebound/host/_files", "bindings/node/host"];

/// The texts, and the copies of every file that a kit reads.
pub(super) fn files(catalogue: &Catalogue) -> Result<Vec<Generated>, String> {
    let mut files = vec![Generated { path: TEXTS.into(), text: texts(catalogue) }];
    let mut sources = vec![("dashboard/texts.json".to_owned(), texts(catalogue))];
    for folder in SOURCES {
        sources.extend(read(folder)?);
    }
    for copy in COPIES {
        files.extend(
            sources.iter().map(|(name, text)| Generated { path: format!("{copy}/{name}"), text: text.clone() }),
        );
    }
    Ok(files)
}

/// The files of a folder of `host`, by their paths in it; without the texts, which are made here.
fn read(folder: &str) -> Result<Vec<(String, String)>, String> {
    let path = root().join("host").join(folder);
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&path).map_err(|error| failed(&path, error))?.flatten() {
        let name = format!("{folder}/{}", entry.file_name().display());
        if entry.path().is_file() && !TEXTS.ends_with(&name) {
            files.push((name, fs::read_to_string(entry.path()).map_err(|error| failed(&entry.path(), error))?));
        }
    }
    files.sort();
    Ok(files)
}

/// The words of the dashboard: what the catalogue says, without what only a program needs.
fn texts(catalogue: &Catalogue) -> String {
    let by_name = |texts: Value| -> Map<String, Value> {
        let texts = texts.as_array().cloned().unwrap_or_default();
        texts.iter().map(|it| (string(&it["name"]), json!({ "label": it["label"], "about": it["about"] }))).collect()
    };
    let flows: Map<String, Value> = catalogue.flows.iter().map(|flow| (flow.id.to_owned(), json!(flow))).collect();
    let flows: Map<String, Value> = flows
        .into_iter()
        .map(|(id, flow)| {
            let facets = flow["facets"].as_array().into_iter().flatten();
            let facets: Vec<Value> = facets.map(|it| json!({ "facet": it["facet"], "states": it["texts"] })).collect();
            (id, json!({ "facets": facets, "actions": by_name(flow["actions"].clone()) }))
        })
        .collect();
    let providers: Map<String, Value> = catalogue
        .providers
        .iter()
        .map(|it| {
            (
                it.name.to_owned(),
                json!({ "signals": by_name(json!(it.signals)), "notices": by_name(json!(it.notices)) }),
            )
        })
        .collect();
    let rules: Map<String, Value> = catalogue.rules.iter().map(|it| (it.rule.code.to_owned(), rule(it))).collect();
    let texts =
        json!({ "rules_version": catalogue.rules_version, "flows": flows, "providers": providers, "rules": rules });
    format!("{texts}\n")
}

/// A rule's statement, its level, and the provider's page if one says it.
fn rule(entry: &RuleEntry) -> Value {
    let declared = json!(entry.rule);
    let source = &declared["sources"][0];
    let page = source["page"].as_str().map(|page| format!("https://{page}"));
    json!({ "statement": declared["statement"], "level": declared["level"], "page": page, "section": source["section"] })
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
