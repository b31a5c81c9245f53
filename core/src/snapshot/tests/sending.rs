//! What a request is told of its sending, in every order and however often: lost, answered with 503, put off by a 429.
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

/// Something that can happen to the one request.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Event {
    Begin,
    Lost,
    Unavailable,
    RateLimited,
    /// The clock goes on to what changes next.
    Wait,
}

const EVENTS: [Event; 5] = [Event::Begin, Event::Lost, Event::Unavailable, Event::RateLimited, Event::Wait];

fn reply(to: &'static str, status: u16) -> Fact<'static> {
    Fact::Reply {
        effect: to.into(),
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
        Event::Begin | Event::Wait => None,
    }
}

/// A host, and how often it was handed the request.
#[derive(Clone)]
struct Host {
    at: Snapshot<Toy>,
    now: i64,
    taken: usize,
    /// Whether a 429 was told while it was handed out once.
    put_off: bool,
    /// The end of the last lease.
    lease: i64,
    past: String,
}

impl Host {
    fn new() -> Self {
        let key = Key::parse("00000000-0000-4000-8000-000000000001").unwrap();
        let context = Context::at(Timestamp::from_millis(0));
        let at = Snapshot::start(key).handle(Command::Create { plan: "basic".into() }, &context).unwrap().next;
        Self { at, now: 0, taken: 0, put_off: false, lease: 0, past: String::new() }
    }

    fn context(&self) -> Context {
        Context::at(Timestamp::from_millis(self.now))
    }

    fn is_ready(&self, kind: &str) -> bool {
        self.at.effects(&self.context()).iter().any(|it| it.id.kind() == kind && it.ready)
    }

    /// Tells a fact; whether it moved anything.
    fn tell(&mut self, fact: Fact<'_>) -> bool {
        match self.at.observe(fact, &self.context()) {
            Ok(step) => {
                if let Some(ignored) = step.ignored {
                    assert_eq!(ignored.reason, IgnoredReason::Duplicate, "{}", self.past);
                    return false;
                }
                self.at = step.next;
            }
            Err(_) => assert_eq!(self.taken, 0, "{}", self.past),
        }
        true
    }

    fn step(&mut self, event: Event) {
        self.past += &format!(" {event:?}");
        match event {
            Event::Wait => {
                let next = self.at.wake_at(&self.context()).map_or(self.now, |at| at.as_millis());
                self.now = self.now.max(next);
            }
            Event::Begin => {
                let Ok(transition) = self.at.lease(&EffectId::parse(CREATE).unwrap(), &self.context()) else { return };
                self.at = transition.next;
                self.taken += 1;
                self.lease = self.now + LEASE;
            }
            event => {
                self.put_off |= event == Event::RateLimited && self.taken == 1;
                let Some(fact) = fact(event) else { return };
                self.tell(fact.clone());
                // Told again, now or later, it changes nothing.
                let mut again = self.clone();
                for _ in 0..2 {
                    assert!(again.taken == 0 || !again.tell(fact.clone()), "{}", self.past);
                    again.now += 1;
                }
            }
        }
    }

    fn check(&self) {
        let allowed = if self.put_off { 2 } else { 1 };
        assert!(self.taken <= allowed, "handed out {} times:{}", self.taken, self.past);
        if self.taken == allowed {
            assert!(!self.is_ready("create"), "it is to be handed out once more:{}", self.past);
        }
        let waits = self.at.wake_at(&self.context()).is_some() || self.is_ready("create") || self.is_ready("find");
        assert!(waits, "nothing is owed any more, and nothing is awaited:{}", self.past);
        // What the lookup denies counts once the last lease is over, and not before.
        let at = self.at.outbox.find(CREATE).and_then(|it| it.leased_until).map(|at| at.as_millis());
        assert!(self.taken == 0 || at.is_none() || at == Some(self.lease), "the lease is cut short:{}", self.past);
        assert_eq!(Snapshot::load(&self.at.save()).as_ref(), Ok(&self.at), "{}", self.past);
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
fn a_request_that_may_not_be_repeated_is_handed_out_again_only_after_one_429_and_never_forgotten() {
    play(&Host::new(), 6);
}

#[test]
fn the_answer_to_the_only_sending_counts_whatever_was_told_before_or_after() {
    let all = [Event::Lost, Event::Unavailable, Event::RateLimited, Event::Lost, Event::RateLimited];
    let orders: Vec<Vec<Event>> =
        (0..all.len()).map(|by| (0..all.len()).map(|n| all[(n + by) % all.len()]).collect()).collect();
    for order in orders {
        let mut host = Host::new();
        host.step(Event::Begin);
        order.into_iter().for_each(|event| host.step(event));
        assert!(host.at.effects(&host.context()).iter().all(|it| it.id.kind() == "create"), "{}", host.past);
        host.step(Event::Wait);
        assert!(host.is_ready("create"), "{}", host.past);
    }
}

#[test]
fn a_429_of_a_request_that_was_begun_again_may_be_the_first_one_told_again() {
    let mut host = Host::new();
    let events = [Event::Begin, Event::RateLimited, Event::Wait, Event::Begin, Event::RateLimited];
    events.into_iter().for_each(|event| host.step(event));
    assert_eq!(host.taken, 2);
    assert!(host.is_ready("find") && !host.is_ready("create"));
    host.now += 10 * LEASE;
    host.step(Event::Begin);
    assert_eq!(host.taken, 2);
}

/// A host with a lookup that is owed now.
fn looking() -> (Host, EffectId) {
    let mut host = Host::new();
    host.step(Event::Begin);
    let body = br#"{"id":"sub_1"}"#.as_slice();
    assert!(host.tell(Fact::Reply {
        effect: CREATE.into(),
        sending: None,
        http_status: 200,
        headers: Headers::default(),
        body: body.into()
    }));
    let origin = Origin::Unverified;
    assert!(host.tell(Fact::Webhook { body: body.into(), content_type: None, topic: None, origin }));
    (host, EffectId::parse("look:1").unwrap())
}

#[test]
fn a_lost_look_up_rests_longer_each_time_and_never_less_than_its_back_off() {
    for after in ["", "0", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        let (mut host, look) = looking();
        let mut context = host.context();
        alloc::sync::Arc::make_mut(&mut context.config).lease_ms = Millis::from_seconds(1);
        let mut rests = Vec::new();
        for _ in 0..9 {
            host.at = host.at.lease(&look, &context).unwrap().next;
            let headers: Headers<'_> = [("retry-after", after)].into_iter().collect();
            let reply = Fact::Reply {
                effect: "look:1".into(),
                sending: None,
                http_status: 503,
                headers,
                body: b"".as_slice().into(),
            };
            host.at = host.at.observe(reply, &context).unwrap().next;
            let due = host.at.effects(&context)[0].not_before.unwrap();
            rests.push((due.as_millis() - context.now.as_millis()) / 1000);
            context.now = due;
        }
        assert_eq!(rests, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    }
}

#[test]
fn what_is_told_of_a_look_up_that_was_begun_again_leaves_it_in_its_hands() {
    let (mut host, look) = looking();
    for event in [Fact::Lost { effect: "look:1".into(), sending: None }, reply("look:1", 429)] {
        let mut host = host.clone();
        host.at = host.at.lease(&look, &host.context()).unwrap().next;
        assert!(host.tell(event.clone()) && !host.tell(event.clone()));
        host.now = 30_000;
        host.at = host.at.lease(&look, &host.context()).unwrap().next;
        assert!(host.tell(event.clone()) && !host.tell(event));
        let it = &host.at.effects(&host.context())[0];
        let end = Some(Timestamp::from_millis(30_000 + LEASE));
        assert_eq!((it.ready, it.leased_until, it.not_before), (false, end, end));
    }
    host.at = host.at.lease(&look, &host.context()).unwrap().next;
    assert!(!host.tell(Fact::Lost { effect: CREATE.into(), sending: None }));
}
