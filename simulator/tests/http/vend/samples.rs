//! Every documented sample is replied to as documented.

use serde_json::{Value, json};

use super::Retailer;
use crate::samples::{assert_like, sample};

/// What the partner of the samples has set up with Vend.
fn marshmallow(retailer: &Retailer) {
    let catalogue = json!({
        "application_name": "Partner Application",
        "product_family_name": "Marshmallow Production Subscription",
        "products": [{"handle": "lite", "name": "Marshmallow Lite Subscription", "price_handle": "marshmallow-lite",
            "price_name": "marshmallow-product-price-point", "price_in_cents": 5000}],
        "components": [{"handle": "additional_registers", "name": "Additional Register(s) Support",
            "price_handle": "basic", "price_in_cents": 2000}],
    });
    retailer.act("set_catalogue", &catalogue);
}

fn request() -> Value {
    json!({"product_handle": "lite", "price_handle": "marshmallow-lite", "return_url": "https://example.com/redirect",
        "components": [{"component_handle": "additional_registers", "component_price_handle": "basic", "quantity": 2}]})
}

#[test]
fn a_token_is_told_as_the_guide_and_as_the_reference_print_it() {
    let retailer = Retailer::reading("expires-at", "placeholder");
    let got = retailer.create(&request());
    assert_eq!(
        (got.header("x-sim-fidelity"), got.header("x-sim-operation")),
        ("documented", "create_subscription_token")
    );
    let guide = got.json();
    assert_eq!(retailer.open(guide["token"].as_str().unwrap()).header("x-sim-fidelity"), "inferred");
    assert_like(&guide, &sample("vend/token.response.guide.json"), &[]);
    assert_eq!((&guide["expires_in"], &guide["expires_at"]), (&json!("86400"), &json!("expires_at")));
    let reference = Retailer::reading("token-envelope", "data").create(&request()).json();
    assert_like(&reference, &sample("vend/token.response.json"), &[]);
    assert_eq!(reference["data"]["expires_at"], "2026-01-02T00:00:00Z");
    assert_eq!(reference["data"]["token"].as_str().unwrap().len(), 32);
}

#[test]
fn a_used_token_and_its_subscription_are_shown_as_printed() {
    let retailer =
        Retailer::new(&json!({"readings": {"vend.token-components": "as-printed"}, "clock": "2021-01-11T20:34:42Z"}));
    marshmallow(&retailer);
    let token = super::token(&retailer.create(&request()));
    retailer.choose(&token, "accept");
    let shown = retailer.get(&format!("/token/{token}")).json();
    let printed = sample("vend/token.get.json");
    assert_like(&shown, &printed, &[]);
    for name in ["product_handle", "product_price_point_handle", "components", "return_url", "is_used"] {
        assert_eq!(shown["data"][name], printed["data"][name], "{name}");
    }
    let id = retailer.subscription()["id"].as_str().unwrap().to_owned();
    assert!(shown["data"]["subscription_id"].as_i64().unwrap() > 1 << 53);
    assert_eq!(shown["data"]["subscription_id"].to_string(), id);
    retailer.act("cancel", &json!({}));
    let mut shown = retailer.get(&format!("/subscriptions/{id}")).json();
    let printed = sample("vend/subscription.get.json");
    for (path, name) in [("/data", "application_id"), ("/data/partner_subscription_info/0", "id")] {
        shown.pointer_mut(path).unwrap()[name] = printed.pointer(path).unwrap()[name].clone();
    }
    assert_eq!(shown, printed);
}

#[test]
fn a_retailer_without_subscriptions_has_a_list_that_is_null() {
    let shown = Retailer::new(&json!({})).get("/subscriptions").json();
    assert_eq!(shown, sample("vend/subscription.list.null.json"));
    let empty = Retailer::reading("empty-list", "empty").get("/subscriptions").json();
    assert_eq!(empty, json!({"data": []}));
}

#[test]
fn a_cancellation_is_sent_as_printed() {
    let (retailer, receiver) = Retailer::with_receiver(&json!({}));
    let id = retailer.subscribed();
    retailer.advance(super::HALF_AN_HOUR);
    retailer.act("cancel", &json!({}));
    retailer.advance(2_000);
    let hook = receiver.take().remove(0);
    assert_like(&hook.json(), &sample("vend/webhook.cancellation.json"), &[]);
    assert_eq!(hook.json()["payload"], json!({"cancelled_at": {"seconds": 1_767_227_400}, "subscription_id": id}));
    assert_eq!(
        (hook.json()["type"].as_str(), hook.header("content-type")),
        (Some("partner.cancellation"), "application/json")
    );
    assert!(hook.headers.iter().all(|(name, _)| !name.contains("signature")), "{:?}", hook.headers);
}
