//! What a flow adds to the journeys: what its host commands, what happens at its provider, and what must hold there.
//!
//! # To add a flow
//!
//! Make a file with a type that implements [`Scene`], and add one line to [`all`]. What the flows of a provider share
//! is its [`Provider`]. Everything else is the same for every flow. Read the provider's own records with
//! [`View::ledger`]; only there stands what is true.

use std::collections::{BTreeMap, BTreeSet};

use rulebound::time::Timestamp;
use rulebound_nets::chance::Chance;
use rulebound_simulator::{Controlled, HttpRequest, Outcome, World};
use serde_json::Value;

use crate::{flex, revup, truemed, vend};

/// The flows that are held against the simulator.
pub(crate) fn all() -> Vec<Box<dyn Scene>> {
    vec![
        Box::new(truemed::token::Token),
        Box::new(truemed::session::Session),
        Box::new(truemed::qualification::Qualification),
        Box::new(flex::checkout::Checkout),
        Box::new(flex::subscription::Subscription),
        Box::new(vend::Subscription),
        Box::new(revup::Subscription),
    ]
}

/// The readings of a journey, by their whole names.
pub(crate) type Readings = BTreeMap<String, String>;

/// One provider: its host's account, its customers, its back office and a person who looks at its dashboard.
pub(crate) trait Provider {
    /// What the account has before the first row: products, prices, a customer with a card. The commands name it.
    fn prepare(&self, _account: &mut Account<'_>) -> Value {
        Value::Null
    }

    /// The provider's settings in the host's config, for an account that is read like this.
    fn settings(&self, base_url: &str, readings: &Readings, prepared: &Value) -> Value;

    /// How webhooks can be signed, as the simulator's `auth` names it.
    fn signatures(&self) -> &'static [&'static str] {
        &[""]
    }

    /// How many rows a world may have: some have one customer only.
    fn most_rows(&self) -> usize {
        2
    }

    /// Whether the host reads a delivery of this event as a webhook.
    fn is_webhook(&self, _event: &str) -> bool {
        true
    }

    /// The events of the provider's webhooks, as faults name them.
    fn events(&self) -> &'static [&'static str];

    /// What the provider's webhooks say outside of their bodies.
    fn topic(&self, _headers: &[(String, String)]) -> Option<String> {
        None
    }

    /// What may happen without the host: bodies for the simulator's `act`. `url` is a page that the host knows.
    fn act(&self, view: &View<'_>, url: Option<&str>, chance: &mut Chance<'_>) -> Value;

    /// How a page that the host knows comes to a good end.
    fn finish(&self, url: &str) -> Value;

    /// What happens in the end without the host, so that everything can settle.
    fn calm(&self, _view: &View<'_>) -> Vec<Value> {
        Vec::new()
    }

    /// The honest verdict of a person who looks at the provider's dashboard, with the id that it names. No words: the
    /// person does not know yet.
    fn verdict(&self, view: &View<'_>, question: &Question<'_>) -> (String, Option<String>);

    /// The rules that a request may break because the customer or the provider was faster.
    /// A request that breaks any other rule is a breach.
    fn races(&self) -> &'static [&'static str];

    /// Whether the thing that a delivery is about has been paid.
    fn is_paid(&self, view: &View<'_>, about: &str) -> bool;

    /// Everything of a row that has been paid, by the names that deliveries use.
    fn paid(&self, view: &View<'_>) -> Vec<String>;

    /// The one name of a paid thing that deliveries and reviews can name in several ways.
    fn same_as(&self, _view: &View<'_>, about: &str) -> String {
        about.to_owned()
    }

    /// Until when the payments give a customer access, at the most.
    fn paid_until(&self, _view: &View<'_>, _about: &str) -> Option<i64> {
        None
    }

    /// Everything of a row that gives a customer access, with its paid end.
    fn entitled(&self, _view: &View<'_>) -> Vec<(String, i64)> {
        Vec::new()
    }

    /// Whether something of a row still charges the customer although the host has it as ended.
    fn still_charges(&self, _view: &View<'_>, _status: &Value) -> Option<String> {
        None
    }

    /// What the status of a row says in the end and the provider's records deny.
    fn denied(&self, _view: &View<'_>, _status: &Value) -> Option<String> {
        None
    }

    /// How many days it takes at the end until everything has settled.
    fn days_to_settle(&self) -> i64 {
        15
    }
}

/// One flow of a provider.
pub(crate) trait Scene {
    /// The flow's id.
    fn flow(&self) -> &'static str;

    /// Its provider.
    fn provider(&self) -> &dyn Provider;

    /// A command that the host may give for a row. The mark in `extra.x_mark` names what it pays for.
    fn command(&self, view: &View<'_>, chance: &mut Chance<'_>) -> Value;

    /// What is wrong in the provider's records: above all a second charge for one intent.
    fn wrong(&self, view: &View<'_>) -> Option<String>;
}

/// The host's account before the first row.
pub(crate) struct Account<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) provider: &'static str,
}

