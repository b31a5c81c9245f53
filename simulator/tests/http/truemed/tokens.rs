//! Payment tokens.

use serde_json::{Value, json};

use super::{cart, cart_with, finished_token};
use crate::harness::Shop;

#[test]
fn a_token_is_provisioned_only_after_the_review() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let made = shop.post("/api/v1/payment_tokens/create", &cart_with(&json!({"metadata": "customer-1"})));
    assert_eq!(made.header("x-sim-fidelity"), "documented");
    let made = made.json();
    assert!(made["payment_token"].is_null() && made["redirect_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let lookup =
        format!("/api/v1/payment_tokens/provision_request/{}", made["provision_token_request_id"].as_str().unwrap());
    assert_eq!(shop.get(&lookup).json(), json!({"payment_token": null, "metadata": "customer-1"}));
    shop.act(&json!({"do": "finish", "url": made["redirect_url"]}));
    assert_eq!(shop.get(&lookup).json()["payment_token"], Value::Null);
    shop.advance(3_600_000);
    let hooks = receiver.take();
    assert_eq!(hooks.len(), 1);
    let hook = hooks[0].json();
    assert_eq!(hook["provision_token_request_id"], made["provision_token_request_id"]);
    assert_eq!(
        (&hook["metadata"], &hook["payment_token"]),
        (&json!("customer-1"), &shop.get(&lookup).json()["payment_token"])
    );
}

#[test]
fn without_a_letter_no_token_ever_comes() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let made = shop.post("/api/v1/payment_tokens/create", &cart(1500)).json();
    let done = shop.act(&json!({"do": "finish", "url": made["redirect_url"], "letter": false}));
    assert!(done["url"].as_str().unwrap().starts_with("http://shop.test/ok"), "the customer is thanked all the same");
    shop.advance(30 * 86_400_000);
    assert!(receiver.take().is_empty());
}

#[test]
fn a_token_is_shown_listed_and_deleted() {
    let shop = Shop::new(&json!({}));
    let body = cart_with(&json!({"customer_email": "pat@example.test", "customer_name": "Pat", "tokenize": true}));
    let session = super::create(&shop, &body);
    shop.act(&json!({"do": "finish", "id": session["id"], "expiry": "03/29"}));
    shop.advance(3_600_000);
    let token = shop.control("ledger", &Value::Null)["truemed"]["payment_tokens"][0]["payment_token"].clone();
    let token = token.as_str().unwrap();
    let shown = shop.get(&format!("/api/v1/payment_tokens/{token}")).json();
    assert_eq!((&shown["customer_name"], &shown["lmn_expires_at"]), (&json!("Pat"), &json!("2027-01-01T00:30:00Z")));
    assert_eq!(shown["payment_methods"][0]["exp_year"], 2029);
    let count = |query: &str| {
        let list = shop.get(&format!("/api/v1/payment_tokens?{query}")).json();
        list["payment_tokens"].as_array().unwrap().len()
    };
    let queries = ["email=pat%40", "name=Q", "card_expires_before=2029-03", "card_expires_before=2029-02"];
    assert_eq!(queries.map(count), [1, 0, 1, 0]);
    assert_eq!(["lmn_expires_before=2027-01-01", "lmn_expires_before=2026-12-31"].map(count), [1, 0]);
    let stranger = Shop { url: shop.url.clone(), key: "another".into() };
    assert_eq!(stranger.call("POST", &format!("/api/v1/payment_tokens/{token}/delete"), &Value::Null).status, 404);
    let deleted = shop.call("POST", &format!("/api/v1/payment_tokens/{token}/delete"), &Value::Null);
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_eq!(shop.get(&format!("/api/v1/payment_tokens/{token}")).status, 404);
    assert_eq!(count(""), 0);
}

#[test]
fn a_card_expires_when_virtual_time_reaches_the_end_of_its_month() {
    let shop = Shop::new(&json!({}));
    let made = shop.post("/api/v1/payment_tokens/create", &cart(1500)).json();
    shop.act(&json!({"do": "finish", "url": made["redirect_url"], "expiry": "01/26"}));
    shop.advance(3_600_000);
    let token = shop.control("ledger", &Value::Null)["truemed"]["payment_tokens"][0]["payment_token"].clone();
    let token = token.as_str().unwrap();
    shop.control("clock/advance", &json!({"to": "2026-01-31T23:59:00Z"}));
    assert_eq!(super::charge(&shop, token, "a").status, 200);
    shop.control("clock/advance", &json!({"to": "2026-02-01"}));
    assert_eq!(super::charge(&shop, token, "b").json()["error"], "PaymentMethodExpired");
}

#[test]
fn a_letter_is_too_old_after_a_year() {
    let shop = Shop::new(&json!({}));
    let token = finished_token(&shop);
    shop.control("clock/advance", &json!({"to": "2026-12-31"}));
    assert_eq!(super::charge(&shop, &token, "a").status, 200);
    shop.control("clock/advance", &json!({"to": "2027-01-02"}));
    assert_eq!(super::charge(&shop, &token, "b").json()["error"], "RequalificationRequired");
}
