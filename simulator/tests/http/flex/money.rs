//! Single payments, stored cards, split carts, captures, refunds and disputes.

use serde_json::{Value, json};

use super::{DAY, Flex, HOUR, text};
use crate::harness::send;

fn submit(url: &str, form: &str) -> crate::harness::Got {
    send("POST", url, &[("content-type", "application/x-www-form-urlencoded")], form.as_bytes()).unwrap()
}

/// A payment of one eligible item, as its session shows it.
fn paid(flex: &Flex, members: &Value) -> Value {
    let price = flex.price(4_999, "auto_substantiation", &Value::Null);
    let session = flex.checkout("payment", &price, members);
    flex.act(&json!({"do": "finish", "id": session["checkout_session_id"]}));
    flex.session(&session["checkout_session_id"])
}

#[test]
fn a_payment_is_refunded_in_parts_and_never_above_what_was_received() {
    let flex = Flex::new(&json!({}));
    let price = flex.price(4_999, "auto_substantiation", &Value::Null);
    let open = flex.checkout("payment", &price, &json!({}));
    let path = format!("/v1/checkout/sessions/{}/refund", text(&open["checkout_session_id"]));
    let everything = json!({"checkout_session": {}});
    assert_eq!(flex.refusal("POST", &path, &everything), (422, "flex.refund.only-complete".into()));
    flex.act(&json!({"do": "finish", "id": open["checkout_session_id"]}));
    let part = flex.call("POST", &path, &json!({"checkout_session": {"amount": 999}})).json();
    assert_eq!(part["checkout_session"]["refunds"][0]["status"], "pending");
    let both = json!({"checkout_session": {"amount": 1, "line_items": [{"price": price}]}});
    assert_eq!(flex.refusal("POST", &path, &both), (422, "flex.refund.amount-xor-items".into()));
    let item = json!({"checkout_session": {"line_items": [{"price": price}]}});
    assert_eq!(flex.refusal("POST", &path, &item), (422, "flex.refund.not-above-received".into()));
    let rest = flex.call("POST", &path, &everything).json()["checkout_session"].clone();
    assert_eq!((&rest["amount_refunded"], &rest["status"]), (&json!(4_999), &json!("complete")));
    flex.advance(HOUR);
    let refund = flex.get("/v1/refunds?status=succeeded")["refunds"][0].clone();
    assert_eq!((flex.count("refund.created"), flex.count("refund.updated")), (2, 2));
    flex.act(&json!({"do": "fail_refund", "id": refund["refund_id"]}));
    assert_eq!(flex.session(&open["checkout_session_id"])["amount_refunded"], 999, "the money came back");
    let patched = json!({"refund": {"reason": "duplicate"}});
    let path = format!("/v1/refunds/{}", text(&refund["refund_id"]));
    assert_eq!(flex.call("PATCH", &path, &patched).json()["refund"]["reason"], "duplicate");
}

#[test]
fn a_split_cart_is_paid_by_two_cards() {
    let flex = Flex::new(&json!({}));
    let (good, other) = (flex.price(3_000, "vision", &Value::Null), flex.price(1_000, "not_eligible", &Value::Null));
    let body = json!({"line_items": [{"price": good}, {"price": other, "quantity": 2}]});
    let session = flex.checkout("payment", &good, &body);
    assert_eq!(session["split_cart"], json!({"eligible_amount": 3_000, "other_amount": 2_000}));
    let pay = format!("{}/card", text(&session["redirect_url"]));
    assert_eq!(
        submit(&pay, "number=4242424242424242&expiry=12/30&kind=hsa").header("location"),
        text(&session["redirect_url"])
    );
    assert_eq!(flex.session(&session["checkout_session_id"])["status"], "open");
    assert_eq!(submit(&pay, "number=5555555555554444&expiry=12/30&kind=hsa").status, 422);
    assert_eq!(submit(&pay, "number=4000000000009995&expiry=12/30&kind=other").status, 422);
    assert_eq!(submit(&pay, "number=5555555555554444&expiry=12/30&kind=other").status, 303);
    let done = flex.session(&session["checkout_session_id"]);
    assert_eq!((&done["amount_received"], done["payment_intents"].as_array().unwrap().len()), (&json!(5_000), 2));
    assert_eq!(flex.count("payment_intent.succeeded"), 2);
    let refunded =
        flex.call("POST", &format!("/v1/checkout/sessions/{}/refund", text(&done["checkout_session_id"])), &json!({}));
    assert_eq!(refunded.json()["checkout_session"]["refunds"].as_array().unwrap().len(), 2);
}

