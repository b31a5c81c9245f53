//! The life of a subscription: bought on the page, renewed, failed, repaired, canceled, refunded.

use serde_json::{Value, json};

use super::{DAY, Flex, HOUR, event, signed, text};
use crate::harness::{Got, send};

fn open(url: &str) -> Got {
    send("GET", url, &[], b"").unwrap()
}

fn submit(url: &str, form: &str) -> Got {
    send("POST", url, &[("content-type", "application/x-www-form-urlencoded")], form.as_bytes()).unwrap()
}

#[test]
fn a_customer_subscribes_on_the_page_and_flex_tells_of_it() {
    let (flex, receiver) = Flex::with_receiver("svix");
    let price = flex.price(4_999, "letter_of_medical_necessity", &json!({"interval": "monthly"}));
    let session = flex.checkout("subscription", &price, &json!({}));
    let (id, url) = (text(&session["checkout_session_id"]), text(&session["redirect_url"]));
    assert_eq!((&session["status"], &session["subscription"]), (&json!("open"), &Value::Null));
    let page = open(url);
    assert!(page.status == 200 && page.text.contains("$49.99") && page.text.contains("data-testid=\"letter\""));
    assert!(!page.text.contains("<script"));
    assert_eq!(submit(&format!("{url}/letter"), "").status, 422);
    assert_eq!(submit(&format!("{url}/letter"), "condition=back-pain").header("location"), url);
    let page = open(url);
    assert!(page.text.contains("data-testid=\"card\"") && page.text.contains("data-testid=\"kind-hsa\""));
    assert!(page.text.contains("Then every month"), "{}", page.text);
    let pay = format!("{url}/card");
    let declined = submit(&pay, "number=4000+0000+0000+9995&expiry=12/30&kind=hsa");
    assert!(declined.status == 422 && declined.text.contains("declined"));
    assert_eq!(flex.session(&json!(id))["status"], "open");
    assert!(submit(&pay, "number=4242&expiry=12/30").text.contains("12 to 19 digits"));
    let paid = submit(&pay, "number=4242424242424242&expiry=12/30&kind=hsa&email=a%40b.test");
    assert_eq!(paid.header("location"), format!("http://shop.test/ok?id={id}"));
    flex.advance(2_000);
    let hooks = receiver.take();
    let names: Vec<String> = hooks.iter().map(|hook| text(&hook.json()["event_type"]).to_owned()).collect();
    assert_eq!(
        names,
        [
            "customer.created",
            "payment_intent.created",
            "charge.failed",
            "charge.succeeded",
            "payment_intent.succeeded",
            "customer.subscription.created",
            "invoice.created",
            "invoice.paid",
            "invoice.payment_succeeded",
            "checkout.session.completed"
        ]
        .map(str::to_owned)
        .into_iter()
        .filter(|name| names.contains(name))
        .collect::<Vec<_>>()
    );
    assert_eq!(names.len(), 10, "{names:?}");
    let completed = event(&hooks, "checkout.session.completed");
    let (svix, at) = (completed.header("svix-id"), completed.header("svix-timestamp"));
    let signature = signed("whsec_c2ltdWxhdG9y", svix, at, &completed.body);
    assert_eq!(completed.header("svix-signature"), format!("v1,{signature}"));
    let told = completed.json()["object"]["checkout_session"].clone();
    assert_eq!((&told["status"], &told["amount_received"]), (&json!("complete"), &json!(4_999)));
    let subscription = flex.subscription(&told["subscription"]);
    assert_eq!(
        (&subscription["status"], &subscription["current_period_end"]),
        (&json!("active"), &json!("2026-02-01T00:00:00Z"))
    );
    let invoice = flex.invoice(&told["invoice"]);
    assert_eq!(
        (&invoice["status"], &invoice["amount_paid"], &invoice["payment_intent"]),
        (&json!("paid"), &json!(4_999), &told["payment_intent"])
    );
}

