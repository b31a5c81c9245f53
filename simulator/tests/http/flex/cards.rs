//! A new card under a setup intent, collection that stops, and a first payment that fails.

use serde_json::{Value, json};

use super::{DAY, Flex, HOUR, text};
use crate::harness::send;

#[test]
fn a_setup_intent_of_a_subscription_has_a_card_page_of_its_own() {
    let flex = Flex::reading("new-card-pays", "at-once");
    let session = flex.subscribed(&json!({"card": "4000000000000341"}));
    flex.advance(31 * DAY + 2 * HOUR);
    assert_eq!(flex.subscription(&session["subscription"])["status"], "past_due");
    let setup = json!({"partner_id": "p", "subscription_id": session["subscription"]});
    let setup = flex.post("/v1/setup_intents", "setup_intent", &setup)["setup_intent_id"].clone();
    let page = format!("{}/flex/pay/s/{}", flex.shop.url, text(&setup));
    assert!(send("GET", &page, &[], b"").unwrap().text.contains("data-testid=\"card\""));
    let submit = |form: &str| send("POST", &format!("{page}/card"), &[], form.as_bytes()).unwrap().status;
    assert_eq!(submit("number=4000000000009995&expiry=12/30"), 422);
    assert_eq!(submit("number=4242424242424242&expiry=12/30"), 303);
    assert!(send("GET", &page, &[], b"").unwrap().text.contains("Your card is saved"));
    assert_eq!(flex.subscription(&session["subscription"])["status"], "active", "the open invoice was charged at once");
    let listed = flex.get(&format!("/v1/setup_intents?customer={}", text(&session["customer"])));
    assert_eq!(listed["setup_intents"][0]["status"], "succeeded");
}

#[test]
fn an_uncollectible_invoice_makes_its_subscription_unpaid() {
    let flex = Flex::new(&json!({}));
    let session = flex.subscribed(&json!({"card": "4000000000000341"}));
    flex.advance(31 * DAY + 2 * HOUR);
    let invoice = flex.subscription(&session["subscription"])["latest_invoice"].clone();
    let path = format!("/v1/invoices/{}/mark_uncollectible", text(&invoice));
    let marked = flex.call("POST", &path, &Value::Null);
    assert_eq!((marked.status, &marked.json()["invoice"]["status"]), (200, &json!("uncollectible")));
    assert_eq!(flex.subscription(&session["subscription"])["status"], "unpaid");
    assert_eq!(flex.refusal("POST", &path, &Value::Null), (422, "flex.invoice.uncollectible-open".into()));
    flex.advance(40 * DAY);
    let latest = flex.subscription(&session["subscription"])["latest_invoice"].clone();
    assert_eq!(flex.invoice(&latest)["status"], "draft", "nothing is collected for an unpaid subscription");
}

#[test]
fn a_subscription_without_its_first_payment_expires() {
    let flex = Flex::reading("subscription-starts", "incomplete");
    let session = flex.subscribed(&json!({"card": "4000000000009995"}));
    assert_eq!((&session["status"], &session["subscription"]), (&json!("open"), &Value::Null));
    let listed = flex.get("/v1/subscriptions?status=incomplete")["subscriptions"].clone();
    assert_eq!(listed[0]["status"], "incomplete");
    flex.advance(DAY);
    assert_eq!(flex.subscription(&listed[0]["subscription_id"])["status"], "incomplete_expired");
    assert_eq!((flex.count("invoice.paid"), flex.count("checkout.session.completed")), (0, 0));
}

