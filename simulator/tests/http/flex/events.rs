//! Events: the families of their headers, their retries, and addresses that the merchant registers.

use serde_json::{Value, json};

use super::{Flex, signed, text};
use crate::harness::{Receiver, send};

#[test]
fn each_family_of_headers_has_its_own_signature() {
    for (family, id, at, signature) in [
        ("svix", "svix-id", "svix-timestamp", "svix-signature"),
        ("webhook", "webhook-id", "webhook-timestamp", "webhook-signature"),
        ("flex", "flex-event-id", "flex-timestamp", "flex-signature"),
    ] {
        let (flex, receiver) = Flex::with_receiver(family);
        flex.post("/v1/customers", "customer", &json!({"email": "a@b.test"}));
        flex.advance(2_000);
        let hook = receiver.take().remove(0);
        let made = signed("whsec_c2ltdWxhdG9y", hook.header(id), hook.header(at), &hook.body);
        let expected = if family == "flex" { made } else { format!("v1,{made}") };
        assert_eq!((hook.header(at), hook.header(signature)), ("1767225601", expected.as_str()), "{family}");
        let families = hook.headers.iter().filter(|(name, _)| name.ends_with("-signature")).count();
        assert_eq!(families, 1);
    }
    let (flex, receiver) = Flex::with_receiver("all");
    flex.post("/v1/customers", "customer", &json!({}));
    flex.advance(2_000);
    let families = receiver.take()[0].headers.iter().filter(|(name, _)| name.ends_with("-signature")).count();
    assert_eq!(families, 3);
}

#[test]
fn an_event_is_retried_with_its_id_until_a_receiver_accepts_it() {
    let (flex, receiver) = Flex::with_receiver("svix");
    receiver.reply_with(500);
    flex.post("/v1/customers", "customer", &json!({}));
    flex.advance(2_000);
    flex.advance(5_000);
    let hooks = receiver.take();
    assert_eq!((hooks.len(), hooks[0].header("svix-id")), (2, hooks[1].header("svix-id")));
    assert_ne!(hooks[0].header("svix-signature"), hooks[1].header("svix-signature"), "the time is signed too");
    assert_eq!(hooks[0].json()["event_dt"], 1_767_225_600);
    receiver.reply_with(200);
    flex.advance(301_000);
    assert_eq!(receiver.take().len(), 1);
    flex.advance(super::DAY);
    assert!(receiver.take().is_empty());
}

