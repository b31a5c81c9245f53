//! Revup, modeled from its documents: subscriptions that charge themselves, their payments, and refunds.

mod replies;
mod billing;

use rulebound::time::Timestamp;
use serde_json::{Value, json};

use super::provider::{Provider, Question, SentRequest, Verdict, Webhook};
use crate::chance::Chance;

const DAY: i64 = 24 * 3_600_000;
const TOKEN: &str = "fc44c6f8-6f92-43ab-98ea-3302b7586e7c";
const PAID: &str = "eebebc0b-dd2f-44c4-a8a8-743ff731a4a1";
const ORDER: &str = "80105327-c24a-4e52-9648-08f85f89061f";
const PLAN: &str = "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee";

/// A subscription, and when its next renewal is due.
#[derive(Clone, Debug)]
struct Subscription {
    id: String,
    key: String,
    order: String,
    status: &'static str,
    before_pause: &'static str,
    created: i64,
    paid_until: Option<i64>,
    due: i64,
    attempt: usize,
    payments: Vec<Payment>,
    modified: i64,
    /// Whether the host has its id, so that the payer can have come there.
    is_known: bool,
    /// Whether the host has forgotten it by restoring a backup.
    is_forgotten: bool,
}

/// A successful payment.
#[derive(Clone, Debug)]
struct Payment {
    id: String,
    kind: &'static str,
    cycle: usize,
    due: i64,
    transaction: String,
}

/// A refund.
#[derive(Clone, Debug)]
struct Refund {
    id: String,
    key: String,
    mark: String,
    status: &'static str,
    cents: i64,
    created: i64,
}

/// Revup, for one merchant.
#[derive(Debug)]
pub(super) struct Revup {
    is_on_token: bool,
    other_order: bool,
    capitals: bool,
    subscriptions: Vec<Subscription>,
    refunds: Vec<Refund>,
    card_works: bool,
    webhooks: Vec<Webhook>,
    count: usize,
    wrong: Option<String>,
}

impl Revup {
    pub(super) fn new(kind: u8) -> Self {
        Self {
            is_on_token: kind % 4 != 3,
            other_order: kind % 16 == 6,
            capitals: kind & 16 == 0,
            subscriptions: Vec::new(),
            refunds: Vec::new(),
            card_works: true,
            webhooks: Vec::new(),
            count: 0,
            wrong: None,
        }
    }

    /// A new id: a UUID.
    fn name(&mut self, kind: u16) -> String {
        self.count += 1;
        format!("0192b445-55a7-74af-{kind:04x}-{:012x}", self.count)
    }

    fn blame(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|it| it.id == id)
    }
}

fn iso(millis: i64) -> String {
    Timestamp::from_millis(millis).to_string()
}

