//! The context of one step: the rules, and what the step leaves to be done.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use super::{Ask, Flow, Moment, Named, PollTimer, Rules};
use crate::config::Context;
use crate::effect::{Call, Outbox, OutboxEntry, StoredEffect};
use crate::id::{CorrelationId, EffectId, Intent, Key};
use crate::rule::Violation;
use crate::time::Timestamp;

/// The context of one step: all that [`Rules`] can do, and the outbox.
pub struct Cx<'a, F: Flow> {
    rules: Rules<'a, F>,
    pub(crate) new_ids: Vec<CorrelationId>,
    /// When the request was begun whose reply the decision is made for: at the earliest, and at the latest.
    leased: Option<(Timestamp, Timestamp)>,
}

impl<F: Flow> fmt::Debug for Cx<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules.fmt(f)
    }
}

impl<'a, F: Flow> Deref for Cx<'a, F> {
    type Target = Rules<'a, F>;

    fn deref(&self) -> &Self::Target {
        &self.rules
    }
}

impl<F: Flow> DerefMut for Cx<'_, F> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.rules
    }
}

impl<'a, F: Flow> From<Rules<'a, F>> for Cx<'a, F> {
    fn from(rules: Rules<'a, F>) -> Self {
        Self { rules, new_ids: Vec::new(), leased: None }
    }
}

/// What a decision says besides the next state.
pub(crate) struct Decided<'a, F: Flow> {
    pub(crate) outbox: Cow<'a, Outbox<F::Call>>,
    pub(crate) new_ids: Vec<CorrelationId>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) warnings: Vec<Violation>,
}

impl<'a, F: Flow> Cx<'a, F> {
    pub(crate) fn new(key: &'a Key, context: &'a Context, moment: Moment, outbox: &'a Outbox<F::Call>) -> Self {
        Rules::new(key, context, moment, outbox).into()
    }

