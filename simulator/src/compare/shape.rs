//! The shape of JSON: its members and their types, without its values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The members whose content is the account's own.
const FREE: [&str; 2] = ["metadata", "customTag"];

/// What is known of all values at one place.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The types that occur, as JSON names them.
    types: BTreeSet<&'static str>,
    members: BTreeMap<String, Self>,
    /// What the entries of an array have in common, if there is an entry.
    entries: Option<Box<Self>>,
}

impl Shape {
    pub(super) fn of(value: &Value) -> Self {
        let mut shape = Self::default();
        shape.add(value);
        shape
    }

    /// The entries of an array are alike, so that what one of them lacks another one shows.
    fn add(&mut self, value: &Value) {
        self.types.insert(match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        });
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let known = self.members.entry(name.clone()).or_default();
                    if FREE.contains(&name.as_str()) {
                        known.types.insert("null");
                    } else {
                        known.add(member);
                    }
                }
            }
            Value::Array(entries) => {
                for entry in entries {
                    self.entries.get_or_insert_default().add(entry);
                }
            }
            _ => {}
        }
    }

    fn has(&self, kind: &str) -> bool {
        self.types.contains(kind)
    }

    /// The types in words. `null` says nothing beside another type.
    fn words(&self) -> String {
        let known: Vec<&str> = self.types.iter().copied().filter(|it| *it != "null").collect();
        if known.is_empty() { "null".into() } else { known.join(" or ") }
    }
}

/// What differs between the shape of the sandbox and that of the simulator, each as its place and its sentence. One of
/// the `optional` members can be missing.
pub(super) fn differences(sandbox: &Shape, simulator: &Shape, optional: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk("", sandbox, simulator, &mut found);
    let is_optional = |place: &str| place.rsplit('/').next().is_some_and(|name| optional.contains(&name));
    found.retain(|(place, what)| !(what.starts_with("is only in") && is_optional(place)));
    found
}

fn walk(place: &str, sandbox: &Shape, simulator: &Shape, found: &mut Vec<(String, String)>) {
    // What is null somewhere can have any type elsewhere.
    let known = |shape: &Shape| shape.types.iter().any(|it| *it != "null");
    let alike = sandbox.types.iter().any(|it| *it != "null" && simulator.has(it));
    if known(sandbox) && known(simulator) && !alike {
        let what = format!("is {} in the sandbox and {} in the simulator", sandbox.words(), simulator.words());
        found.push((place.into(), what));
        return;
    }
    if sandbox.has("object") && simulator.has("object") {
        let names: BTreeSet<&String> = sandbox.members.keys().chain(simulator.members.keys()).collect();
        for name in names {
            let inner = format!("{place}/{name}");
            match (sandbox.members.get(name), simulator.members.get(name)) {
                (Some(sandbox), Some(simulator)) => walk(&inner, sandbox, simulator, found),
                (Some(only), None) => found.push((inner, format!("is only in the sandbox, as {}", only.words()))),
                (None, only) => {
                    let words = only.map(Shape::words).unwrap_or_default();
                    found.push((inner, format!("is only in the simulator, as {words}")));
                }
            }
        }
    }
    if let (Some(sandbox), Some(simulator)) = (&sandbox.entries, &simulator.entries) {
        walk(&format!("{place}/*"), sandbox, simulator, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(sandbox: &Value, simulator: &Value) -> Vec<String> {
        let found = differences(&Shape::of(sandbox), &Shape::of(simulator), &["maybe"]);
        found.into_iter().map(|(place, what)| format!("{place} {what}")).collect()
    }

    #[test]
    fn values_do_not_count_and_members_and_types_do() {
        assert!(of(&json!({"a": 1, "b": "x"}), &json!({"a": 2.5, "b": "y"})).is_empty());
        assert_eq!(
            of(&json!({"a": "1", "b": {"c": 1}, "d": [1]}), &json!({"a": 1, "b": {"e": true}, "d": {}})),
            [
                "/a is string in the sandbox and number in the simulator",
                "/b/c is only in the sandbox, as number",
                "/b/e is only in the simulator, as boolean",
                "/d is array in the sandbox and object in the simulator",
            ]
        );
        assert_eq!(of(&json!("ok"), &json!({})), [" is string in the sandbox and object in the simulator"]);
    }

    #[test]
    fn what_one_entry_of_an_array_lacks_another_one_can_show() {
        let sandbox = json!([{"a": 1}, {"b": null}, {"b": "x"}]);
        assert!(of(&sandbox, &json!([{"a": null, "b": "y"}])).is_empty());
        assert_eq!(
            of(&sandbox, &json!([{"a": true}])),
            ["/*/a is number in the sandbox and boolean in the simulator", "/*/b is only in the sandbox, as string",]
        );
        assert!(of(&json!([]), &json!([{"a": 1}])).is_empty(), "an empty list shows no entry");
    }

    #[test]
    fn null_and_the_accounts_own_data_differ_from_nothing() {
        assert!(of(&json!({"a": null, "b": {}}), &json!({"a": "x", "b": null})).is_empty());
        assert!(of(&json!({"metadata": {"mine": 1}}), &json!({"metadata": "text"})).is_empty());
        assert!(of(&json!({"maybe": 1}), &json!({})).is_empty() && of(&json!({}), &json!({"maybe": 1})).is_empty());
        assert_eq!(of(&json!({"maybe": 1}), &json!({"maybe": "x"})).len(), 1);
        assert_eq!(of(&json!({"metadata": {}}), &json!({})), ["/metadata is only in the sandbox, as null"]);
    }
}
