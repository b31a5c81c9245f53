//! Disputes at Flex: the customer opens them, the bank ends them, and the merchant may accept them.

use serde_json::{Value, json};

use super::replies::not_found;
use super::{DAY, Flex, iso};
use crate::chance::Chance;

/// A payment that the customer disputes with the bank.
#[derive(Clone, Debug)]
pub(super) struct Dispute {
    pub(super) id: String,
    payment: String,
    amount: i64,
    pub(super) status: &'static str,
    due: i64,
    submissions: i64,
}

impl Dispute {
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.status, "won" | "lost")
    }

    fn json(&self) -> Value {
        json!({"dispute_id": self.id, "payment_intent_id": self.payment, "charge_id": format!("fch_{}", self.payment),
            "amount": self.amount, "status": self.status, "reason": "fraudulent", "is_charge_refundable": false,
            "test_mode": false, "client_reference_id": null,
            "evidence_details": {"due_by": iso(self.due), "submission_count": self.submissions}})
    }
}

impl Flex {
    /// The payments that can be disputed, and what the customer has not got back of them.
    fn disputable(&self) -> Vec<(String, i64)> {
        let left = |id: &str, received: i64| {
            let refunds = self.refunds.iter().filter(|it| it.session == id && it.status != "failed");
            received - refunds.map(|it| it.amount).sum::<i64>()
        };
        let sessions = self.sessions.iter().filter(|it| it.status == "complete" && it.received > 0);
        let mut all: Vec<_> = sessions.map(|it| (format!("fpi_{}", it.id), left(&it.id, it.received))).collect();
        let renewals = self.invoices.iter().filter(|it| it.status == "paid");
        all.extend(renewals.map(|it| (self.payment_of(&it.id), it.amount)));
        all.retain(|(payment, amount)| *amount > 0 && !self.disputes.iter().any(|it| it.payment == *payment));
        all
    }

    /// The payment of an invoice: that of its session, or its own.
    pub(super) fn payment_of(&self, invoice: &str) -> String {
        let session = self.sessions.iter().find(|it| it.invoice.as_deref() == Some(invoice));
        format!("fpi_{}", session.map_or(invoice, |it| &it.id))
    }

    /// Whether the bank has, or may still get, the money of a payment.
    pub(super) fn is_disputed(&self, payment: &str) -> bool {
        self.disputes.iter().any(|it| it.payment == payment && it.status != "won")
    }

    /// The customer disputes a payment.
    pub(super) fn dispute_opens(&mut self, chance: &mut Chance<'_>, now: i64) {
        let Some((payment, amount)) = chance.one(&self.disputable()).cloned() else { return };
        let id = self.name("fdsp");
        self.disputes.push(Dispute {
            id,
            payment,
            amount,
            status: "needs_response",
            due: now + 9 * DAY,
            submissions: 0,
        });
        self.dispute_event("charge.dispute.created", self.disputes.len() - 1, now);
    }

    /// The merchant submits evidence, or the bank decides.
    pub(super) fn disputes_move(&mut self, chance: &mut Chance<'_>, now: i64) {
        let open = self.disputes.iter().position(Dispute::is_open);
        let Some(index) = open else { return };
        let status = ["won", "lost", "under_review", "warning_under_review"][chance.below(4)];
        let it = &mut self.disputes[index];
        it.submissions += i64::from(!matches!(status, "won" | "lost"));
        it.status = status;
        let kind = if it.is_open() { "charge.dispute.updated" } else { "charge.dispute.closed" };
        self.dispute_event(kind, index, now);
    }

    /// The bank decides about every dispute.
    pub(super) fn disputes_end(&mut self, now: i64) {
        for index in 0..self.disputes.len() {
            if self.disputes[index].is_open() {
                self.disputes[index].status = if index % 2 == 0 { "won" } else { "lost" };
                self.dispute_event("charge.dispute.closed", index, now);
            }
        }
    }

    fn dispute_event(&mut self, kind: &str, index: usize, now: i64) {
        let json = self.disputes[index].json();
        self.event(kind, "dispute", &json, now);
    }

    pub(super) fn list_disputes(&self, payment: Option<&String>) -> (u16, Value) {
        let of = |it: &&Dispute| payment.is_none_or(|payment| it.payment == *payment);
        let all: Vec<_> = self.disputes.iter().filter(of).rev().map(Dispute::json).collect();
        (200, json!({ "disputes": all }))
    }

    pub(super) fn show_dispute(&self, id: &str) -> (u16, Value) {
        match self.disputes.iter().find(|it| it.id == id) {
            Some(it) => (200, json!({"dispute": it.json()})),
            None => not_found(),
        }
    }

    /// The merchant accepts a dispute, and the money is gone.
    pub(super) fn close_dispute(&mut self, id: &str, now: i64) -> (u16, Value) {
        let Some(index) = self.disputes.iter().position(|it| it.id == id) else { return not_found() };
        if !self.disputes[index].is_open() {
            return (400, json!({"error": {"code": "invalid_request", "message": "the dispute has ended"}}));
        }
        self.disputes[index].status = "lost";
        self.dispute_event("charge.dispute.closed", index, now);
        (200, json!({"dispute": self.disputes[index].json()}))
    }

    /// The disputes of a session's payment, and their amount.
    pub(super) fn disputes_of(&self, session: &str) -> (Vec<Value>, i64) {
        let payment = format!("fpi_{session}");
        let own = self.disputes.iter().filter(|it| it.payment == payment);
        (own.clone().map(Dispute::json).collect(), own.filter(|it| it.status != "won").map(|it| it.amount).sum())
    }
}
