//! Facts: what has happened moves the flow, or does not, and is never refused.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::reply::{Report, Sending, TurnedAway, retry_after};
use super::{Fault, Ignored, Noted, ObserveError, Snapshot, Step, declared};
use crate::config::Context;
use crate::effect::{Call, OutboxEntry};
use crate::fact::{Fact, FactError, Failure, Headers, IgnoredReason, Origin, Verdict, is_too_long};
use crate::flow::{Cx, Flow, Input, Moment, Reply, Stop, Webhook};
use crate::id::EffectId;
use crate::time::Timestamp;

/// The length from which on a body may matter to that of a snapshot: 16 KiB.
const LONG_BODY: usize = 16 << 10;

/// How many effects a snapshot owes from which on any fact may matter to its length.
const MANY: usize = 64;

pub(super) type Observed<F> = Result<Step<F>, ObserveError>;

/// What a step leads to.
pub(super) type Stepped<F> = Result<Step<F>, Fault>;

impl<F: Flow> Snapshot<F> {
    /// Something has happened. Never refused; fails only on a fact that the host built wrong.
    pub fn observe(&self, fact: Fact<'_>, context: &Context) -> Observed<F> {
        match fact {
            Fact::Reply { effect, sending, http_status: status, headers, body } => {
                self.reply(&effect, sending, &Reply { status, body: &body }, &headers, context)
            }
            Fact::Lost { effect, sending } => self.lost(&effect, sending, context),
            Fact::NotSent { effect, sending } => {
                let report = self.leased_entry(&effect, sending)?.and_then(|it| Report::of(it, sending, None));
                let closed = |report: &Report<'_, _>| report.which == Sending::Closed;
                Ok(match report.filter(|report| !closed(report)) {
                    Some(report) => self.turned_away(&report, TurnedAway::throttled(None), None, context)?,
                    None => self.ignored(IgnoredReason::Duplicate),
                })
            }
            Fact::Restored { taken_at } => Ok(self.restored(taken_at, context)),
            Fact::Webhook { body, content_type, topic, origin } => {
                if is_too_long(&body) {
                    return Ok(self.ignored(IgnoredReason::Unreadable));
                }
                let webhook = Webhook { body: &body, content_type: content_type.as_deref(), topic: topic.as_deref() };
                Ok(self.webhook(&webhook, origin, context)?)
            }
            Fact::CustomerReturned {} => Ok(self.advance(Input::Returned, self.cx(context), None)?),
            Fact::Done { effect } => self.done(&effect, None, context),
            Fact::Reviewed { effect, verdict, id } => self.done(&effect, Some(Verdict::new(verdict, id)), context),
        }
    }

    pub(super) fn cx<'a>(&'a self, context: &'a Context) -> Cx<'a, F> {
        Cx::new(&self.key, context, Moment::Fact, &self.outbox)
    }

    /// What was begun and is still owed.
    fn leased_entry(&self, to: &str, sending: Option<u32>) -> Result<Option<&OutboxEntry<F::Call>>, FactError> {
        if EffectId::parse(to).is_err() {
            return Err(FactError::new("/effect", "is not the id of an effect"));
        }
        let it = self.outbox.find(to);
        if it.is_none() && !self.may_have_had(to) {
            return Err(FactError::new("/effect", "names an effect that this flow never had"));
        }
        let begun = it.map(|it| it.attempts).or_else(|| self.outbox.past(to).map(|it| it.attempts));
        match (begun, sending) {
            (_, Some(0)) => Err(FactError::new("/sending", "counts from 1")),
            (Some(0), _) => Err(FactError::new("/effect", "names an effect that was never begun")),
            (Some(begun), Some(sending)) if sending > begun => {
                Err(FactError::new("/sending", alloc::format!("is {sending}, and it was begun {begun} times")))
            }
            _ => Ok(it),
        }
    }

    /// Whether an effect that is not owed may have been: it is named after one of the flow's operations, or as the others are.
    pub(super) fn may_have_had(&self, id: &str) -> bool {
        let kind = id.split(':').next().unwrap_or_default();
        <F::Call as Call>::operations().iter().any(|it| it.name == kind)
            || ["notify", "fulfill", "access", "review"].contains(&kind)
    }

