//! What Flex knows, for the invariants of a test.

use serde_json::{Map, Value, json};

use super::state::Flex;
use crate::time::iso;

impl Flex {
    pub(super) fn ledger(&self) -> Value {
        let sessions = self.sessions.iter().map(|it| {
            json!({"checkout_session_id": it.head.id, "mode": it.mode.name(), "status": it.status,
                "amount_total": it.amounts.total, "client_reference_id": it.body.get("client_reference_id"),
                "metadata": it.body.get("metadata"),
                "customer": it.customer, "subscription": it.subscription, "invoice": it.invoice,
                "payment_intents": it.intents, "created_at": iso(it.head.created)})
        });
        let intents = self.intents.iter().map(|it| {
            json!({"payment_intent_id": it.head.id, "status": it.status, "amount": it.amount,
                "amount_received": it.received, "amount_refunded": it.refunded, "checkout_session": it.session,
                "invoice": it.invoice, "subscription": it.subscription, "disputed": it.disputed,
                "created_at": iso(it.head.created)})
        });
        let subscriptions = self.subscriptions.iter().map(|it| {
            json!({"subscription_id": it.head.id, "status": it.status, "customer": it.customer,
                "checkout_session": it.session, "current_period_start": iso(it.start),
                "current_period_end": iso(it.end), "cancel_at_period_end": it.at_period_end,
                "cancel_at": it.cancel_at.map(iso), "trial_end": it.trial.map(|(_, end)| iso(end)),
                "latest_invoice": it.latest_invoice, "price": it.price()})
        });
        let invoices = self.invoices.iter().map(|it| {
            json!({"invoice_id": it.head.id, "subscription": it.subscription, "status": it.status, "total": it.total,
                "amount_paid": it.paid, "payment_intent": it.intent, "attempts": it.attempts,
                "pays_from": iso(it.period.0), "pays_until": iso(it.period.1)})
        });
        let refunds = self.refunds.iter().map(|it| {
            json!({"refund_id": it.head.id, "payment_intent_id": it.intent, "amount": it.amount, "status": it.status,
                "metadata": it.metadata})
        });
        let disputes = self.disputes.iter().map(|it| {
            json!({"dispute_id": it.head.id, "payment_intent_id": it.intent, "amount": it.amount, "status": it.status})
        });
        let captures = self.captures.iter().map(|it| {
            json!({"capture_id": it.head.id, "checkout_session": it.session, "amount_captured": it.amount,
                "metadata": it.metadata})
        });
        let lists: [(&str, Vec<Value>); 7] = [
            ("checkout_sessions", sessions.collect()),
            ("payment_intents", intents.collect()),
            ("subscriptions", subscriptions.collect()),
            ("invoices", invoices.collect()),
            ("refunds", refunds.collect()),
            ("disputes", disputes.collect()),
            ("captures", captures.collect()),
        ];
        lists.into_iter().map(|(name, list)| (name.to_owned(), json!(list))).collect::<Map<_, _>>().into()
    }
}
