//! Rows as a host has them: a saved snapshot, a clock, and the facade's answers about it.

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
pub use place::{RowState, has, is_gone};
pub use prelude::{fill, play, play_from, text, webhook};

/// An hour, in milliseconds.
pub const HOUR: i64 = 3_600_000;

/// So long that every effect is visible, whether ready or not.
const LATER: i64 = 100 * 24 * HOUR;

/// How often the clock may move on to `wake_at` before an effect is ready.
const HOPS: usize = 64;

/// The key of a row whose flow accepts any key.
const KEY: &str = "00000000-0000-4000-8000-00000a000001";

/// The time at which every row starts: 2027-01-15T08:00:00Z.
pub const START: i64 = 1_800_000_000_000;

/// One flow, with the key and the config of every call.
#[derive(Debug)]
pub struct Facade {
    /// The flow's id.
    pub flow: String,
    /// The key of its rows.
    pub key: String,
    /// The config of every call.
    pub config: Value,
    /// The config as a member of a call, with a comma before it.
    config_member: String,
}

/// What a lease of an effect handed out.
#[derive(Clone, Debug, Default)]
pub struct Leased {
    /// The effect.
    pub id: String,
    /// The number of the sending.
    pub sending: u64,
    /// Its idempotency key.
    pub key: String,
    /// The body of its request, as the host sends it.
    pub text: String,
    /// The body as JSON, or null.
    pub body: Value,
}

/// A row, and the steps that outcome to it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its key.
    pub key: String,
    /// The saved snapshot.
    pub text: String,
    /// The time, in milliseconds.
    pub now: i64,
    /// Every step so far, in the form of a vector.
    pub steps: Vec<Value>,
    /// The last lease of each operation, by its name.
    pub leased: BTreeMap<String, Leased>,
}

/// What a command, a lease or a fact leads to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The next snapshot, or the same one if nothing changed.
    pub text: String,
    /// The request that the lease hands out.
    pub request: Option<Value>,
    /// Why the reply is not a success.
    pub failure: Option<Value>,
    /// Why a fact was ignored.
    pub ignored: Option<String>,
    /// The codes of the rules that reject the command or the lease.
    pub rejected: Option<Vec<String>>,
}

