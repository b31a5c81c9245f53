//! The host's workers: each loads, leases and saves, does, and tells, and may stop anywhere in between.

use rulebound::ffi::{AnyError, AnySnapshot};
use rulebound::json::write;
use rulebound::{Effect, PendingEffect};
use serde_json::{Value, json};

use super::chaos::{Heard, send};
use super::provider::{Asked, Got};
use super::world::World;
use crate::chance::Chance;

/// How long a lease lasts, as the default policy has it: what is sent later may meet another worker.
const LEASE: i64 = 5 * 60_000;

/// A worker between two of its steps.
pub(super) enum Worker {
    Idle,
    /// It has read the row.
    Loaded(Box<dyn AnySnapshot>),
    /// It has leased a request until then, and saved that.
    Taken(Got, Option<u64>, i64),
    /// It has sent it, and heard something.
    Sent(String, Option<u64>, Heard),
    /// It has leased something else that is to be done.
    Holds(PendingEffect),
    /// It has done it.
    Did(Value),
}

impl World<'_> {
    /// A worker does its next step.
    pub(super) fn work(&mut self, worker: usize, chance: &mut Chance<'_>) {
        let next = match std::mem::replace(&mut self.workers[worker], Worker::Idle) {
            Worker::Idle => Worker::Loaded(self.load()),
            Worker::Loaded(at) => self.lease(worker, at.as_ref(), chance),
            Worker::Taken(got, _, until) if self.now >= until => {
                self.tell(|| format!("worker {worker} finds that its lease of {} is over", got.effect));
                Worker::Idle
            }
            Worker::Taken(got, sending, _) => {
                let heard = send(self.provider.as_mut(), &got, chance, self.now);
                self.tell(|| format!("worker {worker} sends {} {sending:?}: {heard:?}", got.effect));
                Worker::Sent(got.effect, sending, heard)
            }
            Worker::Sent(effect, sending, heard) => {
                self.hear(&effect, sending, heard);
                Worker::Idle
            }
            Worker::Holds(owed) => self.carry_out(worker, &owed, chance),
            Worker::Did(fact) => {
                self.fact(fact, None);
                Worker::Idle
            }
        };
        self.workers[worker] = next;
    }

    /// Leases something that is ready, or judges a review; it may be that another worker was faster.
    fn lease(&mut self, worker: usize, at: &dyn AnySnapshot, chance: &mut Chance<'_>) -> Worker {
        let around = self.around();
        let ready: Vec<_> = at.effects(&around).into_iter().filter(|it| it.ready).collect();
        let Some(owed) = chance.one(&ready).cloned() else { return Worker::Idle };
        if matches!(owed.effect, Effect::Review { .. }) {
            return Worker::Holds(owed);
        }
        let leased = match at.lease(&owed.id, &around) {
            Ok(leased) => leased,
            Err(AnyError::Rejected(why)) => panic!("what is ready cannot be leased: {} {why}", owed.id),
            Err(why) => panic!("the lease is malformed: {why}"),
        };
        let request = leased.request.as_ref().map(|it| serde_json::from_str::<Value>(&write(it)).unwrap_or_default());
        if !self.save(at.revision(), leased.next.as_ref()) {
            return Worker::Idle;
        }
        self.tell(|| format!("worker {worker} leases {}", owed.id));
        match request {
            None => Worker::Holds(owed),
            Some(request) => {
                let got = Got::of(&request, owed.id.as_str());
                self.ledger.sent(&got);
                Worker::Taken(got, request["sending"].as_u64(), self.now + LEASE)
            }
        }
    }

    /// Tells what was heard, or that nothing was.
    fn hear(&mut self, effect: &str, sending: Option<u64>, heard: Heard) {
        match heard {
            Heard::Reply { status, body } => self.replied(effect, sending, status, &body),
            Heard::Nothing | Heard::NotSent => {
                let kind = if heard == Heard::NotSent { "not_sent" } else { "lost" };
                let mut fact = json!({"type": kind, "effect": effect});
                self.number(&mut fact, sending);
                self.fact(fact, None);
            }
        }
    }

    /// Does what is no request.
    fn carry_out(&mut self, worker: usize, owed: &PendingEffect, chance: &mut Chance<'_>) -> Worker {
        let id = owed.id.as_str();
        let mut done = json!({"type": "done", "effect": id});
        match &owed.effect {
            Effect::Review { reason, about: of, verdicts, needs_id, .. } => {
                // A person takes time, and reads the row anew.
                if !self.load().effects(&self.around()).iter().any(|it| it.id == owed.id && it.ready) {
                    return Worker::Idle;
                }
                let verdicts: Vec<_> = verdicts.iter().map(|it| it.to_string()).collect();
                let asked = Asked { reason, of, verdicts: &verdicts };
                self.ledger.asked.insert((*of).clone());
                let (verdict, named) = self.provider.judge(asked, self.now);
                assert!(asked.offers(&verdict), "nobody says `{verdict}` of {reason} about {of}: {verdicts:?}");
                done = json!({"type": "reviewed", "effect": id, "verdict": verdict});
                if needs_id.iter().any(|it| *it == verdict) {
                    assert!(named.is_some(), "`{verdict}` of {reason} about {of} needs an id, and nobody knows one");
                    done["id"] = named.into();
                }
            }
            // Half of what is done fails now and then, and is told to be lost.
            _ if chance.byte() > 230 => {
                done = json!({"type": "lost", "effect": id});
            }
            Effect::Fulfill { about: of } => self.ledger.deliver(id, of, self.provider.as_ref()),
            Effect::Access { about: of, access_until: until } => {
                self.ledger.admit(id, of, (until.as_millis(), self.now), self.provider.as_ref());
            }
            _ => {}
        }
        self.tell(|| format!("worker {worker} does {id}: {done}"));
        Worker::Did(done)
    }
}
