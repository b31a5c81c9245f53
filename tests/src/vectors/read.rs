//! Reads vectors as their files hold them, and gives them as they are played: with the bodies that a file names in
//! their places, and with a lease and a reply for each `send`.
//!
//! Nothing else knows of these two short forms.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

/// What stands before the name of a body. No JSON begins with it, and no form.
const MARK: char = '@';

/// How long before its reply a request is leased, in milliseconds, if the step before leaves the time for it.
const SECOND: i64 = 1000;

/// A file of vectors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    #[serde(default)]
    bodies: BTreeMap<String, Value>,
    vectors: Vec<Value>,
}

/// The vectors of a folder and of the folders below it, each with its file and its name; or what is wrong with a file.
pub fn read_folder(folder: &Path) -> std::io::Result<Vec<(String, Result<Value, String>)>> {
    let mut all = Vec::new();
    for file in files(folder)? {
        let name = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
        let named = |vector: Value| {
            let it = vector["name"].as_str().unwrap_or("?");
            (format!("{name}: {it}"), Ok(vector.clone()))
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

/// The vectors of a file's text.
pub fn read_text(text: &str) -> Result<Vec<Value>, String> {
    let whole = if text.starts_with('[') { format!(r#"{{"about": "", "vectors": {text}}}"#) } else { text.to_owned() };
    let File { bodies, mut vectors, .. } = serde_json::from_str(&whole).map_err(|error| error.to_string())?;
    let mut used = BTreeSet::new();
    for vector in &mut vectors {
        let name = vector["name"].as_str().unwrap_or("?").to_owned();
        let named = |why| format!("{name}: {why}");
        let Some(steps) = vector["steps"].as_array_mut() else { return Err(named("has no steps".to_owned())) };
        for place in steps.iter_mut().flat_map(places) {
            put_in(place, &bodies, &mut used).map_err(named)?;
        }
        *steps = played(std::mem::take(steps)).map_err(named)?;
    }
    match bodies.keys().find(|name| !used.contains(*name)) {
        Some(unused) => Err(format!("no step uses the body `{unused}`")),
        None => Ok(vectors),
    }
}

/// The places of a step where the name of a body can stand.
fn places(step: &mut Value) -> impl Iterator<Item = &mut Value> {
    step.as_object_mut().into_iter().flatten().filter_map(|(member, value)| match member.as_str() {
        "command" => Some(value),
        "fact" | "reply" => value.get_mut("body"),
        _ => None,
    })
}

/// Puts a body in the place of its name.
fn put_in(place: &mut Value, bodies: &BTreeMap<String, Value>, used: &mut BTreeSet<String>) -> Result<(), String> {
    let Some(name) = place.as_str().and_then(|text| text.strip_prefix(MARK)).map(str::to_owned) else { return Ok(()) };
    *place = bodies.get(&name).ok_or_else(|| format!("the file has no body `{name}`"))?.clone();
    used.insert(name);
    Ok(())
}

/// The steps with a lease and a reply in the place of each that sends.
fn played(steps: Vec<Value>) -> Result<Vec<Value>, String> {
    let mut all: Vec<Value> = Vec::new();
    for step in steps {
        if step.get("send").is_none() {
            all.push(step);
            continue;
        }
        let before = all.last().and_then(|it| it["now"].as_i64());
        all.extend(sent(step, before)?);
    }
    Ok(all)
}

/// A step that sends: the lease of its effect, and the reply.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    now: i64,
    leased_at: Option<i64>,
    send: String,
    reply: Value,
    config: Option<Value>,
    expect: Option<Value>,
}

fn sent(step: Value, before: Option<i64>) -> Result<[Value; 2], String> {
    let it: Send = serde_json::from_value(step).map_err(|error| format!("a step that sends: {error}"))?;
    let leased_at = it.leased_at.unwrap_or_else(|| leased_at(it.now, before));
    let mut lease = json!({"now": leased_at, "lease": it.send, "expect": {"accepted": true}});
    let mut fact = json!({"type": "reply", "effect": it.send, "headers": {}});
    let Value::Object(reply) = it.reply else { return Err("a `reply` is an object".into()) };
    for (member, value) in reply {
        if ["type", "effect"].contains(&member.as_str()) {
            return Err(format!("a `reply` to what a step sends has no `{member}`"));
        }
        fact[member] = value;
    }
    let mut reply = json!({"now": it.now, "fact": fact});
    for (member, value) in [("config", it.config), ("expect", it.expect)] {
        if let Some(value) = value {
            reply[member] = value;
        }
    }
    if let Some(config) = reply.get("config") {
        lease["config"] = config.clone();
    }
    Ok([lease, reply])
}

/// When a request is leased: a second before its reply, but a millisecond before it if the step before is less than a
/// second ago.
fn leased_at(now: i64, before: Option<i64>) -> i64 {
    let has_time = before.is_none_or(|before| now - before >= SECOND);
    if has_time { now - SECOND } else { now - 1 }
}

#[cfg(test)]
mod tests {
    use super::{leased_at, read_text};

    fn read(bodies: &str, steps: &str) -> Result<String, String> {
        let vector = format!(r#"{{"name": "it holds", "steps": [{steps}]}}"#);
        let file = format!(r#"{{"about": "One vector.", "bodies": {bodies}, "vectors": [{vector}]}}"#);
        read_text(&file).map(|all| all[0]["steps"].to_string())
    }

    #[test]
    fn a_step_that_sends_is_a_lease_and_a_reply() {
        let short =
            r#"{"now": 5000, "send": "a:1", "reply": {"http_status": 200, "body": {}}, "expect": {"applied": true}}"#;
        let long = r#"{"now": 4000, "lease": "a:1", "expect": {"accepted": true}},
            {"now": 5000, "fact": {"type": "reply", "effect": "a:1", "http_status": 200, "headers": {}, "body": {}},
             "expect": {"applied": true}}"#;
        assert_eq!(read("{}", short), read("{}", long));
    }

    #[test]
    fn a_request_is_leased_a_second_before_its_reply_unless_the_step_before_is_later() {
        assert_eq!(leased_at(5000, None), 4000);
        assert_eq!(leased_at(5000, Some(4000)), 4000);
        assert_eq!(leased_at(5000, Some(4001)), 4999);
    }

    #[test]
    fn a_member_of_the_fact_that_the_send_decides_cannot_be_written() {
        let wrong =
            read("{}", r#"{"now": 2, "send": "a:1", "reply": {"effect": "b:1", "http_status": 200, "body": ""}}"#);
        assert_eq!(wrong.unwrap_err(), "it holds: a `reply` to what a step sends has no `effect`");
    }

    #[test]
    fn a_name_is_put_in_for_a_command_and_for_a_body() {
        let steps = r#"{"now": 0, "command": "@create"}, {"now": 1, "fact": {"type": "webhook", "body": "@told"}}"#;
        let whole = r#"{"now": 0, "command": {"a": 1}}, {"now": 1, "fact": {"type": "webhook", "body": "text"}}"#;
        assert_eq!(read(r#"{"create": {"a": 1}, "told": "text"}"#, steps), read("{}", whole));
    }

    #[test]
    fn a_name_that_is_unknown_or_that_nothing_uses_is_an_error() {
        let unknown = read("{}", r#"{"now": 0, "command": "@create"}"#);
        assert_eq!(unknown.unwrap_err(), "it holds: the file has no body `create`");
        let unused = read(r#"{"create": {}}"#, r#"{"now": 0}"#);
        assert_eq!(unused.unwrap_err(), "no step uses the body `create`");
    }
}
