//! The host's workers: each loads, leases, saves, carries out, and reports, and may stop at any point.

use rulebound::ffi::{AnyError, AnySnapshot};
use rulebound::json::write;
use rulebound::{Effect, PendingEffect};
use serde_json::{Value, json};

use super::chaos::{SendResult, send};
use super::provider::{Question, SentRequest};
use super::world::World;
use crate::chance::Chance;

/// How long a lease lasts in the default config. A later sending could meet another worker.
const LEASE: i64 = 5 * 60_000;

/// A worker between two of its steps.
pub(super) enum Worker {
    Idle,
    /// It has loaded the row.
    Loaded(Box<dyn AnySnapshot>),
    /// It has leased a request until a time, and saved the snapshot.
    Leased(SentRequest, Option<u64>, i64),
    /// It has sent the request, and has a result.
    Sent(String, Option<u64>, SendResult),
    /// It has another effect to carry out.
    Pending(PendingEffect),
    /// It has carried out the effect, and reports this fact next.
    Done(Value),
}

impl World<'_> {
    /// Makes the next step of a worker.
    pub(super) fn work(&mut self, worker: usize, chance: &mut Chance<'_>) {
        let next = match std::mem::replace(&mut self.workers[worker], Worker::Idle) {
            Worker::Idle => Worker::Loaded(self.load()),
            Worker::Loaded(snapshot) => self.lease(worker, snapshot.as_ref(), chance),
            Worker::Leased(request, _, until) if self.now >= until => {
                self.note(|| format!("worker {worker} finds that its lease of {} is over", request.effect));
                Worker::Idle
            }
            Worker::Leased(request, sending, _) => {
                let result = send(self.provider.as_mut(), &request, chance, self.now);
                self.note(|| format!("worker {worker} sends {} {sending:?}: {result:?}", request.effect));
                Worker::Sent(request.effect, sending, result)
            }
            Worker::Sent(effect, sending, result) => {
                self.report_result(&effect, sending, result);
                Worker::Idle
            }
            Worker::Pending(pending) => self.carry_out(worker, &pending, chance),
            Worker::Done(fact) => {
                self.fact(fact, None);
                Worker::Idle
            }
        };
        self.workers[worker] = next;
    }

    /// Leases a ready effect, or chooses a review. Another worker may have been faster.
    fn lease(&mut self, worker: usize, snapshot: &dyn AnySnapshot, chance: &mut Chance<'_>) -> Worker {
        let context = self.context();
        let ready: Vec<_> = snapshot.effects(&context).into_iter().filter(|it| it.ready).collect();
        let Some(pending) = chance.one(&ready).cloned() else { return Worker::Idle };
        if matches!(pending.effect, Effect::Review { .. }) {
            return Worker::Pending(pending);
        }
        let leased = match snapshot.lease(&pending.id, &context) {
            Ok(leased) => leased,
            Err(AnyError::Rejected(why)) => panic!("a ready effect cannot be leased: {} {why}", pending.id),
            Err(why) => panic!("the lease is malformed: {why}"),
        };
        let request = leased.request.as_ref().map(|it| serde_json::from_str::<Value>(&write(it)).unwrap_or_default());
        if !self.save(snapshot.revision(), leased.next.as_ref()) {
            return Worker::Idle;
        }
        self.note(|| format!("worker {worker} leases {}", pending.id));
        match request {
            None => Worker::Pending(pending),
            Some(request) => {
                let sending = request["sending"].as_u64();
                let request = SentRequest::of(&request, pending.id.as_str());
                self.ledger.sent(&request);
                Worker::Leased(request, sending, self.now + LEASE)
            }
        }
    }

    /// Reports the reply, or that none came.
    fn report_result(&mut self, effect: &str, sending: Option<u64>, result: SendResult) {
        match result {
            SendResult::Reply { status, body } => self.replied(effect, sending, status, &body),
            SendResult::Nothing | SendResult::NotSent => {
                let kind = if result == SendResult::NotSent { "not_sent" } else { "lost" };
                let mut fact = json!({"type": kind, "effect": effect});
                self.number(&mut fact, sending);
                self.fact(fact, None);
            }
        }
    }

    /// Carries out an effect that is not a request.
    fn carry_out(&mut self, worker: usize, pending: &PendingEffect, chance: &mut Chance<'_>) -> Worker {
        let id = pending.id.as_str();
        let mut done = json!({"type": "done", "effect": id});
        match &pending.effect {
            Effect::Review { reason, about, verdicts: choices, .. } => {
                let about = about.as_str();
                // A person takes time, and reads the row again.
                if !self.load().effects(&self.context()).iter().any(|it| it.id == pending.id && it.ready) {
                    return Worker::Idle;
                }
                let verdicts: Vec<_> = choices.iter().map(|it| it.verdict.to_owned()).collect();
                let question = Question { reason, about, verdicts: &verdicts };
                self.ledger.reviewed.insert(about.to_owned());
                let (verdict, named) = self.provider.review(question, self.now);
                assert!(question.has(&verdict), "`{verdict}` is no verdict of {reason} about {about}: {verdicts:?}");
                done = json!({"type": "reviewed", "effect": id, "verdict": verdict});
                if choices.iter().any(|it| it.verdict == verdict && it.needs_id.is_some()) {
                    assert!(named.is_some(), "`{verdict}` of {reason} about {about} needs an id, and there is none");
                    done["id"] = named.into();
                }
            }
            // Now and then an effect fails, and is reported as lost.
            _ if chance.byte() > 230 => {
                done = json!({"type": "lost", "effect": id});
            }
            Effect::Fulfill { about, .. } => self.ledger.deliver(id, about.as_str(), self.provider.as_ref()),
            Effect::Access { about, access_until: until, .. } => {
                self.ledger.grant(id, about.as_str(), (until.as_millis(), self.now), self.provider.as_ref());
            }
            _ => {}
        }
        self.note(|| format!("worker {worker} does {id}: {done}"));
        Worker::Done(done)
    }
}
