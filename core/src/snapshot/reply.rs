//! Replies: what follows for the request that each answers.

use alloc::sync::Arc;

use super::Snapshot;
use super::classify::{ReplyOutcome, classify, made_before, unreadable};
use super::observe::Stepped;
use crate::config::Context;
use crate::effect::{Answered, Call, End, OutboxEntry, Retry};
use crate::fact::{Failure, FailureKind, Headers, IgnoredReason, is_too_long};
use crate::flow::{Cx, Flow, Input, Refusal, Reply, Reviews};
use crate::id::EffectId;
use crate::time::Timestamp;

/// Which sending of a request something is told of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// That one, whose outcome is unknown so far.
    Open(u32),
    /// One whose outcome is known.
    Closed,
    /// Any of several.
    Any,
}

impl Sending {
    pub(super) fn of<C: Call>(entry: &OutboxEntry<C>, sending: Option<u32>) -> Self {
        let sent = entry.sent.as_deref();
        match sending.or((!entry.is_leased_again()).then_some(1)) {
            None => Self::Any,
            Some(n) if sent.is_some_and(|sent| sent.open.has(n)) => Self::Open(n),
            Some(_) => Self::Closed,
        }
    }

    const fn number(self) -> Option<u32> {
        match self {
            Self::Open(sending) => Some(sending),
            Self::Closed | Self::Any => None,
        }
    }

    /// Notes when that sending was begun, as far as it is known.
    fn date<F: Flow>(self, entry: &OutboxEntry<F::Call>, cx: &mut Cx<'_, F>) {
        let Some(sent) = entry.sent.as_deref() else { return };
        match self.number() {
            Some(sending) if sending == entry.attempts => cx.replies_to(sent.last_at, sent.last_at),
            Some(1) => cx.replies_to(sent.first_at, sent.first_at),
            _ => cx.replies_to(sent.first_at, sent.last_at),
        }
    }
}

/// A reply to a request that is owed, and how long the provider asks to wait.
pub(super) struct Report<'r, C> {
    pub(super) entry: &'r OutboxEntry<C>,
    pub(super) call: &'r Arc<C>,
    pub(super) which: Sending,
    pub(super) rest_until: Option<Timestamp>,
}

impl<'r, C: Call> Report<'r, C> {
    /// What is told of a request; nothing of another effect.
    pub(super) fn of(entry: &'r OutboxEntry<C>, sending: Option<u32>, rest_until: Option<Timestamp>) -> Option<Self> {
        Some(Self { entry, call: entry.shared_call()?, which: Sending::of(entry, sending), rest_until })
    }
}

impl<F: Flow> Snapshot<F> {
    /// Reads a reply to a request that is owed.
    pub(super) fn apply_reply(&self, report: &Report<'_, F::Call>, reply: &Reply<'_>, context: &Context) -> Stepped<F> {
        let since = report.entry.sent.as_ref().map_or(context.now, |sent| sent.first_at);
        let is_long = is_too_long(reply.body);
        let outcome = if is_long { ReplyOutcome::UNKNOWN } else { classify(&*self.state, since, report.call, reply) };
        let id = &report.entry.id;
        let failed = |kind, refusal: &Refusal<F::Event>| Some(failure(id, kind, reply.status, refusal));
        let no_refusal = Refusal::new(None, None);
        match outcome {
            ReplyOutcome::Done(event)
                if F::made(&event).is_some_and(|made| self.outbox.was_made(report.call, made)) =>
            {
                let mut failure = failure(id, FailureKind::Unreadable, reply.status, &no_refusal);
                failure.message = Some(made_before(report.call.operation().name));
                self.unknown(report, true, Some(failure), None, context)
            }
            ReplyOutcome::Done(event) => self.done_by_reply(report, reply, event, context),
            _ if report.which == Sending::Closed => Ok(self.ignored(IgnoredReason::Duplicate)),
            // Of which sending it is nobody knows: then only a success counts.
            ReplyOutcome::Accepted if report.which == Sending::Any => {
                let failure = failed(FailureKind::Unreadable, &no_refusal);
                self.unknown(report, true, failure, None, context)
            }
            ReplyOutcome::Accepted => self.accepted(report, context),
            ReplyOutcome::Refused(refusal) => {
                let failure = failed(FailureKind::Refused, &refusal);
                self.refused(report, reply.status, refusal, failure, context)
            }
            ReplyOutcome::NotAdmitted(refusal) => {
                let failure = failed(FailureKind::NotAdmitted, &refusal);
                self.turned_away(report, TurnedAway::not_admitted(refusal.event), failure, context)
            }
            ReplyOutcome::Throttled(refusal) => {
                let failure = failed(FailureKind::Throttled, &refusal);
                self.turned_away(report, TurnedAway::throttled(refusal.event), failure, context)
            }
            ReplyOutcome::Unknown { refusal, pointer, hint } => {
                let mut failure = failure(id, FailureKind::Unreadable, reply.status, &refusal.unwrap_or(no_refusal));
                failure.pointer = pointer;
                failure.message.get_or_insert_with(|| unreadable(report.call.operation().name, reply.status, pointer));
                let good = (200..=299).contains(&reply.status);
                self.unknown(report, good, Some(failure), hint, context)
            }
        }
    }

