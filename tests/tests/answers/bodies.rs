//! The bodies of the replies that the suite tries.

use rulebound_tests::rows::text;
use serde_json::{Value, json};

use crate::samples::Operation;
use crate::shape::mutants;

/// A body, and what is certain about it besides its shape.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) label: String,
    pub(crate) text: String,
    /// Whether the documents promise that it is a success.
    pub(crate) promised: bool,
    /// Whether a member holds an enum value that the library may not know.
    pub(crate) unknown: bool,
    /// Whether it is one of the few bodies that are tried with every status.
    pub(crate) few: bool,
    /// The member that is missing or wrong, if there is one.
    pub(crate) wrong: Option<String>,
}

impl Body {
    fn new(label: &str, value: &Value) -> Self {
        let (label, text) = (label.to_owned(), text(value));
        Self { label, text, promised: false, unknown: false, few: false, wrong: None }
    }

    fn promised(self) -> Self {
        Self { promised: true, ..self }
    }

    fn few(self) -> Self {
        Self { few: true, ..self }
    }
}

/// An HTML page of a proxy between us and the provider.
const PAGE: &str = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking</body></html>";

/// The bodies for an operation, each text once. `others` are the successes of all operations, by name.
pub(crate) fn bodies(operation: &Operation, others: &[(String, Value)]) -> Vec<Body> {
    let success = &operation.success;
    let mut all = vec![Body::new("the success", success).promised().few()];
    for (index, refusal) in operation.refusals.iter().enumerate() {
        let body = Body::new(&format!("a refusal ({})", refusal.status), &refusal.body);
        all.push(if index == 0 { body.few() } else { body });
    }
    for (label, value) in [("{}", json!({})), ("null", json!(null)), ("[]", json!([])), ("\"ok\"", "\"ok\"".into())] {
        let body = Body::new(label, &value);
        all.push(if label == "{}" || label == "null" { body.few() } else { body });
    }
    all.push(Body::new("a page", &PAGE.into()).few());
    all.push(Body::new("nothing", &"".into()).few());
    if !success.is_string() {
        let whole = text(success);
        all.push(Body::new("half of the success", &whole[..whole.len() / 2].into()));
        all.push(Body::new("a byte order mark before the success", &format!("\u{feff}{whole}").into()).promised());
    }
    let inside = operation.inside.iter().map(String::as_str);
    all.extend(std::iter::once("").chain(inside).flat_map(|pointer| with_error(success, pointer)));
    for (label, values, promised) in [("also a success", &operation.also, true), ("a variant", &operation.more, false)]
    {
        for (index, value) in values.iter().enumerate() {
            let body = Body::new(&format!("{label} ({})", index + 1), value);
            all.push(if promised { body.promised() } else { body });
        }
    }
    for shape in operation.done.iter().filter(|shape| shape.holds(success)) {
        for mutant in mutants(shape, success) {
            let body = Body::new(&format!("the success, {}", mutant.label), &mutant.body);
            all.push(Body { unknown: mutant.unknown, wrong: Some(mutant.pointer), ..body });
        }
    }
    for (name, value) in others.iter().filter(|(name, _)| *name != operation.name) {
        all.push(Body { ..Body::new(&format!("the success of {name}"), value) });
    }
    let mut known = std::collections::BTreeSet::new();
    all.retain(|body| known.insert(body.text.clone()));
    all
}

/// The success with a member `error` in one of its objects, null and not.
fn with_error(success: &Value, pointer: &str) -> Vec<Body> {
    if !success.pointer(pointer).is_some_and(Value::is_object) {
        return Vec::new();
    }
    let with = |error: Value| {
        let mut body = success.clone();
        if let Some(object) = body.pointer_mut(pointer) {
            object["error"] = error;
        }
        body
    };
    vec![
        Body::new(&format!("the success, {pointer}/error: null"), &with(json!(null))).promised(),
        Body::new(&format!("the success, {pointer}/error: text"), &with(json!("ServerError"))),
        Body::new(&format!("the success, {pointer}/error: object"), &with(json!({"code": "0900", "message": "later"}))),
    ]
}
