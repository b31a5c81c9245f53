//! The documents' own samples: every printed request is accepted and sent as it stands, and every printed reply and
//! webhook is read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rulebound_tests::rows::{Facade, Row, START, Seen, is_gone, play_from, webhook};
use rulebound_tests::vectors::{ask, files};
use serde_json::{Map, Value, json};

#[test]
fn the_seeds_are_sent_and_read_as_they_stand() {
    check("seeds.json", seed);
}

#[test]
fn every_payload_is_read() {
    check("payloads.json", payload);
}

#[test]
fn every_sample_is_held_against_the_code() {
    let told = |name: &str| fs::read_to_string(samples().join("read").join(name)).unwrap();
    let (seeds, payloads) = (told("seeds.json"), told("payloads.json"));
    let unused = |folder: &str, named: &dyn Fn(&str) -> bool| {
        let folder = samples().join(folder);
        let names =
            files(&folder).unwrap().into_iter().map(|it| it.strip_prefix(&folder).unwrap().display().to_string());
        names.filter(|name| !named(name)).collect::<BTreeSet<_>>()
    };
    // The reply to a product is held as a sample alone: nothing of the library reads a product.
    let unread = unused("seeds", &|name| seeds.contains(&format!("\"{}\"", name.trim_end_matches(".json"))));
    assert_eq!(unread.into_iter().collect::<Vec<_>>(), ["flex-product.response.json"]);
    let unread = unused("payloads", &|name| payloads.contains(&format!("\"{name}\"")));
    assert!(unread.is_empty(), "never read: {unread:?}");
}

#[track_caller]
fn check(index: &str, one: fn(&Value) -> Result<(), String>) {
    let all = named(&json(&samples().join("read").join(index)));
    let all = all.as_array().unwrap();
    let wrong: Vec<_> = all
        .iter()
        .filter(|it| it.get("skip").is_none())
        .filter_map(|it| one(it).err().map(|why| format!("{}: {why}", it.get("what").unwrap_or(&it["sample"]))))
        .collect();
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
                assert!(!found.is_null(), "nothing is named {name}");
                named(&found)
            }
            None => value.clone(),
        },
        Value::Array(list) => list.iter().map(named).collect(),
        Value::Object(members) => members.iter().map(|(name, it)| (name.clone(), named(it))).collect(),
        _ => value.clone(),
    }
}

/// One printed request or reply of a seed.
fn seed(it: &Value) -> Result<(), String> {
    if let Some(question) = it.get("ask") {
        return asked(it, question);
    }
    let mut steps = it["steps"].as_array().cloned().unwrap_or_default();
    if let Some(command) = it.get("command") {
        steps.push(json!({"command": spelt(command)}));
    }
    let facade = facade(it);
    let mut row = play_from(&facade, it["start"].as_i64().unwrap_or(START), &steps)?;
    let taken = facade.begin(&mut row, &[it["effect"].as_str().unwrap_or_default().to_owned()])?;
    if let Some(sent) = it.get("sent") {
        as_printed(sent, &taken.text)?;
    }
    row.now += 1000;
    let reply = taken.reply(200, &printed(&it["reply"]["sample"]));
    is_read(&facade, &mut row, &taken.id, &reply, it)
}

/// A printed request as a command: its members, and what the document lets the integrator fill in.
fn spelt(command: &Value) -> Value {
    let body: Value = serde_json::from_str(&printed(&command["of"])).unwrap();
    let mut spelt = body.pointer(command["at"].as_str().unwrap_or_default()).cloned().unwrap_or_default();
    spelt["type"] = command["type"].clone();
    for (name, value) in command["with"].as_object().unwrap_or(&Map::new()) {
        spelt[name] = value.clone();
    }
    spelt
}

