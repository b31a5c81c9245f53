//! What a flow adds to the journeys: what its host commands, what happens at its provider, and what must hold there.
//!
//! # To add a flow
//!
//! Make a file with a type that implements [`Scene`], and add one line to [`all`]. Everything else is the same for
//! every flow. Read the provider's own records with [`View::ledger`]; only there stands what is true.

use std::collections::BTreeMap;

use rulebound_nets::chance::Chance;
use serde_json::Value;

use crate::truemed;

/// The flows that are held against the simulator.
pub(crate) fn all() -> Vec<Box<dyn Scene>> {
    vec![Box::new(truemed::token::Token), Box::new(truemed::session::Session)]
}

/// The readings of a journey, by their whole names.
pub(crate) type Readings = BTreeMap<String, String>;

/// One flow, with a provider, its customers and a person.
pub(crate) trait Scene {
    /// The flow's id.
    fn flow(&self) -> &'static str;

    /// The provider's settings in the host's config, for an account that is read like this.
    fn settings(&self, base_url: &str, readings: &Readings) -> Value;

    /// The events of the provider's webhooks, as faults name them.
    fn events(&self) -> &'static [&'static str];

    /// What the provider's webhooks say outside of their bodies.
    fn topic(&self, _headers: &[(String, String)]) -> Option<String> {
        None
    }

    /// A command that the host may give for a row. The mark in `extra.x_mark` names what it pays for.
    fn command(&self, view: &View<'_>, chance: &mut Chance<'_>) -> Value;

    /// What may happen without the host: bodies for the simulator's `act`. `url` is a page that the host knows.
    fn act(&self, view: &View<'_>, url: Option<&str>, chance: &mut Chance<'_>) -> Value;

    /// How a page that the host knows comes to a good end.
    fn finish(&self, url: &str) -> Value;

    /// The honest verdict of a person who looks at the provider's dashboard, with the id that it names.
    fn verdict(&self, view: &View<'_>, question: &Question<'_>) -> (String, Option<String>);

    /// What is wrong in the provider's records: above all a second charge for one intent.
    fn wrong(&self, view: &View<'_>) -> Option<String>;

    /// The rules that a request may break because the customer or the provider was faster.
    /// A request that breaks any other rule is a breach.
    fn races(&self) -> &'static [&'static str];

    /// Whether the thing that a delivery is about has been paid.
    fn is_paid(&self, view: &View<'_>, about: &str) -> bool;

    /// Everything of a row that has been paid, by the names that deliveries use.
    fn paid(&self, view: &View<'_>) -> Vec<String>;

    /// Until when the payments give a customer access, at the most.
    fn paid_until(&self, _view: &View<'_>, _about: &str) -> Option<i64> {
        None
    }

    /// How many days it takes at the end until everything has settled.
    fn days_to_settle(&self) -> i64 {
        15
    }
}

/// A request that the host has sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The key of its row.
    pub(crate) row: String,
    /// The id of its effect.
    pub(crate) effect: String,
    /// What the host's command was for, by `extra.x_mark`.
    pub(crate) mark: String,
    /// The method, the URL and the body: one key must always send the same.
    pub(crate) content: String,
}

/// What a scene can look at.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// The provider's own records.
    pub(crate) ledger: Value,
    /// The provider's journal: every request with its reply, also of one that was lost.
    pub(crate) journal: Vec<Value>,
    /// The key of the row.
    pub(crate) row: &'a str,
    /// Every request, by its idempotency key.
    pub(crate) sent: &'a BTreeMap<String, Sent>,
    pub(crate) now: i64,
}

impl View<'_> {
    /// The records of one kind.
    pub(crate) fn records(&self, kind: &str) -> &[Value] {
        self.ledger[kind].as_array().map_or(&[], Vec::as_slice)
    }

    /// The request of this row that made a record, by the record's idempotency key.
    pub(crate) fn request_of(&self, record: &Value) -> Option<&Sent> {
        let sent = record["idempotency_key"].as_str().and_then(|key| self.sent.get(key));
        sent.filter(|sent| sent.row == self.row)
    }

    /// The idempotency key of the request that a review is about.
    pub(crate) fn key_of(&self, about: &str) -> Option<&str> {
        let named = |sent: &Sent| sent.effect == about || sent.effect.ends_with(&format!(":{about}"));
        let found = self.sent.iter().find(|(_, sent)| sent.row == self.row && named(sent));
        found.map(|(key, _)| key.as_str())
    }

    /// A member of the provider's good reply to the request with an idempotency key, whether or not it arrived.
    pub(crate) fn replied(&self, key: &str, member: &str) -> Option<String> {
        let good = |entry: &&Value| entry["status"].as_u64() < Some(300) && entry["body"]["idempotency_key"] == key;
        let reply = self.journal.iter().find(good).map(|entry| &entry["reply"])?;
        reply[member].as_str().map(str::to_owned)
    }
}

/// A review's question for a person.
pub(crate) struct Question<'a> {
    pub(crate) about: &'a str,
    pub(crate) verdicts: Vec<&'a str>,
}

impl Question<'_> {
    /// Whether this is one of the verdicts.
    pub(crate) fn has(&self, verdict: &str) -> bool {
        self.verdicts.contains(&verdict)
    }

    /// The first of these verdicts that can be given.
    pub(crate) fn first_of(&self, wanted: &[&str]) -> Option<String> {
        wanted.iter().find(|it| self.has(it)).map(|it| (*it).to_owned())
    }
}
