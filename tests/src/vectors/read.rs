//! Reads the files of vectors and expands their short forms: each named body is put in its place, and each `send` becomes
//! a lease and a reply. Every other module gets its vectors from here.
//!
//! `tests/vectors/README.md` says how a file is written, and `tests/vectors.schema.json` is its schema.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::key;

/// The prefix of the name of a body.
const MARK: char = '@';

/// In a named body: the key of the vector.
const KEY: &str = "@key";

/// The only member of an object that holds the parts of a long string.
const TEXT: &str = "@text";

/// How long before its reply a request is leased, in milliseconds, if the previous step leaves that much time.
const SECOND: i64 = 1000;

/// The members that make a step do something. A step has at most one of them.
const VERBS: [&str; 4] = ["command", "lease", "fact", "send"];

/// A member of an object: its name, whether it is required, a check of its value, and a description of a good value.
type Member = (&'static str, bool, fn(&Value) -> bool, &'static str);

const FILE: [Member; 3] = [
    ("about", true, is_sentence, "a sentence on what the file shows"),
    ("bodies", false, Value::is_object, "an object"),
    ("vectors", true, Value::is_array, "an array"),
];

const VECTOR: [Member; 7] = [
    ("name", true, is_sentence, "a sentence on what happens and what the library does"),
    ("source", true, is_sentence, "the address of a document"),
    ("flow", true, Value::is_string, "a string"),
    ("key", true, |key| key.is_string() || key.is_object(), "a string or `{\"of\": [kind, id]}`"),
    ("rules", false, Value::is_object, "an object"),
    ("config", false, |_| true, "a config"),
    ("steps", true, Value::is_array, "an array"),
];

const STEP: [Member; 9] = [
    ("now", true, Value::is_i64, "a time in milliseconds"),
    ("command", false, |_| true, "a command"),
    ("lease", false, |_| true, "the id of an effect"),
    ("fact", false, |_| true, "a fact"),
    ("send", false, Value::is_string, "the id of a request"),
    ("request", false, Value::is_object, "an object"),
    ("reply", false, Value::is_object, "an object"),
    ("config", false, |_| true, "a config"),
    ("expect", false, Value::is_object, "an object"),
];

