//! Payment sessions.

use serde_json::{Value, json};

use super::{cart, cart_with, charge, create, finished_token, status};
use crate::harness::Shop;

const CREATE: &str = "/payments/v1/create_payment_session";

#[test]
fn a_session_is_created_paid_reviewed_and_captured() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let session = create(&shop, &cart_with(&json!({"metadata": "order-7"})));
    let id = session["id"].as_str().unwrap();
    assert_eq!(status(&shop, id), "pending");
    let done = shop.act(&json!({"do": "finish", "id": id}));
    assert_eq!(done["url"], format!("http://shop.test/ok?id={id}"));
    assert_eq!(status(&shop, id), "processing");
    shop.advance(3_600_000);
    let statuses: Vec<Value> = receiver.take().iter().map(|hook| hook.json()["status"].clone()).collect();
    assert_eq!(statuses, ["processing", "captured"]);
    let got = shop.get(&format!("/payments/v1/payment_session/{id}"));
    assert_eq!(got.header("x-sim-fidelity"), "documented");
    let got = got.json();
    assert_eq!((&got["capture_amount"], &got["authorize_amount"]), (&json!(1500), &json!(1500)));
    assert_eq!((&got["status_summary"], &got["metadata"]), (&json!("Captured"), &json!("order-7")));
    assert_eq!(got["authorized_on"], got["captured_on"]);
    assert_eq!(got["order_items"][0]["total_refundable"], 1500);
}

#[test]
fn a_review_without_a_letter_rejects_the_session_and_issues_no_token() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let session = create(&shop, &cart_with(&json!({"tokenize": true})));
    shop.act(&json!({"do": "finish", "id": session["id"], "letter": false}));
    shop.advance(8 * 86_400_000);
    let hooks: Vec<Value> = receiver.take().iter().map(|hook| hook.json()["status"].clone()).collect();
    assert_eq!(hooks, ["processing", "rejected"]);
    assert_eq!(shop.control("ledger", &Value::Null)["truemed"]["payment_tokens"], json!([]));
}

#[test]
fn a_tokenizing_session_sends_both_webhooks() {
    for (reading, events) in [("false", ["captured", "token"]), ("true", ["token", "captured"])] {
        let receiver = crate::harness::Receiver::start();
        let readings = json!({"truemed.token-before-session": reading});
        let hooks = json!([{"url": receiver.url, "auth": "unsigned"}]);
        let shop = Shop::new(&json!({"webhook_urls": hooks, "readings": readings}));
        let session = create(&shop, &cart_with(&json!({"tokenize": true})));
        shop.act(&json!({"do": "finish", "id": session["id"]}));
        shop.advance(3_600_000);
        let hooks = receiver.take();
        let names: Vec<String> =
            hooks[1..].iter().map(|hook| hook.json()["status"].as_str().unwrap_or("token").to_owned()).collect();
        assert_eq!(names, events);
        let token = hooks.iter().map(super::super::harness::Hook::json).find(|hook| hook["status"].is_null()).unwrap();
        assert_eq!(token["payment_session_id"], session["id"]);
        assert!(token["provision_token_request_id"].is_null() && token["failed_payment_session_id"].is_null());
    }
}

#[test]
fn the_total_must_equal_the_items_charges_and_discounts() {
    let shop = Shop::new(&json!({}));
    // The example of the guide on itemized fees.
    let item = |name: &str, quantity: i64, price: i64, charges: i64, discounts: i64| {
        json!({"name": name, "sku": name, "quantity": quantity, "price": price,
            "amount_details": {"total_additional_charges": charges, "total_discounts": discounts}})
    };
    let items = [item("A", 3, 5500, 4500, 1000), item("B", 2, 15000, 0, 0), item("C", 4, 2000, 0, 500)];
    let mut body = cart_with(&json!({"order_items": items, "total_amount": 100_000,
        "amount_details": {"total_additional_charges": 42_500, "total_discounts": 0}}));
    create(&shop, &body);
    body["total_amount"] = 99_999.into();
    let refused = shop.post(CREATE, &body);
    let rule = "truemed.session.total-equality".to_owned();
    assert_eq!(refused.refusal(), (400, "TotalAmountInvalid".into(), rule));
}

#[test]
fn a_session_without_its_required_members_is_refused() {
    let shop = Shop::new(&json!({}));
    for name in ["total_amount", "success_url", "failure_url", "order_items"] {
        let mut body = cart(1500);
        body.as_object_mut().unwrap().remove(name);
        let (status, error, _) = shop.post(CREATE, &body).refusal();
        assert_eq!((status, error.as_str()), (400, "MissingField"), "{name}");
    }
    for (change, rule) in [
        (json!({"total_amount": 0}), "truemed.session.total-equality"),
        (json!({"total_amount": "1500"}), "truemed.session.amount-nonnegative"),
        (json!({"metadata": {"a": 1}}), "truemed.metadata.string"),
        (json!({"kind": "later"}), "truemed.session.kind-values"),
        (json!({"success_url": "/ok"}), "truemed.session.success-url-required"),
        (json!({"order_items": [{"name": "x", "quantity": 0, "price": 1}]}), "truemed.session.amount-nonnegative"),
    ] {
        let refused = shop.post(CREATE, &cart_with(&change));
        assert_eq!((refused.status, refused.header("x-sim-broke")), (400, rule), "{change}");
    }
    assert_eq!(shop.control("ledger", &Value::Null)["truemed"]["payment_sessions"], json!([]));
}

