//! The replies of the provider, and what follows for the request.

use alloc::borrow::Cow;
use alloc::format;
use alloc::sync::Arc;

use super::classify::{ReplyOutcome, classify, made_before, unreadable};
use super::observe::Stepped;
use super::{Snapshot, Step};
use crate::config::Context;
use crate::effect::{Call, End, GoodReply, OutboxEntry, Past, Retry};
use crate::fact::{Failure, FailureKind, Headers, IgnoredReason, is_too_long};
use crate::flow::{AfterAll, Cx, Flow, Input, Named, Refusal, Reply, Reviews};
use crate::id::TypedId;
use crate::time::Timestamp;

/// The sending of a request that the host reports on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// The sending with this number, whose outcome is unknown so far.
    Open(u32),
    /// A sending whose outcome is known.
    Closed,
    /// Any of several, because the host gave no number.
    Any,
}

impl Sending {
    pub(super) fn of<C: Call>(entry: &OutboxEntry<C>, sending: Option<u32>) -> Self {
        let sent = entry.sent.as_deref();
        match sending.or((!entry.is_leased_again()).then_some(1)) {
            None => Self::Any,
            Some(number) if sent.is_some_and(|sent| sent.open.has(number)) => Self::Open(number),
            Some(_) => Self::Closed,
        }
    }

    pub(super) const fn number(self) -> Option<u32> {
        match self {
            Self::Open(number) => Some(number),
            Self::Closed | Self::Any => None,
        }
    }

    /// Notes the earliest and the latest instant at which a worker can have leased the request for this sending.
    fn date<F: Flow>(self, entry: &OutboxEntry<F::Call>, cx: &mut Cx<'_, F>) {
        let Some(sent) = entry.sent.as_deref() else { return };
        match self.number() {
            Some(number) if number == entry.attempts => cx.replies_to(sent.last_at, sent.last_at),
            Some(1) => cx.replies_to(sent.first_at, sent.first_at),
            _ => cx.replies_to(sent.first_at, sent.last_at),
        }
    }
}

/// What the host reports on a pending request, and how long the provider asks to wait.
pub(super) struct Report<'r, C> {
    pub(super) entry: &'r OutboxEntry<C>,
    pub(super) call: &'r Arc<C>,
    pub(super) which: Sending,
    pub(super) rest_until: Option<Timestamp>,
}

impl<'r, C: Call> Report<'r, C> {
    /// A report on a request; nothing if the effect is not a request.
    pub(super) fn of(entry: &'r OutboxEntry<C>, sending: Option<u32>, rest_until: Option<Timestamp>) -> Option<Self> {
        Some(Self { entry, call: entry.shared_call()?, which: Sending::of(entry, sending), rest_until })
    }
}

impl<F: Flow> Snapshot<F> {
    /// Applies a reply to a pending request.
    pub(super) fn apply_reply(&self, report: &Report<'_, F::Call>, reply: &Reply<'_>, context: &Context) -> Stepped<F> {
        let since = report.entry.sent.as_ref().map_or(context.now, |sent| sent.first_at);
        let is_long = is_too_long(reply.body);
        let outcome = if is_long { ReplyOutcome::UNKNOWN } else { classify(&*self.state, since, report.call, reply) };
        let no_refusal = Refusal::new(None, None);
        let failure =
            |kind, refusal: &Refusal<F::Event>| failure::<F>(report, kind, reply.status, refusal, context.now);
        let failed = |kind, refusal: &Refusal<F::Event>| Some(failure(kind, refusal));
        match outcome {
            ReplyOutcome::Done(event)
                if F::made(&event).is_some_and(|made| self.outbox.was_made(report.call, made.as_str())) =>
            {
                let mut failure = failure(FailureKind::Unreadable, &no_refusal);
                failure.message = Some(made_before(report.call.operation().name));
                self.unknown(report, true, Some(failure), None, context)
            }
            ReplyOutcome::Done(event) => self.done_by_reply(report, reply, event, context),
            _ if report.which == Sending::Closed => Ok(self.ignored(IgnoredReason::Duplicate)),
            // The host gave no number, so only a success counts.
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
            ReplyOutcome::KeyUsed(refusal) => {
                self.key_used(report, failure(FailureKind::Unreadable, &refusal), context)
            }
            ReplyOutcome::Unknown { refusal, pointer, hint } => {
                let mut failure = failure(FailureKind::Unreadable, &refusal.unwrap_or(no_refusal));
                failure.pointer = pointer.map(Cow::Borrowed);
                failure.message.get_or_insert_with(|| unreadable(report.call.operation().name, reply.status, pointer));
                let has_good_status = (200..=299).contains(&reply.status);
                self.unknown(report, has_good_status, Some(failure), hint, context)
            }
        }
    }