impl Account<'_> {
    pub(crate) fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
        self.call("POST", path, headers, body)
    }

    /// A request that must succeed: its reply.
    pub(crate) fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
        let mut request = HttpRequest::new(method, &format!("/{}{path}", self.provider));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let now = self.world.clock();
        match self.world.request(&request, now) {
            Outcome::Reply(reply) if reply.status < 300 => serde_json::from_slice(&reply.body).unwrap_or_default(),
            other => panic!("the account cannot be prepared: {path}: {other:?}"),
        }
    }

    /// What happens without the host, and what came of it.
    pub(crate) fn act(&mut self, act: &Value) -> Value {
        let mut act = act.clone();
        act["provider"] = self.provider.into();
        match self.world.control("POST", "act", "", &act) {
            Controlled::Reply(200, done) => done,
            other => panic!("the account cannot be prepared: {act}: {other:?}"),
        }
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
    /// The provider's good replies, whether or not they arrived.
    pub(crate) replies: Vec<Value>,
}

/// What a scene can look at.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// The provider's own records.
    pub(crate) ledger: Value,
    /// What the account has, as [`Provider::prepare`] made it.
    pub(crate) prepared: &'a Value,
    /// The key of the row.
    pub(crate) row: &'a str,
    /// The row as it is stored.
    pub(crate) saved: &'a str,
    /// Every request, by its idempotency key.
    pub(crate) sent: &'a BTreeMap<String, Sent>,
    /// The events whose webhooks the provider may have lost for ever.
    pub(crate) lost: &'a BTreeSet<String>,
    pub(crate) now: i64,
}

impl View<'_> {
    /// The records of one kind.
    pub(crate) fn records(&self, kind: &str) -> &[Value] {
        self.ledger[kind].as_array().map_or(&[], Vec::as_slice)
    }

    /// The record of one kind whose member has a value.
    pub(crate) fn record(&self, kind: &str, member: &str, value: &str) -> Option<&Value> {
        self.records(kind).iter().find(|it| it[member] == value)
    }

    /// The request of this row with an idempotency key.
    pub(crate) fn request(&self, key: &str) -> Option<&Sent> {
        self.sent.get(key).filter(|sent| sent.row == self.row)
    }

    /// The request that a review is about.
    pub(crate) fn about(&self, about: &str) -> Option<(&str, &Sent)> {
        let named = |sent: &Sent| sent.effect == about || sent.effect.ends_with(&format!(":{about}"));
        let found = self.sent.iter().find(|(_, sent)| sent.row == self.row && named(sent));
        found.map(|(key, sent)| (key.as_str(), sent))
    }

    /// A text in the provider's good reply to the request that a review is about, whether or not it arrived.
    pub(crate) fn replied(&self, about: &str, pointer: &str) -> Option<String> {
        self.about(about)?.1.replies.first()?.pointer(pointer)?.as_str().map(str::to_owned)
    }
}

/// An amount of a status, in cents, if it is known.
pub(crate) fn cents(money: &Value) -> Option<i64> {
    money["amount"].as_i64()
}

/// An instant of the provider's records, in milliseconds.
pub(crate) fn millis(value: &Value) -> Option<i64> {
    Timestamp::parse_iso(value.as_str()?).map(Timestamp::as_millis)
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
