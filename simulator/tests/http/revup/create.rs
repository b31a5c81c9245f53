//! Creating subscriptions: by token and with the form.

use serde_json::{Value, json};

use super::{Ids, Merchant, refusal};
use crate::harness::send;

const UUID: &str = "fc44c6f8-6f92-43ab-98ea-3302b7586e7c";

#[test]
fn the_reply_to_a_creation_does_not_prove_the_initial_payment() {
    let merchant = Merchant::new(&json!({}));
    let ids = merchant.paid_order("4000000000000341");
    let made = merchant.post("/subscriptions", &merchant.token_body(&ids, &json!({}))).json();
    let id = made["subscriptionId"].as_str().unwrap();
    let pending = merchant.get(&format!("/subscriptions/{id}"));
    assert_eq!((&pending.json()["status"], pending.header("x-sim-fidelity")), (&json!("pending"), "inferred"));
    merchant.receiver.take();
    merchant.advance(5_000);
    let hooks = merchant.receiver.take();
    let paths: Vec<&str> = hooks.iter().map(|hook| hook.path.as_str()).collect();
    assert_eq!(paths, ["/fail", "/hook"]);
    let archived = hooks[1].json();
    assert_eq!(
        (&archived["eventType"], &archived["data"]["status"]),
        (&json!("subscription.archived"), &json!("archived"))
    );
    assert!(archived["data"].get("nextPayment").is_none());
    assert_eq!(archived["originator"]["data"]["attempt"], 0);
    merchant.advance(super::MONTH);
    assert_eq!((merchant.status(id).as_str(), merchant.payments(id).len()), ("archived", 1), "it is not retried");
}

#[test]
fn a_token_makes_one_subscription() {
    let merchant = Merchant::new(&json!({}));
    let ids = merchant.paid_order("4242424242424242");
    assert_eq!(merchant.post("/subscriptions", &merchant.token_body(&ids, &json!({}))).status, 200);
    let again = merchant.post("/subscriptions", &merchant.token_body(&ids, &json!({})));
    assert_eq!(refusal(&again), (400, "0300".into(), "revup.token.one-subscription".into()));
    merchant.advance(5_000);
    let order = ids.order.as_str().unwrap();
    let transactions = merchant.get(&format!("/transactions/orderId/{order}")).json();
    assert_eq!(transactions.as_array().unwrap().len(), 2, "the initial payment is a transaction of the parent order");
    for (reading, status) in [("false", 400), ("true", 200)] {
        let merchant = Merchant::new(&json!({"failed-payment-frees-token": reading, "initial-payment-order": "own"}));
        let ids = merchant.paid_order("4000000000000341");
        merchant.post("/subscriptions", &merchant.token_body(&ids, &json!({})));
        merchant.advance(5_000);
        assert_eq!(merchant.post("/subscriptions", &merchant.token_body(&ids, &json!({}))).status, status);
        let path = format!("/transactions/orderId/{}", ids.order.as_str().unwrap());
        assert_eq!(merchant.get(&path).json().as_array().unwrap().len(), 1);
    }
}

#[test]
fn the_three_fields_of_a_token_belong_together() {
    let merchant = Merchant::new(&json!({}));
    let (one, two) = (merchant.paid_order("4242424242424242"), merchant.paid_order("4242424242424242"));
    let with = |name: &str, value: Value| {
        let mut body = merchant.token_body(&one, &json!({}));
        body[name] = value;
        refusal(&merchant.post("/subscriptions", &body)).2
    };
    for name in ["tokenId", "parentTransactionId", "parentOrderId"] {
        assert_eq!(with(name, Value::Null), "revup.create.token-fields-required", "{name}");
        assert_eq!(with(name, json!("x")), "revup.create.token-fields-required", "{name}");
    }
    assert_eq!(with("tokenId", json!(UUID)), "revup.token.generated-by-order");
    assert_eq!(with("parentOrderId", two.order.clone()), "revup.token.parent-match");
    assert_eq!(with("parentTransactionId", two.transaction.clone()), "revup.token.parent-match");
    let token = one.token.as_str().unwrap();
    assert_eq!(merchant.call("DELETE", &format!("/tokens/{token}"), &Value::Null).status, 204);
    assert_eq!(with("currency", json!("EUR")), "revup.token.generated-by-order", "a deleted token");
    assert_eq!(merchant.ledger()["subscriptions"], json!([]));
}

#[test]
fn a_refused_body_names_the_rule_that_it_broke() {
    let merchant = Merchant::new(&json!({"order-fields": "refused"}));
    let plan = json!({"planId": UUID, "prices": {"USD": {"initial": 1, "renewal": 2}}});
    merchant.act("set_plan", &plan);
    for (members, rule) in [
        (json!({"planId": "gold"}), "revup.create.plan-id-required"),
        (json!({"currency": "eur"}), "revup.create.currency-required"),
        (json!({"planId": UUID}), "revup.create.currency-required"),
        (json!({"eventSubscriptionUrl": "events"}), "revup.create.event-url-required"),
        (json!({"overwrite": {"initialAmount": "1"}}), "revup.create.initial-amount"),
        (json!({"overwrite": {"initialAmount": 1.999}}), "revup.create.initial-amount"),
        (json!({"money": {"amount": 1, "currency": "EUR"}}), "revup.create.no-order-fields"),
    ] {
        let got = merchant.post("/subscriptions", &merchant.subscription_body(&members));
        assert_eq!((got.status, refusal(&got).2.as_str()), (400, rule), "{members}");
    }
    let url = merchant.url("/v2/subscriptions");
    let got = send("POST", &url, &[], b"{}").unwrap();
    assert_eq!((got.status, refusal(&got).2.as_str()), (401, "revup.auth.api-key-required"));
}