    /// Ends a request, because one of its sendings succeeded.
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
        Self::remove(entry, F::made(&event).as_ref().map(TypedId::as_str), &mut cx);
        let step = self.advance(Input::Succeeded { id: entry.id.clone(), call: Arc::clone(call), event }, cx, None)?;
        if self.overflows_with(reply.body, &step) {
            let no_refusal = Refusal::new(None, None);
            let failure = failure::<F>(report, FailureKind::Unreadable, reply.status, &no_refusal, context.now);
            return self.unknown(report, true, Some(failure), None, context);
        }
        Ok(step)
    }

    /// Removes a request that was done, and remembers it if another of its sendings may still get a reply.
    fn remove(entry: &OutboxEntry<F::Call>, made: Option<&str>, cx: &mut Cx<'_, F>) {
        if let Some(call) = entry.call() {
            cx.note_success(call);
        }
        let outbox = cx.outbox.to_mut();
        let Some(ended) = outbox.remove(entry.id.as_str()) else { return };
        if let Some(call) = ended.call() {
            outbox.note_made(call, made);
        }
        if ended.is_leased_again() {
            outbox.remember(&ended, End::Done(made.map(Into::into)));
        }
    }

    /// Keeps a request pending that the provider accepted, and looks up its outcome.
    fn accepted(&self, report: &Report<'_, F::Call>, context: &Context) -> Stepped<F> {
        let Report { entry, call, which, .. } = report;
        if entry.sent.as_ref().is_some_and(|sent| sent.good_reply == GoodReply::Accepted) {
            return Ok(self.ignored(IgnoredReason::Duplicate));
        }
        let mut cx = self.cx(context);
        let outbox = cx.outbox.to_mut();
        outbox.rest(entry.id.as_str(), which.number(), context.now, &context.config, None);
        outbox.note_good_reply(entry.id.as_str(), GoodReply::Accepted);
        cx.look_up_outcome(call);
        self.advance(Input::Accepted { id: entry.id.clone(), call: Arc::clone(call) }, cx, None)
    }

    /// Closes a sending that the provider refused. The request is over if no other sending may have succeeded.
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
        let needs_no_outcome = !call.operation().class.must_be_known();
        let outbox = cx.outbox.to_mut();
        if outbox.close(id.as_str(), which.number()) || needs_no_outcome {
            outbox.remove(id.as_str());
            return self.advance(Input::Refused { id, call, status, code, event }, cx, failure);
        }
        outbox.rest(id.as_str(), which.number(), context.now, &context.config, *rest_until);
        if call.outcome_lookup().is_none() && call.operation().class.is_of_money() {
            outbox.ask(id.as_str(), context.now);
        }
        cx.look_up_outcome(&call);
        // The code counts only if the host says which sending it is about.
        let code = code.filter(|_| *which != Sending::Any);
        self.advance(Input::RefusedOnce { id, call, status, code, event }, cx, failure)
    }

    /// Closes a sending that did nothing although the request was not at fault. The request stays pending.
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
            // The report may be about an earlier sending, so it does not close the last one.
            return self.unknown(report, false, failure, event, context);
        }
        let id = entry.id.as_str();
        let mut cx = self.cx(context);
        let outbox = cx.outbox.to_mut();
        let none_is_open = outbox.close(id, which.number());
        outbox.rest(id, which.number(), context.now, &context.config, *rest_until);
        if !is_admitted {
            outbox.note_unadmitted(id, context.now);
        }
        if none_is_open {
            outbox.withdraw_outcome_lookup(call);
        }
        let (id, call) = (entry.id.clone(), Arc::clone(call));
        match event {
            Some(event) => self.advance(Input::Hinted { id, call, event }, cx, failure),
            None if none_is_open && !call.operation().is_lookup() => {
                self.advance(Input::NotSent { id, call }, cx, failure)
            }
            None => Ok(self.outbox_changed(cx, failure)),
        }
    }

    /// Keeps a request pending whose outcome is unknown, and looks it up if it has a lookup. A repetition changes nothing.
    pub(super) fn unknown(
        &self,
        report: &Report<'_, F::Call>,
        has_good_status: bool,
        failure: Option<Failure>,
        hint: Option<F::Event>,
        context: &Context,
    ) -> Stepped<F> {
        let Report { entry, call, which, rest_until } = report;
        let sending = which.number();
        let id = entry.id.as_str();
        let is_repeated = entry.sent.as_ref().is_some_and(|sent| sent.lost >= Some(sending.unwrap_or(entry.attempts)));
        let mut cx = self.cx(context);
        if has_good_status && entry.sent.as_ref().is_some_and(|sent| sent.good_reply == GoodReply::None) {
            cx.outbox.to_mut().note_good_reply(id, GoodReply::Unreadable);
        } else if is_repeated && hint.is_none() {
            return Ok(self.ignored(IgnoredReason::Duplicate));
        }
        if !is_repeated {
            let outbox = cx.outbox.to_mut();
            outbox.rest(id, sending, context.now, &context.config, *rest_until);
            outbox.note_lost(id, sending.unwrap_or(entry.attempts));
            match entry.class(context.now, &context.config).unwrap_or(call.operation().class) {
                Retry::Reconcile | Retry::Harmless => cx.look_up_outcome(call),
                _ => cx.plan_outcome_lookup(id),
            }
        }
        match hint {
            Some(event) => {
                self.advance(Input::Hinted { id: entry.id.clone(), call: Arc::clone(call), event }, cx, failure)
            }
            None => Ok(self.outbox_changed(cx, failure)),
        }
    }

    /// Applies a late reply to a request that is over. It can show that the request was done after all, or twice.
    pub(super) fn apply_late_reply(&self, id: &str, reply: &Reply<'_>, context: &Context) -> Stepped<F> {
        let Some(past) = self.outbox.past(id) else {
            return Ok(self.ignored(self.not_pending_any_more(id, context)));
        };
        let event = match classify(&*self.state, Timestamp::default(), &past.call, reply) {
            ReplyOutcome::Done(event) => event,
            ReplyOutcome::Unknown { hint: Some(event), .. } if !past.is_harmless() => {
                return Ok(self.apply_late_hint(past, &event, context));
            }
            _ => return Ok(self.ignored(IgnoredReason::Duplicate)),
        };
        let made = F::made(&event);
        let mut cx = self.cx(context);
        if past.is_harmless() {
            let after_all = AfterAll { id: past.id.clone(), call: Arc::clone(&past.call), again: None };
            return self.advance(Input::AfterAll(after_all, event), cx, None);
        }
        match &past.end {
            End::Done(_) if made.as_ref().is_some_and(|made| self.outbox.was_made(&past.call, made.as_str())) => {
                Ok(self.ignored(IgnoredReason::Duplicate))
            }
            End::Undone => {
                let after_all = cx.done_after_all(past, made.as_ref(), F::Review::DONE_AFTER_ALL);
                self.advance(Input::AfterAll(after_all, event), cx, None)
            }
            End::Done(Some(first)) if made.as_ref().is_some_and(|made| made.as_str() != first) => {
                // A repetition is not news, even after a person's verdict.
                cx.outbox.to_mut().note_made(&past.call, made.as_ref().map(TypedId::as_str));
                if let Some(ask) = F::Review::DONE_TWICE {
                    cx.ask(ask, made.unwrap_or_else(|| (&past.id).into()));
                }
                Ok(self.outbox_changed(cx, None))
            }
            End::Done(_) => Ok(self.ignored(IgnoredReason::Duplicate)),
        }
    }

    /// Asks a person about an object that a late reply names, although the reply proves nothing.
    fn apply_late_hint(&self, past: &Past<F::Call>, event: &F::Event, context: &Context) -> Step<F> {
        let unknown = F::made(event).filter(|made| !self.outbox.was_made(&past.call, made.as_str()));
        let ask = match &past.end {
            End::Undone => F::Review::DONE_AFTER_ALL,
            End::Done(Some(first)) if unknown.as_ref().is_some_and(|made| made.as_str() != first) => {
                F::Review::DONE_TWICE
            }
            End::Done(_) => None,
        };
        let (Some(ask), Some(made)) = (ask, unknown) else { return self.ignored(IgnoredReason::Duplicate) };
        let mut cx = self.cx(context);
        cx.outbox.to_mut().note_made(&past.call, Some(made.as_str()));
        cx.ask(ask, made);
        self.outbox_changed(cx, None)
    }
}

