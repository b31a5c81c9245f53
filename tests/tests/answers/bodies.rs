//! The bodies of the replies that are tried.

use rulebound_tests::rows::text;
use serde_json::{Value, json};

use crate::samples::Operation;
use crate::shape::mutants;

/// A body, and what is certain of it besides what its shape says.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) label: String,
    pub(crate) text: String,
    /// Whether the documents promise that it is a success.
    pub(crate) promised: bool,
    /// Whether a member holds a value that may be new to us.
    pub(crate) unheard: bool,
    /// Whether it is one of the few that every status is tried with.
    pub(crate) few: bool,
    /// The member that is missing or wrong, where one is.
    pub(crate) wrong: Option<String>,
}

impl Body {
    fn new(label: &str, value: &Value) -> Self {
        let (label, text) = (label.to_owned(), text(value));
        Self { label, text, promised: false, unheard: false, few: false, wrong: None }
    }

    fn promised(self) -> Self {
        Self { promised: true, ..self }
    }

    fn few(self) -> Self {
        Self { few: true, ..self }
    }
}

/// A page of something between us and the provider.
const PAGE: &str = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking</body></html>";

/// The bodies for an operation, each text once; `others` are the successes of all operations by their names.
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
    all.extend(std::iter::once("").chain(inside).flat_map(|at| beside(success, at)));
    for (label, list, promised) in [("also a success", &operation.also, true), ("a variant", &operation.more, false)] {
        for (index, value) in list.iter().enumerate() {
            let body = Body::new(&format!("{label} ({})", index + 1), value);
            all.push(if promised { body.promised() } else { body });
        }
    }
    for shape in operation.done.iter().filter(|shape| shape.holds(success)) {
        for it in mutants(shape, success) {
            let body = Body::new(&format!("the success, {}", it.label), &it.body);
            all.push(Body { unheard: it.unheard, wrong: Some(it.pointer), ..body });
        }
    }
    for (name, value) in others.iter().filter(|(name, _)| *name != operation.name) {
        all.push(Body { ..Body::new(&format!("the success of {name}"), value) });
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|body| seen.insert(body.text.clone()));
    all
}

/// The success with an `error` beside the members of an object in it, null and not.
fn beside(success: &Value, at: &str) -> Vec<Body> {
    if !success.pointer(at).is_some_and(Value::is_object) {
        return Vec::new();
    }
    let with = |error: Value| {
        let mut body = success.clone();
        if let Some(object) = body.pointer_mut(at) {
            object["error"] = error;
        }
        body
    };
    vec![
        Body::new(&format!("the success, {at}/error: null"), &with(json!(null))).promised(),
        Body::new(&format!("the success, {at}/error: text"), &with(json!("ServerError"))),
        Body::new(&format!("the success, {at}/error: object"), &with(json!({"code": "0900", "message": "later"}))),
    ]
}
