//! Faults strike exactly where they were set.

use serde_json::{Value, json};

use crate::harness::{Shop, hasty};
use crate::truemed::{cart, cart_with, charge, finished_token};

const CREATE: &str = "/payments/v1/create_payment_session";

fn with_fault(what: &str) -> Shop {
    let shop = Shop::new(&json!({}));
    shop.control("faults", &json!({"match": {"operation": "create_payment_session"}, "do": what, "ms": 300}));
    shop
}

fn sessions(shop: &Shop) -> usize {
    shop.control("ledger", &Value::Null)["truemed"]["payment_sessions"].as_array().unwrap().len()
}

#[test]
fn a_reply_is_lost_before_or_after_the_commit() {
    for (what, made) in [("drop_before_commit", 0), ("commit_then_drop", 1)] {
        let shop = with_fault(what);
        let body = cart_with(&json!({"idempotency_key": "k"}));
        assert!(shop.try_call("POST", CREATE, &body).is_err(), "{what}");
        assert_eq!(sessions(&shop), made, "{what}");
        assert_eq!(shop.post(CREATE, &body).status, 200, "the fault strikes once");
        assert_eq!(sessions(&shop), 1);
    }
}

#[test]
fn an_error_follows_the_commit() {
    let shop = with_fault("error_after_commit");
    assert_eq!(shop.post(CREATE, &cart(1500)).refusal().0, 503);
    assert_eq!(sessions(&shop), 1);
}

#[test]
fn a_refusal_before_the_commit_changes_nothing() {
    for (what, status, error) in [
        ("in_progress_409", 409, "Conflict"),
        ("unauthorized_401", 401, "Unauthorized"),
        ("too_many_requests_429", 429, "TooManyRequests"),
    ] {
        let shop = with_fault(what);
        let got = shop.post(CREATE, &cart(1500));
        assert_eq!((got.status, got.refusal().1.as_str()), (status, error));
        assert_eq!((got.header("x-sim-fidelity"), got.header("x-sim-fault")), ("inferred", what));
        assert_eq!(sessions(&shop), 0);
        let journal = shop.control("requests", &Value::Null);
        assert_eq!(journal["requests"][0]["fault"], what);
    }
}

#[test]
fn a_request_that_is_in_progress_can_have_been_done() {
    let shop = Shop::new(&json!({}));
    let matched = json!({"operation": "create_payment_session"});
    shop.control("faults", &json!({"match": matched, "do": "in_progress_409", "commit": true}));
    let body = cart_with(&json!({"idempotency_key": "k"}));
    assert_eq!(shop.post(CREATE, &body).status, 409);
    assert_eq!((sessions(&shop), shop.post(CREATE, &body).status, sessions(&shop)), (1, 200, 1));
}

#[test]
fn a_body_is_cut_off_or_is_a_page() {
    let shop = with_fault("truncated_json");
    assert!(shop.try_call("POST", CREATE, &cart(1500)).is_err());
    assert_eq!(sessions(&shop), 1);
    let shop = with_fault("html_200");
    let got = shop.post(CREATE, &cart(1500));
    assert_eq!((got.status, got.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(sessions(&shop), 1);
}

#[test]
fn a_slow_reply_holds_time_back() {
    let shop = with_fault("slow");
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| shop.post(CREATE, &cart(1500)));
        std::thread::sleep(std::time::Duration::from_millis(100));
        shop.advance(1_000);
        assert!(started.elapsed().as_millis() >= 300, "{:?}", started.elapsed());
    });
}

#[test]
fn time_does_not_pass_while_a_request_hangs() {
    let shop = Shop::at(hasty().url(), &json!({}));
    shop.control("faults", &json!({"match": {"operation": "create_payment_session"}, "do": "slow", "ms": 900}));
    std::thread::scope(|scope| {
        scope.spawn(|| shop.post(CREATE, &cart(1500)));
        std::thread::sleep(std::time::Duration::from_millis(100));
        let refused = shop.try_control("clock/advance", &json!({"ms": 1000}));
        assert_eq!(refused.status, 409);
        assert!(refused.text.contains("POST /truemed/payments/v1/create_payment_session"), "{}", refused.text);
    });
}

