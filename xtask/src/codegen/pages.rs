//! The page of each provider: what is written by hand in its `about.md`, its flows, and its rules with their traces.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use rulebound::catalogue::{Catalogue, FlowEntry, RuleEntry};
use rulebound::{Enforcement, Guards, Level};
use serde::Serialize;

use super::diagrams::{longer_ways, pictures};
use super::picture::Picture;
use rulebound_tests::root;
use rulebound_tests::trace::{self, Site};

use super::{Generated, mermaid};
use rulebound_tests::survey::{Survey, Vector, Views};

/// The mark for the flows in the hand-written part.
const FLOWS: &str = "<!-- flows -->";

/// What a page is made from.
struct Page<'a> {
    catalogue: &'a Catalogue,
    survey: &'a Survey,
    sites: BTreeMap<&'static str, Site>,
    /// The first part of the codes of its rules.
    prefix: &'a str,
    /// The way from the page to the root of the workspace.
    up: &'a str,
}

/// Every page: one for each provider, and one for the library's own rules.
pub(super) fn files(catalogue: &Catalogue, survey: &Survey) -> Vec<Generated> {
    let page = |prefix, folder: String, up| {
        let page = Page { catalogue, survey, sites: trace::sites(catalogue), prefix, up };
        let about = fs::read_to_string(root().join(&folder).join("about.md")).unwrap_or_default();
        Generated { path: format!("{folder}/README.md"), text: page.text(&about) }
    };
    let providers = catalogue.providers.iter().map(|it| it.name);
    let mut pages: Vec<_> =
        providers.map(|name| page(name, format!("core/src/providers/{name}"), "../../../..")).collect();
    pages.push(page("rulebound", "core/src/providers".into(), "../../.."));
    pages
}

impl Page<'_> {
    fn text(&self, about: &str) -> String {
        let (before, after) = about.split_once(FLOWS).unwrap_or((about, ""));
        let mut text = format!("{}\n", before.trim_end());
        for flow in self.catalogue.flows.iter().filter(|it| self.owns(it.id)) {
            text += &self.flow(flow, &self.survey.flows[flow.id]);
        }
        let _ = write!(text, "\n{}\n{}{}{}", after.trim(), self.questions(), self.rules(), self.vectors());
        text.trim_start().to_owned()
    }

    fn owns(&self, name: &str) -> bool {
        name.split('.').next() == Some(self.prefix)
    }

    fn flow(&self, flow: &FlowEntry, views: &Views) -> String {
        let mut text = format!("\n## `{}`\n\n| | |\n| --- | --- |\n", flow.id);
        let actions: Vec<_> = flow.actions.iter().map(|it| it.name).collect();
        for (what, names) in [("actions", actions.as_slice()), ("effects", flow.effects), ("signals", flow.signals)] {
            let _ = writeln!(text, "| {what} | {} |", codes(names));
        }
        for picture in pictures(flow) {
            text += &facet(&picture, views);
        }
        text
    }

    fn questions(&self) -> String {
        let provider = self.catalogue.providers.iter().find(|it| it.name == self.prefix);
        let Some(provider) = provider.filter(|it| !it.questions.is_empty()) else { return String::new() };
        let mut text = String::from("\n## Questions\n\n`ask` answers these questions. They need no snapshot.\n");
        text += "\n| Question | Takes | Answers |\n| --- | --- | --- |\n";
        for it in provider.questions {
            let _ = writeln!(text, "| `{}` | {} | {} |", it.name, codes(it.fields), it.about);
        }
        text
    }

    fn rules(&self) -> String {
        let mut topics: Vec<(&str, Vec<&RuleEntry>)> = Vec::new();
        for entry in self.catalogue.rules.iter().filter(|it| self.owns(it.rule.code)) {
            let topic = entry.rule.code.split('.').nth(1).unwrap_or_default();
            match topics.iter_mut().find(|(name, _)| *name == topic) {
                Some((_, rules)) => rules.push(entry),
                None => topics.push((topic, vec![entry])),
            }
        }
        let mut text = format!("\n## Rules\n\nThe codes begin with `{}.`.\n", self.prefix);
        for (topic, rules) in topics {
            let _ =
                write!(text, "\n### {topic}\n\n| Rule | Level | Basis | Enforcement |\n| --- | --- | --- | --- |\n");
            text.extend(rules.iter().map(|it| row(it)));
            let _ = write!(text, "\n<details><summary>The code and the vectors of these rules</summary>\n\n");
            text.extend(rules.iter().map(|it| self.trace(it)));
            text.push_str("\n</details>\n");
        }
        text
    }

    /// The code and the vectors of a rule.
    fn trace(&self, entry: &RuleEntry) -> String {
        let code = entry.rule.code;
        let mut text = format!("- **`{}`**", below(code));
        if let Some(site) = self.sites.get(code) {
            let _ = write!(text, ": `{}`, declared in {}", site.name, self.link(&site.declared));
            if !site.checked.is_empty() {
                let files: Vec<_> = site.checked.iter().map(|path| self.link(path)).collect();
                let _ = write!(text, ", checked in {}", files.join(", "));
            }
        }
        for flow in entry.flows.iter().filter(|it| !it.broken_by.is_empty()) {
            let _ = write!(text, "; in `{}` broken by {}", flow.flow, codes(flow.broken_by));
        }
        match (entry.rule.enforcement, entry.rule.level) {
            (Enforcement::Enforced, Level::Deny) => text += "; a config can soften it",
            (Enforcement::Enforced, Level::Forbid) => text += "; no config can soften it",
            _ => {}
        }
        text.push_str(".\n");
        let (breaks, keeps) = trace::vectors(code, self.survey);
        for (what, vectors) in [("Broken", breaks), ("Kept", keeps)].into_iter().filter(|(_, it)| !it.is_empty()) {
            let vectors: Vec<_> = vectors.into_iter().map(|it| self.vector(it)).collect();
            let _ = writeln!(text, "  - {what}: {}.", vectors.join("; "));
        }
        text
    }

    /// The vectors, and the rules that each breaks and keeps.
    fn vectors(&self) -> String {
        let mut files: BTreeMap<&str, Vec<&Vector>> = BTreeMap::new();
        for vector in self.survey.vectors.iter().filter(|it| self.owns(&it.flow)) {
            files.entry(&vector.file).or_default().push(vector);
        }
        if files.is_empty() {
            return String::new();
        }
        let mut text = String::from("\n## Vectors\n");
        for (file, vectors) in files {
            let name = file.rsplit('/').next().unwrap_or(file);
            let count = vectors.len();
            let _ =
                write!(text, "\n<details><summary><code>{name}</code>: {count}</summary>\n\n{}\n\n", self.link(file));
            text.push_str("| Vector | Breaks | Keeps |\n| --- | --- | --- |\n");
            for vector in vectors {
                let rules = |codes: &rulebound_tests::survey::Names| {
                    codes.iter().map(|it| self.rule(it)).collect::<Vec<_>>().join(", ")
                };
                let _ = writeln!(
                    text,
                    "| {} ([source](https://{})) | {} | {} |",
                    escaped(&vector.name),
                    vector.source,
                    rules(&vector.breaks),
                    rules(&vector.keeps),
                );
            }
            text.push_str("\n</details>\n");
        }
        text
    }

    /// A link to a file, by its name below the page's folder.
    fn link(&self, path: &str) -> String {
        let short = path.split_once(&format!("{}/", self.prefix)).map_or(path, |(_, rest)| rest);
        format!("[`{short}`]({}/{path})", self.up)
    }

    fn vector(&self, vector: &Vector) -> String {
        format!("[{}]({}/{})", escaped(&vector.name), self.up, vector.file)
    }

    /// A link to a rule: on this page, or on that of the library's own.
    fn rule(&self, code: &str) -> String {
        let page = if self.owns(code) { "" } else { "../README.md" };
        format!("[`{}`]({page}#{code})", super::diagrams::short(code))
    }
}

