//! The one function of every binding: text in, text out.

use rulebound::ffi::call;
use serde_json::{Value, json};

use crate::places::{key, text, vectors};

/// How many of the vectors' steps are seeds: every thirteenth, so that each kind is there.
const EVERY: usize = 13;

pub(super) fn run(data: &[u8]) {
    let Ok(request) = std::str::from_utf8(data) else { return };
    let answer = call(request);
    let said: Value = match serde_json::from_str(&answer) {
        Ok(said) => said,
        Err(why) => panic!("the answer is no JSON: {why}\n{request}\n{answer}"),
    };
    let kinds = ["ok", "rejected", "error"].into_iter().filter(|kind| said.get(kind).is_some()).count();
    assert_eq!(kinds, 1, "the answer is of no kind, or of several: {answer}");
    if said["error"].is_object() {
        let pointer = said["error"]["pointer"].as_str();
        assert!(pointer.is_some_and(|it| it.is_empty() || it.starts_with('/')), "no pointer: {answer}");
        return;
    }
    let Some(next) = next(&answer) else { return };
    let loaded = call(&format!(r#"{{"load":{{"snapshot":{next}}}}}"#));
    assert_eq!(loaded, format!(r#"{{"ok":{next}}}"#), "what follows is not loaded again, after {request}");
}

/// The text of the snapshot that follows, if there is one.
fn next(answer: &str) -> Option<String> {
    let raw: serde_json::Map<String, Value> = serde_json::from_str(answer).ok()?;
    let next = raw.get("ok")?.get("next")?;
    // Its text as it stands: members in their order, and numbers as they are written.
    let begin = answer.find(r#""next":"#)? + r#""next":"#.len();
    let rest = answer.get(begin..)?;
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
        let mut at = snapshot(&call(&start.to_string()));
        for step in vector["steps"].as_array().into_iter().flatten() {
            let Some(request) = request(&vector, step, &at) else { continue };
            let answer = call(&request);
            at = next(&answer).unwrap_or(at);
            seeds.push(request);
        }
    }
    let questions = ["catalogue", "versions"].map(|verb| format!(r#"{{"{verb}":{{}}}}"#));
    let some = seeds.into_iter().step_by(EVERY);
    some.chain(questions).map(String::into_bytes).collect()
}

fn snapshot(answer: &str) -> String {
    answer.strip_prefix(r#"{"ok":"#).and_then(|it| it.strip_suffix('}')).unwrap_or("null").to_owned()
}

fn request(vector: &Value, step: &Value, at: &str) -> Option<String> {
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
    Some(format!(r#"{{"{verb}":{{"snapshot":{at},{}}}"#, fields.strip_prefix('{')?))
}
