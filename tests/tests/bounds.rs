//! What is remembered has a bound: up to it everything is known again, and beyond it that is said.

use rulebound_tests::golden;
use rulebound_tests::vectors::ask;
use serde_json::{Value, json};

const NOW: i64 = 1_796_083_200_000;
const SUBSCRIPTION: &str = "0192b445-55a7-74af-a5d1-79ca6d2310f4";
const PLAN: &str = "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee";

fn config() -> Value {
    json!({"revup": {"environment": "test"}})
}

/// Says a thing to a snapshot, which becomes the next one; what was answered.
fn say(at: &mut Value, verb: &str, what: &str, value: &Value) -> Value {
    let mut answer = ask(verb, json!({"snapshot": at, "now": NOW, "config": config(), what: value}));
    assert!(answer["ok"].is_object(), "{answer}");
    if answer["ok"]["next"].is_object() {
        *at = answer["ok"]["next"].take();
    }
    answer["ok"].take()
}

fn webhook(at: &mut Value, body: &Value) -> Value {
    say(at, "observe", "fact", &json!({"type": "webhook", "origin": "verified", "body": body.to_string()}))
}

#[test]
fn the_last_eight_events_of_revup_are_known_when_they_come_again() {
    let mut at = golden("revup.subscription", "at-subscription-fulfilled");
    let event = |n: u8| {
        json!({"eventId": format!("0192b445-55a7-74af-a5d1-0000000000{n:02}"), "eventType": "subscription.updated",
            "occurredAt": format!("2026-12-01T00:00:{n:02}Z"),
            "originator": {"type": "payment", "data": {"type": "renewal", "status": "accepted"}},
            "data": {"subscriptionId": SUBSCRIPTION, "planId": PLAN, "status": "fulfilled", "cycle": 1,
                "createdAt": "2026-12-01T00:00:00Z"}})
    };
    for n in 1..=8 {
        let answer = webhook(&mut at, &event(n));
        assert!(answer["ignored"].is_null(), "{n}: {answer}");
    }
    // Once that has been looked into, another event would have it looked at again.
    say(&mut at, "lease", "effect", &json!("retrieve_subscription:2"));
    let shown = json!({"id": SUBSCRIPTION, "planId": PLAN, "status": "fulfilled", "cycle": 1, "createdAt": "2026-12-01T00:00:00Z"});
    let reply =
        json!({"type": "reply", "effect": "retrieve_subscription:2", "http_status": 200, "body": shown.to_string()});
    assert!(say(&mut at, "observe", "fact", &reply)["ignored"].is_null());
    for n in 1..=8 {
        assert_eq!(webhook(&mut at, &event(n))["ignored"]["reason"], "duplicate", "{n}");
    }
    assert!(webhook(&mut at, &event(9))["ignored"].is_null());
    assert_eq!(webhook(&mut at, &event(2))["ignored"]["reason"], "duplicate");
}

#[test]
fn a_refund_of_a_payment_that_is_not_remembered_any_more_says_so() {
    let transaction = |n: usize| format!("0192b445-88da-77d2-98a4-{n:012}");
    let refund = |at: &mut Value, n: usize| {
        let command = json!({"type": "refund_payment", "intent": format!("r{n}"), "transactionId": transaction(n),
            "amount": "31.00", "currency": "EUR"});
        let answer = ask("handle", json!({"snapshot": at, "now": NOW, "config": config(), "command": command}));
        answer.to_string()
    };
    let payments = |many: usize| -> Value {
        let payment = |n: usize| {
            json!({"paymentId": format!("0195146c-7640-7670-a201-{n:012}"), "paymentType": "renewal", "paymentCycle": n,
                "status": "accepted", "dueDate": "2026-12-01T00:00:00Z", "amount": 30, "currency": "EUR",
                "transactions": [{"transactionId": transaction(n), "transactionDate": "2026-12-01T00:00:05Z"}]})
        };
        let all: Value = (1..=many).map(payment).collect();
        json!({"payments": all, "pagination": {"totalRecords": many, "currentPage": 1, "pageSize": 200, "totalPages": 1}})
    };
    let shown = |many: usize| {
        let mut at = golden("revup.subscription", "at-subscription-fulfilled");
        say(&mut at, "lease", "effect", &json!("retrieve_payments:1"));
        let reply = json!({"type": "reply", "effect": "retrieve_payments:1", "http_status": 200, "body": payments(many).to_string()});
        assert!(say(&mut at, "observe", "fact", &reply)["ignored"].is_null());
        at
    };
    let left = "The refund asks for 31.00 EUR, but 30 EUR of the payment can still be refunded.";
    let mut at = shown(128);
    assert!(refund(&mut at, 1).contains(left), "{}", refund(&mut at, 1));
    let mut at = shown(129);
    assert!(
        refund(&mut at, 1).contains("this payment is not one of the newest 128 that are kept"),
        "{}",
        refund(&mut at, 1)
    );
    assert!(refund(&mut at, 2).contains(left), "{}", refund(&mut at, 2));
}