#[test]
fn a_coupon_takes_something_off_for_its_duration() {
    let flex = Flex::new(&json!({}));
    let coupon = json!({"name": "c", "amount_off": 999, "duration": "repeating", "duration_in_months": 2});
    let coupon = flex.post("/v1/coupons", "coupon", &coupon)["coupon_id"].clone();
    let price = flex.price(4_999, "vision", &json!({"interval": "monthly"}));
    let session = flex.checkout("subscription", &price, &json!({"discounts": [{"coupon_id": coupon}]}));
    flex.act(&json!({"do": "finish", "id": session["checkout_session_id"]}));
    flex.advance(65 * DAY);
    let invoices = flex.get("/v1/invoices")["invoices"].clone();
    let paid: Vec<i64> = invoices.as_array().unwrap().iter().map(|it| it["amount_paid"].as_i64().unwrap()).collect();
    assert_eq!(paid, [4_999, 4_000, 4_000]);
    let never = json!({"coupon": {"name": "c", "duration": "once"}});
    assert_eq!(flex.refusal("POST", "/v1/coupons", &never), (422, "flex.coupon.one-discount-kind".into()));
}

#[test]
fn a_coupon_and_a_code_can_be_redeemed_as_often_as_they_say() {
    let flex = Flex::new(&json!({}));
    let price = flex.price(4_999, "vision", &Value::Null);
    let coupon = json!({"name": "once", "percent_off": 10, "duration": "once", "max_redemptions": 2});
    let coupon = flex.post("/v1/coupons", "coupon", &coupon)["coupon_id"].clone();
    flex.post("/v1/promo_codes", "promo_code", &json!({"coupon_id": coupon, "code": "SPRING", "max_redemptions": 1}));
    let shown = || {
        let coupons = flex.get("/v1/coupons?name=once")["coupons"].clone();
        let codes = flex.get("/v1/promo_codes?active=true")["promo_codes"].clone();
        (coupons[0]["times_redeemed"].clone(), coupons[0]["valid"].clone(), codes[0]["times_redeemed"].clone())
    };
    let coded = |code: &str| {
        let session = flex.checkout("payment", &price, &json!({"allow_promotion_codes": true}));
        let act = json!({"provider": "flex", "do": "finish", "id": session["checkout_session_id"], "code": code});
        let done = flex.shop.try_control("act", &act).json();
        (flex.session(&session["checkout_session_id"])["amount_total"].clone(), done["message"].clone())
    };
    assert_eq!(coded("spring"), (json!(4_500), Value::Null));
    assert_eq!(shown(), (json!(1), json!(true), json!(1)));
    assert_eq!(coded("spring"), (json!(4_999), json!("This code is not valid.")), "the code was for one customer");
    let discounts = json!({"discounts": [{"coupon_id": coupon}]});
    let session = flex.checkout("payment", &price, &discounts);
    flex.act(&json!({"do": "finish", "id": session["checkout_session_id"]}));
    assert_eq!(shown(), (json!(2), json!(false), json!(1)));
    let body = json!({"checkout_session": {"mode": "payment", "success_url": "http://shop.test/",
        "line_items": [{"price": price}], "discounts": discounts["discounts"]}});
    assert_eq!(flex.refusal("POST", "/v1/checkout/sessions", &body), (422, "flex.coupon.max-redemptions".into()));
}

#[test]
fn a_shipping_rate_can_be_deactivated_and_keeps_its_amount() {
    let flex = Flex::new(&json!({}));
    let rate = json!({"display_name": "Post", "amount": 500, "metadata": {"a": "1"}});
    let rate = flex.post("/v1/shipping_rates", "shipping_rate", &rate);
    let path = format!("/v1/shipping_rates/{}", rate["shipping_rate_id"].as_str().unwrap());
    assert_eq!(flex.get(&path)["shipping_rate"], rate);
    let change = |body: Value| flex.call("PUT", &path, &json!({"shipping_rate": body}));
    let changed = change(json!({"active": false})).json()["shipping_rate"].clone();
    assert_eq!((&changed["active"], &changed["metadata"]), (&json!(false), &Value::Null));
    let refused = flex.refusal("PUT", &path, &json!({"shipping_rate": {"amount": 1}}));
    assert_eq!(refused, (422, "flex.shipping-rate.immutable".into()));
    assert_eq!(flex.get(&path)["shipping_rate"]["amount"], 500);
}
