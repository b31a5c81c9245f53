//! What a provider is, to a history: it answers requests, lives by itself, signals, and knows what is true.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chance::Chance;

/// A request as the provider gets it.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) method: String,
    /// The path, split at its slashes.
    pub(super) path: Vec<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Value,
    /// The idempotency key, whether or not this provider takes one.
    pub(super) key: String,
    /// The effect that it is.
    pub(super) effect: String,
    /// Which sending of it this is, as the library counts.
    pub(super) sending: u64,
}

impl Got {
    /// Reads a request as `begin` hands it out.
    pub(super) fn of(request: &Value, effect: &str) -> Self {
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let url = text("url");
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        let pairs = query.split('&').filter_map(|it| it.split_once('='));
        Self {
            method: text("method"),
            path: path.split('/').skip(3).map(str::to_owned).collect(),
            query: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: serde_json::from_str(&text("body")).unwrap_or_default(),
            key: text("idempotency_key"),
            effect: effect.to_owned(),
            sending: request["sending"].as_u64().unwrap_or(1),
        }
    }

    /// The method and the path, to be matched.
    pub(super) fn route(&self) -> (&str, Vec<&str>) {
        (&self.method, self.path.iter().map(String::as_str).collect())
    }

    /// The host's own mark of what it wanted, which the library sends on without knowing it.
    pub(super) fn mark(&self) -> String {
        let inside = self.body.as_object().into_iter().flatten().map(|(_, it)| &it["x_mark"]);
        let marks = inside.chain([&self.body["x_mark"]]);
        marks.filter_map(Value::as_str).next().unwrap_or_default().to_owned()
    }
}

/// A webhook or an event that the provider sends.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    pub(super) body: String,
    pub(super) topic: Option<&'static str>,
    pub(super) is_form: bool,
}

impl Signal {
    pub(super) fn json(body: &Value) -> Self {
        Self { body: body.to_string(), topic: None, is_form: false }
    }
}

/// What a person is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) reason: &'a str,
    /// What it is about.
    pub(super) of: &'a str,
    pub(super) verdicts: &'a [String],
}

impl Asked<'_> {
    /// Whether this can be answered.
    pub(super) fn offers(&self, verdict: &str) -> bool {
        self.verdicts.iter().any(|it| it == verdict)
    }
}

/// A verdict, and the id that it names.
pub(super) type Judged = (String, Option<String>);

/// One provider, played from its documents.
pub(super) trait Provider {
    /// Something that the host may want of the flow now.
    fn command(&self, chance: &mut Chance<'_>) -> Value;

    /// Does what a request asks, and answers as the documents say; nothing is lost here.
    fn perform(&mut self, got: &Got, chance: &mut Chance<'_>, now: i64) -> (u16, String);

    /// The customer, the retailer, a reviewer or the back office does something.
    fn act(&mut self, chance: &mut Chance<'_>, now: i64);

    /// What happens by itself as time passes.
    fn tick(&mut self, _now: i64) {}

    /// Everything that somebody has begun comes to a good end.
    fn calm(&mut self, now: i64);

    /// Everything that was ever signalled.
    fn signals(&self) -> &[Signal];

    /// Whether a webhook's origin can be verified.
    fn signs(&self) -> bool {
        true
    }

    /// A webhook of somebody else's making.
    fn forged(&self, chance: &mut Chance<'_>) -> Signal;

    /// What a person who looks at the provider's pages says, honestly.
    fn judge(&mut self, asked: Asked<'_>, now: i64) -> Judged;

    /// The host was told this.
    fn told(&mut self, _effect: &str, _status: u16, _body: &str) {}

    /// What the host has saved: of what it knows nothing of it cannot send a customer to it.
    fn saved(&mut self, _row: &str) {}

    /// The host has taken in this webhook, and has saved what follows.
    fn heard(&mut self, _signal: &Signal) {}

    /// The host has restored a backup, and knows less than it was told.
    fn forgotten(&mut self) {}

    /// Whether what a delivery is named after has been paid for.
    fn is_paid(&self, of: &str) -> bool;

    /// The name of what was paid, of which a delivery may have another name too.
    fn same_as(&self, of: &str) -> String {
        of.to_owned()
    }

    /// Until when what was paid lets a customer in, at the most.
    fn paid_until(&self, _of: &str) -> Option<i64> {
        None
    }

    /// What went wrong at the provider's side: a second charge, a charge against the rules.
    fn wrong(&self) -> Option<String>;

    /// What was paid: each has to be delivered in the end. Whoever is told of nothing can only look at what is newest.
    fn paid(&self, is_told: bool) -> Vec<String>;

    /// Until when each subscription is paid, for those that are alive in the end.
    fn entitled(&self, _now: i64) -> Vec<(String, i64)> {
        Vec::new()
    }

    /// How long peace has to last until everything has settled.
    fn days_of_peace(&self) -> i64 {
        15
    }
}
