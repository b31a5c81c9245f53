//! The life as a transcript.

use std::collections::BTreeSet;

use rulebound_tests::vectors::{ask, key, with_context, with_text};
use serde_json::{Value, json};

use super::fold::{BETWEEN, Fold};
use super::{Does, Life, Step, in_order, instant, members};

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;

/// How a line of the transcript is continued.
const FOLD: Fold = Fold { indent: "    ", close: "", open: "" };

impl Life<'_> {
    /// What goes to and fro.
    pub(super) fn wire(&self) -> Result<String, String> {
        let mut text = String::new();
        let mut snapshot =
            ask("start", json!({"flow": self.vector["flow"], "key": key(&self.vector["key"])}))["ok"].take();
        let mut seen = Seen::default();
        for (before, step) in in_order(&self.steps()?) {
            text += &passed(before, step);
            // What has become pending because time has passed.
            seen.unseen(self.view(step, "effects", &snapshot)).iter().for_each(|it| text += &pending(it));
            let (verb, said, field, given) = match step.does {
                Does::Handle(command) => ("handle", shown(command), "command", command.clone()),
                Does::Lease(effect) => ("lease", effect.to_owned(), "effect", effect.into()),
                Does::Observe(fact) => ("observe", shown(fact), "fact", with_text(fact)),
            };
            text += &FOLD.fold(&format!("> {verb} {said}\n"));
            let answer = self.ask(step, verb, json!({"snapshot": snapshot, field: given}));
            let Some(next) = answer["ok"].get("next").cloned() else {
                text += &rejection(&answer);
                continue;
            };
            let made = seen.unseen(self.view(step, "effects", &next));
            let page =
                self.page(step, &snapshot, &next).filter(|it| made.iter().all(|made| made["customer_url"] != *it));
            text += &FOLD.fold(&outcome(verb, &answer["ok"], page));
            made.iter().for_each(|it| text += &pending(it));
            snapshot = next;
        }
        Ok(text)
    }

    fn ask(&self, step: Step<'_>, verb: &str, fields: Value) -> Value {
        ask(verb, with_context(&self.vector, step.whole, fields))
    }

    fn view(&self, step: Step<'_>, name: &str, snapshot: &Value) -> Value {
        self.ask(step, name, json!({"snapshot": snapshot}))["ok"].take()
    }

    /// The customer's page, if the step has brought it.
    fn page(&self, step: Step<'_>, before: &Value, after: &Value) -> Option<String> {
        let of = |snapshot: &Value| self.view(step, "status", snapshot)["customer_url"].take();
        let page = of(after);
        if page == of(before) { None } else { page.as_str().map(str::to_owned) }
    }
}

/// The ids of the effects that the transcript has shown.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    /// The effects that the transcript has not shown yet.
    fn unseen(&mut self, effects: Value) -> Vec<Value> {
        let effects = effects.as_array().cloned().unwrap_or_default();
        effects.into_iter().filter(|it| self.0.insert(it["id"].to_string())).collect()
    }
}

/// A comment if a new day has begun.
fn passed(before: Option<Step<'_>>, step: Step<'_>) -> String {
    let Some(_) = step.new_day(before) else { return String::new() };
    let at: String = step.instant().chars().take(16).collect();
    match before.map(|it| step.now / DAY - it.now / DAY) {
        None => format!("# {at}\n"),
        Some(1) => format!("\n# {at}, a day later\n"),
        Some(days) => format!("\n# {at}, {days} days later\n"),
    }
}

/// What a host says, with the body of a fact as JSON, and without empty parts.
fn shown(value: &Value) -> String {
    let mut value = value.clone();
    if let Some(body) = value.get("body").and_then(Value::as_str)
        && let Ok(json) = serde_json::from_str::<Value>(body)
    {
        value["body"] = json;
    }
    let is_empty = |it: &Value| it == "" || it.as_object().is_some_and(serde_json::Map::is_empty);
    value.as_object_mut().into_iter().for_each(|it| it.retain(|_, value| !is_empty(value)));
    json_text(&value)
}