#[test]
fn the_webhook_comes_before_the_reply() {
    let (shop, receiver) = Shop::with_receiver("unsigned");
    let token = finished_token(&shop);
    receiver.take();
    let matched = json!({"operation": "create_payment_session", "body": {"payment_token": token}});
    shop.control("faults", &json!({"match": matched, "do": "webhook_before_reply"}));
    let charged = charge(&shop, &token, "k");
    let hooks: Vec<Value> = receiver.take().iter().map(|hook| hook.json()["status"].clone()).collect();
    assert_eq!((charged.status, hooks), (200, vec![json!("processing"), json!("captured")]));
}

#[test]
fn webhooks_come_twice_never_or_after_a_day() {
    for (what, at_once, after_a_day) in
        [("webhook_twice", 3, 0), ("webhook_never", 1, 0), ("webhook_after_a_day", 1, 1)]
    {
        let (shop, receiver) = Shop::with_receiver("signed");
        let matched = json!({"event": "payment_session_complete", "body": {"status": "captured"}});
        shop.control("faults", &json!({"match": matched, "do": what}));
        let session = crate::truemed::create(&shop, &cart(1500));
        shop.act(&json!({"do": "finish", "id": session["id"]}));
        shop.advance(3_600_000);
        let hooks = receiver.take();
        assert_eq!(hooks.len(), at_once, "{what}");
        if what == "webhook_twice" {
            assert_eq!(hooks[1].json()["webhook_delivery_id"], hooks[2].json()["webhook_delivery_id"]);
        }
        shop.advance(86_400_000);
        assert_eq!(receiver.take().len(), after_a_day, "{what}");
    }
}

#[test]
fn a_fault_strikes_the_nth_match_and_is_listed_with_what_it_struck() {
    let shop = Shop::new(&json!({}));
    let matched = json!({"operation": "create_payment_session", "nth": 2, "body": {"metadata": "x"}});
    shop.control("faults", &json!([{"match": matched, "do": "unauthorized_401", "times": 2}]));
    let with = |metadata: &str| shop.post(CREATE, &cart_with(&json!({"metadata": metadata}))).status;
    assert_eq!(["x", "y", "x", "x", "x"].map(with), [200, 200, 401, 401, 200]);
    let listed = shop.control("faults", &Value::Null);
    assert_eq!((&listed["faults"][0]["seen"], &listed["faults"][0]["struck"]), (&json!(4), &json!(2)));
    assert_eq!(shop.try_control("faults", &json!({"match": {}, "do": "explode"})).status, 400);
}

#[test]
fn a_customer_s_page_can_be_struck_too() {
    let shop = Shop::new(&json!({}));
    shop.control("faults", &json!({"match": {"operation": "open_checkout"}, "do": "commit_then_drop"}));
    let session = crate::truemed::create(&shop, &cart(1500));
    let url = session["redirect_url"].as_str().unwrap();
    assert!(crate::harness::send("GET", url, &[], b"").is_err());
    assert_eq!(crate::harness::send("GET", url, &[], b"").unwrap().status, 200);
}

#[test]
fn chaos_comes_back_with_its_seed() {
    let run = |seed: u64| {
        let shop = Shop::new(&json!({}));
        shop.control(
            "faults",
            &json!({"chaos": {"seed": seed, "per_mille": 300, "kinds": ["unauthorized_401", "html_200"]}}),
        );
        let statuses: Vec<String> =
            (0..30).map(|_| shop.post(CREATE, &cart(1500)).header("content-type").to_owned()).collect();
        let struck = shop.control("faults", &Value::Null)["chaos"]["struck"].as_u64().unwrap();
        assert!((3..16).contains(&struck), "{struck}");
        statuses
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
