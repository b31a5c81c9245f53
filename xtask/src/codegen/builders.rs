//! Builders of Node's package: a function for each command of a provider, and one for each of its questions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rulebound::catalogue::Catalogue;
use serde_json::Value;

use super::bundles::{Definitions, pascal};
use super::classes::Class;

/// The types of each question: its provider, its name, its fields, and its answer.
const QUESTIONS: [(&str, &str, &str, &str); 33] = [
    ("flex", "assess", "lines: readonly FlexLine[]", "FlexAssessment"),
    ("flex", "create_coupon", "coupon: shapes.FlexCouponData; settings?: shapes.FlexSettings", "CheckedRequest"),
    ("flex", "create_price", "price: object; settings?: shapes.FlexSettings", "CheckedRequest"),
    ("flex", "create_product", "product: object; settings?: shapes.FlexSettings", "CheckedRequest"),
    ("flex", "list_disputes", "query: object; settings?: shapes.FlexSettings", "shapes.Request"),
    ("flex", "list_line_items", "checkout_session_id: string; settings?: shapes.FlexSettings", "shapes.Request"),
    (
        "flex",
        "preview_capture",
        "checkout_session_id: string; capture: object; settings?: shapes.FlexSettings",
        "CheckedRequest",
    ),
    ("flex", "read_disputes", "body: string", "{ disputes: object[]; complete: boolean }"),
    ("flex", "read_line_items", "body: string", "{ line_items: object[]; complete: boolean }"),
    ("flex", "read_price", "body: string", "{ price: object; warnings: shapes.Violation[] }"),
    ("flex", "retry_event", "event_id: string; event: object; settings?: shapes.FlexSettings", "CheckedRequest"),
    ("flex", "update_dispute", "dispute_id: string; dispute: object; settings?: shapes.FlexSettings", "CheckedRequest"),
    ("flex", "update_price", "price_id: string; price: object; settings?: shapes.FlexSettings", "CheckedRequest"),
    ("revup", "check_order", "order: object", "true"),
    ("revup", "create_token_order", "order: object; settings: shapes.RevupSettings", "CheckedRequest"),
    ("revup", "read_callback", "body: string", "RevupCallback"),
    (
        "revup",
        "read_order",
        "status: number; body: string",
        "{ outcome: 'created'; order_id: string } | { outcome: 'refused'; code: string | null; message: string | null } | \
            { outcome: 'unknown' }",
    ),
    ("revup", "read_pay", "status: number; body: string", "'success' | 'failed' | 'open'"),
    (
        "truemed",
        "check_truemed_checkout_method",
        "items: readonly object[]; settings?: shapes.TruemedSettings",
        "CheckedRequest",
    ),
    (
        "truemed",
        "coverage",
        "snapshot: PaymentToken; order_items: readonly shapes.TruemedOrderItem[]",
        "'covered' | 'pending' | 'update_required' | 'unknown'",
    ),
    ("truemed", "create_catalog_item", CATALOG_ITEM, "CheckedRequest"),
    ("truemed", "get_catalog_item", "sku: string; settings?: shapes.TruemedSettings", "CheckedRequest"),
    ("truemed", "list_catalog_items", LIST, "shapes.Request"),
    ("truemed", "list_payment_session", LIST, "shapes.Request"),
    ("truemed", "list_payment_token", LIST, "shapes.Request"),
    ("truemed", "list_payout_reconciliation", LIST, "shapes.Request"),
    ("truemed", "list_qualification_session", LIST, "shapes.Request"),
    ("truemed", "list_transaction_reconciliation", LIST, "shapes.Request"),
    (
        "truemed",
        "needs_update",
        "confirmed: readonly shapes.TruemedOrderItem[]; wanted: readonly shapes.TruemedOrderItem[]",
        "boolean",
    ),
    (
        "truemed",
        "read_catalog_item",
        "body: string",
        "{ sku: string; name: string | null; eligibility: string | null; reviewed_at: string | null }",
    ),
    ("truemed", "read_list", "body: string", "{ entries: object[]; pagination: object | null }"),
    ("truemed", "update_catalog_item", CATALOG_ITEM, "CheckedRequest"),
    ("vend", "partner_apps_page", "settings: shapes.VendSettings", "string"),
];
const LIST: &str = "query: object; settings?: shapes.TruemedSettings";
const CATALOG_ITEM: &str = "item: object; settings?: shapes.TruemedSettings";

/// The functions of one provider, as they are declared.
pub(super) fn declarations(provider: &str, classes: &[Class], all: &Definitions) -> String {
    let mut text = String::new();
    for (tag, name) in commands(provider, classes, all) {
        let definition = &all[&name];
        let optional = if needs_fields(definition) { "" } else { "?" };
        let about = format!("{} The command `{tag}`.", about(definition));
        let _ = write!(
            text,
            "  /** {about} */\n  function {}(fields{optional}: Fields<shapes.{name}>): shapes.{name};\n",
            camel(&tag)
        );
    }
    for question in Catalogue::new().providers.iter().filter(|it| it.name == provider).flat_map(|it| it.questions) {
        let (fields, answer) = types_of(provider, question.name, question.fields);
        let _ = write!(
            text,
            "  /** {} */\n  function {}(fields: {{ {fields} }}): {answer};\n",
            question.about,
            camel(question.name)
        );
    }
    text
}