    fn reply(
        &self,
        to: &str,
        sending: Option<u32>,
        reply: &Reply<'_>,
        headers: &Headers<'_>,
        context: &Context,
    ) -> Observed<F> {
        if !(100..=999).contains(&reply.status) {
            return Err(FactError::new("/http_status", "is not an HTTP status").into());
        }
        let Some(it) = self.leased_entry(to, sending)? else { return Ok(self.apply_late_reply(to, reply, context)?) };
        match Report::of(it, sending, retry_after(headers, context.now)) {
            Some(report) => Ok(self.apply_reply(&report, reply, context)?),
            None => Err(FactError::new("/effect", "names an effect that is no request: say `done` of it").into()),
        }
    }

    /// No reply came to a request, or another effect was not done: it is somebody else's turn, after a rest.
    fn lost(&self, to: &str, sending: Option<u32>, context: &Context) -> Observed<F> {
        let Some(it) = self.leased_entry(to, sending)? else { return Ok(self.ignored(IgnoredReason::Duplicate)) };
        match Report::of(it, sending, None) {
            Some(report) if report.which == Sending::Closed => Ok(self.ignored(IgnoredReason::Duplicate)),
            Some(report) => Ok(self.unknown(&report, false, None, None, context)?),
            None if it.leased_until.is_none() => Ok(self.ignored(IgnoredReason::Duplicate)),
            None => {
                let mut cx = self.cx(context);
                cx.outbox.to_mut().rest(to, Some(it.attempts), context.now, &context.config, None);
                Ok(self.outbox_changed(cx, None))
            }
        }
    }

    /// Whatever is owed counts as sent, by a worker that this row knows nothing of.
    fn restored(&self, taken_at: Timestamp, context: &Context) -> Step<F> {
        let mut cx = self.cx(context);
        let lease = context.now.after(context.config.lease_ms);
        for id in cx.outbox.to_mut().restore(taken_at, context.now, lease) {
            cx.look_for_outcome(id.as_str());
        }
        self.outbox_changed(cx, None)
    }

    fn webhook(&self, webhook: &Webhook<'_>, origin: Origin, context: &Context) -> Stepped<F> {
        let Some(event) = F::read_webhook(webhook) else { return Ok(self.ignored(IgnoredReason::Unreadable)) };
        let moved = self.advance(Input::Webhook(event, origin), self.cx(context), None)?;
        Ok(if self.overflows_with(webhook.body, &moved) { self.ignored(IgnoredReason::Unreadable) } else { moved })
    }

    /// Whether a long body, or one more of many effects, leaves more than a snapshot has room for: it is not read then.
    pub(super) fn overflows_with(&self, body: &[u8], moved: &Step<F>) -> bool {
        let next = &moved.next;
        let may = moved.ignored.is_none() && (body.len() > LONG_BODY || next.outbox.entries.len() > MANY);
        may && next.overflows(self)
    }

    /// Steps, and tells whether anything moved.
    pub(super) fn advance(&self, input: Input<F>, mut cx: Cx<'_, F>, failure: Option<Failure>) -> Stepped<F> {
        let settles = matches!(cx.outbox, alloc::borrow::Cow::Owned(_));
        let mut state = Arc::clone(&self.state);
        let trigger = match Arc::make_mut(&mut state).step(input, &mut cx) {
            Ok(trigger) => trigger,
            Err(Stop::NotNow) => return Err(Fault::Unexplained { flow: F::ID }),
            // The answer itself has been taken from the outbox: that much has moved.
            Err(Stop::Ignored(_)) if settles => return Ok(self.outbox_changed(cx, failure)),
            Err(Stop::Ignored(because)) => {
                return Ok(self.unchanged(because, cx.decided().warnings));
            }
        };
        let before = self.state.facets();
        declared(before, trigger, &*state)?;
        Ok(self.finish_step(state, cx, failure, Some((before, trigger))))
    }

    /// What follows where only what is owed has changed.
    pub(super) fn outbox_changed(&self, cx: Cx<'_, F>, failure: Option<Failure>) -> Step<F> {
        self.finish_step(Arc::clone(&self.state), cx, failure, None)
    }

    fn finish_step(
        &self,
        state: Arc<F>,
        cx: Cx<'_, F>,
        failure: Option<Failure>,
        moved: Option<(F::Facets, F::Trigger)>,
    ) -> Step<F> {
        let (next, Noted { new_ids, warnings }) = self.next(state, cx);
        let ignored = (next.revision == self.revision).then_some(Ignored { reason: IgnoredReason::Duplicate });
        let moved = moved.filter(|_| ignored.is_none());
        Step { next, ignored, new_ids, failure, warnings, moved }
    }

    /// A fact that is about nothing here, or that was told before.
    pub(super) fn ignored(&self, reason: IgnoredReason) -> Step<F> {
        self.unchanged(reason, Vec::new())
    }
}