    pub(crate) fn decided(self) -> Decided<'a, F> {
        let Self { rules: Rules { outbox, violations, warnings, .. }, new_ids, .. } = self;
        Decided { outbox, new_ids, violations, warnings }
    }

    /// When the request was begun whose reply this is, or the earliest that may be: what it says was true then, or later.
    pub fn leased_at(&self) -> Timestamp {
        self.leased.map_or(self.now(), |it| it.0)
    }

    /// The latest instant at which the request can have been begun whose reply this is: what it makes is no older.
    pub fn leased_by(&self) -> Timestamp {
        self.leased.map_or(self.now(), |it| it.1)
    }

    /// Notes when the request was begun whose reply is read, at the earliest and at the latest.
    pub(crate) const fn replies_to(&mut self, earliest: Timestamp, latest: Timestamp) {
        self.leased = Some((earliest, latest));
    }

    /// Owes a request under the next number of its operation.
    pub fn request(&mut self, call: F::Call) -> EffectId {
        self.request_at(call, None)
    }

    /// Owes a request under the name of an intent, and after a failure under its next number.
    pub fn request_as(&mut self, call: F::Call, intent: &Intent, number: u32) -> EffectId {
        self.check_body(&call);
        let id = EffectId::of_intent(call.operation().name, intent, number);
        self.outbox.to_mut().put(id.clone(), StoredEffect::Request(Arc::new(call)), None);
        id
    }

    /// Owes a request under the name of an intent that no flow's memory keeps: each time under its next number.
    pub fn request_next(&mut self, call: F::Call, intent: &Intent) -> EffectId {
        let number = self.outbox.to_mut().next_of(call.operation().name, intent);
        self.request_as(call, intent, number)
    }

    fn request_at(&mut self, call: F::Call, not_before: Option<Timestamp>) -> EffectId {
        self.check_body(&call);
        let outbox = self.outbox.to_mut();
        let id = outbox.next_id(&call);
        outbox.put(id.clone(), StoredEffect::Request(Arc::new(call)), not_before);
        id
    }

    /// Owes a lookup now. One that waits for its time is brought forward; one in hand is followed by another.
    pub fn look_up(&mut self, call: F::Call) {
        self.look_up_at(call, None);
    }

    /// Owes a lookup from an instant on.
    pub fn look_up_from(&mut self, call: F::Call, at: Timestamp) {
        self.look_up_at(call, Some(at));
    }

    fn look_up_at(&mut self, call: F::Call, not_before: Option<Timestamp>) {
        let now = self.now();
        // One that rests after a reply that settled nothing is begun again anyway, and after now.
        let waiting = |it: &OutboxEntry<F::Call>| {
            it.leased(now).is_none() && matches!(&it.effect, StoredEffect::Request(have) if **have == call)
        };
        let (id, was_seen) = match self.outbox.entries.iter().position(waiting) {
            None => (self.request_at(call, not_before), false),
            Some(index) => {
                let Some(it) = self.outbox.to_mut().entries.get_mut(index) else { return };
                let was_seen = it.attempts > 0 || !it.is_hidden(now);
                // What is owed already is not put off by what is planned, and a signal about it is taken in even so.
                it.not_before = if was_seen && not_before.is_some() { it.not_before } else { not_before };
                (it.id.clone(), was_seen)
            }
        };
        if !was_seen {
            self.outbox.to_mut().renumber(&id, now);
        }
    }

    /// Withdraws the requests that have become moot.
    pub fn withdraw(&mut self, moot: impl Fn(&F::Call) -> bool) {
        self.retain(&|it| !matches!(&it.effect, StoredEffect::Request(call) if moot(call)));
    }

    /// Withdraws the requests that have become moot, unless they have been sent: they wait for their outcome.
    pub fn withdraw_unsent(&mut self, moot: impl Fn(&F::Call) -> bool) {
        self.retain(&|it| it.was_sent() || !matches!(&it.effect, StoredEffect::Request(call) if moot(call)));
    }

    /// Withdraws the notice or review of that reason about that thing.
    pub fn withdraw_about(&mut self, reason: &str, about: &str) {
        self.withdraw_all_about(&[reason], |have| have == about);
    }

    /// Withdraws the notices and reviews of those reasons about some things.
    pub fn withdraw_all_about(&mut self, reasons: &[&str], is_about: impl Fn(&str) -> bool) {
        self.retain(&|it| {
            it.reason_and_subject().is_none_or(|(reason, about)| !reasons.contains(&reason) || !is_about(about))
        });
    }

    /// Withdraws the delivery of what was paid: the end of the lease of whoever has it in hand.
    pub fn withdraw_delivery(&mut self, about: &str) -> Option<Timestamp> {
        let is_it =
            |it: &OutboxEntry<F::Call>| matches!(&it.effect, StoredEffect::Fulfill { about: have } if have == about);
        let lease = self.outbox.entries.iter().find(|it| is_it(it)).and_then(|it| it.leased(self.context.now));
        self.retain(&|it| !is_it(it));
        lease
    }

    pub(super) fn retain(&mut self, keep: &dyn Fn(&OutboxEntry<F::Call>) -> bool) {
        if !self.outbox.entries.iter().all(keep) {
            self.outbox.to_mut().entries.retain(keep);
        }
    }

    /// Owes a notice to the customer, in place of the one about the same thing.
    pub fn notify(&mut self, notice: impl Named, about: &str, customer_url: Option<&str>) {
        self.notify_from(notice, about, customer_url, None);
    }

    /// The same, from an instant on.
    pub fn notify_from(
        &mut self,
        notice: impl Named,
        about: &str,
        customer_url: Option<&str>,
        from: Option<Timestamp>,
    ) {
        let reason = notice.name();
        let id = EffectId::about(&format!("notify:{reason}"), about);
        let effect = StoredEffect::Notify {
            reason: reason.into(),
            about: about.into(),
            customer_url: customer_url.map(Into::into),
        };
        self.outbox.to_mut().put(id, effect, from);
    }

    /// Owes the delivery of what was paid.
    pub fn fulfill(&mut self, about: &str) {
        self.fulfill_from(about, None);
    }

    /// The same, from an instant on.
    pub fn fulfill_from(&mut self, about: &str, from: Option<Timestamp>) {
        self.outbox.to_mut().put(
            EffectId::about("fulfill", about),
            StoredEffect::Fulfill { about: about.into() },
            from,
        );
    }

    /// Takes back every delivery that nobody has in hand: what each was of.
    pub fn withdraw_deliveries(&mut self) -> Vec<String> {
        let now = self.context.now;
        let is_free =
            |it: &OutboxEntry<F::Call>| matches!(it.effect, StoredEffect::Fulfill { .. }) && it.leased(now).is_none();
        let taken = self.outbox.entries.iter().filter(|it| is_free(it)).filter_map(|it| match &it.effect {
            StoredEffect::Fulfill { about } => Some(about.clone()),
            _ => None,
        });
        let taken = taken.collect();
        self.retain(&|it| !is_free(it));
        taken
    }

    /// Owes access until an instant, in place of the access owed before. Its id names the instant, so that what was done of
    /// one level says nothing of the next.
    pub fn access(&mut self, about: &str, until: Timestamp) {
        let level = EffectId::about("access", about);
        let id = EffectId::of("access", format_args!("{}/{}", level.cause(), until.as_millis()));
        let outbox = self.outbox.to_mut();
        outbox.entries.retain(|it| !matches!(&it.effect, StoredEffect::Access { about: have, .. } if have == about));
        outbox.number_level(&level);
        outbox.put(id, StoredEffect::Access { about: about.into(), access_until: until }, None);
    }

    /// Asks a person.
    pub fn ask(&mut self, ask: impl Into<Ask<F::Review>>, about: &str) {
        self.ask_from(ask.into(), about, None);
    }

    /// The same, from an instant on.
    pub fn ask_at(&mut self, ask: impl Into<Ask<F::Review>>, about: &str, from: Timestamp) {
        self.ask_from(ask.into(), about, Some(from));
    }

    /// The same, when the schedule of a wait that no lookup can end is over.
    pub fn ask_on_schedule(&mut self, ask: impl Into<Ask<F::Review>>, about: &str, timer: &PollTimer) {
        self.ask_from(ask.into(), about, timer.end(&self.context.config.lookups));
    }

    /// Owes the next lookup of a wait's schedule, and asks a person at its end: that comes even if no lookup is ever
    /// answered.
    pub fn poll_then_ask(&mut self, call: F::Call, timer: &PollTimer, ask: impl Into<Ask<F::Review>>, about: &str) {
        if let Some(not_before) = timer.next(&self.context.config.lookups) {
            self.look_up_at(call, Some(not_before));
        }
        self.ask_on_schedule(ask, about, timer);
    }

    fn ask_from(&mut self, ask: Ask<F::Review>, about: &str, not_before: Option<Timestamp>) {
        let (reason, verdicts) = (ask.review.name(), ask.stored());
        let id = EffectId::about(&format!("review:{reason}"), about);
        let about = (about.is_empty() || !id.as_str().ends_with(about)).then(|| about.into());
        self.outbox.to_mut().put(id, StoredEffect::Review { about, verdicts }, not_before);
    }

    /// Withdraws the question of that review about that thing.
    pub fn withdraw_review(&mut self, review: F::Review, about: &str) {
        self.withdraw_about(review.name(), about);
    }

    /// Withdraws the notice about that thing.
    pub fn withdraw_notice(&mut self, notice: impl Named, about: &str) {
        self.withdraw_about(notice.name(), about);
    }

    /// Says that an id of the provider has been new_ids, so that the host offers its inbox again.
    pub fn learn(&mut self, id: &str) {
        if let Ok(id) = CorrelationId::parse(id) {
            self.new_ids.push(id);
        }
    }
}
