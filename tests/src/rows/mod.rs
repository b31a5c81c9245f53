//! Rows as a host sees them: a saved text, a clock, and the facade's answers about it.

mod opened;
mod place;
mod prelude;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rulebound::ffi::call;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::vectors::key;

pub use opened::Opened;
pub use place::{Seen, has, is_gone};
pub use prelude::{fill, play, play_from, text, webhook};

/// An hour, in milliseconds.
pub const HOUR: i64 = 3_600_000;

/// So long that everything that rests is shown, whether ready or not.
const LATER: i64 = 100 * 24 * HOUR;

/// How often the clock may move on to the deadline before an effect is ready.
const HOPS: usize = 64;

/// The key of a row whose flow does not ask for another.
const KEY: &str = "00000000-0000-4000-8000-00000a000001";

/// When every row begins: 2027-01-15T08:00:00Z.
pub const START: i64 = 1_800_000_000_000;

/// One flow, with what stands around every call.
#[derive(Debug)]
pub struct Facade {
    /// The flow's id.
    pub flow: String,
    /// The key of its rows.
    pub key: String,
    /// The host's choices.
    pub config: Value,
    around: String,
}

/// What was handed out for an effect.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// The effect.
    pub id: String,
    /// Which sending of it this is.
    pub sending: u64,
    /// Its idempotency key.
    pub key: String,
    /// The body of its request, as it is sent.
    pub text: String,
    /// The same, read; or null.
    pub body: Value,
}

/// A row, and how it came about.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its key.
    pub key: String,
    /// What is saved.
    pub text: String,
    /// What its clock shows, in milliseconds.
    pub now: i64,
    /// Every step so far, in the form of a vector's.
    pub steps: Vec<Value>,
    /// What was handed out last, by the operation's name.
    pub taken: BTreeMap<String, Taken>,
}

/// What a command or a fact leads to.
#[derive(Debug, Default)]
pub struct Led {
    /// The next snapshot; the same where nothing moved.
    pub text: String,
    /// The request that is handed out.
    pub taken: Option<Value>,
    /// What the provider refused, or what could not be read.
    pub failure: Option<Value>,
    /// Why a fact was ignored.
    pub ignored: Option<String>,
    /// The codes of the rules that reject a command.
    pub rejected: Option<Vec<String>>,
}

/// What a row shows.
#[derive(Debug)]
pub struct Views {
    /// Its effects.
    pub effects: Value,
    /// Its effects, with those that are not due yet.
    pub later: Value,
    /// Its waits.
    pub waiting_for: Value,
    /// Its actions.
    pub actions: Value,
    /// When to look at it again.
    pub wake_at: Option<i64>,
    /// The ids by which a signal finds it.
    pub ids: Value,
    /// The flow's own state.
    pub state: Value,
}

#[derive(Deserialize)]
struct Spoken<'a> {
    #[serde(borrow)]
    ok: Option<&'a RawValue>,
    #[serde(borrow)]
    rejected: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Moved<'a> {
    #[serde(borrow)]
    next: Option<&'a RawValue>,
    request: Option<Value>,
    failure: Option<Value>,
    ignored: Option<Ignored>,
}

#[derive(Deserialize)]
struct Ignored {
    reason: String,
}

