//! The page of consent: single use, 24 hours, and nothing changes before.

use serde_json::{Value, json};

use super::{DAY, Retailer, components, plan, token};

#[test]
fn a_retailer_subscribes_and_the_return_proves_nothing_before() {
    let retailer = Retailer::new(&json!({}));
    let token = token(&retailer.create(&plan("lite")));
    let page = retailer.open(&token);
    assert!(page.status == 200 && page.text.contains("Activate Subscription") && !page.text.contains("<script"));
    for id in ["title", "items", "total", "consent", "accept", "decline"] {
        assert!(page.text.contains(&format!("data-testid=\"{id}\"")), "{id}");
    }
    let before = retailer.get(&format!("/token/{token}")).json();
    assert_eq!((&before["data"]["is_used"], before["data"].get("subscription_id")), (&json!(false), None));
    assert_eq!(retailer.get("/subscriptions").json()["data"], Value::Null);
    let accepted = retailer.choose(&token, "accept");
    assert_eq!((accepted.status, accepted.header("location")), (303, "https://app.test/back"));
    assert_eq!(retailer.get(&format!("/token/{token}")).json()["data"]["is_used"], true);
    assert_eq!(retailer.subscription()["state"], "active");
    assert_eq!(retailer.subscription()["next_assessment_at"], "2026-02-01T00:00:00Z");
}

#[test]
fn a_token_is_used_once() {
    let retailer = Retailer::new(&json!({}));
    let token = token(&retailer.create(&plan("lite")));
    retailer.choose(&token, "accept");
    for _ in 0..2 {
        let again = retailer.choose(&token, "accept");
        assert!(again.status == 200 && again.text.contains("This was done"), "{}", again.text);
    }
    assert!(retailer.open(&token).text.contains("href=\"https://app.test/back\""));
    assert_eq!(retailer.ledger()["subscriptions"].as_array().unwrap().len(), 1);
}

#[test]
fn a_token_expires_after_24_hours() {
    let retailer = Retailer::new(&json!({}));
    let token = token(&retailer.create(&plan("lite")));
    retailer.advance(DAY - 1);
    assert_eq!(retailer.open(&token).status, 200);
    retailer.advance(1);
    assert!(retailer.open(&token).status == 410 && retailer.choose(&token, "accept").status == 410);
    assert_eq!(retailer.open("nothing").status, 404);
    assert_eq!(retailer.get(&format!("/token/{token}")).json()["data"]["is_used"], false);
    assert_eq!(retailer.ledger()["subscriptions"], json!([]));
}

#[test]
fn components_are_totals_and_a_new_plan_has_its_own_price() {
    let retailer = Retailer::new(&json!({}));
    retailer.subscribed();
    let seats = |quantity| {
        components(&json!([{"component_handle": "seats", "component_price_handle": "basic",
        "quantity": quantity}]))
    };
    for quantity in [5, 3] {
        let token = token(&retailer.update(&seats(quantity)));
        assert!(retailer.open(&token).text.contains("Update Subscription"));
        assert_eq!(retailer.choose(&token, "accept").status, 303);
        assert_eq!(retailer.subscription()["components"][0]["quantity"], quantity);
    }
    let pro = token(&retailer.update(&plan("pro")));
    retailer.choose(&pro, "accept");
    let subscription = retailer.subscription();
    assert_eq!((&subscription["product_name"], &subscription["components"][0]["quantity"]), (&json!("pro"), &json!(3)));
    let none = token(&retailer.update(&seats(0)));
    retailer.act("accept", &json!({"url": retailer.url(&format!("/billing/partner-consent?token={none}"))}));
    assert_eq!(retailer.subscription()["components"], json!([]));
    assert_eq!(retailer.ledger()["subscriptions"].as_array().unwrap().len(), 1);
}

#[test]
fn a_declined_token_changes_nothing() {
    let retailer = Retailer::new(&json!({}));
    let first = token(&retailer.create(&plan("lite")));
    let declined = retailer.choose(&first, "decline");
    assert!(declined.status == 200 && declined.text.contains("Nothing was changed"));
    assert_eq!(retailer.choose(&first, "accept").status, 303, "it stays valid");
    let other = Retailer::new(&json!({"readings": {"vend.decline-leads-to": "return-url",
        "vend.decline-withdraws-token": "true"}}));
    let second = token(&other.create(&plan("lite")));
    let declined = other.choose(&second, "decline");
    assert_eq!((declined.status, declined.header("location")), (303, "https://app.test/back"));
    assert_eq!(other.choose(&second, "accept").status, 410);
    assert_eq!(other.ledger()["subscriptions"], json!([]));
}

#[test]
fn a_bill_that_cannot_be_changed_leaves_the_token_unused() {
    let retailer = Retailer::new(&json!({}));
    let token = token(&retailer.create(&plan("lite")));
    retailer.act("fail_bills", &json!({}));
    let failed = retailer.choose(&token, "accept");
    assert!(failed.status == 422 && failed.text.contains("data-testid=\"notice\""));
    assert_eq!(retailer.choose(&token, "").status, 422);
    retailer.act("fail_bills", &json!({"fails": false}));
    assert_eq!(retailer.choose(&token, "accept").status, 303);
}

#[test]
fn two_tokens_to_subscribe_make_one_subscription() {
    let retailer = Retailer::new(&json!({}));
    let tokens = [token(&retailer.create(&plan("lite"))), token(&retailer.create(&plan("lite")))];
    assert_eq!(retailer.choose(&tokens[0], "accept").status, 303);
    assert_eq!(retailer.choose(&tokens[1], "accept").status, 409);
    assert_eq!(retailer.try_act("accept", &json!({"token": tokens[1]})).status, 400);
    let two = Retailer::new(&json!({"readings": {"vend.second-create": "accepted", "vend.update-changes": "oldest"}}));
    two.subscribed();
    two.subscribed();
    let update = token(&two.update(&plan("pro")));
    two.choose(&update, "accept");
    let subscriptions = two.ledger()["subscriptions"].clone();
    assert_eq!(
        (&subscriptions[0]["product_handle"], &subscriptions[1]["product_handle"]),
        (&json!("pro"), &json!("lite"))
    );
}

#[test]
fn a_lost_reply_leaves_a_token_that_changes_nothing() {
    let retailer = Retailer::new(&json!({}));
    retailer.faults(
        &json!({"match": {"provider": "vend", "operation": "create_subscription_token"}, "do": "error_after_commit"}),
    );
    assert_eq!(retailer.create(&plan("lite")).status, 503);
    let token = token(&retailer.create(&plan("lite")));
    assert_eq!(retailer.choose(&token, "accept").status, 303);
    let ledger = retailer.ledger();
    assert_eq!((ledger["tokens"].as_array().unwrap().len(), ledger["subscriptions"].as_array().unwrap().len()), (2, 1));
}
