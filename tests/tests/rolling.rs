//! A deployment that two releases share: rows pass from one format to the other at every step, and nobody can tell.

use rulebound::json::load;
use rulebound_tests::vectors::ask;
use serde_json::{Value, json};

const TOKEN: &str = "0a7e36eb05a94bf1a4d3daeff0f561f9";
const NOW: i64 = 1_800_000_000_000;

/// From the wish to the look-up that confirms it, with its obligations begun and answered on the way.
fn steps() -> Vec<Value> {
    let request = "create_subscription_token:1";
    let wish = json!({"type": "create_subscription_token", "product_handle": "plan", "price_handle": "plan-monthly",
        "return_url": "https://partner.example/back"});
    let issued = json!({"token": TOKEN, "expires_in": "3600"}).to_string();
    let seen = json!({"is_used": true, "token": TOKEN, "subscription_id": "1348730086846538752"}).to_string();
    vec![
        json!({"command": wish}),
        json!({"command": {"type": "begin", "effect": request}}),
        json!({"fact": {"type": "lost", "to": request}}),
        json!({"fact": {"type": "reply", "to": request, "status": 200, "body": issued}}),
        json!({"fact": {"type": "returned", "via": "return_url"}}),
        json!({"command": {"type": "begin", "effect": "retrieve_token:1"}}),
        json!({"fact": {"type": "reply", "to": "retrieve_token:1", "status": 200, "body": seen}}),
        json!({"fact": {"type": "done", "effect": format!("fulfill:{request}")}}),
    ]
}

fn with(at: &Value, now: i64, mut fields: Value) -> Value {
    fields["snapshot"] = at.clone();
    fields["now"] = now.into();
    fields["settings"] = json!({"domain_prefix": "marshmallow", "host": "retail.lightspeed.app"});
    fields
}

fn views(at: &Value, now: i64) -> Vec<Value> {
    let view = |verb| ask(verb, with(at, now, json!({})));
    let mut views: Vec<_> = ["owed", "awaits", "offers", "deadline"].into_iter().map(view).collect();
    assert!(views.iter().all(|view| view.get("ok").is_some()), "{views:?}");
    views.push(ask("correlation_ids", json!({"snapshot": at})));
    views
}

fn saved_as(at: &Value, format: u32) -> Value {
    let mut answer = ask("save_as", json!({"snapshot": at, "format": format}));
    assert_eq!(answer["ok"]["format"], format, "{answer}");
    answer["ok"].take()
}

#[test]
fn workers_of_two_releases_share_a_row() {
    let start = json!({"flow": "vend.subscription", "key": "00000000-0000-4000-8000-000000000001"});
    let mut new = ask("start", start)["ok"].take();
    let mut old = saved_as(&new, 1);
    for (at, step) in (0_i64..).zip(steps()) {
        let (now, verb) = (NOW + at, if step.get("fact").is_some() { "observe" } else { "handle" });
        let [mut by_new, mut by_old] = [&new, &old].map(|row| ask(verb, with(row, now, step.clone())));
        assert!(by_new["ok"]["next"].is_object(), "{step}: {by_new}");
        assert_eq!(by_new, by_old, "{step}");
        new = by_new["ok"]["next"].take();
        old = saved_as(&by_old["ok"]["next"].take(), 1);
        assert_eq!(views(&old, now), views(&new, now), "{step}");
        assert_eq!(saved_as(&old, 2), new, "{step}");
    }
    assert_eq!(new["state"]["place"], "live");
}

#[test]
fn a_format_that_nobody_writes_is_refused_by_name() {
    let start = ask("start", json!({"flow": "vend.subscription", "key": "00000000-0000-4000-8000-000000000001"}));
    for format in [0, 3] {
        let answer = ask("save_as", json!({"snapshot": start["ok"], "format": format}));
        assert_eq!(
            (&answer["error"]["code"], &answer["error"]["field"]),
            (&"unknown_format".into(), &"/format".into())
        );
    }
}

#[test]
fn the_first_format_names_what_cannot_be_upgraded() {
    let golden = include_str!("../golden/vend.subscription/1/at-change-awaiting.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    let field = |pointer: &str, value: Value| {
        let mut at = golden["snapshot"].clone();
        *at.pointer_mut(pointer).unwrap() = value;
        load(&at.to_string()).unwrap_err().field().to_owned()
    };
    assert_eq!(field("/state/tokens/0/asked/kind", "update".into()), "/state/tokens/0/of");
    assert_eq!(field("/state/tokens/0/of", "retrieve_token:1".into()), "/state/tokens/0/of");
    assert_eq!(field("/state/newest", "create_subscription_token:01".into()), "/state/newest");
    assert_eq!(field("/state/tokens/0/dies_at", "soon".into()), "/state/tokens/0/dies_at");
    assert_eq!(field("/owed/1", json!([0, 1])), "/owed/1");
}
