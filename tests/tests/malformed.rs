//! Malformed input of every kind gets a clear error that names the field, and changes nothing.

use rulebound::ffi::call;
use rulebound_tests::vectors::ask;
use serde_json::{Value, json};

const KEY: &str = "00000000-0000-4000-8000-000000000001";

fn start() -> Value {
    ask("start", json!({"flow": "truemed.payment_token", "key": KEY}))["ok"].take()
}

fn issued() -> Value {
    let mut snapshot = start();
    for step in [
        json!({"command": {"type": "create_payment_token", "order_items": [item()],
            "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}}),
        json!({"effect": "create_payment_token:1"}),
        json!({"fact": {"type": "reply", "effect": "create_payment_token:1", "http_status": 200,
            "body": r#"{"provision_token_request_id":"ptr_1","redirect_url":"https://truemed.example/q/1"}"#}}),
        json!({"fact": {"type": "webhook", "origin": "verified",
            "body": r#"{"payment_token":"pt_1","provision_token_request_id":"ptr_1"}"#}}),
    ] {
        let verb = match (step.get("fact"), step.get("effect")) {
            (Some(_), _) => "observe",
            (_, Some(_)) => "lease",
            _ => "handle",
        };
        let mut fields = step;
        fields["snapshot"] = snapshot;
        fields["now"] = 0.into();
        snapshot = ask(verb, fields)["ok"]["next"].take();
    }
    snapshot
}

fn item() -> Value {
    json!({"name": "B12", "sku": "b12", "quantity": 1, "price": 1500})
}

fn error(answer: &Value) -> (&str, &str) {
    let text = |name: &str| answer["error"][name].as_str().unwrap_or("no error");
    (text("code"), text("pointer"))
}

fn of_command(command: Value) -> (String, String) {
    let answer = ask("handle", json!({"snapshot": start(), "command": command, "now": 0}));
    let (code, field) = error(&answer);
    (code.into(), field.into())
}

fn of_fact(fact: Value) -> (String, String) {
    let answer = ask("observe", json!({"snapshot": issued(), "fact": fact, "now": 0}));
    let (code, field) = error(&answer);
    (code.into(), field.into())
}

fn malformed(field: &str) -> (String, String) {
    ("malformed".into(), field.into())
}

#[test]
fn a_command_names_the_field_that_is_wrong() {
    let create = |field: &str, value: Value| {
        let mut command = json!({"type": "create_payment_token", "order_items": [item()]});
        command[field] = value;
        of_command(command)
    };
    assert_eq!(create("theme", json!("dark")), malformed("/command/theme"));
    assert_eq!(create("success_url", json!(1)), malformed("/command/success_url"));
    assert_eq!(create("order_items", json!({})), malformed("/command/order_items"));
    assert_eq!(create("type", json!("buy")), malformed("/command/type"));
    assert_eq!(of_command(json!({})), malformed("/command/type"));
    assert_eq!(of_command(json!([])), malformed("/command"));
    assert_eq!(of_command(json!({"type": "create_payment_token"})), malformed("/command/order_items"));
    let lease = |effect: Value| ask("lease", json!({"snapshot": start(), "effect": effect, "now": 0}));
    assert_eq!(error(&lease(json!(""))), ("malformed", "/effect"));
    assert_eq!(error(&lease(json!({}))), ("malformed", "/effect"));
    let token = json!({"type": "retrieve_payment_token", "payment_token": ""});
    assert_eq!(of_command(token), malformed("/command/payment_token"));
}

#[test]
fn a_number_that_does_not_survive_every_json_is_rejected() {
    let priced = |price: Value, quantity: Value| {
        let mut item = item();
        item["price"] = price;
        item["quantity"] = quantity;
        of_command(json!({"type": "create_payment_token", "order_items": [item]}))
    };
    let price = malformed("/command/order_items/0/price");
    assert_eq!(priced(json!(9_007_199_254_740_992_i64), json!(1)), price);
    assert_eq!(priced(json!(15.5), json!(1)), price);
    assert_eq!(priced(json!("1500"), json!(1)), price);
    assert_eq!(priced(json!(1e300), json!(1)), price);
    assert_eq!(priced(json!(1500), json!(9_007_199_254_740_993_i64)), malformed("/command/order_items/0/quantity"));
    let late = ask("lease", json!({"snapshot": start(), "effect": "a:1", "now": 9_007_199_254_740_992_i64}));
    assert_eq!(error(&late), ("malformed", "/now"));
}

#[test]
fn the_largest_amounts_add_up_without_overflow() {
    let mut line = item();
    line["price"] = json!(9_007_199_254_740_991_i64);
    line["quantity"] = json!(9_007_199_254_740_991_i64);
    let items: Vec<_> = (0..9).map(|_| line.clone()).collect();
    let command = json!({"type": "create_payment_session", "total_amount": 1, "order_items": items, "success_url": "https://shop.example/ok"});
    let snapshot = ask("start", json!({"flow": "truemed.payment_session", "key": KEY}))["ok"].take();
    let answer = ask("handle", json!({"snapshot": snapshot, "command": command, "now": 0}));
    assert_eq!(answer["rejected"]["violations"][0]["rule"], "truemed.session.total-equality");
}

#[test]
fn a_fact_that_the_host_built_wrong_names_its_field() {
    assert_eq!(
        of_fact(json!({"type": "reply", "effect": "", "http_status": 200, "body": ""})),
        malformed("/fact/effect")
    );
    assert_eq!(
        of_fact(json!({"type": "reply", "effect": "a:1", "http_status": 99_999, "body": ""})),
        malformed("/fact/http_status")
    );
    assert_eq!(
        of_fact(json!({"type": "reply", "effect": "a:1", "http_status": 200, "body": {}})),
        malformed("/fact/body")
    );
    assert_eq!(of_fact(json!({"type": "webhook", "body": "{}"})), malformed("/fact/origin"));
    assert_eq!(of_fact(json!({"type": "webhook", "origin": "sure", "body": "{}"})), malformed("/fact/origin"));
    assert_eq!(of_fact(json!({"type": "done", "effect": ""})), malformed("/fact/effect"));
    assert_eq!(of_fact(json!({"type": "tick"})), malformed("/fact/type"));
}

#[test]
fn the_time_of_a_backup_is_not_in_seconds() {
    let restored = |at: u64| of_fact(json!({"type": "restored", "taken_at": at}));
    assert_eq!(restored(1_714_156_917), malformed("/fact/taken_at"));
}

#[test]
fn what_a_provider_sends_is_never_an_error() {
    let (deep, long) = ("[".repeat(100_000), "x".repeat(2 << 20));
    for body in ["", "null", "<html>", "{", "[]", "42", "{\"payment_token\":", "\u{fffd}", &deep, &long] {
        let fact = json!({"type": "webhook", "origin": "verified", "body": body});
        let answer = ask("observe", json!({"snapshot": issued(), "fact": fact, "now": 0}));
        assert_eq!(answer["ok"]["ignored"]["reason"], "unreadable", "{body:.40} gave {answer}");
    }
}

/// Nested arrays, and in the innermost the text of more of them, under the name by which `serde_json` hides JSON.
fn hidden(levels: usize) -> String {
    let inner = if levels == 0 { "1".to_owned() } else { hidden(levels - 1) };
    let (open, close) = ("[".repeat(100), "]".repeat(100));
    format!("{open}{}{close}", json!({"$serde_json::private::RawValue": inner}))
}

#[test]
fn no_name_hides_json_from_the_limit_of_depth() {
    for provider in rulebound::PROVIDERS.iter().map(|it| it.name) {
        for field in ["status", "id", "object", "metadata", "subscription_id", "transactionId"] {
            let body = format!(r#"{{"{field}":{}}}"#, hidden(12));
            assert!(body.len() < 1 << 20);
            let headers = json!({"x-truemed-api-key": "s"});
            let answer = ask(
                "read_webhook",
                json!({"provider": provider, "secrets": ["s"], "headers": headers, "body": body, "now": 0}),
            );
            // A provider that needs another secret or header rejects the webhook before it reads the body.
            let code = answer["error"]["code"].as_str();
            let is_rejected = code.is_some_and(|it| ["malformed", "not_authentic"].contains(&it));
            assert!(is_rejected || answer["ok"]["ids"].is_array(), "{provider}: {answer}");
        }
    }
    // A string under such a name is like any other string, and is sent as it is.
    let extra = r#"{"x":{"$serde_json::private::RawValue":"[1,2]"}}"#;
    let command = json!({"type": "create_payment_token", "order_items": [item()], "success_url": "https://a.example",
        "failure_url": "https://a.example"});
    let command = command.to_string().replacen('{', &format!(r#"{{"extra":{extra},"#), 1);
    let request = format!(r#"{{"handle":{{"snapshot":{},"command":{command},"now":0}}}}"#, start());
    let answer = call(&request);
    let sent = extra.trim_matches(['{', '}']).replace('"', r#"\""#);
    assert!(answer.contains(&sent) || answer.contains(extra.trim_matches(['{', '}'])), "{answer}");
}

#[test]
fn what_is_accepted_can_be_loaded_again() {
    let create = |extra: Value| {
        let command = json!({"type": "create_payment_token", "order_items": [item()], "success_url": "https://a.example",
            "failure_url": "https://a.example", "extra": extra});
        ask("handle", json!({"snapshot": start(), "command": command, "now": 0}))
    };
    let load = |answer: Value| ask("load", json!({"snapshot": answer["ok"]["next"]}));
    let (mut deepest, mut levels) = (json!(1), 0);
    while create(json!({"x": deepest}))["ok"].is_object() {
        assert!(load(create(json!({"x": deepest})))["ok"].is_object(), "{levels} levels");
        (deepest, levels) = (json!([deepest]), levels + 1);
    }
    assert!(levels > 90, "{levels}");
    let longest = create(json!({"x": "x".repeat(255 << 10)}));
    assert!(load(longest)["ok"].is_object());
    assert_eq!(error(&create(json!({"x": "x".repeat(256 << 10)}))), ("malformed", "/command"));
}

#[test]
fn a_call_that_is_not_one_gets_an_error() {
    let of = |request: &str| {
        let answer: Value = serde_json::from_str(&call(request)).unwrap();
        let (code, field) = error(&answer);
        (code.to_owned(), field.to_owned())
    };
    assert_eq!(of("").0, "malformed");
    assert_eq!(of("{}").0, "malformed");
    assert_eq!(of("[]").0, "malformed");
    assert_eq!(of(r#"{"dance": {}}"#).0, "malformed");
    assert_eq!(of(&"[".repeat(1 << 20)).0, "malformed");
    assert_eq!(of(&" ".repeat(10 << 20)), ("too_long".into(), String::new()));
    assert_eq!(of(r#"{"start": {"flow": "truemed.payment_token", "key": "42"}}"#), malformed("/key"));
    assert_eq!(of(r#"{"start": {"flow": "truemed.payment_token", "key": ""}}"#), malformed("/key"));
    assert_eq!(
        of(r#"{"start": {"flow": "acme.gold", "key": "0123456789abcdef"}}"#),
        ("unknown".into(), "/flow".into())
    );
    assert_eq!(of(r#"{"ask": {"provider": "acme", "question": "q", "with": {}}}"#).1, "/provider");
    assert_eq!(of(r#"{"versions": {"x": 1}}"#), malformed("/x"));
}

#[test]
fn a_stored_webhook_gives_its_ids_again_whatever_its_body_is() {
    let ids = |provider: &str, body: &str| {
        let fact = json!({"type": "webhook", "origin": "verified", "body": body});
        ask("webhook_ids", json!({"provider": provider, "fact": fact}))
    };
    let body = r#"{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}"#;
    let named = json!([{"kind": "provision_token_request", "id": "ptr_1"}, {"kind": "payment_token", "id": "pt_1"}]);
    assert_eq!(ids("truemed", body), json!({"ok": {"ids": named, "unreadable": null}}));
    let unread = ids("truemed", "[");
    assert_eq!(unread["ok"]["ids"], json!([]));
    assert!(unread["ok"]["unreadable"].as_str().is_some_and(|why| why.starts_with("The body ")), "{unread}");
    assert_eq!(error(&ids("acme", body)), ("unknown", "/provider"));
    let other = ask("webhook_ids", json!({"provider": "truemed", "fact": {"type": "customer_returned"}}));
    assert_eq!(error(&other), ("malformed", "/fact/type"));
}

#[test]
fn a_wrong_secret_is_not_reported_as_a_forged_webhook() {
    let authenticated = |provider: &str, secret: &str, headers: Value, now: i64| {
        let fields = json!({"provider": provider, "secrets": ["whsec_b2xk", secret], "headers": headers, "body": "{}", "now": now});
        let answer = ask("read_webhook", fields);
        let (code, field) = error(&answer);
        (format!("{code} {field}"), answer["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    for provider in ["flex", "truemed"] {
        for (secret, word) in
            [("", "empty"), ("whsec_b2xk\n", "line break"), (" whsec_b2xk", "space"), ("\"whsec_b2xk\"", "quotation")]
        {
            let (error, message) = authenticated(provider, secret, json!({}), 0);
            assert_eq!(error, "malformed /secrets/1", "{provider} {secret:?}");
            assert!(message.contains(word) && message.contains(": ") && !message.contains("b2xk"), "{message}");
        }
    }
    let (error, message) = authenticated("flex", "fsk_test_1", json!({}), 0);
    assert_eq!(error, "malformed /secrets/1");
    assert!(message.contains("`whsec_`") && !message.contains("fsk_test_1"), "{message}");
    let (error, message) = authenticated("flex", "whsec_b2xk", json!({"host": "shop.example"}), 0);
    assert_eq!(error, "not_authentic ");
    assert!(["webhook-", "svix-", "flex-"].iter().all(|family| message.contains(family)), "{message}");
    let (_, message) = authenticated("truemed", "whsec_b2xk", json!({}), 0);
    assert!(message.contains("x-truemed-signature") && message.contains("x-truemed-api-key"), "{message}");
}

#[test]
fn a_tolerance_bounds_the_time_of_truemeds_signature() {
    // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec
    let signature = "t=1700000000,v1=7d44587dddbaf4c7f70fef20f48cd594834ffea1641e3ac227b84408298738af";
    let authenticated = |now: i64, tolerance: Value| {
        let headers = json!({"x-truemed-signature": signature});
        let fields = json!({"provider": "truemed", "secrets": ["whsec"], "headers": headers, "body": "{}", "now": now, "tolerance_ms": tolerance});
        let answer = ask("read_webhook", fields);
        let (code, field) = error(&answer);
        if answer["ok"]["fact"]["origin"] == "verified" { "verified".to_owned() } else { format!("{code} {field}") }
    };
    assert_eq!(authenticated(1_700_000_300_001, Value::Null), "verified");
    assert_eq!(authenticated(1_700_000_300_000, json!(300_000)), "verified");
    assert_eq!(authenticated(1_700_000_300_001, json!(300_000)), "not_authentic ");
    assert_eq!(authenticated(1_700_000_000, json!(300_000)), "malformed /now");
    assert_eq!(authenticated(1_700_000_000_000, json!(300)), "malformed /tolerance_ms");
}

#[test]
fn a_config_is_strict() {
    let with = |config: Value| {
        let answer = ask("effects", json!({"snapshot": start(), "now": 0, "config": config}));
        let (code, field) = error(&answer);
        (code.to_owned(), field.to_owned())
    };
    assert_eq!(with(json!({"leash": 1})), malformed("/config/leash"));
    assert_eq!(with(json!({"lease_ms": -1})), malformed("/config/lease_ms"));
    assert_eq!(with(json!({"mode": "loose"})).1, "/config/mode");
    assert_eq!(with(json!([])), malformed("/config"));
    assert_eq!(with(json!({"lookups": []})), malformed("/config/lookups"));
    assert_eq!(with(json!({"truemed": []})), malformed("/config/truemed"));
    assert_eq!(
        with(json!({"overrides": {"truemed.no.such-rule": "warn"}})).1,
        "/config/overrides/truemed.no.such-rule"
    );
    assert_eq!(with(json!({"truemed": {"api_key": "secret"}})), malformed("/config/truemed/api_key"));
    assert_eq!(with(json!({"stripe": {}})), malformed("/config/stripe"));
}

#[test]
fn a_config_that_is_surely_a_mistake_is_an_error_that_says_what_to_do() {
    let with = |config: Value| {
        let answer = ask("effects", json!({"snapshot": start(), "now": 0, "config": config}));
        let (code, field) = error(&answer);
        (format!("{code} {field}"), answer["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    for (field, config) in [
        ("lease_ms", json!({"lease_ms": 300})),
        ("lease_ms", json!({"lease_ms": 0})),
        ("backoff_ms", json!({"backoff_ms": 30})),
        ("grace_ms", json!({"grace_ms": 24})),
        ("grace_ms", json!({"grace_ms": 999})),
        ("lookups/while_waiting_ms", json!({"lookups": {"while_waiting_ms": [86400, 259200, 604800]}})),
        ("lookups/while_waiting_ms", json!({"lookups": {"while_waiting_ms": [24, 259_200_000]}})),
        ("lookups/after_return_ms", json!({"lookups": {"after_return_ms": [0, 10, 60, 600]}})),
    ] {
        let (error, message) = with(config);
        assert_eq!(error, format!("malformed /config/{field}"));
        assert!(message.contains("milliseconds, such as"), "{message}");
    }
    for config in [
        json!({"lease_ms": 1000, "backoff_ms": 1000, "grace_ms": 0}),
        json!({"grace_ms": 1000, "lookups": {"after_return_ms": [0, 1000]}}),
        json!({"lookups": {"while_waiting_ms": [0, 3_600_000], "after_return_ms": [0]}}),
        json!({"lookups": {"while_waiting_ms": []}}),
    ] {
        assert_eq!(with(config.clone()).0, "no error no error", "{config}");
    }
    for (code, level) in [
        ("rulebound.effect.leased", "warn"),
        ("truemed.provision.customer-present", "warn"),
        ("truemed.provision.token-may-never-come", "deny"),
        ("rulebound.effect.leased", "deny"),
        ("truemed.token.delete-final", "warn"),
        ("flex.subscription.max-500", "warn"),
    ] {
        let (error, message) = with(json!({"overrides": {code: level}}));
        assert_eq!(error, format!("malformed /config/overrides/{code}"));
        assert!(message.ends_with(": remove the override"), "{message}");
    }
    for (code, level) in [("truemed.metadata.string", "warn"), ("truemed.upkeep.lmn-expiry", "deny")] {
        assert_eq!(with(json!({"overrides": {code: level}})).0, "no error no error", "{code}");
    }
    let (error, message) = with(json!({"overrides": {"truemed.metadata.string": "forbid"}}));
    assert_eq!(error, "malformed /config/overrides/truemed.metadata.string");
    assert!(message.ends_with("an override cannot be `forbid`: use `deny` or `warn`"), "{message}");
}

#[test]
fn a_snapshot_that_is_not_one_is_an_error_that_names_the_field() {
    let of = |change: &dyn Fn(&mut Value)| {
        let mut snapshot = issued();
        change(&mut snapshot);
        let answer = ask("load", json!({"snapshot": snapshot}));
        let (code, field) = error(&answer);
        assert_eq!(code, "unreadable_snapshot", "{answer}");
        let (message, own) = (answer["error"]["message"].to_string(), field.trim_start_matches("/snapshot"));
        assert!(!message.contains(&format!("`{own}`")), "the message names the field, too: {answer}");
        field.to_owned()
    };
    assert_eq!(of(&|it| *it = json!({})), "/snapshot/flow");
    assert_eq!(of(&|it| it["flow"] = "truemed.gold".into()), "/snapshot/flow");
    assert_eq!(of(&|it| it["flow"] = "truemed.payment_session".into()), "/snapshot/state/card");
    assert_eq!(of(&|it| it["format"] = 99.into()), "/snapshot/format");
    assert_eq!(of(&|it| it["revision"] = json!(-1)), "/snapshot/revision");
    assert_eq!(of(&|it| it["key"] = "42".into()), "/snapshot/key");
    assert_eq!(of(&|it| it["more"] = 1.into()), "/snapshot/more");
    assert_eq!(of(&|it| it["state"]["token"]["state"] = "asleep".into()), "/snapshot/state/token/state");
    assert_eq!(of(&|it| it["state"]["token"]["text"] = Value::Null), "/snapshot/state");
    assert_eq!(of(&|it| it["state"]["token"]["state"] = "absent".into()), "/snapshot/state");
}

#[test]
fn every_damaged_request_gets_an_answer() {
    let command = json!({"type": "update_payment_token", "order_items": [item()]});
    let request = json!({"handle": {"snapshot": issued(), "command": command, "now": 5}}).to_string();
    for end in 0..request.len() {
        let answer: Value = serde_json::from_str(&call(&request[..end])).unwrap();
        assert!(answer.get("error").is_some(), "{end}: {answer}");
    }
    for index in 0..request.len() {
        for byte in [b'"', b'{', b'0', b'\\', b' '] {
            let mut bytes = request.clone().into_bytes();
            bytes[index] = byte;
            let answer: Value = serde_json::from_str(&call(&String::from_utf8(bytes).unwrap())).unwrap();
            assert!(answer.is_object());
        }
    }
}
