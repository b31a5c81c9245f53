//! Webhooks: their authentication, their retries, and what a test does with them.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Hook, Shop, send};
use crate::truemed::{cart, create};

const DAY: i64 = 86_400_000;

/// Lets a customer cancel nothing and pay: one webhook after a second, one after the review.
fn paid(shop: &Shop) -> Value {
    let session = create(shop, &cart(1500));
    shop.act(&json!({"do": "finish", "id": session["id"]}));
    session
}

fn signature(secret: &str, at: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_signed_webhook_has_an_envelope_and_a_signature_of_virtual_time() {
    let (shop, receiver) = Shop::with_receiver("signed");
    paid(&shop);
    shop.advance(2_000);
    let hook = receiver.take().remove(0);
    let header = hook.header("x-truemed-signature");
    let (at, signed) = header.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    assert_eq!((at, signed), ("1767225601", signature("whsec", "1767225601", &hook.body).as_str()));
    let body = hook.json();
    assert_eq!(body["event_type"], "payment_session.completed");
    assert!(body["webhook_delivery_id"].is_string() && body["data"]["status"] == "processing");
}

#[test]
fn several_endpoints_each_have_their_own_authentication() {
    let (signed, unsigned) = (crate::harness::Receiver::start(), crate::harness::Receiver::start());
    let shop = Shop::new(&json!({"readings": {"truemed.event-names": "complete"}, "webhook_urls": [
        {"url": signed.url, "secret": "old,new"}, {"url": unsigned.url, "auth": "unsigned", "secret": "s"}]}));
    paid(&shop);
    shop.advance(2_000);
    let (signed, unsigned): (Vec<Hook>, Vec<Hook>) = (signed.take(), unsigned.take());
    assert_eq!((signed.len(), unsigned.len()), (1, 1));
    assert_eq!(signed[0].json()["event_type"], "payment_session.complete");
    assert_eq!(signed[0].header("x-truemed-signature").matches("v1=").count(), 2);
    assert_eq!(unsigned[0].header("x-truemed-api-key"), "s");
    assert_eq!(unsigned[0].json(), signed[0].json()["data"]);
}

#[test]
fn an_unacknowledged_webhook_is_retried_for_seven_days() {
    let (shop, receiver) = Shop::with_receiver("signed");
    receiver.reply_with(200);
    paid(&shop);
    shop.advance(2_000);
    assert_eq!(receiver.take().len(), 1);
    shop.advance(60_000);
    let second = receiver.take();
    assert_eq!(second.len(), 1, "only 204 acknowledges");
    assert!(second[0].header("x-truemed-signature").starts_with("t=1767225661,"), "each attempt is signed anew");
    shop.advance(20 * DAY);
    let listed = shop.control("webhooks", &Value::Null);
    let first = &listed["webhooks"][0];
    assert_eq!(first["state"], "given_up");
    let last = first["attempts"].as_array().unwrap().last().unwrap()["at"].as_str().unwrap();
    assert!(("2026-01-07".."2026-01-08T00:00:02Z").contains(&last), "{last}");
    let ids: Vec<Value> = receiver.take().iter().map(|hook| hook.json()["webhook_delivery_id"].clone()).collect();
    assert!(ids.iter().filter(|id| **id == ids[0]).count() > 5, "a retry has the id of its first attempt");
}

#[test]
fn a_receiver_that_recovers_acknowledges_a_retry() {
    let (shop, receiver) = Shop::with_receiver("signed");
    receiver.reply_with(500);
    paid(&shop);
    shop.advance(2_000);
    receiver.reply_with(204);
    shop.advance(60_000);
    let first = shop.control("webhooks", &Value::Null)["webhooks"][0].clone();
    assert_eq!((&first["state"], first["attempts"].as_array().unwrap().len()), (&json!("delivered"), 2));
}

#[test]
fn held_webhooks_are_released_in_the_given_order() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    shop.control("webhooks", &json!({"hold": true}));
    paid(&shop);
    shop.advance(3_600_000);
    assert!(receiver.take().is_empty());
    let released = shop.control("webhooks", &json!({"release": [2, 1]}));
    assert_eq!(released["deliveries"].as_array().unwrap().len(), 2);
    let statuses: Vec<Value> = receiver.take().iter().map(|hook| hook.json()["status"].clone()).collect();
    assert_eq!(statuses, ["captured", "processing"]);
    assert_eq!(shop.try_control("webhooks", &json!({"release": [99]})).status, 400);
}

