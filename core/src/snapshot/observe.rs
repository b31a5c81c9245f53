//! Facts: what has happened moves the flow, or does not, and is never refused.

use alloc::vec::Vec;

use super::{Observation, Snapshot, Transition, has_edges};
use crate::effect::{Call, Duty, Obligation};
use crate::fact::{Because, Fact, FactError, Failure, Headers, Origin, Verdict, is_too_long};
use crate::flow::{Answer, Cx, Flow, Input, Moment, Refusal, Reply, Stop, Webhook};
use crate::id::{CorrelationId, EffectId};
use crate::policy::Env;
use crate::time::Timestamp;

type Observed<F> = Result<Observation<F>, FactError>;

impl<F: Flow> Snapshot<F> {
    /// Something has happened. Never refused; fails only on a fact that the host built wrong.
    pub fn observe(&self, fact: Fact<'_>, env: &Env<F::Settings>) -> Observed<F> {
        match fact {
            Fact::Reply { to, status, headers, body } => self.replied(&to, status, &headers, &body, env),
            Fact::Lost { to } => match self.sent(&to)? {
                Some(it) => Ok(self.unanswered(it, env, None, None)),
                None => Ok(unmoved(Because::Known)),
            },
            Fact::Webhook { body, content_type, topic, origin } => {
                if is_too_long(&body) {
                    return Ok(unmoved(Because::Unreadable));
                }
                let webhook = Webhook { body: &body, content_type: content_type.as_deref(), topic: topic.as_deref() };
                Ok(self.signalled(&webhook, origin, env))
            }
            Fact::Returned { via } => Ok(self.moved(Input::Returned(via), self.cx(env), None)),
            Fact::Done { effect, verdict } => self.done(&effect, verdict, env),
        }
    }

    fn cx<'a>(&'a self, env: &'a Env<F::Settings>) -> Cx<'a, F> {
        Cx::new(&self.key, env, Moment::Fact, &self.outbox)
    }

    /// The request that a reply is to, if it is still owed.
    fn sent(&self, to: &str) -> Result<Option<&Obligation<F::Call>>, FactError> {
        if EffectId::parse(to).is_err() {
            return Err(FactError::new("/to", "is not the id of an effect"));
        }
        match self.outbox.find(to) {
            None => Ok(None),
            Some(it) if !matches!(it.duty, Duty::Request(_)) => {
                Err(FactError::new("/to", "names an effect that is no request: say `done` of it"))
            }
            Some(it) if it.begun == 0 => Err(FactError::new("/to", "names a request that was never begun")),
            Some(it) => Ok(Some(it)),
        }
    }

    fn replied(
        &self,
        to: &str,
        status: u16,
        headers: &Headers<'_>,
        body: &[u8],
        env: &Env<F::Settings>,
    ) -> Observed<F> {
        if !(100..=999).contains(&status) {
            return Err(FactError::new("/status", "is not an HTTP status"));
        }
        let Some(obligation) = self.sent(to)? else { return Ok(unmoved(Because::Known)) };
        let after = || headers.get("retry-after").and_then(|text| Timestamp::parse_retry_after(text, env.now));
        if status == 429 {
            return Ok(self.rate_limited(obligation, env, after()));
        }
        if status == 408 || status >= 500 {
            return Ok(self.unanswered(obligation, env, after(), Some((status, Refusal::default()))));
        }
        let Duty::Request(call) = &obligation.duty else { return Ok(unmoved(Because::Known)) };
        let answer = if is_too_long(body) { Answer::Unreadable } else { F::read_reply(call, &Reply { status, body }) };
        match answer {
            Answer::Unreadable => Ok(self.unanswered(obligation, env, None, Some((status, Refusal::default())))),
            Answer::Again(refusal) => Ok(self.unanswered(obligation, env, after(), Some((status, refusal)))),
            Answer::Says(event) => {
                let (id, call, cx) = self.settled(obligation, call, env);
                Ok(self.moved(Input::Answered { id, call, event }, cx, None))
            }
            Answer::Refuses(refusal, event) => {
                let (id, call, cx) = self.settled(obligation, call, env);
                let code = refusal.code.clone();
                let failure = failure(&id, status, refusal);
                let input = match event {
                    Some(event) => Input::Answered { id, call, event },
                    None => Input::Refused { id, call, status, code },
                };
                Ok(self.moved(input, cx, Some(failure)))
            }
        }
    }