#[test]
fn a_renewal_is_drafted_an_hour_before_it_is_paid() {
    let flex = Flex::new(&json!({}));
    let subscription = flex.subscribed(&json!({}))["subscription"].clone();
    flex.advance(31 * DAY);
    let shown = flex.subscription(&subscription);
    assert_eq!(shown["current_period_end"], "2026-03-01T00:00:00Z", "the period turns before anything is paid");
    let invoice = flex.invoice(&shown["latest_invoice"]);
    assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&json!("draft"), &json!(0)));
    assert_eq!(
        (&invoice["period_start"], &invoice["period_end"]),
        (&json!("2026-02-01T00:00:00Z"), &json!("2026-03-01T00:00:00Z"))
    );
    assert_eq!((flex.count("invoice.paid"), flex.count("customer.subscription.updated")), (1, 1));
    flex.advance(2 * HOUR);
    assert_eq!(flex.invoice(&shown["latest_invoice"])["status"], "paid");
    assert_eq!((flex.count("invoice.paid"), flex.count("payment_intent.succeeded")), (2, 2));
}

#[test]
fn readings_decide_when_a_period_turns_and_what_an_invoice_shows() {
    let late = Flex::new(&json!({"readings": {"flex.period-turns-before-payment": "false",
        "flex.invoice-period": "previous", "flex.invoice-paid-events": "invoice.paid"}}));
    let subscription = late.subscribed(&json!({}))["subscription"].clone();
    late.advance(31 * DAY);
    let shown = late.subscription(&subscription);
    assert_eq!(shown["current_period_end"], "2026-02-01T00:00:00Z");
    assert_eq!(late.invoice(&shown["latest_invoice"])["period_end"], "2026-02-01T00:00:00Z");
    late.advance(2 * HOUR);
    assert_eq!(late.subscription(&subscription)["current_period_end"], "2026-03-01T00:00:00Z");
    assert_eq!((late.count("invoice.paid"), late.count("invoice.payment_succeeded")), (2, 0));
}

#[test]
fn a_declined_renewal_is_past_due_until_a_new_card_pays() {
    let flex = Flex::new(&json!({}));
    let session = flex.subscribed(&json!({"card": "4000000000000341"}));
    flex.advance(31 * DAY + 2 * HOUR);
    let shown = flex.subscription(&session["subscription"]);
    assert_eq!(shown["status"], "past_due");
    assert_eq!(flex.invoice(&shown["latest_invoice"])["status"], "open");
    assert_eq!(flex.count("invoice.payment_failed"), 1);
    let setup = json!({"mode": "setup", "customer": session["customer"], "success_url": "http://shop.test/card"});
    let setup = flex.post("/v1/checkout/sessions", "checkout_session", &setup);
    assert!(open(text(&setup["redirect_url"])).text.contains("Save card"));
    let saved = submit(&format!("{}/card", text(&setup["redirect_url"])), "number=5555555555554444&expiry=12/31");
    assert_eq!(saved.header("location"), "http://shop.test/card");
    let intent = flex.get(&format!("/v1/setup_intents/{}", text(&setup["setup_intent"])));
    assert_eq!(
        (&intent["setup_intent"]["status"], &intent["setup_intent"]["subscription_id"]),
        (&json!("succeeded"), &session["subscription"])
    );
    assert_eq!(flex.subscription(&session["subscription"])["status"], "past_due", "the next retry charges it");
    flex.advance(3 * DAY);
    assert_eq!(flex.subscription(&session["subscription"])["status"], "active");
    assert_eq!(flex.invoice(&shown["latest_invoice"])["status"], "paid");
}

#[test]
fn the_last_failure_ends_the_subscription_in_one_of_three_ways() {
    for (reading, deleted) in [("canceled", 1), ("unpaid", 0), ("past_due", 0)] {
        let flex = Flex::reading("dunning-end", reading);
        let session = flex.subscribed(&json!({"card": "4000000000000341"}));
        flex.advance(31 * DAY + 2 * HOUR + 15 * DAY);
        assert_eq!(flex.count("invoice.payment_failed"), 4, "{reading}");
        assert_eq!(flex.subscription(&session["subscription"])["status"], reading);
        assert_eq!(flex.count("customer.subscription.deleted"), deleted);
    }
}

#[test]
fn a_trial_is_free_until_it_ends() {
    let flex = Flex::new(&json!({}));
    let recurring = json!({"interval": "monthly", "trial_period_days": 7});
    let price = flex.price(4_999, "letter_of_medical_necessity", &recurring);
    let session = flex.checkout("subscription", &price, &json!({}));
    assert_eq!((&session["amount_subtotal"], &session["amount_total"]), (&json!(4_999), &json!(0)));
    flex.act(&json!({"do": "finish", "id": session["checkout_session_id"]}));
    let session = flex.session(&session["checkout_session_id"]);
    assert_eq!((&session["status"], &session["payment_intent"]), (&json!("complete"), &Value::Null));
    let trial = flex.subscription(&session["subscription"]);
    assert_eq!((&trial["status"], &trial["trial_end"]), (&json!("trialing"), &json!("2026-01-08T00:00:00Z")));
    assert_eq!(flex.count("payment_intent.succeeded"), 0);
    flex.advance(7 * DAY + 2 * HOUR);
    let active = flex.subscription(&session["subscription"]);
    assert_eq!((&active["status"], &active["current_period_end"]), (&json!("active"), &json!("2026-02-08T00:00:00Z")));
    assert_eq!(flex.invoice(&active["latest_invoice"])["amount_paid"], 4_999);
    assert_eq!(flex.count("customer.subscription.updated"), 0, "the event is not reliably sent");
}