#[test]
fn a_hold_is_captured_in_parts_canceled_or_authorized_again() {
    let flex = Flex::new(&json!({}));
    let session = paid(&flex, &json!({"capture_method": "manual"}));
    assert_eq!((&session["status"], &session["amount_received"]), (&json!("complete"), &json!(0)));
    let path = format!("/v1/checkout/sessions/{}", text(&session["checkout_session_id"]));
    let price = flex.get(&format!("{path}/line_items"))["line_items"][0]["price"]["price_id"].clone();
    let part = json!({"checkout_session": {"line_items": [{"price": price}], "amount_discount": 3_999, "final_capture": false}});
    let taken = flex.call("POST", &format!("{path}/capture"), &part).json()["checkout_session"].clone();
    assert_eq!((&taken["amount_received"], &taken["captures"][0]["amount_captured"]), (&json!(1_000), &json!(1_000)));
    let all = flex.call("POST", &format!("{path}/capture"), &json!({"checkout_session": {"amount": 1}})).json();
    assert_eq!(all["checkout_session"]["amount_received"], 4_999, "an amount is not documented, so it is ignored");
    assert_eq!(flex.refusal("POST", &format!("{path}/capture"), &json!({})), (422, "flex.capture.only-manual".into()));

    let session = paid(&flex, &json!({"capture_method": "manual"}));
    let path = format!("/v1/checkout/sessions/{}", text(&session["checkout_session_id"]));
    let intent = format!("/v1/payment_intents/{}", text(&session["payment_intent"]));
    assert_eq!(flex.get(&intent)["payment_intent"]["amount_capturable"], 4_999);
    flex.advance(7 * DAY);
    assert_eq!((&flex.get(&intent)["payment_intent"]["status"], flex.count("charge.expired")), (&json!("canceled"), 1));
    assert_eq!(flex.call("POST", &format!("{path}/reauth"), &json!({})).status, 200);
    assert_eq!(flex.get(&intent)["payment_intent"]["status"], "requires_capture");
    assert_eq!(flex.call("POST", &format!("{path}/cancel"), &json!({})).status, 200);
    assert_eq!(flex.get(&intent)["payment_intent"]["status"], "canceled");
}

#[test]
fn a_stored_card_pays_while_the_customer_is_absent() {
    let flex = Flex::new(&json!({}));
    let session = paid(&flex, &json!({"setup_future_use": "off_session"}));
    let path = format!("/v1/customers/{}/payment_methods", text(&session["customer"]));
    let card = flex.get(&path)["payment_methods"][0]["payment_method_id"].clone();
    let price = flex.price(700, "vision", &Value::Null);
    let body = json!({"customer": session["customer"], "payment_method": card});
    assert_eq!(flex.checkout("off_session", &price, &body)["status"], "complete");
    flex.act(&json!({"do": "decline_card", "id": card}));
    let declined = flex.checkout("off_session", &price, &body);
    assert_eq!((&declined["status"], &declined["next_action"]["type"]), (&json!("open"), &json!("payment_failed")));
    let other = flex.price(700, "not_eligible", &Value::Null);
    let lines = json!([{"price": price}, {"price": other}]);
    let split = json!({"checkout_session": {"mode": "off_session", "line_items": lines,
        "customer": session["customer"], "payment_method": card}});
    assert_eq!(
        flex.refusal("POST", "/v1/checkout/sessions", &split),
        (422, "flex.checkout.off-session-no-split".into())
    );
    let nobody = json!({"checkout_session": {"mode": "off_session", "line_items": [{"price": price}]}});
    assert_eq!(
        flex.refusal("POST", "/v1/checkout/sessions", &nobody),
        (400, "flex.checkout.off-session-customer".into())
    );
}

