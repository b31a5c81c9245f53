//! Sessions: what is refused, what a list shows, and what a customer can do under an old link.

use serde_json::{Value, json};

use super::{Flex, HOUR, text};
use crate::harness::send;

#[test]
fn what_a_session_cannot_be_is_refused_by_its_rule() {
    let flex = Flex::new(&json!({}));
    let once = flex.price(500, "vision", &Value::Null);
    let monthly = flex.price(500, "vision", &json!({"interval": "monthly"}));
    let weekly = flex.price(500, "vision", &json!({"interval": "weekly"}));
    let ok = json!("http://s.test/");
    for (body, rule) in [
        (json!({"mode": "gift", "success_url": ok}), "flex.checkout.mode-known"),
        (json!({"line_items": [{"price": once}]}), "flex.checkout.success-url-required"),
        (json!({"success_url": ok}), "flex.checkout.line-items-required"),
        (json!({"success_url": ok, "line_items": [{"price": once, "quantity": 0}]}), "flex.checkout.quantity-positive"),
        (json!({"success_url": ok, "line_items": [{}]}), "flex.checkout.line-item-one-source"),
        (json!({"success_url": ok, "line_items": [{"price": monthly}]}), "flex.checkout.payment-forbids-recurring"),
        (
            json!({"success_url": ok, "mode": "subscription", "line_items": [{"price": once}]}),
            "flex.checkout.subscription-needs-recurring-price",
        ),
        (
            json!({"success_url": ok, "mode": "subscription", "line_items": [{"price": monthly}, {"price": weekly}]}),
            "flex.checkout.mixed-intervals",
        ),
        (
            json!({"success_url": ok, "line_items": [{"price": once}], "capture_method": "later"}),
            "flex.checkout.capture-method-known",
        ),
        (json!({"success_url": ok, "mode": "setup"}), "flex.checkout.off-session-customer"),
        (
            json!({"success_url": ok, "line_items": [{"price": once}], "tax_rate": {"amount": -1}}),
            "flex.price.amount-integer-cents",
        ),
        (
            json!({"success_url": ok, "line_items": [{"price": once}], "shipping_options": {}}),
            "flex.checkout.shipping-one-source",
        ),
    ] {
        let (status, broke) = flex.refusal("POST", "/v1/checkout/sessions", &json!({"checkout_session": body}));
        assert_eq!((broke.as_str(), status == 400 || status == 422), (rule, true));
    }
    let bare = json!({"line_items": [{"price": once}], "success_url": ok});
    assert_eq!(flex.refusal("POST", "/v1/checkout/sessions", &bare), (400, "flex.body.wrapper".into()));
    assert!(flex.get("/v1/checkout/sessions")["checkout_sessions"].as_array().unwrap().is_empty());
    let several =
        json!({"checkout_session": {"mode": "subscription", "success_url": ok, "multiple_subscriptions": true}});
    assert_eq!(flex.call("POST", "/v1/checkout/sessions", &several).status, 501);
}

#[test]
fn a_price_is_replaced_and_not_changed() {
    let flex = Flex::new(&json!({}));
    let price = flex.price(500, "vision", &Value::Null);
    let path = format!("/v1/prices/{}", text(&price));
    let amount = json!({"price": {"unit_amount": 600}});
    assert_eq!(flex.refusal("POST", &path, &amount), (422, "flex.price.immutable-amount".into()));
    assert_eq!(flex.post(&path, "price", &json!({"active": false}))["active"], false);
    let body = json!({"checkout_session": {"line_items": [{"price": price}], "success_url": "http://s.test/"}});
    assert_eq!(flex.refusal("POST", "/v1/checkout/sessions", &body), (422, "flex.checkout.price-active".into()));
    let inline = json!({"price_data": {"product_data": {"name": "Mat"}, "unit_amount": 900}, "quantity": 2});
    let body = json!({"line_items": [inline], "success_url": "http://s.test/"});
    assert_eq!(flex.post("/v1/checkout/sessions", "checkout_session", &body)["amount_total"], 1_800);
}

