//! The facts that a host reports.

use rulebound::ffi::read_fact;
use rulebound::ffi::schema::Types;
use rulebound::time::Timestamp;
use rulebound::{EffectId, Fact, Headers};
use serde_json::{Value, json};

use super::{check_complete, id};

fn facts() -> Vec<(Fact<'static>, Value)> {
    let effect: EffectId = id("create_payment_token:1");
    let headers: Headers<'_> = [("retry-after", "5")].into_iter().collect();
    let webhook = || Fact::webhook(b"{}".as_slice()).with_content_type("application/json").with_topic("invoice.paid");
    vec![
        (
            Fact::reply(&effect, 1, 429, b"{}".as_slice()).with_headers(headers),
            json!({
                "type": "reply", "effect": "create_payment_token:1", "sending": 1, "http_status": 429,
                "headers": {"retry-after": "5"}, "body": "{}",
            }),
        ),
        (Fact::lost(&effect, 2), json!({"type": "lost", "effect": "create_payment_token:1", "sending": 2})),
        (Fact::not_sent(&effect, 3), json!({"type": "not_sent", "effect": "create_payment_token:1", "sending": 3})),
        (
            Fact::restored(Timestamp::from_millis(1_700_000_000_000)),
            json!({"type": "restored", "taken_at": 1_700_000_000_000_i64}),
        ),
        (
            webhook().with_provider("flex"),
            json!({
                "type": "webhook", "body": "{}", "content_type": "application/json", "topic": "invoice.paid",
                "origin": "verified", "provider": "flex",
            }),
        ),
        (
            webhook().unverified(),
            json!({
                "type": "webhook", "body": "{}", "content_type": "application/json", "topic": "invoice.paid",
                "origin": "unverified", "provider": null,
            }),
        ),
        (Fact::customer_returned(), json!({"type": "customer_returned"})),
        (Fact::done(&effect), json!({"type": "done", "effect": "create_payment_token:1"})),
        (
            Fact::reviewed(&effect, "created", Some("pt_1")),
            json!({"type": "reviewed", "effect": "create_payment_token:1", "verdict": "created", "id": "pt_1"}),
        ),
    ]
}

#[test]
fn every_fact_is_built() {
    let facts = facts();
    for (fact, json) in &facts {
        let text = json.to_string();
        assert_eq!(*fact, read_fact(&text).unwrap(), "{json}");
        assert_eq!(serde_json::to_value(fact).unwrap(), *json);
        assert_eq!(fact.clone().into_owned(), *fact);
    }
    check_complete(&Types::new().read, "Fact", facts.iter().map(|(_, json)| json));
}
