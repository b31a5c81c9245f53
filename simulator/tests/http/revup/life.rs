//! Renewals, past due, pauses and cancellations.

use serde_json::{Value, json};

use super::{DAY, MONTH, Merchant, PLAN, refusal};

#[test]
fn revup_renews_each_period() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.advance(3 * MONTH);
    assert_eq!(merchant.event_names(), ["updated", "updated", "updated"]);
    let shown = merchant.get(&format!("/subscriptions/{id}")).json();
    assert_eq!((&shown["status"], &shown["cycle"]), (&json!("fulfilled"), &json!(3)));
    let payments = merchant.payments(&id);
    assert_eq!(payments.len(), 5, "one initial, three renewals and the next one");
    let due: Vec<&Value> = payments.iter().skip(1).map(|it| &it["dueDate"]).collect();
    assert_eq!(due[..2], ["2026-02-01T00:00:04Z", "2026-03-01T00:00:04Z"]);
}

#[test]
fn a_failed_renewal_is_past_due_retried_by_revup_and_recovers() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.act("set_card", &json!({"id": id, "card": "4000000000000002"}));
    merchant.advance(MONTH + DAY);
    let updated = merchant.events();
    let attempts: Vec<&Value> = updated.iter().map(|it| &it["originator"]["data"]["attempt"]).collect();
    assert_eq!((attempts, merchant.status(&id).as_str()), (vec![&json!(0), &json!(1)], "past_due"));
    assert_eq!(updated[1]["data"]["nextPayment"]["scheduledFor"], "2026-02-03T00:00:04Z");
    merchant.act("set_card", &json!({"id": id, "card": "4242424242424242"}));
    merchant.advance(DAY);
    assert_eq!((merchant.event_names(), merchant.status(&id).as_str()), (vec!["updated".to_owned()], "fulfilled"));
    assert_eq!(merchant.payments(&id)[1]["transactions"].as_array().unwrap().len(), 3);
}

#[test]
fn a_subscription_that_is_not_paid_is_cancelled_after_the_last_retry() {
    for (card, updates) in [("4000000000000341", 3), ("4000000000009987", 0)] {
        let merchant = Merchant::new(&json!({}));
        let id = merchant.subscribed();
        merchant.act("set_card", &json!({"id": id, "card": card}));
        merchant.advance(MONTH + 7 * DAY);
        let events = merchant.events();
        assert_eq!(events.len(), updates + 1);
        let cancelled = events.last().unwrap();
        assert_eq!(
            (&cancelled["eventType"], &cancelled["data"]["cancellation"]["reason"]),
            (&json!("subscription.cancelled"), &json!("hard_decline"))
        );
        assert!(cancelled["originator"]["data"].get("orderId").is_none(), "the sample has none");
        assert_eq!(merchant.status(&id), "cancelled");
    }
    let kept = Merchant::new(&json!({"retries-exhausted": "past_due"}));
    let id = kept.subscribed();
    kept.act("set_card", &json!({"id": id, "card": "4000000000000002"}));
    kept.advance(MONTH + 7 * DAY);
    assert_eq!((kept.event_names().len(), kept.status(&id).as_str()), (4, "past_due"));
}

#[test]
fn a_plan_ends_after_its_renewals() {
    let merchant = Merchant::new(&json!({}));
    merchant.act("set_plan", &json!({"planId": PLAN, "renewals": 2, "unit": "day"}));
    let id = merchant.subscribed();
    merchant.advance(10 * DAY);
    let events = merchant.events();
    assert_eq!(events.len(), 3);
    assert_eq!(events[2]["data"]["cancellation"]["reason"], "end_plan");
    assert_eq!((merchant.payments(&id).len(), merchant.status(&id).as_str()), (3, "cancelled"));
}

#[test]
fn a_paused_subscription_is_not_charged_and_gets_its_former_status_back() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.act("pause", &json!({"id": id}));
    assert_eq!(merchant.try_act("pause", &json!({"id": id})).status, 400);
    merchant.advance(3 * MONTH);
    assert_eq!((merchant.event_names(), merchant.status(&id).as_str()), (vec!["paused".to_owned()], "paused"));
    assert_eq!(merchant.payments(&id)[1]["status"], "paused");
    merchant.act("resume", &json!({"id": id, "by": "merchant"}));
    assert_eq!(merchant.try_act("resume", &json!({"id": id})).status, 400);
    merchant.advance(2_000);
    let names = merchant.event_names();
    assert_eq!(names[..2], ["resumed", "updated"], "what fell due meanwhile is charged");
    assert_eq!(merchant.status(&id), "fulfilled");
    assert_eq!(
        merchant.post(&format!("/subscriptions/{id}/pause"), &json!({})).status,
        501,
        "no page describes a call"
    );
}

