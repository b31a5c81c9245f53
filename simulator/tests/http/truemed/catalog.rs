//! The product catalog.

use serde_json::{Value, json};

use crate::harness::{Got, Shop};
use crate::samples::sample;

const DAY: i64 = 86_400_000;

fn post(shop: &Shop, what: &str, body: &Value) -> Got {
    shop.post(&format!("/api/v1/product_catalog/{what}"), body)
}

/// An item as the guide registers one.
fn created(shop: &Shop, sku: &str) -> Value {
    let mut item = sample("truemed/catalog.create.request.json");
    item["sku"] = json!(sku);
    let got = post(shop, "items/create", &item);
    assert_eq!(got.status, 200, "{}", got.text);
    got.json()["object"].clone()
}

fn eligibility(shop: &Shop, sku: &str) -> Value {
    post(shop, "items/detail", &json!({"sku": sku})).json()["object"]["eligibility"].clone()
}

#[test]
fn an_item_is_reviewed_after_a_while_and_a_webhook_says_so() {
    for auth in ["signed", "unsigned"] {
        let (shop, receiver) = Shop::with_receiver(auth);
        assert_eq!(created(&shop, "brace")["eligibility"], Value::Null);
        assert_eq!(eligibility(&shop, "brace"), Value::Null);
        shop.advance(2 * DAY);
        assert_eq!(eligibility(&shop, "brace"), "eligible_with_lmn");
        let hooks = receiver.take();
        assert_eq!(hooks.len(), 1);
        let (hook, item) = (hooks[0].json(), &hooks[0].json()["data"]["object"]);
        assert_eq!(
            (&hook["event_type"], &item["sku"]),
            (&json!("product_catalog.item.eligibility_updated"), &json!("brace"))
        );
        assert_eq!((&hook["timestamp"], &item["reviewed_at"]), (&json!("2026-01-02T00:00:00Z"), &hook["timestamp"]));
        assert_eq!(hook["webhook_delivery_id"].is_string(), auth == "signed");
        assert_eq!(hooks[0].header("x-truemed-signature").is_empty(), auth == "unsigned");
    }
}

#[test]
fn a_sku_is_registered_once_in_an_account() {
    let mut shop = Shop::new(&json!({}));
    created(&shop, "brace");
    let again = post(&shop, "items/create", &json!({"sku": "brace", "name": "Brace"}));
    assert_eq!((again.status, again.header("x-sim-broke")), (409, "truemed.catalog.sku-unique"));
    shop.key = "another".into();
    assert_eq!(post(&shop, "items/detail", &json!({"sku": "brace"})).status, 404);
    assert_eq!(post(&shop, "items/update", &json!({"sku": "brace"})).status, 404);
    created(&shop, "brace");
    let wrong = [
        json!({}),
        json!({"sku": "x"}),
        json!({"sku": "x", "name": 1}),
        json!({"sku": "x", "name": "X", "image_urls": "u"}),
    ];
    assert_eq!(wrong.map(|body| post(&shop, "items/create", &body).status), [400; 4]);
    assert_eq!(shop.get("/api/v1/product_catalog/items/list").json()["pagination"]["count"], 1);
}

#[test]
fn a_change_is_reviewed_anew_and_the_old_review_is_void() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    created(&shop, "brace");
    shop.advance(DAY / 2);
    assert_eq!(post(&shop, "items/update", &json!({"sku": "brace", "name": "Another"})).json(), json!({}));
    shop.advance(DAY * 3 / 4);
    assert_eq!((eligibility(&shop, "brace"), receiver.take().len()), (Value::Null, 0));
    shop.advance(DAY);
    let hooks = receiver.take();
    assert_eq!((hooks.len(), &hooks[0].json()["data"]["object"]["name"]), (1, &json!("Another")));
}

#[test]
fn the_world_classifies_an_item_and_a_later_review_keeps_that() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    created(&shop, "brace");
    shop.act(&json!({"do": "classify", "sku": "brace", "eligibility": "ineligible"}));
    shop.advance(2 * DAY);
    assert_eq!((eligibility(&shop, "brace"), receiver.take().len()), (json!("ineligible"), 1));
    post(&shop, "items/update", &json!({"sku": "brace", "gtin": null}));
    shop.advance(2 * DAY);
    assert_eq!(receiver.take()[0].json()["data"]["object"]["eligibility"], "ineligible");
    let wrong = [json!({"sku": "none", "eligibility": "eligible"}), json!({"sku": "brace", "eligibility": "never"})];
    for act in wrong {
        let mut act = act;
        (act["do"], act["provider"]) = (json!("classify"), json!("truemed"));
        assert_eq!(shop.try_control("act", &act).status, 400);
    }
}

#[test]
fn a_cart_offers_truemed_when_one_of_its_items_was_found_eligible() {
    let shop = Shop::new(&json!({}));
    created(&shop, "brace");
    let method = |skus: &[&str]| {
        let items: Vec<Value> = skus.iter().map(|sku| json!({"sku": sku})).collect();
        let got = post(&shop, "truemed_checkout_method", &json!({"items": items}));
        assert_eq!(got.header("x-sim-fidelity"), "inferred");
        got.json()["checkout_method"].as_str().unwrap().to_owned()
    };
    assert_eq!(method(&["brace"]), "standard", "an item without a review counts as ineligible");
    shop.advance(2 * DAY);
    assert_eq!([method(&["brace", "unknown"]), method(&["unknown"])], ["truemed", "standard"]);
    shop.act(&json!({"do": "classify", "sku": "brace", "eligibility": "ineligible"}));
    assert_eq!(method(&["brace"]), "standard");
    assert_eq!(post(&shop, "truemed_checkout_method", &json!({})).status, 400);
}

#[test]
fn the_readings_of_the_catalog_are_followed() {
    let readings = json!({"truemed.catalog-fields": "reference", "truemed.catalog-item-shape": "bare",
        "truemed.ineligible-as": "not_eligible"});
    let shop = Shop::new(&json!({"readings": readings}));
    let guide = sample("truemed/catalog.create.request.json");
    assert_eq!(post(&shop, "items/create", &guide).status, 400);
    let whole = sample("truemed/catalog.update.request.json");
    assert_eq!(post(&shop, "items/create", &whole).json()["sku"], whole["sku"]);
    shop.act(&json!({"do": "classify", "sku": whole["sku"], "eligibility": "ineligible"}));
    let list = |query: &str| shop.get(&format!("/api/v1/product_catalog/items/list?{query}")).json();
    assert_eq!(list("")["data"][0]["eligibility"], "not_eligible");
    assert_eq!(list("eligibility=eligible")["data"], json!([]));
    assert_eq!(list("eligibility=not_eligible")["pagination"]["count"], 1);
}
