//! The documents' own samples: every printed request is accepted and sent as printed, and every printed reply and webhook
//! is read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rulebound_tests::rows::{Facade, Row, RowState, START, is_gone, play_from, webhook};
use rulebound_tests::vectors::{ask, files};
use serde_json::{Map, Value, json};

#[test]
fn the_seeds_are_sent_and_read_as_printed() {
    check("seeds.json", seed);
}

#[test]
fn every_payload_is_read() {
    check("payloads.json", payload);
}

#[test]
fn every_sample_is_used() {
    let index = |name: &str| fs::read_to_string(samples().join("read").join(name)).unwrap();
    let (seeds, payloads) = (index("seeds.json"), index("payloads.json"));
    let unused = |folder: &str, named: &dyn Fn(&str) -> bool| {
        let folder = samples().join(folder);
        let names =
            files(&folder).unwrap().into_iter().map(|it| it.strip_prefix(&folder).unwrap().display().to_string());
        names.filter(|name| !named(name)).collect::<BTreeSet<_>>()
    };
    // The library does not read products, so the reply with one is only a sample.
    let unread = unused("seeds", &|name| seeds.contains(&format!("\"{}\"", name.trim_end_matches(".json"))));
    assert_eq!(unread.into_iter().collect::<Vec<_>>(), ["flex-product.response.json"]);
    let unread = unused("payloads", &|name| payloads.contains(&format!("\"{name}\"")));
    assert!(unread.is_empty(), "never read: {unread:?}");
}

