//! Preludes: steps that bring a row into a state, in a short form of the vectors.

use serde_json::{Value, json};

use super::{Facade, Leased, Row, START, is_named};
use crate::vectors::with_text;

/// The time between two steps, unless a step has `after`.
const PAUSE: i64 = 1000;

/// Plays the steps of a prelude.
pub fn play(facade: &Facade, steps: &[Value]) -> Result<Row, String> {
    play_from(facade, START, steps)
}

/// Plays the steps of a prelude from a time on.
pub fn play_from(facade: &Facade, start: i64, steps: &[Value]) -> Result<Row, String> {
    let mut row = facade.start()?;
    row.now = start;
    let mut last = None;
    for step in steps {
        row.now += step["after"].as_i64().unwrap_or(PAUSE);
        let step = fill(step, &row);
        one(facade, &mut row, &mut last, &step).map_err(|why| format!("{why}, in {step}"))?;
    }
    Ok(row)
}

fn one(facade: &Facade, row: &mut Row, last: &mut Option<Leased>, step: &Value) -> Result<(), String> {
    let member = |name: &str| step.get(name);
    if let Some(command) = member("command") {
        return facade.command(row, command);
    }
    if let Some(name) = member("begin") {
        *last = Some(facade.lease_when_ready(row, &[text(name)])?);
        return Ok(());
    }
    if let Some(effects) = member("done") {
        return all_done(facade, row, effects);
    }
    if member("settle").is_some() {
        return settle(facade, row);
    }
    let fact = if let Some(reply) = member("reply") {
        let status = reply["status"].as_u64().unwrap_or(200) as u16;
        last.as_ref().ok_or("nothing was leased")?.reply(status, &text(&reply["body"]))
    } else if member("lost").is_some() {
        last.as_ref().ok_or("nothing was leased")?.fact(json!({"type": "lost"}))
    } else if let Some(body) = member("webhook") {
        webhook(body, step["origin"].as_str().unwrap_or("verified"))
    } else {
        with_text(member("fact").ok_or("is no step")?)
    };
    let outcome = facade.report(row, &fact)?;
    outcome.ignored.map_or(Ok(()), |why| Err(format!("is ignored: {why}")))
}

/// A webhook's fact.
pub fn webhook(body: &Value, origin: &str) -> Value {
    json!({"type": "webhook", "origin": origin, "body": text(body)})
}

fn all_done(facade: &Facade, row: &mut Row, name: &Value) -> Result<(), String> {
    let effects = facade.effects(&row.text, row.now)?;
    let name = text(name);
    let fitting: Vec<_> = effects.as_array().into_iter().flatten().filter(|it| is_named(&name, &it["id"])).collect();
    if fitting.is_empty() {
        return Err(format!("has no effect {name}, but {effects}"));
    }
    fitting.into_iter().try_for_each(|it| facade.report(row, &json!({"type": "done", "effect": it["id"]})).map(drop))
}

/// Reports every effect as done that is neither a request nor a review.
fn settle(facade: &Facade, row: &mut Row) -> Result<(), String> {
    let effects = facade.effects(&row.text, row.now)?;
    let all = effects.as_array().into_iter().flatten();
    let mut own = all.filter(|it| it["type"] != "request" && it["type"] != "review");
    own.try_for_each(|it| facade.report(row, &json!({"type": "done", "effect": it["id"]})).map(drop))
}

/// The text of a body: a string is its own text.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Replaces what only the row knows: `$key`, `$idem OPERATION`, and `$take OPERATION POINTER`, which is a member of
/// the request that the lease handed out.
pub fn fill(value: &Value, row: &Row) -> Value {
    match value {
        Value::String(text) => filled(text, row).unwrap_or_else(|| value.clone()),
        Value::Array(entries) => entries.iter().map(|it| fill(it, row)).collect(),
        Value::Object(members) => members.iter().map(|(name, it)| (name.clone(), fill(it, row))).collect(),
        _ => value.clone(),
    }
}

fn filled(text: &str, row: &Row) -> Option<Value> {
    let mut words = text.strip_prefix('$')?.split(' ');
    match (words.next()?, words.next(), words.next()) {
        ("key", None, None) => Some(row.key.as_str().into()),
        ("idem", Some(operation), None) => Some(row.leased.get(operation)?.key.as_str().into()),
        ("take", Some(operation), Some(pointer)) => {
            let member = row.leased.get(operation).and_then(|leased| leased.body.pointer(pointer));
            Some(member.cloned().unwrap_or_default())
        }
        _ => None,
    }
}
