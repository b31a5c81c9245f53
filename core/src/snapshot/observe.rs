//! The facts that the host reports. A fact changes the snapshot or is ignored, and is never rejected.

use alloc::borrow::Cow;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::reply::{Report, Sending, TurnedAway, no_reply, retry_after};
use super::{Fault, Ignored, Noted, ObserveError, Snapshot, Step, declared};
use crate::config::Context;
use crate::effect::{Call, OutboxEntry, Question};
use crate::fact::{Fact, FactError, Failure, Headers, IgnoredReason, Origin, Verdict, is_too_long};
use crate::flow::{Cx, Flow, Input, Moment, Named, Reply, Stop, Webhook};
use crate::id::EffectId;
use crate::time::Timestamp;

/// The length from which a body can make a snapshot too long: 16 KiB.
const LONG_BODY: usize = 16 << 10;

/// The number of pending effects from which any fact can make a snapshot too long.
const MANY: usize = 64;

pub(super) type Observed<F> = Result<Step<F>, ObserveError>;

/// The result of a step.
pub(super) type Stepped<F> = Result<Step<F>, Fault>;

impl<F: Flow> Snapshot<F> {
    /// Applies a fact, or ignores it and says why. No rule rejects a fact.
    ///
    /// ```
    /// # use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
    /// # use rulebound::{Context, Fact, Key, Snapshot, money::Cents, time::Timestamp};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    /// # let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    /// # let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    /// # let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?);
    /// let token = token.handle(create, &cx)?.next;
    /// let effect = token.effects(&cx).remove(0);
    /// let lease = token.lease(&effect.id, &cx)?;
    /// let sending = lease.request.unwrap().sending;
    /// let body = br#"{"provision_token_request_id": "ptr_1", "redirect_url": "https://pay.example/1"}"#;
    /// let step = lease.next.observe(Fact::reply(&effect.id, sending, 200, body.as_slice()), &cx)?;
    /// assert_eq!(step.new_ids[0].as_str(), "ptr_1");
    /// assert_eq!(step.next.status(&cx).customer_url.as_deref(), Some("https://pay.example/1"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ObserveError::Fact`] if the host built the fact wrong, such as with an effect that the flow has never had,
    /// [`ObserveError::Context`] if a member of the config is wrong or the time looks like seconds, and a [`Fault`] for a bug of
    /// the library.
    pub fn observe(&self, fact: Fact<'_>, context: &Context) -> Result<Step<F>, ObserveError> {
        Self::check_context(context).map_err(ObserveError::Context)?;
        match fact {
            Fact::Reply { effect, sending, http_status: status, headers, body } => {
                self.reply(&effect, sending, &Reply { status, body: &body }, &headers, context)
            }
            Fact::Lost { effect, sending } => self.lost(&effect, sending, context),
            Fact::NotSent { effect, sending } => {
                let Some(entry) = self.leased_entry(&effect, sending)? else {
                    return Ok(self.ignored(self.not_pending_any_more(&effect, context)));
                };
                match Report::of(entry, sending, None) {
                    Some(report) if report.which == Sending::Closed => Ok(self.ignored(IgnoredReason::Duplicate)),
                    Some(report) => Ok(self.turned_away(&report, TurnedAway::throttled(None), None, context)?),
                    None => {
                        let reason =
                            format!("`{effect}` is not a request, so nothing was to be sent. Report it with `lost`");
                        Err(FactError::new("/effect", reason).into())
                    }
                }
            }
            Fact::Restored { taken_at } if taken_at.looks_like_seconds() => {
                let reason = format!("is {}, which looks like seconds. Give milliseconds", taken_at.as_millis());
                Err(FactError::new("/taken_at", reason).into())
            }
            Fact::Restored { taken_at } => Ok(self.restored(taken_at, context)),
            Fact::Webhook { provider: Some(provider), .. } if provider != Self::provider() => {
                let (own, detail) = (F::ID, format!("It is a webhook of `{provider}`, and this flow is"));
                Ok(self
                    .ignored(Ignored { reason: IgnoredReason::Unrelated, detail: format!("{detail} `{own}`.").into() }))
            }
            Fact::Webhook { body, content_type, topic, origin, provider: _ } => {
                if is_too_long(&body) {
                    return Ok(self.ignored(IgnoredReason::Unreadable));
                }
                let webhook = Webhook { body: &body, content_type: content_type.as_deref(), topic: topic.as_deref() };
                Ok(self.webhook(&webhook, origin, context)?)
            }
            Fact::CustomerReturned {} => Ok(self.customer_returned(context)?),
            Fact::Done { effect } => self.done(&effect, None, context),
            Fact::Reviewed { effect, verdict, id } => self.done(&effect, Some(Verdict::new(verdict, id)), context),
        }
    }

