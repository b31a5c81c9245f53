//! Reports on the sendings of one request, in every order and however often: lost, a 503, a 429.
#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::toy::{Command, Toy};
use crate::config::Context;
use crate::fact::{Fact, Headers, IgnoredReason, Origin};
use crate::id::{EffectId, Key};
use crate::snapshot::Snapshot;
use crate::time::{Millis, Timestamp};

const CREATE: &str = "create:1";
const LEASE: i64 = 300_000;

/// Something that can happen to the only request.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Event {
    Lease,
    Lost,
    Unavailable,
    RateLimited,
    /// The clock moves on to the next change.
    Wait,
}

const EVENTS: [Event; 5] = [Event::Lease, Event::Lost, Event::Unavailable, Event::RateLimited, Event::Wait];

fn reply(effect: &'static str, status: u16) -> Fact<'static> {
    Fact::Reply {
        effect: effect.into(),
        sending: None,
        http_status: status,
        headers: Headers::default(),
        body: b"".as_slice().into(),
    }
}

fn fact(event: Event) -> Option<Fact<'static>> {
    match event {
        Event::Lost => Some(Fact::Lost { effect: CREATE.into(), sending: None }),
        Event::Unavailable => Some(reply(CREATE, 503)),
        Event::RateLimited => Some(reply(CREATE, 429)),
        Event::Lease | Event::Wait => None,
    }
}

/// A host, and how often it has leased the request.
#[derive(Clone)]
struct Host {
    snapshot: Snapshot<Toy>,
    now: i64,
    leases: usize,
    /// Whether a 429 came while the request had been leased once.
    was_rate_limited: bool,
    /// The end of the last lease.
    lease: i64,
    history: String,
}

impl Host {
    fn new() -> Self {
        let key = Key::parse("00000000-0000-4000-8000-000000000001").unwrap();
        let context = Context::at(Timestamp::from_millis(0));
        let snapshot = Snapshot::start(key).handle(Command::Create { plan: "basic".into() }, &context).unwrap().next;
        Self { snapshot, now: 0, leases: 0, was_rate_limited: false, lease: 0, history: String::new() }
    }

    fn context(&self) -> Context {
        Context::at(Timestamp::from_millis(self.now))
    }

    fn is_ready(&self, kind: &str) -> bool {
        self.snapshot.effects(&self.context()).iter().any(|it| it.id.kind() == kind && it.ready)
    }

    /// Reports a fact, and returns whether it changed anything.
    fn observe(&mut self, fact: Fact<'_>) -> bool {
        match self.snapshot.observe(fact, &self.context()) {
            Ok(step) => {
                if let Some(ignored) = step.ignored {
                    assert_eq!(ignored.reason, IgnoredReason::Duplicate, "{}", self.history);
                    return false;
                }
                self.snapshot = step.next;
            }
            Err(_) => assert_eq!(self.leases, 0, "{}", self.history),
        }
        true
    }

    fn step(&mut self, event: Event) {
        self.history += &format!(" {event:?}");
        match event {
            Event::Wait => {
                let next = self.snapshot.wake_at(&self.context()).map_or(self.now, |at| at.as_millis());
                self.now = self.now.max(next);
            }
            Event::Lease => {
                let Ok(lease) = self.snapshot.lease(&EffectId::parse(CREATE).unwrap(), &self.context()) else { return };
                self.snapshot = lease.next;
                self.leases += 1;
                self.lease = self.now + LEASE;
            }
            event => {
                self.was_rate_limited |= event == Event::RateLimited && self.leases == 1;
                let Some(fact) = fact(event) else { return };
                self.observe(fact.clone());
                // A repetition changes nothing, now or later.
                let mut again = self.clone();
                for _ in 0..2 {
                    assert!(again.leases == 0 || !again.observe(fact.clone()), "{}", self.history);
                    again.now += 1;
                }
            }
        }
    }

    fn check(&self) {
        let allowed = if self.was_rate_limited { 2 } else { 1 };
        assert!(self.leases <= allowed, "leased {} times:{}", self.leases, self.history);
        if self.leases == allowed {
            assert!(!self.is_ready("create"), "it can be leased once more:{}", self.history);
        }
        let waits =
            self.snapshot.wake_at(&self.context()).is_some() || self.is_ready("create") || self.is_ready("find");
        assert!(waits, "nothing is pending, and nothing changes later:{}", self.history);
        // A denial by the lookup counts only once the last lease has ended.
        let leased_until = self.snapshot.outbox.find(CREATE).and_then(|it| it.leased_until).map(|at| at.as_millis());
        assert!(
            self.leases == 0 || leased_until.is_none() || leased_until == Some(self.lease),
            "the lease is cut short:{}",
            self.history
        );
        assert_eq!(Snapshot::load(&self.snapshot.save()).as_ref(), Ok(&self.snapshot), "{}", self.history);
    }
}

