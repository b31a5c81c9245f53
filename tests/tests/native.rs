//! What a Rust host builds without JSON: every command, setting and fact, beside the same thing in JSON.
//!
//! The schemas say what there is. A command, a field or a documented value that nothing here builds fails the test.

#[path = "native/config.rs"]
mod config;
#[path = "native/facts.rs"]
mod facts;
#[path = "native/flex.rs"]
mod flex;
#[path = "native/revup.rs"]
mod revup;
#[path = "native/truemed.rs"]
mod truemed;
#[path = "native/vend.rs"]
mod vend;

use rulebound::Flow;
use rulebound::ffi::read_command;
use rulebound::ffi::schema::Types;
use serde_json::{Map, Value};

/// Commands, each built natively and converted to the flow's command, with the same command in JSON.
macro_rules! commands {
    ($($command:expr => $json:tt),+ $(,)?) => { [$((Command::from($command), serde_json::json!($json))),+] };
}
use commands;

/// Checks that each command is what its JSON says, and that together they have everything that the flow's commands have.
fn check_commands<F: Flow<Command: PartialEq>>(commands: &[(F::Command, Value)]) {
    for (command, json) in commands {
        let read = read_command::<F>(&json.to_string()).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!(*command, read, "{json}");
    }
    let types = Types::new();
    let flow = types.flows.iter().find(|flow| flow.id == F::ID).unwrap();
    check_complete(&types.read, &format!("{}Command", flow.name), commands.iter().map(|(_, json)| json));
}

/// Checks that the values together have every member and every documented string of a type.
fn check_complete<'v>(types: &Map<String, Value>, name: &str, values: impl Iterator<Item = &'v Value>) {
    let mut missing = Missing { types, found: Vec::new() };
    let schema = &types[name];
    let tagged: Vec<_> = values.collect();
    match schema.get("oneOf").and_then(Value::as_array) {
        None => missing.look(schema, name, &tagged),
        Some(variants) => {
            for variant in variants {
                let tag = variant.pointer("/properties/type/const").and_then(Value::as_str).unwrap();
                let own: Vec<_> = tagged.iter().copied().filter(|value| value["type"] == tag).collect();
                missing.look(variant, tag, &own);
            }
        }
    }
    assert!(missing.found.is_empty(), "nothing in `tests/native` builds {:#?}", missing.found);
}

/// What a type has, and no value.
struct Missing<'t> {
    types: &'t Map<String, Value>,
    found: Vec<String>,
}

impl Missing<'_> {
    /// Compares a schema with the values that are there at its place.
    fn look(&mut self, schema: &Value, path: &str, values: &[&Value]) {
        if values.is_empty() {
            return self.found.push(path.into());
        }
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let types = self.types;
            self.look(&types[name.rsplit('/').next().unwrap()], path, values);
        }
        for part in ["allOf", "anyOf", "oneOf"].iter().filter_map(|it| schema.get(it)?.as_array()).flatten() {
            if part.get("type").is_none_or(|it| it != "null") {
                self.look(part, path, values);
            }
        }
        for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let members: Vec<_> = values.iter().filter_map(|value| value.get(name)).collect();
            self.look(member, &format!("{path}/{name}"), &members);
        }
        if let Some(items) = schema.get("items").filter(|it| it.is_object()) {
            let members: Vec<_> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
            self.look(items, &format!("{path}/0"), &members);
        }
        if let Some(members) = schema.get("additionalProperties").filter(|it| it.is_object()) {
            let values: Vec<_> = values.iter().filter_map(|value| value.as_object()).flat_map(Map::values).collect();
            self.look(members, &format!("{path}/*"), &values);
        }
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        for known in listed.chain(schema.get("const")).filter(|it| it.is_string() && !values.contains(it)) {
            self.found.push(format!("{path} = {known}"));
        }
    }
}

/// A name of any kind.
fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

#[test]
fn a_type_with_a_member_that_nothing_builds_is_found() {
    let schema = serde_json::json!({"oneOf": [
        {"properties": {"type": {"const": "a"}, "kind": {"enum": ["one", "two"]}, "rows": {"items": {"$ref": "#/$defs/Row"}}}},
        {"properties": {"type": {"const": "b"}}},
    ]});
    let row = serde_json::json!({"properties": {"price": {}, "sku": {}}});
    let types = [("It".into(), schema), ("Row".into(), row)].into_iter().collect();
    let mut missing = Missing { types: &types, found: Vec::new() };
    let value = serde_json::json!({"type": "a", "kind": "one", "rows": [{"price": 1}]});
    missing.look(&types["It"]["oneOf"][0], "a", &[&value]);
    missing.look(&types["It"]["oneOf"][1], "b", &[]);
    assert_eq!(missing.found, ["a/kind = \"two\"", "a/rows/0/sku", "b"]);
}
