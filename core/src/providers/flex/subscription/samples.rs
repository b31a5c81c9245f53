//! The alphabet of a subscription, for tests that explore.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::{Command, Subscription};
use crate::fact::Fact;
use crate::flow::Samples;
use crate::providers::flex::ids::{CheckoutSessionId, SubscriptionId};
use crate::providers::flex::request::{CancelSubscription, End, UpdateSubscription};
use crate::providers::flex::samples::{IDS, SPANS, event, of_sessions, order, refusal, reply, session};
use crate::providers::flex::session_request::Mode;

/// How a subscription stands in its first period, with what is added.
fn stands(status: &str, more: Value) -> Value {
    let mut it = json!({
        "subscription_id": "fsub_1", "customer": "fcus_1", "status": status, "cancel_at_period_end": false,
        "current_period_start": "2026-12-01T00:00:00.000000Z", "current_period_end": "2027-01-01T00:00:00.000000Z",
        "test_mode": false,
    });
    if let (Some(fields), Value::Object(more)) = (it.as_object_mut(), more) {
        fields.extend(more);
    }
    it
}

/// The same, in its second period.
fn renewed(status: &str, invoice: Value) -> Value {
    let second = json!({
        "current_period_start": "2027-01-01T00:00:00.000000Z", "current_period_end": "2027-02-01T00:00:00.000000Z",
        "latest_invoice": invoice,
    });
    stands(status, second)
}

fn invoice(id: &str, status: &str) -> Value {
    json!({"invoice_id": id, "subscription": "fsub_1", "customer": "fcus_1", "status": status, "amount_due": 4999,
        "payment_intent": "fpi_2", "test_mode": false})
}

fn refund(status: &str) -> Value {
    json!({"refund_id": "fref_1", "subscription_id": "fsub_1", "amount": 100, "status": status,
        "created_at": "2026-12-01T00:00:00Z"})
}

fn replies() -> Vec<(&'static str, u16, String)> {
    let flagged = || stands("active", json!({"cancel_at_period_end": true}));
    let wrapped = |it: Value| json!({ "subscription": it });
    let mut all: Vec<_> = ["incomplete", "active", "past_due", "unpaid", "canceled", "on_hold"]
        .into_iter()
        .map(|status| reply("retrieve_subscription", 200, wrapped(stands(status, Value::Null))))
        .collect();
    all.extend([
        reply("retrieve_subscription", 200, flagged()),
        reply("retrieve_subscription", 200, stands("trialing", json!({"trial_end": "2026-12-08T00:00:00Z"}))),
        reply("retrieve_subscription", 200, wrapped(renewed("active", "fin_2".into()))),
        reply("retrieve_subscription", 200, wrapped(renewed("past_due", "fin_2".into()))),
        reply("retrieve_subscription", 200, json!({})),
        refusal("retrieve_subscription", 404),
        reply("retrieve_invoice", 200, json!({"invoice": invoice("fin_2", "open")})),
        reply("retrieve_invoice", 200, json!({"invoice": invoice("fin_2", "paid")})),
        refusal("retrieve_invoice", 404),
        reply("cancel_subscription", 200, wrapped(flagged())),
        reply("cancel_subscription", 200, stands("canceled", Value::Null)),
        refusal("cancel_subscription", 400),
        reply("update_subscription", 200, wrapped(flagged())),
        reply("update_subscription", 200, wrapped(stands("active", Value::Null))),
        refusal("update_subscription", 400),
        reply("list_refunds", 200, json!({"refunds": []})),
        reply("list_refunds", 200, json!({"refunds": [refund("pending")]})),
    ]);
    all
}

fn facts() -> Vec<Fact<'static>> {
    let unfinished = json!({"customer": "fcus_1", "subscription": stands("incomplete", Value::Null)});
    let incomplete = session("fcs_1", "complete", "subscription", unfinished);
    let dispute = json!({"dispute_id": "fdsp_1", "payment_intent_id": "fpi_1", "status": "needs_response"});
    let other = json!({"invoice_id": "fin_9", "subscription": "fsub_2", "status": "paid"});
    alloc::vec![
        event("checkout.session.completed", "checkout_session", incomplete),
        event("invoice.paid", "invoice", invoice("fin_1", "paid")),
        event("invoice.paid", "invoice", other),
        event("invoice.payment_failed", "invoice", invoice("fin_2", "open")),
        event("invoice.payment_succeeded", "invoice", invoice("fin_2", "paid")),
        event("customer.subscription.updated", "subscription", stands("active", Value::Null)),
        event("customer.subscription.deleted", "subscription", stands("canceled", Value::Null)),
        event("refund.created", "refund", refund("pending")),
        event("refund.updated", "refund", refund("failed")),
        event("charge.dispute.created", "dispute", dispute),
    ]
}

pub(super) fn all() -> Samples<Subscription> {
    let paid = json!({"customer": "fcus_1", "subscription": "fsub_1", "invoice": "fin_1", "payment_intent": "fpi_1"});
    let (mut replies_, mut facts_) = of_sessions("subscription", paid);
    replies_.extend(replies());
    facts_.extend(facts());
    let mut ended = CancelSubscription::new(End::AtOnce);
    ended.refund = Some("prorated".into());
    Samples {
        commands: alloc::vec![
            Command::CreateCheckoutSession(Box::new(order(Mode::Subscription))),
            Command::RetrieveCheckoutSession { checkout_session_id: CheckoutSessionId::parse("fcs_1").ok() },
            Command::RetrieveSubscription { subscription_id: SubscriptionId::parse("fsub_1").ok() },
            Command::CancelSubscription(CancelSubscription::new(End::WithPeriod)),
            Command::CancelSubscription(ended),
            Command::UpdateSubscription(UpdateSubscription::new(false)),
        ],
        replies: replies_,
        facts: facts_,
        spans: SPANS.into(),
        ids: IDS.into(),
    }
}