/// Why a sending did nothing although the request was not at fault.
pub(super) struct TurnedAway<E> {
    /// Whether the API key is not the reason: the provider asks to wait, or the host wrote no byte.
    is_admitted: bool,
    /// The other contents of the reply.
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

fn failure<F: Flow>(
    report: &Report<'_, F::Call>,
    kind: FailureKind,
    status: u16,
    refusal: &Refusal<F::Event>,
    now: Timestamp,
) -> Failure {
    let Refusal { code, message, rule, .. } = refusal;
    Failure {
        http_status: Some(status),
        code: code.clone(),
        message: message.clone(),
        rule: rule.map(|rule| Cow::Borrowed(rule.code)),
        ..without_reply::<F>(report.entry, report.call, kind, now)
    }
}

fn without_reply<F: Flow>(entry: &OutboxEntry<F::Call>, call: &F::Call, kind: FailureKind, now: Timestamp) -> Failure {
    let is_lookup = call.operation().is_lookup();
    Failure { is_lookup, ..Failure::new(&entry.id, F::action_of_call(call).name(), now, kind) }
}

/// What a worker reports on a request that got no reply.
pub(super) fn no_reply<F: Flow>(entry: &OutboxEntry<F::Call>, call: &F::Call, context: &Context) -> Failure {
    let (id, again) = (&entry.id, "Lease it again once its rest is over");
    let message = match entry.class(context.now, &context.config) {
        Some(Retry::Lookup) => format!("No reply to `{id}` arrived. {again}: it only reads."),
        Some(Retry::Harmless) => {
            format!("No reply to `{id}` arrived. {again}: what it makes costs nothing until a customer uses it.")
        }
        Some(Retry::SameKey) => {
            format!("No reply to `{id}` arrived, so its outcome is unknown. {again}: it keeps its idempotency key.")
        }
        Some(Retry::Goal) => {
            format!("No reply to `{id}` arrived, so its outcome is unknown. {again}: doing it twice changes nothing.")
        }
        Some(Retry::Reconcile) | None => format!(
            "No reply to `{id}` arrived, so its outcome is unknown. It is not sent again before a lookup or a person has \
             found out the outcome. Do not give the command again."
        ),
    };
    let message = Some(message);
    Failure { message, ..without_reply::<F>(entry, call, FailureKind::NoReply, context.now) }
}

/// The instant until which a reply asks to wait.
pub(super) fn retry_after(headers: &Headers<'_>, now: Timestamp) -> Option<Timestamp> {
    headers.get("retry-after").and_then(|text| Timestamp::parse_retry_after(text, now))
}
