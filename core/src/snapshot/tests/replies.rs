//! What each kind of reply leaves of a request, by the class of its operation and the sending that it answers.

use alloc::string::String;
use alloc::vec::Vec;

use super::toy::{Command, Toy};
use crate::config::Context;
use crate::fact::{Fact, FailureKind, Headers, IgnoredReason};
use crate::id::{EffectId, Key};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

const PAY: &str = "pay:1";
const STOP: &str = "stop:1";
const HOUR: i64 = 3_600_000;
const PAID: &str = r#"{"id":"pay_1"}"#;
const NO: &str = r#"{"error":"no"}"#;

/// A host with one row and a clock.
#[derive(Clone)]
struct Host {
    at: Snapshot<Toy>,
    now: i64,
}

impl Host {
    /// A subscription that lives.
    fn new() -> Self {
        let key = Key::parse("00000000-0000-4000-8000-000000000001").unwrap();
        let mut host = Self { at: Snapshot::start(key), now: 0 };
        host.ask(Command::Create { plan: "basic".into() });
        host.lease("create:1");
        host.answer("create:1", 1, 200, r#"{"id":"sub_1"}"#).unwrap();
        host
    }

    fn context(&self) -> Context {
        Context::at(Timestamp::from_millis(self.now))
    }

    fn ask(&mut self, command: Command) {
        self.at = self.at.handle(command, &self.context()).unwrap().next;
    }

    /// Takes it in hand as soon as that is possible.
    fn lease(&mut self, id: &str) {
        let ready = |host: &Self| host.at.effects(&host.context()).iter().any(|it| it.id.as_str() == id && it.ready);
        while !ready(self) {
            let next = self.at.wake_at(&self.context()).expect("it becomes ready some time").as_millis();
            assert!(next > self.now, "{id} is never ready");
            self.now = next;
        }
        let begun = self.at.lease(&EffectId::parse(id).unwrap(), &self.context()).unwrap();
        self.at = begun.next;
    }

    fn can_begin(&self, id: &str) -> bool {
        self.at.lease(&EffectId::parse(id).unwrap(), &self.context()).is_ok()
    }

    /// Tells a fact: what kind of failure it was, or why it moved nothing.
    fn tell(&mut self, fact: Fact<'_>) -> Result<Option<FailureKind>, IgnoredReason> {
        let step = self.at.observe(fact, &self.context()).unwrap();
        if let Some(ignored) = step.ignored {
            return Err(ignored.reason);
        }
        self.at = step.next;
        assert_eq!(Snapshot::load(&self.at.save()).as_ref(), Ok(&self.at));
        Ok(step.failure.map(|it| it.kind))
    }

    fn answer(
        &mut self,
        to: &str,
        sending: impl Into<Option<u32>>,
        status: u16,
        body: &str,
    ) -> Result<Option<FailureKind>, IgnoredReason> {
        let body = body.as_bytes().into();
        self.tell(Fact::Reply {
            effect: to.into(),
            sending: sending.into(),
            http_status: status,
            headers: Headers::default(),
            body,
        })
    }

    fn note_lost(&mut self, to: &str, sending: impl Into<Option<u32>>) {
        self.tell(Fact::Lost { effect: to.into(), sending: sending.into() }).unwrap();
    }

    fn owed(&self) -> Vec<String> {
        self.at.effects(&self.context()).into_iter().map(|it| it.id.as_str().into()).collect()
    }

    fn paid(&self) -> Option<bool> {
        match self.at.state() {
            Toy::Live { paid, .. } => *paid,
            _ => None,
        }
    }

    fn judge(&mut self, review: &str, verdict: &str) {
        self.tell(Fact::Reviewed { effect: review.into(), verdict: verdict.into(), id: None }).unwrap();
    }
}

/// A host whose payment was begun so often, each time lost.
fn paying(sendings: u32) -> Host {
    let mut host = Host::new();
    host.ask(Command::Pay {});
    for sending in 1..=sendings {
        host.lease(PAY);
        if sending < sendings {
            host.note_lost(PAY, sending);
        }
    }
    host
}

#[test]
fn every_status_and_body_but_the_documented_success_leaves_a_payment_unpaid_and_owed_or_refused() {
    for status in 100..=599 {
        for body in ["", "null", "[]", "{}", "\"ok\"", "<html>", NO, r#"{"error":"no","id":"pay_1"}"#, PAID] {
            let mut host = paying(1);
            let told = host.answer(PAY, 1, status, body);
            let good = (200..300).contains(&status) && body == PAID;
            assert_eq!(host.paid() == Some(true), good, "{status} {body}");
            let refused = host.paid() == Some(false);
            let kind = told.unwrap();
            assert_eq!(refused, kind == Some(FailureKind::Refused), "{status} {body}");
            if refused {
                assert!((400..500).contains(&status) && body.contains(r#""error":"no""#), "{status} {body}");
                assert!(![401, 403, 407, 408, 409, 425, 429, 499].contains(&status), "{status} {body}");
            }
            assert_eq!(host.owed().is_empty(), good || refused, "{status} {body}");
        }
    }
}

#[test]
fn a_refused_later_sending_settles_no_lost_one_and_a_person_is_asked_at_once() {
    let mut host = paying(2);
    assert_eq!(host.answer(PAY, 2, 422, NO), Ok(Some(FailureKind::Refused)));
    assert_eq!(host.paid(), None);
    assert_eq!(host.owed(), [PAY, "review:outcome_unknown:pay:1"]);
    assert!(!host.can_begin(PAY));
    let mut late = host.clone();
    assert_eq!(late.answer(PAY, 1, 200, PAID), Ok(None));
    assert_eq!((late.paid(), late.owed().len()), (Some(true), 0));
    let mut both = host.clone();
    assert_eq!(both.answer(PAY, 1, 422, NO), Ok(Some(FailureKind::Refused)));
    assert_eq!((both.paid(), both.owed().len()), (Some(false), 0));
    host.judge("review:outcome_unknown:pay:1", "keep_trying");
    assert!(host.can_begin(PAY));
}

#[test]
fn without_its_number_only_a_success_counts_of_what_was_begun_again() {
    for status in [401, 422, 429, 503] {
        let mut host = paying(2);
        assert!(host.answer(PAY, None, status, NO).is_ok(), "{status}");
        assert_eq!((host.paid(), host.can_begin(PAY)), (None, false), "{status}");
        assert_eq!(host.answer(PAY, None, 200, PAID), Ok(None));
        assert_eq!(host.paid(), Some(true));
    }
}

#[test]
fn what_is_told_of_an_earlier_sending_leaves_the_later_one_in_its_hands() {
    for status in [401, 422, 429, 503] {
        let mut host = paying(2);
        let _ = host.answer(PAY, 1, status, NO);
        let it = &host.at.effects(&host.context())[0];
        assert!(it.leased_until.is_some() && it.attempts == 2, "{status}");
        assert_eq!(host.answer(PAY, 2, 200, PAID), Ok(None));
    }
}

#[test]
fn a_sending_that_is_closed_tells_nothing_more_but_a_success() {
    let mut host = paying(1);
    assert_eq!(host.answer(PAY, 1, 429, ""), Ok(Some(FailureKind::Throttled)));
    for (status, body) in [(429, ""), (422, NO), (401, ""), (503, ""), (200, "{}")] {
        assert_eq!(host.clone().answer(PAY, 1, status, body), Err(IgnoredReason::Duplicate), "{status}");
    }
    assert_eq!(host.answer(PAY, 1, 200, PAID), Ok(None));
    assert_eq!(host.paid(), Some(true));
}

#[test]
fn a_key_that_is_turned_away_keeps_the_request_until_a_person_gives_it_up_after_a_day() {
    for (status, body) in [(401, ""), (407, "<html>"), (403, "{}")] {
        let mut host = paying(1);
        assert_eq!(host.answer(PAY, 1, status, body), Ok(Some(FailureKind::NotAdmitted)), "{status}");
        let since = host.now;
        for sending in 2..40 {
            if host.owed().len() > 1 {
                break;
            }
            host.lease(PAY);
            assert_eq!(host.answer(PAY, sending, status, body), Ok(Some(FailureKind::NotAdmitted)));
            host.now = host.at.wake_at(&host.context()).unwrap().as_millis();
        }
        assert_eq!(host.owed(), [PAY, "review:not_admitted:pay:1"]);
        assert!(host.now >= since + 24 * HOUR && !host.can_begin(PAY));
        let mut again = host.clone();
        again.judge("review:not_admitted:pay:1", "retry");
        assert!(again.can_begin(PAY) && again.owed() == [PAY]);
        host.judge("review:not_admitted:pay:1", "give_up");
        assert!(host.owed().is_empty());
    }
}

#[test]
fn a_request_whose_outcome_stays_unknown_is_a_persons_after_a_day_even_if_nothing_more_is_told() {
    let mut host = paying(1);
    host.now = 24 * HOUR - 1;
    assert_eq!(host.owed(), [PAY]);
    assert_eq!(host.at.wake_at(&host.context()), Some(Timestamp::from_millis(host.now)));
    host.now += 1;
    assert_eq!(host.owed(), [PAY, "review:outcome_unknown:pay:1"]);
    host.judge("review:outcome_unknown:pay:1", "not_paid");
    assert_eq!((host.paid(), host.owed().len()), (Some(false), 0));
    assert_eq!(host.answer(PAY, 1, 200, PAID), Ok(None));
    assert_eq!(host.owed(), ["review:made_after_all:pay_1"]);
}

#[test]
fn a_review_is_not_judged_while_a_lease_runs() {
    let mut host = paying(1);
    host.now = 24 * HOUR - 10_000;
    host.lease(PAY);
    host.now = 24 * HOUR;
    assert_eq!(host.owed(), [PAY]);
    let effect = "review:outcome_unknown:pay:1".into();
    let fact = Fact::Reviewed { effect, verdict: "not_paid".into(), id: None };
    assert_eq!(host.tell(fact), Err(IgnoredReason::Duplicate));
}

#[test]
fn a_verdict_that_is_told_twice_is_known() {
    for verdict in ["keep_trying", "not_paid"] {
        let mut host = paying(1);
        host.now = 24 * HOUR;
        host.judge("review:outcome_unknown:pay:1", verdict);
        let effect = "review:outcome_unknown:pay:1".into();
        let again = Fact::Reviewed { effect, verdict: verdict.into(), id: None };
        assert_eq!(host.tell(again), Err(IgnoredReason::Duplicate));
    }
}

#[test]
fn a_second_thing_that_was_made_is_told_to_a_person_and_the_first_told_again_is_not() {
    let mut host = paying(2);
    assert_eq!(host.answer(PAY, 2, 200, PAID), Ok(None));
    assert_eq!(host.answer(PAY, 1, 200, PAID), Err(IgnoredReason::Duplicate));
    assert_eq!(host.answer(PAY, 1, 422, NO), Err(IgnoredReason::Duplicate));
    assert_eq!(host.answer(PAY, 1, 200, r#"{"id":"pay_2"}"#), Ok(None));
    assert_eq!(host.owed(), ["review:made_twice:pay_2"]);
}

#[test]
fn a_code_that_asks_for_the_same_again_leaves_the_outcome_unknown() {
    let mut host = paying(1);
    assert_eq!(host.answer(PAY, 1, 422, r#"{"error":"again"}"#), Ok(Some(FailureKind::Unreadable)));
    assert_eq!((host.paid(), host.owed()), (None, [PAY.into()].into()));
    host.lease(PAY);
    assert_eq!(host.answer(PAY, 2, 200, PAID), Ok(None));
}

#[test]
fn what_no_document_shows_is_accepted_once_and_not_sent_again() {
    let mut host = Host::new();
    host.ask(Command::Stop {});
    host.lease(STOP);
    assert_eq!(host.answer(STOP, 1, 200, "{}"), Ok(None));
    assert_eq!(host.answer(STOP, 1, 200, "{}"), Err(IgnoredReason::Duplicate));
    host.now = HOUR;
    assert!(!host.can_begin(STOP));
    host.now = 168 * HOUR;
    assert_eq!(host.owed(), [STOP, "review:outcome_unknown:stop:1"]);
    let mut refused = Host::new();
    refused.ask(Command::Stop {});
    refused.lease(STOP);
    assert_eq!(refused.answer(STOP, 1, 409, NO), Ok(Some(FailureKind::Refused)));
    assert!(refused.owed().is_empty());
}

#[test]
fn what_was_not_sent_goes_out_again_under_the_same_name() {
    for (id, command) in [(PAY, Command::Pay {}), (STOP, Command::Stop {})] {
        let mut host = Host::new();
        host.ask(command);
        host.lease(id);
        assert_eq!(host.tell(Fact::NotSent { effect: id.into(), sending: Some(1) }), Ok(None));
        assert_eq!(host.tell(Fact::NotSent { effect: id.into(), sending: Some(1) }), Err(IgnoredReason::Duplicate));
        host.lease(id);
        assert_eq!(host.answer(id, 2, 422, NO), Ok(Some(FailureKind::Refused)));
        assert!(host.owed().is_empty());
    }
}

#[test]
fn a_sending_that_never_was_is_named() {
    let field = |fact| paying(1).at.observe(fact, &Context::at(Timestamp::from_millis(0))).unwrap_err().pointer();
    for sending in [0, 2, u32::MAX] {
        assert_eq!(field(Fact::Lost { effect: PAY.into(), sending: Some(sending) }), "/sending");
        assert_eq!(field(Fact::NotSent { effect: PAY.into(), sending: Some(sending) }), "/sending");
    }
}

#[test]
fn after_a_backup_whatever_is_owed_may_have_been_sent() {
    let key = Key::parse("00000000-0000-4000-8000-000000000001").unwrap();
    let mut host = Host { at: Snapshot::start(key), now: 10 * HOUR };
    host.ask(Command::Create { plan: "basic".into() });
    host.tell(Fact::Restored { taken_at: Timestamp::from_millis(9 * HOUR) }).unwrap();
    assert!(!host.can_begin("create:1"));
    host.now += HOUR;
    assert_eq!(host.owed(), ["create:1", "find:1"]);
    host.lease("find:1");
    host.answer("find:1", 1, 200, r#"{"none":true}"#).unwrap();
    assert_eq!(*host.at.state(), Toy::Asked);
    // Money is denied the second time only, ten minutes later.
    host.lease("find:2");
    assert!(host.now >= 11 * HOUR + 600_000);
    host.answer("find:2", 1, 200, r#"{"none":true}"#).unwrap();
    assert_eq!(*host.at.state(), Toy::Absent, "{:?}", host.owed());
}

#[test]
fn a_look_up_that_was_begun_before_the_last_lease_ended_denies_nothing() {
    let key = Key::parse("00000000-0000-4000-8000-000000000001").unwrap();
    let mut host = Host { at: Snapshot::start(key), now: 0 };
    host.ask(Command::Create { plan: "basic".into() });
    host.lease("create:1");
    host.note_lost("create:1", 1);
    host.lease("find:1");
    host.now += HOUR;
    host.answer("find:1", 1, 200, r#"{"none":true}"#).unwrap();
    host.lease("find:2");
    host.answer("find:2", 1, 200, r#"{"none":true}"#).unwrap();
    assert_eq!(*host.at.state(), Toy::Asked);
    // One that was answered with a good status is no lookup's to deny.
    host.answer("create:1", 1, 200, "<html>").unwrap();
    host.lease("find:3");
    host.answer("find:3", 1, 200, r#"{"none":true}"#).unwrap();
    assert_eq!(host.owed(), ["create:1", "review:create_ambiguous:create:1"]);
}
