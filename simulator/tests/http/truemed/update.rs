//! `update_payment_token`.

use serde_json::{Value, json};

use super::{charge, finished_token};
use crate::harness::{Got, Shop};

fn items(skus: &[&str]) -> Value {
    skus.iter().map(|sku| json!({"name": sku, "sku": sku, "quantity": 1, "price": 1500})).collect()
}

fn update(shop: &Shop, token: &str, body: &Value) -> Got {
    shop.post(&format!("/api/v1/payment_tokens/{token}/update"), body)
}

#[test]
fn a_card_update_always_needs_the_customer() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let token = finished_token(&shop);
    receiver.take();
    let reply = update(&shop, &token, &json!({"update_card_info": true})).json();
    assert_eq!(reply["next_action"], "UpdatePaymentMethod");
    assert_eq!(charge(&shop, &token, "k").header("x-sim-broke"), "truemed.update.no-charge-while-action");
    shop.act(&json!({"do": "finish", "url": reply["redirect_url"], "card": "5555555555554444"}));
    shop.advance(2_000);
    let hook = receiver.take()[0].json();
    assert_eq!(hook["provision_token_request_id"], reply["provision_token_request_id"]);
    let shown = shop.get(&format!("/api/v1/payment_tokens/{token}")).json();
    assert_eq!(shown["payment_methods"][0]["last4"], "4444");
    assert_eq!(charge(&shop, &token, "l").status, 200);
}

#[test]
fn a_new_item_needs_a_survey_and_is_confirmed_by_the_webhook() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let token = finished_token(&shop);
    receiver.take();
    let reply = update(&shop, &token, &json!({"order_items": items(&["b12", "mag"])})).json();
    assert_eq!(reply["next_action"], "TakeHealthSurvey");
    let lookup =
        format!("/api/v1/payment_tokens/provision_request/{}", reply["provision_token_request_id"].as_str().unwrap());
    assert_eq!(shop.get(&lookup).json()["payment_token"], Value::Null);
    shop.act(&json!({"do": "finish", "url": reply["redirect_url"]}));
    shop.advance(3_600_000);
    assert_eq!(receiver.take()[0].json()["provision_token_request_id"], reply["provision_token_request_id"]);
    assert_eq!(shop.get(&lookup).json()["payment_token"], token);
    let body = super::cart_with(&json!({"payment_token": token, "order_items": items(&["mag"])}));
    assert_eq!(shop.post("/payments/v1/create_payment_session", &body).status, 200);
}

#[test]
fn items_that_are_covered_need_no_action() {
    for (reading, next_action) in [("null", json!(null)), ("None", json!("None")), ("absent", json!(null))] {
        let shop = Shop::new(&json!({"readings": {"truemed.none-as": reading}}));
        let token = finished_token(&shop);
        shop.act(&json!({"do": "qualify", "id": token, "skus": ["mag"]}));
        let reply = update(&shop, &token, &json!({"order_items": items(&["mag"]), "update_card_info": false})).json();
        assert_eq!(reply["next_action"], next_action);
        assert_eq!(reply.get("next_action").is_none(), reading == "absent");
        assert_eq!(charge(&shop, &token, "k").header("x-sim-broke"), "truemed.session.unattended-items-confirmed");
    }
}

#[test]
fn an_update_changes_the_card_or_the_items_but_not_both_or_neither() {
    let shop = Shop::new(&json!({}));
    let token = finished_token(&shop);
    let both = update(&shop, &token, &json!({"update_card_info": true, "order_items": items(&["b12"])}));
    assert_eq!((both.status, both.header("x-sim-broke")), (400, "truemed.update.card-xor-items"));
    let neither = update(&shop, &token, &json!({"update_card_info": false}));
    assert_eq!((neither.status, neither.header("x-sim-broke")), (400, "truemed.update.nothing-to-do"));
    assert_eq!(update(&shop, "nobody", &json!({"update_card_info": true})).status, 404);
}

#[test]
fn going_back_to_the_old_items_closes_the_survey() {
    let shop = Shop::new(&json!({}));
    let token = finished_token(&shop);
    let reply = update(&shop, &token, &json!({"order_items": items(&["b12", "mag"])})).json();
    assert_eq!(update(&shop, &token, &json!({"order_items": items(&["b12"])})).json()["next_action"], Value::Null);
    assert_eq!(shop.try_control("act", &json!({"do": "finish", "url": reply["redirect_url"]})).status, 400);
    assert_eq!(charge(&shop, &token, "k").status, 200);
}

#[test]
fn a_survey_that_finds_no_letter_can_be_taken_again() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let token = finished_token(&shop);
    receiver.take();
    let reply = update(&shop, &token, &json!({"order_items": items(&["mag"])})).json();
    shop.act(&json!({"do": "finish", "url": reply["redirect_url"], "letter": false}));
    shop.advance(3_600_000);
    assert!(receiver.take().is_empty());
    shop.act(&json!({"do": "finish", "url": reply["redirect_url"]}));
    shop.advance(3_600_000);
    assert_eq!(receiver.take().len(), 1);
}

#[test]
fn the_name_of_the_survey_can_be_read_as_in_the_reference() {
    let shop = Shop::new(&json!({"readings": {"truemed.survey-action": "HealthSurvey"}}));
    let token = finished_token(&shop);
    assert_eq!(update(&shop, &token, &json!({"order_items": items(&["mag"])})).json()["next_action"], "HealthSurvey");
}
