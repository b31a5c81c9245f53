//! A change of anything that has a version changes its version: the library, the rules, the formats of snapshots, the call
//! protocol and the C ABI.
//!
//! Each version is written in one place. A file beside these tests holds what the version stands for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rulebound::Rule;
use rulebound::catalogue::{Catalogue, RULES_VERSION};
use rulebound::ffi::{PROTOCOL, call};
use rulebound_tests::vectors::ask;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_default()
}

fn versions() -> Value {
    ask("versions", json!({}))["ok"].take()
}

#[test]
fn the_library_returns_its_own_version() {
    let manifest = read("../Cargo.toml");
    let line = format!("version = \"{}\"", versions()["library"].as_str().unwrap());
    assert!(manifest.lines().any(|it| it == line), "Cargo.toml does not say `{line}`");
}

/// The hash of the contents of the rules, whatever their order.
fn hash_of_the_rules() -> String {
    let mut rules: Vec<_> = Catalogue::new().rules.into_iter().map(|entry| entry.rule).collect();
    rules.sort_by_key(|rule| rule.code);
    let mut hash = Sha256::new();
    for Rule { code, statement, level, basis, guards, enforcement, rationale, sources, .. } in rules {
        let contents = (code, statement, level, basis, guards, enforcement, rationale, sources);
        hash.update(serde_json::to_vec(&contents).unwrap());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_changed_rule_has_a_changed_rules_version() {
    assert_eq!(versions()["rules"], RULES_VERSION);
    let text = read("rules-versions.txt");
    let kept: Vec<_> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    assert!(kept.is_sorted_by(|a, b| a.0 < b.0), "tests/rules-versions.txt names each version once, the newest last");
    let now = (RULES_VERSION, hash_of_the_rules());
    assert_eq!(
        kept.last().map(|(version, hash)| (*version, (*hash).to_owned())).as_ref(),
        Some(&now),
        "the rules are not those of tests/rules-versions.txt: raise RULES_VERSION if its rules are released, and let \
         the last line be `{} {}`",
        now.0,
        now.1
    );
}

#[test]
fn every_format_is_listed_and_has_golden_snapshots() {
    let formats = versions()["formats"].take();
    for flow in Catalogue::new().flows {
        let listed: Vec<u32> = serde_json::from_value(formats[flow.id].clone()).unwrap_or_default();
        assert_eq!(listed.last(), Some(&flow.format), "{}", flow.id);
        let folders = fs::read_dir(path("golden").join(flow.id)).unwrap();
        let kept = folders.filter_map(|it| it.unwrap().file_name().to_string_lossy().parse().ok());
        assert_eq!(kept.collect::<BTreeSet<u32>>(), listed.into_iter().collect(), "{}", flow.id);
    }
}

/// The names that an error message says it expected.
fn expected(request: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(&call(request)).unwrap();
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    let names = message.split_once("expected").map_or("", |(_, names)| names);
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn fields(value: &Value) -> Vec<&str> {
    let mut fields: Vec<_> = value.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    fields.sort_unstable();
    fields
}

fn line(what: &str, does: &str, fields: &[impl AsRef<str>]) -> String {
    [what, does].into_iter().chain(fields.iter().map(AsRef::as_ref)).collect::<Vec<_>>().join(" ") + "\n"
}

/// What callers depend on, one line each: the fields that a verb takes, and those of its answer.
fn protocol() -> String {
    let verbs = expected(r#"{"?": {}}"#);
    let takes = |verb: &String| line(verb, "takes", &expected(&format!(r#"{{"{verb}": {{"?": 0}}}}"#)));
    let gives = |(what, answer): &(&str, Value)| line(what, "gives", &fields(answer));
    verbs.iter().map(takes).chain(answers().iter().map(gives)).collect()
}

/// An answer of each kind.
fn answers() -> [(&'static str, Value); 8] {
    let key = "00000000-0000-4000-8000-000000000001";
    let start = ask("start", json!({"flow": "truemed.payment_token", "key": key}))["ok"].take();
    let handle =
        |snapshot: &Value, command: Value| ask("handle", json!({"snapshot": snapshot, "now": 0, "command": command}));
    let observe = |snapshot: &Value, fact: Value| ask("observe", json!({"snapshot": snapshot, "now": 0, "fact": fact}));
    let rejected = handle(&start, json!({"type": "delete_payment_token"}))["rejected"].take();
    let handled = handle(&start, json!({"type": "retrieve_payment_token", "payment_token": "pt_1"}))["ok"].take();
    let effect = "retrieve_payment_token:1";
    let leased = ask("lease", json!({"snapshot": handled["next"], "now": 0, "effect": effect}))["ok"].take();
    let applied = observe(&leased["next"], json!({"type": "lost", "effect": effect}))["ok"].take();
    let ignored = observe(&start, json!({"type": "customer_returned"}))["ok"].take();
    let error = ask("ask", json!({"provider": "nobody", "question": "q", "with": {}}))["error"].take();
    [
        ("start", start),
        ("handle", handled),
        ("lease", leased),
        ("observe", applied),
        ("observe", ignored),
        ("versions", versions()),
        ("rejected", rejected),
        ("error", error),
    ]
}

#[test]
fn what_callers_depend_on_changes_only_with_the_protocol() {
    assert_eq!(versions()["protocol"], PROTOCOL);
    let name = format!("protocol-{PROTOCOL}.txt");
    let (kept, now) = (read(&name), protocol());
    assert_eq!(
        kept, now,
        "tests/{name} differs: raise PROTOCOL if anything was removed, and otherwise add what is new"
    );
}

/// The declarations of the C header: without its comments, and without the library's version, which changes more often.
fn declarations() -> String {
    const LEFT_OUT: [&str; 4] = ["/*", "*", "//", "#define RULEBOUND_VERSION"];
    let header = read("../bindings/c/include/rulebound.h");
    let is_left_out = |line: &str| LEFT_OUT.iter().any(|mark| line.trim_start().starts_with(mark));
    header.lines().filter(|line| !is_left_out(line) && !line.is_empty()).map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn what_programs_are_compiled_against_changes_only_with_the_abi() {
    let declarations = declarations();
    let abi = declarations.lines().find_map(|line| line.strip_prefix("#define RULEBOUND_ABI ")).unwrap_or("none");
    let name = format!("abi-{abi}.txt");
    assert_eq!(read(&name), declarations, "tests/{name} differs: raise RULEBOUND_ABI, or add what is new");
}
