//! What a snapshot remembers has a bound. Up to it everything is recognized, and beyond it the messages say so.

use rulebound_tests::golden;
use rulebound_tests::vectors::ask;
use serde_json::{Value, json};

const NOW: i64 = 1_796_083_200_000;
const SUBSCRIPTION: &str = "0192b445-55a7-74af-a5d1-79ca6d2310f4";
const PLAN: &str = "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee";

/// Calls a verb with a snapshot, which becomes the next one, and returns the result.
fn advance(snapshot: &mut Value, verb: &str, what: &str, value: &Value) -> Value {
    let mut answer = ask(verb, json!({"snapshot": snapshot, "now": NOW, what: value}));
    assert!(answer["ok"].is_object(), "{answer}");
    if answer["ok"]["next"].is_object() {
        *snapshot = answer["ok"]["next"].take();
    }
    answer["ok"].take()
}

fn webhook(snapshot: &mut Value, body: &Value) -> Value {
    advance(snapshot, "observe", "fact", &json!({"type": "webhook", "origin": "verified", "body": body.to_string()}))
}

#[test]
fn the_last_eight_events_of_revup_are_duplicates_when_they_come_again() {
    let mut snapshot = golden("revup.subscription", "at-subscription-fulfilled");
    let event = |n: u8| {
        json!({"eventId": format!("0192b445-55a7-74af-a5d1-0000000000{n:02}"), "eventType": "subscription.updated",
            "occurredAt": format!("2026-12-01T00:00:{n:02}Z"),
            "originator": {"type": "payment", "data": {"type": "renewal", "status": "accepted"}},
            "data": {"subscriptionId": SUBSCRIPTION, "planId": PLAN, "status": "fulfilled", "cycle": 1,
                "createdAt": "2026-12-01T00:00:00Z"}})
    };
    for n in 1..=8 {
        let answer = webhook(&mut snapshot, &event(n));
        assert!(answer["ignored"].is_null(), "{n}: {answer}");
    }
    // After the lookup has its reply, another event would make a new lookup.
    advance(&mut snapshot, "lease", "effect", &json!("retrieve_subscription:2"));
    let subscription = json!({"id": SUBSCRIPTION, "planId": PLAN, "status": "fulfilled", "cycle": 1, "createdAt": "2026-12-01T00:00:00Z"});
    let reply = json!({"type": "reply", "effect": "retrieve_subscription:2", "http_status": 200, "body": subscription.to_string()});
    assert!(advance(&mut snapshot, "observe", "fact", &reply)["ignored"].is_null());
    for n in 1..=8 {
        assert_eq!(webhook(&mut snapshot, &event(n))["ignored"]["reason"], "duplicate", "{n}");
    }
    assert!(webhook(&mut snapshot, &event(9))["ignored"].is_null());
    assert_eq!(webhook(&mut snapshot, &event(2))["ignored"]["reason"], "duplicate");
}

#[test]
fn the_rejection_of_a_refund_says_that_its_payment_is_no_longer_remembered() {
    let transaction = |n: usize| format!("0192b445-88da-77d2-98a4-{n:012}");
    let refund = |snapshot: &mut Value, n: usize| {
        let command = json!({"type": "refund_payment", "intent": format!("r{n}"), "transactionId": transaction(n),
            "amount": "31.00", "currency": "EUR"});
        let answer = ask("handle", json!({"snapshot": snapshot, "now": NOW, "command": command}));
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
    let with_payments = |many: usize| {
        let mut snapshot = golden("revup.subscription", "at-subscription-fulfilled");
        advance(&mut snapshot, "lease", "effect", &json!("retrieve_payments:1"));
        let reply = json!({"type": "reply", "effect": "retrieve_payments:1", "http_status": 200, "body": payments(many).to_string()});
        assert!(advance(&mut snapshot, "observe", "fact", &reply)["ignored"].is_null());
        snapshot
    };
    let mut snapshot = with_payments(128);
    assert!(
        refund(&mut snapshot, 1).contains("30 of the payment can still be refunded."),
        "{}",
        refund(&mut snapshot, 1)
    );
    let mut snapshot = with_payments(129);
    assert!(
        refund(&mut snapshot, 1).contains("is not one of the newest 128 that are kept"),
        "{}",
        refund(&mut snapshot, 1)
    );
    assert!(
        refund(&mut snapshot, 2).contains("30 of the payment can still be refunded."),
        "{}",
        refund(&mut snapshot, 2)
    );
}
