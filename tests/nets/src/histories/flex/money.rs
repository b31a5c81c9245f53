//! Flex's refunds and captures, and the ends of subscriptions.

use serde_json::{Value, json};

use super::replies::not_found;
use super::{Flex, Movement, TOTAL};
use crate::chance::Chance;
use crate::histories::provider::SentRequest;

impl Flex {
    pub(super) fn refund(
        &mut self,
        request: &SentRequest,
        id: &str,
        fields: &Value,
        chance: &mut Chance<'_>,
        now: i64,
    ) -> (u16, Value) {
        let Some(session) = self.session(id).cloned() else { return not_found() };
        let refunded: i64 =
            self.refunds.iter().filter(|it| it.session == id && it.status != "failed").map(|it| it.amount).sum();
        let amount = fields["amount"].as_i64().unwrap_or(session.received - refunded);
        if session.status != "complete" || amount <= 0 || refunded + amount > session.received {
            return (422, json!({"detail": [{"loc": ["amount"], "msg": "no", "type": "invalid_amount"}]}));
        }
        if self.is_disputed(&format!("fpi_{id}")) {
            return (400, json!({"error": {"code": "charge_disputed", "message": "the charge is disputed"}}));
        }
        let mark = request.mark();
        let made = self.refunds.iter().find(|it| it.mark == mark && it.status != "failed").map(|it| it.id.clone());
        if let Some(made) = made {
            self.blame(format!("a second refund: `{mark}` is sent as {}, and {made} was made", request.key));
        }
        let status = ["succeeded", "pending"][chance.below(2)];
        let it = self.movement("fref", request, (id, amount), status, &fields["refund_metadata"], now);
        self.refunds.push(it.clone());
        let json = Self::refund_json(&it);
        self.event("refund.created", "refund", &json, now);
        self.session_reply(id)
    }

    fn movement(
        &mut self,
        kind: &str,
        request: &SentRequest,
        (session, amount): (&str, i64),
        status: &'static str,
        metadata: &Value,
        now: i64,
    ) -> Movement {
        Movement {
            id: self.name(kind),
            key: request.key.clone(),
            mark: request.mark(),
            session: session.to_owned(),
            amount,
            status,
            metadata: metadata.clone(),
            created: now,
        }
    }

    fn session_reply(&self, id: &str) -> (u16, Value) {
        let json = self.session(id).map(|it| self.session_json(it));
        (200, json!({ "checkout_session": json }))
    }

    /// Pending refunds succeed, or fail.
    pub(super) fn refunds_move(&mut self, chance: &mut Chance<'_>, now: i64) {
        while let Some(it) = self.refunds.iter_mut().find(|it| it.status == "pending") {
            it.status = ["succeeded", "succeeded", "succeeded", "failed"][chance.below(4)];
            let json = Self::refund_json(it);
            self.event("refund.updated", "refund", &json, now);
        }
    }

    pub(super) fn capture(
        &mut self,
        request: &SentRequest,
        id: &str,
        fields: &Value,
        chance: &mut Chance<'_>,
        now: i64,
    ) -> (u16, Value) {
        let Some(session) = self.session(id).cloned() else { return not_found() };
        // Flex reads no `amount`: without items it captures everything that is left.
        let items = fields["line_items"].as_array();
        let amount = items.map_or(TOTAL - session.received, |items| {
            items.iter().filter_map(|it| it["amount_to_capture"].as_i64()).sum()
        });
        let fits = amount > 0 && session.received + amount <= TOTAL && !session.is_final;
        if !session.manual || session.status != "complete" || !fits {
            return (400, json!({"error": {"code": "invalid_request", "message": "cannot be captured"}}));
        }
        let mark = request.mark();
        if let Some(made) = self.captures.iter().find(|it| it.mark == mark).map(|it| it.id.clone()) {
            self.blame(format!("a second capture: `{mark}` is sent as {}, and {made} was made", request.key));
        }
        let it = self.movement("fcap", request, (id, amount), "succeeded", &fields["capture_metadata"], now);
        self.captures.push(it.clone());
        if let Some(session) = self.sessions.iter_mut().find(|it| it.id == id) {
            session.received += amount;
            session.is_final = fields["final_capture"] != false;
        }
        match chance.below(3) {
            0 => (200, json!({"capture": Self::capture_json(&it)})),
            1 => self.session_reply(id),
            // No document shows this reply.
            _ => (200, json!({"status": "ok"})),
        }
    }

    pub(super) fn cancel(&mut self, request: &SentRequest, id: &str, fields: &Value, now: i64) -> (u16, Value) {
        if self.subscription(id).is_none() {
            return not_found();
        }
        if self.subscription(id).is_some_and(|it| it.status == "canceled") {
            return (400, json!({"error": {"code": "invalid_request", "message": "already canceled"}}));
        }
        let refunds = fields["refund"].as_str().is_some_and(|it| it != "none");
        if refunds && !self.refunded.insert(request.key.clone()) {
            self.blame(format!("a second refund: {}", request.key));
        }
        self.changed.insert(request.key.clone());
        // Without its wrapper Flex ignores the flag, and ends the subscription at once.
        if fields["cancel_at_period_end"] == true {
            self.subscriptions.iter_mut().filter(|it| it.id == id).for_each(|it| it.at_period_end = true);
        } else {
            self.end(id, now);
        }
        self.changed_reply(id)
    }

    pub(super) fn change(&mut self, request: &SentRequest, id: &str, fields: &Value, now: i64) -> (u16, Value) {
        let Some(it) = self.subscriptions.iter_mut().find(|it| it.id == id) else { return not_found() };
        if it.status == "canceled" {
            return (400, json!({"error": {"code": "invalid_request", "message": "already canceled"}}));
        }
        if let Some(flag) = fields["cancel_at_period_end"].as_bool() {
            it.at_period_end = flag;
            self.changed.insert(request.key.clone());
        }
        let json = self.subscription_json(id);
        self.event("customer.subscription.updated", "subscription", &json, now);
        self.changed_reply(id)
    }
}
