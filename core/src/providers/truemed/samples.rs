//! The alphabets of Truemed's flows, for tests that explore.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::json;

use super::call::{CreatePaymentToken, Reason, UpdatePaymentToken};
use super::ids::{PaymentSessionId, Token};
use super::order::OrderItem;
use super::payment_session::{self, PaymentSession};
use super::payment_token::{self, PaymentToken};
use super::session_request::{CreatePaymentSession, Kind};
use crate::fact::{Fact, Origin, Via};
use crate::flow::Samples;
use crate::id::Intent;
use crate::money::Cents;
use crate::time::Millis;

fn b12() -> Vec<OrderItem> {
    alloc::vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))]
}

fn magnesium() -> Vec<OrderItem> {
    alloc::vec![OrderItem::new("mg", "Magnesium", 1, Cents::new(1200))]
}

fn checkout(items: Vec<OrderItem>) -> CreatePaymentSession {
    let total = items.iter().fold(Cents::ZERO, |sum, it| sum.plus(it.price));
    let mut it = CreatePaymentSession::new(total, items);
    it.success_url = Some("https://shop.example/ok".into());
    it.failure_url = Some("https://shop.example/cancel".into());
    it
}

fn charge(intent: &str) -> CreatePaymentSession {
    let mut it = checkout(b12());
    it.payment_token = Token::parse("pt_1").ok();
    it.intent = Intent::parse(intent).ok();
    it
}

fn webhook(body: &serde_json::Value) -> Fact<'static> {
    let body = serde_json::to_vec(body).unwrap_or_default().into();
    Fact::Webhook { body, content_type: None, topic: None, origin: Origin::Verified }
}

fn reply(operation: &'static str, status: u16, body: &serde_json::Value) -> (&'static str, u16, String) {
    let text = if body.is_null() { String::new() } else { serde_json::to_string(body).unwrap_or_default() };
    (operation, status, text)
}

/// What a verdict may name.
const IDS: [&str; 2] = ["ps_1", "ps_9"];
/// A page of sessions.
fn list(entries: &[serde_json::Value]) -> serde_json::Value {
    json!({"payment_sessions": entries, "pagination": null})
}

/// A session that looks like ours.
fn session(id: &str, token: &str) -> serde_json::Value {
    json!({"id": id, "status": "captured", "created_at": "2099-01-01T00:00:00Z", "total_amount": 1500,
        "payment_token": token, "metadata": "00000000-0000-4000-8000-000000000001"})
}

const SPANS: [Millis; 2] = [Millis::from_minutes(5), Millis::from_hours(168)];

pub(super) fn payment_token() -> Samples<PaymentToken> {
    use payment_token::Command::{
        CreatePaymentSession as Session, CreatePaymentToken as Create, DeletePaymentToken, RetrievePaymentSession,
        RetrievePaymentToken, RetrieveProvisionTokenRequest, UpdatePaymentToken as Update,
    };
    let mut tokenize = checkout(b12());
    tokenize.tokenize = Some(true);
    let url = "https://truemed.example/q/1";
    Samples {
        commands: alloc::vec![
            Create(CreatePaymentToken::new(b12(), "https://shop.example/ok", "https://shop.example/cancel")),
            Session(Box::new(tokenize)),
            Session(Box::new(charge("2026-11"))),
            Session(Box::new(charge("2026-12"))),
            Update(UpdatePaymentToken::items(magnesium())),
            Update(UpdatePaymentToken::items(b12())),
            Update(UpdatePaymentToken::card()),
            RetrievePaymentToken { payment_token: Token::parse("pt_1").ok() },
            RetrieveProvisionTokenRequest { provision_token_request_id: None },
            RetrievePaymentSession { payment_session_id: None },
            DeletePaymentToken {},
        ],
        replies: alloc::vec![
            reply("create_payment_token", 200, &json!({"provision_token_request_id": "ptr_1", "redirect_url": url})),
            reply("create_payment_token", 200, &json!({"provision_token_request_id": "ptr_3"})),
            reply("create_payment_token", 400, &json!({"error": "MissingField", "message": "order_items"})),
            reply("create_payment_session", 200, &json!({"id": "ps_1", "redirect_url": url})),
            reply("create_payment_session", 400, &json!({"error": "NotFound", "message": "token"})),
            reply("create_payment_session", 422, &json!({"redirect_url": url})),
            reply("create_payment_session", 401, &json!({"redirect_url": url})),
            reply("create_payment_session", 422, &json!({"redirect_url": url, "payment_session_id": "ps_2"})),
            reply("update_payment_token", 200, &json!({})),
            reply("update_payment_token", 200, &json!({"next_action": "None"})),
            reply(
                "update_payment_token",
                200,
                &json!({"next_action": "TakeHealthSurvey", "redirect_url": url, "provision_token_request_id": "ptr_2"})
            ),
            reply("update_payment_token", 200, &json!({"next_action": "UpdatePaymentMethod", "redirect_url": url})),
            reply("update_payment_token", 400, &json!({"error": "MissingField", "message": "order_items"})),
            reply("retrieve_payment_token", 200, &json!({"payment_token": "pt_1", "lmn_expires_at": "2026-12-24"})),
            reply("retrieve_payment_token", 404, &json!({"error": "NotFound"})),
            reply("retrieve_provision_token_request", 200, &json!({"payment_token": null})),
            reply("retrieve_provision_token_request", 200, &json!({"payment_token": "pt_1"})),
            reply(
                "retrieve_payment_session",
                200,
                &json!({"id": "ps_1", "status": "captured", "payment_token": "pt_1"})
            ),
            reply("delete_payment_token", 204, &json!(null)),
            reply("delete_payment_token", 400, &json!({"error": "MissingField", "message": ""})),
            reply("delete_payment_token", 404, &json!({"error": "NotFound"})),
            reply("retrieve_payment_session", 404, &json!({"error": "NotFound"})),
            reply("find_payment_session", 200, &list(&[])),
            reply("find_payment_session", 200, &list(&[session("ps_1", "pt_1")])),
            reply("find_payment_session", 200, &list(&[session("ps_1", "pt_1"), session("ps_9", "pt_1")])),
        ],
        facts: alloc::vec![
            webhook(&json!({"payment_token": "pt_1", "provision_token_request_id": "ptr_1"})),
            webhook(&json!({"payment_token": "pt_1", "provision_token_request_id": "ptr_1",
                "metadata": "00000000-0000-4000-8000-000000000001"})),
            webhook(&json!({"payment_token": "pt_1", "provision_token_request_id": "ptr_2"})),
            webhook(&json!({"payment_token": "pt_1", "payment_session_id": "ps_1"})),
            webhook(&json!({"payment_token": "pt_1", "failed_payment_session_id": "ps_2"})),
            webhook(&json!({"payment_session_id": "ps_1", "status": "processing"})),
            webhook(&json!({"payment_session_id": "ps_1", "status": "captured", "capture_amount": 1500})),
            webhook(&json!({"payment_session_id": "ps_2", "status": "captured", "capture_amount": 1500})),
            webhook(&json!({"payment_session_id": "ps_1", "status": "rejected"})),
            Fact::Returned { via: Via::SuccessUrl },
        ],
        spans: SPANS.into(),
        ids: IDS.into(),
    }
}