#[test]
fn a_free_trial_needs_a_token_and_the_next_bill() {
    let shop = Shop::new(&json!({}));
    let items = json!([{"name": "Trial", "sku": "b12", "quantity": 1, "price": 0}]);
    let mut body = cart_with(&json!({"total_amount": 0, "order_items": items, "tokenize": true}));
    assert_eq!(shop.post(CREATE, &body).header("x-sim-broke"), "truemed.session.zero-only-free-trial");
    body["display_next_bill_info"] = json!({"total_amount": 1500, "date": "2026-02-01"});
    let session = create(&shop, &body);
    shop.act(&json!({"do": "finish", "id": session["id"]}));
    shop.advance(3_600_000);
    assert_eq!(status(&shop, session["id"].as_str().unwrap()), "captured");
}

#[test]
fn one_key_is_one_session() {
    let shop = Shop::new(&json!({}));
    let body = cart_with(&json!({"idempotency_key": "k"}));
    assert_eq!(create(&shop, &body), create(&shop, &body));
    let other = cart_with(&json!({"idempotency_key": "k", "metadata": "changed"}));
    let refused = shop.post(CREATE, &other);
    assert_eq!((refused.status, refused.header("x-sim-fidelity")), (400, "inferred"));
    assert_ne!(create(&shop, &cart_with(&json!({"idempotency_key": "l"}))), create(&shop, &body));
    let mut stranger = Shop { url: shop.url.clone(), key: "another".into() };
    assert_ne!(create(&stranger, &body), create(&shop, &body));
    let id = create(&shop, &body)["id"].as_str().unwrap().to_owned();
    assert_eq!(stranger.get(&format!("/payments/v1/payment_session/{id}")).status, 404);
    stranger.key = "key".into();
    assert_eq!(stranger.get(&format!("/payments/v1/payment_session/{id}")).status, 200);

    let shop = Shop::new(&json!({"readings": {"truemed.key-with-other-cart": "same-session"}}));
    assert_eq!(create(&shop, &body), create(&shop, &other));
}

#[test]
fn sessions_are_listed_newest_first_in_pages() {
    let shop = Shop::new(&json!({}));
    let made: Vec<Value> = (0..5).map(|_| create(&shop, &cart(1500))["id"].clone()).collect();
    let page = shop.get("/payments/v1/payment_sessions?page=2&page_size=2").json();
    let ids: Vec<&Value> = page["payment_sessions"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&made[2], &made[1]]);
    assert_eq!(page["pagination"], json!({"current_page": 2, "page_size": 2, "count": 5, "last_page": 3}));
    assert!(page["payment_sessions"][0]["order_items"].is_null());
    let whole = shop.get("/payments/v1/payment_sessions?include_order_items=True&summarize_refunds=True").json();
    assert_eq!(whole["payment_sessions"][0]["refund_amount"], 0);
    assert_eq!(whole["payment_sessions"][0]["order_items"][0]["sku"], "b12");
    assert_eq!(shop.get("/payments/v1/payment_sessions?page=9").json()["payment_sessions"], json!([]));
}

#[test]
fn a_token_is_charged_without_the_customer() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let token = finished_token(&shop);
    receiver.take();
    let charged = charge(&shop, &token, "2026-02");
    assert_eq!(charged.status, 200, "{}", charged.text);
    assert_eq!(charge(&shop, &token, "2026-02").text, charged.text);
    shop.advance(60_000);
    let hooks: Vec<Value> = receiver.take().iter().map(super::super::harness::Hook::json).collect();
    let statuses: Vec<&Value> = hooks.iter().map(|hook| &hook["status"]).collect();
    assert_eq!(statuses, ["processing", "captured"]);
    assert_eq!(hooks[1]["payment_token"], token);
    let sessions = shop.control("ledger", &Value::Null)["truemed"]["payment_sessions"].clone();
    assert_eq!(sessions.as_array().unwrap().len(), 1);
}

