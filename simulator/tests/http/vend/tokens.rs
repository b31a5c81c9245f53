//! Asking for tokens, and what is refused.

use serde_json::{Value, json};

use super::{Retailer, components, plan, token};
use crate::harness::send;

#[test]
fn a_refused_body_names_the_rule_that_it_broke() {
    let retailer = Retailer::new(&json!({}));
    let component = json!({"component_handle": "seats", "component_price_handle": "basic", "quantity": 1});
    let with = |change: &Value| {
        let mut body = plan("lite");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let without = |name: &str| {
        let mut it = component.clone();
        it.as_object_mut().unwrap().remove(name);
        with(&json!({"components": [it]}))
    };
    for (body, rule) in [
        (with(&json!({"return_url": null})), "vend.create.return-url-required"),
        (with(&json!({"return_url": "/back"})), "vend.create.return-url-required"),
        (components(&json!([component])), "vend.create.plan-required"),
        (with(&json!({"price_handle": ""})), "vend.create.plan-required"),
        (with(&json!({"product_handle": 1})), "vend.token.field-types"),
        (without("component_handle"), "vend.create.component-fields"),
        (without("component_price_handle"), "vend.create.component-fields"),
        (without("quantity"), "vend.create.component-fields"),
        (with(&json!({"components": {}})), "vend.create.component-fields"),
        (
            with(
                &json!({"components": [{"component_handle": "seats", "component_price_handle": "basic", "quantity": 0}]}),
            ),
            "vend.component.quantity-range",
        ),
        (with(&json!({"components": [component, component]})), "vend.component.duplicate-handle"),
    ] {
        let got = retailer.create(&body);
        assert_eq!(got.refusal(), (400, "Bad Request".into(), rule.into()), "{body}");
    }
    assert_eq!(retailer.ledger()["tokens"], json!([]), "a refused request leaves no trace");
    assert_eq!(retailer.requests()["requests"].as_array().unwrap().len(), 11);
}

#[test]
fn an_update_changes_the_plan_or_the_components() {
    let retailer = Retailer::new(&json!({}));
    let seats = json!([{"component_handle": "seats", "quantity": 5}]);
    assert_eq!(retailer.update(&plan("pro")).refusal().2, "vend.update.requires-existing");
    retailer.subscribed();
    let mut both = plan("pro");
    both["components"] = seats.clone();
    for (body, rule) in [
        (both, "vend.update.plan-xor-components"),
        (json!({"return_url": "https://app.test/back"}), "vend.update.plan-xor-components"),
        (components(&json!([])), "vend.update.plan-xor-components"),
        (json!({"return_url": "https://a.test/", "price_handle": "monthly"}), "vend.update.product-handle-with-price"),
        (json!({"return_url": "https://a.test/", "product_handle": "pro"}), "vend.update.price-handle-with-product"),
        (
            plan("pro").as_object().map(|it| json!({"product_handle": it["product_handle"]})).unwrap(),
            "vend.update.return-url-required",
        ),
        (components(&json!([{"component_handle": "seats", "quantity": -1}])), "vend.component.quantity-range"),
        (components(&json!([{"quantity": 1}])), "vend.update.component-fields"),
    ] {
        assert_eq!(retailer.update(&body).refusal().2, rule, "{body}");
    }
    token(&retailer.update(&plan("pro")));
    token(&retailer.update(&components(&seats)));
    assert_eq!(retailer.create(&plan("lite")).refusal().2, "vend.create.not-when-active");
}

#[test]
fn readings_decide_what_the_documents_leave_open() {
    let strict = Retailer::new(&json!({"readings": {"vend.invalid-status": "422", "vend.coupon-on-update": "refused",
        "vend.older-token": "withdrawn", "vend.expired-token-lookup": "404", "vend.unset-members": "null"}}));
    assert_eq!(strict.create(&json!({})).status, 422);
    strict.subscribed();
    let mut coupon = plan("pro");
    coupon["coupon_code"] = json!("half");
    assert_eq!(strict.update(&coupon).refusal().2, "vend.update.no-coupon");
    let (older, newer) = (token(&strict.update(&plan("pro"))), token(&strict.update(&plan("max"))));
    assert!(strict.open(&older).status == 410 && strict.open(&newer).status == 200);
    let shown = strict.get(&format!("/token/{newer}")).json();
    assert_eq!((&shown["data"]["used_at"], &shown["data"]["is_used"]), (&Value::Null, &json!(false)));
    strict.advance(super::DAY);
    assert_eq!(strict.get(&format!("/token/{newer}")).status, 404);
}

#[test]
fn the_application_can_only_name_what_vend_has_set_up() {
    let retailer = Retailer::new(&json!({}));
    let catalogue = json!({
        "products": [{"handle": "lite", "price_handle": "monthly", "price_in_cents": 4000}],
        "components": [{"handle": "seats", "price_handle": "basic", "price_in_cents": 550}],
        "coupons": [{"code": "half", "percent": 50}],
    });
    retailer.act("set_catalogue", &catalogue);
    assert_eq!(retailer.create(&plan("pro")).refusal().2, "vend.token.known-handles");
    let mut body = plan("lite");
    body["coupon_code"] = json!("none");
    assert_eq!(retailer.create(&body).refusal().2, "vend.token.known-handles");
    body["coupon_code"] = json!("half");
    body["components"] = json!([{"component_handle": "seats", "component_price_handle": "basic", "quantity": 2}]);
    let token = token(&retailer.create(&body));
    assert!(retailer.open(&token).text.contains("NZD 51.00"));
    retailer.choose(&token, "accept");
    assert_eq!(retailer.ledger()["subscriptions"][0]["charges"][0]["amount_in_cents"], 2550);
    assert_eq!(retailer.subscription()["components"][0]["unit_price"], json!(5.5));
}

#[test]
fn every_call_needs_an_access_token_a_scope_and_a_known_version() {
    let retailer = Retailer::new(&json!({}));
    let url = |version| retailer.url(&format!("/api/{version}/partner/billing/subscriptions"));
    for headers in [&[][..], &[("authorization", "Bearer ")], &[("authorization", "Basic x")]] {
        let got = send("GET", &url("2.0"), headers, b"").unwrap();
        assert_eq!(got.refusal(), (401, "Unauthorized".into(), "vend.auth.bearer-required".into()));
    }
    let bearer = [("authorization", "Bearer access")];
    assert_eq!(send("GET", &url("2026-07"), &bearer, b"").unwrap().status, 200);
    assert_eq!(send("GET", &url("1.0"), &bearer, b"").unwrap().status, 501);
    retailer.act("set_scopes", &json!({"scopes": ["billing:partner_subscription:read"]}));
    assert_eq!(retailer.create(&plan("lite")).refusal().2, "vend.auth.scope");
    assert_eq!(retailer.get("/subscriptions").status, 200);
    assert_eq!(retailer.get("/token/none").status, 404);
    assert_eq!(retailer.get("/subscriptions/none").status, 404);
    assert_eq!(retailer.call("DELETE", "/subscriptions/none", &Value::Null).status, 405, "there is no call to cancel");
}

#[test]
fn the_rate_limit_names_a_date() {
    let retailer = Retailer::new(&json!({}));
    retailer.act("set_registers", &json!({"registers": 0}));
    for _ in 0..50 {
        assert_eq!(retailer.get("/subscriptions").status, 200);
    }
    let limited = retailer.get("/subscriptions");
    assert_eq!((limited.status, limited.header("retry-after")), (429, "Thu, 01 Jan 2026 00:05:00 GMT"));
    assert_eq!(limited.json(), json!({"error": "Too Many Requests", "message": "Rate limiting enforced"}));
    assert_eq!((limited.header("x-ratelimit-limit"), limited.header("x-ratelimit-remaining")), ("50", "0"));
    retailer.advance(300_000);
    assert_eq!(retailer.get("/subscriptions").status, 200);
    retailer.faults(&json!({"match": {"operation": "list_subscriptions"}, "do": "too_many_requests_429"}));
    assert_eq!(retailer.get("/subscriptions").header("retry-after"), "Thu, 01 Jan 2026 00:05:01 GMT");
}
