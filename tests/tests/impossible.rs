//! States that no release saves: loading one fails, and the error says why.

use rulebound::{Flow, LoadError, Snapshot};
use rulebound_tests::golden;
use serde_json::{Value, json};

/// A golden file, the changes to its state by JSON Pointer (`null` removes a member), and why the state is impossible.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

/// The snapshot of a golden file, with changes to its state.
fn changed(flow: &str, file: &str, changes: &[(&str, &str)]) -> String {
    let mut snapshot = golden(flow, file);
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = snapshot["state"].pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
        match serde_json::from_str(value).unwrap() {
            Value::Null => assert!(parent.remove(name).is_some(), "{file}: no {pointer}"),
            value => drop(parent.insert(name.into(), value)),
        }
    }
    snapshot.to_string()
}

/// Asserts that a golden file cannot be loaded with one more pending effect.
fn assert_impossible_beside<F: Flow>(file: &str, effect: Value, reason: &str) {
    let mut snapshot = golden(F::ID, file);
    snapshot["outbox"].as_array_mut().unwrap().push(effect);
    match Snapshot::<F>::load(&snapshot.to_string()) {
        Err(LoadError::Impossible(why)) => assert_eq!(why, reason, "{file}"),
        other => panic!("{file}, {reason}: {other:?}"),
    }
}

fn assert_impossible<F: Flow>(cases: &[Case]) {
    for (file, changes, reason) in cases {
        let text = changed(F::ID, file, changes);
        match Snapshot::<F>::load(&text) {
            Err(LoadError::Impossible(why)) => assert_eq!(why, *reason, "{file}"),
            other => panic!("{file}, {reason}: {other:?}"),
        }
    }
}

#[test]
fn a_token_has_a_string_exactly_when_it_exists() {
    const TEXT: &str = "a token string is there exactly when the token exists or is looked up";
    const NOT_CHANGED: &str = "only a token that exists can be changed";
    const UNREQUESTED: &str = "the flow waits for a token that was never requested";
    const NOT_CHARGED: &str = "only a token that exists can be charged";
    assert_impossible::<rulebound::truemed::PaymentToken>(&[
        ("at-token-issued", &[("/token/text", "null")], TEXT),
        ("at-token-adopting", &[("/token/text", "null")], TEXT),
        ("at-token-deleted", &[("/token/text", "null")], TEXT),
        ("at-token-requested", &[("/token/text", "\"pt_1\"")], TEXT),
        ("at-token-absent", &[("/token/text", "\"pt_1\"")], TEXT),
        ("at-card-pending", &[("/token/text", "null"), ("/token/state", "\"absent\"")], NOT_CHANGED),
        ("at-card-updating", &[("/token/state", "\"adopting\"")], NOT_CHANGED),
        ("at-items-pending", &[("/token/text", "null"), ("/token/state", "\"requested\"")], NOT_CHANGED),
        ("at-items-updating", &[("/token/state", "\"adopting\"")], NOT_CHANGED),
        ("at-charge-failed", &[("/token/state", "\"adopting\"")], NOT_CHARGED),
        ("at-charge-repaired", &[("/token/state", "\"adopting\"")], NOT_CHARGED),
        ("at-token-awaiting", &[("/token/provisions", "[]")], UNREQUESTED),
        ("at-token-awaiting", &[("/token/provisions/0/origin", "null")], UNREQUESTED),
        ("at-token-issued", &[("/token/unwanted", "true")], "a token that exists is deleted at once, or it is wanted"),
    ]);
}

#[test]
fn a_qualification_session_has_an_id_and_a_schedule_exactly_when_it_needs_them() {
    const NO_ID: &str = "an id is there exactly when the session is known or looked up";
    const NO_SCHEDULE: &str = "lookups are scheduled exactly while the outcome is open";
    const UNLISTED: &str = "a status that is not listed is kept exactly while it is the newest";
    const NO_LETTER: &str = "only an approved session has a letter";
    assert_impossible::<rulebound::truemed::QualificationSession>(&[
        ("at-qualification-pending", &[("/qualification/id", "null")], NO_ID),
        ("at-qualification-absent", &[("/qualification/id", "\"qs_1\"")], NO_ID),
        ("at-qualification-processing", &[("/qualification/watch", "null")], NO_SCHEDULE),
        ("at-qualification-unclear", &[("/qualification/unlisted", "null")], UNLISTED),
        ("at-qualification-rejected", &[("/qualification/unlisted", "\"on_hold\"")], UNLISTED),
        ("at-qualification-rejected", &[("/qualification/expires_at", "1")], NO_LETTER),
    ]);
}

#[test]
fn a_session_refunds_only_what_was_captured_and_nothing_negative() {
    const LESS: &str = "an amount of refunds is negative";
    assert_impossible::<rulebound::truemed::PaymentSession>(&[
        ("at-session-captured", &[("/known/refunded", "-1")], LESS),
        ("at-session-captured", &[("/known/refunding", "-1")], LESS),
        ("at-session-pending", &[("/known/refunded", "1")], "money was refunded that was never captured"),
        (
            "at-session-pending",
            &[("/known/session/status", "\"held\"")],
            "the status of a session is not a documented one",
        ),
    ]);
}

