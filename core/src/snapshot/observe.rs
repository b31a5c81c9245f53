//! Facts: what has happened moves the flow, or does not, and is never refused.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::reply::{Told, Turned, Which, retry_after};
use super::{Fault, Observation, ObserveError, Snapshot, Transition, declared};
use crate::effect::{Call, Obligation};
use crate::fact::{Because, Fact, FactError, Failure, Headers, Origin, is_too_long};
use crate::flow::{Cx, Flow, Input, Moment, Reply, Stop, Webhook};
use crate::id::EffectId;
use crate::policy::Env;
use crate::time::Timestamp;

/// The length from which on a body may matter to that of a snapshot: 16 KiB.
const LONG_BODY: usize = 16 << 10;

/// How many effects a snapshot owes from which on any fact may matter to its length.
const MANY: usize = 64;

pub(super) type Observed<F> = Result<Observation<F>, ObserveError>;

/// What a step leads to.
pub(super) type Stepped<F> = Result<Observation<F>, Fault>;

impl<F: Flow> Snapshot<F> {
    /// Something has happened. Never refused; fails only on a fact that the host built wrong.
    pub fn observe(&self, fact: Fact<'_>, env: &Env<F::Settings>) -> Observed<F> {
        match fact {
            Fact::Reply { to, sending, status, headers, body } => {
                self.replied(&to, sending, &Reply { status, body: &body }, &headers, env)
            }
            Fact::Lost { to, sending } => self.lost(&to, sending, env),
            Fact::NotSent { to, sending } => {
                let told = self.begun(&to, sending)?.and_then(|it| Told::of(it, sending, None));
                let closed = |told: &Told<'_, _>| told.which == Which::Closed;
                Ok(match told.filter(|told| !closed(told)) {
                    Some(told) => self.turned_away(&told, Turned::throttled(None), None, env)?,
                    None => unmoved(Because::Known),
                })
            }
            Fact::Restored { taken_at } => Ok(self.restored(taken_at, env)),
            Fact::Webhook { body, content_type, topic, origin } => {
                if is_too_long(&body) {
                    return Ok(unmoved(Because::Unreadable));
                }
                let webhook = Webhook { body: &body, content_type: content_type.as_deref(), topic: topic.as_deref() };
                Ok(self.signalled(&webhook, origin, env)?)
            }
            Fact::Returned { via } => Ok(self.moved(Input::Returned(via), self.cx(env), None)?),
            Fact::Done { effect, verdict } => self.done(&effect, verdict, env),
        }
    }

    pub(super) fn cx<'a>(&'a self, env: &'a Env<F::Settings>) -> Cx<'a, F> {
        Cx::new(&self.key, env, Moment::Fact, &self.outbox)
    }

    /// What was begun and is still owed.
    fn begun(&self, to: &str, sending: Option<u32>) -> Result<Option<&Obligation<F::Call>>, FactError> {
        if EffectId::parse(to).is_err() {
            return Err(FactError::new("/to", "is not the id of an effect"));
        }
        let it = self.outbox.find(to);
        if it.is_none() && !self.may_have_owed(to) {
            return Err(FactError::new("/to", "names an effect that this flow never had"));
        }
        let begun = it.map(|it| it.begun).or_else(|| self.outbox.past(to).map(|it| it.begun));
        match (begun, sending) {
            (_, Some(0)) => Err(FactError::new("/sending", "counts from 1")),
            (Some(0), _) => Err(FactError::new("/to", "names an effect that was never begun")),
            (Some(begun), Some(sending)) if sending > begun => {
                Err(FactError::new("/sending", alloc::format!("is {sending}, and it was begun {begun} times")))
            }
            _ => Ok(it),
        }
    }

    /// Whether an effect that is not owed may have been: it is named after one of the flow's operations, or as the others are.
    pub(super) fn may_have_owed(&self, id: &str) -> bool {
        let kind = id.split(':').next().unwrap_or_default();
        <F::Call as Call>::operations().iter().any(|it| it.name == kind)
            || ["notify", "fulfill", "access", "review"].contains(&kind)
    }

    fn replied(
        &self,
        to: &str,
        sending: Option<u32>,
        reply: &Reply<'_>,
        headers: &Headers<'_>,
        env: &Env<F::Settings>,
    ) -> Observed<F> {
        if !(100..=999).contains(&reply.status) {
            return Err(FactError::new("/status", "is not an HTTP status").into());
        }
        let Some(it) = self.begun(to, sending)? else { return Ok(self.answered_late(to, reply, env)?) };
        match Told::of(it, sending, retry_after(headers, env.now)) {
            Some(told) => Ok(self.answered(&told, reply, env)?),
            None => Err(FactError::new("/to", "names an effect that is no request: say `done` of it").into()),
        }
    }

