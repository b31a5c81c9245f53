//! Flex, played from its documents: checkout sessions, subscriptions that renew, invoices, captures, refunds.

mod answers;
mod billing;
mod money;
mod person;

use std::collections::BTreeSet;

use rulebound::time::Timestamp;
use serde_json::{Value, json};

use super::provider::{Asked, Got, Judged, Provider, Signal};
use crate::chance::Chance;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// What every order of this shop costs.
const TOTAL: i64 = 4999;

/// A checkout session.
#[derive(Clone, Debug, Default)]
struct Session {
    id: String,
    key: String,
    mark: String,
    mode: String,
    status: &'static str,
    reference: Value,
    metadata: Value,
    created: i64,
    completed: Option<i64>,
    manual: bool,
    received: i64,
    is_final: bool,
    /// Whether the host knew of it, so that the customer can have come there.
    is_seen: bool,
    subscription: Option<String>,
    invoice: Option<String>,
}

/// A subscription.
#[derive(Clone, Debug)]
struct Subscription {
    id: String,
    status: &'static str,
    start: i64,
    end: i64,
    trial_end: Option<i64>,
    at_period_end: bool,
    latest: Option<String>,
    /// When its open invoice is tried next, and how often it was.
    retry: Option<(i64, usize)>,
}

/// An invoice, and until when it pays.
#[derive(Clone, Debug)]
struct Invoice {
    id: String,
    subscription: String,
    status: &'static str,
    amount: i64,
    created: i64,
    pays_until: i64,
}

/// Money given back, or taken of what was held.
#[derive(Clone, Debug)]
struct Moved {
    id: String,
    key: String,
    mark: String,
    session: String,
    amount: i64,
    status: &'static str,
    metadata: Value,
    created: i64,
}

/// Flex, as far as one merchant sees it.
#[derive(Debug)]
pub(super) struct Flex {
    is_subscription: bool,
    has_trial: bool,
    is_wrapped: bool,
    shows_latest: bool,
    sessions: Vec<Session>,
    subscriptions: Vec<Subscription>,
    invoices: Vec<Invoice>,
    refunds: Vec<Moved>,
    captures: Vec<Moved>,
    /// Whether the customer's card can be charged.
    card_works: bool,
    signals: Vec<Signal>,
    count: usize,
    /// Cancellations with a refund that were done, by their keys.
    given_back: BTreeSet<String>,
    changed: BTreeSet<String>,
    wrong: Option<String>,
}

impl Flex {
    pub(super) fn new(is_subscription: bool, kind: u8) -> Self {
        Self {
            is_subscription,
            has_trial: kind % 5 == 4,
            is_wrapped: kind & 32 == 0,
            shows_latest: kind % 3 != 2,
            sessions: Vec::new(),
            subscriptions: Vec::new(),
            invoices: Vec::new(),
            refunds: Vec::new(),
            captures: Vec::new(),
            card_works: true,
            signals: Vec::new(),
            count: 0,
            given_back: BTreeSet::new(),
            changed: BTreeSet::new(),
            wrong: None,
        }
    }

    /// A new id: opaque, and in the order in which they are made.
    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}_01hwdv9j9jwy5sdfjzn{:07}", self.count)
    }

    fn blame(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// Sends an event about an object.
    fn event(&mut self, kind: &str, name: &str, object: &Value, now: i64) {
        let id = self.name("fevt");
        let object = if self.is_wrapped { json!({name: object}) } else { object.clone() };
        let event =
            json!({"event_id": id, "event_type": kind, "event_dt": now / 1000, "object": object, "test_mode": false});
        self.signals.push(Signal::json(&event));
    }

    fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.iter().find(|it| it.id == id)
    }

    fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|it| it.id == id)
    }

    fn invoice(&self, id: &str) -> Option<&Invoice> {
        self.invoices.iter().find(|it| it.id == id)
    }

    /// The invoices of a subscription that are paid, the first one first.
    fn paid_invoices<'a>(&'a self, subscription: &'a str) -> impl Iterator<Item = &'a Invoice> {
        self.invoices.iter().filter(move |it| it.subscription == subscription && it.status == "paid")
    }
}