#[test]
fn a_settled_session_is_known_and_a_requested_one_has_a_reference() {
    const UNKNOWN: &str = "the settled session is not among the known sessions";
    const NAMELESS: &str = "the requested session has no reference";
    const UNPAID: &str = "only a checkout with a settled session has a payment";
    assert_impossible::<rulebound::flex::Checkout>(&[
        ("at-session-complete", &[("/sessions/settled", "\"fcs_9\"")], UNKNOWN),
        ("at-session-complete", &[("/sessions/known/0/status", "\"open\"")], "the settled session is not complete"),
        ("at-session-requested", &[("/sessions/reference", "null")], NAMELESS),
        ("at-session-complete", &[("/payment", "null")], UNPAID),
        ("at-session-open", &[("/payment", "{\"total\": 4999, \"received\": 4999, \"refunded\": 0}")], UNPAID),
    ]);
    assert_impossible::<rulebound::flex::Subscription>(&[
        ("at-session-complete", &[("/sessions/settled", "\"fcs_9\"")], UNKNOWN),
        ("at-session-requested", &[("/sessions/reference", "null")], NAMELESS),
        ("at-session-complete", &[("/record", "null")], "the settled session has no subscription"),
        ("at-subscription-live", &[("/record/status", "null")], "a subscription without a status has a period"),
    ]);
}

#[test]
fn a_subscription_of_vend_has_an_id_exactly_when_one_is_known() {
    const NO_DOMAIN: &str = "a requested token must have a domain";
    let tokens = |many: usize| {
        let token = |seq| {
            json!({"of": ["create", seq], "text": format!("{seq:032}"), "since": 0,
            "asked": {"product": "1chSfVV4KmXAjQ", "price": "K5YGdC4WzVy1iQ"}})
        };
        Value::from_iter((1..=many).map(token)).to_string()
    };
    assert_impossible::<rulebound::vend::Subscription>(&[
        ("at-subscription-live", &[("/billing/id", "null")], "a live subscription must have an id"),
        ("at-subscription-absent", &[("/billing/id", "\"1\"")], "an absent subscription cannot have an id"),
        ("at-change-requested", &[("/account/domain_prefix", "null")], NO_DOMAIN),
        ("at-change-awaiting", &[("/account/domain_prefix", "null")], NO_DOMAIN),
        (
            "at-subscription-canceled",
            &[("/billing/before_nameless", "[]")],
            "the subscription of an unnamed consent must be in doubt",
        ),
    ]);
    assert_impossible_beside::<rulebound::vend::Subscription>(
        "at-subscription-absent",
        json!({"id": "review:state:1/weird", "effect": {"review": {"kind": "subscription", "about": "1"}}}),
        "the state of an absent subscription cannot need a review",
    );
    let load = |many| {
        let text = changed("vend.subscription", "at-change-awaiting", &[("/consent/tokens", &tokens(many))]);
        Snapshot::<rulebound::vend::Subscription>::load(&text)
    };
    assert!(load(32).is_ok());
    assert_eq!(load(33), Err(LoadError::Impossible("there are more tokens than can be watched")));
}

#[test]
fn a_subscription_of_revup_has_an_id_once_it_is_named_and_is_live_once_it_was_paid() {
    const NAMED: &str = "a subscription must have an id exactly if Revup or a person has named it";
    const UNKNOWN: &str = "only a subscription that Revup knows can have a payment";
    const PAID: &str = "the first charge of a live subscription must have succeeded";
    assert_impossible::<rulebound::revup::Subscription>(&[
        ("at-subscription-awaiting", &[("/status/id", "null")], NAMED),
        ("at-subscription-requested", &[("/status/id", "\"0192b445-55a7-74af-a5d1-79ca6d2310f4\"")], NAMED),
        ("at-subscription-requested", &[("/terms/request", "null")], "a requested subscription must have a request"),
        ("at-subscription-awaiting", &[("/status/watch", "null")], "the wait for a first charge must have a beginning"),
        ("at-subscription-fulfilled", &[("/payment/state", "\"awaited\"")], PAID),
        ("at-subscription-past_due", &[("/payment/state", "\"failed\"")], PAID),
        ("at-subscription-requested", &[("/payment/state", "\"accepted\"")], UNKNOWN),
        ("at-subscription-absent", &[("/payment/state", "\"awaited\"")], UNKNOWN),
    ]);
    let lookup = json!({"id": "retrieve_subscription:1",
        "effect": {"request": {"retrieve_subscription": "0192b445-55a7-74af-a5d1-79ca6d2310f4"}}});
    assert_impossible_beside::<rulebound::revup::Subscription>(
        "at-subscription-absent",
        lookup,
        "an absent subscription cannot have a pending request",
    );
    let load = |many: i64| {
        let events = Value::from_iter((0..many).map(|at| json!([at, "-dU_G-bbt0j4UA"]))).to_string();
        let text = changed("revup.subscription", "at-subscription-fulfilled", &[("/events", &events)]);
        Snapshot::<rulebound::revup::Subscription>::load(&text).map(drop)
    };
    assert_eq!(load(8), Ok(()));
    assert_eq!(load(9), Err(LoadError::Impossible("there are more events than can be kept")));
}
