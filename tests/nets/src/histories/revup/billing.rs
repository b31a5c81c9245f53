//! Revup's clock: first charges, renewals, retries, pauses and ends, and their events.

use serde_json::{Value, json};

use super::replies::transaction_json;
use super::{DAY, ORDER, PLAN, Payment, Revup, Subscription, iso};
use crate::chance::Chance;
use crate::histories::provider::Webhook;

const PERIOD: i64 = 30 * DAY;
/// When a failed renewal is charged again, and how often.
const AGAIN: i64 = 2 * DAY;
const TRIES: usize = 3;
/// An unpaid order is archived after this.
const UNPAID: i64 = 3_600_000;

impl Revup {
    /// Decides the first charge of the newest subscription, unless it is decided.
    pub(super) fn first_charge(&mut self, works: bool, now: i64) {
        let Some(index) = self.subscriptions.iter().rposition(|it| it.status == "pending") else { return };
        // A form is charged when the payer fills it in, once, and within the hour.
        let is_paid = self.subscriptions.iter().any(|it| it.paid_until.is_some());
        let it = &self.subscriptions[index];
        if !self.is_on_token && (is_paid || !it.is_known || now > it.created + UNPAID) {
            return;
        }
        if !works {
            self.subscriptions[index].status = "archived";
            return self.event("archived", index, &json!({"type": "initial", "status": "failed"}), now);
        }
        self.accept("initial", index, now);
        self.subscriptions[index].status = "fulfilled";
        self.event("created", index, &json!({"type": "initial", "status": "accepted"}), now);
    }

    fn accept(&mut self, kind: &'static str, index: usize, now: i64) {
        let (id, transaction) = (self.name(0x0001), self.name(0x0002));
        let it = &mut self.subscriptions[index];
        let cycle = it.payments.len();
        it.payments.push(Payment { id, kind, cycle, due: it.due, transaction });
        it.due = now.max(it.due) + PERIOD;
        (it.paid_until, it.attempt, it.modified) = (Some(it.due), 0, now);
    }

    /// Charges the next renewal that is due. Returns whether there was one.
    pub(super) fn bill(&mut self, now: i64) -> bool {
        let renews = |it: &Subscription| ["fulfilled", "past_due"].contains(&it.status);
        let due = |it: &Subscription| it.due + AGAIN * i64::try_from(it.attempt).unwrap_or_default();
        let next = |all: &[Subscription]| all.iter().position(|it| renews(it) && due(it) <= now);
        let Some(index) = next(&self.subscriptions) else { return false };
        let when = due(&self.subscriptions[index]);
        if self.card_works {
            self.accept("renewal", index, when);
            self.subscriptions[index].status = "fulfilled";
            self.event("updated", index, &json!({"type": "renewal", "status": "accepted"}), when);
            return true;
        }
        let it = &mut self.subscriptions[index];
        (it.status, it.attempt, it.modified) = ("past_due", it.attempt + 1, when);
        let is_last = it.attempt >= TRIES;
        self.event("updated", index, &json!({"type": "renewal", "status": "failed"}), when);
        if is_last {
            self.end_at(index, "hard_decline", when);
        }
        true
    }

    pub(super) fn end(&mut self, id: &str, reason: &str, now: i64) {
        if let Some(index) = self.subscriptions.iter().position(|it| it.id == id) {
            self.end_at(index, reason, now);
        }
    }

    pub(super) fn end_newest(&mut self, reason: &str, now: i64) {
        if let Some(index) = self.subscriptions.len().checked_sub(1) {
            self.end_at(index, reason, now);
        }
    }

    fn end_at(&mut self, index: usize, reason: &str, now: i64) {
        let it = &mut self.subscriptions[index];
        if ["cancelled", "archived"].contains(&it.status) {
            return;
        }
        (it.status, it.modified) = ("cancelled", now);
        self.event("cancelled", index, &json!({"type": "renewal", "reason": reason}), now);
    }

    pub(super) fn pause_or_resume(&mut self, now: i64) {
        let Some(index) = self.subscriptions.len().checked_sub(1) else { return };
        let it = &mut self.subscriptions[index];
        it.modified = now;
        match it.status {
            "fulfilled" | "past_due" => {
                (it.before_pause, it.status) = (it.status, "paused");
                self.event("paused", index, &Value::Null, now);
            }
            "paused" => {
                it.status = it.before_pause;
                it.due = it.due.max(now);
                self.event("resumed", index, &Value::Null, now);
            }
            _ => {}
        }
    }

    /// Pending refunds succeed, or fail.
    pub(super) fn refunds_move(&mut self, chance: &mut Chance<'_>, now: i64) {
        while let Some(it) = self.refunds.iter_mut().find(|it| it.status == "in_process") {
            it.status = ["success", "success", "success", "failed"][chance.below(4)];
            let mut body = transaction_json(it);
            body["orderId"] = ORDER.into();
            body["notificationDate"] = iso(now).into();
            self.webhooks.push(Webhook::json(&body));
        }
    }

    /// Sends an event about a subscription.
    fn event(&mut self, kind: &str, index: usize, originator: &Value, now: i64) {
        let id = self.name(0x0003);
        let it = &self.subscriptions[index];
        let cased = |text: &str| if self.capitals && kind == "created" { text.to_uppercase() } else { text.to_owned() };
        let mut data = json!({"subscriptionId": it.id, "planId": PLAN, "status": cased(it.status), "cycle": it.payments.len(),
            "createdAt": iso(it.created), "modifiedAt": iso(it.modified)});
        if ["fulfilled", "past_due"].contains(&it.status) {
            data["nextPayment"] = json!({"scheduledFor": iso(it.due), "type": cased("renewal"),
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
            "originator": {"type": if payment.is_object() { cased("payment") } else { "merchant".into() }, "data": payment},
            "data": data});
        self.webhooks.push(Webhook::json(&event));
    }
}
