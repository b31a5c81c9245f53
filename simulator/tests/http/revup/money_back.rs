//! Refunds and disputes.

use serde_json::{Value, json};

use super::{DAY, MONTH, Merchant, PLAN, refusal};

fn money(amount: f64) -> Value {
    json!({"money": {"amount": amount, "currency": "EUR"}, "reason": "returned"})
}

/// The transaction of the initial payment.
fn initial(merchant: &Merchant, id: &str) -> String {
    merchant.payments(id)[0]["transactions"][0]["transactionId"].as_str().unwrap().to_owned()
}

#[test]
fn a_refund_is_a_transaction_and_the_subscription_goes_on() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    let path = format!("/transactions/{}/refund", initial(&merchant, &id));
    let refunded = merchant.post(&path, &money(5.5));
    let body = refunded.json();
    assert_eq!((refunded.status, &body["transactionStatus"]), (200, &json!("success")));
    assert_eq!(body["operationResult"]["chargedAmount"], json!({"amount": 5.5, "currency": "EUR"}));
    let shown = merchant.get(&format!("/transactions/{}", body["transactionId"].as_str().unwrap())).json();
    assert_eq!((&shown["transactionType"], &shown["order"]["money"]["amount"]), (&json!("refund"), &json!(5.5)));
    assert_eq!(refusal(&merchant.post(&path, &money(10.01))), (400, "0207".into(), "revup.refund.sum".into()));
    assert_eq!(merchant.post(&path, &money(10.0)).status, 200);
    merchant.advance(MONTH);
    assert_eq!(merchant.event_names(), ["payment.refunded", "payment.refunded", "updated"]);
    assert_eq!(merchant.status(&id), "fulfilled");
}

#[test]
fn a_refund_is_refused_with_the_documented_codes() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    let path = format!("/transactions/{}/refund", initial(&merchant, &id));
    let none = merchant.post("/transactions/none/refund", &money(1.0));
    assert_eq!(refusal(&none).1, "0108");
    let dollars = merchant.post(&path, &json!({"money": {"amount": 1, "currency": "USD"}}));
    assert_eq!((refusal(&dollars).1.as_str(), dollars.header("x-sim-fidelity")), ("0307", "documented"));
    assert_eq!(refusal(&merchant.post(&path, &json!({}))).1, "0300");
    let refund = merchant.post(&path, &money(1.0)).json()["transactionId"].clone();
    let again = merchant.post(&format!("/transactions/{}/refund", refund.as_str().unwrap()), &money(1.0));
    assert_eq!(refusal(&again).1, "0207", "a refund cannot be refunded");
}

#[test]
fn a_refund_can_stay_in_process() {
    let merchant = Merchant::new(&json!({"refund-settles": "later"}));
    let id = merchant.subscribed();
    let path = format!("/transactions/{}/refund", initial(&merchant, &id));
    let body = merchant.post(&path, &money(5.5)).json();
    assert_eq!(body["transactionStatus"], "in_process");
    assert_eq!(merchant.post(&path, &money(15.5)).status, 400, "what is in process cannot be refunded twice");
    merchant.advance(DAY / 2);
    assert!(merchant.event_names().is_empty());
    merchant.act("settle", &json!({"id": body["transactionId"], "success": false}));
    merchant.advance(DAY);
    assert!(merchant.event_names().is_empty(), "a failed refund sends no event");
    assert_eq!(merchant.post(&path, &money(15.5)).status, 200);
    merchant.advance(DAY + 2_000);
    assert_eq!(merchant.event_names(), ["payment.refunded"]);
}

#[test]
fn a_dispute_changes_no_status_unless_the_plan_cancels() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.act("dispute", &json!({"id": id}));
    merchant.advance(2_000);
    assert_eq!(
        (merchant.event_names(), merchant.status(&id).as_str()),
        (vec!["payment.disputed".to_owned()], "fulfilled")
    );
    let strict = Merchant::new(&json!({}));
    strict.act("set_plan", &json!({"planId": PLAN, "cancels_on_dispute": true}));
    let id = strict.subscribed();
    strict.act("dispute", &json!({"id": id, "kind": "information_requested"}));
    assert_eq!(strict.status(&id), "fulfilled");
    strict.act("dispute", &json!({"id": id, "kind": "rdr"}));
    strict.advance(2_000);
    let events = strict.events();
    assert_eq!(events.len(), 2);
    let cancelled = &events[1];
    assert_eq!(
        (&cancelled["eventType"], &cancelled["originator"]["type"]),
        (&json!("subscription.cancelled"), &json!("payment_disputed"))
    );
    assert_eq!(cancelled["data"]["cancellation"]["reason"], "dispute");
    assert_eq!(strict.try_act("dispute", &json!({"id": id, "kind": "x"})).status, 400);
}

#[test]
fn the_chargeback_of_an_order_names_the_payment() {
    let merchant = Merchant::new(&json!({}));
    let ids = merchant.paid_order("4242424242424242");
    merchant.receiver.take();
    merchant.act("dispute", &json!({"id": ids.order}));
    merchant.advance(2_000);
    let notified = merchant.take("/hook").remove(0);
    assert_eq!((&notified["transactionType"], &notified["transactionId"]), (&json!("chargeback"), &ids.transaction));
    assert_eq!(notified["chargebackInfo"]["reasonCode"], "10.1");
}
