//! Worlds, the clock, the journal and determinism.

use rulebound_simulator::Simulator;
use serde_json::{Value, json};

use crate::harness::{Shop, send, simulator};
use crate::truemed::{cart, finished_token};

/// What a journey makes, without the headers that HTTP adds.
fn journey(shop: &Shop) -> Vec<String> {
    let mut texts = Vec::new();
    let token = finished_token(shop);
    texts.push(token.clone());
    for key in ["a", "b"] {
        let mut body = cart(1500);
        body["idempotency_key"] = key.into();
        texts.push(shop.post("/payments/v1/create_payment_session", &body).text);
    }
    texts.push(shop.post("/payments/v1/create_payment_session", &cart(1499)).text);
    texts.push(shop.get(&format!("/api/v1/payment_tokens/{token}")).text);
    texts.push(shop.get("/payments/v1/payment_sessions?include_order_items=true").text);
    texts.push(shop.control("ledger", &Value::Null).to_string());
    texts.push(shop.control("webhooks", &Value::Null).to_string());
    texts.push(shop.control("requests", &Value::Null).to_string());
    texts
}

#[test]
fn two_worlds_with_one_seed_answer_byte_for_byte() {
    let other = Simulator::start().unwrap();
    let options = json!({"seed": "same", "public_url": "http://sim.test/w/1"});
    let made: Vec<Vec<String>> = [simulator().url(), other.url()]
        .map(|url| {
            let made = send("POST", &format!("{url}/_sim/worlds"), &[], options.to_string().as_bytes()).unwrap().json();
            assert_eq!(made["url"], "http://sim.test/w/1");
            let id = send("GET", &format!("{url}/_sim/worlds"), &[], b"").unwrap();
            assert!(id.text.contains("sim.test"));
            journey(&Shop { url: format!("{url}/w/{}", made["id"].as_str().unwrap()), key: "key".into() })
        })
        .into();
    assert_eq!(made[0], made[1]);
    let third = Shop::new(&json!({"seed": "another", "public_url": "http://sim.test/w/1"}));
    assert!(third.url.contains("sim.test"));
}

#[test]
fn a_world_that_is_reset_answers_as_before() {
    let shop = Shop::new(&json!({"seed": "reset"}));
    let first = journey(&shop);
    shop.control("reset", &json!({}));
    assert_eq!(journey(&shop), first);
}

#[test]
fn worlds_of_one_simulator_know_nothing_of_each_other() {
    let (one, two) = (Shop::new(&json!({"seed": "x"})), Shop::new(&json!({"seed": "x"})));
    assert_ne!(one.url, two.url);
    one.post("/payments/v1/create_payment_session", &cart(1500));
    one.advance(1000);
    assert_eq!(two.control("ledger", &Value::Null)["truemed"]["payment_sessions"], json!([]));
    assert_eq!(two.control("clock", &Value::Null)["clock"], "2026-01-01T00:00:00Z");
    assert_eq!(send("DELETE", &two.url, &[], b"").unwrap().status, 204);
    assert_eq!(send("GET", &format!("{}/_sim", two.url), &[], b"").unwrap().status, 404);
}

#[test]
fn the_clock_moves_only_forward_and_only_when_it_is_asked_to() {
    let shop = Shop::new(&json!({"clock": "2026-03-01"}));
    assert_eq!(shop.control("clock", &Value::Null)["clock"], "2026-03-01T00:00:00Z");
    assert_eq!(shop.control("clock/advance", &json!({"to": "2026-03-02T00:00:00Z"}))["clock"], "2026-03-02T00:00:00Z");
    assert_eq!(shop.control("clock/advance", &json!({"to": "next"}))["clock"], "2026-03-02T00:00:00Z");
    for wrong in [json!({"to": "2026-03-01"}), json!({"ms": -1}), json!({}), json!({"ms": 1, "to": "next"})] {
        assert_eq!(shop.try_control("clock/advance", &wrong).status, 400, "{wrong}");
    }
    assert_eq!(shop.try_control("clock", &json!({"now": "2026-03-01"})).status, 400);
}

