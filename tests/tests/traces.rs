//! Every rule leads to its code and its vectors, and every vector to a rule or to the page of one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use rulebound::catalogue::Catalogue;
use rulebound::{Enforcement, Level};
use rulebound_tests::survey::Survey;
use rulebound_tests::{root, trace};

/// Enforced rules that reject every such command: the provider has no call for it.
const NEVER_KEPT: [&str; 1] = ["vend.cancel.no-partner-api"];

/// Enforced rules that no vector is long enough to break. `many_long_refunds_can_be_loaded` breaks them.
const TOO_LONG: [&str; 1] = ["rulebound.snapshot.full"];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);
static SURVEY: LazyLock<Survey> = LazyLock::new(Survey::run);

fn assert_none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

#[test]
fn every_enforced_rule_is_checked_somewhere() {
    let sites = trace::sites(&CATALOGUE);
    let mut wrong = Vec::new();
    for rule in CATALOGUE.rules.iter().map(|it| it.rule) {
        match sites.get(rule.code) {
            None => wrong.push(format!("{} is declared nowhere", rule.code)),
            Some(site) if rule.enforcement == Enforcement::Enforced && site.checked.is_empty() => {
                wrong.push(format!("{} is enforced and checked nowhere", rule.code));
            }
            Some(_) => {}
        }
    }
    assert_none("code", &wrong);
}

#[test]
fn every_enforced_rule_is_broken_and_kept_by_a_vector() {
    let mut wrong = Vec::new();
    for entry in CATALOGUE.rules.iter().filter(|it| it.rule.enforcement == Enforcement::Enforced) {
        let code = entry.rule.code;
        if TOO_LONG.contains(&code) {
            continue;
        }
        let (breaks, keeps) = trace::vectors(code, &SURVEY);
        if breaks.is_empty() || !SURVEY.rules.contains_key(code) {
            wrong.push(format!("{code} is broken by no vector"));
        }
        if keeps.is_empty() && !NEVER_KEPT.contains(&code) {
            wrong.push(format!("{code} is kept by no vector"));
        }
    }
    assert_none("vectors", &wrong);
}

#[test]
fn a_config_softens_deny_rules_and_no_forbid_rule() {
    let mut wrong = Vec::new();
    for rule in CATALOGUE.rules.iter().map(|it| it.rule) {
        let softened = SURVEY.rules.get(rule.code).map(|it| &it.softened);
        let unexpected = rule.level == Level::Forbid;
        if softened.is_some_and(|it| it.contains(&unexpected)) {
            wrong.push(format!("{} is {:?} and softened: {softened:?}", rule.code, rule.level));
        }
    }
    assert_none("levels", &wrong);
}

#[test]
fn every_vector_names_existing_rules_or_the_page_of_a_rule() {
    let codes: BTreeSet<_> = CATALOGUE.rules.iter().map(|it| it.rule.code).collect();
    let pages: BTreeSet<_> = CATALOGUE.rules.iter().flat_map(|it| it.rule.sources).map(|it| it.page).collect();
    let mut wrong = Vec::new();
    for vector in &SURVEY.vectors {
        let named: Vec<_> = vector.breaks.iter().chain(&vector.keeps).collect();
        let unknown = named.iter().filter(|code| !codes.contains(code.as_str()));
        wrong.extend(unknown.map(|code| format!("{}: {}: {code} is not a rule", vector.file, vector.name)));
        if named.is_empty() && !pages.contains(vector.source.as_str()) {
            wrong.push(format!("{}: {}: neither a rule nor a known page", vector.file, vector.name));
        }
    }
    assert_none("vectors", &wrong);
}

#[test]
fn every_code_that_a_file_names_is_a_rule() {
    let retired = CATALOGUE.retired.iter().copied();
    let codes: BTreeSet<_> = CATALOGUE.rules.iter().map(|it| it.rule.code).chain(retired).collect();
    let topics: BTreeSet<_> = codes.iter().filter_map(|code| code.rsplit_once('.')).map(|(topic, _)| topic).collect();
    let mut wrong = Vec::new();
    for folder in ["core", "tests/src", "tests/tests", "tests/vectors", "tests/golden", "benches", "xtask", "bindings"]
    {
        each_code(&root().join(folder), &mut |path, word| {
            let is_code = word.rsplit_once('.').is_some_and(|(topic, _)| topics.contains(topic));
            if is_code && !codes.contains(word) {
                wrong.push(format!("{}: {word}", path.display()));
            }
        });
    }
    assert_none("not a rule", &wrong);
}

/// Calls a function with every word of a folder's files that has the form of a code.
fn each_code(folder: &Path, call: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // A picture escapes its letters, and its codes come from files that are checked here.
        if ["target", "node_modules", ".venv"].contains(&name.as_str()) || name.ends_with(".svg") {
            continue;
        }
        if path.is_dir() {
            each_code(&path, call);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let words = text.split(|it: char| !it.is_ascii_alphanumeric() && !"-_.".contains(it));
            let words = words.map(|word| word.trim_matches(['.', '-']));
            words.filter(|word| word.split('.').count() == 3).for_each(|word| call(&path, word));
        }
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let mut wrong = Vec::new();
    let providers = CATALOGUE.providers.iter().map(|it| format!("core/src/providers/{}", it.name));
    for folder in providers.chain(["core/src/providers".to_owned()]) {
        let text = fs::read_to_string(root().join(&folder).join("README.md")).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let is_there = match file {
                "" => text.contains(&format!("<a id=\"{anchor}\">")),
                _ => target.contains("://") || root().join(&folder).join(file).exists() || target.contains("::"),
            };
            if !is_there {
                wrong.push(format!("{}: {target}", folder));
            }
        }
    }
    assert_none("links", &wrong);
}
