//! The samples of the providers' documents, and how a reply is held against one.

use serde_json::Value;

/// A sample by its path below `tests/samples`.
pub(crate) fn sample(path: &str) -> Value {
    let path = format!("{}/tests/samples/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str::<Value>(&text).unwrap()["payload"].clone()
}

/// Asserts that a reply has the members of a sample, in the same types. `free` names members that may differ.
pub(crate) fn assert_like(got: &Value, sample: &Value, free: &[&str]) {
    if let Some(difference) = difference("", got, sample, free) {
        panic!("{difference}\n   got {got}\nsample {sample}");
    }
}

fn difference(at: &str, got: &Value, sample: &Value, free: &[&str]) -> Option<String> {
    match (got, sample) {
        (Value::Object(got), Value::Object(sample)) => {
            let names = got.keys().chain(sample.keys()).filter(|name| !free.contains(&name.as_str()));
            let mut inner = names.map(|name| match (got.get(name), sample.get(name)) {
                (Some(one), Some(other)) => difference(&format!("{at}/{name}"), one, other, free),
                (one, _) => Some(format!("{at}/{name} is {}", if one.is_none() { "missing" } else { "too much" })),
            });
            inner.find_map(|it| it)
        }
        (Value::Array(got), Value::Array(sample)) => {
            if got.is_empty() != sample.is_empty() {
                return Some(format!("{at} is empty in one of both"));
            }
            let first = sample.first()?;
            got.iter().enumerate().find_map(|(nth, it)| difference(&format!("{at}/{nth}"), it, first, free))
        }
        (Value::Number(_), Value::Number(_)) | (Value::String(_), Value::String(_)) => None,
        (Value::Bool(_), Value::Bool(_)) | (Value::Null, Value::Null) => None,
        _ => Some(format!("{at} has another type")),
    }
}
