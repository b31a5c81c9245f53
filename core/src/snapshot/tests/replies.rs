//! What each kind of reply does to a request, by the class of its operation and by the sending.

use alloc::string::String;
use alloc::vec::Vec;

use super::toy::{Command, Toy};
use crate::config::Context;
use crate::fact::{Fact, FailureKind, Headers, IgnoredReason};
use crate::id::{EffectId, Key};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

pub(super) const PAY: &str = "pay:1";
const STOP: &str = "stop:1";
pub(super) const HOUR: i64 = 3_600_000;
pub(super) const PAID: &str = r#"{"id":"pay_1"}"#;
const NO: &str = r#"{"error":"no"}"#;

/// A host with one row and a clock.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) snapshot: Snapshot<Toy>,
    pub(super) now: i64,
}

impl Host {
    /// A host with a live subscription.
    pub(super) fn new() -> Self {
        let key = Key::parse("00000000-0000-4000-8000-000000000001").unwrap();
        let mut host = Self { snapshot: Snapshot::start(key), now: 0 };
        host.handle(Command::Create { plan: "basic".into() });
        host.lease("create:1");
        host.reply("create:1", 1, 200, r#"{"id":"sub_1"}"#).unwrap();
        host
    }

    pub(super) fn context(&self) -> Context {
        Context::at(Timestamp::from_millis(self.now))
    }

    pub(super) fn handle(&mut self, command: Command) {
        self.snapshot = self.snapshot.handle(command, &self.context()).unwrap().next;
    }

    /// Leases an effect as soon as that is possible.
    pub(super) fn lease(&mut self, id: &str) {
        let ready =
            |host: &Self| host.snapshot.effects(&host.context()).iter().any(|it| it.id.as_str() == id && it.ready);
        while !ready(self) {
            let next = self.snapshot.wake_at(&self.context()).expect("it becomes ready at some time").as_millis();
            assert!(next > self.now, "{id} is never ready");
            self.now = next;
        }
        self.snapshot = self.snapshot.lease(&EffectId::parse(id).unwrap(), &self.context()).unwrap().next;
    }

    pub(super) fn can_lease(&self, id: &str) -> bool {
        self.snapshot.lease(&EffectId::parse(id).unwrap(), &self.context()).is_ok()
    }

    /// Reports a fact, and returns the kind of its failure, or why it was ignored.
    pub(super) fn observe(&mut self, fact: Fact<'_>) -> Result<Option<FailureKind>, IgnoredReason> {
        let step = self.snapshot.observe(fact, &self.context()).unwrap();
        if let Some(ignored) = step.ignored {
            return Err(ignored.reason);
        }
        self.snapshot = step.next;
        assert_eq!(Snapshot::load(&self.snapshot.save()).as_ref(), Ok(&self.snapshot));
        Ok(step.failure.map(|it| it.kind))
    }

    pub(super) fn reply(
        &mut self,
        effect: &str,
        sending: impl Into<Option<u32>>,
        status: u16,
        body: &str,
    ) -> Result<Option<FailureKind>, IgnoredReason> {
        let body = body.as_bytes().into();
        self.observe(Fact::Reply {
            effect: effect.into(),
            sending: sending.into(),
            http_status: status,
            headers: Headers::default(),
            body,
        })
    }

    pub(super) fn lose(&mut self, effect: &str, sending: impl Into<Option<u32>>) {
        self.observe(Fact::Lost { effect: effect.into(), sending: sending.into() }).unwrap();
    }

    pub(super) fn effect_ids(&self) -> Vec<String> {
        self.snapshot.effects(&self.context()).into_iter().map(|it| it.id.as_str().into()).collect()
    }

    pub(super) fn paid(&self) -> Option<bool> {
        match self.snapshot.state() {
            Toy::Live { paid, .. } => *paid,
            _ => None,
        }
    }

    pub(super) fn review(&mut self, review: &str, verdict: &str) {
        self.observe(Fact::Reviewed { effect: review.into(), verdict: verdict.into(), id: None }).unwrap();
    }
}

/// A host that has leased its payment this often, and lost every sending but the last.
pub(super) fn paying(sendings: u32) -> Host {
    let mut host = Host::new();
    host.handle(Command::Pay {});
    for sending in 1..=sendings {
        host.lease(PAY);
        if sending < sendings {
            host.lose(PAY, sending);
        }
    }
    host
}

#[test]
fn only_the_documented_success_pays_and_every_other_reply_leaves_a_payment_pending_or_refused() {
    for status in 100..=599 {
        for body in ["", "null", "[]", "{}", "\"ok\"", "<html>", NO, r#"{"error":"no","id":"pay_1"}"#, PAID] {
            let mut host = paying(1);
            let observed = host.reply(PAY, 1, status, body);
            let good = (200..300).contains(&status) && body == PAID;
            assert_eq!(host.paid() == Some(true), good, "{status} {body}");
            let refused = host.paid() == Some(false);
            let kind = observed.unwrap();
            assert_eq!(refused, kind == Some(FailureKind::Refused), "{status} {body}");
            if refused {
                assert!((400..500).contains(&status) && body.contains(r#""error":"no""#), "{status} {body}");
                assert!(![401, 403, 407, 408, 409, 425, 429, 499].contains(&status), "{status} {body}");
            }
            assert_eq!(host.effect_ids().is_empty(), good || refused, "{status} {body}");
        }
    }
}

#[test]
fn a_refused_later_sending_settles_no_lost_one_and_a_person_is_asked_at_once() {
    let mut host = paying(2);
    assert_eq!(host.reply(PAY, 2, 422, NO), Ok(Some(FailureKind::Refused)));
    assert_eq!(host.paid(), None);
    assert_eq!(host.effect_ids(), [PAY, "review:outcome_unknown:pay:1"]);
    assert!(!host.can_lease(PAY));
    let mut late = host.clone();
    assert_eq!(late.reply(PAY, 1, 200, PAID), Ok(None));
    assert_eq!((late.paid(), late.effect_ids().len()), (Some(true), 0));
    let mut both = host.clone();
    assert_eq!(both.reply(PAY, 1, 422, NO), Ok(Some(FailureKind::Refused)));
    assert_eq!((both.paid(), both.effect_ids().len()), (Some(false), 0));
    host.review("review:outcome_unknown:pay:1", "keep_trying");
    assert!(host.can_lease(PAY));
}

#[test]
fn without_a_number_only_a_success_counts_for_a_request_that_was_leased_again() {
    for status in [401, 422, 429, 503] {
        let mut host = paying(2);
        assert!(host.reply(PAY, None, status, NO).is_ok(), "{status}");
        assert_eq!((host.paid(), host.can_lease(PAY)), (None, false), "{status}");
        assert_eq!(host.reply(PAY, None, 200, PAID), Ok(None));
        assert_eq!(host.paid(), Some(true));
    }
}

#[test]
fn a_report_on_an_earlier_sending_does_not_release_the_current_lease() {
    for status in [401, 422, 429, 503] {
        let mut host = paying(2);
        let _ = host.reply(PAY, 1, status, NO);
        let it = &host.snapshot.effects(&host.context())[0];
        assert!(it.leased_until.is_some() && it.attempts == 2, "{status}");
        assert_eq!(host.reply(PAY, 2, 200, PAID), Ok(None));
    }
}

#[test]
fn only_a_success_counts_for_a_closed_sending() {
    let mut host = paying(1);
    assert_eq!(host.reply(PAY, 1, 429, ""), Ok(Some(FailureKind::Throttled)));
    for (status, body) in [(429, ""), (422, NO), (401, ""), (503, ""), (200, "{}")] {
        assert_eq!(host.clone().reply(PAY, 1, status, body), Err(IgnoredReason::Duplicate), "{status}");
    }
    assert_eq!(host.reply(PAY, 1, 200, PAID), Ok(None));
    assert_eq!(host.paid(), Some(true));
}

#[test]
fn a_rejected_key_keeps_the_request_pending_until_a_person_gives_it_up_after_a_day() {
    for (status, body) in [(401, ""), (407, "<html>"), (403, "{}")] {
        let mut host = paying(1);
        assert_eq!(host.reply(PAY, 1, status, body), Ok(Some(FailureKind::NotAdmitted)), "{status}");
        let since = host.now;
        for sending in 2..40 {
            if host.effect_ids().len() > 1 {
                break;
            }
            host.lease(PAY);
            assert_eq!(host.reply(PAY, sending, status, body), Ok(Some(FailureKind::NotAdmitted)));
            host.now = host.snapshot.wake_at(&host.context()).unwrap().as_millis();
        }
        assert_eq!(host.effect_ids(), [PAY, "review:not_admitted:pay:1"]);
        assert!(host.now >= since + 24 * HOUR && !host.can_lease(PAY));
        let mut again = host.clone();
        again.review("review:not_admitted:pay:1", "retry");
        assert!(again.can_lease(PAY) && again.effect_ids() == [PAY]);
        host.review("review:not_admitted:pay:1", "give_up");
        assert!(host.effect_ids().is_empty());
    }
}

#[test]
fn a_person_is_asked_after_a_day_even_if_the_host_reports_nothing_more() {
    let mut host = paying(1);
    host.now = 24 * HOUR - 1;
    assert_eq!(host.effect_ids(), [PAY]);
    assert_eq!(host.snapshot.wake_at(&host.context()), Some(Timestamp::from_millis(host.now)));
    host.now += 1;
    assert_eq!(host.effect_ids(), [PAY, "review:outcome_unknown:pay:1"]);
    host.review("review:outcome_unknown:pay:1", "not_paid");
    assert_eq!((host.paid(), host.effect_ids().len()), (Some(false), 0));
    assert_eq!(host.reply(PAY, 1, 200, PAID), Ok(None));
    assert_eq!(host.effect_ids(), ["review:made_after_all:pay_1"]);
}

#[test]
fn a_review_is_not_open_while_a_lease_runs() {
    let mut host = paying(1);
    host.now = 24 * HOUR - 10_000;
    host.lease(PAY);
    host.now = 24 * HOUR;
    assert_eq!(host.effect_ids(), [PAY]);
    let effect = "review:outcome_unknown:pay:1".into();
    let fact = Fact::Reviewed { effect, verdict: "not_paid".into(), id: None };
    assert_eq!(host.observe(fact), Err(IgnoredReason::Duplicate));
}

#[test]
fn a_repeated_verdict_is_a_duplicate() {
    for verdict in ["keep_trying", "not_paid"] {
        let mut host = paying(1);
        host.now = 24 * HOUR;
        host.review("review:outcome_unknown:pay:1", verdict);
        let effect = "review:outcome_unknown:pay:1".into();
        let again = Fact::Reviewed { effect, verdict: verdict.into(), id: None };
        assert_eq!(host.observe(again), Err(IgnoredReason::Duplicate));
    }
}

#[test]
fn a_person_is_asked_about_a_second_object_and_a_repeated_reply_is_a_duplicate() {
    let mut host = paying(2);
    assert_eq!(host.reply(PAY, 2, 200, PAID), Ok(None));
    assert_eq!(host.reply(PAY, 1, 200, PAID), Err(IgnoredReason::Duplicate));
    assert_eq!(host.reply(PAY, 1, 422, NO), Err(IgnoredReason::Duplicate));
    assert_eq!(host.reply(PAY, 1, 200, r#"{"id":"pay_2"}"#), Ok(None));
    assert_eq!(host.effect_ids(), ["review:made_twice:pay_2"]);
}

#[test]
fn a_code_that_asks_for_the_same_request_again_leaves_the_outcome_unknown() {
    let mut host = paying(1);
    assert_eq!(host.reply(PAY, 1, 422, r#"{"error":"again"}"#), Ok(Some(FailureKind::Unreadable)));
    assert_eq!((host.paid(), host.effect_ids()), (None, [PAY.into()].into()));
    host.lease(PAY);
    assert_eq!(host.reply(PAY, 2, 200, PAID), Ok(None));
}

#[test]
fn an_undocumented_success_is_accepted_once_and_not_sent_again() {
    let mut host = Host::new();
    host.handle(Command::Stop {});
    host.lease(STOP);
    assert_eq!(host.reply(STOP, 1, 200, "{}"), Ok(None));
    assert_eq!(host.reply(STOP, 1, 200, "{}"), Err(IgnoredReason::Duplicate));
    host.now = HOUR;
    assert!(!host.can_lease(STOP));
    host.now = 168 * HOUR;
    assert_eq!(host.effect_ids(), [STOP, "review:outcome_unknown:stop:1"]);
    let mut refused = Host::new();
    refused.handle(Command::Stop {});
    refused.lease(STOP);
    assert_eq!(refused.reply(STOP, 1, 409, NO), Ok(Some(FailureKind::Refused)));
    assert!(refused.effect_ids().is_empty());
}

#[test]
fn a_request_that_was_not_sent_is_sent_again_under_the_same_id() {
    for (id, command) in [(PAY, Command::Pay {}), (STOP, Command::Stop {})] {
        let mut host = Host::new();
        host.handle(command);
        host.lease(id);
        assert_eq!(host.observe(Fact::NotSent { effect: id.into(), sending: Some(1) }), Ok(None));
        assert_eq!(host.observe(Fact::NotSent { effect: id.into(), sending: Some(1) }), Err(IgnoredReason::Duplicate));
        host.lease(id);
        assert_eq!(host.reply(id, 2, 422, NO), Ok(Some(FailureKind::Refused)));
        assert!(host.effect_ids().is_empty());
    }
}

#[test]
fn a_number_of_no_sending_is_an_error() {
    let field = |fact| paying(1).snapshot.observe(fact, &Context::at(Timestamp::from_millis(0))).unwrap_err().pointer();
    for sending in [0, 2, u32::MAX] {
        assert_eq!(field(Fact::Lost { effect: PAY.into(), sending: Some(sending) }), "/sending");
        assert_eq!(field(Fact::NotSent { effect: PAY.into(), sending: Some(sending) }), "/sending");
    }
}

#[test]
fn after_a_backup_every_pending_request_counts_as_sent() {
    let key = Key::parse("00000000-0000-4000-8000-000000000001").unwrap();
    let mut host = Host { snapshot: Snapshot::start(key), now: 10 * HOUR };
    host.handle(Command::Create { plan: "basic".into() });
    host.observe(Fact::Restored { taken_at: Timestamp::from_millis(9 * HOUR) }).unwrap();
    assert!(!host.can_lease("create:1"));
    host.now += HOUR;
    assert_eq!(host.effect_ids(), ["create:1", "find:1"]);
    host.lease("find:1");
    host.reply("find:1", 1, 200, r#"{"none":true}"#).unwrap();
    assert_eq!(*host.snapshot.state(), Toy::Requested);
    // A denial about money counts only the second time, ten minutes later.
    host.lease("find:2");
    assert!(host.now >= 11 * HOUR + 600_000);
    host.reply("find:2", 1, 200, r#"{"none":true}"#).unwrap();
    assert_eq!(*host.snapshot.state(), Toy::Absent, "{:?}", host.effect_ids());
}

#[test]
fn a_lookup_that_was_leased_before_the_last_lease_ended_denies_nothing() {
    let key = Key::parse("00000000-0000-4000-8000-000000000001").unwrap();
    let mut host = Host { snapshot: Snapshot::start(key), now: 0 };
    host.handle(Command::Create { plan: "basic".into() });
    host.lease("create:1");
    host.lose("create:1", 1);
    host.lease("find:1");
    host.now += HOUR;
    host.reply("find:1", 1, 200, r#"{"none":true}"#).unwrap();
    host.lease("find:2");
    host.reply("find:2", 1, 200, r#"{"none":true}"#).unwrap();
    assert_eq!(*host.snapshot.state(), Toy::Requested);
    // A lookup cannot deny a request that had a reply with a good status.
    host.reply("create:1", 1, 200, "<html>").unwrap();
    host.lease("find:3");
    host.reply("find:3", 1, 200, r#"{"none":true}"#).unwrap();
    assert_eq!(host.effect_ids(), ["create:1", "review:create_ambiguous:create:1"]);
}
