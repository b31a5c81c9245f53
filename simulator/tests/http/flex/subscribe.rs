//! `POST /v1/subscriptions`: a subscription of an existing customer, without a page of Flex.

use serde_json::{Value, json};

use super::{DAY, Flex, HOUR, text};

/// A customer, and a monthly price.
fn set_up() -> (Flex, Value, Value) {
    let flex = Flex::new(&json!({}));
    let customer = flex.post("/v1/customers", "customer", &json!({"first_name": "Pat", "email": "pat@example.test"}));
    let price = flex.price(4_999, "vision", &json!({"interval": "monthly"}));
    (flex, customer["customer_id"].clone(), price)
}

fn create(flex: &Flex, customer: &Value, price: &Value, members: &Value) -> Value {
    let mut body = json!({"customer": customer, "items": [{"price": price}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    flex.post("/v1/subscriptions", "subscription", &body)
}

#[test]
fn a_subscription_is_incomplete_until_its_first_payment() {
    let (flex, customer, price) = set_up();
    let got = flex.call(
        "POST",
        "/v1/subscriptions",
        &json!({"subscription": {"customer": customer, "items": [{"price": price}], "metadata": {"a": "b"}}}),
    );
    assert_eq!((got.status, got.header("x-sim-fidelity")), (200, "inferred"));
    let made = got.json()["subscription"].clone();
    assert_eq!((&made["status"], &made["metadata"]["a"]), (&json!("incomplete"), &json!("b")));
    assert!(made["client_secret"]["payment_secret"].is_string() && made["client_secret"]["setup_secret"].is_null());
    assert_eq!(flex.events().last().map(String::as_str), Some("invoice.created"));
    let id = &made["subscription_id"];
    flex.act(&json!({"do": "finish", "id": id}));
    let shown = flex.subscription(id);
    assert_eq!((&shown["status"], &shown["current_period_end"]), (&json!("active"), &json!("2026-02-01T00:00:00Z")));
    assert_eq!(shown["client_secret"], json!({"setup_secret": null, "payment_secret": null}));
    let invoice = flex.invoice(&shown["latest_invoice"]);
    assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&json!("paid"), &json!(4_999)));
    flex.advance(32 * DAY);
    assert_eq!(flex.subscription(id)["current_period_end"], "2026-03-01T00:00:00Z");
    assert_eq!(flex.count("invoice.payment_succeeded"), 2);
    let again = json!({"provider": "flex", "do": "finish", "id": id});
    assert_eq!(flex.shop.try_control("act", &again).status, 400);
}

#[test]
fn without_a_first_payment_it_expires_within_a_day() {
    let (flex, customer, price) = set_up();
    let made = create(&flex, &customer, &price, &json!({}));
    flex.act(&json!({"do": "finish", "id": made["subscription_id"], "card": "4000000000009995"}));
    assert_eq!(flex.subscription(&made["subscription_id"])["status"], "incomplete");
    assert_eq!(flex.count("invoice.payment_failed"), 1);
    flex.advance(23 * HOUR);
    assert_eq!(flex.subscription(&made["subscription_id"])["status"], "incomplete_expired");
    flex.advance(40 * DAY);
    assert_eq!(flex.count("invoice.created"), 1, "what has expired is not invoiced");
}

#[test]
fn a_trial_begins_when_a_card_is_stored_and_is_paid_at_its_end() {
    let (flex, customer, price) = set_up();
    let made = create(&flex, &customer, &price, &json!({"trial_end": "2026-01-15T00:00:00Z"}));
    assert_eq!((&made["status"], &made["latest_invoice"]), (&json!("incomplete"), &Value::Null));
    assert!(made["client_secret"]["setup_secret"].is_string());
    let setup = flex.get("/v1/setup_intents")["setup_intents"][0].clone();
    assert_eq!(setup["subscription_id"], made["subscription_id"]);
    flex.act(&json!({"do": "finish", "id": setup["setup_intent_id"]}));
    assert_eq!(flex.subscription(&made["subscription_id"])["status"], "trialing");
    flex.advance(14 * DAY + 2 * HOUR);
    let shown = flex.subscription(&made["subscription_id"]);
    assert_eq!((&shown["status"], &shown["current_period_end"]), (&json!("active"), &json!("2026-02-15T00:00:00Z")));
    let by_act = create(&flex, &customer, &price, &json!({"trial_end": "2026-02-20T00:00:00Z"}));
    flex.act(&json!({"do": "finish", "id": by_act["subscription_id"]}));
    assert_eq!(flex.subscription(&by_act["subscription_id"])["status"], "trialing");
}

#[test]
fn a_stored_card_makes_the_first_payment_and_a_free_one_needs_none() {
    let (flex, _, price) = set_up();
    let stored = flex.subscribed(&json!({}));
    let known = flex.subscription(&stored["subscription"]);
    let card = json!({"default_payment_method": known["default_payment_method"]});
    let made = create(&flex, &known["customer"], &price, &card);
    flex.advance(5_000);
    assert_eq!(flex.subscription(&made["subscription_id"])["status"], "active");
    let coupon = json!({"name": "free", "percent_off": 100, "duration": "once"});
    let coupon = flex.post("/v1/coupons", "coupon", &coupon)["coupon_id"].clone();
    let free = create(&flex, &known["customer"], &price, &json!({"coupon": coupon}));
    assert_eq!((&free["status"], &free["client_secret"]["payment_secret"]), (&json!("active"), &Value::Null));
    assert_eq!(flex.get("/v1/coupons?name=free")["coupons"][0]["times_redeemed"], 1);
}

#[test]
fn what_cannot_be_subscribed_is_refused_and_leaves_nothing() {
    let (flex, customer, price) = set_up();
    let once = flex.price(4_999, "vision", &Value::Null);
    let weekly = flex.price(999, "vision", &json!({"interval": "weekly"}));
    let of = |body: Value| flex.refusal("POST", "/v1/subscriptions", &json!({"subscription": body}));
    let items = json!([{"price": price}]);
    let refused = [
        of(json!({"items": items})),
        of(json!({"customer": "fcus_none", "items": items})),
        of(json!({"customer": customer, "items": []})),
        of(json!({"customer": customer, "items": [{"price": once}]})),
        of(json!({"customer": customer, "items": [{"price": price}, {"price": weekly}]})),
        of(json!({"customer": customer, "items": items, "default_payment_method": "fpm_none"})),
        of(json!({"customer": customer, "items": items, "trial_end": "2025-01-01T00:00:00Z"})),
    ];
    let rules = [
        (400, "flex.subscription.customer"),
        (404, "flex.object.exists"),
        (400, "flex.checkout.line-items-required"),
        (422, "flex.checkout.subscription-needs-recurring-price"),
        (422, "flex.checkout.mixed-intervals"),
        (422, "flex.subscription.card"),
        (422, "flex.subscription.trial"),
    ];
    assert_eq!(refused, rules.map(|(status, rule)| (status, rule.to_owned())));
    assert_eq!(flex.get("/v1/subscriptions")["subscriptions"], json!([]));
    for _ in 0..500 {
        create(&flex, &customer, &price, &json!({}));
    }
    assert_eq!(of(json!({"customer": customer, "items": items})), (422, "flex.subscription.max-500".into()));
    assert!(text(&customer).starts_with("fcus_"));
}
