//! Truemed, from its documents.

mod catalog;
mod money;
mod pages;
mod qualify;
mod reconcile;
mod samples;
mod sessions;
mod tokens;
mod update;

use serde_json::{Value, json};

use crate::harness::Shop;

/// A cart of one item.
pub(crate) fn cart(total: i64) -> Value {
    json!({"total_amount": total, "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}],
        "success_url": "http://shop.test/ok?id={{payment_session_id}}", "failure_url": "http://shop.test/no"})
}

/// The cart with more members, or others.
pub(crate) fn cart_with(members: &Value) -> Value {
    let mut cart = cart(1500);
    cart.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    cart
}

pub(crate) fn create(shop: &Shop, body: &Value) -> Value {
    let got = shop.post("/payments/v1/create_payment_session", body);
    assert_eq!(got.status, 200, "{}", got.text);
    got.json()
}

/// A token that a customer has provisioned.
pub(crate) fn finished_token(shop: &Shop) -> String {
    let made = shop.post("/api/v1/payment_tokens/create", &cart_with(&json!({"metadata": "customer-1"})));
    assert_eq!(made.status, 200, "{}", made.text);
    let id = made.json()["provision_token_request_id"].clone();
    shop.act(&json!({"do": "finish", "id": id}));
    shop.advance(3_600_000);
    let request = shop.get(&format!("/api/v1/payment_tokens/provision_request/{}", id.as_str().unwrap())).json();
    request["payment_token"].as_str().unwrap().to_owned()
}

/// Charges a token for the usual cart.
pub(crate) fn charge(shop: &Shop, token: &str, key: &str) -> crate::harness::Got {
    let body = cart_with(&json!({"payment_token": token, "idempotency_key": key}));
    shop.post("/payments/v1/create_payment_session", &body)
}

pub(crate) fn status(shop: &Shop, session: &str) -> String {
    shop.get(&format!("/payments/v1/payment_session/{session}")).json()["status"].as_str().unwrap().to_owned()
}
