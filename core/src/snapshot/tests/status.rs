//! The status, and the failure that it shows.

use alloc::string::String;

use serde::Serialize;

use super::toy::{Command, Toy};
use crate::config::Context;
use crate::fact::{Fact, Headers};
use crate::id::{EffectId, Key};
use crate::json::encode;
use crate::snapshot::{Snapshot, Step};
use crate::time::Timestamp;

/// The status of the toy, besides what every status has.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(super) struct ToyStatus {
    /// Its id.
    id: Option<String>,
}

impl ToyStatus {
    pub(super) fn of(toy: &Toy) -> Self {
        Self { id: if let Toy::Live { id, .. } = toy { Some(id.clone()) } else { None } }
    }
}

fn at(now: i64) -> Context {
    Context::at(Timestamp::from_millis(now))
}

/// A toy that has leased its creation once.
fn created() -> Snapshot<Toy> {
    let start = Snapshot::<Toy>::start(Key::parse("00000000-0000-4000-8000-000000000001").unwrap());
    let requested = start.handle(Command::Create { plan: "basic".into() }, &at(0)).unwrap().next;
    requested.lease(&EffectId::parse("create:1").unwrap(), &at(1)).unwrap().next
}

fn reply(snapshot: &Snapshot<Toy>, effect: &str, http_status: u16, body: &str, now: i64) -> Step<Toy> {
    let (headers, body) = (Headers::default(), body.as_bytes().into());
    let fact = Fact::Reply { effect: effect.into(), sending: Some(1), http_status, headers, body };
    snapshot.observe(fact, &at(now)).unwrap()
}

fn kind(snapshot: &Snapshot<Toy>) -> Option<u16> {
    snapshot.status(&at(9)).last_failure.and_then(|it| it.http_status)
}

#[test]
fn a_status_has_what_every_flow_has_around_what_only_this_flow_has() {
    let status = created().status(&at(1));
    let json = r#"{"flow":"toy.subscription","key":"00000000-0000-4000-8000-000000000001","revision":2,"facets":{"toy":"requested"},"id":null,"customer_action":null,"customer_url":null,"customer_url_blocked_by":[],"intents":[],"last_failure":null,"reviews":[]}"#;
    assert_eq!(encode(&status), json);
    assert_eq!(status.id, None);
}

#[test]
fn a_failure_stays_until_a_request_of_the_same_operation_succeeds() {
    let failed = reply(&created(), "create:1", 503, "down", 2).next;
    assert_eq!(kind(&failed), Some(503));
    assert_eq!(Snapshot::load(&failed.save()).as_ref(), Ok(&failed));
    let looked = failed.lease(&EffectId::parse("find:1").unwrap(), &at(3)).unwrap().next;
    let other = reply(&looked, "find:1", 200, r#"{"until":null}"#, 4).next;
    assert_eq!(kind(&other), Some(503), "another operation succeeded");
    let found = reply(&looked, "find:1", 200, r#"{"id":"s_1"}"#, 4).next;
    assert_eq!(kind(&found), None, "a lookup proves the creation");
    assert!(!found.save().contains("last_failure"));
    assert_eq!(kind(&reply(&failed, "create:1", 200, r#"{"id":"s_1"}"#, 5).next), None);
}

#[test]
fn a_report_that_comes_again_changes_nothing() {
    let failed = reply(&created(), "create:1", 503, "down", 2).next;
    let again = reply(&failed, "create:1", 503, "down", 3);
    assert!(again.ignored.is_some() && again.next.revision() == failed.revision());
    assert_eq!(again.next, failed);
}

#[test]
fn long_words_of_a_provider_are_cut_off() {
    let code = "e".repeat(5000);
    let refused = reply(&created(), "create:1", 400, &alloc::format!(r#"{{"error":"{code}"}}"#), 2);
    assert_eq!(refused.failure.unwrap().code.unwrap().len(), 5000);
    assert_eq!(refused.next.status(&at(3)).last_failure.unwrap().code.unwrap().len(), 100);
    assert!(refused.next.save().len() < 1000);
}

#[test]
fn an_open_review_is_named_once_it_accepts_a_verdict() {
    let lost = created().observe(Fact::Lost { effect: "create:1".into(), sending: Some(1) }, &at(2)).unwrap().next;
    let reviews = |now| encode(&lost.status(&at(now)).reviews);
    assert_eq!(reviews(3), "[]");
    assert_eq!(reviews(8 * 86_400_000), r#"["review:create_ambiguous:create:1"]"#);
}
