//! Conformance vectors: language-neutral scenarios, run through the JSON facade as every binding runs them.
//!
//! `expect` names what must hold after a step. Objects match by their named members, and arrays by their named entries; an
//! empty array means none. A trailing `*` in a string matches any end. The id of an access level may omit its instant.

mod read;

use std::path::Path;

use rulebound::Key;
use rulebound::ffi::call;
use serde_json::{Map, Value, json};

use crate::parity::{Script, Transcript, VIEWS};

pub use read::{files, read_folder, read_text};

/// The results of a folder of vectors.
#[derive(Debug, Default)]
pub struct Report {
    /// How many passed.
    pub passed: usize,
    /// The failures: the vector's file and name, the step, and why.
    pub failed: Vec<String>,
}

/// Runs every vector in the `.json` files of a folder and of the folders below it.
pub fn run_folder(folder: &Path) -> std::io::Result<Report> {
    Ok(run_all(read_folder(folder)?, |scripts| Ok(scripts.iter().map(Script::transcript).collect()))
        .unwrap_or_default())
}

/// Checks vectors against the transcripts that a language makes of their scripts.
pub fn run_all(
    vectors: Vec<(String, Result<Value, String>)>,
    play: impl FnOnce(&[Script]) -> Result<Vec<Transcript>, String>,
) -> Result<Report, String> {
    let scripts: Vec<_> = vectors.iter().map(|(_, it)| Script::of(it.as_ref().unwrap_or(&Value::Null))).collect();
    let mut report = Report::default();
    for ((name, vector), transcript) in vectors.iter().zip(play(&scripts)?) {
        match vector.as_ref().map_err(String::clone).and_then(|vector| check(vector, &transcript)) {
            Ok(()) => report.passed += 1,
            Err(why) => report.failed.push(format!("{name}: {why}")),
        }
    }
    Ok(report)
}

/// Checks a vector against the transcript of its script.
fn check(vector: &Value, transcript: &[String]) -> Result<(), String> {
    let mut snapshot = ask("start", json!({"flow": vector["flow"], "key": key(&vector["key"])}))["ok"].take();
    if snapshot.is_null() {
        return Err("the flow does not start".into());
    }
    let mut lines = transcript.iter().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
    for (index, step) in vector["steps"].as_array().ok_or("a vector has steps")?.iter().enumerate() {
        let missing = || format!("step {}: the transcript ends before it", index + 1);
        let (answer, views) = (answer(lines.next().ok_or_else(missing)?), lines.next().ok_or_else(missing)?);
        let before = snapshot["revision"].clone();
        if let Some(next) = answer["ok"].get("next") {
            snapshot = next.clone();
        }
        let result = StepResult { answer: &answer, snapshot: &snapshot, before: &before, views: &views };
        let expect = step["expect"].as_object().cloned().unwrap_or_default();
        for (what, wanted) in &expect {
            result.check(what, wanted).map_err(|why| format!("step {}: {what}: {why}", index + 1))?;
        }
        if expect.is_empty() && answer.get("error").is_some() {
            return Err(format!("step {}: {}", index + 1, answer["error"]));
        }
    }
    Ok(())
}

/// The result of a step, under the member in which `ffi::call` answers with it.
fn answer(line: Value) -> Value {
    let has = |member: &str| line.get(member).is_some();
    let member = if has("violations") {
        "rejected"
    } else if has("code") {
        "error"
    } else {
        "ok"
    };
    json!({member: line})
}

/// Calls one verb of the facade.
pub fn ask(verb: &str, fields: Value) -> Value {
    let mut request = Map::new();
    request.insert(verb.into(), fields);
    serde_json::from_str(&call(&Value::Object(request).to_string())).unwrap_or_default()
}

/// The strings of an array and of the arrays in it. An object counts as its member `rule`.
pub fn texts(value: &Value) -> Box<dyn Iterator<Item = String> + '_> {
    match value {
        Value::String(text) => Box::new(std::iter::once(text.clone())),
        Value::Array(entries) => Box::new(entries.iter().flat_map(texts)),
        Value::Object(entry) => Box::new(entry.get("rule").into_iter().flat_map(texts)),
        _ => Box::new(std::iter::empty()),
    }
}

/// A vector's key: a string, or the kind and the name from which `Key::of` makes one.
pub fn key(wanted: &Value) -> Value {
    match wanted["of"].as_array().map(Vec::as_slice) {
        Some([kind, name]) => {
            Key::of(kind.as_str().unwrap_or_default(), name.as_str().unwrap_or_default()).as_str().into()
        }
        _ => wanted.clone(),
    }
}

/// A fact with its body as a string.
pub fn with_text(fact: &Value) -> Value {
    let mut fact = fact.clone();
    if let Some(body) = fact.get_mut("body").filter(|body| !body.is_string()) {
        *body = if body.is_null() { "".into() } else { body.to_string().into() };
    }
    fact
}

/// The fields of a call, with the step's time and the vector's config.
pub fn with_context(vector: &Value, step: &Value, mut fields: Value) -> Value {
    fields["now"] = step["now"].clone();
    if let Some(config) = step.get("config").or_else(|| vector.get("config")) {
        fields["config"] = config.clone();
    }
    fields
}

/// What a step led to.
struct StepResult<'a> {
    answer: &'a Value,
    snapshot: &'a Value,
    /// The revision before the step.
    before: &'a Value,
    views: &'a Value,
}

