//! Flex, modeled from its documents: checkout sessions, subscriptions that renew, invoices, captures, refunds.

mod replies;
mod billing;
mod disputes;
mod money;
mod person;

use std::collections::BTreeSet;

use rulebound::time::Timestamp;
use serde_json::{Value, json};

use disputes::Dispute;

use super::provider::{Provider, Question, SentRequest, Verdict, Webhook};
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
    /// Whether the host has its id, so that the customer can pay it.
    is_known: bool,
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
    /// When its open invoice is charged next, and how many charges have failed.
    retry: Option<(i64, usize)>,
}

/// An invoice, and the end of the period that it pays.
#[derive(Clone, Debug)]
struct Invoice {
    id: String,
    subscription: String,
    status: &'static str,
    amount: i64,
    created: i64,
    pays_until: i64,
}

/// A refund or a capture.
#[derive(Clone, Debug)]
struct Movement {
    id: String,
    key: String,
    mark: String,
    session: String,
    amount: i64,
    status: &'static str,
    metadata: Value,
    created: i64,
}

/// Flex, for one merchant.
#[derive(Debug)]
pub(super) struct Flex {
    is_subscription: bool,
    has_trial: bool,
    is_wrapped: bool,
    shows_latest: bool,
    sessions: Vec<Session>,
    subscriptions: Vec<Subscription>,
    invoices: Vec<Invoice>,
    refunds: Vec<Movement>,
    captures: Vec<Movement>,
    disputes: Vec<Dispute>,
    /// Whether the customer's card can be charged.
    card_works: bool,
    webhooks: Vec<Webhook>,
    count: usize,
    /// The keys of the cancellations with a refund.
    refunded: BTreeSet<String>,
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
            disputes: Vec::new(),
            card_works: true,
            webhooks: Vec::new(),
            count: 0,
            refunded: BTreeSet::new(),
            changed: BTreeSet::new(),
            wrong: None,
        }
    }

    /// A new id. Ids increase.
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
        self.webhooks.push(Webhook::json(&event));
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

    /// The paid invoices of a subscription, oldest first.
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
        if let (15, Some(dispute)) = (which, self.disputes.last()) {
            let all = [
                json!({"type": "close_dispute", "dispute_id": dispute.id}),
                json!({"type": "retrieve_dispute", "dispute_id": dispute.id}),
            ];
            return all[more % 2].clone();
        }
        if let (14, true, Some(paid)) = (which, self.is_subscription, self.invoices.last()) {
            return json!({"type": "find_disputes", "payment_intent_id": self.payment_of(&paid.id)});
        }
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
                let mut capture =
                    json!({"type": "capture_payment", "intent": intent, "amount": amount, "extra": {"x_mark": intent}});
                if amount < TOTAL {
                    capture["line_items"] = json!([{"product": "fprod_1", "amount_to_capture": amount}]);
                }
                capture
            }
            (11..15, false) => {
                let (intent, amount) = [("r1", 1000), ("r2", 500), ("r3", TOTAL), ("r4", 250)][more];
                let paid = self.sessions.iter().rev().find(|it| it.status == "complete" && which == 14);
                match paid {
                    // The newest paid session may be a second one.
                    Some(it) => json!({"type": "create_refund", "intent": format!("{intent}-newest"), "amount": amount,
                        "checkout_session_id": it.id, "extra": {"x_mark": format!("{intent}-newest")}}),
                    None => {
                        json!({"type": "create_refund", "intent": intent, "amount": amount, "extra": {"x_mark": intent}})
                    }
                }
            }
            (_, false) => json!({"type": "retrieve_checkout_session"}),
        }
    }

    fn perform(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, String) {
        self.tick(now);
        let (status, body) = self.reply(request, chance, now);
        (status, if body.is_null() { String::new() } else { body.to_string() })
    }

    fn act(&mut self, chance: &mut Chance<'_>, now: i64) {
        self.tick(now);
        match chance.below(10) {
            0..4 => {
                let open: Vec<_> = self
                    .sessions
                    .iter()
                    .filter(|it| it.status == "open" && it.is_known)
                    .map(|it| it.id.clone())
                    .collect();
                if let Some(id) = chance.one(&open) {
                    self.complete(&id.clone(), now);
                }
            }
            4 => self.card_works = false,
            5 => self.card_works = true,
            6 => self.refunds_move(chance, now),
            7 => self.dispute_opens(chance, now),
            8 => self.disputes_move(chance, now),
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
        let open = self.sessions.iter().rev().find(|it| it.status == "open" && it.is_known).map(|it| it.id.clone());
        if let Some(id) = open.filter(|_| !is_paid) {
            self.complete(&id, now);
        }
        self.refunds_move(&mut Chance::new(&[]), now);
        self.disputes_end(now);
    }

    fn webhooks(&self) -> &[Webhook] {
        &self.webhooks
    }

    fn forged(&self, chance: &mut Chance<'_>) -> Webhook {
        let session = self.sessions.last().map(Self::session_id).unwrap_or_default();
        Webhook::json(&match chance.below(2) {
            0 => json!({"event_id": "fevt_evil", "event_type": "checkout.session.completed", "event_dt": 1,
                "object": {"checkout_session_id": session, "status": "complete", "mode": "payment", "amount_total": TOTAL}}),
            _ => {
                json!({"event_id": "fevt_evil", "event_type": "invoice.paid", "event_dt": 1, "object": {"invoice_id": "fin_evil",
                "status": "paid", "subscription": self.subscriptions.last().map(|it| it.id.clone())}})
            }
        })
    }

    fn review(&mut self, question: Question<'_>, now: i64) -> Verdict {
        self.tick(now);
        if question.reason == "second_payment" {
            // A second payment is a mistake: its subscription ends, and the money is refunded.
            let subscription = self.session(question.about).and_then(|it| it.subscription.clone());
            subscription.into_iter().for_each(|id| self.end(&id, now));
        }
        if question.has("won") && !question.has("keep_waiting") {
            // A person who is asked how a dispute has ended waits until it has.
            self.disputes_end(now);
        }
        self.verdict(question)
    }

    fn host_saved(&mut self, row: &str) {
        self.sessions.iter_mut().filter(|it| row.contains(&it.id)).for_each(|it| it.is_known = true);
    }

    fn is_paid(&self, about: &str) -> bool {
        let id = &self.same_as(about);
        let is_invoice = self.invoice(id).is_some_and(|it| it.status == "paid");
        is_invoice || self.session(id).is_some_and(|it| it.status == "complete")
    }

    fn same_as(&self, about: &str) -> String {
        if let Some((subscription, until)) = about.split_once('/') {
            // The name of a period whose invoice the host does not know.
            let pays = |it: &&Invoice| it.subscription == subscription && it.pays_until.to_string() == until;
            return self.invoices.iter().find(pays).map_or_else(|| about.to_owned(), |it| it.id.clone());
        }
        let Some(session) = self.session(about) else { return about.to_owned() };
        let first = session.subscription.as_ref().and_then(|it| self.paid_invoices(it).next());
        session.invoice.clone().or_else(|| first.map(|it| it.id.clone())).unwrap_or_else(|| about.to_owned())
    }

    fn paid_until(&self, about: &str) -> Option<i64> {
        let it = self.subscription(about)?;
        let paid = self.paid_invoices(about).map(|it| it.pays_until).max();
        paid.max(it.trial_end)
    }

    fn wrong(&self) -> Option<String> {
        self.wrong.clone()
    }

    fn paid(&self, has_webhooks: bool) -> Vec<String> {
        // An authorization is not a payment yet.
        let sessions = self.sessions.iter().filter(|it| it.status == "complete" && !it.manual && it.mode != "setup");
        let mut paid: Vec<_> = sessions.map(|it| self.same_as(&it.id)).collect();
        // The host no longer looks up the invoices of an ended subscription.
        let live = |it: &&Invoice| self.subscription(&it.subscription).filter(|it| it.status != "canceled");
        let is_newest = |it: &&Invoice| live(it).is_some_and(|of| of.latest.as_ref() == Some(&it.id));
        let invoices = self.invoices.iter().filter(|it| it.status == "paid" && (has_webhooks || is_newest(it)));
        paid.extend(invoices.map(|it| it.id.clone()));
        paid
    }

    fn entitled(&self, now: i64) -> Vec<(String, i64)> {
        let live = self.subscriptions.iter().filter(|it| ["active", "trialing"].contains(&it.status));
        let until = live.filter_map(|it| Some((it.id.clone(), self.paid_until(&it.id)?)));
        until.filter(|(_, until)| *until > now).collect()
    }

    fn days_to_settle(&self) -> i64 {
        if self.is_subscription { 40 } else { 15 }
    }
}
