//! Capture, void, cancel and refund.

use serde_json::{Value, json};

use super::{cart, cart_with, create, status};
use crate::harness::{Got, Shop};

const DAY: i64 = 86_400_000;

fn change(shop: &Shop, id: &str, what: &str, body: &Value) -> Got {
    shop.post(&format!("/payments/v1/payment_session/{id}/{what}"), body)
}

/// A session with a hold on a card.
fn authorized(shop: &Shop) -> String {
    let session = create(shop, &cart_with(&json!({"kind": "authorization"})));
    let id = session["id"].as_str().unwrap().to_owned();
    let early = change(shop, &id, "capture", &json!({"total_amount": 1500}));
    assert_eq!(early.refusal().1, "SessionPending");
    shop.act(&json!({"do": "finish", "id": id}));
    shop.advance(3_600_000);
    assert_eq!(status(shop, &id), "authorized");
    id
}

fn captured(shop: &Shop) -> String {
    let id = create(shop, &cart(1500))["id"].as_str().unwrap().to_owned();
    shop.act(&json!({"do": "finish", "id": id}));
    shop.advance(3_600_000);
    id
}

fn refund(shop: &Shop, id: &str, amount: i64, key: &str) -> Got {
    let body = json!({"payment_id": id, "amount": amount, "reason": "customer_request", "idempotency_key": key});
    shop.post("/payments/v1/refund", &body)
}

#[test]
fn a_hold_is_captured_once_and_at_most_whole() {
    let shop = Shop::new(&json!({}));
    let id = authorized(&shop);
    for (amount, error) in
        [(json!(null), "MissingField"), (json!(0), "TotalAmountInvalid"), (json!(1501), "TotalAmountInvalid")]
    {
        let refused = change(&shop, &id, "capture", &json!({"total_amount": amount, "idempotency_key": "c"}));
        assert_eq!((refused.status, refused.refusal().1.as_str()), (400, error));
    }
    let body = json!({"total_amount": 1000, "idempotency_key": "c"});
    let first = change(&shop, &id, "capture", &body);
    assert_eq!((first.status, first.header("x-sim-fidelity")), (200, "documented"));
    assert_eq!(change(&shop, &id, "capture", &body).text, first.text);
    let other = change(&shop, &id, "capture", &json!({"total_amount": 500, "idempotency_key": "d"}));
    assert_eq!(other.refusal().1, "SessionCaptured");
    let shown = shop.get(&format!("/payments/v1/payment_session/{id}")).json();
    assert_eq!((&shown["capture_amount"], &shown["status_summary"]), (&json!(1000), &json!("Partially Captured")));
    assert_eq!(change(&shop, &id, "void", &json!({})).refusal().1, "SessionCaptured");
}

#[test]
fn a_hold_lapses_after_6_95_days_and_the_capture_call_finds_out() {
    let shop = Shop::new(&json!({}));
    let id = authorized(&shop);
    shop.advance(7 * DAY);
    assert_eq!(status(&shop, &id), "authorized");
    let late = change(&shop, &id, "capture", &json!({"total_amount": 1500}));
    assert_eq!(late.refusal().1, "SessionExpired");
    assert_eq!(status(&shop, &id), "authorization_expired");

    let shop = Shop::new(&json!({"readings": {"truemed.hold-renewed": "true"}}));
    let id = authorized(&shop);
    shop.advance(7 * DAY);
    assert_eq!(change(&shop, &id, "capture", &json!({"total_amount": 1500})).status, 200);
}

#[test]
fn a_hold_is_voided() {
    let shop = Shop::new(&json!({}));
    let id = authorized(&shop);
    let body = json!({"idempotency_key": "v"});
    let first = change(&shop, &id, "void", &body);
    assert_eq!(first.status, 200);
    assert_eq!(change(&shop, &id, "void", &body).text, first.text);
    assert_eq!(status(&shop, &id), "authorization_voided");
    assert_eq!(change(&shop, &id, "capture", &json!({"total_amount": 1})).refusal().1, "SessionVoided");
    let immediate = captured(&shop);
    assert_eq!(change(&shop, &immediate, "void", &json!({})).refusal().1, "ImmediateCapture");
    assert_eq!(change(&shop, "nobody", "void", &json!({})).refusal().1, "PaymentSessionDoesNotExist");
}

#[test]
fn only_a_session_that_is_not_paid_can_be_canceled() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let id = create(&shop, &cart(1500))["id"].as_str().unwrap().to_owned();
    assert_eq!(change(&shop, &id, "cancel", &json!({})).status, 200);
    assert_eq!(change(&shop, &id, "cancel", &json!({})).status, 200);
    shop.advance(2_000);
    let hooks = receiver.take();
    assert_eq!((hooks.len(), &hooks[0].json()["status"]), (1, &json!("canceled")));
    let finish = shop.try_control("act", &json!({"provider": "truemed", "do": "finish", "id": id}));
    assert_eq!(finish.status, 400, "the link is closed");
    let paid = captured(&shop);
    assert_eq!(change(&shop, &paid, "cancel", &json!({})).header("x-sim-broke"), "truemed.cancel.only-pending");
}

#[test]
fn refunds_count_against_what_was_captured() {
    let shop = Shop::new(&json!({}));
    let id = captured(&shop);
    assert_eq!(refund(&shop, &id, 0, "z").refusal().1, "AmountInvalid");
    let first = refund(&shop, &id, 1000, "a");
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(refund(&shop, &id, 1000, "a").text, first.text);
    assert_eq!(refund(&shop, &id, 501, "b").refusal().1, "AmountInvalid");
    assert_eq!(refund(&shop, &id, 500, "a").status, 400, "the key has other content");
    let shown = shop.get(&format!("/payments/v1/payment_session/{id}")).json();
    assert_eq!((&shown["status"], &shown["status_summary"]), (&json!("captured"), &json!("Partially Refunded")));
    assert_eq!(shown["refunds"][0]["refund_id"], first.json()["refund_id"]);
    assert_eq!(refund(&shop, &id, 500, "c").status, 200);
    assert_eq!(shop.get(&format!("/payments/v1/payment_session/{id}")).json()["status_summary"], "Refunded");
}

#[test]
fn a_refund_needs_captured_money_without_a_dispute() {
    let shop = Shop::new(&json!({}));
    let pending = create(&shop, &cart(1500))["id"].as_str().unwrap().to_owned();
    assert_eq!(refund(&shop, &pending, 1, "a").refusal().1, "NoSessionCaptures");
    assert_eq!(refund(&shop, "nobody", 1, "a").refusal().1, "InvalidPaymentId");
    let id = captured(&shop);
    shop.act(&json!({"do": "dispute", "id": id}));
    assert_eq!(refund(&shop, &id, 1, "b").refusal().1, "ChargeDisputed");
    shop.act(&json!({"do": "close_dispute", "id": id}));
    assert_eq!(refund(&shop, &id, 1, "b").status, 200);
    let without = json!({"payment_id": id, "amount": 1, "reason": "customer_request"});
    assert_eq!(shop.post("/payments/v1/refund", &without).refusal().1, "MissingField");
}