impl StepResult<'_> {
    fn check(&self, what: &str, wanted: &Value) -> Result<(), String> {
        let ok = &self.answer["ok"];
        match what {
            "accepted" => same(wanted, &json!(!ok.is_null()), self.answer),
            "applied" => same(wanted, &json!(!ok.is_null() && ok["ignored"].is_null()), self.answer),
            "unchanged" => {
                same(wanted, &json!(!ok.is_null() && self.snapshot["revision"] == *self.before), self.answer)
            }
            "rejected" => self.rejected(wanted),
            "malformed" => matches(wanted, &inside(&self.answer["error"]["pointer"])),
            "ignored" => matches(wanted, &ok["ignored"]["reason"]).map_err(|why| format!("{why} in {}", self.answer)),
            "failure" | "request" => matches(wanted, &ok[what]).map_err(|why| format!("{why} in {}", self.answer)),
            "new_ids" => contains(wanted, &ok["new_ids"]),
            "warnings" => contains(wanted, &codes(&ok["warnings"])),
            "state" => matches(wanted, &self.snapshot["state"]),
            "effects" | "waiting_for" | "actions" => contains(wanted, &self.view(what)),
            "wake_at" | "status" => matches(wanted, &self.view(what)),
            "no_effects" => self.none(wanted, "effects", &["type", "id"]),
            "no_waits" => self.none(wanted, "waiting_for", &["signal"]),
            "no_customer_url" => {
                let waits = self.view("waiting_for");
                let any = waits.as_array().is_some_and(|all| all.iter().any(|it| !it["customer_url"].is_null()));
                same(wanted, &json!(!any), &waits)
            }
            _ => Err("is not a member of `expect`".into()),
        }
    }

    fn view(&self, name: &str) -> Value {
        let place = VIEWS.iter().position(|it| *it == name);
        place.map_or(Value::Null, |place| self.views[place].clone())
    }

    /// Checks that exactly the wanted rules reject. An inner array means any one of its codes.
    fn rejected(&self, wanted: &Value) -> Result<(), String> {
        let rejected = codes(&self.answer["rejected"]["violations"]);
        let rejected: Vec<_> = rejected.as_array().into_iter().flatten().collect();
        let choices: Vec<Vec<&Value>> = wanted.as_array().into_iter().flatten().map(choice).collect();
        let missing = choices.iter().any(|any| !any.iter().any(|code| rejected.contains(code)));
        let surplus = rejected.iter().any(|code| !choices.iter().flatten().any(|wanted| wanted == code));
        if missing || surplus { Err(format!("wanted {wanted}, got {}", self.answer)) } else { Ok(()) }
    }

    fn none(&self, wanted: &Value, view: &str, fields: &[&str]) -> Result<(), String> {
        let entries = self.view(view);
        for entry in entries.as_array().into_iter().flatten() {
            for name in wanted.as_array().into_iter().flatten() {
                if fields.iter().any(|field| matches(name, &entry[*field]).is_ok()) {
                    return Err(format!("has {name}: {entry}"));
                }
            }
        }
        Ok(())
    }
}

/// A pointer into a call, made relative to its command or fact.
fn inside(field: &Value) -> Value {
    let field = field.as_str().unwrap_or_default();
    ["/command", "/fact"].iter().find_map(|it| field.strip_prefix(it)).unwrap_or(field).into()
}

fn choice(wanted: &Value) -> Vec<&Value> {
    wanted.as_array().map_or_else(|| vec![wanted], |any| any.iter().collect())
}

fn codes(violations: &Value) -> Value {
    violations.as_array().into_iter().flatten().map(|it| it["rule"].clone()).collect()
}

fn same(wanted: &Value, got: &Value, answer: &Value) -> Result<(), String> {
    if wanted == got { Ok(()) } else { Err(format!("wanted {wanted}, got {answer}")) }
}

/// Checks that every wanted entry exists. An empty array wants none.
fn contains(wanted: &Value, got: &Value) -> Result<(), String> {
    let (Some(wanted), Some(all)) = (wanted.as_array(), got.as_array()) else { return matches(wanted, got) };
    if wanted.is_empty() && !all.is_empty() {
        return Err(format!("wanted none, got {got}"));
    }
    let lacking = wanted.iter().find(|entry| !all.iter().any(|it| matches(entry, it).is_ok()));
    lacking.map_or(Ok(()), |entry| Err(format!("wanted {entry}, got {got}")))
}

/// Whether the wanted id is that of an access level without its instant.
fn is_level(wanted: &str, got: &str) -> bool {
    wanted.starts_with("access:") && got.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'))
}

/// Compares objects by their named members, strings by their beginning if they end in `*`, and JSON in a string by its
/// value. A string also stands for the object that it names: an id with its kind, or a verdict with its label.
pub fn matches(wanted: &Value, got: &Value) -> Result<(), String> {
    match (wanted, got) {
        (Value::Object(_), Value::String(text)) => match serde_json::from_str::<Value>(text) {
            Ok(inner) => matches(wanted, &inner),
            Err(_) => Err(format!("wanted {wanted}, got {got}")),
        },
        (Value::String(_), Value::Object(named)) => {
            let name = named.get("id").or_else(|| named.get("verdict")).unwrap_or(&Value::Null);
            matches(wanted, name)
        }
        (Value::Object(members), _) => members
            .iter()
            .try_for_each(|(name, value)| matches(value, &got[name]).map_err(|why| format!("{name}: {why}"))),
        (Value::Array(_), Value::Array(_)) => contains(wanted, got),
        (Value::String(text), Value::String(have)) if text.ends_with('*') => {
            let fits = have.starts_with(text.trim_end_matches('*'));
            if fits { Ok(()) } else { Err(format!("wanted {wanted}, got {got}")) }
        }
        (Value::String(text), Value::String(have)) if is_level(text, have) => Ok(()),
        _ if wanted == got => Ok(()),
        _ => Err(format!("wanted {wanted}, got {got}")),
    }
}