/// Compact JSON that can be broken between its members.
fn json_text(value: &Value) -> String {
    let comma = format!(",{BETWEEN}");
    match value {
        Value::Array(entries) => format!("[{}]", entries.iter().map(json_text).collect::<Vec<_>>().join(&comma)),
        Value::Object(_) => {
            let member = |(name, value): (&String, &Value)| format!("{name:?}:{}", json_text(value));
            format!("{{{}}}", members(value).into_iter().map(member).collect::<Vec<_>>().join(&comma))
        }
        _ => value.to_string(),
    }
}

/// The broken rules.
fn rejection(answer: &Value) -> String {
    let line = |it: &Value| {
        let text = |name: &str| it[name].as_str().unwrap_or_default();
        FOLD.fold(&format!("< rejected by {}: {BETWEEN}{}\n", text("rule"), text("message")))
    };
    answer["rejected"]["violations"].as_array().into_iter().flatten().map(line).collect()
}

/// What a call leads to: the request, or what has changed. Nothing if no state has changed.
fn outcome(verb: &str, ok: &Value, page: Option<String>) -> String {
    if verb == "lease" {
        return request(&ok["request"]);
    }
    let mut parts = Vec::new();
    if let Some(reason) = ok["ignored"]["reason"].as_str() {
        parts.push(format!("ignored: {reason}"));
    }
    if let Some(kind) = ok["failure"]["kind"].as_str() {
        let code = ok["failure"]["code"].as_str().map(|it| format!(" ({it})")).unwrap_or_default();
        let status = ok["failure"]["http_status"].as_i64().map(|it| format!(" with {it}")).unwrap_or_default();
        parts.push(format!("the request failed: {kind}{status}{code}"));
    }
    for it in ok["transitions"].as_array().into_iter().flatten() {
        let text = |name: &str| it[name].as_str().unwrap_or_default();
        if text("before") != text("after") {
            parts.push(format!("{}: {}", text("facet"), text("after")));
        }
    }
    parts.extend(page.map(|it| format!("{BETWEEN}page for the customer: {it}")));
    if parts.is_empty() { String::new() } else { format!("< {}\n", parts.join("; ")) }
}

/// The request that a lease hands out.
fn request(request: &Value) -> String {
    let word = |name: &str| request[name].as_str().unwrap_or_default();
    let body = word("body");
    let body = serde_json::from_str(body).map_or_else(|_| body.to_owned(), |it: Value| json_text(&it));
    format!("{}\n", format!("= {} {} {BETWEEN}{body}", word("method"), word("url")).trim_end_matches([' ', BETWEEN]))
}

/// A pending effect, with what a worker needs for it.
fn pending(effect: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(intent) = effect["intent"].as_str().filter(|_| effect["type"] == "fulfill") {
        parts.push(format!("for {intent}"));
    }
    if let Some(amount) = effect["paid"]["amount"].as_i64() {
        let currency = effect["paid"]["currency"].as_str().map(|it| format!(" {it}")).unwrap_or_default();
        parts.push(format!("paid {}.{:02}{currency}", amount / 100, amount % 100));
    }
    for item in effect["items"].as_array().into_iter().flatten() {
        parts.push(format!("{} x {}", item["quantity"], item["id"].as_str().unwrap_or("an item")));
    }
    let instants = [
        ("from", "/period/starts_at"),
        ("to", "/period/ends_at"),
        ("until", "/access_until"),
        ("paid until", "/paid_until"),
    ];
    for (word, place) in instants {
        parts.extend(effect.pointer(place).and_then(Value::as_i64).map(|it| format!("{word} {}", instant(it))));
    }
    for name in ["customer_action", "customer_url"] {
        parts.extend(effect[name].as_str().map(str::to_owned));
    }
    if let Some(from) = effect["not_before"].as_i64() {
        parts.push(format!("not before {}", instant(from)));
    }
    let about = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    format!("! {}{about}\n", effect["id"].as_str().unwrap_or_default())
}
