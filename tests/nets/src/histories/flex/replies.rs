//! Flex's replies.

use serde_json::{Value, json};

use super::{Flex, HOUR, Session, TOTAL, iso};
use crate::chance::Chance;
use crate::histories::provider::SentRequest;

impl Flex {
    pub(super) fn reply(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let (method, path) = request.route();
        let fields = |name: &str| request.body[name].clone();
        match (method, &path[..]) {
            ("POST", ["v1", "checkout", "sessions"]) => self.create(request, &fields("checkout_session"), chance, now),
            ("GET", ["v1", "checkout", "sessions"]) => self.list(request),
            ("GET", ["v1", "checkout", "sessions", id]) => match self.session(id) {
                Some(it) => (200, json!({"checkout_session": self.session_json(it)})),
                None => not_found(),
            },
            ("POST", ["v1", "checkout", "sessions", id, "refund"]) => {
                self.refund(request, id, &fields("checkout_session"), chance, now)
            }
            ("POST", ["v1", "checkout", "sessions", id, "capture"]) => {
                self.capture(request, id, &fields("checkout_session"), chance, now)
            }
            ("GET", ["v1", "refunds"]) => {
                let of = |it: &&super::Movement| match (
                    request.query.get("checkout_session"),
                    request.query.get("payment_intent"),
                ) {
                    (Some(id), _) => it.session == *id,
                    (_, Some(id)) => format!("fpi_{}", it.session) == *id,
                    _ => true,
                };
                let all: Vec<_> = self.refunds.iter().filter(of).rev().map(Self::refund_json).collect();
                (200, json!({ "refunds": all }))
            }
            ("GET", ["v1", "captures"]) => {
                let id = request.query.get("checkout_session").cloned().unwrap_or_default();
                let all: Vec<_> =
                    self.captures.iter().filter(|it| it.session == id).rev().map(Self::capture_json).collect();
                (200, json!({ "captures": all }))
            }
            ("GET", ["v1", "subscriptions", id]) => match self.subscription(id).is_some() {
                true => (200, json!({"subscription": self.subscription_json(id)})),
                false => not_found(),
            },
            ("DELETE", ["v1", "subscriptions", id]) => self.cancel(request, id, &fields("subscription"), now),
            ("PATCH", ["v1", "subscriptions", id]) => self.change(request, id, &fields("subscription"), now),
            ("GET", ["v1", "invoices", id]) => match self.invoice(id).is_some() {
                true => (200, json!({"invoice": self.invoice_json(id)})),
                false => not_found(),
            },
            ("GET", ["v1", "disputes"]) => self.list_disputes(request.query.get("payment_intent")),
            ("GET", ["v1", "disputes", id]) => self.show_dispute(id),
            ("POST", ["v1", "disputes", id, "close"]) => self.close_dispute(id, now),
            _ => panic!("not a path of Flex: {method} {path:?}"),
        }
    }

    fn create(&mut self, request: &SentRequest, fields: &Value, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let mode = fields["mode"].as_str().unwrap_or_default().to_owned();
        let (id, mark) = (self.name("fcs"), request.mark());
        let session = Session {
            id: id.clone(),
            key: request.key.clone(),
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
                self.blame(format!("a second charge: {paid} was paid, and it is sent again as {}", request.key));
            }
            if chance.below(5) == 4 {
                // The card is declined, and there is no session.
                return (400, json!({"error": {"code": "card_declined", "message": "no"}}));
            }
        }
        self.sessions.push(session);
        if mode == "off_session" {
            self.complete(&id, now);
        }
        let session = self.session(&id).map(|it| self.session_json(it)).unwrap_or_default();
        (200, json!({ "checkout_session": session }))
    }

    fn list(&self, request: &SentRequest) -> (u16, Value) {
        let reference = request.query.get("client_reference_id");
        let fits =
            |it: &&Session| reference.is_none_or(|wanted| it.reference.as_str().is_some_and(|have| have == wanted));
        let limit = request.query.get("limit").and_then(|it| it.parse().ok()).unwrap_or(10);
        let all: Vec<_> = self.sessions.iter().filter(fits).rev().take(limit).map(|it| self.session_json(it)).collect();
        (200, json!({ "checkout_sessions": all }))
    }

    pub(super) fn session_id(it: &Session) -> String {
        it.id.clone()
    }

    pub(super) fn session_json(&self, it: &Session) -> Value {
        let total = if self.has_trial && it.mode == "subscription" { 0 } else { TOTAL };
        let list = |all: &[super::Movement], json: fn(&super::Movement) -> Value| -> Vec<Value> {
            all.iter().filter(|movement| movement.session == it.id).map(json).collect()
        };
        let refunded: i64 = self
            .refunds
            .iter()
            .filter(|movement| movement.session == it.id && movement.status == "succeeded")
            .map(|movement| movement.amount)
            .sum();
        let (disputes, disputed) = self.disputes_of(&it.id);
        json!({"checkout_session_id": it.id, "status": it.status, "mode": it.mode, "client_reference_id": it.reference,
            "metadata": it.metadata, "created_at": it.created / 1000, "expires_at": (it.created + HOUR) / 1000,
            "amount_total": total, "amount_subtotal": total, "amount_received": it.received, "amount_refunded": refunded,
            "capture_method": if it.manual { "manual" } else { "automatic" }, "subscription": it.subscription,
            "invoice": it.invoice, "redirect_url": format!("https://pay.example/{}", it.id), "test_mode": false,
            "customer": (it.status == "complete").then_some("fcus_1"),
            "payment_intent": (it.status == "complete").then(|| format!("fpi_{}", it.id)),
            "refunds": list(&self.refunds, Self::refund_json), "captures": list(&self.captures, Self::capture_json),
            "disputes": disputes, "amount_disputed": disputed})
    }

    pub(super) fn refund_json(it: &super::Movement) -> Value {
        json!({"refund_id": it.id, "amount": it.amount, "status": it.status, "metadata": it.metadata,
            "created_at": iso(it.created), "payment_intent_id": format!("fpi_{}", it.session), "test_mode": false})
    }

    pub(super) fn capture_json(it: &super::Movement) -> Value {
        json!({"capture_id": it.id, "amount_captured": it.amount, "metadata": it.metadata, "created_at": iso(it.created),
            "test_mode": false})
    }

    pub(super) fn subscription_json(&self, id: &str) -> Value {
        let Some(it) = self.subscription(id) else { return Value::Null };
        let mut subscription = json!({"subscription_id": it.id, "status": it.status, "customer": "fcus_1", "test_mode": false,
            "cancel_at_period_end": it.at_period_end, "current_period_start": iso(it.start),
            "current_period_end": iso(it.end), "trial_end": it.trial_end.map(iso), "items": []});
        if self.shows_latest {
            subscription["latest_invoice"] = it.latest.clone().into();
        }
        subscription
    }

    pub(super) fn invoice_json(&self, id: &str) -> Value {
        let Some(it) = self.invoice(id) else { return Value::Null };
        let paid = if it.status == "paid" { it.amount } else { 0 };
        json!({"invoice_id": it.id, "subscription": it.subscription, "status": it.status, "amount_due": it.amount,
            "amount_paid": paid, "total": it.amount, "customer": "fcus_1", "created_at": iso(it.created), "test_mode": false,
            "payment_intent": (it.status == "paid").then(|| self.payment_of(&it.id))})
    }
}

pub(super) fn not_found() -> (u16, Value) {
    (404, json!({"error": {"code": "not_found", "message": "no such thing"}}))
}
