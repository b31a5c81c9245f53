//! The alphabets of Flex's flows, for tests that explore.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::request::{CapturePayment, CreateRefund};
use super::checkout::{self, Checkout};
use super::ids::CheckoutSessionId;
use super::item::{LineItem, PriceData, Recurring};
use super::session_request::{CaptureMethod, CreateCheckoutSession, Mode};
use crate::fact::{Fact, Origin, Via};
use crate::flow::Samples;
use crate::id::Intent;
use crate::money::Cents;
use crate::time::Millis;
use crate::value::Extra;

const KEY: &str = "00000000-0000-4000-8000-000000000001";
/// The first of December 2026, and a month and an hour later, in seconds.
const MADE: u64 = 1_796_083_200;
/// What a verdict may name.
pub(super) const IDS: [&str; 2] = ["fcs_1", "fcs_9"];
pub(super) const SPANS: [Millis; 2] = [Millis::from_minutes(5), Millis::from_hours(168)];

pub(super) fn order(mode: Mode) -> CreateCheckoutSession {
    let recurring = (mode == Mode::Subscription).then(|| Recurring::every("monthly"));
    let data = PriceData { product: "fprod_1".into(), unit_amount: Cents::new(4999), recurring };
    let item = LineItem { price_data: Some(data), quantity: Some(1), ..LineItem::default() };
    let mut it = CreateCheckoutSession::new(mode, alloc::vec![item], Cents::new(4999), "https://shop.example/ok");
    it.cancel_url = Some("https://shop.example/cancel".into());
    it
}

pub(super) fn session(id: &str, status: &str, mode: &str, more: Value) -> Value {
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

pub(super) fn reply(operation: &'static str, status: u16, body: Value) -> (&'static str, u16, String) {
    (operation, status, serde_json::to_string(&body).unwrap_or_default())
}

pub(super) fn event(name: &str, kind: &str, object: Value) -> Fact<'static> {
    let body = json!({"event_id": "evt_1", "event_type": name, "event_dt": 1, "object": {kind: object}});
    let body = serde_json::to_vec(&body).unwrap_or_default().into();
    Fact::Webhook { body, content_type: None, topic: None, origin: Origin::Verified }
}

fn wrapped(session: Value) -> Value {
    json!({ "checkout_session": session })
}

pub(super) fn refusal(operation: &'static str, status: u16) -> (&'static str, u16, String) {
    reply(operation, status, json!({"error": {"code": "invalid_request", "message": "no"}}))
}