fn play(host: &Host, depth: usize) {
    host.check();
    for event in EVENTS.into_iter().filter(|_| depth > 0) {
        let mut next = host.clone();
        next.step(event);
        play(&next, depth - 1);
    }
}

#[test]
fn a_request_that_must_not_be_repeated_is_leased_again_only_after_one_429_and_never_forgotten() {
    play(&Host::new(), 6);
}

#[test]
fn the_429_to_the_only_sending_counts_whatever_was_reported_before_or_after() {
    let events = [Event::Lost, Event::Unavailable, Event::RateLimited, Event::Lost, Event::RateLimited];
    let orders: Vec<Vec<Event>> =
        (0..events.len()).map(|by| (0..events.len()).map(|n| events[(n + by) % events.len()]).collect()).collect();
    for order in orders {
        let mut host = Host::new();
        host.step(Event::Lease);
        order.into_iter().for_each(|event| host.step(event));
        assert!(host.snapshot.effects(&host.context()).iter().all(|it| it.id.kind() == "create"), "{}", host.history);
        host.step(Event::Wait);
        assert!(host.is_ready("create"), "{}", host.history);
    }
}

#[test]
fn a_429_to_a_request_that_was_leased_again_can_be_a_repetition_of_the_first() {
    let mut host = Host::new();
    let events = [Event::Lease, Event::RateLimited, Event::Wait, Event::Lease, Event::RateLimited];
    events.into_iter().for_each(|event| host.step(event));
    assert_eq!(host.leases, 2);
    assert!(host.is_ready("find") && !host.is_ready("create"));
    host.now += 10 * LEASE;
    host.step(Event::Lease);
    assert_eq!(host.leases, 2);
}

/// A host with a lookup that is pending now.
fn looking() -> (Host, EffectId) {
    let mut host = Host::new();
    host.step(Event::Lease);
    let body = br#"{"id":"sub_1"}"#.as_slice();
    assert!(host.observe(Fact::Reply {
        effect: CREATE.into(),
        sending: None,
        http_status: 200,
        headers: Headers::default(),
        body: body.into()
    }));
    let origin = Origin::Unverified;
    assert!(host.observe(Fact::Webhook { body: body.into(), content_type: None, topic: None, origin, provider: None }));
    (host, EffectId::parse("look:1").unwrap())
}

#[test]
fn a_lost_lookup_rests_longer_each_time_and_never_less_than_its_back_off() {
    for after in ["", "0", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        let (mut host, look) = looking();
        let mut context = host.context();
        alloc::sync::Arc::make_mut(&mut context.config).lease_ms = Millis::from_seconds(1);
        let mut rests = Vec::new();
        for _ in 0..9 {
            host.snapshot = host.snapshot.lease(&look, &context).unwrap().next;
            let headers: Headers<'_> = [("retry-after", after)].into_iter().collect();
            let reply = Fact::Reply {
                effect: "look:1".into(),
                sending: None,
                http_status: 503,
                headers,
                body: b"".as_slice().into(),
            };
            host.snapshot = host.snapshot.observe(reply, &context).unwrap().next;
            let not_before = host.snapshot.effects(&context)[0].not_before.unwrap();
            rests.push((not_before.as_millis() - context.now.as_millis()) / 1000);
            context.now = not_before;
        }
        assert_eq!(rests, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    }
}

#[test]
fn a_report_on_a_lookup_that_was_leased_again_does_not_release_the_lease() {
    let (mut host, look) = looking();
    for event in [Fact::Lost { effect: "look:1".into(), sending: None }, reply("look:1", 429)] {
        let mut host = host.clone();
        host.snapshot = host.snapshot.lease(&look, &host.context()).unwrap().next;
        assert!(host.observe(event.clone()) && !host.observe(event.clone()));
        host.now = 30_000;
        host.snapshot = host.snapshot.lease(&look, &host.context()).unwrap().next;
        assert!(host.observe(event.clone()) && !host.observe(event));
        let it = &host.snapshot.effects(&host.context())[0];
        let end = Some(Timestamp::from_millis(30_000 + LEASE));
        assert_eq!((it.ready, it.leased_until, it.not_before), (false, end, end));
    }
    host.snapshot = host.snapshot.lease(&look, &host.context()).unwrap().next;
    assert!(!host.observe(Fact::Lost { effect: CREATE.into(), sending: None }));
}