fn iso(millis: i64) -> String {
    Timestamp::from_millis(millis).to_string()
}

impl Provider for Flex {
    fn command(&self, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(16), chance.below(4));
        let mode = if self.is_subscription { "subscription" } else { "payment" };
        let mut create = json!({"type": "create_checkout_session", "mode": mode, "expected_total": TOTAL,
            "line_items": [{"price": "fprice_1", "quantity": 1}], "success_url": "https://shop.example/ok",
            "cancel_url": "https://shop.example/no", "extra": {"x_mark": "the order"}});
        let newest = self.sessions.last().map(|it| it.id.clone());
        match (which, self.is_subscription) {
            (0..5, true) => {
                if self.has_trial {
                    create["expected_total"] = 0.into();
                }
                create
            }
            (5..7, true) => json!({"type": "retrieve_subscription"}),
            (7 | 8, true) => json!({"type": "retrieve_checkout_session", "checkout_session_id": newest}),
            (9 | 10, true) => json!({"type": "cancel_subscription", "cancel_at_period_end": true}),
            (11 | 12, true) => json!({"type": "update_subscription", "cancel_at_period_end": more > 1}),
            (13, true) if more == 0 => {
                json!({"type": "cancel_subscription", "cancel_at_period_end": false, "refund": "prorated"})
            }
            (13, true) => json!({"type": "cancel_subscription", "cancel_at_period_end": false}),
            (_, true) => json!({"type": "retrieve_checkout_session"}),
            (0..3, false) => create,
            (3 | 4, false) => {
                create["capture_method"] = "manual".into();
                create
            }
            (5 | 6, false) => {
                create["mode"] = "off_session".into();
                create["customer"] = "fcus_1".into();
                create["payment_method"] = "fpm_1".into();
                create
            }
            (7 | 8, false) => json!({"type": "retrieve_checkout_session", "checkout_session_id": newest}),
            (9 | 10, false) => {
                let (intent, amount) = [("c1", TOTAL), ("c1", TOTAL), ("c2", 2000), ("c3", 1000)][more];
                json!({"type": "capture_payment", "intent": intent, "amount": amount, "extra": {"x_mark": intent}})
            }
            (11..15, false) => {
                let (intent, amount) = [("r1", 1000), ("r2", 500), ("r3", TOTAL), ("r4", 250)][more];
                json!({"type": "create_refund", "intent": intent, "amount": amount, "extra": {"x_mark": intent}})
            }
            (_, false) => json!({"type": "retrieve_checkout_session"}),
        }
    }

    fn perform(&mut self, got: &Got, chance: &mut Chance<'_>, now: i64) -> (u16, String) {
        self.tick(now);
        let (status, body) = self.answer(got, chance, now);
        (status, if body.is_null() { String::new() } else { body.to_string() })
    }

    fn act(&mut self, chance: &mut Chance<'_>, now: i64) {
        self.tick(now);
        match chance.below(8) {
            0..4 => {
                let open: Vec<_> = self
                    .sessions
                    .iter()
                    .filter(|it| it.status == "open" && it.is_seen)
                    .map(|it| it.id.clone())
                    .collect();
                if let Some(id) = chance.one(&open) {
                    self.complete(&id.clone(), now);
                }
            }
            4 => self.card_works = false,
            5 => self.card_works = true,
            6 => self.refunds_move(chance, now),
            _ => self.retailer_ends(chance, now),
        }
    }

    fn tick(&mut self, now: i64) {
        self.expire(now);
        while self.bill(now) {}
    }

    fn calm(&mut self, now: i64) {
        self.card_works = true;
        self.tick(now);
        let is_paid = self.sessions.iter().any(|it| it.status == "complete");
        let open = self.sessions.iter().rev().find(|it| it.status == "open" && it.is_seen).map(|it| it.id.clone());
        if let Some(id) = open.filter(|_| !is_paid) {
            self.complete(&id, now);
        }
        self.refunds_move(&mut Chance::new(&[]), now);
    }

    fn signals(&self) -> &[Signal] {
        &self.signals
    }

    fn forged(&self, chance: &mut Chance<'_>) -> Signal {
        let session = self.sessions.last().map(Self::shown_id).unwrap_or_default();
        Signal::json(&match chance.below(2) {
            0 => json!({"event_id": "fevt_evil", "event_type": "checkout.session.completed", "event_dt": 1,
                "object": {"checkout_session_id": session, "status": "complete", "mode": "payment", "amount_total": TOTAL}}),
            _ => {
                json!({"event_id": "fevt_evil", "event_type": "invoice.paid", "event_dt": 1, "object": {"invoice_id": "fin_evil",
                "status": "paid", "subscription": self.subscriptions.last().map(|it| it.id.clone())}})
            }
        })
    }

    fn judge(&mut self, asked: Asked<'_>, now: i64) -> Judged {
        self.tick(now);
        if asked.reason == "second_payment" {
            // It was not meant: it ends, and the money goes back.
            let subscription = self.session(asked.of).and_then(|it| it.subscription.clone());
            subscription.into_iter().for_each(|id| self.end(&id, now));
        }
        self.say(asked)
    }

    fn saved(&mut self, row: &str) {
        self.sessions.iter_mut().filter(|it| row.contains(&it.id)).for_each(|it| it.is_seen = true);
    }

    fn is_paid(&self, of: &str) -> bool {
        let of = &self.same_as(of);
        let is_invoice = self.invoice(of).is_some_and(|it| it.status == "paid");
        is_invoice || self.session(of).is_some_and(|it| it.status == "complete")
    }

    fn same_as(&self, of: &str) -> String {
        if let Some((subscription, until)) = of.split_once('/') {
            // A period, whose invoice was not shown.
            let pays = |it: &&Invoice| it.subscription == subscription && it.pays_until.to_string() == until;
            return self.invoices.iter().find(pays).map_or_else(|| of.to_owned(), |it| it.id.clone());
        }
        let Some(session) = self.session(of) else { return of.to_owned() };
        let first = session.subscription.as_ref().and_then(|it| self.paid_invoices(it).next());
        session.invoice.clone().or_else(|| first.map(|it| it.id.clone())).unwrap_or_else(|| of.to_owned())
    }

    fn paid_until(&self, of: &str) -> Option<i64> {
        let it = self.subscription(of)?;
        let paid = self.paid_invoices(of).map(|it| it.pays_until).max();
        paid.max(it.trial_end)
    }

    fn wrong(&self) -> Option<String> {
        self.wrong.clone()
    }

    fn paid(&self, is_told: bool) -> Vec<String> {
        // What is only held is not paid yet.
        let sessions = self.sessions.iter().filter(|it| it.status == "complete" && !it.manual && it.mode != "setup");
        let mut paid: Vec<_> = sessions.map(|it| self.same_as(&it.id)).collect();
        // Of a subscription that has ended no invoice is looked at any more.
        let live = |it: &&Invoice| self.subscription(&it.subscription).filter(|it| it.status != "canceled");
        let is_newest = |it: &&Invoice| live(it).is_some_and(|of| of.latest.as_ref() == Some(&it.id));
        let invoices = self.invoices.iter().filter(|it| it.status == "paid" && (is_told || is_newest(it)));
        paid.extend(invoices.map(|it| it.id.clone()));
        paid
    }

    fn entitled(&self, now: i64) -> Vec<(String, i64)> {
        let live = self.subscriptions.iter().filter(|it| ["active", "trialing"].contains(&it.status));
        let until = live.filter_map(|it| Some((it.id.clone(), self.paid_until(&it.id)?)));
        until.filter(|(_, until)| *until > now).collect()
    }

    fn days_of_peace(&self) -> i64 {
        if self.is_subscription { 40 } else { 15 }
    }
}
