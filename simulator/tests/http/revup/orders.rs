//! Orders, tokens and transactions.

use serde_json::{Value, json};

use super::{Merchant, refusal};

const UUID: &str = "fc44c6f8-6f92-43ab-98ea-3302b7586e7c";

#[test]
fn an_order_is_paid_on_the_form_and_makes_a_token() {
    let merchant = Merchant::new(&json!({}));
    let order = merchant.order(&json!({}));
    let declined = merchant.act("pay", &json!({"id": order, "card": "4000000000000002"}));
    assert!(declined["url"].as_str().unwrap().ends_with("/fail"));
    merchant.act("pay", &json!({"id": order, "card": "4000000000009995"}));
    merchant.advance(2_000);
    let hooks = merchant.receiver.take();
    let callbacks: Vec<Value> = hooks.iter().filter(|it| it.path != "/hook").map(crate::harness::Hook::json).collect();
    let fallback = callbacks.iter().find(|it| it.as_array().unwrap().len() == 2).unwrap();
    assert_eq!((&fallback[0]["transactionStatus"], &fallback[1]["isFallback"]), (&json!("failed"), &json!(true)));
    assert!(fallback[0].get("tokenId").is_none() && fallback[1]["tokenId"].is_string());
    let notified = hooks.iter().filter(|it| it.path == "/hook").count();
    assert_eq!(notified, 3, "every transaction is notified");
    let listed = merchant.get(&format!("/transactions/orderId/{order}")).json();
    let statuses: Vec<&Value> = listed.as_array().unwrap().iter().map(|it| &it["transactionStatus"]).collect();
    assert_eq!(statuses, ["failed", "failed", "success"]);
    assert_eq!(merchant.get(&format!("/transactions/{UUID}")).status, 400);
}

#[test]
fn an_order_without_the_flag_makes_no_token() {
    let merchant = Merchant::new(&json!({}));
    let order = merchant.order(&json!({"generateToken": false}));
    merchant.act("pay", &json!({"id": order}));
    merchant.advance(2_000);
    assert!(merchant.take("/success")[0][0].get("tokenId").is_none());
}

#[test]
fn an_unpaid_order_is_deleted_after_an_hour() {
    let merchant = Merchant::new(&json!({}));
    let order = merchant.order(&json!({}));
    let paid = merchant.paid_order("4242424242424242");
    merchant.advance(3_600_000);
    assert_eq!(merchant.get(&format!("/transactions/orderId/{order}")).status, 400);
    assert_eq!(merchant.get(&format!("/transactions/orderId/{}", paid.order.as_str().unwrap())).status, 200);
    let late = merchant.post(&format!("/orders/{order}/pay"), &json!({}));
    assert_eq!(refusal(&late).2, "revup.order.expires-1h");
}

#[test]
fn the_merchant_pays_recurrences_with_the_token_until_the_final_one() {
    let merchant = Merchant::new(&json!({}));
    let ids = merchant.paid_order("4242424242424242");
    let pay = |sequence: &str| {
        let order =
            merchant.order(&json!({"sequence": sequence, "parentTransactionId": ids.transaction, "minPeriod": 30}));
        let body = json!({"paymentMethod": "credit_card_token", "data": {"tokenId": ids.token}});
        (merchant.post(&format!("/orders/{order}/pay"), &body), order, body)
    };
    let (paid, order, body) = pay("recurring");
    assert_eq!((paid.status, &paid.json()["transactionStatus"]), (200, &json!("success")));
    assert_eq!(refusal(&merchant.post(&format!("/orders/{order}/pay"), &body)).2, "revup.order.paid-once");
    merchant.act("set_card", &json!({"id": ids.token, "card": "4000000000000002"}));
    let (declined, ..) = pay("recurring");
    assert_eq!((declined.status, &declined.json()["transactionStatus"]), (200, &json!("failed")), "200 is not paid");
    assert_eq!(declined.json()["error"]["code"], "0102");
    merchant.act("set_card", &json!({"id": ids.token}));
    assert_eq!(pay("final").0.status, 200);
    assert_eq!(refusal(&pay("recurring").0), (400, "0151".into(), "revup.token.not-disabled".into()));
}

#[test]
fn a_refused_order_names_the_rule_that_it_broke() {
    let merchant = Merchant::new(&json!({}));
    for (members, rule) in [
        (json!({"money": null}), "revup.order.money"),
        (json!({"money": {"amount": 0, "currency": "EUR"}}), "revup.order.money"),
        (json!({"money": {"amount": 1.5, "currency": "JPY"}}), "revup.order.money"),
        (json!({"sequence": "first"}), "revup.order.sequence"),
        (json!({"sequence": "initial", "generateToken": false}), "revup.order.sequence"),
        (json!({"sequence": "final", "parentTransactionId": UUID}), "revup.order.sequence"),
        (json!({"sequence": "initial", "minPeriod": 0}), "revup.order.sequence"),
    ] {
        let got = merchant.post("/orders", &merchant.order_body(&members));
        assert_eq!((got.status, refusal(&got).2.as_str()), (400, rule), "{members}");
    }
    let readings = Merchant::new(&json!({"create-status": "201", "order-id-name": "id"}));
    let made = readings.post("/orders", &readings.order_body(&json!({})));
    assert_eq!((made.status, made.json()["id"].is_string()), (201, true));
}

#[test]
fn the_order_of_a_subscription_is_not_paid_by_the_merchant() {
    let merchant = Merchant::new(&json!({}));
    let made = merchant.post("/subscriptions", &merchant.subscription_body(&json!({}))).json();
    let body = json!({"paymentMethod": "credit_card_token", "data": {"tokenId": UUID}});
    let got = merchant.post(&format!("/orders/{}/pay", made["orderId"].as_str().unwrap()), &body);
    assert_eq!(refusal(&got), (400, "0207".into(), "revup.create.no-manual-pay".into()));
}

#[test]
fn a_token_is_deleted_with_the_documented_codes() {
    let merchant = Merchant::new(&json!({}));
    let ids = merchant.paid_order("4242424242424242");
    let delete = |id: &str| merchant.call("DELETE", &format!("/tokens/{id}"), &Value::Null);
    assert_eq!(refusal(&delete("x")).1, "0300");
    let unknown = delete(UUID);
    assert_eq!(unknown.json(), json!({"error": {"code": "0151", "message": "Token Not Found"}}));
    assert_eq!(unknown.header("x-sim-fidelity"), "documented");
    assert_eq!(delete(ids.token.as_str().unwrap()).status, 204);
    assert_eq!(delete(ids.token.as_str().unwrap()).status, 400);
}
