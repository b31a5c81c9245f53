//! How a subscription is billed, ends and begins again.

use serde_json::{Value, json};

use super::{HALF_AN_HOUR, Retailer, plan, token};
use crate::harness::{Receiver, Shop, hasty};

const MONTH: i64 = 31 * super::DAY;

/// A retailer with a subscription that is older than the cache of webhooks.
fn settled(readings: &Value) -> (Retailer, Receiver, String) {
    let (retailer, receiver) = Retailer::with_receiver(readings);
    let id = retailer.subscribed();
    retailer.advance(HALF_AN_HOUR);
    (retailer, receiver, id)
}

fn charges(retailer: &Retailer) -> usize {
    retailer.ledger()["subscriptions"][0]["charges"].as_array().unwrap().len()
}

#[test]
fn the_retailer_cancels_on_a_page_of_vend() {
    let (retailer, receiver, id) = settled(&json!({}));
    let page = crate::harness::send("GET", &retailer.url("/billing/partner-apps"), &[], b"").unwrap();
    for text in ["data-testid=\"cancel\"", "data-testid=\"state\"", id.as_str()] {
        assert!(page.text.contains(text), "{text}");
    }
    let canceled = retailer.submit("/billing/partner-apps/cancel", &format!("subscription_id={id}"));
    assert_eq!((canceled.status, canceled.header("location")), (303, retailer.url("/billing/partner-apps").as_str()));
    assert_eq!(retailer.submit("/billing/partner-apps/cancel", &format!("subscription_id={id}")).status, 409);
    retailer.advance(2_000);
    assert_eq!(receiver.take().len(), 1);
    assert_eq!(retailer.subscription()["state"], "canceled");
    retailer.advance(3 * MONTH);
    assert_eq!(charges(&retailer), 1, "a canceled subscription is not billed");
    assert_eq!(retailer.update(&plan("pro")).refusal().2, "vend.update.requires-existing");
}

#[test]
fn the_webhook_of_an_early_cancellation_is_lost() {
    let (retailer, receiver) = Retailer::with_receiver(&json!({}));
    retailer.subscribed();
    retailer.advance(HALF_AN_HOUR - 1);
    assert_eq!(retailer.act("cancel", &json!({}))["webhook"], false);
    retailer.advance(HALF_AN_HOUR);
    assert!(receiver.take().is_empty());
    assert_eq!(retailer.subscription()["state"], "canceled", "only polling shows it");
    let (sent, receiver) = Retailer::with_receiver(&json!({"vend.early-cancel-webhook": "sent"}));
    sent.subscribed();
    assert_eq!(sent.act("cancel", &json!({}))["webhook"], true);
    sent.advance(2_000);
    assert_eq!(receiver.take().len(), 1);
}

#[test]
fn a_webhook_can_be_a_form() {
    for encoding in ["form", "form-inner"] {
        let (retailer, receiver, id) = settled(&json!({"vend.webhook-encoding": encoding}));
        retailer.act("cancel", &json!({"id": id}));
        retailer.advance(2_000);
        let hook = receiver.take().remove(0);
        assert_eq!(hook.header("content-type"), "application/x-www-form-urlencoded");
        let payload = hook.body.split('&').find_map(|field| field.strip_prefix("payload=")).unwrap();
        let payload: Value = serde_json::from_str(&decode(payload)).unwrap();
        let inner = if encoding == "form" { &payload["payload"] } else { &payload };
        assert_eq!(inner["subscription_id"], json!(id));
        assert_eq!(hook.body.contains("&type=partner.cancellation"), encoding == "form-inner");
    }
}

fn decode(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let byte = u8::from_str_radix(&part[..2], 16).unwrap();
        format!("{text}{}{}", char::from(byte), &part[2..])
    })
}

#[test]
fn a_webhook_that_is_not_acknowledged_is_retried_20_times() {
    let (retailer, receiver, _) = settled(&json!({}));
    receiver.reply_with(500);
    retailer.act("cancel", &json!({}));
    retailer.advance(10 * super::DAY);
    assert_eq!(receiver.take().len(), 21);
}

