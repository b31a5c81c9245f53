//! The alphabet of Revup's flow, for tests that explore.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::amount::Amount;
use super::call::{CreateSubscription, RefundPayment};
use super::ids::{OrderId, SubscriptionId, Token, TransactionId};
use super::subscription::{Command, Subscription};
use crate::fact::{Fact, Origin, Verdict, Via};
use crate::flow::Samples;
use crate::id::{Intent, Key};
use crate::time::Millis;
use crate::value::Extra;

const TOKEN: &str = "fc44c6f8-6f92-43ab-98ea-3302b7586e7c";
const PAID: &str = "eebebc0b-dd2f-44c4-a8a8-743ff731a4a1";
const ORDER: &str = "80105327-c24a-4e52-9648-08f85f89061f";
const OTHER_ORDER: &str = "91216438-d35b-4f63-a759-19f96fa0172a";
const PLAN: &str = "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee";
/// What a verdict may name.
const IDS: [&str; 2] = [SUBSCRIPTION, REFUND];
const SUBSCRIPTION: &str = "0192b445-55a7-74af-a5d1-79ca6d2310f4";
const REFUND: &str = "0192b445-bb0d-7a05-abd7-000000000001";

pub(super) fn key() -> Key {
    Key::of("revup.token", TOKEN)
}

fn create() -> CreateSubscription {
    let plain = CreateSubscription::new(PLAN, "EUR", "https://shop.example/events")
        .returning_to("https://shop.example/ok", "https://shop.example/no");
    match (Token::parse(TOKEN), TransactionId::parse(PAID), OrderId::parse(ORDER)) {
        (Ok(token), Ok(transaction), Ok(order)) => plain.on_token(token, transaction, order),
        _ => plain,
    }
}

fn refund() -> Option<Command> {
    let refund = RefundPayment {
        intent: Intent::parse("refund-1").ok(),
        transaction_id: TransactionId::parse(PAID).ok()?,
        amount: Amount::new("15.50"),
        currency: "EUR".into(),
        reason: None,
        extra: Extra::default(),
    };
    Some(Command::RefundPayment(Box::new(refund)))
}

fn reply(operation: &'static str, status: u16, body: &Value) -> (&'static str, u16, String) {
    (operation, status, serde_json::to_string(body).unwrap_or_default())
}

fn seen(operation: &'static str, status: &str) -> (&'static str, u16, String) {
    let cancellation = json!({"reason": "merchant_api", "detail": ""});
    reply(operation, 200, &json!({"id": SUBSCRIPTION, "planId": PLAN, "status": status, "cancellation": cancellation}))
}

fn refused(operation: &'static str, status: u16, code: &str) -> (&'static str, u16, String) {
    reply(operation, status, &json!({"error": {"code": code, "message": ""}}))
}

/// An event. All have one id, so that the first counts alone, which keeps what is explored small.
fn event(kind: &str, status: &str, origin: Origin) -> Fact<'static> {
    let body = json!({
        "eventId": "e1",
        "eventType": kind,
        "occurredAt": "2026-11-30T10:00:00Z",
        "originator": {"type": "payment", "data": {"orderId": ORDER, "type": "initial"}},
        "data": {"subscriptionId": SUBSCRIPTION, "planId": PLAN, "status": status, "cancellation": {"reason": "dispute"}},
    });
    let body = serde_json::to_vec(&body).unwrap_or_default().into();
    Fact::Webhook { body, content_type: None, topic: None, origin }
}

/// A notification of the refund.
fn notified() -> Fact<'static> {
    let body = json!({
        "orderId": ORDER,
        "transactionId": REFUND,
        "transactionType": "refund",
        "transactionStatus": "success",
    });
    let body = serde_json::to_vec(&body).unwrap_or_default().into();
    Fact::Webhook { body, content_type: None, topic: None, origin: Origin::Verified }
}

pub(super) fn subscription() -> Samples<Subscription> {
    let created = Verdict::about("created", SUBSCRIPTION);
    let review = "review:outcome_unknown:create_subscription:1";
    let mut commands = alloc::vec![
        Command::CreateSubscription(Box::new(create())),
        Command::RetrieveSubscription { subscription_id: SubscriptionId::parse(SUBSCRIPTION).ok() },
        Command::RetrievePayments {},
        Command::CancelSubscription { cancellation_detail: None },
    ];
    commands.extend(refund());
    let due = |date: &str| json!({"payments": [{"paymentType": "renewal", "status": "paying", "dueDate": date}]});
    let ids = |order: &str| json!({"orderId": order, "subscriptionId": SUBSCRIPTION});
    let refund = |status: &str| json!({"transactionId": REFUND, "transactionType": "refund", "transactionStatus": status});
    let paid = json!({"transactionId": PAID, "transactionType": "payment", "transactionStatus": "success", "order": {"orderId": ORDER}});
    let back = json!({"transactionId": REFUND, "transactionType": "refund", "transactionStatus": "success",
        "creationDate": "2026-12-01T00:00:00Z", "money": {"amount": 15.5, "currency": "EUR"}});
    let statuses = ["fulfilled", "past_due", "paused", "cancelled", "archived", "someday"];
    let mut replies: Vec<_> = statuses.iter().map(|status| seen("retrieve_subscription", status)).collect();
    replies.extend([
        refused("retrieve_subscription", 404, "0020"),
        reply("create_subscription", 200, &ids(ORDER)),
        reply("create_subscription", 200, &ids(OTHER_ORDER)),
        refused("create_subscription", 400, "0151"),
        reply("create_subscription", 200, &json!({"subscriptionId": SUBSCRIPTION})),
        reply("find_transactions", 200, &json!([paid])),
        reply("find_transactions", 200, &json!([paid, back])),
        reply("retrieve_payments", 200, &due("2026-12-31")),
        reply("retrieve_payments", 200, &json!({"payments": []})),
        seen("cancel_subscription", "cancelled"),
        refused("cancel_subscription", 404, "0020"),
        reply("refund_payment", 200, &refund("success")),
        reply("refund_payment", 200, &refund("in_process")),
        refused("refund_payment", 400, "0207"),
        reply("retrieve_transaction", 200, &paid),
        reply("retrieve_transaction", 200, &refund("success")),
        reply("retrieve_transaction", 200, &refund("failed")),
    ]);
    Samples {
        commands,
        replies,
        facts: alloc::vec![
            event("subscription.created", "fulfilled", Origin::Verified),
            event("subscription.created", "fulfilled", Origin::Unverified),
            event("subscription.archived", "archived", Origin::Verified),
            event("subscription.cancelled", "cancelled", Origin::Verified),
            notified(),
            Fact::Returned { via: Via::SuccessUrl },
            Fact::Done { effect: review.into(), verdict: Some(created) },
        ],
        spans: alloc::vec![Millis::from_minutes(5), Millis::from_hours(168)],
        ids: IDS.into(),
    }
}
