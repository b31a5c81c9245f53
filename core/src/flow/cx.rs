//! The context of one step: the rules, and what the step leaves to be done.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use super::{Ask, Flow, Moment, Named, Reviews, Rules, Watch};
use crate::effect::{Call, Duty, Obligation, Outbox};
use crate::id::{CorrelationId, EffectId, Intent, Key};
use crate::policy::Env;
use crate::rule::Violation;
use crate::time::Timestamp;

/// The context of one step: all that [`Rules`] can do, and the outbox.
pub struct Cx<'a, F: Flow> {
    rules: Rules<'a, F>,
    pub(crate) learnt: Vec<CorrelationId>,
    /// When the request was begun whose reply the decision is made for: at the earliest, and at the latest.
    begun: Option<(Timestamp, Timestamp)>,
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
        Self { rules, learnt: Vec::new(), begun: None }
    }
}

/// What a customer is told of: one of a provider's notices, or still a string.
pub trait Notice {
    /// Its name.
    fn reason(self) -> &'static str;
}

impl<T: Named> Notice for T {
    fn reason(self) -> &'static str {
        self.name()
    }
}

impl Notice for &'static str {
    fn reason(self) -> &'static str {
        self
    }
}

/// What a decision says besides the next state.
pub(crate) struct Decided<'a, F: Flow> {
    pub(crate) outbox: Cow<'a, Outbox<F::Call>>,
    pub(crate) learnt: Vec<CorrelationId>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) warnings: Vec<Violation>,
}

impl<'a, F: Flow> Cx<'a, F> {
    pub(crate) fn new(key: &'a Key, env: &'a Env<F::Settings>, moment: Moment, outbox: &'a Outbox<F::Call>) -> Self {
        Rules::new(key, env, moment, outbox).into()
    }