/// What is sent is what is printed, number by number, but for what the document leaves to the integrator.
fn as_printed(sent: &Value, text: &str) -> Result<(), String> {
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
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        Value::Object(members) => members.values().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

/// A printed request or reply of the catalogue, about which a provider is asked without a flow.
fn asked(it: &Value, question: &Value) -> Result<(), String> {
    let member = question["member"].as_str().unwrap_or_default();
    let what = match question.get("body") {
        Some(sample) => printed(sample).into(),
        None => serde_json::from_str::<Value>(&printed(&question["of"])).unwrap()[member].take(),
    };
    let with = json!({member: what});
    let said = ask("ask", json!({"provider": question["provider"], "question": question["question"], "with": with}));
    let Some(sent) = it.get("sent") else {
        let wanted = it["reads"].as_object().unwrap().iter().all(|(name, wanted)| {
            wanted.as_object().unwrap().iter().all(|(member, it)| said["ok"][name][member] == *it)
        });
        return if wanted { Ok(()) } else { Err(format!("read as {said}")) };
    };
    as_printed(sent, said["ok"]["request"]["body"].as_str().ok_or_else(|| said.to_string())?)
}

/// One payload, as the reply to a request or as a webhook.
fn payload(it: &Value) -> Result<(), String> {
    let file = json(&samples().join("payloads").join(it["sample"].as_str().unwrap_or_default()));
    let at = format!("/payload{}", it["at"].as_str().unwrap_or_default());
    let mut body = file.pointer(&at).cloned().ok_or("has no such payload")?;
    for (pointer, value) in it["with"].as_object().unwrap_or(&Map::new()) {
        *body.pointer_mut(pointer).ok_or("has no such member")? = value.clone();
    }
    if let Some(within) = it.get("within") {
        let mut event = within.clone();
        event["object"] = body;
        body = event;
    }
    let mut steps = it["steps"].as_array().cloned().unwrap_or_default();
    steps.extend(it.get("then").cloned());
    let facade = facade(it);
    let mut row = play_from(&facade, it["start"].as_i64().unwrap_or(START), &steps)?;
    row.now += 1000;
    if it["as"] == "webhook" {
        let fact = webhook(&body, it["origin"].as_str().unwrap_or("verified"));
        let led = facade.tell(&mut row, &fact)?;
        let unreadable = led.ignored.as_deref() == Some("unreadable");
        return if unreadable { Err("the webhook is unreadable".into()) } else { reaches(&facade, &row, it) };
    }
    let taken = facade.begin(&mut row, &[it["effect"].as_str().unwrap_or_default().to_owned()])?;
    let reply = taken.reply(it["status"].as_u64().unwrap_or(200) as u16, &body.to_string());
    is_read(&facade, &mut row, &taken.id, &reply, it)
}

/// A reply is read: it ends its request, or is the failure that it is documented to be.
fn is_read(facade: &Facade, row: &mut Row, effect: &str, reply: &Value, it: &Value) -> Result<(), String> {
    let led = facade.tell(row, reply)?;
    if let Some(why) = led.ignored {
        return Err(format!("the reply moves nothing: {why}"));
    }
    let kind = led.failure.as_ref().map_or(Value::Null, |failure| failure["kind"].clone());
    if kind != it["kind"] {
        return Err(format!("the reply is read as {}", led.failure.unwrap_or(Value::Null)));
    }
    let views = facade.views(&row.text, row.now)?;
    if kind.is_null() && !is_gone(&views, effect) {
        return Err(format!("{effect} is still owed"));
    }
    reaches(facade, row, it)
}

fn reaches(facade: &Facade, row: &Row, it: &Value) -> Result<(), String> {
    let Some(place) = it.get("place") else { return Ok(()) };
    let views = facade.views(&row.text, row.now)?;
    let seen = Seen { facade, text: &row.text, now: row.now, views: &views };
    if seen.is_at(place)? { Ok(()) } else { Err(format!("{place} is not reached: {}", views.state)) }
}

fn facade(it: &Value) -> Facade {
    let flow = it["flow"].as_str().unwrap_or_default();
    let key = match (&it["key"], flow) {
        (Value::Null, "revup.subscription") => json!({"of": ["revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c"]}),
        (key, _) => key.clone(),
    };
    let common =
        || json(&samples().join("read/preludes.json"))["settings"][flow.split('.').next().unwrap_or_default()].take();
    let settings = match it.get("settings") {
        Some(settings) => settings.clone(),
        None if it.get("command").is_some() => Value::Null,
        None => common(),
    };
    Facade::new(flow, &key, settings, json!({}))
}
