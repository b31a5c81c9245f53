//! Revup's clock: first charges, renewals, tries, pauses and ends, and the events that tell of them.

use serde_json::{Value, json};

use super::answers::transaction;
use super::{DAY, ORDER, PLAN, Payment, Revup, Subscription, iso};
use crate::chance::Chance;
use crate::histories::provider::Signal;

const PERIOD: i64 = 30 * DAY;
/// When a failed renewal is tried again, and how often.
const AGAIN: i64 = 2 * DAY;
const TRIES: usize = 3;
/// An order that nobody pays is gone after this.
const UNPAID: i64 = 3_600_000;

impl Revup {
    /// The first charge of the newest subscription comes out, if it has not yet.
    pub(super) fn first_charge(&mut self, works: bool, now: i64) {
        let Some(at) = self.subscriptions.iter().rposition(|it| it.status == "pending") else { return };
        // What is charged by a form is charged when the payer comes, once, and within the hour.
        let is_paid = self.subscriptions.iter().any(|it| it.paid_until.is_some());
        let it = &self.subscriptions[at];
        if !self.is_on_token && (is_paid || !it.is_seen || now > it.created + UNPAID) {
            return;
        }
        if !works {
            self.subscriptions[at].status = "archived";
            return self.event("archived", at, &json!({"type": "initial", "status": "failed"}), now);
        }
        self.accept("initial", at, now);
        self.subscriptions[at].status = "fulfilled";
        self.event("created", at, &json!({"type": "initial", "status": "accepted"}), now);
    }

    fn accept(&mut self, kind: &'static str, at: usize, now: i64) {
        let (id, transaction) = (self.name(0x0001), self.name(0x0002));
        let it = &mut self.subscriptions[at];
        let cycle = it.payments.len();
        it.payments.push(Payment { id, kind, cycle, due: it.due, transaction });
        it.due = now.max(it.due) + PERIOD;
        (it.paid_until, it.attempt, it.modified) = (Some(it.due), 0, now);
    }

    /// The next renewal, if it is due. Whether there was one.
    pub(super) fn bill(&mut self, now: i64) -> bool {
        let renews = |it: &Subscription| ["fulfilled", "past_due"].contains(&it.status);
        let tried = |it: &Subscription| it.due + AGAIN * i64::try_from(it.attempt).unwrap_or_default();
        let next = |all: &[Subscription]| all.iter().position(|it| renews(it) && tried(it) <= now);
        let Some(at) = next(&self.subscriptions) else { return false };
        let when = tried(&self.subscriptions[at]);
        if self.card_works {
            self.accept("renewal", at, when);
            self.subscriptions[at].status = "fulfilled";
            self.event("updated", at, &json!({"type": "renewal", "status": "accepted"}), when);
            return true;
        }
        let it = &mut self.subscriptions[at];
        (it.status, it.attempt, it.modified) = ("past_due", it.attempt + 1, when);
        let is_last = it.attempt >= TRIES;
        self.event("updated", at, &json!({"type": "renewal", "status": "failed"}), when);
        if is_last {
            self.end_at(at, "hard_decline", when);
        }
        true
    }

    pub(super) fn end(&mut self, id: &str, reason: &str, now: i64) {
        if let Some(at) = self.subscriptions.iter().position(|it| it.id == id) {
            self.end_at(at, reason, now);
        }
    }

    pub(super) fn end_newest(&mut self, reason: &str, now: i64) {
        if let Some(at) = self.subscriptions.len().checked_sub(1) {
            self.end_at(at, reason, now);
        }
    }

    fn end_at(&mut self, at: usize, reason: &str, now: i64) {
        let it = &mut self.subscriptions[at];
        if ["cancelled", "archived"].contains(&it.status) {
            return;
        }
        (it.status, it.modified) = ("cancelled", now);
        self.event("cancelled", at, &json!({"type": "renewal", "reason": reason}), now);
    }

    pub(super) fn pause_or_resume(&mut self, now: i64) {
        let Some(at) = self.subscriptions.len().checked_sub(1) else { return };
        let it = &mut self.subscriptions[at];
        it.modified = now;
        match it.status {
            "fulfilled" | "past_due" => {
                (it.before_pause, it.status) = (it.status, "paused");
                self.event("paused", at, &Value::Null, now);
            }
            "paused" => {
                it.status = it.before_pause;
                it.due = it.due.max(now);
                self.event("resumed", at, &Value::Null, now);
            }
            _ => {}
        }
    }

    /// Refunds under way are done, or fail.
    pub(super) fn refunds_move(&mut self, chance: &mut Chance<'_>, now: i64) {
        while let Some(it) = self.refunds.iter_mut().find(|it| it.status == "in_process") {
            it.status = ["success", "success", "success", "failed"][chance.below(4)];
            let mut said = transaction(it);
            said["orderId"] = ORDER.into();
            said["notificationDate"] = iso(now).into();
            self.signals.push(Signal::json(&said));
        }
    }

    /// Sends an event about a subscription.
    fn event(&mut self, kind: &str, at: usize, originator: &Value, now: i64) {
        let id = self.name(0x0003);
        let it = &self.subscriptions[at];
        let loud = |text: &str| if self.capitals && kind == "created" { text.to_uppercase() } else { text.to_owned() };
        let mut data = json!({"subscriptionId": it.id, "planId": PLAN, "status": loud(it.status), "cycle": it.payments.len(),
            "createdAt": iso(it.created), "modifiedAt": iso(it.modified)});
        if ["fulfilled", "past_due"].contains(&it.status) {
            data["nextPayment"] = json!({"scheduledFor": iso(it.due), "type": loud("renewal"),
                "money": {"amount": 30, "currency": "EUR"}});
        }
        if kind == "cancelled" {
            data["cancellation"] = json!({"reason": originator["reason"], "detail": "", "requestedAt": iso(now)});
        }
        let mut payment = originator.clone();
        if payment.is_object() {
            payment["orderId"] = it.order.clone().into();
        }
        let time = if kind == "created" { "ocurredAt" } else { "occurredAt" };
        let event = json!({"eventId": id, "eventType": format!("subscription.{kind}"), time: iso(now),
            "originator": {"type": if payment.is_object() { loud("payment") } else { "merchant".into() }, "data": payment},
            "data": data});
        self.signals.push(Signal::json(&event));
    }
}