/// What both flows are told of their sessions.
pub(super) fn of_sessions(mode: &str, paid: Value) -> (Vec<(&'static str, u16, String)>, Vec<Fact<'static>>) {
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

/// What Flex echoes of a request of the explored checkout.
fn echo(effect: &str) -> Value {
    json!({"rulebound_key": alloc::format!("flex.checkout:{KEY}:{effect}")})
}

/// What a checkout is told of its money.
fn of_money() -> (Vec<(&'static str, u16, String)>, Vec<Fact<'static>>) {
    let paid = |more: Value| {
        let mut it = json!({"amount_received": 4999, "amount_refunded": 0, "payment_intent": "fpi_1"});
        if let (Some(fields), Value::Object(more)) = (it.as_object_mut(), more) {
            fields.extend(more);
        }
        wrapped(session("fcs_1", "complete", "payment", it))
    };
    let given_back = |status: &str| {
        json!({"refund_id": "fre_1", "payment_intent_id": "fpi_1", "amount": 1000, "status": status,
            "metadata": echo("create_refund:refund-1")})
    };
    let dispute = |status: &str| json!({"dispute_id": "fdsp_1", "payment_intent_id": "fpi_1", "amount": 4999, "status": status});
    let held = |received: u32| json!({"amount_received": received, "capture_method": "manual", "captures": []});
    let capture = |more: Value| json!({"capture": {"capture_id": "fcap_1", "amount_captured": more}});
    let other = wrapped(session("fcs_2", "complete", "payment", json!({"refunds": [given_back("pending")]})));
    let replies = alloc::vec![
        reply("create_refund", 200, paid(json!({"amount_refunded": 1000, "refunds": [given_back("pending")]}))),
        reply("create_refund", 200, other),
        reply("create_refund", 200, paid(json!({"refunds": []}))),
        refusal("create_refund", 422),
        reply("retrieve_checkout_session", 200, paid(json!({"refunds": [given_back("pending")]}))),
        reply("retrieve_checkout_session", 200, paid(json!({"refunds": []}))),
        reply("retrieve_checkout_session", 200, paid(held(0))),
        reply("retrieve_checkout_session", 200, paid(json!({"amount_disputed": 4999}))),
        reply("capture_payment", 200, paid(held(4999))),
        reply("capture_payment", 200, capture(4999.into())),
        reply("capture_payment", 200, capture(1.into())),
        reply("capture_payment", 200, capture(Value::Null)),
        refusal("capture_payment", 400),
        reply("list_captures", 200, json!({"captures": []})),
        reply("list_captures", 200, json!({"captures": [{"capture_id": "fcap_1", "amount_captured": 4999}]})),
    ];
    let facts = alloc::vec![
        event(
            "checkout.session.completed",
            "checkout_session",
            session("fcs_1", "complete", "payment", json!({"amount_received": 0, "payment_intent": "fpi_1", "capture_method": "manual"})),
        ),
        event("refund.updated", "refund", given_back("succeeded")),
        event("refund.updated", "refund", given_back("failed")),
        event("charge.refunded", "charge", json!({"payment_intent": "fpi_1"})),
        event("charge.dispute.created", "dispute", dispute("needs_response")),
        event("charge.dispute.closed", "dispute", dispute("won")),
        event("charge.dispute.closed", "dispute", dispute("lost")),
    ];
    (replies, facts)
}

/// What a charge of an absent customer is told.
fn of_absence() -> Vec<(&'static str, u16, String)> {
    let paid = json!({"amount_received": 4999, "payment_intent": "fpi_1", "metadata": echo("create_checkout_session:1")});
    let made = session("fcs_1", "complete", "off_session", paid);
    let unsaid = session("fcs_1", "complete", "off_session", json!({"client_reference_id": null}));
    alloc::vec![
        reply("create_checkout_session", 200, wrapped(made.clone())),
        reply("create_checkout_session", 200, wrapped(json!({"checkout_session_id": "fcs_1", "mode": "off_session"}))),
        reply("find_checkout_session", 200, json!({"checkout_sessions": [made.clone()]})),
        reply("find_checkout_session", 200, json!({"checkout_sessions": [unsaid]})),
        reply("find_checkout_session", 200, json!({"checkout_sessions": [7]})),
        reply("retrieve_checkout_session", 200, wrapped(made)),
    ]
}

pub(super) fn checkout() -> Samples<Checkout> {
    use checkout::Command;
    let paid = json!({"amount_received": 4999, "amount_refunded": 0, "payment_intent": "fpi_1"});
    let (mut replies, mut facts) = of_sessions("payment", paid);
    let (of_money, told_of_money) = of_money();
    replies.extend(of_money);
    replies.extend(of_absence());
    facts.extend(told_of_money);
    let mut held = order(Mode::Payment);
    held.capture_method = Some(CaptureMethod::Manual);
    let mut away = order(Mode::OffSession);
    (away.customer, away.payment_method) = (Some("fcus_1".into()), Some("fpm_1".into()));
    let refund = |intent: &str, amount: i64| {
        let (intent, amount) = (Intent::parse(intent).ok(), Some(Cents::new(amount)));
        Command::CreateRefund(Box::new(CreateRefund { intent, amount, ..CreateRefund::default() }))
    };
    let capture = CapturePayment {
        intent: Intent::parse("capture-1").ok(),
        amount: Cents::new(4999),
        final_capture: Some(true),
        capture_metadata: None,
        extra: Extra::default(),
    };
    Samples {
        commands: alloc::vec![
            Command::CreateCheckoutSession(Box::new(order(Mode::Payment))),
            Command::CreateCheckoutSession(Box::new(held)),
            Command::CreateCheckoutSession(Box::new(away)),
            Command::RetrieveCheckoutSession { checkout_session_id: CheckoutSessionId::parse("fcs_1").ok() },
            refund("refund-1", 1000),
            refund("refund-2", 3999),
            Command::CapturePayment(capture),
        ],
        replies,
        facts,
        spans: SPANS.into(),
        ids: IDS.into(),
    }
}
