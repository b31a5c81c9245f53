//! Alphabets: the commands, replies and facts that exploration, random walks and random sequences try. They are data, in
//! `tests/samples/alphabets`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use rulebound::ffi::{read_command, read_config, read_fact};
use rulebound::time::Millis;
use rulebound::{Config, Fact, Flow, Key};
use serde::Deserialize;
use serde_json::Value;

use crate::root;

/// What tests try with a flow, and the key and the config for it.
#[derive(Debug)]
pub struct Alphabet<F: Flow> {
    /// The key of the row.
    pub key: Key,
    /// The config of every call.
    pub config: Arc<Config>,
    /// Commands.
    pub commands: Vec<F::Command>,
    /// Replies by operation: status and body.
    pub replies: Vec<(String, u16, String)>,
    /// Facts that no request of ours caused.
    pub facts: Vec<Fact<'static>>,
    /// Steps of the clock.
    pub spans: Vec<Millis>,
    /// Ids that a verdict may name.
    pub ids: Vec<String>,
}

/// An alphabet as its file holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) key: Key,
    pub(crate) config: Value,
    commands: Vec<Value>,
    pub(crate) replies: Vec<Reply>,
    facts: Vec<Value>,
    pub(crate) spans_ms: Vec<Millis>,
    ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    pub(crate) operation: String,
    pub(crate) status: u16,
    body: Value,
}

impl Reply {
    /// The body as the provider sends it.
    pub(crate) fn body(&self) -> String {
        text(&self.body)
    }
}

impl Written {
    /// Reads the alphabet of a flow. Panics if its file is wrong.
    pub(crate) fn of(flow: &str) -> Self {
        let path = root().join(format!("tests/samples/alphabets/{flow}.json"));
        let read = fs::read_to_string(&path).map_err(|error| error.to_string());
        read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The facts, each with its body as a string.
    pub(crate) fn facts(&self) -> impl Iterator<Item = Value> {
        self.facts.iter().cloned().map(|mut fact| {
            if let Some(body) = fact.get_mut("body") {
                *body = text(body).into();
            }
            fact
        })
    }
}

impl<F: Flow> Alphabet<F> {
    /// Reads the alphabet of the flow. Panics if its file is wrong.
    pub fn load() -> Self {
        let written = Written::of(F::ID);
        let command =
            |it: &Value| read_command::<F>(&it.to_string()).unwrap_or_else(|wrong| panic!("{}: {it}: {wrong}", F::ID));
        let fact = |it: Value| {
            let text: &'static str = Box::leak(it.to_string().into_boxed_str());
            read_fact(text).unwrap_or_else(|wrong| panic!("{}: {text}: {wrong}", F::ID))
        };
        let config = read_config(&written.config.to_string());
        Self {
            config: Arc::new(config.unwrap_or_else(|error| panic!("{}: {error}", F::ID))),
            commands: written.commands.iter().map(command).collect(),
            replies: written.replies.iter().map(|it| (it.operation.clone(), it.status, it.body())).collect(),
            facts: written.facts().map(fact).collect(),
            key: written.key,
            spans: written.spans_ms,
            ids: written.ids,
        }
    }
}

thread_local! {
    /// The configs that were read, by flow.
    static CONFIGS: RefCell<BTreeMap<&'static str, Arc<Config>>> = RefCell::default();
}

/// The config of a flow's alphabet. It is read only once, since every decision needs it.
pub fn config<F: Flow>() -> Arc<Config> {
    CONFIGS.with(|all| all.borrow_mut().entry(F::ID).or_insert_with(|| Alphabet::<F>::load().config).clone())
}

/// The commands of a flow's alphabet as its file holds them.
pub fn written_commands(flow: &str) -> Vec<serde_json::Map<String, Value>> {
    let object = |it: Value| match it {
        Value::Object(members) => members,
        other => panic!("{flow}: {other} is no command"),
    };
    Written::of(flow).commands.into_iter().map(object).collect()
}

/// The same config as its file holds it.
pub fn written_config<F: Flow>() -> Value {
    Written::of(F::ID).config
}

/// A body as the provider sends it: a string as it is, any other value as JSON.
fn text(body: &Value) -> String {
    body.as_str().map_or_else(|| body.to_string(), str::to_owned)
}