pub(super) fn payment_session() -> Samples<PaymentSession> {
    use payment_session::Command;
    let mut hold = checkout(b12());
    hold.kind = Some(Kind::Authorization);
    let refund = |intent: &str, amount: i64| Command::CreateRefund {
        intent: Intent::parse(intent).ok(),
        amount: Cents::new(amount),
        reason: Reason::CustomerRequest,
        item_details: None,
        extra: crate::value::Extra::default(),
    };
    let seen = |status: &str| webhook(&json!({"payment_session_id": "ps_1", "status": status, "capture_amount": 1500}));
    let looked = |status: &str| reply("retrieve_payment_session", 200, &json!({"id": "ps_1", "status": status}));
    let mut facts: Vec<_> = STATUSES.iter().map(|status| seen(status)).collect();
    // A webhook that echoes the key answers a request whose reply is still to come.
    facts.extend(STATUSES.iter().map(|status| {
        let key = "00000000-0000-4000-8000-000000000001";
        webhook(&json!({"payment_session_id": "ps_1", "status": status, "metadata": key}))
    }));
    facts.push(Fact::Returned { via: Via::SuccessUrl });
    let mut replies: Vec<_> = STATUSES.iter().map(|status| looked(status)).collect();
    replies.extend([
        reply("create_payment_session", 200, &json!({"id": "ps_1", "redirect_url": "https://truemed.example/c/1"})),
        reply("create_payment_session", 400, &json!({"error": "MissingField", "message": "success_url"})),
        reply("retrieve_payment_session", 404, &json!({"error": "NotFound"})),
        reply("find_payment_session", 200, &list(&[])),
        reply("find_payment_session", 200, &list(&[session("ps_1", "")])),
        reply("find_payment_session", 200, &list(&[session("ps_1", ""), session("ps_9", "")])),
        reply("capture_payment_session", 200, &json!({"id": "cap_1"})),
        reply("capture_payment_session", 400, &json!({"error": "SessionVoided", "message": ""})),
        reply("void_payment_session", 200, &json!({"id": "void_1"})),
        reply("cancel_payment_session", 200, &json!({})),
        reply("create_refund", 200, &json!({"refund_id": "ref_1"})),
        reply("create_refund", 400, &json!({"error": "ChargeDisputed", "message": ""})),
    ]);
    Samples {
        commands: alloc::vec![
            Command::CreatePaymentSession(Box::new(checkout(b12()))),
            Command::CreatePaymentSession(Box::new(hold)),
            Command::RetrievePaymentSession { payment_session_id: PaymentSessionId::parse("ps_1").ok() },
            Command::CapturePaymentSession {
                total_amount: Cents::new(1500),
                intent: None,
                extra: crate::value::Extra::default()
            },
            Command::VoidPaymentSession {},
            Command::CancelPaymentSession {},
            refund("refund-1", 500),
            refund("refund-2", 1000),
        ],
        replies,
        facts,
        spans: SPANS.into(),
        ids: IDS.into(),
    }
}

const STATUSES: [&str; 9] = [
    "pending",
    "processing",
    "authorized",
    "rejected",
    "canceled",
    "authorization_voided",
    "authorization_expired",
    "captured",
    "someday",
];