#[test]
fn a_charge_fails_with_a_page_on_which_the_customer_repairs_the_token() {
    for (act, error, survey) in [
        (json!({"do": "expire_card"}), "PaymentMethodExpired", false),
        (json!({"do": "decline_card"}), "PaymentMethodDeclined", false),
        (json!({"do": "expire_letter"}), "RequalificationRequired", true),
        (json!({"do": "require_survey"}), "RequalificationRequired", true),
    ] {
        let (shop, receiver) = Shop::with_receiver("unsigned");
        let token = finished_token(&shop);
        let mut act = act;
        act["id"] = token.as_str().into();
        shop.act(&act);
        let refused = charge(&shop, &token, "k1");
        assert_eq!((refused.status, &refused.json()["error"]), (422, &json!(error)));
        let again = charge(&shop, &token, "k2");
        assert_eq!((again.status, &again.json()["error"]), (422, &json!("ActionRequired")));
        assert_eq!(again.json()["redirect_url"], refused.json()["redirect_url"]);
        receiver.take();
        let repaired = shop.act(&json!({"do": "finish", "url": refused.json()["redirect_url"]}));
        assert!(repaired["url"].as_str().unwrap().starts_with("http://shop.test/ok?id="), "{repaired}");
        shop.advance(if survey { 3_600_000 } else { 2_000 });
        let hooks = receiver.take();
        assert_eq!(hooks.len(), 1);
        assert!(hooks[0].json()["failed_payment_session_id"].is_string(), "{}", hooks[0].body);
        assert_eq!(charge(&shop, &token, "k1").status, 422, "one key is one attempt");
        assert_eq!(charge(&shop, &token, "k3").status, 200);
    }
}

#[test]
fn items_that_no_update_named_are_not_charged() {
    let shop = Shop::new(&json!({}));
    let token = finished_token(&shop);
    let items = json!([{"name": "Magnesium", "sku": "mag", "quantity": 1, "price": 1500}]);
    let refused = shop.post(CREATE, &cart_with(&json!({"payment_token": token, "order_items": items})));
    assert_eq!(refused.header("x-sim-broke"), "truemed.session.unattended-items-confirmed");
}

#[test]
fn a_deleted_or_unknown_token_is_not_charged() {
    let shop = Shop::new(&json!({}));
    let token = finished_token(&shop);
    assert_eq!(shop.call("POST", &format!("/api/v1/payment_tokens/{token}/delete"), &Value::Null).status, 204);
    for token in [token.as_str(), "nobody"] {
        let (status, error, _) = charge(&shop, token, "k").refusal();
        assert_eq!((status, error.as_str()), (404, "NotFound"));
    }
}

#[test]
fn the_readings_of_a_failed_charge_can_be_chosen() {
    let receiver = crate::harness::Receiver::start();
    let shop = Shop::new(&json!({"webhook_urls": [{"url": receiver.url, "auth": "unsigned"}], "readings": {
        "truemed.charge-failure-status": "400", "truemed.failed-charge-names-session": "true",
        "truemed.failed-charge-webhook": "true", "truemed.charge-while-action-open": "attempt",
        "truemed.webhook-session-key": "payment_id"}}));
    let token = finished_token(&shop);
    shop.act(&json!({"do": "decline_card", "id": token}));
    receiver.take();
    let refused = charge(&shop, &token, "k");
    assert_eq!(refused.status, 400);
    shop.advance(5_000);
    let hooks = receiver.take();
    assert_eq!(hooks[0].json()["payment_id"], refused.json()["id"]);
    assert_eq!(hooks[0].json()["status"], "rejected");
    assert_eq!(charge(&shop, &token, "l").json()["error"], "PaymentMethodDeclined");
}

#[test]
fn what_public_integrators_send_is_accepted() {
    // From the public exercises of several integrators: the price of an item is called `amount`.
    let body = json!({"total_amount": 100, "order_items": [{"name": "Truemed test item", "amount": 100, "quantity": 1, "sku": "1"}],
        "success_url": "http://localhost:3000/success_call?id={{payment_session_id}}",
        "failure_url": "http://localhost:3000/failure_call?id={{payment_session_id}}", "idempotency_key": "0123456789",
        "customer_email": "a@example.com", "customer_name": "A B", "customer_state": "CO", "metadata": "truemed_test"});
    let shop = Shop::new(&json!({}));
    let session = create(&shop, &body);
    let id = session["id"].as_str().unwrap();
    let canceled = shop.act(&json!({"do": "cancel", "id": id}));
    assert_eq!(canceled["url"], format!("http://localhost:3000/failure_call?id={id}"));
    shop.act(&json!({"do": "finish", "id": id}));
    shop.advance(3_600_000);
    let shown = shop.get(&format!("/payments/v1/payment_session/{id}")).json();
    for (name, value) in [
        ("status", json!("captured")),
        ("status_summary", json!("Captured")),
        ("capture_amount", json!(100)),
        ("kind", json!("one_time_payment")),
        ("customer_email", json!("a@example.com")),
        ("customer_name", json!("A B")),
        ("metadata", json!("truemed_test")),
        ("payment_token", json!(null)),
        ("refunds", json!([])),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
}