#[test]
fn a_form_makes_the_initial_payment_and_a_decline_archives() {
    let merchant = Merchant::new(&json!({}));
    let made = merchant.post("/subscriptions", &merchant.subscription_body(&json!({}))).json();
    let (order, id) = (made["orderId"].as_str().unwrap(), made["subscriptionId"].as_str().unwrap());
    let form = merchant.url(&format!("/form/{order}"));
    let page = send("GET", &form, &[], b"").unwrap();
    for text in ["data-testid=\"card\"", "data-testid=\"pay\"", "15.50 EUR", "renewals"] {
        assert!(page.text.contains(text), "{text}");
    }
    assert!(!page.text.contains("<script"));
    let submit = |fields: &str| send("POST", &format!("{form}/card"), &[], fields.as_bytes()).unwrap();
    assert!(submit("number=4242").text.contains("12 to 19 digits"));
    assert!(submit("number=4242424242424242&expiry=12/25").text.contains("has expired"));
    let paid = submit("number=4242424242424242&expiry=12/30");
    assert_eq!((paid.status, paid.header("location").ends_with("/success")), (303, true));
    assert_eq!(merchant.status(id), "fulfilled");
    assert_eq!(submit("number=4242424242424242&expiry=12/30").header("location"), form, "a second payment is not made");
    assert!(send("GET", &form, &[], b"").unwrap().text.contains("You have paid"));
    let second = merchant.post("/subscriptions", &merchant.subscription_body(&json!({}))).json();
    let declined = merchant.act("pay", &json!({"id": second["subscriptionId"], "card": "4000000000000002"}));
    assert!(declined["url"].as_str().unwrap().ends_with("/fail"));
    assert_eq!(merchant.status(second["subscriptionId"].as_str().unwrap()), "archived");
    assert_eq!(merchant.try_act("pay", &json!({"id": second["orderId"]})).status, 400);
    merchant.advance(2_000);
    assert_eq!(merchant.event_names(), ["created", "archived"]);
}

#[test]
fn a_bank_asks_the_customer_or_takes_its_time() {
    let merchant = Merchant::new(&json!({}));
    let subscribe = |card: &str| {
        let made = merchant.post("/subscriptions", &merchant.subscription_body(&json!({}))).json();
        let url = merchant.act("pay", &json!({"id": made["orderId"], "card": card}))["url"].clone();
        (made["orderId"].as_str().unwrap().to_owned(), made["subscriptionId"].as_str().unwrap().to_owned(), url)
    };
    for (answer, status, path) in [("confirm", "fulfilled", "/success"), ("reject", "archived", "/fail")] {
        let (order, id, url) = subscribe("4000000000003220");
        assert!(url.is_null() && merchant.status(&id) == "pending");
        let form = merchant.url(&format!("/form/{order}"));
        assert!(send("GET", &form, &[], b"").unwrap().text.contains("data-testid=\"confirm\""));
        assert_eq!(send("POST", &format!("{form}/challenge"), &[], b"").unwrap().status, 422);
        let answered = send("POST", &format!("{form}/challenge"), &[], format!("answer={answer}").as_bytes()).unwrap();
        assert!(answered.header("location").ends_with(path), "{:?}", answered.headers);
        assert_eq!(merchant.status(&id), status);
    }
    merchant.advance(2_000);
    merchant.receiver.take();
    let (_, id, url) = subscribe("4000000000000077");
    assert!(url.as_str().unwrap().ends_with("/success"), "the success address proves nothing");
    merchant.advance(2_000);
    let callback = merchant.take("/success").remove(0);
    assert_eq!((&callback[0]["transactionStatus"], callback[0].get("tokenId")), (&json!("in_process"), None));
    assert_eq!(merchant.status(&id), "pending");
    merchant.advance(600_000);
    assert_eq!((merchant.status(&id).as_str(), merchant.take("/success").len()), ("fulfilled", 0));
}

#[test]
fn an_unpaid_form_is_deleted_after_an_hour() {
    let merchant = Merchant::new(&json!({}));
    let made = merchant.post("/subscriptions", &merchant.subscription_body(&json!({}))).json();
    merchant.advance(3_600_000);
    let form = merchant.url(&format!("/form/{}", made["orderId"].as_str().unwrap()));
    assert_eq!(send("GET", &form, &[], b"").unwrap().status, 410);
    assert_eq!(merchant.try_act("pay", &json!({"id": made["orderId"]})).status, 400);
    assert_eq!(send("GET", &merchant.url("/form/none"), &[], b"").unwrap().status, 404);
}

#[test]
fn a_lost_reply_leaves_a_subscription_that_events_name() {
    let merchant = Merchant::new(&json!({}));
    let ids: Ids = merchant.paid_order("4242424242424242");
    merchant.faults(
        &json!({"match": {"provider": "revup", "operation": "create_subscription"}, "do": "error_after_commit"}),
    );
    let body = merchant.token_body(&ids, &json!({}));
    assert_eq!(merchant.post("/subscriptions", &body).status, 503);
    assert_eq!(refusal(&merchant.post("/subscriptions", &body)).2, "revup.token.one-subscription");
    merchant.advance(5_000);
    let created = merchant.events().remove(0);
    assert_eq!(created["originator"]["data"]["orderId"], ids.order);
    let early = Merchant::new(&json!({}));
    let ids = early.paid_order("4242424242424242");
    early.faults(
        &json!({"match": {"provider": "revup", "operation": "create_subscription"}, "do": "webhook_before_reply"}),
    );
    assert_eq!(early.post("/subscriptions", &early.token_body(&ids, &json!({}))).status, 200);
    assert_eq!(early.event_names(), ["created"], "the event arrived before the reply");
}