/// The views of a row.
#[derive(Debug)]
pub struct Views {
    /// Its effects.
    pub effects: Value,
    /// Its effects, with those that are not visible yet.
    pub later: Value,
    /// Its waits.
    pub waiting_for: Value,
    /// Its actions.
    pub actions: Value,
    /// When to look at it again.
    pub wake_at: Option<i64>,
    /// The ids by which a webhook finds it.
    pub ids: Value,
    /// The flow's own state.
    pub state: Value,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    ok: Option<&'a RawValue>,
    #[serde(borrow)]
    rejected: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StepAnswer<'a> {
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
    /// A flow, with a key in the form of the vectors, or null if any key will do.
    pub fn new(flow: &str, wanted: &Value, settings: Value, mut config: Value) -> Self {
        if !settings.is_null() {
            config[flow.split('.').next().unwrap_or_default()] = settings;
        }
        let config_member = format!(r#","config":{config}"#);
        let key = key(wanted).as_str().unwrap_or(KEY).to_owned();
        Self { flow: flow.to_owned(), key, config, config_member }
    }

    /// A row before its first command.
    pub fn start(&self) -> Result<Row, String> {
        let text = ask(&format!(r#"{{"start":{{"flow":"{}","key":"{}"}}}}"#, self.flow, self.key))?;
        Ok(Row {
            key: self.key.clone(),
            text: text.to_string(),
            now: START,
            steps: Vec::new(),
            leased: BTreeMap::new(),
        })
    }

    /// Handles a command on a saved snapshot.
    pub fn handle(&self, text: &str, command: &Value, now: i64) -> Result<Outcome, String> {
        self.step(text, "handle", "command", command, now)
    }

    /// Observes a fact on a saved snapshot.
    pub fn observe(&self, text: &str, fact: &Value, now: i64) -> Result<Outcome, String> {
        self.step(text, "observe", "fact", fact, now)
    }

    /// Leases an effect of a saved snapshot.
    pub fn lease(&self, text: &str, effect: &str, now: i64) -> Result<Outcome, String> {
        self.step(text, "lease", "effect", &effect.into(), now)
    }

    fn step(&self, text: &str, verb: &str, name: &str, what: &Value, now: i64) -> Result<Outcome, String> {
        let request =
            format!(r#"{{"{verb}":{{"snapshot":{text},"{name}":{what},"now":{now}{}}}}}"#, self.config_member);
        let text_of_answer = call_guarded(&request)?;
        let answer: Answer<'_> = serde_json::from_str(&text_of_answer).map_err(|error| error.to_string())?;
        if let Some(rejected) = answer.rejected {
            let rejected: Value = serde_json::from_str(rejected.get()).map_err(|error| error.to_string())?;
            let rules = rejected["violations"].as_array().into_iter().flatten();
            let rejected = rules.map(|it| it["rule"].as_str().unwrap_or_default().to_owned()).collect();
            return Ok(Outcome { text: text.to_owned(), rejected: Some(rejected), ..Outcome::default() });
        }
        let ok = answer.ok.ok_or_else(|| format!("{name} {what}: {}", answer.error.map_or("?", RawValue::get)))?;
        let StepAnswer { next, request, failure, ignored } =
            serde_json::from_str(ok.get()).map_err(|error| error.to_string())?;
        let text = next.map_or(text, RawValue::get).to_owned();
        Ok(Outcome { text, request, failure, ignored: ignored.map(|it| it.reason), rejected: None })
    }

    fn view(&self, text: &str, verb: &str, now: i64) -> Result<Value, String> {
        ask(&format!(r#"{{"{verb}":{{"snapshot":{text},"now":{now}{}}}}}"#, self.config_member))
    }

    /// The effects of a saved snapshot.
    pub fn effects(&self, text: &str, now: i64) -> Result<Value, String> {
        self.view(text, "effects", now)
    }

    /// The waits of a saved snapshot.
    pub fn waiting_for(&self, text: &str, now: i64) -> Result<Value, String> {
        self.view(text, "waiting_for", now)
    }

    /// When to look at a saved snapshot again.
    pub fn wake_at(&self, text: &str, now: i64) -> Result<Option<i64>, String> {
        Ok(self.view(text, "wake_at", now)?.as_i64())
    }

    /// The effects of a saved snapshot, with those that are not visible yet.
    pub fn later(&self, text: &str, now: i64) -> Result<Value, String> {
        self.view(text, "effects", now + LATER)
    }

    /// Every view of a saved snapshot.
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

    /// Leases the first effect with one of these names as soon as it is ready, moving the clock on.
    pub fn lease_when_ready(&self, row: &mut Row, names: &[String]) -> Result<Leased, String> {
        for _ in 0..HOPS {
            let effects = self.effects(&row.text, row.now)?;
            let fits = |it: &&Value| it["ready"] == true && names.iter().any(|name| is_named(name, &it["id"]));
            if let Some(found) = effects.as_array().into_iter().flatten().find(fits) {
                let id = found["id"].as_str().unwrap_or_default().to_owned();
                return self.lease_now(row, &id);
            }
            if let Some(lookup) = names.iter().find_map(|name| lookup_before(&effects, name)) {
                self.lease_now(row, &lookup)?;
                continue;
            }
            let pending = effects
                .as_array()
                .into_iter()
                .flatten()
                .filter(|it| names.iter().any(|name| is_named(name, &it["id"])));
            let until = pending.flat_map(|it| [it["not_before"].as_i64(), it["leased_until"].as_i64()]).flatten().max();
            match (until, self.wake_at(&row.text, row.now)?) {
                (Some(until), _) if until > row.now => row.now = until,
                (_, Some(wake_at)) if wake_at > row.now => row.now = wake_at,
                // Something else is ready, and stays so.
                (_, Some(_)) => row.now += HOUR,
                _ => break,
            }
        }
        Err(format!("no effect {} gets ready; pending: {}", names.join(" or "), self.later(&row.text, row.now)?))
    }

    /// Leases an effect of a row at its time.
    pub fn lease_now(&self, row: &mut Row, id: &str) -> Result<Leased, String> {
        let outcome = self.lease(&row.text, id, row.now)?;
        row.steps.push(json!({"now": row.now, "lease": id}));
        if let Some(rules) = outcome.rejected {
            return Err(format!("the lease of {id} is rejected: {}", rules.join(", ")));
        }
        row.text = outcome.text;
        let leased = Leased::of(id, outcome.request.as_ref());
        let operation = id.split(':').next().unwrap_or_default().to_owned();
        row.leased.insert(operation, leased.clone());
        Ok(leased)
    }

    /// Handles a command on a row.
    pub fn command(&self, row: &mut Row, command: &Value) -> Result<(), String> {
        let outcome = self.handle(&row.text, command, row.now)?;
        row.steps.push(json!({"now": row.now, "command": command}));
        if let Some(rules) = outcome.rejected {
            return Err(format!("{} is rejected: {}", command["type"], rules.join(", ")));
        }
        row.text = outcome.text;
        Ok(())
    }

    /// Observes a fact on a row.
    pub fn report(&self, row: &mut Row, fact: &Value) -> Result<Outcome, String> {
        let outcome = self.observe(&row.text, fact, row.now)?;
        row.steps.push(json!({"now": row.now, "fact": fact}));
        row.text.clone_from(&outcome.text);
        Ok(outcome)
    }
}

impl Leased {
    /// What a lease of an effect handed out, by its request.
    pub fn of(id: &str, request: Option<&Value>) -> Self {
        let request = request.unwrap_or(&Value::Null);
        let text = request["body"].as_str().unwrap_or_default().to_owned();
        let body = serde_json::from_str(&text).unwrap_or_default();
        let key = request["idempotency_key"].as_str().unwrap_or_default().to_owned();
        Self { id: id.to_owned(), sending: request["sending"].as_u64().unwrap_or_default(), key, text, body }
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

/// Whether an id has this name. A final `*` in the name matches any end.
pub fn is_named(name: &str, id: &Value) -> bool {
    let id = id.as_str().unwrap_or_default();
    name.strip_suffix('*').map_or(id == name, |begin| id.starts_with(begin))
}

/// The ready lookup that a worker must lease before it sends this request again.
pub fn lookup_before(effects: &Value, name: &str) -> Option<String> {
    let all = || effects.as_array().into_iter().flatten();
    let rules = all().filter(|it| is_named(name, &it["id"])).flat_map(|it| it["blocked_by"].as_array()).flatten();
    let mut lookups =
        rules.filter(|it| it["rule"] == "rulebound.effect.outcome-unknown").map(|it| &it["unblocked_by"]["effect"]);
    let found = lookups.find(|lookup| all().any(|it| it["id"] == **lookup && it["ready"] == true))?;
    found.as_str().map(str::to_owned)
}

fn ask(request: &str) -> Result<Value, String> {
    let answer: Value = serde_json::from_str(&call_guarded(request)?).map_err(|error| error.to_string())?;
    answer.get("ok").cloned().ok_or_else(|| answer.to_string())
}

/// Calls the facade, and reports a panic as an error.
fn call_guarded(request: &str) -> Result<String, String> {
    catch_unwind(AssertUnwindSafe(|| call(request))).map_err(|_| "panics".to_owned())
}
