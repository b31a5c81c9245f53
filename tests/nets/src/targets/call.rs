//! `ffi::call`, on which every binding is built.

use rulebound::ffi::call;
use serde_json::{Value, json};

use crate::places::{key, text, vectors};

/// Every thirteenth of the vectors' steps is a seed, so that there are some of each kind.
const EVERY: usize = 13;

pub(super) fn run(data: &[u8]) {
    let Ok(request) = std::str::from_utf8(data) else { return };
    let answer = call(request);
    let value: Value = match serde_json::from_str(&answer) {
        Ok(value) => value,
        Err(why) => panic!("the answer is not JSON: {why}\n{request}\n{answer}"),
    };
    let kinds = ["ok", "rejected", "error"].into_iter().filter(|kind| value.get(kind).is_some()).count();
    assert_eq!(kinds, 1, "the answer has none of the three members, or several: {answer}");
    if value["error"].is_object() {
        let pointer = value["error"]["pointer"].as_str();
        assert!(pointer.is_some_and(|it| it.is_empty() || it.starts_with('/')), "no pointer: {answer}");
        return;
    }
    let Some(next) = next(&answer) else { return };
    let loaded = call(&format!(r#"{{"load":{{"snapshot":{next}}}}}"#));
    assert_eq!(loaded, format!(r#"{{"ok":{next}}}"#), "the next snapshot does not load as it is, after {request}");
}

/// The text of the next snapshot, if there is one.
fn next(answer: &str) -> Option<String> {
    let raw: serde_json::Map<String, Value> = serde_json::from_str(answer).ok()?;
    let next = raw.get("ok")?.get("next")?;
    // The text itself, with its members in order and its numbers as written.
    let start = answer.find(r#""next":"#)? + r#""next":"#.len();
    let rest = answer.get(start..)?;
    let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let first = stream.next()?.ok()?;
    (first == *next).then(|| rest.get(..stream.byte_offset()).unwrap_or_default().to_owned())
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for vector in vectors() {
        let Some(key) = key(&vector) else { continue };
        let start = json!({"start": {"flow": vector["flow"], "key": key.as_str()}});
        seeds.push(start.to_string());
        let mut snapshot = snapshot_of(&call(&start.to_string()));
        for step in vector["steps"].as_array().into_iter().flatten() {
            let Some(request) = request(&vector, step, &snapshot) else { continue };
            let answer = call(&request);
            snapshot = next(&answer).unwrap_or(snapshot);
            seeds.push(request);
        }
    }
    let questions = ["catalogue", "versions"].map(|verb| format!(r#"{{"{verb}":{{}}}}"#));
    let some = seeds.into_iter().step_by(EVERY);
    some.chain(questions).map(String::into_bytes).collect()
}

fn snapshot_of(answer: &str) -> String {
    answer.strip_prefix(r#"{"ok":"#).and_then(|it| it.strip_suffix('}')).unwrap_or("null").to_owned()
}

fn request(vector: &Value, step: &Value, snapshot: &str) -> Option<String> {
    let mut fields = json!({"now": step["now"]});
    if let Some(config) = step.get("config").or_else(|| vector.get("config")) {
        fields["config"] = config.clone();
    }
    let verb = if let Some(command) = step.get("command") {
        fields["command"] = command.clone();
        "handle"
    } else if let Some(effect) = step.get("lease") {
        fields["effect"] = effect.clone();
        "lease"
    } else if let Some(fact) = step.get("fact") {
        let mut fact = fact.clone();
        if let Some(body) = fact.get_mut("body") {
            *body = text(body).into();
        }
        fields["fact"] = fact;
        "observe"
    } else {
        "effects"
    };
    let fields = fields.to_string();
    Some(format!(r#"{{"{verb}":{{"snapshot":{snapshot},{}}}"#, fields.strip_prefix('{')?))
}
