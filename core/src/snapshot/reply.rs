//! Replies: what follows for the request that each answers.

use alloc::sync::Arc;

use super::Snapshot;
use super::observe::Stepped;
use super::way::{Way, made_before, unreadable, way};
use crate::config::Context;
use crate::effect::{Answered, Call, End, OutboxEntry, Retry};
use crate::fact::{Failure, FailureKind, Headers, IgnoredReason, is_too_long};
use crate::flow::{Cx, Flow, Input, Refusal, Reply, Reviews};
use crate::id::EffectId;
use crate::time::Timestamp;

/// Which sending of a request something is told of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// That one, whose outcome is unknown so far.
    Open(u32),
    /// One whose outcome is known.
    Closed,
    /// Any of several.
    Any,
}

impl Which {
    pub(super) fn of<C: Call>(it: &OutboxEntry<C>, sending: Option<u32>) -> Self {
        let sent = it.sent.as_deref();
        match sending.or((!it.is_leased_again()).then_some(1)) {
            None => Self::Any,
            Some(n) if sent.is_some_and(|sent| sent.open.has(n)) => Self::Open(n),
            Some(_) => Self::Closed,
        }
    }

    const fn sending(self) -> Option<u32> {
        match self {
            Self::Open(sending) => Some(sending),
            Self::Closed | Self::Any => None,
        }
    }

    /// Notes when that sending was begun, as far as it is known.
    fn date<F: Flow>(self, it: &OutboxEntry<F::Call>, cx: &mut Cx<'_, F>) {
        let Some(sent) = it.sent.as_deref() else { return };
        match self.sending() {
            Some(sending) if sending == it.attempts => cx.answers(sent.last_at, sent.last_at),
            Some(1) => cx.answers(sent.first_at, sent.first_at),
            _ => cx.answers(sent.first_at, sent.last_at),
        }
    }
}

/// A reply to a request that is owed, and how long the provider asks to wait.
pub(super) struct Told<'r, C> {
    pub(super) it: &'r OutboxEntry<C>,
    pub(super) call: &'r Arc<C>,
    pub(super) which: Which,
    pub(super) rest_until: Option<Timestamp>,
}

impl<'r, C: Call> Told<'r, C> {
    /// What is told of a request; nothing of another effect.
    pub(super) fn of(it: &'r OutboxEntry<C>, sending: Option<u32>, rest_until: Option<Timestamp>) -> Option<Self> {
        Some(Self { it, call: it.shared_call()?, which: Which::of(it, sending), rest_until })
    }
}

impl<F: Flow> Snapshot<F> {
    /// Reads a reply to a request that is owed.
    pub(super) fn answered(&self, told: &Told<'_, F::Call>, reply: &Reply<'_>, context: &Context) -> Stepped<F> {
        let since = told.it.sent.as_ref().map_or(context.now, |sent| sent.first_at);
        let is_long = is_too_long(reply.body);
        let way = if is_long { Way::UNKNOWN } else { way(&*self.state, since, told.call, reply) };
        let id = &told.it.id;
        let say = |kind, refusal: &Refusal<F::Event>| Some(failure(id, kind, reply.status, refusal));
        let unsaid = Refusal::new(None, None);
        match way {
            Way::Done(event) if F::made(&event).is_some_and(|made| self.outbox.was_made(told.call, made)) => {
                let mut failure = failure(id, FailureKind::Unreadable, reply.status, &unsaid);
                failure.message = Some(made_before(told.call.operation().name));
                self.unknown(told, true, Some(failure), None, context)
            }
            Way::Done(event) => self.done_by_reply(told, reply, event, context),
            _ if told.which == Which::Closed => Ok(self.ignored(IgnoredReason::Duplicate)),
            // Of which sending it is nobody knows: then only a success counts.
            Way::Accepted if told.which == Which::Any => {
                let failure = say(FailureKind::Unreadable, &unsaid);
                self.unknown(told, true, failure, None, context)
            }
            Way::Accepted => self.accepted(told, context),
            Way::Refused(refusal) => {
                let failure = say(FailureKind::Refused, &refusal);
                self.refused(told, reply.status, refusal, failure, context)
            }
            Way::NotAdmitted(refusal) => {
                let failure = say(FailureKind::NotAdmitted, &refusal);
                self.turned_away(told, Turned::not_admitted(refusal.event), failure, context)
            }
            Way::Throttled(refusal) => {
                let failure = say(FailureKind::Throttled, &refusal);
                self.turned_away(told, Turned::throttled(refusal.event), failure, context)
            }
            Way::Unknown { refusal, pointer, hint } => {
                let mut failure = failure(id, FailureKind::Unreadable, reply.status, &refusal.unwrap_or(unsaid));
                failure.pointer = pointer;
                failure.message.get_or_insert_with(|| unreadable(told.call.operation().name, reply.status, pointer));
                let good = (200..=299).contains(&reply.status);
                self.unknown(told, good, Some(failure), hint, context)
            }
        }
    }