/// Whether one of the flows has a command of this name.
fn has(classes: &[Class], tag: &str, all: &Definitions) -> bool {
    let mut unions = classes.iter().map(|class| &all[&class.types()[0]]);
    unions.any(|union| union.to_string().contains(&pascal(tag)))
}

/// A command beside the flow that it names, or `null` if several flows have it.
fn named(tag: &str, flow: Option<&str>) -> String {
    flow.map_or_else(|| format!("{tag}: null"), |flow| format!("{tag}: '{flow}'"))
}

/// The flow that a command is for, unless several flows of its provider have it.
pub(super) fn flow(command: &Value) -> Option<&str> {
    match command["properties"]["flow"]["enum"].as_array()?.as_slice() {
        [flow] => flow.as_str(),
        _ => None,
    }
}

/// The names that the functions are made of, as a module.
pub(super) fn names(by: &BTreeMap<&str, Vec<Class>>, all: &Definitions) -> String {
    let providers = Catalogue::new().providers;
    let mut text = String::from(
        "'use strict';\n\n/** The commands of each provider, each with its flow if only one has it, and the questions. */\n\
         module.exports = {\n",
    );
    for (provider, classes) in by {
        let commands = commands(provider, classes, all);
        let questions = providers.iter().filter(|it| it.name == *provider).flat_map(|it| it.questions);
        let questions: Vec<_> = questions.map(|it| it.name.to_owned()).collect();
        let functions: BTreeSet<_> = commands.keys().chain(&questions).collect();
        assert_eq!(functions.len(), commands.len() + questions.len(), "a command of `{provider}` is also a question");
        for (tag, name) in &commands {
            let is_elsewhere = |(other, classes): (&&str, &Vec<Class>)| other != provider && has(classes, tag, all);
            let is_clear = flow(&all[name]).is_some() || !by.iter().any(is_elsewhere);
            assert!(is_clear, "`{tag}` of `{provider}` names no flow, and another provider has a command of this name");
        }
        let commands: Vec<_> = commands.iter().map(|(tag, name)| named(tag, flow(&all[name]))).collect();
        let _ = write!(
            text,
            "  {provider}: {{\n    commands: {{ {} }},\n    questions: [{}],\n  }},\n",
            commands.join(", "),
            quoted(&questions)
        );
    }
    text.push_str("};\n");
    text
}

/// The commands of a provider, each with the name of its type. Flows that share a command share its function, so it must
/// have the same fields in each of them.
fn commands(provider: &str, classes: &[Class], all: &Definitions) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for class in classes {
        let [union, ..] = class.types();
        for variant in all[&union]["oneOf"].as_array().into_iter().flatten() {
            let name = variant["$ref"].as_str().and_then(|it| it.rsplit('/').next()).unwrap_or_default().to_owned();
            let tag = all[&name]["properties"]["type"]["const"].as_str().unwrap_or_default().to_owned();
            let other = found.entry(tag).or_insert_with(|| name.clone());
            let is_alike = shape(&all[&name]) == shape(&all[&*other]);
            assert!(
                is_alike,
                "`{name}` and `{other}` of `{provider}` have other fields: name one builder after its flow"
            );
        }
    }
    found
}

/// A definition without what is only for people.
fn shape(definition: &Value) -> Value {
    match definition {
        Value::Object(members) => {
            let said = members
                .iter()
                .filter(|(name, it)| !(["description", "title"].contains(&name.as_str()) && it.is_string()));
            said.map(|(name, it)| (name.clone(), shape(it))).collect()
        }
        Value::Array(entries) => entries.iter().map(shape).collect(),
        other => other.clone(),
    }
}

/// Whether a command has a field that is required.
fn needs_fields(definition: &Value) -> bool {
    definition["required"].as_array().into_iter().flatten().any(|it| it != "type")
}

/// The first paragraph of a description.
fn about(definition: &Value) -> String {
    let text = definition["description"].as_str().unwrap_or_default();
    text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
}

fn types_of(provider: &str, question: &str, fields: &[&str]) -> (&'static str, &'static str) {
    let known = QUESTIONS.iter().find(|(of, name, ..)| (*of, *name) == (provider, question));
    let (_, _, types, answer) = known.unwrap_or_else(|| panic!("`{question}` of `{provider}` has no types"));
    let given: Vec<_> =
        types.split("; ").map(|it| it.split(':').next().unwrap_or_default().trim_end_matches('?')).collect();
    assert_eq!(given, fields, "the fields of `{question}` of `{provider}`");
    (types, answer)
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|it| format!("'{it}'")).collect::<Vec<_>>().join(", ")
}

/// `create_payment_token` as `createPaymentToken`.
pub(super) fn camel(name: &str) -> String {
    let pascal = pascal(name);
    pascal.chars().take(1).map(|it| it.to_ascii_lowercase()).chain(pascal.chars().skip(1)).collect()
}