fn is_sentence(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

/// Whether a value is an object with these members and no others.
fn has(value: &Value, all: &[Member]) -> Result<(), String> {
    let members = value.as_object().ok_or("must be an object")?;
    for (name, is_required, is_good, what) in all {
        match members.get(*name) {
            None if *is_required => return Err(format!("has no `{name}`: add {what}")),
            Some(value) if !is_good(value) => return Err(format!("`{name}` must be {what}")),
            _ => {}
        }
    }
    match members.keys().find(|name| !all.iter().any(|(known, ..)| known == name)) {
        Some(unknown) => Err(format!("`{unknown}` is not known here: remove it, or correct the name")),
        None => Ok(()),
    }
}

/// The vectors of a folder and of the folders below it, each with its file and its name. A bad file counts as one error.
pub fn read_folder(folder: &Path) -> std::io::Result<Vec<(String, Result<Value, String>)>> {
    let mut all = Vec::new();
    for file in files(folder)? {
        let name = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
        let named = |vector: Value| {
            let own = vector["name"].as_str().unwrap_or("?");
            (format!("{name}: {own}"), Ok(vector.clone()))
        };
        match read_text(&fs::read_to_string(&file)?) {
            Ok(vectors) => all.extend(vectors.into_iter().map(named)),
            Err(why) => all.push((name, Err(why))),
        }
    }
    Ok(all)
}

/// The `.json` files of a folder and of the folders below it, sorted.
pub fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|it| it == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The expanded vectors of a file's text.
pub fn read_text(text: &str) -> Result<Vec<Value>, String> {
    let mut file: Value = serde_json::from_str(text).map_err(|error| format!("the file is not JSON: {error}"))?;
    has(&file, &FILE).map_err(|why| format!("the file: {why}"))?;
    let bodies = file["bodies"].as_object_mut().map(std::mem::take).unwrap_or_default();
    let mut used = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for (index, vector) in file["vectors"].as_array_mut().into_iter().flatten().enumerate() {
        let number = || format!("vector {}", index + 1);
        let name = vector["name"].as_str().map_or_else(number, |it| format!("vector `{it}`"));
        if !names.insert(name.clone()) {
            return Err(format!("{name}: `name` is also that of another vector: give each its own"));
        }
        all.push(expand(vector.take(), &bodies, &mut used).map_err(|why| format!("{name}: {why}"))?);
    }
    match bodies.keys().find(|name| !used.contains(*name)) {
        Some(unused) => Err(format!("the file: `bodies/{unused}` is used by no vector: remove it")),
        None => Ok(all),
    }
}

/// Expands a vector.
fn expand(mut vector: Value, bodies: &Map<String, Value>, used: &mut BTreeSet<String>) -> Result<Value, String> {
    has(&vector, &VECTOR)?;
    let key = key(&vector["key"]);
    let mut put_in = |place: &mut Value| put_in(place, bodies, &key, used);
    if let Some(config) = vector.get_mut("config") {
        put_in(config).map_err(|why| format!("`config`: {why}"))?;
    }
    let mut steps: Vec<Value> = Vec::new();
    for (index, mut step) in vector["steps"].as_array_mut().map(std::mem::take).into_iter().flatten().enumerate() {
        let named = |why| format!("step {}: {why}", index + 1);
        has(&step, &STEP).map_err(named)?;
        for (member, place) in places(&mut step) {
            put_in(place).map_err(|why| named(format!("`{member}`: {why}")))?;
        }
        let before = steps.last().and_then(|it| it["now"].as_i64());
        steps.extend(expand_step(step, before).map_err(named)?);
    }
    vector["steps"] = steps.into();
    join_texts(&mut vector)?;
    Ok(vector)
}

/// The places of a step that may name a body, each with its path.
fn places(step: &mut Value) -> Vec<(&'static str, &mut Value)> {
    let mut places = Vec::new();
    for (member, value) in step.as_object_mut().into_iter().flatten() {
        let body = match member.as_str() {
            "command" => Some(("command", value)),
            "config" => Some(("config", value)),
            "fact" => value.get_mut("body").map(|it| ("fact/body", it)),
            "reply" => value.get_mut("body").map(|it| ("reply/body", it)),
            "request" => value.get_mut("body").map(|it| ("request/body", it)),
            "expect" => value.pointer_mut("/request/body").map(|it| ("expect/request/body", it)),
            _ => None,
        };
        places.extend(body);
    }
    places
}

/// Replaces the name of a body with the body.
fn put_in(
    place: &mut Value,
    bodies: &Map<String, Value>,
    key: &Value,
    used: &mut BTreeSet<String>,
) -> Result<(), String> {
    let Some(name) = place.as_str().and_then(|text| text.strip_prefix(MARK)).map(str::to_owned) else { return Ok(()) };
    let body = bodies.get(&name).ok_or_else(|| format!("`bodies` has no `{name}`: add it, or correct the name"))?;
    *place = body.clone();
    put_key(place, key);
    used.insert(name);
    Ok(())
}

/// Replaces each `@key` with the vector's key.
fn put_key(value: &mut Value, key: &Value) {
    match value {
        Value::String(text) if text == KEY => *value = key.clone(),
        Value::Array(entries) => entries.iter_mut().for_each(|it| put_key(it, key)),
        Value::Object(members) => members.values_mut().for_each(|it| put_key(it, key)),
        _ => {}
    }
}

/// Joins the parts of each long string.
fn join_texts(value: &mut Value) -> Result<(), String> {
    match value {
        Value::Array(entries) => entries.iter_mut().try_for_each(join_texts),
        Value::Object(members) => match members.get(TEXT).filter(|_| members.len() == 1) {
            Some(parts) => {
                let parts = parts.as_array().and_then(|all| all.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
                *value = parts.ok_or_else(|| format!("`{TEXT}` must be an array of strings"))?.concat().into();
                Ok(())
            }
            None => members.values_mut().try_for_each(join_texts),
        },
        _ => Ok(()),
    }
}

/// Expands a step: a `send` becomes a lease and a reply.
fn expand_step(step: Value, before: Option<i64>) -> Result<Vec<Value>, String> {
    let has = |member: &&str| step.get(*member).is_some();
    let verbs: Vec<_> = VERBS.into_iter().filter(has).collect();
    match (&verbs[..], has(&"reply"), has(&"request")) {
        ([one, other, ..], ..) => Err(format!("`{one}` and `{other}` are two steps: separate them")),
        (["send"], true, _) => expand_send(step, before),
        (["send"], false, _) => Err("`send` has no `reply`: add it, or write `lease`".into()),
        (_, true, _) => Err("`reply` has no `send`: add the id of the request, or write a `fact`".into()),
        (_, _, true) => Err("`request` has no `send`: write it in `expect`".into()),
        _ => Ok(vec![step]),
    }
}

/// The lease of a request, and the reply to it.
fn expand_send(mut step: Value, before: Option<i64>) -> Result<Vec<Value>, String> {
    let (now, effect) = (step["now"].as_i64().unwrap_or_default(), step["send"].take());
    let mut lease = json!({"now": leased_at(now, before), "lease": effect, "expect": {"accepted": true}});
    let mut fact = json!({"type": "reply", "effect": effect, "headers": {}});
    for (member, value) in step["reply"].as_object_mut().map(std::mem::take).into_iter().flatten() {
        if ["type", "effect"].contains(&member.as_str()) {
            return Err(format!("`reply/{member}` follows from `send`: remove it"));
        }
        fact[member] = value;
    }
    let mut reply = json!({"now": now, "fact": fact});
    for (member, value) in step.as_object_mut().map(std::mem::take).into_iter().flatten() {
        match member.as_str() {
            "request" => lease["expect"]["request"] = value,
            "config" => (lease["config"], reply["config"]) = (value.clone(), value),
            "expect" => reply["expect"] = value,
            _ => {}
        }
    }
    Ok(vec![lease, reply])
}

/// When a request is leased: a second before its reply, or a millisecond if the previous step is less than a second
/// before the reply.
fn leased_at(now: i64, before: Option<i64>) -> i64 {
    let has_time = before.is_none_or(|before| now - before >= SECOND);
    if has_time { now - SECOND } else { now - 1 }
}