#[test]
fn the_address_of_the_webhook_is_the_one_of_the_creation() {
    for (reading, first, second) in [("at-creation", 1, 0), ("current", 0, 1)] {
        let (retailer, receiver, _) = settled(&json!({"vend.webhook-address": reading}));
        let other = Receiver::start();
        retailer.control("webhooks", &json!({"endpoints": [other.url]}));
        retailer.act("cancel", &json!({}));
        retailer.advance(2_000);
        assert_eq!((receiver.take().len(), other.take().len()), (first, second), "{reading}");
    }
}

#[test]
fn a_receiver_has_5_seconds() {
    let receiver = Receiver::start();
    let retailer = Retailer { shop: Shop::at(hasty().url(), &json!({"webhook_urls": [receiver.url]})) };
    retailer.subscribed();
    retailer.advance(HALF_AN_HOUR);
    receiver.before_reply(|_| std::thread::sleep(std::time::Duration::from_millis(400)));
    retailer.act("cancel", &json!({}));
    let report = retailer.advance(2_000);
    // A twentieth of 5 seconds.
    assert_eq!(report["deliveries"][0]["error"], "There was no reply within 250ms.", "{report}");
    receiver.before_reply(|_| {});
    retailer.advance(60_000);
    assert_eq!(receiver.take().len(), 2);
}

#[test]
fn support_takes_a_cancellation_back_without_a_webhook() {
    let (retailer, receiver, id) = settled(&json!({}));
    assert_eq!(retailer.try_act("reactivate", &json!({"id": id})).status, 400);
    retailer.act("cancel", &json!({}));
    retailer.advance(MONTH);
    receiver.take();
    retailer.act("reactivate", &json!({"id": id}));
    assert_eq!(retailer.subscription()["state"], "active");
    retailer.advance(MONTH);
    assert_eq!((charges(&retailer), receiver.take().len()), (3, 0));
}

#[test]
fn a_period_is_billed_and_a_bill_that_fails_is_past_due() {
    let (retailer, _, _) = settled(&json!({}));
    retailer.advance(MONTH);
    assert_eq!((charges(&retailer), retailer.subscription()["state"].as_str()), (2, Some("active")));
    retailer.act("fail_bills", &json!({}));
    retailer.advance(MONTH);
    assert_eq!(retailer.subscription()["state"], "past_due");
    assert_eq!(retailer.ledger()["subscriptions"][0]["charges"][2]["paid"], false);
    token(&retailer.update(&plan("pro")));
    retailer.act("fail_bills", &json!({"fails": false}));
    retailer.advance(MONTH);
    assert_eq!(retailer.subscription()["state"], "active");
}

#[test]
fn a_cancellation_can_take_effect_with_the_period() {
    let (retailer, receiver, _) = settled(&json!({"vend.cancel-takes-effect": "period-end"}));
    retailer.act("cancel", &json!({}));
    retailer.advance(2_000);
    assert_eq!((receiver.take().len(), retailer.subscription()["state"].as_str()), (1, Some("active")));
    retailer.advance(MONTH);
    assert_eq!((charges(&retailer), retailer.subscription()["state"].as_str()), (1, Some("canceled")));
}

#[test]
fn a_subscription_can_be_in_every_state() {
    let (retailer, receiver, _) = settled(&json!({"vend.list-shows-ended": "false"}));
    let refused = retailer.try_act("set_state", &json!({"state": "gone"})).text;
    let states = refused.split("one of ").nth(1).unwrap().split('.').next().unwrap();
    assert_eq!(states.split(", ").count(), 15, "{states}");
    for state in states.split(", ") {
        retailer.act("set_state", &json!({"state": state}));
        let live = !retailer.get("/subscriptions").json()["data"].is_null();
        let updates = retailer.update(&plan("pro")).status == 200;
        let ended = ["canceled", "expired", "failed_to_create", "suspended", "trial_ended"].contains(&state);
        assert_eq!((live, updates), (!ended, !ended), "{state}");
        assert_eq!(retailer.ledger()["subscriptions"][0]["state"], state);
    }
    retailer.advance(2_000);
    assert!(receiver.take().is_empty());
}

#[test]
fn the_list_can_show_other_partners() {
    let retailer = Retailer::reading("list-covers", "all-partners");
    retailer.subscribed();
    let list = retailer.get("/subscriptions").json();
    assert_eq!(
        (list["data"].as_array().unwrap().len(), &list["data"][1]["application_id"]),
        (2, &json!("another-application"))
    );
}
