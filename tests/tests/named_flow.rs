//! A command can name its flow: commands of two providers can have the same name and the same fields.

use rulebound_tests::vectors::ask;
use serde_json::{Value, json};

const KEY: &str = "00000000-0000-4000-8000-000000000001";
const FLOWS: [&str; 3] = ["flex.subscription", "revup.subscription", "vend.subscription"];

/// The answer of a new snapshot of a flow to a command.
fn answer(flow: &str, command: &Value) -> Value {
    let snapshot = &ask("start", json!({"flow": flow, "key": KEY}))["ok"];
    ask("handle", json!({"snapshot": snapshot, "now": 0, "command": command}))
}

#[test]
fn a_command_of_another_flow_is_refused_even_if_its_name_and_its_fields_are_the_same() {
    for (own, other) in FLOWS.into_iter().flat_map(|own| FLOWS.map(|other| (own, other))) {
        let answer = answer(own, &json!({"type": "cancel_subscription", "flow": other}));
        if own == other {
            assert!(answer["rejected"].is_object(), "{answer}");
            continue;
        }
        let message = format!(
            "this is a command of `{other}`, and this snapshot is `{own}`: use a command of `{own}`, or a snapshot of `{other}`"
        );
        assert_eq!(answer["error"], json!({"code": "malformed", "pointer": "/command/flow", "message": message}));
    }
}

#[test]
fn the_flow_of_a_command_is_one_that_there_is() {
    let of_none = "is not a flow, expected `revup.subscription`: leave it out, or copy `flow` of the snapshot";
    for (flow, message) in [
        (json!("revup"), of_none),
        (json!(7), "expected a string, found 7"),
        (json!(null), "expected a string, found null"),
    ] {
        let answer = answer("revup.subscription", &json!({"type": "cancel_subscription", "flow": flow}));
        assert_eq!(
            (&answer["error"]["pointer"], &answer["error"]["message"]),
            (&json!("/command/flow"), &json!(message))
        );
    }
    let of_fact = json!({"type": "customer_returned", "flow": "revup.subscription"});
    let snapshot = &ask("start", json!({"flow": "revup.subscription", "key": KEY}))["ok"];
    assert_eq!(
        ask("observe", json!({"snapshot": snapshot, "now": 0, "fact": of_fact}))["error"]["pointer"],
        "/fact/flow"
    );
}