#[test]
fn a_webhook_is_repeated_with_its_id_or_dropped() {
    let (shop, receiver) = Shop::with_receiver("signed");
    paid(&shop);
    shop.control("webhooks", &json!({"hold": ["payment_session_complete"]}));
    shop.control("webhooks", &json!({"drop": "payment_session_complete"}));
    shop.control("webhooks", &json!({"hold": false}));
    shop.advance(3_600_000);
    let hooks = receiver.take();
    assert_eq!((hooks.len(), &hooks[0].json()["data"]["status"]), (1, &json!("captured")));
    let id = hooks[0].json()["webhook_delivery_id"].clone();
    for what in ["duplicate", "redeliver"] {
        let sent = shop.control("webhooks", &json!({what: [id]}));
        assert!(!sent["deliveries"].as_array().unwrap().is_empty(), "{what}");
        assert_eq!(receiver.take()[0].json()["webhook_delivery_id"], id);
    }
}

#[test]
fn endpoints_can_be_set_later() {
    let shop = Shop::new(&json!({}));
    paid(&shop);
    let receiver = crate::harness::Receiver::start();
    shop.control("webhooks", &json!({"endpoints": [receiver.url]}));
    shop.advance(3_600_000);
    assert_eq!(receiver.take().len(), 1, "only what happens afterwards is sent");
    assert_eq!(shop.try_control("webhooks", &json!({"endpoints": ["http://example.com/"]})).status, 400);
}

#[test]
fn a_receiver_can_use_the_simulator_before_it_replies() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let session = paid(&shop);
    let url = format!("{}/truemed/payments/v1/payment_session/{}", shop.url, session["id"].as_str().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writes = seen.clone();
    receiver.before_reply(move |_| {
        let got = send("GET", &url, &[("x-truemed-api-key", "key")], b"").unwrap();
        writes.lock().unwrap().push(got.json()["status"].clone());
    });
    let report = shop.advance(3_600_000);
    assert_eq!(report["deliveries"].as_array().unwrap().len(), 2);
    assert_eq!(*seen.lock().unwrap(), ["processing", "captured"]);
}

#[test]
fn a_receiver_that_is_not_there_is_reported() {
    let shop = Shop::new(&json!({"webhook_urls": ["http://127.0.0.1:9/"]}));
    paid(&shop);
    let report = shop.advance(2_000);
    assert!(report["deliveries"][0]["error"].is_string(), "{report}");
}

/// A receiver on one connection after another: it acknowledges so many webhooks on each, then closes it in silence.
/// Returns its address and how many webhooks each connection had.
fn receiver_of(many: usize) -> (String, Arc<Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let counts = Arc::new(Mutex::new(Vec::new()));
    let writes = counts.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            writes.lock().unwrap().push(0);
            for _ in 0..many {
                if crate::harness::read_hook(&stream).is_none() {
                    break;
                }
                *writes.lock().unwrap().last_mut().unwrap() += 1;
                stream.write_all(b"HTTP/1.1 204 X\r\n\r\n").unwrap();
            }
        }
    });
    (url, counts)
}

/// A shop with many webhooks for one receiver, and what became of each.
fn deliveries_to(url: &str) -> Vec<Value> {
    let shop = Shop::new(&json!({"webhook_urls": [{"url": url, "auth": "unsigned"}]}));
    (0..10).for_each(|_| drop(paid(&shop)));
    shop.advance(3_600_000)["deliveries"].as_array().unwrap().clone()
}

#[test]
fn webhooks_share_a_connection() {
    let (url, counts) = receiver_of(usize::MAX);
    let deliveries = deliveries_to(&url);
    assert!(deliveries.iter().all(|it| it["status"] == 204), "{deliveries:?}");
    assert_eq!(*counts.lock().unwrap(), [deliveries.len()]);
}

#[test]
fn a_receiver_can_close_its_connection_after_a_reply() {
    let (url, counts) = receiver_of(1);
    let deliveries = deliveries_to(&url);
    assert!(deliveries.iter().all(|it| it["status"] == 204), "{deliveries:?}");
    assert_eq!(*counts.lock().unwrap(), vec![1; deliveries.len()]);
}