#[test]
fn registered_addresses_have_their_own_secrets_and_events() {
    let (all, some) = (Receiver::start(), Receiver::start());
    let flex = Flex::new(&json!({}));
    let first = flex.post("/v1/webhooks", "webhook", &json!({"url": all.url}));
    let events = json!(["checkout.session.completed"]);
    let second = flex.post("/v1/webhooks", "webhook", &json!({"url": some.url, "events": events}));
    assert_ne!(first["signing_secret"], second["signing_secret"]);
    flex.subscribed(&json!({}));
    flex.advance(2_000);
    let hooks = some.take();
    assert!(all.take().len() > 5 && hooks.len() == 1);
    let hook = &hooks[0];
    let made =
        signed(text(&second["signing_secret"]), hook.header("svix-id"), hook.header("svix-timestamp"), &hook.body);
    assert_eq!(hook.header("svix-signature"), format!("v1,{made}"));
    let path = format!("/v1/events/{}/retry", text(&hook.json()["event_id"]));
    let retry = json!({"event": {"webhook_id": second["webhook_id"]}});
    assert_eq!(flex.call("POST", &path, &retry).status, 200);
    flex.advance(0);
    let again = some.take();
    assert_eq!((again.len(), again[0].header("svix-id"), &again[0].body), (1, hook.header("svix-id"), &hook.body));
    assert!(all.take().is_empty());
    let path = format!("/v1/webhooks/{}", text(&second["webhook_id"]));
    assert_eq!(flex.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(flex.call("GET", &path, &Value::Null).status, 404);
}

#[test]
fn an_event_is_sent_again_to_the_addresses_of_the_world() {
    let (flex, receiver) = Flex::with_receiver("svix");
    flex.post("/v1/customers", "customer", &json!({}));
    flex.advance(2_000);
    let event = receiver.take()[0].json()["event_id"].clone();
    let path = format!("/v1/events/{}/retry", text(&event));
    let again = flex.call("POST", &path, &json!({"event": {"webhook_id": "fwh_world"}}));
    assert_eq!((again.status, &again.json()["event"]["event_id"]), (200, &event));
    flex.advance(0);
    assert_eq!(receiver.take().len(), 1);
    let unknown = json!({"event": {"webhook_id": "fwh_none"}});
    assert_eq!(flex.refusal("POST", &path, &unknown), (404, "flex.object.exists".into()));
    assert_eq!(flex.refusal("POST", &path, &json!({"event": {}})), (400, "flex.event.retry-webhook".into()));
}

#[test]
fn a_lost_reply_is_found_again_by_its_reference_and_a_webhook_can_come_first() {
    let (flex, receiver) = Flex::with_receiver("svix");
    let price = flex.price(500, "vision", &Value::Null);
    let fault =
        json!({"match": {"provider": "flex", "operation": "create_checkout_session"}, "do": "commit_then_drop"});
    flex.shop.control("faults", &fault);
    let body = json!({"checkout_session": {"line_items": [{"price": price}], "success_url": "http://s.test/",
        "client_reference_id": "order-1"}});
    let url = format!("{}/flex/v1/checkout/sessions", flex.shop.url);
    let headers = [("authorization", "Bearer fsk_test_1")];
    assert!(send("POST", &url, &headers, body.to_string().as_bytes()).is_err());
    let found = flex.get("/v1/checkout/sessions?client_reference_id=order-1")["checkout_sessions"].clone();
    let id = found[0]["checkout_session_id"].clone();
    flex.act(&json!({"do": "finish", "id": id}));
    flex.advance(2_000);
    receiver.take();
    flex.shop
        .control("faults", &json!({"match": {"operation": "refund_checkout_session"}, "do": "webhook_before_reply"}));
    let refunded = flex.call("POST", &format!("/v1/checkout/sessions/{}/refund", text(&id)), &json!({}));
    assert_eq!(refunded.status, 200);
    let told: Vec<Value> = receiver.take().iter().map(|hook| hook.json()["event_type"].clone()).collect();
    assert!(told.contains(&json!("refund.created")) && told.contains(&json!("refund.updated")), "{told:?}");
}

#[test]
fn readings_change_what_an_event_looks_like() {
    let receiver = Receiver::start();
    let flex = Flex::new(&json!({"webhook_urls": [receiver.url], "readings": {"flex.event-object": "bare",
        "flex.event-time": "milliseconds", "flex.completed-name": "underscore", "flex.completed-first": "true",
        "flex.webhook-headers": "flex", "flex.subscription-starts": "incomplete"}}));
    flex.subscribed(&json!({}));
    flex.advance(2_000);
    let hooks = receiver.take();
    let first = hooks[0].json();
    assert_eq!(
        (&first["event_type"], &first["event_dt"]),
        (&json!("checkout_session.completed"), &json!(1_767_225_600_000_i64))
    );
    assert!(first["object"]["checkout_session_id"].is_string() && !hooks[0].header("flex-signature").is_empty());
    let created = super::event(&hooks, "customer.subscription.created").json();
    assert_eq!(created["object"]["status"], "incomplete");
    assert_eq!(super::event(&hooks, "customer.subscription.updated").json()["object"]["status"], "active");
}

#[test]
fn a_key_sees_its_own_objects_only() {
    let flex = Flex::new(&json!({}));
    let product = flex.post("/v1/products", "product", &json!({"name": "A"}));
    assert_eq!(product["test_mode"], true);
    let path = format!("/v1/products/{}", text(&product["product_id"]));
    assert_eq!(flex.call_as("fsk_live", "GET", &path, &Value::Null).status, 404);
    let live = flex.call_as("fsk_live", "POST", "/v1/products", &json!({"product": {"name": "B"}}));
    assert_eq!(live.json()["product"]["test_mode"], false);
    let refused = flex.call_as("sk_1", "GET", &path, &Value::Null);
    assert_eq!((refused.status, refused.header("x-sim-broke")), (401, "flex.auth.key-format"));
    let absent = send("GET", &format!("{}/flex/v1/payment_links", flex.shop.url), &[], b"").unwrap();
    assert_eq!((absent.status, absent.header("x-sim-fidelity")), (501, "inferred"));
}