fn facet(picture: &Picture<'_>, views: &Views) -> String {
    let (id, facet) = (picture.flow.id, picture.facet);
    let name = id.split_once('.').map_or(id, |(_, name)| name);
    let longer = if picture.skipping.is_empty() { String::new() } else { format!("\n{}\n", longer_ways(picture)) };
    format!(
        "\n### {id}: {facet}\n\n![The states of {facet} in {id}, and the moves between them](diagrams/{name}.{facet}.svg)\n{longer}\n\
         <details><summary>The same diagram in Mermaid</summary>\n\n```mermaid\n{}```\n\n</details>\n",
        mermaid::text(picture, views),
    )
}

/// A rule in a table.
fn row(entry: &RuleEntry) -> String {
    let rule = entry.rule;
    let sources = rule.sources.iter().map(|it| format!("[{}](https://{})", escaped(it.section), it.page));
    let sources: Vec<_> = sources.collect();
    let guards = if rule.guards == Guards::Money { ", money" } else { "" };
    let enforcement = if rule.rationale.is_empty() {
        word(&rule.enforcement)
    } else {
        format!("{}: {}", word(&rule.enforcement), escaped(rule.rationale))
    };
    format!(
        "| <a id=\"{}\"></a>`{}`<br>{} | {}{guards} | {}<br>{} | {enforcement} |\n",
        rule.code,
        below(rule.code),
        escaped(rule.statement),
        word(&rule.level),
        word(&rule.basis),
        sources.join(", "),
    )
}

/// A name as the catalogue writes it, with spaces.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|it| it.as_str().map(|it| it.replace('_', " "))).unwrap_or_default()
}

fn codes(names: &[&str]) -> String {
    names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

/// A code without its provider.
fn below(code: &str) -> &str {
    code.split_once('.').map_or(code, |(_, rest)| rest)
}

/// A string, escaped for a table and a link.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('[', "\\[").replace(']', "\\]").replace('<', "&lt;")
}