    /// The success of any sending ends a request.
    fn done_by_reply(
        &self,
        told: &Told<'_, F::Call>,
        reply: &Reply<'_>,
        event: F::Event,
        context: &Context,
    ) -> Stepped<F> {
        let Told { it, call, which, .. } = told;
        let mut cx = self.cx(context);
        which.date(it, &mut cx);
        Self::remove(it, F::made(&event), &mut cx);
        let moved = self.moved(Input::Answered { id: it.id.clone(), call: Arc::clone(call), event }, cx, None)?;
        if self.overflows_with(reply.body, &moved) {
            let failure = failure(&it.id, FailureKind::Unreadable, reply.status, &Refusal::<()>::new(None, None));
            return self.unknown(told, true, Some(failure), None, context);
        }
        Ok(moved)
    }

    /// Takes a request out that was done, and remembers it as long as another sending of it may be answered.
    fn remove(it: &OutboxEntry<F::Call>, made: Option<&str>, cx: &mut Cx<'_, F>) {
        let outbox = cx.outbox.to_mut();
        let Some(gone) = outbox.remove(it.id.as_str()) else { return };
        if let Some(call) = gone.call() {
            outbox.makes(call, made);
        }
        if gone.is_leased_again() {
            outbox.remember(&gone, End::Done(made.map(Into::into)));
        }
    }

    fn accepted(&self, told: &Told<'_, F::Call>, context: &Context) -> Stepped<F> {
        let Told { it, call, which, .. } = told;
        if it.sent.as_ref().is_some_and(|sent| sent.answered == Answered::Accepted) {
            return Ok(self.ignored(IgnoredReason::Duplicate));
        }
        let mut cx = self.cx(context);
        let outbox = cx.outbox.to_mut();
        outbox.rest(it.id.as_str(), which.sending(), context.now, &context.config, None);
        outbox.answer(it.id.as_str(), Answered::Accepted);
        cx.look_for_outcome_now(call);
        self.moved(Input::Accepted { id: it.id.clone(), call: Arc::clone(call) }, cx, None)
    }

    /// One sending did nothing. If no other may have come true, the request is over.
    fn refused(
        &self,
        told: &Told<'_, F::Call>,
        status: u16,
        refusal: Refusal<F::Event>,
        failure: Option<Failure>,
        context: &Context,
    ) -> Stepped<F> {
        let Told { it, call, which, rest_until } = told;
        let (id, call) = (it.id.clone(), Arc::clone(call));
        let Refusal { code, event, .. } = refusal;
        let mut cx = self.cx(context);
        which.date(it, &mut cx);
        let settles = !call.operation().class.must_be_known();
        let outbox = cx.outbox.to_mut();
        if outbox.close(id.as_str(), which.sending()) || settles {
            outbox.remove(id.as_str());
            return self.moved(Input::Refused { id, call, status, code, event }, cx, failure);
        }
        outbox.rest(id.as_str(), which.sending(), context.now, &context.config, *rest_until);
        if call.outcome_lookup().is_none() && call.operation().class.is_of_money() {
            outbox.ask(id.as_str(), context.now);
        }
        cx.look_for_outcome_now(&call);
        // What it says of the object counts where it is known which sending it is about.
        let code = code.filter(|_| *which != Which::Any);
        self.moved(Input::RefusedOnce { id, call, status, code, event }, cx, failure)
    }