impl Facade {
    /// A flow, with the key in the vectors' form where any key does not do.
    pub fn new(flow: &str, wanted: &Value, settings: Value, mut config: Value) -> Self {
        if !settings.is_null() {
            config[flow.split('.').next().unwrap_or_default()] = settings;
        }
        let around = format!(r#","config":{config}"#);
        let key = key(wanted).as_str().unwrap_or(KEY).to_owned();
        Self { flow: flow.to_owned(), key, config, around }
    }

    /// A row that has not begun.
    pub fn start(&self) -> Result<Row, String> {
        let text = ask(&format!(r#"{{"start":{{"flow":"{}","key":"{}"}}}}"#, self.flow, self.key))?;
        Ok(Row { key: self.key.clone(), text: text.to_string(), now: START, steps: Vec::new(), taken: BTreeMap::new() })
    }

    /// Lets a saved text handle a command.
    pub fn handle(&self, text: &str, command: &Value, now: i64) -> Result<Led, String> {
        self.step(text, "handle", "command", command, now)
    }

    /// Lets a saved text observe a fact.
    pub fn observe(&self, text: &str, fact: &Value, now: i64) -> Result<Led, String> {
        self.step(text, "observe", "fact", fact, now)
    }

    /// Lets a worker lease an effect of a saved text.
    pub fn lease(&self, text: &str, effect: &str, now: i64) -> Result<Led, String> {
        self.step(text, "lease", "effect", &effect.into(), now)
    }

    fn step(&self, text: &str, verb: &str, name: &str, what: &Value, now: i64) -> Result<Led, String> {
        let request = format!(r#"{{"{verb}":{{"snapshot":{text},"{name}":{what},"now":{now}{}}}}}"#, self.around);
        let said = speak(&request)?;
        let spoken: Spoken<'_> = serde_json::from_str(&said).map_err(|error| error.to_string())?;
        if let Some(rejected) = spoken.rejected {
            let rejected: Value = serde_json::from_str(rejected.get()).map_err(|error| error.to_string())?;
            let rules = rejected["violations"].as_array().into_iter().flatten();
            let rejected = rules.map(|it| it["rule"].as_str().unwrap_or_default().to_owned()).collect();
            return Ok(Led { text: text.to_owned(), rejected: Some(rejected), ..Led::default() });
        }
        let ok = spoken.ok.ok_or_else(|| format!("{name} {what}: {}", spoken.error.map_or("?", RawValue::get)))?;
        let moved: Moved<'_> = serde_json::from_str(ok.get()).map_err(|error| error.to_string())?;
        let text = moved.next.map_or(text, RawValue::get).to_owned();
        let (taken, failure, ignored) = (moved.request, moved.failure, moved.ignored.map(|it| it.reason));
        Ok(Led { text, taken, failure, ignored, rejected: None })
    }

    fn view(&self, text: &str, verb: &str, now: i64) -> Result<Value, String> {
        ask(&format!(r#"{{"{verb}":{{"snapshot":{text},"now":{now}{}}}}}"#, self.around))
    }

    /// Its effects.
    pub fn effects(&self, text: &str, now: i64) -> Result<Value, String> {
        self.view(text, "effects", now)
    }

    /// Its waits.
    pub fn waiting_for(&self, text: &str, now: i64) -> Result<Value, String> {
        self.view(text, "waiting_for", now)
    }

    /// When to look at it again.
    pub fn wake_at(&self, text: &str, now: i64) -> Result<Option<i64>, String> {
        Ok(self.view(text, "wake_at", now)?.as_i64())
    }

    /// Its effects, with those that are not due yet.
    pub fn later(&self, text: &str, now: i64) -> Result<Value, String> {
        self.view(text, "effects", now + LATER)
    }

    /// Everything that it shows.
    pub fn views(&self, text: &str, now: i64) -> Result<Views, String> {
        let saved: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(Views {
            effects: self.effects(text, now)?,
            later: self.later(text, now)?,
            waiting_for: self.waiting_for(text, now)?,
            actions: self.view(text, "actions", now)?,
            wake_at: self.wake_at(text, now)?,
            ids: ask(&format!(r#"{{"ids":{{"snapshot":{text}}}}}"#))?,
            state: saved["state"].clone(),
        })
    }

    /// Takes the effect of that name in hand as soon as it is ready, moving the clock on to the deadline.
    pub fn begin(&self, row: &mut Row, names: &[String]) -> Result<Taken, String> {
        for _ in 0..HOPS {
            let effects = self.effects(&row.text, row.now)?;
            let fits = |it: &&Value| it["ready"] == true && names.iter().any(|name| is_named(name, &it["id"]));
            if let Some(found) = effects.as_array().into_iter().flatten().find(fits) {
                let id = found["id"].as_str().unwrap_or_default().to_owned();
                return self.take(row, &id);
            }
            let rests = effects
                .as_array()
                .into_iter()
                .flatten()
                .filter(|it| names.iter().any(|name| is_named(name, &it["id"])));
            let until = rests.flat_map(|it| [it["not_before"].as_i64(), it["leased_until"].as_i64()]).flatten().max();
            match (until, self.wake_at(&row.text, row.now)?) {
                (Some(until), _) if until > row.now => row.now = until,
                (_, Some(deadline)) if deadline > row.now => row.now = deadline,
                // Something else is ready, and stays so.
                (_, Some(_)) => row.now += HOUR,
                _ => break,
            }
        }
        Err(format!("no effect {} gets ready; it owes {}", names.join(" or "), self.later(&row.text, row.now)?))
    }

    /// Takes an effect in hand now.
    pub fn take(&self, row: &mut Row, id: &str) -> Result<Taken, String> {
        let led = self.lease(&row.text, id, row.now)?;
        row.steps.push(json!({"now": row.now, "lease": id}));
        if let Some(rules) = led.rejected {
            return Err(format!("the lease of {id} is rejected: {}", rules.join(", ")));
        }
        row.text = led.text;
        let taken = Taken::of(id, led.taken.as_ref());
        let operation = id.split(':').next().unwrap_or_default().to_owned();
        row.taken.insert(operation, taken.clone());
        Ok(taken)
    }

    /// Lets a command be handled.
    pub fn command(&self, row: &mut Row, command: &Value) -> Result<(), String> {
        let led = self.handle(&row.text, command, row.now)?;
        row.steps.push(json!({"now": row.now, "command": command}));
        if let Some(rules) = led.rejected {
            return Err(format!("{} is rejected: {}", command["type"], rules.join(", ")));
        }
        row.text = led.text;
        Ok(())
    }

    /// Lets a fact be observed.
    pub fn tell(&self, row: &mut Row, fact: &Value) -> Result<Led, String> {
        let led = self.observe(&row.text, fact, row.now)?;
        row.steps.push(json!({"now": row.now, "fact": fact}));
        row.text.clone_from(&led.text);
        Ok(led)
    }
}

impl Taken {
    /// What is handed out for an effect.
    pub fn of(id: &str, take: Option<&Value>) -> Self {
        let take = take.unwrap_or(&Value::Null);
        let text = take["body"].as_str().unwrap_or_default().to_owned();
        let body = serde_json::from_str(&text).unwrap_or_default();
        let key = take["idempotency_key"].as_str().unwrap_or_default().to_owned();
        Self { id: id.to_owned(), sending: take["sending"].as_u64().unwrap_or_default(), key, text, body }
    }

    /// A fact about this sending.
    pub fn fact(&self, mut fact: Value) -> Value {
        fact["effect"] = self.id.as_str().into();
        fact["sending"] = self.sending.into();
        fact
    }

    /// A reply to this sending.
    pub fn reply(&self, status: u16, body: &str) -> Value {
        self.fact(json!({"type": "reply", "http_status": status, "headers": {}, "body": body}))
    }
}

/// Whether an id is that name, of which a final `*` matches any end.
pub fn is_named(name: &str, id: &Value) -> bool {
    let id = id.as_str().unwrap_or_default();
    name.strip_suffix('*').map_or(id == name, |begin| id.starts_with(begin))
}

fn ask(request: &str) -> Result<Value, String> {
    let said: Value = serde_json::from_str(&speak(request)?).map_err(|error| error.to_string())?;
    said.get("ok").cloned().ok_or_else(|| said.to_string())
}

fn speak(request: &str) -> Result<String, String> {
    catch_unwind(AssertUnwindSafe(|| call(request))).map_err(|_| "panics".to_owned())
}