    /// The success of any sending ends a request.
    fn done_by_reply(
        &self,
        report: &Report<'_, F::Call>,
        reply: &Reply<'_>,
        event: F::Event,
        context: &Context,
    ) -> Stepped<F> {
        let Report { entry, call, which, .. } = report;
        let mut cx = self.cx(context);
        which.date(entry, &mut cx);
        Self::remove(entry, F::made(&event), &mut cx);
        let moved = self.advance(Input::Succeeded { id: entry.id.clone(), call: Arc::clone(call), event }, cx, None)?;
        if self.overflows_with(reply.body, &moved) {
            let failure = failure(&entry.id, FailureKind::Unreadable, reply.status, &Refusal::<()>::new(None, None));
            return self.unknown(report, true, Some(failure), None, context);
        }
        Ok(moved)
    }

    /// Takes a request out that was done, and remembers it as long as another sending of it may be answered.
    fn remove(entry: &OutboxEntry<F::Call>, made: Option<&str>, cx: &mut Cx<'_, F>) {
        let outbox = cx.outbox.to_mut();
        let Some(gone) = outbox.remove(entry.id.as_str()) else { return };
        if let Some(call) = gone.call() {
            outbox.note_made(call, made);
        }
        if gone.is_leased_again() {
            outbox.remember(&gone, End::Done(made.map(Into::into)));
        }
    }

    fn accepted(&self, report: &Report<'_, F::Call>, context: &Context) -> Stepped<F> {
        let Report { entry, call, which, .. } = report;
        if entry.sent.as_ref().is_some_and(|sent| sent.answered == Answered::Accepted) {
            return Ok(self.ignored(IgnoredReason::Duplicate));
        }
        let mut cx = self.cx(context);
        let outbox = cx.outbox.to_mut();
        outbox.rest(entry.id.as_str(), which.number(), context.now, &context.config, None);
        outbox.note_reply(entry.id.as_str(), Answered::Accepted);
        cx.look_for_outcome_now(call);
        self.advance(Input::Accepted { id: entry.id.clone(), call: Arc::clone(call) }, cx, None)
    }

    /// One sending did nothing. If no other may have come true, the request is over.
    fn refused(
        &self,
        report: &Report<'_, F::Call>,
        status: u16,
        refusal: Refusal<F::Event>,
        failure: Option<Failure>,
        context: &Context,
    ) -> Stepped<F> {
        let Report { entry, call, which, rest_until } = report;
        let (id, call) = (entry.id.clone(), Arc::clone(call));
        let Refusal { code, event, .. } = refusal;
        let mut cx = self.cx(context);
        which.date(entry, &mut cx);
        let settles = !call.operation().class.must_be_known();
        let outbox = cx.outbox.to_mut();
        if outbox.close(id.as_str(), which.number()) || settles {
            outbox.remove(id.as_str());
            return self.advance(Input::Refused { id, call, status, code, event }, cx, failure);
        }
        outbox.rest(id.as_str(), which.number(), context.now, &context.config, *rest_until);
        if call.outcome_lookup().is_none() && call.operation().class.is_of_money() {
            outbox.ask(id.as_str(), context.now);
        }
        cx.look_for_outcome_now(&call);
        // What it says of the object counts where it is known which sending it is about.
        let code = code.filter(|_| *which != Sending::Any);
        self.advance(Input::RefusedOnce { id, call, status, code, event }, cx, failure)
    }

