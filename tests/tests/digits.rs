//! Numbers in the host's JSON are sent with the digits in which the host wrote them, also after saving and loading.

use rulebound::ffi::call;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Numbers that lose digits as floating-point numbers, change their form when they are written again, or are beyond 2^64.
const DIGITS: &str = r#"[0.10000000000000000555,1.10,1E2,123456789012345678901]"#;

/// The server of Revup, which has no default.
const CONFIG: &str = r#""config":{"revup":{"environment":"test"}}"#;

#[derive(Deserialize)]
struct Answer {
    ok: Step,
}

#[derive(Deserialize)]
struct Step {
    next: Box<RawValue>,
    request: Option<Request>,
}

#[derive(Deserialize)]
struct Request {
    body: String,
}

fn start(flow: &str) -> String {
    let answer = call(&format!(r#"{{"start":{{"flow":"{flow}","key":"00000000-0000-4000-8000-000000000001"}}}}"#));
    answer.strip_prefix(r#"{"ok":"#).and_then(|it| it.strip_suffix('}')).unwrap().to_owned()
}

fn ask(verb: &str, snapshot: &str, what: &str) -> Step {
    let answer = call(&format!(r#"{{"{verb}":{{"snapshot":{snapshot},{what},"now":1700000000000,{CONFIG}}}}}"#));
    let Answer { ok } = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
    ok
}

/// The body of a command's request, after its snapshot was loaded and saved once more.
fn body(flow: &str, command: &str, effect: &str) -> String {
    let handled = ask("handle", &start(flow), &format!(r#""command":{command}"#));
    let loaded = call(&format!(r#"{{"load":{{"snapshot":{}}}}}"#, handled.next));
    let loaded = loaded.strip_prefix(r#"{"ok":"#).and_then(|it| it.strip_suffix('}')).unwrap();
    assert_eq!(loaded, handled.next.get());
    ask("lease", loaded, &format!(r#""effect":"{effect}""#)).request.unwrap().body
}

#[test]
fn truemeds_extra_keeps_its_digits() {
    let command = format!(
        r#"{{"type":"create_payment_token","order_items":[{{"name":"B12","sku":"b12","quantity":1,"price":1500}}],
        "success_url":"https://shop.example/ok","failure_url":"https://shop.example/no","extra":{{"more":{DIGITS}}}}}"#
    );
    let body = body("truemed.payment_token", &command, "create_payment_token:1");
    assert!(body.contains(&format!(r#""more":{DIGITS}"#)), "{body}");
}

#[test]
fn what_is_in_flexs_own_shape_keeps_its_digits() {
    let command = format!(
        r#"{{"type":"create_checkout_session","mode":"payment","line_items":[{{"price":"fprice_1","quantity":1}}],
        "expected_total":4999,"success_url":"https://shop.example/ok","metadata":{{"a":{DIGITS}}},
        "discounts":[{{"coupon_data":{{"percent_off":33.30,"applies_to":{DIGITS}}}}}],"extra":{{"more":{DIGITS}}}}}"#
    );
    let body = body("flex.checkout", &command, "create_checkout_session:1");
    for part in ["\"a\":", "\"applies_to\":", "\"more\":"] {
        assert!(body.contains(&format!("{part}{DIGITS}")), "{part} {body}");
    }
    assert!(body.contains("\"percent_off\":33.30"), "{body}");
}

#[test]
fn what_is_in_revups_own_shape_keeps_its_digits() {
    let command = format!(
        r#"{{"type":"create_subscription","planId":"4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee","currency":"EUR",
        "eventSubscriptionUrl":"https://merchant.example/events","userInformation":{{"a":{DIGITS}}},
        "redirectUrl":{{"success":"https://merchant.example/ok","fail":"https://merchant.example/no"}},
        "extra":{{"more":{DIGITS}}}}}"#
    );
    let body = body("revup.subscription", &command, "create_subscription:1");
    for part in ["\"a\":", "\"more\":"] {
        assert!(body.contains(&format!("{part}{DIGITS}")), "{part} {body}");
    }
}

#[test]
fn vends_extra_keeps_its_digits() {
    let command = format!(
        r#"{{"type":"create_subscription_token","product_handle":"p","price_handle":"m",
        "return_url":"https://shop.example/back","extra":{{"more":{DIGITS}}}}}"#
    );
    let config = r#""config":{"vend":{"domain_prefix":"marshmallow"}}"#;
    let snapshot = start("vend.subscription");
    let answer = call(&format!(r#"{{"handle":{{"snapshot":{snapshot},"command":{command},"now":1,{config}}}}}"#));
    let Answer { ok } = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
    let effect = r#""create_subscription_token:1""#;
    let answer = call(&format!(r#"{{"lease":{{"snapshot":{},"effect":{effect},"now":2,{config}}}}}"#, ok.next));
    let Answer { ok } = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
    let body = ok.request.unwrap().body;
    assert!(body.contains(&format!(r#""more":{DIGITS}"#)), "{body}");
}
