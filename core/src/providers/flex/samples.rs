//! The alphabets of Flex's flows, for tests that explore.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::call::{CancelSubscription, CapturePayment, CreateRefund, End};
use super::checkout::{self, Checkout};
use super::ids::{CheckoutSessionId, SubscriptionId};
use super::item::{LineItem, PriceData, Recurring};
use super::session_request::{CaptureMethod, CreateCheckoutSession, Mode};
use super::subscription::{self, Subscription};
use crate::fact::{Fact, Origin, Via};
use crate::flow::Samples;
use crate::id::Intent;
use crate::money::Cents;
use crate::time::Millis;
use crate::value::Extra;

const KEY: &str = "00000000-0000-4000-8000-000000000001";
/// The first of December 2026, and a month and an hour later, in seconds.
const MADE: u64 = 1_796_083_200;
const SPANS: [Millis; 2] = [Millis::from_minutes(5), Millis::from_hours(168)];

fn order(mode: Mode) -> CreateCheckoutSession {
    let recurring = (mode == Mode::Subscription).then(|| Recurring::every("monthly"));
    let data = PriceData { product: "fprod_1".into(), unit_amount: Cents::new(4999), recurring };
    let item = LineItem { price_data: Some(data), quantity: Some(1), ..LineItem::default() };
    let mut it = CreateCheckoutSession::new(mode, alloc::vec![item], Cents::new(4999), "https://shop.example/ok");
    it.cancel_url = Some("https://shop.example/cancel".into());
    it
}

fn session(id: &str, status: &str, mode: &str, more: Value) -> Value {
    let mut it = json!({
        "checkout_session_id": id, "status": status, "mode": mode, "client_reference_id": KEY,
        "amount_total": 4999, "amount_subtotal": 4999, "created_at": MADE, "expires_at": MADE + 3600,
        "redirect_url": "https://pay.example/c/1", "test_mode": false,
    });
    if let (Some(fields), Value::Object(more)) = (it.as_object_mut(), more) {
        fields.extend(more);
    }
    it
}

fn reply(operation: &'static str, status: u16, body: Value) -> (&'static str, u16, String) {
    (operation, status, serde_json::to_string(&body).unwrap_or_default())
}

fn event(name: &str, kind: &str, object: Value) -> Fact<'static> {
    let body = json!({"event_id": "evt_1", "event_type": name, "event_dt": 1, "object": {kind: object}});
    let body = serde_json::to_vec(&body).unwrap_or_default().into();
    Fact::Webhook { body, content_type: None, topic: None, origin: Origin::Verified }
}

fn wrapped(session: Value) -> Value {
    json!({ "checkout_session": session })
}

fn refusal(operation: &'static str, status: u16) -> (&'static str, u16, String) {
    reply(operation, status, json!({"error": {"code": "invalid_request", "message": "no"}}))
}

