//! `compare`, with another simulator in place of a sandbox.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rulebound_simulator::{Compared, Comparison, Secret};
use serde_json::{Value, json};

use crate::harness::{Hook, Shop, read_hook, send};

const KEY: &str = "fsk_test_very-secret";

/// The address of a provider in a world of its own.
fn sandbox(provider: &str, options: &Value) -> String {
    format!("{}/{provider}", Shop::new(options).url)
}

fn comparison(provider: &str, against: &str) -> Comparison {
    let mut comparison = Comparison::new(provider, against, Secret::new(KEY));
    comparison.write = true;
    let values =
        [("product_handle", "lite"), ("price_handle", "monthly"), ("plan", "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee")];
    let known = |it: &(&str, &str)| (provider == "revup") == (it.0 == "plan") && ["vend", "revup"].contains(&provider);
    comparison.values =
        values.iter().filter(|it| known(it)).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    comparison
}

/// A server between the comparison and a world. It changes the JSON of the replies.
fn relay(to: &str, change: impl Fn(&Hook, &mut Value) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, to) = (format!("http://{}", listener.local_addr().unwrap()), to.to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(hook) = read_hook(&stream) else { continue };
            let headers = hook.headers.iter().filter(|(name, _)| name.starts_with("x-") || name == "authorization");
            let headers: Vec<(&str, &str)> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let got = send(&hook.method, &format!("{to}{}", hook.path), &headers, hook.body.as_bytes()).unwrap();
            let mut body = serde_json::from_str(&got.text).unwrap_or_default();
            change(&hook, &mut body);
            let (status, body) = (got.status, body.to_string());
            let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let _gone = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    url
}

fn binary(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rulebound-simulator"));
    command.arg("compare").args(arguments).env("RULEBOUND_SANDBOX_KEY", KEY).output().unwrap()
}

#[test]
fn a_simulator_does_not_differ_from_itself() {
    for provider in ["truemed", "flex", "vend", "revup"] {
        // The second time, the lists have entries.
        let against = sandbox(provider, &json!({"readings": {"vend.second-create": "accepted"}}));
        let counts = [(); 2].map(|()| {
            let Compared { requests, differences, .. } = comparison(provider, &against).run().unwrap();
            assert!(differences.is_empty(), "{provider}: {differences:?}");
            requests
        });
        assert!(counts[0] >= 5 && counts[1] >= counts[0], "{provider}: {counts:?}");
    }
}

#[test]
fn without_write_a_comparison_changes_nothing() {
    for provider in ["truemed", "flex", "vend", "revup"] {
        let shop = Shop::new(&json!({}));
        let before = shop.control("ledger", &Value::Null);
        let mut comparison = comparison(provider, &format!("{}/{provider}", shop.url));
        comparison.write = false;
        let found = comparison.run().unwrap();
        assert!(found.skipped.iter().any(|it| it.contains("--write")), "{:?}", found.skipped);
        assert_eq!(shop.control("ledger", &Value::Null), before);
        let journal = shop.control("requests", &Value::Null);
        let methods: Vec<&Value> = journal["requests"].as_array().unwrap().iter().map(|it| &it["method"]).collect();
        assert!(methods.len() > 2 && methods.iter().all(|it| **it == "GET"), "{methods:?}");
    }
}

#[test]
fn planted_differences_are_found_and_named_with_their_document() {
    let world = sandbox("truemed", &json!({}));
    let planted = relay(&world, |hook, body| {
        if hook.path.ends_with("/payment_tokens/create") {
            body.as_object_mut().unwrap().remove("redirect_url");
            body["expires_at"] = json!("2026-01-01");
            body["provision_token_request_id"] = json!(7);
        }
    });
    let mut comparison = comparison("truemed", &planted);
    comparison.write = true;
    let found = comparison.run().unwrap();
    let title = "POST /api/v1/payment_tokens/create";
    let source = "https://developers.truemed.com/guides/subscriptions/create-a-subscription-existing-subscriber";
    assert_eq!(found.differences, [
        format!("{title} /expires_at: is only in the sandbox, as string (documented: {source})"),
        format!("{title} /provision_token_request_id: is number in the sandbox and string in the simulator (documented: {source})"),
        format!("{title} /redirect_url: is only in the simulator, as string (documented: {source})"),
        "GET /api/v1/payment_tokens/provision_request/{id}: has status 404 in the sandbox and 200 in the simulator \
            (documented: https://developers.truemed.com/api-reference/payment-tokens/retrieve-payment-token-provision-request)"
            .to_owned(),
    ]);
}

#[test]
fn another_reading_is_a_difference_and_the_same_one_is_none() {
    let against = sandbox("revup", &json!({"readings": {"revup.order-id-name": "id"}}));
    let mut comparison = comparison("revup", &against);
    let found = comparison.run().unwrap();
    assert!(
        found.differences.len() == 2 && found.differences[0].starts_with("POST /v2/orders /id: is only in the sandbox")
    );
    comparison.readings.insert("revup.order-id-name".into(), "id".into());
    assert!(comparison.run().unwrap().differences.is_empty());
    // Revup prints its address with the version.
    comparison.against = format!("{against}/v2/");
    assert!(comparison.run().unwrap().differences.is_empty());
}

#[test]
fn the_exit_code_says_whether_there_are_differences_and_the_key_is_never_printed() {
    let world = sandbox("flex", &json!({}));
    let same = binary(&["--against", &world, "--provider", "flex", "--write"]);
    assert_eq!((same.status.code(), same.stdout.is_empty()), (Some(0), true));
    let echo = relay(&world, |_, body| body[KEY] = json!("\u{1b}[2J"));
    let differs = binary(&["--against", &echo, "--provider", "flex"]);
    let printed = [&differs.stdout, &differs.stderr].map(|it| String::from_utf8_lossy(it).into_owned());
    assert_eq!(differs.status.code(), Some(1), "{printed:?}");
    assert!(printed[0].contains("GET /v1/products /<key>: is only in the sandbox, as string"), "{printed:?}");
    assert!(printed.iter().all(|it| !it.contains("very-secret") && !it.contains('\u{1b}')), "{printed:?}");
    assert!(printed[1].contains("requests were replayed"), "{printed:?}");
    for wrong in
        [&["--against", "http://api.example", "--provider", "flex"][..], &["--against", &world, "--provider", "x"]]
    {
        let refused = binary(wrong);
        assert_eq!((refused.status.code(), refused.stdout.is_empty()), (Some(2), true));
    }
}

#[test]
fn a_wrong_key_ends_the_comparison_and_so_does_a_silent_sandbox() {
    let against = sandbox("truemed", &json!({"accounts": ["another"]}));
    let refused = comparison("truemed", &against).run().unwrap_err();
    assert!(refused.contains("was refused with 401") && refused.contains("--key"), "{refused}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut comparison = comparison("truemed", &format!("http://{}", silent.local_addr().unwrap()));
    comparison.timeout = Duration::from_millis(200);
    let started = Instant::now();
    let silence = comparison.run().unwrap_err();
    assert!(silence.starts_with("GET /payments/v1/payment_sessions has no reply"), "{silence}");
    assert!(started.elapsed() < Duration::from_secs(5));
}