    /// One sending did nothing, by no fault of the request: it stays owed under its id and key.
    pub(super) fn turned_away(
        &self,
        told: &Told<'_, F::Call>,
        how: Turned<F::Event>,
        failure: Option<Failure>,
        context: &Context,
    ) -> Stepped<F> {
        let Told { it, call, which, rest_until } = told;
        let Turned { is_admitted, event } = how;
        if *which == Which::Any && call.operation().class.must_be_known() {
            // It may be told again of an earlier sending, and says nothing of the last one.
            return self.unknown(told, false, failure, event, context);
        }
        let id = it.id.as_str();
        let mut cx = self.cx(context);
        let outbox = cx.outbox.to_mut();
        let over = outbox.close(id, which.sending());
        outbox.rest(id, which.sending(), context.now, &context.config, *rest_until);
        if !is_admitted {
            outbox.turn_away(id, context.now);
        }
        if over {
            outbox.withdraw_outcome(call);
        }
        let (id, call) = (it.id.clone(), Arc::clone(call));
        match event {
            Some(event) => self.moved(Input::Hinted { id, call, event }, cx, failure),
            None if over && !call.operation().is_lookup() => self.moved(Input::NotSent { id, call }, cx, failure),
            None => Ok(self.applied(Arc::clone(&self.state), cx, failure)),
        }
    }

    /// Nothing is known of a sending: the request stays owed, or is looked up in its place. Told again, it changes nothing.
    pub(super) fn unknown(
        &self,
        told: &Told<'_, F::Call>,
        good: bool,
        failure: Option<Failure>,
        hint: Option<F::Event>,
        context: &Context,
    ) -> Stepped<F> {
        let Told { it, call, which, rest_until } = told;
        let sending = which.sending();
        let id = it.id.as_str();
        let known = it.sent.as_ref().is_some_and(|sent| sent.lost >= Some(sending.unwrap_or(it.attempts)));
        let mut cx = self.cx(context);
        if good && it.sent.as_ref().is_some_and(|sent| sent.answered == Answered::No) {
            cx.outbox.to_mut().answer(id, Answered::Unreadable);
        } else if known && hint.is_none() {
            return Ok(self.ignored(IgnoredReason::Duplicate));
        }
        if !known {
            let outbox = cx.outbox.to_mut();
            outbox.rest(id, sending, context.now, &context.config, *rest_until);
            outbox.lose(id, sending.unwrap_or(it.attempts));
            match call.operation().class {
                Retry::Reconcile | Retry::Harmless => cx.look_for_outcome_now(call),
                _ => cx.look_for_outcome(id),
            }
        }
        match hint {
            Some(event) => self.moved(Input::Hinted { id: it.id.clone(), call: Arc::clone(call), event }, cx, failure),
            None => Ok(self.applied(Arc::clone(&self.state), cx, failure)),
        }
    }

    /// A reply to a request that is over: it may say that something was made after all, or twice.
    pub(super) fn answered_late(&self, id: &str, reply: &Reply<'_>, context: &Context) -> Stepped<F> {
        let Some(past) = self.outbox.past(id) else { return Ok(self.ignored(IgnoredReason::Duplicate)) };
        let Way::Done(event) = way(&*self.state, Timestamp::default(), &past.call, reply) else {
            return Ok(self.ignored(IgnoredReason::Duplicate));
        };
        let made = F::made(&event);
        let mut cx = self.cx(context);
        match &past.end {
            End::Undone => {
                let after_all = cx.was_made(past, made, F::Review::DONE_AFTER_ALL);
                self.moved(Input::AfterAll(after_all, event), cx, None)
            }
            End::Done(Some(first)) if made.is_some_and(|made| made != first) => {
                if let Some(ask) = F::Review::DONE_TWICE {
                    cx.ask(ask, made.unwrap_or(id));
                }
                Ok(self.applied(Arc::clone(&self.state), cx, None))
            }
            End::Done(_) => Ok(self.ignored(IgnoredReason::Duplicate)),
        }
    }
}

/// Why nothing came of a sending.
pub(super) struct Turned<E> {
    /// Whether the key was admitted: the provider asks to wait, or no byte was written.
    is_admitted: bool,
    /// What the reply says besides.
    event: Option<E>,
}

impl<E> Turned<E> {
    const fn not_admitted(event: Option<E>) -> Self {
        Self { is_admitted: false, event }
    }

    pub(super) const fn throttled(event: Option<E>) -> Self {
        Self { is_admitted: true, event }
    }
}

fn failure<E>(to: &EffectId, kind: FailureKind, status: u16, refusal: &Refusal<E>) -> Failure {
    let Refusal { code, message, rule, .. } = refusal;
    let (code, message) = (code.clone(), message.clone());
    Failure {
        effect: to.clone(),
        kind,
        http_status: status,
        pointer: None,
        code,
        message,
        rule: rule.map(|rule| rule.code),
    }
}

/// How long a reply asks to wait.
pub(super) fn retry_after(headers: &Headers<'_>, now: Timestamp) -> Option<Timestamp> {
    headers.get("retry-after").and_then(|text| Timestamp::parse_retry_after(text, now))
}