    pub(crate) fn decided(self) -> Decided<'a, F> {
        let Self { rules: Rules { outbox, violations, warnings, .. }, learnt, .. } = self;
        Decided { outbox, learnt, violations, warnings }
    }

    /// When the request was begun whose reply this is, or the earliest that may be: what it says was true then, or later.
    pub fn begun_at(&self) -> Timestamp {
        self.begun.map_or(self.now(), |it| it.0)
    }

    /// The latest instant at which the request can have been begun whose reply this is: what it makes is no older.
    pub fn begun_by(&self) -> Timestamp {
        self.begun.map_or(self.now(), |it| it.1)
    }

    /// Notes when the request was begun whose reply is read, at the earliest and at the latest.
    pub(crate) const fn answers(&mut self, earliest: Timestamp, latest: Timestamp) {
        self.begun = Some((earliest, latest));
    }

    /// Owes a request under the next ordinal of its operation.
    pub fn owe(&mut self, call: F::Call) -> EffectId {
        self.owe_at(call, None)
    }

    /// Owes a request under the name of an intent, and after a failure under its next ordinal.
    pub fn owe_as(&mut self, call: F::Call, intent: &Intent, ordinal: u32) -> EffectId {
        self.check_body(&call);
        let id = EffectId::of_intent(call.operation().name, intent, ordinal);
        self.outbox.to_mut().owe(id.clone(), Duty::Request(Arc::new(call)), None);
        id
    }

    /// Owes a request under the name of an intent that no flow's memory keeps: each time under its next ordinal.
    pub fn owe_next(&mut self, call: F::Call, intent: &Intent) -> EffectId {
        let ordinal = self.outbox.to_mut().next_of(call.operation().name, intent);
        self.owe_as(call, intent, ordinal)
    }

    fn owe_at(&mut self, call: F::Call, due: Option<Timestamp>) -> EffectId {
        self.check_body(&call);
        let outbox = self.outbox.to_mut();
        let id = outbox.next_id(&call);
        outbox.owe(id.clone(), Duty::Request(Arc::new(call)), due);
        id
    }

    /// Owes a look-up now. One that waits for its time is brought forward; one in hand is followed by another.
    pub fn look_up(&mut self, call: F::Call) {
        self.look_up_at(call, None);
    }

    /// Owes the next look-up of a wait's schedule, and a person's judgement at its end: that comes even if no look-up is ever
    /// answered.
    pub fn watch(&mut self, call: F::Call, watch: &Watch, reason: &'static str, of: &str, verdicts: &[&'static str]) {
        if let Some(due) = watch.next(&self.env.policy.look_ups) {
            self.look_up_at(call, Some(due));
        }
        self.review_on_schedule(reason, of, verdicts, watch);
    }

    /// Owes a look-up from an instant on.
    pub fn look_up_from(&mut self, call: F::Call, at: Timestamp) {
        self.look_up_at(call, Some(at));
    }

    fn look_up_at(&mut self, call: F::Call, due: Option<Timestamp>) {
        let now = self.now();
        // One that rests after a reply that settled nothing is begun again anyway, and after now.
        let waiting = |it: &Obligation<F::Call>| {
            it.in_hand(now).is_none() && matches!(&it.duty, Duty::Request(have) if **have == call)
        };
        let (id, was_seen) = match self.outbox.owed.iter().position(waiting) {
            None => (self.owe_at(call, due), false),
            Some(index) => {
                let Some(it) = self.outbox.to_mut().owed.get_mut(index) else { return };
                let was_seen = it.begun > 0 || !it.is_hidden(now);
                // What is owed already is not put off by what is planned, and a signal about it is taken in even so.
                it.due = if was_seen && due.is_some() { it.due } else { due };
                (it.id.clone(), was_seen)
            }
        };
        if !was_seen {
            self.outbox.to_mut().number(&id, now);
        }
    }

    /// Withdraws the requests that have become moot.
    pub fn withdraw(&mut self, moot: impl Fn(&F::Call) -> bool) {
        self.retain(&|it| !matches!(&it.duty, Duty::Request(call) if moot(call)));
    }

    /// Withdraws the requests that have become moot, unless they have been sent: they wait for their outcome.
    pub fn withdraw_unsent(&mut self, moot: impl Fn(&F::Call) -> bool) {
        self.retain(&|it| it.was_sent() || !matches!(&it.duty, Duty::Request(call) if moot(call)));
    }

    /// Withdraws the notice or review of that reason about that thing.
    pub fn withdraw_word(&mut self, reason: &str, of: &str) {
        self.withdraw_words(&[reason], |about| about == of);
    }

    /// Withdraws the notices and reviews of those reasons about some things.
    pub fn withdraw_words(&mut self, reasons: &[&str], about: impl Fn(&str) -> bool) {
        self.retain(&|it| it.word().is_none_or(|(reason, of)| !reasons.contains(&reason) || !about(of)));
    }

    /// Withdraws the delivery of what was paid: the end of the lease of whoever has it in hand.
    pub fn withdraw_delivery(&mut self, of: &str) -> Option<Timestamp> {
        let is_it = |it: &Obligation<F::Call>| matches!(&it.duty, Duty::Fulfill { of: have } if have == of);
        let lease = self.outbox.owed.iter().find(|it| is_it(it)).and_then(|it| it.in_hand(self.env.now));
        self.retain(&|it| !is_it(it));
        lease
    }

    pub(super) fn retain(&mut self, keep: &dyn Fn(&Obligation<F::Call>) -> bool) {
        if !self.outbox.owed.iter().all(keep) {
            self.outbox.to_mut().owed.retain(keep);
        }
    }

    /// Owes a notice to the customer, in place of the one about the same thing.
    pub fn notify(&mut self, notice: impl Notice, of: &str, customer_at: Option<&str>) {
        self.notify_from(notice, of, customer_at, None);
    }

    /// The same, from an instant on.
    pub fn notify_from(&mut self, notice: impl Notice, of: &str, customer_at: Option<&str>, from: Option<Timestamp>) {
        let reason = notice.reason();
        let id = EffectId::about(&format!("notify:{reason}"), of);
        let duty = Duty::Notify { reason: reason.into(), of: of.into(), customer_at: customer_at.map(Into::into) };
        self.outbox.to_mut().owe(id, duty, from);
    }

    /// Owes the delivery of what was paid.
    pub fn fulfill(&mut self, of: &str) {
        self.fulfill_from(of, None);
    }

    /// The same, from an instant on.
    pub fn fulfill_from(&mut self, of: &str, from: Option<Timestamp>) {
        self.outbox.to_mut().owe(EffectId::about("fulfill", of), Duty::Fulfill { of: of.into() }, from);
    }

    /// Takes back every delivery that nobody has in hand: what each was of.
    pub fn withhold(&mut self) -> Vec<String> {
        let now = self.env.now;
        let is_free = |it: &Obligation<F::Call>| matches!(it.duty, Duty::Fulfill { .. }) && it.in_hand(now).is_none();
        let taken = self.outbox.owed.iter().filter(|it| is_free(it)).filter_map(|it| match &it.duty {
            Duty::Fulfill { of } => Some(of.clone()),
            _ => None,
        });
        let taken = taken.collect();
        self.retain(&|it| !is_free(it));
        taken
    }

    /// Owes access until an instant, in place of the access owed before. Its id names the instant, so that what was done of
    /// one level says nothing of the next.
    pub fn access(&mut self, of: &str, until: Timestamp) {
        let level = EffectId::about("access", of);
        let id = EffectId::of("access", format_args!("{}/{}", level.cause(), until.as_millis()));
        let outbox = self.outbox.to_mut();
        outbox.owed.retain(|it| !matches!(&it.duty, Duty::Access { of: have, .. } if have == of));
        outbox.number_level(&level);
        outbox.owe(id, Duty::Access { of: of.into(), until }, None);
    }

    /// Asks a person.
    pub fn ask(&mut self, ask: impl Into<Ask<F::Review>>, about: &str) {
        self.ask_from(ask.into(), about, None);
    }

    /// The same, from an instant on.
    pub fn ask_at(&mut self, ask: impl Into<Ask<F::Review>>, about: &str, from: Timestamp) {
        self.ask_from(ask.into(), about, Some(from));
    }

    /// The same, when the schedule of a wait that no look-up can end is over.
    pub fn ask_on_schedule(&mut self, ask: impl Into<Ask<F::Review>>, about: &str, watch: &Watch) {
        self.ask_from(ask.into(), about, watch.end(&self.env.policy.look_ups));
    }

    /// Owes the next look-up of a wait's schedule, and asks a person at its end: that comes even if no look-up is ever
    /// answered.
    pub fn watch_then_ask(&mut self, call: F::Call, watch: &Watch, ask: impl Into<Ask<F::Review>>, about: &str) {
        if let Some(due) = watch.next(&self.env.policy.look_ups) {
            self.look_up_at(call, Some(due));
        }
        self.ask_on_schedule(ask, about, watch);
    }

    fn ask_from(&mut self, ask: Ask<F::Review>, about: &str, due: Option<Timestamp>) {
        let Ask { review, only } = ask;
        match only {
            None => self.review_from(review.name(), about, review.question().verdicts(), due),
            Some(some) => self.review_from(review.name(), about, some.iter().map(|it| it.name()), due),
        }
    }

    /// Withdraws the question of that review about that thing.
    pub fn withdraw_review(&mut self, review: F::Review, about: &str) {
        self.withdraw_word(review.name(), about);
    }

    /// Withdraws the notice about that thing.
    pub fn withdraw_notice(&mut self, notice: impl Named, about: &str) {
        self.withdraw_word(notice.name(), about);
    }

    /// Owes a person's judgement.
    pub fn review(&mut self, reason: &'static str, of: &str, verdicts: &[&'static str]) {
        self.review_from(reason, of, verdicts.iter().copied(), None);
    }

    /// Owes a person's judgement when the schedule of a wait that no look-up can end is over.
    pub fn review_on_schedule(&mut self, reason: &'static str, of: &str, verdicts: &[&'static str], watch: &Watch) {
        self.review_from(reason, of, verdicts.iter().copied(), watch.end(&self.env.policy.look_ups));
    }

    /// Owes a person's judgement from an instant on.
    pub fn review_at(&mut self, reason: &'static str, of: &str, verdicts: &[&'static str], from: Timestamp) {
        self.review_from(reason, of, verdicts.iter().copied(), Some(from));
    }

    fn review_from(
        &mut self,
        reason: &'static str,
        of: &str,
        verdicts: impl Iterator<Item = &'static str>,
        due: Option<Timestamp>,
    ) {
        let id = EffectId::about(&format!("review:{reason}"), of);
        let verdicts = verdicts.map(Cow::Borrowed).collect();
        let of = (of.is_empty() || !id.as_str().ends_with(of)).then(|| of.into());
        self.outbox.to_mut().owe(id, Duty::Review { of, verdicts }, due);
    }

    /// Says that an id of the provider has been learnt, so that the host offers its inbox again.
    pub fn learn(&mut self, id: &str) {
        if let Ok(id) = CorrelationId::parse(id) {
            self.learnt.push(id);
        }
    }
}