impl Provider for Revup {
    fn command(&self, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(16), chance.below(4));
        match which {
            0..5 => {
                let mut command = json!({"type": "create_subscription", "planId": PLAN, "currency": "EUR",
                    "eventSubscriptionUrl": "https://shop.example/events",
                    "redirectUrl": {"success": "https://shop.example/ok", "fail": "https://shop.example/no"}});
                if self.is_on_token {
                    command["tokenId"] = TOKEN.into();
                    command["parentTransactionId"] = PAID.into();
                    command["parentOrderId"] = ORDER.into();
                }
                command
            }
            5 | 6 => json!({"type": "retrieve_subscription"}),
            7 | 8 => json!({"type": "retrieve_payments"}),
            9 if more == 0 => json!({"type": "cancel_subscription"}),
            _ => {
                let (intent, amount) = [("r1", "5.00"), ("r2", "2.50"), ("r3", "30.00"), ("r4", "1.00")][more];
                let paid = self.subscriptions.last().and_then(|it| it.payments.first());
                let transaction = paid.map_or(PAID, |it| it.transaction.as_str());
                json!({"type": "refund_payment", "intent": intent, "transactionId": transaction, "amount": amount,
                    "currency": "EUR", "extra": {"x_mark": intent}})
            }
        }
    }

    fn perform(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, String) {
        self.tick(now);
        let (status, body) = self.reply(request, chance, now);
        (status, body.to_string())
    }

    fn act(&mut self, chance: &mut Chance<'_>, now: i64) {
        self.tick(now);
        match chance.below(8) {
            0..3 => {
                let works = chance.below(4) != 3;
                self.first_charge(works, now);
            }
            3 => self.card_works = false,
            4 => self.card_works = true,
            5 => self.pause_or_resume(now),
            6 => self.refunds_move(chance, now),
            _ if chance.below(4) == 0 => self.end_newest("backoffice_api", now),
            _ => {}
        }
    }

    fn tick(&mut self, now: i64) {
        while self.bill(now) {}
    }

    fn calm(&mut self, now: i64) {
        self.card_works = true;
        self.tick(now);
        self.first_charge(true, now);
        if self.subscriptions.last().is_some_and(|it| it.status == "paused") {
            self.pause_or_resume(now);
        }
        self.refunds_move(&mut Chance::new(&[]), now);
    }

    fn webhooks(&self) -> &[Webhook] {
        &self.webhooks
    }

    fn signs(&self) -> bool {
        false
    }

    fn forged(&self, chance: &mut Chance<'_>) -> Webhook {
        let id = self.subscriptions.last().map_or("0192b445-55a7-74af-a5d1-79ca6d2310f4", |it| it.id.as_str());
        let (kind, status) =
            [("created", "fulfilled"), ("cancelled", "cancelled"), ("updated", "fulfilled")][chance.below(3)];
        Webhook::json(
            &json!({"eventId": format!("evil-{}", chance.below(99)), "eventType": format!("subscription.{kind}"),
            "occurredAt": "2030-01-01T00:00:00Z", "originator": {"type": "payment", "data": {"orderId": ORDER, "type": "initial",
            "status": "accepted"}}, "data": {"subscriptionId": id, "planId": PLAN, "status": status,
            "nextPayment": {"scheduledFor": "2040-01-01T00:00:00Z", "type": "renewal"}}}),
        )
    }

    fn review(&mut self, question: Question<'_>, now: i64) -> Verdict {
        self.tick(now);
        let plain = |verdict: &str| (verdict.to_owned(), None);
        let ours = |key: &str| key.ends_with(&format!(":{}", question.about));
        let own = self.subscriptions.last();
        if question.has("created") {
            return match self.subscriptions.iter().find(|it| ours(&it.key)) {
                Some(it) => ("created".into(), Some(it.id.clone())),
                None => plain("not_created"),
            };
        }
        if question.has("not_refunded") {
            let made = self.refunds.iter().find(|it| {
                (ours(&it.key) || it.id == question.about || it.mark == question.about) && it.status != "failed"
            });
            return made.map_or_else(|| plain("not_refunded"), |it| ("refunded".into(), Some(it.id.clone())));
        }
        if question.has("period_end") {
            let until = own.and_then(|it| it.paid_until);
            return until.map_or_else(|| plain("none"), |until| ("period_end".into(), Some(iso(until))));
        }
        if question.has("not_ours") {
            return plain(if self.subscriptions.iter().any(|it| it.id == question.about) {
                "ours"
            } else {
                "not_ours"
            });
        }
        let own = self.subscription(question.about).or(own);
        let status = own.map_or("archived", |it| it.status);
        let order: &[&str] = match status {
            "cancelled" | "archived" => &["cancelled", "ended"],
            // It has no payment yet.
            "pending" => &["keep_waiting", "not_cancelled", "ended"],
            _ => &["not_cancelled", "keep", "live"],
        };
        let rest = ["retry", "seen", "keep_waiting", "keep_trying", "stop_waiting", "give_up"];
        plain(order.iter().chain(&rest).find(|it| question.has(it)).unwrap_or(&"no verdict"))
    }

    fn host_saved(&mut self, row: &str) {
        self.subscriptions.iter_mut().filter(|it| row.contains(&it.id)).for_each(|it| it.is_known = true);
    }

    fn host_restored(&mut self) {
        let forms = self.subscriptions.iter_mut().filter(|_| !self.is_on_token);
        forms.for_each(|it| it.is_forgotten = true);
    }

    fn is_paid(&self, about: &str) -> bool {
        self.subscription(about).is_some_and(|it| it.paid_until.is_some())
    }

    fn paid_until(&self, about: &str) -> Option<i64> {
        self.subscription(about)?.paid_until
    }

    fn wrong(&self) -> Option<String> {
        self.wrong.clone()
    }

    fn paid(&self, _has_webhooks: bool) -> Vec<String> {
        Vec::new()
    }

    fn entitled(&self, now: i64) -> Vec<(String, i64)> {
        let live = self.subscriptions.iter().filter(|it| it.status == "fulfilled" && !it.is_forgotten);
        let until = live.filter_map(|it| Some((it.id.clone(), it.paid_until?)));
        until.filter(|(_, until)| *until > now).collect()
    }

    fn days_to_settle(&self) -> i64 {
        40
    }
}
