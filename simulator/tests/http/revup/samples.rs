//! Every documented sample is replied to, or sent, as documented.

use serde_json::{Value, json};

use super::{MONTH, Merchant, PLAN};
use crate::samples::{assert_like, sample};

/// The only event of this kind.
fn event(merchant: &Merchant, name: &str) -> Value {
    let events = merchant.events();
    events.iter().find(|it| it["eventType"] == name).unwrap_or_else(|| panic!("{name} in {events:?}")).clone()
}

#[test]
fn the_request_of_the_guide_is_accepted_and_replied_to_as_printed() {
    let merchant = Merchant::new(&json!({}));
    let ids = merchant.paid_order("4242424242424242");
    let mut body = sample("revup/create.request.json");
    let own = merchant.token_body(&ids, &json!({}));
    for name in ["tokenId", "parentTransactionId", "parentOrderId", "eventSubscriptionUrl", "redirectUrl"] {
        body[name] = own[name].clone();
    }
    let made = merchant.post("/subscriptions", &body);
    assert_like(&made.json(), &sample("revup/create.response.json"), &[]);
    assert_eq!(made.json()["orderId"], ids.order, "the reply has the order that was sent");
    assert_eq!(made.header("x-sim-fidelity"), "documented");
    merchant.advance(5_000);
    let id = made.json()["subscriptionId"].as_str().unwrap().to_owned();
    let payments = merchant.payments(&id);
    assert_eq!((&payments[0]["amount"], &payments[1]["amount"]), (&json!(111.99), &json!(30)));
}

#[test]
fn a_callback_is_sent_as_printed() {
    let merchant = Merchant::new(&json!({}));
    let order = merchant.order(&json!({}));
    merchant.act("pay", &json!({"id": order}));
    merchant.advance(2_000);
    assert_like(&merchant.take("/success")[0], &sample("revup/callback.success.json"), &[]);
}

#[test]
fn notifications_are_sent_as_printed() {
    let merchant = Merchant::new(&json!({}));
    let order = merchant.order(&json!({}));
    merchant.act("pay", &json!({"id": order}));
    merchant.advance(2_000);
    assert_like(&merchant.take("/hook")[0], &sample("revup/notification.payment.json"), &[]);
    merchant.act("fail_refund", &json!({}));
    merchant.act("refund", &json!({"id": order, "amount": 1.95}));
    merchant.advance(2_000);
    let failed = merchant.take("/hook").remove(0);
    let printed = sample("revup/notification.refund-failed.json");
    assert_like(&failed, &printed, &[]);
    for name in ["transactionType", "transactionStatus", "money", "error"] {
        assert_eq!(failed[name], printed[name]);
    }
}

#[test]
fn the_payments_are_listed_as_printed() {
    let merchant = Merchant::new(&json!({}));
    let plan =
        json!({"planId": PLAN, "interval": 1, "unit": "week", "prices": {"EUR": {"initial": 15.5, "renewal": 30}}});
    merchant.act("set_plan", &plan);
    let id = merchant.subscribed();
    let printed = sample("revup/payments.json");
    let listed = merchant.get(&format!("/subscriptions/{id}/payments?page=1&pageSize=10")).json();
    assert_eq!(listed["pagination"], printed["pagination"]);
    for (listed, printed) in listed["payments"].as_array().unwrap().iter().zip(printed["payments"].as_array().unwrap())
    {
        assert_like(listed, printed, &[]);
        for name in ["paymentType", "paymentCycle", "numAttempt", "status", "currency"] {
            assert_eq!(listed[name], printed[name], "{name}");
        }
    }
    assert_eq!(listed["payments"][1]["dueDate"], "2026-01-08T00:00:04Z");
    let second = merchant.get(&format!("/subscriptions/{id}/payments?page=2&pageSize=1")).json();
    assert_eq!((&second["payments"][0]["paymentCycle"], &second["pagination"]["totalPages"]), (&json!(1), &json!(2)));
}

#[test]
fn the_event_of_a_creation_is_sent_as_printed_with_its_capitals() {
    let merchant = Merchant::new(&json!({}));
    let ids = merchant.paid_order("4000000000009995");
    merchant.post("/subscriptions", &merchant.token_body(&ids, &json!({})));
    merchant.advance(5_000);
    let created = event(&merchant, "subscription.created");
    let printed = sample("revup/event.created.json");
    assert_like(&created, &printed, &[]);
    for pointer in [
        "/originator/type",
        "/originator/data/type",
        "/originator/data/status",
        "/originator/data/attempt",
        "/data/status",
        "/data/cycle",
        "/data/nextPayment/type",
    ] {
        assert_eq!(created.pointer(pointer), printed.pointer(pointer), "{pointer}");
    }
    assert_eq!(created["data"]["nextPayment"]["scheduledFor"], "2026-02-01");
    let fallback = created["originator"]["data"]["transactions"].as_array().unwrap();
    assert_eq!((fallback.len(), &fallback[1]["isFallback"]), (2, &json!(true)));
    let uniform = Merchant::new(&json!({"event-spelling": "occurredAt", "created-capitals": "false",
        "created-counts-from": "0", "created-next-payment": "instant"}));
    let ids = uniform.paid_order("4242424242424242");
    uniform.post("/subscriptions", &uniform.token_body(&ids, &json!({})));
    uniform.advance(5_000);
    let created = event(&uniform, "subscription.created");
    assert!(created["occurredAt"].is_string() && created["ocurredAt"].is_null());
    assert_eq!((&created["data"]["status"], &created["data"]["cycle"]), (&json!("fulfilled"), &json!(0)));
    assert_eq!(created["data"]["nextPayment"]["scheduledFor"], "2026-02-01T00:00:04Z");
}

