//! Every sample of Truemed is replied to as it is printed.

use serde_json::json;

use super::{create, finished_token};
use crate::harness::{Shop, send};
use crate::samples::{assert_like, sample};

const DAY: i64 = 86_400_000;

#[test]
fn the_catalog_is_listed_and_changed_as_printed() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let printed = sample("truemed/catalog.list.json");
    let item = &printed["data"][0];
    assert_eq!(shop.post("/api/v1/product_catalog/items/create", item).status, 200);
    shop.act(&json!({"do": "classify", "sku": item["sku"], "eligibility": item["eligibility"]}));
    let listed = shop.get("/api/v1/product_catalog/items/list");
    assert_eq!(listed.header("x-sim-fidelity"), "documented");
    assert_like(&listed.json(), &printed, &[]);
    for name in ["name", "sku", "description", "eligibility", "gtin", "image_urls", "metadata", "url"] {
        assert_eq!(listed.json()["data"][0][name], item[name], "{name}");
    }
    assert_eq!(listed.json()["pagination"], printed["pagination"]);
    let change = sample("truemed/catalog.update.request.json");
    assert_eq!(shop.post("/api/v1/product_catalog/items/update", &change).status, 404);
    let create = shop.post("/api/v1/product_catalog/items/create", &change);
    assert_eq!(create.status, 200);
    let changed = shop.post("/api/v1/product_catalog/items/update", &change);
    assert_eq!((changed.status, changed.text.as_str(), changed.header("x-sim-fidelity")), (200, "{}", "documented"));
    shop.advance(DAY + 60_000);
    // The sample shows the required members alone; the text beside it names the others.
    let more = ["description", "eligibility", "gtin", "image_urls", "metadata", "product_id", "reviewed_at", "url"];
    for hook in receiver.take() {
        assert_like(&hook.json(), &sample("truemed/catalog.webhook.json"), &more);
    }
}

#[test]
fn a_qualification_session_is_updated_as_printed() {
    let shop = Shop::new(&json!({}));
    let mut body = super::cart(1500);
    body.as_object_mut().unwrap().remove("total_amount");
    let made = shop.post("/api/v1/qualification_session/create", &body).json();
    let path = format!("/api/v1/qualification_session/{}/update", made["qualification_session_id"].as_str().unwrap());
    let printed = sample("truemed/qualification_session.update.json");
    let got = shop.post(&path, &printed["request"]);
    assert_eq!((got.status, got.header("x-sim-fidelity")), (200, "documented"));
    assert_like(&got.json(), &printed["response"], &[]);
}

#[test]
fn a_session_and_a_token_have_what_third_parties_show() {
    let shop = Shop::new(&json!({}));
    let request = sample("truemed/create_session.request.integrators.json");
    let session = create(&shop, &request);
    shop.act(&json!({"do": "finish", "id": session["id"]}));
    shop.advance(3_600_000);
    let shown = shop.get(&format!("/payments/v1/payment_session/{}", session["id"].as_str().unwrap())).json();
    // The item of this request has an `amount`, and a captured one what can be refunded.
    let free = ["business_id", "order_items", "refund_amount", "amount_details", "payment_token"];
    assert_like(&shown, &sample("truemed/session.get.3rd.json"), &free);
    let token = shop.get(&format!("/api/v1/payment_tokens/{}", finished_token(&shop))).json();
    // Ids and a status beside the token itself are that third party's own.
    let free = ["id", "status", "customer_email", "customer_name"];
    assert_like(&token, &sample("truemed/token.get.3rd.json"), &free);
}

#[test]
fn a_request_without_a_key_is_refused_as_a_third_party_shows() {
    let shop = Shop::new(&json!({}));
    let refused = send("GET", &format!("{}/truemed/api/v1/payment_tokens", shop.url), &[], b"").unwrap();
    assert_eq!((refused.status, refused.json()), (401, sample("truemed/error.401.3rd.json")));
}
