//! Places to begin from: the snapshots that the vectors reach.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rulebound::ffi::{AnySnapshot, read_config, read_effect, read_fact, start};
use rulebound::time::Timestamp;
use rulebound::{Config, Context, Key};
use rulebound_tests::vectors::read_folder;
use serde_json::Value;

use crate::VECTORS;

/// How many places with the same shape are kept.
const ALIKE: usize = 3;

/// A snapshot that a vector reaches.
#[derive(Debug)]
pub struct Place {
    /// The snapshot.
    pub snapshot: Box<dyn AnySnapshot>,
    /// When it was reached.
    pub now: Timestamp,
    /// The vector's config.
    pub config: Arc<Config>,
    /// The leased requests that are still pending: their ids and operations.
    pub leased: Vec<(String, String)>,
}

impl Place {
    /// The context in which it was reached.
    pub fn context(&self) -> Context {
        Context::new(self.now, Arc::clone(&self.config))
    }
}

/// Everything that the vectors hold.
#[derive(Debug, Default)]
pub struct Places {
    /// Every place, a few of each shape.
    pub all: Vec<Place>,
    /// The vectors' replies to each operation of a provider: statuses and bodies.
    pub replies: BTreeMap<(String, String), BTreeSet<(u16, String)>>,
    /// The webhooks of each provider.
    pub webhooks: BTreeMap<String, BTreeSet<Webhook>>,
}

/// A webhook's body, its content type, and its topic.
pub type Webhook = (String, Option<String>, Option<String>);

/// The places, reached once.
pub static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let mut places = Places::default();
    let mut shapes = BTreeMap::new();
    vectors().iter().for_each(|vector| places.play(vector, &mut shapes));
    assert!(places.all.len() > 100, "only {} places: the vectors are missing", places.all.len());
    places
});

/// Every vector, in the order of their files.
pub fn vectors() -> Vec<Value> {
    let all = read_folder(Path::new(VECTORS)).unwrap_or_default();
    all.into_iter().filter_map(|(_, vector)| vector.ok()).collect()
}

/// The key of a vector: a string, or the kind and the name from which `Key::of` makes one.
pub fn key(vector: &Value) -> Option<Key> {
    match vector["key"]["of"].as_array().map(Vec::as_slice) {
        Some([kind, name]) => Some(Key::of(kind.as_str()?, name.as_str()?)),
        _ => Key::parse(vector["key"].as_str()?).ok(),
    }
}

/// A member of a step, or of its vector if the step does not have it.
fn member<'a>(vector: &'a Value, step: &'a Value, name: &str) -> Option<&'a Value> {
    step.get(name).or_else(|| vector.get(name))
}

/// A body as text.
pub fn text(body: &Value) -> String {
    match body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        body => body.to_string(),
    }
}

impl Places {
    fn play(&mut self, vector: &Value, shapes: &mut BTreeMap<String, usize>) {
        let flow = vector["flow"].as_str().unwrap_or_default();
        let Some(mut snapshot) = key(vector).and_then(|key| start(flow, key)) else { return };
        let mut leased: BTreeMap<String, String> = BTreeMap::new();
        for step in vector["steps"].as_array().into_iter().flatten() {
            let config = member(vector, step, "config").and_then(|it| read_config(&it.to_string()).ok());
            let config = Arc::new(config.unwrap_or_default());
            let now = Timestamp::from_millis(step["now"].as_i64().unwrap_or_default());
            let context = Context::new(now, Arc::clone(&config));
            self.keep(flow, &step["fact"], &leased);
            let Some(next) = next(snapshot.as_ref(), step, &context) else { continue };
            snapshot = next;
            if let Some(id) = step["lease"].as_str() {
                let operation = id.split(':').next().unwrap_or_default();
                leased.insert(id.to_owned(), operation.to_owned());
            }
            let effects = snapshot.effects(&context);
            leased.retain(|id, _| effects.iter().any(|it| it.id.as_str() == id));
            let shape = format!("{} {:?} {}", flow, leased.values().collect::<Vec<_>>(), shape(&snapshot.save()));
            let count = shapes.entry(shape).or_default();
            if *count < ALIKE {
                *count += 1;
                let leased = leased.iter().map(|(id, operation)| (id.clone(), operation.clone())).collect();
                // A copy: the snapshot itself is still in use.
                let saved = snapshot.save();
                let Ok(snapshot) = rulebound::ffi::load(&saved) else { panic!("does not load: {saved}") };
                self.all.push(Place { snapshot, now, config: Arc::clone(&config), leased });
            }
        }
    }

    /// Keeps a fact's reply or webhook.
    fn keep(&mut self, flow: &str, fact: &Value, leased: &BTreeMap<String, String>) {
        let provider = flow.split('.').next().unwrap_or_default().to_owned();
        let given = |name: &str| fact[name].as_str().map(str::to_owned);
        match fact["type"].as_str() {
            Some("reply") => {
                let effect = fact["effect"].as_str().unwrap_or_default();
                let status = fact["http_status"].as_u64().and_then(|it| u16::try_from(it).ok()).unwrap_or_default();
                if let Some(operation) = leased.get(effect) {
                    let replies = self.replies.entry((provider, operation.clone())).or_default();
                    replies.insert((status, text(&fact["body"])));
                }
            }
            Some("webhook") => {
                let webhooks = self.webhooks.entry(provider).or_default();
                webhooks.insert((text(&fact["body"]), given("content_type"), given("topic")));
            }
            _ => {}
        }
    }
}

/// The snapshot after a vector's step, unless the step is rejected or ignored.
fn next(snapshot: &dyn AnySnapshot, step: &Value, context: &Context) -> Option<Box<dyn AnySnapshot>> {
    if let Some(command) = step.get("command") {
        return snapshot.handle(&command.to_string(), context).ok().map(|it| it.next);
    }
    if let Some(effect) = step.get("lease").and_then(Value::as_str) {
        return snapshot.lease(&read_effect(effect).ok()?, context).ok().map(|it| it.next);
    }
    let mut fact = step.get("fact")?.clone();
    if let Some(body) = fact.get_mut("body") {
        *body = text(body).into();
    }
    let step = snapshot.observe(read_fact(&fact.to_string()).ok()?, context).ok()?;
    step.ignored.is_none().then_some(step.next)
}

/// A saved snapshot without what differs among snapshots of a kind: numbers, and most strings.
fn shape(saved: &str) -> String {
    let saved: Value = serde_json::from_str(saved).unwrap_or_default();
    let mut shape = String::new();
    outline(&saved["state"], &mut shape);
    shape
}

fn outline(value: &Value, to: &mut String) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, it)| {
            to.push_str(name);
            to.push('{');
            outline(it, to);
            to.push('}');
        }),
        Value::Array(entries) => entries.first().into_iter().for_each(|it| outline(it, to)),
        // The name of a state, for example, but not an id.
        Value::String(text) if text.len() < 24 && text.bytes().all(|it| it.is_ascii_lowercase() || it == b'_') => {
            to.push_str(text);
        }
        _ => {}
    }
}