#[test]
fn what_cannot_be_meant_is_refused_with_the_reason() {
    let worlds = format!("{}/_sim/worlds", simulator().url());
    for (body, part) in [
        ("[]", "must be described by a JSON object"),
        ("7", "must be described by a JSON object"),
        (r#"{"sed": 1}"#, "has no `sed`. It has seed, webhook_urls"),
        (r#"{"accounts": "k"}"#, "`accounts` must be a list"),
        (r#"{"readings": []}"#, "`readings` must be an object"),
        (r#"{"readings": {"truemed.none-as": "nothing"}}"#, "must be one of null, absent, None"),
        (r#"{"readings": {"truemed.nothing": "x"}}"#, "no reading `truemed.nothing`"),
        (r#"{"public_url": 7}"#, "`public_url` must be an address"),
        (r#"{"clock": "soon"}"#, "`clock` must be a time"),
        (r#"{"webhook_urls": [7]}"#, "must be described by a JSON object"),
        (r#"{"webhook_urls": [{"url": "http://localhost/", "secrt": "s"}]}"#, "has no `secrt`"),
        (
            r#"{"webhook_urls": [{"url": "http://localhost/", "auth": "sined"}]}"#,
            "There are signed, unsigned, svix, webhook, flex, all",
        ),
        (r#"{"webhook_urls": [{"url": "http://localhost/", "provider": "nobody"}]}"#, "no provider"),
        ("{", "must be JSON"),
        (r#"{"webhook_urls": ["https://localhost/"]}"#, "must begin with http://"),
        (r#"{"webhook_urls": ["http://shop.example/"]}"#, "--allow-host shop.example"),
    ] {
        let refused = send("POST", &worlds, &[], body.as_bytes()).unwrap();
        assert!(refused.status == 400 && refused.text.contains(part), "{body}: {}", refused.text);
    }
    let shop = Shop::new(&json!({}));
    let unknown = shop.try_control("requests?rule=x", &Value::Null);
    assert!(unknown.status == 400 && unknown.text.contains("has no `rule`"), "{}", unknown.text);
    for (method, path, status, part) in [
        ("GET", "/_sim/reset", 405, "reset takes POST"),
        ("GET", "/_sim/clock/advance", 405, "takes POST"),
        ("GET", "/_sim/nothing", 404, "no GET nothing"),
        ("POST", "", 405, "does not take this method"),
        ("GET", "/", 200, "base_urls"),
        ("GET", "/_sim/", 200, "base_urls"),
        ("GET", "/_sim/requests?refused=maybe", 400, "`refused` must be true or false"),
    ] {
        let got = send(method, &format!("{}{path}", shop.url), &[], b"").unwrap();
        assert!(got.status == status && got.text.contains(part), "{method} {path}: {} {}", got.status, got.text);
    }
    for (what, body, part) in [
        ("clock/advance", json!({}), "Send `ms`, or `to`"),
        ("clock/advance", json!({"ms": 1.5}), "`ms` must be a whole number"),
        ("clock/advance", json!({"ms": -1}), "`ms` must be a whole number"),
        ("clock/advance", json!({"to": "tomorrow"}), "`to` must be"),
        ("clock/advance", json!({"ms": 1, "to": "next"}), "not both"),
        ("clock", json!({"running": "yes"}), "`running` must be true or false"),
        ("webhooks", json!({"endpoints": 7}), "must be described by a JSON object"),
    ] {
        let got = shop.try_control(what, &body);
        assert!(got.status == 400 && got.text.contains(part), "{what} {body}: {} {}", got.status, got.text);
    }
    let foreign = shop.try_control("webhooks", &json!({"endpoints": {"url": "http://shop.example/"}}));
    assert!(foreign.status == 400 && foreign.text.contains("--allow-host shop.example"), "{}", foreign.text);
    let unknown = shop.try_control("ledger?provider=stripe", &Value::Null);
    assert!(unknown.status == 400 && unknown.text.contains("one of truemed, flex, vend, revup"), "{}", unknown.text);
    let flex = shop.control("ledger?provider=flex", &Value::Null);
    assert_eq!(flex.as_object().unwrap().keys().collect::<Vec<_>>(), ["flex"]);
    let shown = send("GET", &shop.url, &[], b"").unwrap();
    assert_eq!((shown.status, &shown.json()["url"]), (200, &json!(shop.url)));
}

#[test]
fn to_next_stops_at_what_falls_due_next() {
    let shop = Shop::new(&json!({}));
    let made = shop.post("/api/v1/payment_tokens/create", &cart(1500)).json();
    shop.act(&json!({"do": "finish", "id": made["provision_token_request_id"]}));
    assert_eq!(shop.control("clock", &Value::Null)["next"], "2026-01-01T00:30:00Z");
    assert_eq!(shop.control("clock/advance", &json!({"to": "next"}))["clock"], "2026-01-01T00:30:00Z");
}

#[test]
fn the_clock_can_follow_the_real_one() {
    let shop = Shop::new(&json!({}));
    shop.control("clock", &json!({"running": true}));
    std::thread::sleep(std::time::Duration::from_millis(900));
    shop.control("clock", &json!({"running": false}));
    let now = shop.control("clock", &Value::Null)["now"].as_i64().unwrap();
    assert!((1_767_225_600_200..1_767_225_604_000).contains(&now), "{now}");
}

#[test]
fn the_journal_names_the_rule_that_a_refused_request_broke() {
    let shop = Shop::new(&json!({}));
    shop.post("/payments/v1/create_payment_session", &cart(1500));
    shop.post("/payments/v1/create_payment_session", &cart(1499));
    shop.get("/payments/v2/nothing");
    let all = shop.control("requests", &Value::Null);
    assert_eq!(all["requests"].as_array().unwrap().len(), 3);
    let refused = shop.control("requests?refused=true", &Value::Null)["requests"].clone();
    assert_eq!(refused[0]["broke"]["rule"], "truemed.session.total-equality");
    assert!(refused[0]["broke"]["source"].as_str().unwrap().starts_with("https://developers.truemed.com/"));
    assert_eq!((&refused[0]["operation"], &refused[0]["status"]), (&json!("create_payment_session"), &json!(400)));
    assert_eq!(refused[1], Value::Null);
}

#[test]
fn an_absent_operation_answers_501_and_another_method_405() {
    let shop = Shop::new(&json!({}));
    let absent = shop.get("/payments/v2/nothing");
    assert_eq!((absent.status, absent.header("x-sim-fidelity")), (501, "inferred"));
    assert!(absent.json()["message"].as_str().unwrap().contains("/payments/v2/nothing"));
    assert_eq!(shop.call("DELETE", "/payments/v1/refund", &Value::Null).status, 405);
    assert_eq!(send("GET", &format!("{}/nobody/x", shop.url), &[], b"").unwrap().status, 404);
}

#[test]
fn only_the_accounts_of_a_world_are_let_in_when_it_names_them() {
    let mut shop = Shop::new(&json!({"accounts": ["right"]}));
    assert_eq!(shop.get("/payments/v1/payment_sessions").status, 401);
    shop.key = "right".into();
    assert_eq!(shop.get("/payments/v1/payment_sessions").status, 200);
    shop.key = String::new();
    let refused = shop.get("/payments/v1/payment_sessions");
    assert_eq!((refused.status, &refused.json()["error"]), (401, &json!("Unauthorized")));
}

#[test]
fn an_act_says_whose_customer_acts() {
    let shop = Shop::new(&json!({}));
    let made = shop.post("/api/v1/payment_tokens/create", &cart(1500)).json();
    let id = &made["provision_token_request_id"];
    for unclear in [json!({"do": "finish", "id": id}), json!({"do": "finish", "url": "http://elsewhere.test/x"})] {
        let refused = shop.try_control("act", &unclear);
        assert!(refused.status == 400 && refused.text.contains("`provider`, one of truemed"), "{}", refused.text);
    }
    let unknown = shop.try_control("act", &json!({"provider": "nobody", "do": "finish", "id": id}));
    assert!(unknown.status == 400 && unknown.text.contains("There are truemed"), "{}", unknown.text);
    let page = json!({"do": "finish", "url": made["redirect_url"]});
    assert_eq!(shop.try_control("act", &page).status, 200, "the page says it");
}

#[test]
fn the_catalogue_lists_operations_readings_and_faults() {
    let catalogue = send("GET", &format!("{}/_sim", simulator().url()), &[], b"").unwrap().json();
    let operations = catalogue["providers"]["truemed"]["operations"].as_array().unwrap();
    assert!(operations.iter().any(|operation| operation["name"] == "create_payment_token"));
    assert!(catalogue["readings"].as_array().unwrap().len() > 10);
    assert!(catalogue["faults"].as_array().unwrap().contains(&json!("commit_then_drop")));
}

#[test]
fn time_passes_to_its_end_also_where_the_client_goes_away() {
    let (shop, receiver) = Shop::with_receiver("signed");
    let session = crate::truemed::create(&shop, &cart(1500));
    shop.act(&json!({"do": "finish", "id": session["id"]}));
    let (arrived, seen) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    receiver.before_reply(move |_| {
        let _heard = arrived.send(());
        let _gone = wait.recv_timeout(core::time::Duration::from_secs(5));
    });
    let (host, path) = shop.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut client = std::net::TcpStream::connect(host).unwrap();
    let body = json!({"to": "2026-01-02T00:00:00Z"}).to_string();
    let head =
        format!("POST /{path}/_sim/clock/advance HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n", body.len());
    std::io::Write::write_all(&mut client, format!("{head}{body}").as_bytes()).unwrap();
    seen.recv().unwrap();
    drop(client);
    drop(go);
    // The next one waits for its turn.
    assert_eq!(shop.control("clock/advance", &json!({"ms": 0}))["clock"], "2026-01-02T00:00:00Z");
    assert_eq!(receiver.take().len(), 2, "the session is processed and captured");
}