#[test]
fn a_subscription_is_canceled_now_or_when_its_period_ends() {
    let flex = Flex::new(&json!({}));
    let subscription = flex.subscribed(&json!({}))["subscription"].clone();
    let path = format!("/v1/subscriptions/{}", text(&subscription));
    let later = flex.call("DELETE", &path, &json!({"subscription": {"cancel_at_period_end": true}}));
    assert_eq!((later.status, &later.json()["subscription"]["status"]), (200, &json!("active")));
    let kept = flex.call("PATCH", &path, &json!({"subscription": {"cancel_at_period_end": false}}));
    assert_eq!(kept.json()["subscription"]["cancel_at_period_end"], false);
    flex.call("PATCH", &path, &json!({"subscription": {"cancel_at_period_end": true}}));
    flex.advance(30 * DAY);
    assert_eq!(flex.subscription(&subscription)["status"], "active");
    flex.advance(2 * DAY);
    assert_eq!((&flex.subscription(&subscription)["status"], flex.count("invoice.paid")), (&json!("canceled"), 1));
    assert_eq!(flex.refusal("DELETE", &path, &json!({})), (422, "flex.subscription.transition".into()));

    let other = flex.subscribed(&json!({}))["subscription"].clone();
    let path = format!("/v1/subscriptions/{}", text(&other));
    flex.advance(15 * DAY);
    let preview = flex.get(&format!("{path}/refund_preview"));
    let available = preview["prorated_amount_available_to_refund"].as_i64().unwrap();
    assert!((2_000..3_000).contains(&available) && preview["last4"] == "4242", "{preview}");
    let body = json!({"cancel_at_period_end": false, "refund": "prorated", "refund_amount": 0});
    let gone = flex.call("DELETE", &path, &body);
    assert_eq!(gone.json()["subscription"]["status"], "canceled");
    flex.advance(HOUR);
    let refunds = flex.get("/v1/refunds")["refunds"].clone();
    assert_eq!((&refunds[0]["amount"], &refunds[0]["status"]), (&json!(available), &json!("succeeded")));
    assert_eq!((&refunds[0]["subscription_id"], refunds.as_array().unwrap().len()), (&other, 1));
}

#[test]
fn a_subscription_can_end_on_a_date() {
    let flex = Flex::new(&json!({}));
    let subscription = flex.subscribed(&json!({}))["subscription"].clone();
    let path = format!("/v1/subscriptions/{}", text(&subscription));
    flex.call("PATCH", &path, &json!({"subscription": {"cancel_at": "2026-01-10T00:00:00Z"}}));
    flex.advance(9 * DAY - 1);
    assert_eq!(flex.subscription(&subscription)["status"], "active");
    flex.advance(1);
    assert_eq!(flex.subscription(&subscription)["status"], "canceled");
}

#[test]
fn another_plan_is_invoiced_by_its_proration_behavior() {
    let flex = Flex::new(&json!({}));
    let subscription = flex.subscribed(&json!({}))["subscription"].clone();
    let path = format!("/v1/subscriptions/{}", text(&subscription));
    let better = flex.price(9_999, "letter_of_medical_necessity", &json!({"interval": "monthly"}));
    flex.advance(15 * DAY + 12 * HOUR);
    let body = json!({"subscription": {"items": [{"price": better}], "proration_behavior": "always_invoice"}});
    let changed = flex.call("PATCH", &path, &body).json()["subscription"].clone();
    assert_eq!(flex.invoice(&changed["latest_invoice"])["amount_paid"], 2_500, "half of the difference");
    flex.advance(20 * DAY);
    let latest = flex.subscription(&subscription)["latest_invoice"].clone();
    assert_eq!(flex.invoice(&latest)["amount_paid"], 9_999);
}