    /// The name of the flow's provider.
    pub(super) fn provider() -> &'static str {
        F::ID.split_once('.').map_or(F::ID, |(provider, _)| provider)
    }

    pub(super) fn cx<'a>(&'a self, context: &'a Context) -> Cx<'a, F> {
        Cx::new(&self.key, context, Moment::Fact, &self.outbox)
    }

    /// The entry of an effect that a worker has leased; nothing if it is not pending any more.
    fn leased_entry(&self, effect: &str, sending: Option<u32>) -> Result<Option<&OutboxEntry<F::Call>>, FactError> {
        if EffectId::parse(effect).is_err() {
            return Err(FactError::new("/effect", "is not the id of an effect"));
        }
        let entry = self.outbox.find(effect);
        if entry.is_none() && !self.may_have_had(effect) {
            return Err(FactError::never_had(effect));
        }
        let attempts = entry.map(|it| it.attempts).or_else(|| self.outbox.past(effect).map(|it| it.attempts));
        match (attempts, sending) {
            (_, Some(0)) => Err(FactError::new("/sending", "is 0, but the first sending is 1")),
            (Some(0), _) => Err(FactError::new("/effect", format!("is `{effect}`, which no worker has leased"))),
            (Some(attempts), Some(sending)) if sending > attempts => {
                let reason = format!("is {sending}, but the last sending of `{effect}` is {attempts}");
                Err(FactError::new("/sending", reason))
            }
            _ => Ok(entry),
        }
    }

    /// Whether an effect that is not pending may have been pending before, as far as its name and the counters show.
    pub(super) fn may_have_had(&self, id: &str) -> bool {
        let (kind, cause) = id.split_once(':').unwrap_or((id, ""));
        let is_reason =
            |reason: &str| F::Review::ALL.iter().any(|it| it.name() == reason) || Question::COMMON.contains(&reason);
        let is_counted = |number: u32| number <= self.outbox.number_of(kind);
        let is_known = match kind {
            "notify" | "fulfill" | "access" => true,
            "review" => is_reason(cause.split(':').next().unwrap_or_default()),
            operation => {
                let is_documented = <F::Call as Call>::operations().iter().any(|it| it.name == operation);
                is_documented && cause.parse().map_or(true, is_counted)
            }
        };
        self.revision > 0 && is_known && !cause.is_empty()
    }

    fn reply(
        &self,
        effect: &str,
        sending: Option<u32>,
        reply: &Reply<'_>,
        headers: &Headers<'_>,
        context: &Context,
    ) -> Observed<F> {
        if !(100..=999).contains(&reply.status) {
            return Err(FactError::new("/http_status", "is not an HTTP status").into());
        }
        let Some(entry) = self.leased_entry(effect, sending)? else {
            return Ok(self.apply_late_reply(effect, reply, context)?);
        };
        match Report::of(entry, sending, retry_after(headers, context.now)) {
            Some(report) => Ok(self.apply_reply(&report, reply, context)?),
            None => {
                let reason = format!("`{effect}` is not a request, so it has no reply. Report it with `done`");
                Err(FactError::new("/effect", reason).into())
            }
        }
    }

    /// Ends the lease of an effect, and makes it rest, because a request had no reply or the effect was not done.
    fn lost(&self, effect: &str, sending: Option<u32>, context: &Context) -> Observed<F> {
        let Some(entry) = self.leased_entry(effect, sending)? else {
            return Ok(self.ignored(self.not_pending_any_more(effect, context)));
        };
        match Report::of(entry, sending, None) {
            Some(report) if report.which == Sending::Closed => Ok(self.ignored(IgnoredReason::Duplicate)),
            Some(report) => {
                Ok(self.unknown(&report, false, Some(no_reply::<F>(entry, report.call, context)), None, context)?)
            }
            // An earlier worker does not end the lease of a later one.
            None if entry.leased_until.is_none() || sending.is_some_and(|it| it != entry.attempts) => {
                Ok(self.ignored(IgnoredReason::Duplicate))
            }
            None => {
                let mut cx = self.cx(context);
                cx.outbox.to_mut().rest(effect, Some(entry.attempts), context.now, &context.config, None);
                Ok(self.outbox_changed(cx, None))
            }
        }
    }

    /// Counts every pending request as sent, because a worker may have sent it after the backup was taken.
    fn restored(&self, taken_at: Timestamp, context: &Context) -> Step<F> {
        let mut cx = self.cx(context);
        let lease = context.now.after(context.config.lease_ms);
        for id in cx.outbox.to_mut().restore(taken_at, context.now, lease) {
            cx.plan_outcome_lookup(id.as_str());
        }
        self.outbox_changed(cx, None)
    }

    fn webhook(&self, webhook: &Webhook<'_>, origin: Origin, context: &Context) -> Stepped<F> {
        let Some(event) = F::read_webhook(webhook) else { return Ok(self.ignored(IgnoredReason::Unreadable)) };
        let mut step = self.advance(Input::Webhook(event, origin), self.cx(context), None)?;
        if self.overflows_with(webhook.body, &step) {
            return Ok(self.ignored(Self::too_long()));
        }
        if let Some(ignored) = &mut step.ignored {
            *ignored = self.explain(ignored.reason, webhook);
        }
        Ok(step)
    }

    fn too_long() -> Ignored {
        let detail = "It would make the snapshot longer than this release can load.".into();
        Ignored { reason: IgnoredReason::Unreadable, detail }
    }

    fn customer_returned(&self, context: &Context) -> Stepped<F> {
        let mut step = self.advance(Input::Returned, self.cx(context), None)?;
        if let Some(ignored) = step.ignored.as_mut().filter(|it| it.reason == IgnoredReason::Unrelated) {
            let detail = "The customer's return proves nothing, and there is nothing to look up.".into();
            *ignored = Ignored { reason: IgnoredReason::Inconclusive, detail };
        }
        Ok(step)
    }

    /// Whether a long body, or one more of many effects, has made the snapshot too long. The kernel then drops the step.
    pub(super) fn overflows_with(&self, body: &[u8], step: &Step<F>) -> bool {
        let next = &step.next;
        let can_overflow = step.ignored.is_none() && (body.len() > LONG_BODY || next.outbox.entries.len() > MANY);
        can_overflow && next.overflows(self)
    }

    /// Lets the flow take an input, and makes a step of what changed.
    pub(super) fn advance(&self, input: Input<F>, mut cx: Cx<'_, F>, failure: Option<Failure>) -> Stepped<F> {
        let has_changed_outbox = matches!(cx.outbox, Cow::Owned(_));
        let mut state = Arc::clone(&self.state);
        let trigger = match Arc::make_mut(&mut state).step(input, &mut cx) {
            Ok(trigger) => trigger,
            Err(Stop::NotNow) => return Err(Fault::Unexplained { flow: F::ID }),
            // The kernel has changed the outbox already, such as by removing the request. That change stays.
            Err(Stop::Ignored(_)) if has_changed_outbox => return Ok(self.outbox_changed(cx, failure)),
            Err(Stop::Ignored(reason)) => return Ok(self.unchanged(reason, cx.decided().warnings)),
        };
        let before = self.state.facets();
        declared(before, trigger, &*state)?;
        Ok(self.finish_step(state, cx, failure, Some((before, trigger))))
    }

    /// The step where only the outbox may have changed.
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
        let (next, Noted { new_ids, warnings, failure }) = self.next(state, cx, failure);
        let ignored = (next.revision == self.revision).then(|| IgnoredReason::Duplicate.into());
        let moved = moved.filter(|_| ignored.is_none());
        Step { next, ignored, new_ids, failure, warnings, moved }
    }

    /// The step of a fact that changes nothing.
    pub(super) fn ignored(&self, reason: impl Into<Ignored>) -> Step<F> {
        self.unchanged(reason, Vec::new())
    }
}