#[test]
fn the_event_of_a_failed_initial_payment_is_sent_as_printed() {
    let merchant = Merchant::new(&json!({}));
    let ids = merchant.paid_order("4242424242424242");
    merchant.act("set_card", &json!({"id": ids.token, "card": "4000000000009979"}));
    merchant.post("/subscriptions", &merchant.token_body(&ids, &json!({})));
    merchant.advance(5_000);
    let hooks = merchant.receiver.take();
    let callback = hooks.iter().find(|it| it.path == "/fail").unwrap().json();
    assert_eq!(callback.as_array().unwrap().len(), 2);
    let archived = hooks.iter().find(|it| it.body.contains("subscription.archived")).unwrap().json();
    let printed = sample("revup/event.archived.json");
    assert_like(&archived, &printed, &[]);
    let statuses = |event: &Value| -> Vec<(Value, Value)> {
        let list = event["originator"]["data"]["transactions"].as_array().unwrap();
        list.iter().map(|it| (it["transactionStatus"].clone(), it["isFallback"].clone())).collect()
    };
    assert_eq!(statuses(&archived), statuses(&printed));
    for pointer in
        ["/originator/type", "/originator/data/status", "/originator/data/attempt", "/data/status", "/data/cycle"]
    {
        assert_eq!(archived.pointer(pointer), printed.pointer(pointer), "{pointer}");
    }
}

#[test]
fn the_event_of_a_failed_renewal_is_sent_as_printed() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.act("set_card", &json!({"id": id, "card": "4000000000000002"}));
    merchant.advance(MONTH + 2_000);
    let updated = event(&merchant, "subscription.updated");
    assert_like(&updated, &sample("revup/event.updated.json"), &[]);
    assert_eq!((&updated["data"]["status"], &updated["data"]["cycle"]), (&json!("past_due"), &json!(0)));
    let data = &updated["originator"]["data"];
    assert_eq!((&data["status"], &data["type"], &data["attempt"]), (&json!("failed"), &json!("renewal"), &json!(0)));
}

#[test]
fn a_pause_and_a_resumption_are_sent_as_printed() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.act("set_card", &json!({"id": id, "card": "4000000000000002"}));
    merchant.advance(MONTH);
    assert_eq!(merchant.status(&id), "past_due");
    merchant.act("pause", &json!({"id": id, "by": "merchant"}));
    merchant.advance(2_000);
    let paused = event(&merchant, "subscription.paused");
    assert_like(&paused, &sample("revup/event.paused.json"), &[]);
    assert_eq!((&paused["originator"]["type"], &paused["data"]["status"]), (&json!("merchant"), &json!("paused")));
    merchant.act("resume", &json!({"id": id}));
    merchant.advance(2_000);
    let resumed = event(&merchant, "subscription.resumed");
    assert_like(&resumed, &sample("revup/event.resumed.json"), &[]);
    assert_eq!(
        (&resumed["originator"]["type"], &resumed["data"]["status"]),
        (&json!("backoffice"), &json!("past_due"))
    );
}

#[test]
fn a_refund_and_a_dispute_are_sent_as_printed() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.advance(MONTH);
    merchant.receiver.take();
    for amount in [15.5, 14.5] {
        merchant.act("refund", &json!({"id": id, "amount": amount}));
    }
    merchant.advance(2_000);
    let refunded = merchant.events().pop().unwrap();
    let printed = sample("revup/event.refunded.json");
    assert_like(&refunded, &printed, &[]);
    let transactions = |event: &Value| event["originator"]["data"]["transactions"].as_array().unwrap().clone();
    let amounts: Vec<Value> = transactions(&refunded).iter().map(|it| it["money"]["amount"].clone()).collect();
    assert_eq!(amounts, [json!(15.5), json!(14.5)]);
    for (kind, success) in [("chargeback", true), ("information_requested", true), ("rdr", true), ("chargeback", false)]
    {
        merchant.act("dispute", &json!({"id": id, "kind": kind, "success": success}));
    }
    merchant.advance(2_000);
    let disputed = merchant.events().pop().unwrap();
    let printed = sample("revup/event.disputed.json");
    assert_like(&disputed, &printed, &[]);
    let kinds = |event: &Value| -> Vec<(Value, Value)> {
        transactions(event).iter().map(|it| (it["transactionType"].clone(), it["transactionStatus"].clone())).collect()
    };
    assert_eq!(kinds(&disputed), kinds(&printed));
    assert_eq!(disputed["data"]["status"], "fulfilled");
}
