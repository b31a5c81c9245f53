//! Flex's money that goes back or is taken of what is held, and the ends of subscriptions.

use serde_json::{Value, json};

use super::answers::not_found;
use super::{Flex, Moved, TOTAL};
use crate::chance::Chance;
use crate::histories::provider::Got;

impl Flex {
    pub(super) fn refund(
        &mut self,
        got: &Got,
        id: &str,
        fields: &Value,
        chance: &mut Chance<'_>,
        now: i64,
    ) -> (u16, Value) {
        let Some(session) = self.session(id).cloned() else { return not_found() };
        let given: i64 =
            self.refunds.iter().filter(|it| it.session == id && it.status != "failed").map(|it| it.amount).sum();
        let amount = fields["amount"].as_i64().unwrap_or(session.received - given);
        if session.status != "complete" || amount <= 0 || given + amount > session.received {
            return (422, json!({"detail": [{"loc": ["amount"], "msg": "no", "type": "invalid_amount"}]}));
        }
        let mark = got.mark();
        let made = self.refunds.iter().find(|it| it.mark == mark && it.status != "failed").map(|it| it.id.clone());
        if let Some(made) = made {
            self.blame(format!("a second refund: `{mark}` is sent as {}, and {made} was made", got.key));
        }
        let status = ["succeeded", "pending"][chance.below(2)];
        let it = self.moved("fref", got, (id, amount), status, &fields["refund_metadata"], now);
        self.refunds.push(it.clone());
        let shown = Self::shown_refund(&it);
        self.event("refund.created", "refund", &shown, now);
        self.whole(id)
    }

    fn moved(
        &mut self,
        kind: &str,
        got: &Got,
        (session, amount): (&str, i64),
        status: &'static str,
        metadata: &Value,
        now: i64,
    ) -> Moved {
        Moved {
            id: self.name(kind),
            key: got.key.clone(),
            mark: got.mark(),
            session: session.to_owned(),
            amount,
            status,
            metadata: metadata.clone(),
            created: now,
        }
    }

    fn whole(&self, id: &str) -> (u16, Value) {
        let shown = self.session(id).map(|it| self.shown(it));
        (200, json!({ "checkout_session": shown }))
    }

    /// Refunds under way are done, or fail.
    pub(super) fn refunds_move(&mut self, chance: &mut Chance<'_>, now: i64) {
        while let Some(it) = self.refunds.iter_mut().find(|it| it.status == "pending") {
            it.status = ["succeeded", "succeeded", "succeeded", "failed"][chance.below(4)];
            let shown = Self::shown_refund(it);
            self.event("refund.updated", "refund", &shown, now);
        }
    }

    pub(super) fn capture(
        &mut self,
        got: &Got,
        id: &str,
        fields: &Value,
        chance: &mut Chance<'_>,
        now: i64,
    ) -> (u16, Value) {
        let Some(session) = self.session(id).cloned() else { return not_found() };
        let amount = fields["amount"].as_i64().unwrap_or_default();
        let fits = amount > 0 && session.received + amount <= TOTAL && !session.is_final;
        if !session.manual || session.status != "complete" || !fits {
            return (400, json!({"error": {"code": "invalid_request", "message": "cannot be captured"}}));
        }
        let mark = got.mark();
        if let Some(made) = self.captures.iter().find(|it| it.mark == mark).map(|it| it.id.clone()) {
            self.blame(format!("a second capture: `{mark}` is sent as {}, and {made} was made", got.key));
        }
        let it = self.moved("fcap", got, (id, amount), "succeeded", &fields["capture_metadata"], now);
        self.captures.push(it.clone());
        if let Some(session) = self.sessions.iter_mut().find(|it| it.id == id) {
            session.received += amount;
            session.is_final = fields["final_capture"] != false;
        }
        match chance.below(3) {
            0 => (200, json!({"capture": Self::shown_capture(&it)})),
            1 => self.whole(id),
            // No document shows this reply.
            _ => (200, json!({"status": "ok"})),
        }
    }

    pub(super) fn cancel(&mut self, got: &Got, id: &str, fields: &Value, now: i64) -> (u16, Value) {
        if self.subscription(id).is_none() {
            return not_found();
        }
        if self.subscription(id).is_some_and(|it| it.status == "canceled") {
            return (400, json!({"error": {"code": "invalid_request", "message": "it is over"}}));
        }
        let refunds = fields["refund"].as_str().is_some_and(|it| it != "none");
        if refunds && !self.given_back.insert(got.key.clone()) {
            self.blame(format!("money goes back twice: {}", got.key));
        }
        self.changed.insert(got.key.clone());
        // Without its wrapper the flag is not seen, and the end is at once.
        if fields["cancel_at_period_end"] == true {
            self.subscriptions.iter_mut().filter(|it| it.id == id).for_each(|it| it.at_period_end = true);
        } else {
            self.end(id, now);
        }
        self.changed_reply(id)
    }

    pub(super) fn change(&mut self, got: &Got, id: &str, fields: &Value, now: i64) -> (u16, Value) {
        let Some(it) = self.subscriptions.iter_mut().find(|it| it.id == id) else { return not_found() };
        if it.status == "canceled" {
            return (400, json!({"error": {"code": "invalid_request", "message": "it is over"}}));
        }
        if let Some(flag) = fields["cancel_at_period_end"].as_bool() {
            it.at_period_end = flag;
            self.changed.insert(got.key.clone());
        }
        let shown = self.shown_subscription(id);
        self.event("customer.subscription.updated", "subscription", &shown, now);
        self.changed_reply(id)
    }
}