#[track_caller]
fn check(index: &str, one: fn(&Value) -> Result<(), String>) {
    let all = named(&json(&samples().join("read").join(index)));
    let all = all.as_array().unwrap();
    let failure = |sample: &Value| {
        let name = sample.get("what").unwrap_or(&sample["sample"]);
        one(sample).err().map(|why| format!("{name}: {why}"))
    };
    let wrong: Vec<_> = all.iter().filter(|sample| sample.get("skip").is_none()).filter_map(failure).collect();
    println!("{} samples", all.len());
    assert!(wrong.is_empty(), "{} of {} fail:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A seed's sample, as its text.
fn printed(name: &Value) -> String {
    let path = samples().join("seeds").join(format!("{}.json", name.as_str().unwrap_or_default()));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A value in which `"@name"` stands for a prelude or a command by its name.
fn named(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('@') {
            Some(name) => {
                let found = json(&samples().join("read/preludes.json"))[name].take();
                assert!(!found.is_null(), "there is no prelude or command {name}");
                named(&found)
            }
            None => value.clone(),
        },
        Value::Array(entries) => entries.iter().map(named).collect(),
        Value::Object(members) => members.iter().map(|(name, it)| (name.clone(), named(it))).collect(),
        _ => value.clone(),
    }
}

/// Checks one printed request or reply of a seed.
fn seed(sample: &Value) -> Result<(), String> {
    if let Some(question) = sample.get("ask") {
        return asked(sample, question);
    }
    let mut steps = sample["steps"].as_array().cloned().unwrap_or_default();
    if let Some(command) = sample.get("command") {
        steps.push(json!({"command": command_of(command)}));
    }
    let facade = facade(sample);
    let mut row = play_from(&facade, sample["start"].as_i64().unwrap_or(START), &steps)?;
    let leased = facade.lease_when_ready(&mut row, &[sample["effect"].as_str().unwrap_or_default().to_owned()])?;
    if let Some(sent) = sample.get("sent") {
        is_as_printed(sent, &leased.text)?;
    }
    row.now += 1000;
    let reply = leased.reply(200, &printed(&sample["reply"]["sample"]));
    is_read(&facade, &mut row, &leased.id, &reply, sample)
}

/// A printed request as a command: its members, and those that the document leaves to the integrator.
fn command_of(command: &Value) -> Value {
    let body: Value = serde_json::from_str(&printed(&command["of"])).unwrap();
    let mut members = body.pointer(command["at"].as_str().unwrap_or_default()).cloned().unwrap_or_default();
    members["type"] = command["type"].clone();
    for (name, value) in command["with"].as_object().unwrap_or(&Map::new()) {
        members[name] = value.clone();
    }
    members
}

/// Checks that a sent body is the printed one, number by number, except what the document leaves to the integrator.
fn is_as_printed(sent: &Value, text: &str) -> Result<(), String> {
    let mut printed: Value = serde_json::from_str(&printed(&sent["sample"])).unwrap();
    let mut body: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    for (name, also_printed) in [("differs", true), ("adds", false)] {
        for pointer in sent[name].as_array().into_iter().flatten().filter_map(Value::as_str) {
            cut(&mut body, pointer);
            if also_printed {
                cut(&mut printed, pointer);
            }
        }
    }
    let inexact = numbers(&printed).into_iter().find(|number| !text.contains(&format!(":{number}")));
    match inexact {
        Some(number) => Err(format!("{number} is not sent as it is printed: {text}")),
        None if body != printed => Err(format!("printed {printed}\n    sent    {body}")),
        None => Ok(()),
    }
}

fn cut(value: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(members)) = value.pointer_mut(parent) {
        members.remove(name);
    }
}

fn numbers(value: &Value) -> Vec<String> {
    match value {
        Value::Number(number) => vec![number.to_string()],
        Value::Array(entries) => entries.iter().flat_map(numbers).collect(),
        Value::Object(members) => members.values().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

/// Checks a printed request or reply that a question without a flow makes or reads.
fn asked(sample: &Value, question: &Value) -> Result<(), String> {
    let member = question["member"].as_str().unwrap_or_default();
    let what = match question.get("body") {
        Some(sample) => printed(sample).into(),
        None => serde_json::from_str::<Value>(&printed(&question["of"])).unwrap()[member].take(),
    };
    let with = json!({member: what});
    let answer = ask("ask", json!({"provider": question["provider"], "question": question["question"], "with": with}));
    let Some(sent) = sample.get("sent") else {
        let is_read = sample["reads"].as_object().unwrap().iter().all(|(name, members)| {
            members.as_object().unwrap().iter().all(|(member, value)| answer["ok"][name][member] == *value)
        });
        return if is_read { Ok(()) } else { Err(format!("read as {answer}")) };
    };
    is_as_printed(sent, answer["ok"]["request"]["body"].as_str().ok_or_else(|| answer.to_string())?)
}

/// Checks one payload, as the reply to a request or as a webhook.
fn payload(sample: &Value) -> Result<(), String> {
    let file = json(&samples().join("payloads").join(sample["sample"].as_str().unwrap_or_default()));
    let pointer = format!("/payload{}", sample["at"].as_str().unwrap_or_default());
    let mut body = file.pointer(&pointer).cloned().ok_or("has no such payload")?;
    if let Some(question) = sample.get("ask") {
        return is_asked_as_printed(question, &body);
    }
    for (pointer, value) in sample["with"].as_object().unwrap_or(&Map::new()) {
        *body.pointer_mut(pointer).ok_or("has no such member")? = value.clone();
    }
    if let Some(within) = sample.get("within") {
        let mut event = within.clone();
        event["object"] = body;
        body = event;
    }
    let mut steps = sample["steps"].as_array().cloned().unwrap_or_default();
    steps.extend(sample.get("then").cloned());
    let facade = facade(sample);
    let mut row = play_from(&facade, sample["start"].as_i64().unwrap_or(START), &steps)?;
    row.now += 1000;
    if sample["as"] == "webhook" {
        let fact = webhook(&body, sample["origin"].as_str().unwrap_or("verified"));
        let outcome = facade.report(&mut row, &fact)?;
        let unreadable = outcome.ignored.as_deref() == Some("unreadable");
        return if unreadable { Err("the webhook is unreadable".into()) } else { reaches(&facade, &row, sample) };
    }
    let leased = facade.lease_when_ready(&mut row, &[sample["effect"].as_str().unwrap_or_default().to_owned()])?;
    let reply = leased.reply(sample["status"].as_u64().unwrap_or(200) as u16, &body.to_string());
    is_read(&facade, &mut row, &leased.id, &reply, sample)
}

/// Checks that a question builds exactly the printed body. `fields` points at what it takes of the body.
fn is_asked_as_printed(question: &Value, printed: &Value) -> Result<(), String> {
    let mut with = question["with"].clone();
    let member = question["member"].as_str().unwrap_or_default();
    with[member] = printed.pointer(question["fields"].as_str().unwrap_or_default()).cloned().ok_or("has no fields")?;
    // What only the library reads is not printed.
    for (name, value) in question["adds"].as_object().into_iter().flatten() {
        with[member][name] = value.clone();
    }
    let answer = ask("ask", json!({"provider": question["provider"], "question": question["question"], "with": with}));
    let text = answer["ok"]["request"]["body"].as_str().ok_or_else(|| answer.to_string())?;
    let sent: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if sent == *printed { Ok(()) } else { Err(format!("printed {printed}\n    sent    {sent}")) }
}

/// Checks that a reply is read: it ends its request, or is the documented failure.
fn is_read(facade: &Facade, row: &mut Row, effect: &str, reply: &Value, sample: &Value) -> Result<(), String> {
    let outcome = facade.report(row, reply)?;
    if let Some(why) = outcome.ignored {
        return Err(format!("the reply is ignored: {why}"));
    }
    let kind = outcome.failure.as_ref().map_or(Value::Null, |failure| failure["kind"].clone());
    if kind != sample["kind"] {
        return Err(format!("the reply is read as {}", outcome.failure.unwrap_or(Value::Null)));
    }
    let views = facade.views(&row.text, row.now)?;
    if kind.is_null() && !is_gone(&views, effect) {
        return Err(format!("{effect} is still pending"));
    }
    reaches(facade, row, sample)
}

/// Checks that the row is at the place that the sample names.
fn reaches(facade: &Facade, row: &Row, sample: &Value) -> Result<(), String> {
    let Some(place) = sample.get("place") else { return Ok(()) };
    let views = facade.views(&row.text, row.now)?;
    let state = RowState { facade, text: &row.text, now: row.now, views: &views };
    if state.is_at(place)? { Ok(()) } else { Err(format!("{place} is not reached: {}", views.state)) }
}

fn facade(sample: &Value) -> Facade {
    let flow = sample["flow"].as_str().unwrap_or_default();
    let key = match (&sample["key"], flow) {
        (Value::Null, "revup.subscription") => json!({"of": ["revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c"]}),
        (key, _) => key.clone(),
    };
    let common =
        || json(&samples().join("read/preludes.json"))["settings"][flow.split('.').next().unwrap_or_default()].take();
    let settings = match sample.get("settings") {
        Some(settings) => settings.clone(),
        None if sample.get("command").is_some() => Value::Null,
        None => common(),
    };
    Facade::new(flow, &key, settings, json!({}))
}