    /// No reply came to a request, or another effect was not done: it is somebody else's turn, after a rest.
    fn lost(&self, to: &str, sending: Option<u32>, env: &Env<F::Settings>) -> Observed<F> {
        let Some(it) = self.begun(to, sending)? else { return Ok(unmoved(Because::Known)) };
        match Told::of(it, sending, None) {
            Some(told) if told.which == Which::Closed => Ok(unmoved(Because::Known)),
            Some(told) => Ok(self.unknown(&told, false, None, None, env)?),
            None if it.in_hand_until.is_none() => Ok(unmoved(Because::Known)),
            None => {
                let mut cx = self.cx(env);
                cx.outbox.to_mut().rest(to, Some(it.begun), env.now, &env.policy, None);
                Ok(self.applied(Arc::clone(&self.state), cx, None))
            }
        }
    }

    /// Whatever is owed counts as sent, by a worker that this row knows nothing of.
    fn restored(&self, taken_at: Timestamp, env: &Env<F::Settings>) -> Observation<F> {
        let mut cx = self.cx(env);
        let lease = env.now.after(env.policy.lease);
        for id in cx.outbox.to_mut().restore(taken_at, env.now, lease) {
            cx.look_for_outcome(id.as_str());
        }
        self.applied(Arc::clone(&self.state), cx, None)
    }

    fn signalled(&self, webhook: &Webhook<'_>, origin: Origin, env: &Env<F::Settings>) -> Stepped<F> {
        let Some(event) = F::read_webhook(webhook) else { return Ok(unmoved(Because::Unreadable)) };
        let moved = self.moved(Input::Signalled(event, origin), self.cx(env), None)?;
        Ok(if self.overflows_with(webhook.body, &moved) { unmoved(Because::Unreadable) } else { moved })
    }

    /// Whether a long body, or one more of many effects, leaves more than a snapshot has room for: it is not read then.
    pub(super) fn overflows_with(&self, body: &[u8], moved: &Observation<F>) -> bool {
        let next = match moved {
            Observation::Applied(it) if body.len() > LONG_BODY || it.next.outbox.owed.len() > MANY => &it.next,
            _ => return false,
        };
        next.overflows(self)
    }

    /// Steps, and tells whether anything moved.
    pub(super) fn moved(&self, input: Input<F>, mut cx: Cx<'_, F>, failure: Option<Failure>) -> Stepped<F> {
        let settles = matches!(cx.outbox, alloc::borrow::Cow::Owned(_));
        let mut state = Arc::clone(&self.state);
        let on = match Arc::make_mut(&mut state).step(input, &mut cx) {
            Ok(on) => on,
            Err(Stop::NotNow) => return Err(Fault::Unexplained { flow: F::ID }),
            // The answer itself has been taken from the outbox: that much has moved.
            Err(Stop::Unmoved(_)) if settles => return Ok(self.applied(Arc::clone(&self.state), cx, failure)),
            Err(Stop::Unmoved(because)) => {
                return Ok(Observation::Unmoved { because, warnings: cx.decided().warnings });
            }
        };
        let before = self.state.facets();
        declared(before, on, &*state)?;
        Ok(self.stepped(state, cx, failure, Some((before, on))))
    }

    /// What follows where only what is owed has changed.
    pub(super) fn applied(&self, state: Arc<F>, cx: Cx<'_, F>, failure: Option<Failure>) -> Observation<F> {
        self.stepped(state, cx, failure, None)
    }

    fn stepped(
        &self,
        state: Arc<F>,
        cx: Cx<'_, F>,
        failure: Option<Failure>,
        moved: Option<(F::Facets, F::On)>,
    ) -> Observation<F> {
        let (next, noted) = self.next(state, cx);
        if next.revision == self.revision {
            return Observation::Unmoved { because: Because::Known, warnings: noted.warnings };
        }
        let (learnt, warnings) = (noted.learnt, noted.warnings);
        Observation::Applied(Transition { next, take: None, learnt, failure, warnings, moved })
    }
}

pub(super) const fn unmoved<F: Flow>(because: Because) -> Observation<F> {
    Observation::Unmoved { because, warnings: Vec::new() }
}
