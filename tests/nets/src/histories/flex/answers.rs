//! What Flex answers.

use serde_json::{Value, json};

use super::{Flex, HOUR, Session, TOTAL, iso};
use crate::chance::Chance;
use crate::histories::provider::Got;

impl Flex {
    pub(super) fn answer(&mut self, got: &Got, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let (method, path) = got.route();
        let fields = |name: &str| got.body[name].clone();
        match (method, &path[..]) {
            ("POST", ["v1", "checkout", "sessions"]) => self.create(got, &fields("checkout_session"), chance, now),
            ("GET", ["v1", "checkout", "sessions"]) => self.list(got),
            ("GET", ["v1", "checkout", "sessions", id]) => match self.session(id) {
                Some(it) => (200, json!({"checkout_session": self.shown(it)})),
                None => not_found(),
            },
            ("POST", ["v1", "checkout", "sessions", id, "refund"]) => {
                self.refund(got, id, &fields("checkout_session"), chance, now)
            }
            ("POST", ["v1", "checkout", "sessions", id, "capture"]) => {
                self.capture(got, id, &fields("checkout_session"), chance, now)
            }
            ("GET", ["v1", "refunds"]) => {
                let of = |it: &&super::Moved| match (got.query.get("checkout_session"), got.query.get("payment_intent"))
                {
                    (Some(id), _) => it.session == *id,
                    (_, Some(id)) => format!("fpi_{}", it.session) == *id,
                    _ => true,
                };
                let all: Vec<_> = self.refunds.iter().filter(of).rev().map(Self::shown_refund).collect();
                (200, json!({ "refunds": all }))
            }
            ("GET", ["v1", "captures"]) => {
                let id = got.query.get("checkout_session").cloned().unwrap_or_default();
                let all: Vec<_> =
                    self.captures.iter().filter(|it| it.session == id).rev().map(Self::shown_capture).collect();
                (200, json!({ "captures": all }))
            }
            ("GET", ["v1", "subscriptions", id]) => match self.subscription(id).is_some() {
                true => (200, json!({"subscription": self.shown_subscription(id)})),
                false => not_found(),
            },
            ("DELETE", ["v1", "subscriptions", id]) => self.cancel(got, id, &fields("subscription"), now),
            ("PATCH", ["v1", "subscriptions", id]) => self.change(got, id, &fields("subscription"), now),
            ("GET", ["v1", "invoices", id]) => match self.invoice(id).is_some() {
                true => (200, json!({"invoice": self.shown_invoice(id)})),
                false => not_found(),
            },
            _ => panic!("not an address of Flex's: {method} {path:?}"),
        }
    }

    fn create(&mut self, got: &Got, fields: &Value, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let mode = fields["mode"].as_str().unwrap_or_default().to_owned();
        let (id, mark) = (self.name("fcs"), got.mark());
        let session = Session {
            id: id.clone(),
            key: got.key.clone(),
            mark: mark.clone(),
            mode: mode.clone(),
            status: "open",
            reference: fields["client_reference_id"].clone(),
            metadata: fields["metadata"].clone(),
            created: now,
            manual: fields["capture_method"] == "manual",
            ..Session::default()
        };
        if mode == "off_session" {
            let paid = self.sessions.iter().find(|it| it.mark == mark && it.mode == mode && it.status == "complete");
            if let Some(paid) = paid.map(|it| it.id.clone()) {
                self.blame(format!("a second charge: {paid} was paid, and it is sent again as {}", got.key));
            }
            if chance.below(5) == 4 {
                // A card that is declined: nothing is made.
                return (400, json!({"error": {"code": "card_declined", "message": "no"}}));
            }
        }
        self.sessions.push(session);
        if mode == "off_session" {
            self.complete(&id, now);
        }
        let shown = self.session(&id).map(|it| self.shown(it)).unwrap_or_default();
        (200, json!({ "checkout_session": shown }))
    }

    fn list(&self, got: &Got) -> (u16, Value) {
        let reference = got.query.get("client_reference_id");
        let fits =
            |it: &&Session| reference.is_none_or(|wanted| it.reference.as_str().is_some_and(|have| have == wanted));
        let limit = got.query.get("limit").and_then(|it| it.parse().ok()).unwrap_or(10);
        let all: Vec<_> = self.sessions.iter().filter(fits).rev().take(limit).map(|it| self.shown(it)).collect();
        (200, json!({ "checkout_sessions": all }))
    }

    pub(super) fn shown_id(it: &Session) -> String {
        it.id.clone()
    }

    pub(super) fn shown(&self, it: &Session) -> Value {
        let total = if self.has_trial && it.mode == "subscription" { 0 } else { TOTAL };
        let of = |all: &[super::Moved], show: fn(&super::Moved) -> Value| -> Vec<Value> {
            all.iter().filter(|moved| moved.session == it.id).map(show).collect()
        };
        let given: i64 = self
            .refunds
            .iter()
            .filter(|moved| moved.session == it.id && moved.status == "succeeded")
            .map(|moved| moved.amount)
            .sum();
        json!({"checkout_session_id": it.id, "status": it.status, "mode": it.mode, "client_reference_id": it.reference,
            "metadata": it.metadata, "created_at": it.created / 1000, "expires_at": (it.created + HOUR) / 1000,
            "amount_total": total, "amount_subtotal": total, "amount_received": it.received, "amount_refunded": given,
            "capture_method": if it.manual { "manual" } else { "automatic" }, "subscription": it.subscription,
            "invoice": it.invoice, "redirect_url": format!("https://pay.example/{}", it.id), "test_mode": false,
            "customer": (it.status == "complete").then_some("fcus_1"),
            "payment_intent": (it.status == "complete").then(|| format!("fpi_{}", it.id)),
            "refunds": of(&self.refunds, Self::shown_refund), "captures": of(&self.captures, Self::shown_capture)})
    }

    pub(super) fn shown_refund(it: &super::Moved) -> Value {
        json!({"refund_id": it.id, "amount": it.amount, "status": it.status, "metadata": it.metadata,
            "created_at": iso(it.created), "payment_intent_id": format!("fpi_{}", it.session), "test_mode": false})
    }

    pub(super) fn shown_capture(it: &super::Moved) -> Value {
        json!({"capture_id": it.id, "amount_captured": it.amount, "metadata": it.metadata, "created_at": iso(it.created),
            "test_mode": false})
    }

    pub(super) fn shown_subscription(&self, id: &str) -> Value {
        let Some(it) = self.subscription(id) else { return Value::Null };
        let mut shown = json!({"subscription_id": it.id, "status": it.status, "customer": "fcus_1", "test_mode": false,
            "cancel_at_period_end": it.at_period_end, "current_period_start": iso(it.start),
            "current_period_end": iso(it.end), "trial_end": it.trial_end.map(iso), "items": []});
        if self.shows_latest {
            shown["latest_invoice"] = it.latest.clone().into();
        }
        shown
    }

    pub(super) fn shown_invoice(&self, id: &str) -> Value {
        let Some(it) = self.invoice(id) else { return Value::Null };
        let paid = if it.status == "paid" { it.amount } else { 0 };
        json!({"invoice_id": it.id, "subscription": it.subscription, "status": it.status, "amount_due": it.amount,
            "amount_paid": paid, "total": it.amount, "customer": "fcus_1", "created_at": iso(it.created), "test_mode": false})
    }
}

pub(super) fn not_found() -> (u16, Value) {
    (404, json!({"error": {"code": "not_found", "message": "no such thing"}}))
}