#[test]
fn a_dispute_takes_evidence_until_it_is_closed() {
    let flex = Flex::new(&json!({}));
    let session = paid(&flex, &json!({"client_reference_id": "order-1"}));
    let id = flex.act(&json!({"do": "dispute", "id": session["checkout_session_id"]}))["id"].clone();
    let path = format!("/v1/disputes/{}", text(&id));
    let evidence = json!({"dispute": {"evidence": {"uncategorized_text": "delivered"}, "submit": true}});
    let sent = flex.call("POST", &path, &evidence).json()["dispute"].clone();
    assert_eq!((&sent["status"], &sent["evidence_details"]["submission_count"]), (&json!("under_review"), &json!(1)));
    assert_eq!(sent["client_reference_id"], "order-1");
    flex.act(&json!({"do": "close_dispute", "id": id, "won": true}));
    assert_eq!(flex.get(&path)["dispute"]["status"], "won");
    assert_eq!(flex.count("charge.dispute.funds_reinstated"), 1);
    assert_eq!(flex.refusal("POST", &format!("{path}/close"), &json!({})), (422, "flex.dispute.open".into()));
    assert_eq!(flex.session(&session["checkout_session_id"])["amount_disputed"], 4_999);
}

#[test]
fn a_consultation_is_decided_after_its_session() {
    let flex = Flex::new(&json!({}));
    let product = json!({"name": "Mat", "hsa_fsa_eligibility": "letter_of_medical_necessity"});
    let product = flex.post("/v1/products", "product", &product)["product_id"].clone();
    let body = json!({"mode": "reimbursement", "line_items": [{"product": product}], "success_url": "http://s.test/"});
    let session = flex.post("/v1/checkout/sessions", "checkout_session", &body);
    let left = submit(&format!("{}/letter", text(&session["redirect_url"])), "condition=anxiety");
    assert_eq!(left.header("location"), "http://s.test/");
    assert_eq!(flex.session(&session["checkout_session_id"])["status"], "complete");
    assert_eq!(flex.count("consultation.approved"), 0);
    flex.advance(HOUR);
    assert_eq!((flex.count("consultation.approved"), flex.count("customer.consultation.attached")), (1, 1));
}

#[test]
fn coupons_codes_shipping_tax_and_fees_change_the_total() {
    let flex = Flex::new(&json!({}));
    let price = flex.price(10_000, "vision", &Value::Null);
    let rate = flex.post("/v1/shipping_rates", "shipping_rate", &json!({"display_name": "Post", "amount": 500}));
    let coupon = json!({"name": "c", "percent_off": 12.5, "duration": "once"});
    let coupon = flex.post("/v1/coupons", "coupon", &coupon)["coupon_id"].clone();
    let body = json!({"discounts": [{"coupon_id": coupon}], "tax_rate": {"amount": 825},
        "shipping_options": {"shipping_rate_id": rate["shipping_rate_id"]}, "fees": [{"amount": 100, "fee_type": "custom"}]});
    let session = flex.checkout("payment", &price, &body);
    assert_eq!(
        (&session["amount_total"], &session["total_details"]["amount_discount"]),
        (&json!(10_175), &json!(1_250))
    );
    flex.post("/v1/promo_codes", "promo_code", &json!({"coupon_id": coupon, "code": "SPRING"}));
    let session = flex.checkout("payment", &price, &json!({"allow_promotion_codes": true}));
    let pay = format!("{}/card", text(&session["redirect_url"]));
    assert!(submit(&pay, "number=4242424242424242&expiry=12/30&code=none").text.contains("code is not valid"));
    assert_eq!(submit(&pay, "number=4242424242424242&expiry=12/30&code=spring").status, 303);
    assert_eq!(flex.session(&session["checkout_session_id"])["amount_received"], 8_750);
}