#[test]
fn lists_are_paged_and_filtered() {
    let flex = Flex::new(&json!({}));
    let price = flex.price(500, "vision", &Value::Null);
    let ids: Vec<Value> = (0..12)
        .map(|nth| {
            let reference = json!({"client_reference_id": format!("order-{}", nth % 3)});
            flex.checkout("payment", &price, &reference)["checkout_session_id"].clone()
        })
        .collect();
    let listed = |query: &str| {
        let page = flex.get(&format!("/v1/checkout/sessions{query}"))["checkout_sessions"].clone();
        page.as_array().unwrap().iter().map(|it| it["checkout_session_id"].clone()).collect::<Vec<_>>()
    };
    let newest: Vec<Value> = ids.iter().rev().cloned().collect();
    assert_eq!(listed(""), newest[..10]);
    assert_eq!(listed("?limit=3&offset=2"), newest[2..5]);
    assert_eq!(listed(&format!("?limit=2&starting_after={}", text(&newest[3]))), newest[4..6]);
    assert_eq!(listed(&format!("?limit=2&ending_before={}", text(&newest[3]))), newest[1..3]);
    assert_eq!(listed("?client_reference_id=order-1").len(), 4);
    assert_eq!(flex.refusal("GET", "/v1/checkout/sessions?limit=101", &Value::Null), (422, "flex.list.limit".into()));
}

#[test]
fn a_customer_cancels_comes_back_pays_once_and_finds_an_old_link_closed() {
    let flex = Flex::new(&json!({}));
    let price = flex.price(500, "vision", &Value::Null);
    let session = flex.checkout("payment", &price, &json!({}));
    let url = text(&session["redirect_url"]);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let post = |url: &str, body: &str| send("POST", url, &form, body.as_bytes()).unwrap();
    assert_eq!(post(&format!("{url}/cancel"), "").header("location"), "http://shop.test/no");
    for _ in 0..2 {
        assert_eq!(post(&format!("{url}/card"), "number=4242424242424242&expiry=12/30").status, 303);
    }
    assert!(send("GET", url, &[], b"").unwrap().text.contains("Thank you"));
    assert_eq!(flex.session(&session["checkout_session_id"])["amount_received"], 500);
    let old = flex.checkout("payment", &price, &json!({}));
    flex.advance(HOUR);
    let url = text(&old["redirect_url"]);
    assert!(send("GET", url, &[], b"").unwrap().text.contains("has expired"));
    assert_eq!(post(&format!("{url}/card"), "number=4242424242424242&expiry=12/30").status, 303);
    assert_eq!(flex.session(&old["checkout_session_id"])["status"], "expired");
    assert_eq!(send("GET", &format!("{url}x"), &[], b"").unwrap().status, 404);
}

#[test]
fn a_customer_without_a_letter_pays_with_another_card() {
    let flex = Flex::new(&json!({}));
    let price = flex.price(4_999, "letter_of_medical_necessity", &json!({"interval": "monthly"}));
    let session = flex.checkout("subscription", &price, &json!({}));
    let id = session["checkout_session_id"].clone();
    let refused = flex.act(&json!({"do": "finish", "id": id, "letter": false, "hsa": true}));
    assert!(text(&refused["message"]).contains("another card"), "{refused}");
    flex.act(&json!({"do": "enter_card", "id": id, "hsa": false}));
    assert_eq!(flex.session(&id)["status"], "complete");
    let strict = Flex::reading("letter-denied", "no-payment");
    let price = strict.price(4_999, "letter_of_medical_necessity", &json!({"interval": "monthly"}));
    let id = strict.checkout("subscription", &price, &json!({}))["checkout_session_id"].clone();
    strict.act(&json!({"do": "finish", "id": id, "letter": false}));
    assert_eq!(strict.session(&id)["status"], "open");
}

#[test]
fn a_retried_create_makes_another_session_unless_keys_are_honored() {
    for (reading, sessions) in [("ignored", 2), ("honored", 1)] {
        let flex = Flex::reading("idempotency-key", reading);
        let price = flex.price(500, "vision", &Value::Null);
        let body = json!({"checkout_session": {"line_items": [{"price": price}], "success_url": "http://s.test/"}});
        for _ in 0..2 {
            let headers = [("authorization", "Bearer fsk_test_1"), ("idempotency-key", "k")];
            let url = format!("{}/flex/v1/checkout/sessions", flex.shop.url);
            assert_eq!(send("POST", &url, &headers, body.to_string().as_bytes()).unwrap().status, 200);
        }
        let listed = flex.get("/v1/checkout/sessions")["checkout_sessions"].clone();
        assert_eq!(listed.as_array().unwrap().len(), sessions, "{reading}");
    }
}