    /// One sending did nothing, by no fault of the request: it stays owed under its id and key.
    pub(super) fn turned_away(
        &self,
        report: &Report<'_, F::Call>,
        turned: TurnedAway<F::Event>,
        failure: Option<Failure>,
        context: &Context,
    ) -> Stepped<F> {
        let Report { entry, call, which, rest_until } = report;
        let TurnedAway { is_admitted, event } = turned;
        if *which == Sending::Any && call.operation().class.must_be_known() {
            // It may be told again of an earlier sending, and says nothing of the last one.
            return self.unknown(report, false, failure, event, context);
        }
        let id = entry.id.as_str();
        let mut cx = self.cx(context);
        let outbox = cx.outbox.to_mut();
        let over = outbox.close(id, which.number());
        outbox.rest(id, which.number(), context.now, &context.config, *rest_until);
        if !is_admitted {
            outbox.turn_away(id, context.now);
        }
        if over {
            outbox.withdraw_outcome(call);
        }
        let (id, call) = (entry.id.clone(), Arc::clone(call));
        match event {
            Some(event) => self.advance(Input::Hinted { id, call, event }, cx, failure),
            None if over && !call.operation().is_lookup() => self.advance(Input::NotSent { id, call }, cx, failure),
            None => Ok(self.outbox_changed(cx, failure)),
        }
    }

    /// Nothing is known of a sending: the request stays owed, or is looked up in its place. Told again, it changes nothing.
    pub(super) fn unknown(
        &self,
        report: &Report<'_, F::Call>,
        good: bool,
        failure: Option<Failure>,
        hint: Option<F::Event>,
        context: &Context,
    ) -> Stepped<F> {
        let Report { entry, call, which, rest_until } = report;
        let sending = which.number();
        let id = entry.id.as_str();
        let known = entry.sent.as_ref().is_some_and(|sent| sent.lost >= Some(sending.unwrap_or(entry.attempts)));
        let mut cx = self.cx(context);
        if good && entry.sent.as_ref().is_some_and(|sent| sent.answered == Answered::No) {
            cx.outbox.to_mut().note_reply(id, Answered::Unreadable);
        } else if known && hint.is_none() {
            return Ok(self.ignored(IgnoredReason::Duplicate));
        }
        if !known {
            let outbox = cx.outbox.to_mut();
            outbox.rest(id, sending, context.now, &context.config, *rest_until);
            outbox.note_lost(id, sending.unwrap_or(entry.attempts));
            match call.operation().class {
                Retry::Reconcile | Retry::Harmless => cx.look_for_outcome_now(call),
                _ => cx.look_for_outcome(id),
            }
        }
        match hint {
            Some(event) => {
                self.advance(Input::Hinted { id: entry.id.clone(), call: Arc::clone(call), event }, cx, failure)
            }
            None => Ok(self.outbox_changed(cx, failure)),
        }
    }

    /// A reply to a request that is over: it may say that something was made after all, or twice.
    pub(super) fn apply_late_reply(&self, id: &str, reply: &Reply<'_>, context: &Context) -> Stepped<F> {
        let Some(past) = self.outbox.past(id) else { return Ok(self.ignored(IgnoredReason::Duplicate)) };
        let ReplyOutcome::Done(event) = classify(&*self.state, Timestamp::default(), &past.call, reply) else {
            return Ok(self.ignored(IgnoredReason::Duplicate));
        };
        let made = F::made(&event);
        let mut cx = self.cx(context);
        match &past.end {
            End::Undone => {
                let after_all = cx.done_after_all(past, made, F::Review::DONE_AFTER_ALL);
                self.advance(Input::AfterAll(after_all, event), cx, None)
            }
            End::Done(Some(first)) if made.is_some_and(|made| made != first) => {
                if let Some(ask) = F::Review::DONE_TWICE {
                    cx.ask(ask, made.unwrap_or(id));
                }
                Ok(self.outbox_changed(cx, None))
            }
            End::Done(_) => Ok(self.ignored(IgnoredReason::Duplicate)),
        }
    }
}

/// Why nothing came of a sending.
pub(super) struct TurnedAway<E> {
    /// Whether the key was admitted: the provider asks to wait, or no byte was written.
    is_admitted: bool,
    /// What the reply says besides.
    event: Option<E>,
}

impl<E> TurnedAway<E> {
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