/// What both flows are told of their sessions.
fn of_sessions(mode: &str, paid: Value) -> (Vec<(&'static str, u16, String)>, Vec<Fact<'static>>) {
    let one = |status: &str| session("fcs_1", status, mode, Value::Null);
    let complete = |id: &str| session(id, "complete", mode, paid.clone());
    let other = if mode == "subscription" { "payment" } else { "subscription" };
    let list = |all: Vec<Value>| json!({ "checkout_sessions": all });
    let replies = alloc::vec![
        reply("create_checkout_session", 200, wrapped(one("open"))),
        reply("create_checkout_session", 200, wrapped(session("fcs_2", "open", mode, Value::Null))),
        reply("create_checkout_session", 200, wrapped(complete("fcs_1"))),
        refusal("create_checkout_session", 422),
        reply("find_checkout_session", 200, list(Vec::new())),
        reply("find_checkout_session", 200, list(alloc::vec![one("open")])),
        reply("find_checkout_session", 200, list(alloc::vec![one("expired")])),
        reply("find_checkout_session", 200, list(alloc::vec![one("open"), complete("fcs_2")])),
        reply("retrieve_checkout_session", 200, wrapped(one("open"))),
        reply("retrieve_checkout_session", 200, wrapped(one("expired"))),
        reply("retrieve_checkout_session", 200, wrapped(one("someday"))),
        reply("retrieve_checkout_session", 200, wrapped(complete("fcs_1"))),
        reply("retrieve_checkout_session", 200, wrapped(session("fcs_1", "open", other, Value::Null))),
        refusal("retrieve_checkout_session", 404),
    ];
    let facts = alloc::vec![
        event("checkout.session.completed", "checkout_session", complete("fcs_1")),
        event("checkout_session.completed", "checkout_session", complete("fcs_2")),
        event("checkout.session.completed", "checkout_session", one("open")),
        event("checkout.session.expired", "checkout_session", one("expired")),
        Fact::Returned { via: Via::SuccessUrl },
    ];
    (replies, facts)
}

pub(super) fn checkout() -> Samples<Checkout> {
    use checkout::Command;
    let paid = json!({"amount_received": 4999, "amount_refunded": 0, "payment_intent": "fpi_1"});
    let (mut replies, mut facts) = of_sessions("payment", paid);
    let mut held = order(Mode::Payment);
    held.capture_method = Some(CaptureMethod::Manual);
    let refund = |intent: &str, amount: i64| {
        let (intent, amount) = (Intent::parse(intent).ok(), Some(Cents::new(amount)));
        Command::CreateRefund(Box::new(CreateRefund { intent, amount, ..CreateRefund::default() }))
    };
    let capture = CapturePayment {
        intent: Intent::parse("capture-1").ok(),
        amount: Cents::new(4999),
        final_capture: Some(true),
        extra: Extra::default(),
    };
    let given_back = |status: &str| json!({"refund_id": "fre_1", "payment_intent_id": "fpi_1", "amount": 1000, "status": status});
    let returned = json!({"amount_received": 4999, "amount_refunded": 1000, "payment_intent": "fpi_1",
        "refunds": [given_back("pending")]});
    let taken = json!({"amount_received": 4999, "payment_intent": "fpi_1", "capture_method": "manual"});
    let held_back = json!({"amount_received": 0, "payment_intent": "fpi_1", "capture_method": "manual"});
    replies.extend([
        reply("create_refund", 200, wrapped(session("fcs_1", "complete", "payment", returned.clone()))),
        reply("create_refund", 200, wrapped(session("fcs_2", "complete", "payment", returned.clone()))),
        refusal("create_refund", 422),
        reply("retrieve_checkout_session", 200, wrapped(session("fcs_1", "complete", "payment", returned))),
        reply("retrieve_checkout_session", 200, wrapped(session("fcs_2", "complete", "payment", held_back.clone()))),
        reply("capture_payment", 200, wrapped(session("fcs_1", "complete", "payment", taken))),
        refusal("capture_payment", 400),
    ]);
    facts.extend([
        event("checkout.session.completed", "checkout_session", session("fcs_1", "complete", "payment", held_back)),
        event("refund.updated", "refund", given_back("succeeded")),
        event("refund.updated", "refund", given_back("failed")),
    ]);
    Samples {
        commands: alloc::vec![
            Command::CreateCheckoutSession(Box::new(order(Mode::Payment))),
            Command::CreateCheckoutSession(Box::new(held)),
            Command::RetrieveCheckoutSession { checkout_session_id: CheckoutSessionId::parse("fcs_1").ok() },
            refund("refund-1", 1000),
            refund("refund-2", 3999),
            Command::CapturePayment(capture),
        ],
        replies,
        facts,
        spans: SPANS.into(),
    }
}

pub(super) fn subscription() -> Samples<Subscription> {
    use subscription::Command;
    let paid = json!({"customer": "fcus_1", "subscription": "fsub_1", "invoice": "fin_1", "payment_intent": "fpi_1"});
    let (mut replies, mut facts) = of_sessions("subscription", paid);
    let stands = |status: &str, flag: bool| {
        json!({"subscription_id": "fsub_1", "customer": "fcus_1", "status": status, "cancel_at_period_end": flag,
            "current_period_end": "2027-01-01T00:00:00.000000Z", "test_mode": false})
    };
    let unfinished = json!({"customer": "fcus_1", "subscription": stands("incomplete", false)});
    facts.push(event(
        "checkout.session.completed",
        "checkout_session",
        session("fcs_1", "complete", "subscription", unfinished),
    ));
    let invoice = |id: &str, status: &str, paid: i64| {
        json!({"invoice_id": id, "subscription": "fsub_1", "customer": "fcus_1", "status": status, "amount_due": 4999,
            "amount_paid": paid, "test_mode": false})
    };
    for status in ["incomplete", "trialing", "active", "past_due", "unpaid", "canceled"] {
        replies.push(reply("retrieve_subscription", 200, json!({"subscription": stands(status, false)})));
    }
    replies.extend([
        reply("retrieve_subscription", 200, stands("active", true)),
        refusal("retrieve_subscription", 404),
        reply("cancel_subscription", 200, json!({"subscription": stands("active", true)})),
        reply("cancel_subscription", 200, stands("canceled", false)),
        refusal("cancel_subscription", 400),
    ]);
    facts.extend([
        event("invoice.paid", "invoice", invoice("fin_1", "paid", 4999)),
        event("invoice.payment_failed", "invoice", invoice("fin_2", "open", 0)),
        event("invoice.payment_succeeded", "invoice", invoice("fin_2", "paid", 4999)),
        event("customer.subscription.updated", "subscription", stands("active", false)),
        event("customer.subscription.deleted", "subscription", stands("canceled", false)),
    ]);
    let mut ended = CancelSubscription::new(End::AtOnce);
    ended.refund = Some("prorated".into());
    Samples {
        commands: alloc::vec![
            Command::CreateCheckoutSession(Box::new(order(Mode::Subscription))),
            Command::RetrieveCheckoutSession { checkout_session_id: CheckoutSessionId::parse("fcs_1").ok() },
            Command::RetrieveSubscription { subscription_id: SubscriptionId::parse("fsub_1").ok() },
            Command::CancelSubscription(CancelSubscription::new(End::WithPeriod)),
            Command::CancelSubscription(ended),
        ],
        replies,
        facts,
        spans: SPANS.into(),
    }
}
