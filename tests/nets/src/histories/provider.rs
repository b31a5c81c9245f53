//! A provider in a history: it replies to requests, changes by itself, sends webhooks, and knows what is true.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chance::Chance;

/// A request as the provider receives it.
#[derive(Clone, Debug)]
pub(super) struct SentRequest {
    pub(super) method: String,
    /// The path, split at its slashes.
    pub(super) path: Vec<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Value,
    /// The idempotency key, whether or not this provider takes one.
    pub(super) key: String,
    /// The id of its effect.
    pub(super) effect: String,
    /// The number of the sending.
    pub(super) sending: u64,
}

impl SentRequest {
    /// Reads a request as its lease hands it out.
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

    /// The method and the path, for a match.
    pub(super) fn route(&self) -> (&str, Vec<&str>) {
        (&self.method, self.path.iter().map(String::as_str).collect())
    }

    /// The host's own mark of the operation, in `extra`, which the library passes on.
    pub(super) fn mark(&self) -> String {
        let inside = self.body.as_object().into_iter().flatten().map(|(_, it)| &it["x_mark"]);
        let marks = inside.chain([&self.body["x_mark"]]);
        marks.filter_map(Value::as_str).next().unwrap_or_default().to_owned()
    }
}

/// A webhook that the provider sends.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) body: String,
    pub(super) topic: Option<&'static str>,
    pub(super) is_form: bool,
}

impl Webhook {
    pub(super) fn json(body: &Value) -> Self {
        Self { body: body.to_string(), topic: None, is_form: false }
    }
}

/// A review's question for a person.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) reason: &'a str,
    /// What it is about.
    pub(super) about: &'a str,
    pub(super) verdicts: &'a [String],
}

impl Question<'_> {
    /// Whether this is one of the verdicts.
    pub(super) fn has(&self, verdict: &str) -> bool {
        self.verdicts.iter().any(|it| it == verdict)
    }
}

/// A verdict, and the id that it names.
pub(super) type Verdict = (String, Option<String>);

/// The model of one provider, written from its documents.
pub(super) trait Provider {
    /// A command that the host may give now.
    fn command(&self, chance: &mut Chance<'_>) -> Value;

    /// Carries out a request, and replies as the documents say. Nothing is lost here.
    fn perform(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, String);

    /// The customer, the retailer, a reviewer or the back office does something.
    fn act(&mut self, chance: &mut Chance<'_>, now: i64);

    /// What happens by itself as time passes.
    fn tick(&mut self, _now: i64) {}

    /// Brings everything open to a good end.
    fn calm(&mut self, now: i64);

    /// All webhooks so far.
    fn webhooks(&self) -> &[Webhook];

    /// Whether a webhook's origin can be verified.
    fn signs(&self) -> bool {
        true
    }

    /// A forged webhook.
    fn forged(&self, chance: &mut Chance<'_>) -> Webhook;

    /// The honest verdict of a person who looks at the provider's dashboard.
    fn review(&mut self, question: Question<'_>, now: i64) -> Verdict;

    /// The host has received this reply.
    fn host_got_reply(&mut self, _effect: &str, _status: u16, _body: &str) {}

    /// The host has saved this row. It can send a customer only to URLs in it.
    fn host_saved(&mut self, _row: &str) {}

    /// The host has applied this webhook, and has saved the next snapshot.
    fn host_observed(&mut self, _webhook: &Webhook) {}

    /// The host has restored a backup, and has forgotten what came after it.
    fn host_restored(&mut self) {}

    /// Whether the thing that a delivery is about has been paid.
    fn is_paid(&self, about: &str) -> bool;

    /// The one name of a paid thing. Deliveries can name it differently.
    fn same_as(&self, about: &str) -> String {
        about.to_owned()
    }

    /// Until when the payments give a customer access, at the most.
    fn paid_until(&self, _about: &str) -> Option<i64> {
        None
    }

    /// What went wrong on the provider's side: a second charge, or a charge against the rules.
    fn wrong(&self) -> Option<String>;

    /// What was paid, and must be delivered in the end. A host without webhooks can only look up the newest.
    fn paid(&self, has_webhooks: bool) -> Vec<String>;

    /// The live subscriptions, each with the end of its paid period.
    fn entitled(&self, _now: i64) -> Vec<(String, i64)> {
        Vec::new()
    }

    /// How many days it takes at the end until everything has settled.
    fn days_to_settle(&self) -> i64 {
        15
    }
}