    fn settled<'a>(
        &'a self,
        obligation: &Obligation<F::Call>,
        call: &F::Call,
        env: &'a Env<F::Settings>,
    ) -> (EffectId, F::Call, Cx<'a, F>) {
        let mut cx = self.cx(env);
        cx.answers(obligation);
        cx.outbox.to_mut().discharge(obligation.id.as_str());
        (obligation.id.clone(), call.clone(), cx)
    }

    /// The provider asked to wait: nothing was done, and the request rests.
    fn rate_limited(
        &self,
        obligation: &Obligation<F::Call>,
        env: &Env<F::Settings>,
        until: Option<Timestamp>,
    ) -> Observation<F> {
        let mut cx = self.cx(env);
        cx.outbox.to_mut().put_off(obligation.id.as_str(), env.now, &env.policy, until);
        self.applied(self.state.clone(), cx, Some(failure(&obligation.id, 429, Refusal::default())))
    }

    /// The outcome is unknown: it stays owed, or is held back and looked up, and a look-up counts as inconclusive.
    fn unanswered(
        &self,
        obligation: &Obligation<F::Call>,
        env: &Env<F::Settings>,
        until: Option<Timestamp>,
        answer: Option<(u16, Refusal)>,
    ) -> Observation<F> {
        let id = &obligation.id;
        let failure = answer.map(|(status, refusal)| failure(id, status, refusal));
        let mut cx = self.cx(env);
        let Duty::Request(call) = &obligation.duty else { return unmoved(Because::Known) };
        if call.is_look_up() {
            cx.answers(obligation);
            cx.outbox.to_mut().discharge(id.as_str());
            cx.rest_look_ups_until(until);
            cx.lost = Some(obligation.clone());
            return self.moved(Input::Missed(call.clone()), cx, failure);
        }
        let outbox = cx.outbox.to_mut();
        if obligation.is_reconciled() {
            outbox.hold(id.as_str());
        } else if let Some(it) = outbox.find_mut(id.as_str()) {
            it.rest(env.now, &env.policy, until);
        }
        if let Some(look_up) = call.outcome_look_up() {
            cx.look_up(look_up);
        }
        self.applied(self.state.clone(), cx, failure)
    }

    fn signalled(&self, webhook: &Webhook<'_>, origin: Origin, env: &Env<F::Settings>) -> Observation<F> {
        match F::read_webhook(webhook) {
            None => unmoved(Because::Unreadable),
            Some(event) => self.moved(Input::Signalled(event, origin), self.cx(env), None),
        }
    }

    fn done(&self, effect: &str, verdict: Option<Verdict>, env: &Env<F::Settings>) -> Observed<F> {
        if EffectId::parse(effect).is_err() {
            return Err(FactError::new("/effect", "is not the id of an effect"));
        }
        let Some(obligation) = self.outbox.find(effect) else { return Ok(unmoved(Because::Known)) };
        let mut cx = self.cx(env);
        cx.outbox.to_mut().discharge(effect);
        match (&obligation.duty, verdict) {
            (Duty::Request(_), _) => Err(FactError::new("/effect", "names a request: its end is a `reply`, or `lost`")),
            (Duty::Review { reason, of, verdicts }, Some(verdict)) => {
                if !verdicts.iter().any(|it| it == verdict.name()) {
                    let all = verdicts.join(", ");
                    return Err(FactError::new("/verdict", alloc::format!("is none of {all}")));
                }
                if !is_whole::<F>(&verdict) {
                    let name = verdict.name();
                    let reason =
                        alloc::format!("names none of the provider's ids: {{\"verdict\": \"{name}\", \"id\": …}}");
                    return Err(FactError::new("/verdict", reason));
                }
                let (reason, of) = (reason.clone().into_owned(), of.clone());
                Ok(self.moved(Input::Judged { reason, of, verdict }, cx, None))
            }
            (Duty::Review { verdicts, .. }, None) => {
                Err(FactError::new("/verdict", alloc::format!("is missing: one of {}", verdicts.join(", "))))
            }
            (_, Some(_)) => Err(FactError::new("/verdict", "belongs to a review alone")),
            (_, None) => Ok(self.applied(self.state.clone(), cx, None)),
        }
    }

    /// Steps, and tells whether anything moved.
    fn moved(&self, input: Input<F>, mut cx: Cx<'_, F>, failure: Option<Failure>) -> Observation<F> {
        let on = F::on(&input);
        let settles = matches!(cx.outbox, alloc::borrow::Cow::Owned(_));
        let state = match self.state.clone().step(input, &mut cx) {
            Ok(state) => state,
            // The answer itself has been taken from the outbox: that much has moved.
            Err(Stop::Unmoved(_) | Stop::Refused) if settles => self.state.clone(),
            Err(Stop::Unmoved(because)) => return Observation::Unmoved { because, warnings: cx.warnings },
            Err(Stop::Refused) => return Observation::Unmoved { because: Because::Unrelated, warnings: cx.warnings },
        };
        if let Some(lost) = cx.lost.take().filter(|_| cx.resumes) {
            let now = cx.now();
            cx.outbox.to_mut().resume(&lost, now);
        }
        if !has_edges(&self.state, on, &state) {
            debug_assert!(false, "{} has no edge for {on:?} from {:?} to {state:?}", F::ID, self.state);
            return Observation::Unmoved { because: Because::Unrelated, warnings: cx.warnings };
        }
        self.applied(state, cx, failure)
    }

    fn applied(&self, state: F, cx: Cx<'_, F>, failure: Option<Failure>) -> Observation<F> {
        let (next, noted) = self.next(state, cx);
        if next.revision == self.revision {
            return Observation::Unmoved { because: Because::Known, warnings: noted.warnings };
        }
        let (learnt, warnings) = (noted.learnt, noted.warnings);
        Observation::Applied(Transition { next, take: None, learnt, failure, warnings })
    }
}

/// Whether a verdict names an id where it must, and one that can be one wherever it does.
fn is_whole<F: Flow>(verdict: &Verdict) -> bool {
    match (verdict, F::id_of(verdict.name())) {
        (Verdict::About { id, .. }, Some(is_id)) => is_id(id),
        (Verdict::About { id, .. }, None) => CorrelationId::parse(id.as_str()).is_ok(),
        (Verdict::Plain(_), needed) => needed.is_none(),
    }
}

const fn unmoved<F: Flow>(because: Because) -> Observation<F> {
    Observation::Unmoved { because, warnings: Vec::new() }
}

fn failure(to: &EffectId, status: u16, refusal: Refusal) -> Failure {
    let Refusal { code, message, rule } = refusal;
    Failure { to: to.clone(), status, code, message, rule: rule.map(|rule| rule.code) }
}