#[test]
fn a_renewal_that_is_in_process_when_it_is_paused_counts() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.act("set_card", &json!({"id": id, "card": "4000000000000077"}));
    merchant.advance(MONTH);
    assert_eq!(merchant.payments(&id)[1]["status"], "paying");
    merchant.act("pause", &json!({"id": id}));
    merchant.advance(DAY);
    let shown = merchant.get(&format!("/subscriptions/{id}")).json();
    assert_eq!((&shown["status"], &shown["cycle"]), (&json!("paused"), &json!(1)));
    merchant.act("resume", &json!({"id": id}));
    merchant.advance(MONTH);
    assert_eq!(merchant.get(&format!("/subscriptions/{id}")).json()["cycle"], 2);
}

#[test]
fn the_merchant_cancels_at_once() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    let path = format!("/subscriptions/{id}/cancel");
    let long = merchant.post(&path, &json!({"cancellationDetail": "a reason that is much too long"}));
    assert_eq!(refusal(&long), (400, "0300".into(), "revup.cancel.detail-max-25".into()));
    let cancelled = merchant.post(&path, &json!({"cancellationDetail": "moved"}));
    let body = cancelled.json();
    assert_eq!((&body["id"], &body["status"]), (&json!(id), &json!("cancelled")));
    assert_eq!(
        (&body["cancellation"]["reason"], &body["cancellation"]["detail"]),
        (&json!("merchant_api"), &json!("moved"))
    );
    assert_eq!(merchant.post(&path, &json!({})).json(), body, "a second cancellation changes nothing");
    merchant.advance(3 * MONTH);
    assert_eq!(merchant.event_names(), ["cancelled"]);
    assert_eq!(merchant.payments(&id)[1]["status"], "archived");
    let unknown = merchant.post("/subscriptions/none/cancel", &json!({}));
    assert_eq!(refusal(&unknown), (404, "0020".into(), "revup.subscription.exists".into()));
    let silent = Merchant::new(&json!({"cancelled-after-request": "false", "cancel-again": "refused"}));
    let id = silent.subscribed();
    let path = format!("/subscriptions/{id}/cancel");
    assert_eq!((silent.post(&path, &json!({})).status, silent.post(&path, &json!({})).status), (200, 400));
    silent.advance(DAY);
    assert!(silent.event_names().is_empty());
}

#[test]
fn the_back_office_cancels_and_charges_fees() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.act("fee", &json!({"id": id, "amount": 2.5}));
    merchant.advance(2_000);
    let fee = merchant.events().remove(0);
    assert_eq!(
        (&fee["eventType"], &fee["originator"]["data"]["type"]),
        (&json!("subscription.updated"), &json!("maintenance"))
    );
    assert_eq!(fee["originator"]["data"]["money"]["amount"], 2.5);
    merchant.act("cancel", &json!({"id": id, "detail": "fraud"}));
    merchant.advance(2_000);
    assert_eq!(merchant.events().remove(0)["data"]["cancellation"]["reason"], "backoffice_api");
    assert_eq!(merchant.try_act("cancel", &json!({"id": id})).status, 400);
}

#[test]
fn an_event_is_retried_until_the_reply_is_exactly_200() {
    let merchant = Merchant::new(&json!({}));
    let id = merchant.subscribed();
    merchant.receiver.reply_with(204);
    merchant.act("pause", &json!({"id": id}));
    merchant.advance(2_000);
    merchant.receiver.reply_with(200);
    merchant.advance(DAY);
    let events = merchant.events();
    assert_eq!((events.len(), &events[0]["eventId"]), (2, &events[1]["eventId"]));
    merchant.receiver.reply_with(404);
    let made = merchant.post("/subscriptions", &merchant.subscription_body(&json!({}))).json();
    merchant.act("pay", &json!({"id": made["orderId"]}));
    merchant.advance(DAY);
    assert_eq!(merchant.take("/success").len(), 1, "a callback is made once");
}
