//! The context of one step: the rules, and the outbox that the step changes.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use super::{Ask, Flow, Moment, Named, PollTimer, Rules};
use crate::config::Context;
use crate::effect::{Call, Outbox, OutboxEntry, StoredEffect, ended};
use crate::fact::{Failure, FailureKind};
use crate::id::{EffectId, Intent, Key, TypedId};
use crate::money::Cents;
use crate::rule::Violation;
use crate::time::Timestamp;

/// The context of one step: all that [`Rules`] can do, and the outbox.
pub struct Cx<'a, F: Flow> {
    rules: Rules<'a, F>,
    pub(crate) new_ids: Vec<TypedId>,
    /// The operations of the requests that succeeded.
    succeeded: Vec<&'static str>,
    /// The earliest and the latest instant at which the replied-to request can have been leased.
    leased: Option<(Timestamp, Timestamp)>,
    /// The last request that this step has ended without its having done anything.
    ended: Option<Failure>,
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
        Self { rules, new_ids: Vec::new(), succeeded: Vec::new(), leased: None, ended: None }
    }
}

/// What the customer can do, and where.
#[derive(Clone, Copy, Default, Debug)]
#[non_exhaustive]
pub struct ToDo<'a> {
    /// What to do, in the provider's own word.
    pub action: Option<&'a str>,
    /// Where the customer can do it.
    pub url: Option<&'a str>,
}

impl<'a> ToDo<'a> {
    /// The customer can do nothing.
    pub const NOTHING: Self = Self { action: None, url: None };

    /// Something to do at a page.
    pub const fn at(url: Option<&'a str>, action: Option<&'a str>) -> Self {
        Self { action, url }
    }
}

/// The results of a decision besides the next state.
pub(crate) struct Decided<'a, F: Flow> {
    pub(crate) outbox: Cow<'a, Outbox<F::Call>>,
    pub(crate) new_ids: Vec<TypedId>,
    pub(crate) succeeded: Vec<&'static str>,
    pub(crate) ended: Option<Failure>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) warnings: Vec<Violation>,
}

impl<'a, F: Flow> Cx<'a, F> {
    pub(crate) fn new(key: &'a Key, context: &'a Context, moment: Moment, outbox: &'a Outbox<F::Call>) -> Self {
        Rules::new(key, context, moment, outbox).into()
    }

    pub(crate) fn decided(self) -> Decided<'a, F> {
        let Self { rules: Rules { outbox, violations, warnings, .. }, new_ids, succeeded, ended, .. } = self;
        Decided { outbox, new_ids, succeeded, ended, violations, warnings }
    }

    /// The earliest instant at which the replied-to request can have been leased. The reply was not true before.
    pub fn leased_at(&self) -> Timestamp {
        self.leased.map_or(self.now(), |(earliest, _)| earliest)
    }

    /// The latest instant at which the replied-to request can have been leased. What the request made is no older.
    pub fn leased_by(&self) -> Timestamp {
        self.leased.map_or(self.now(), |(_, latest)| latest)
    }

    /// Notes the earliest and the latest instant at which the replied-to request can have been leased.
    pub(crate) const fn replies_to(&mut self, earliest: Timestamp, latest: Timestamp) {
        self.leased = Some((earliest, latest));
    }

    /// Makes a request pending, under the next number of its operation.
    pub fn request(&mut self, call: F::Call) -> EffectId {
        self.request_at(call, None)
    }

    /// Makes a request pending under the name of an intent, and after a failure under the intent's next number.
    pub fn request_as(&mut self, call: F::Call, intent: &Intent, number: u32) -> EffectId {
        self.check_body(&call);
        let id = EffectId::of_intent(call.operation().name, intent, number);
        self.outbox.to_mut().put(id.clone(), StoredEffect::Request(Arc::new(call)), None);
        id
    }

    /// Makes a request pending under an intent that the flow does not remember, each time under the intent's next number.
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

    /// Makes a lookup pending now. A planned one is brought forward, and a leased one is followed by another.
    pub fn look_up(&mut self, call: F::Call) {
        self.look_up_at(call, None);
    }

    /// Makes a lookup pending from an instant on.
    pub fn look_up_from(&mut self, call: F::Call, from: Timestamp) {
        self.look_up_at(call, Some(from));
    }

    fn look_up_at(&mut self, call: F::Call, not_before: Option<Timestamp>) {
        let (now, context) = (self.now(), self.context);
        // A lookup that rests after an inconclusive reply counts as well: a worker will send it again after now.
        let is_same = |it: &OutboxEntry<F::Call>| {
            it.leased(now).is_none() && matches!(&it.effect, StoredEffect::Request(have) if **have == call)
        };
        let (id, was_visible) = match self.outbox.entries.iter().position(is_same) {
            None => (self.request_at(call, not_before), false),
            Some(index) => {
                let Some(entry) = self.outbox.to_mut().entries.get_mut(index) else { return };
                let was_visible = entry.attempts > 0 || !entry.is_hidden(now);
                // A plan does not postpone a lookup that is pending already. A lookup from now on ends its rest, and so does
                // a plan that is due if the rest is long because a person is asked.
                let is_due = |from: Timestamp| from.is_over(now) && entry.asks(now, &context.config).is_some();
                if !was_visible || not_before.is_none_or(is_due) {
                    entry.not_before = not_before;
                }
                (entry.id.clone(), was_visible)
            }
        };
        if !was_visible {
            self.outbox.to_mut().renumber(&id, now);
        }
    }

    /// Whether a notice with this reason is pending.
    pub fn has_notice(&self, notice: impl Named) -> bool {
        let is_it = |it: &OutboxEntry<F::Call>| it.reason_and_subject().is_some_and(|(have, _)| have == notice.name());
        self.outbox.entries.iter().any(is_it)
    }

    /// Withdraws the requests that have become moot.
    pub fn withdraw(&mut self, moot: impl Fn(&F::Call) -> bool) {
        self.retain(&|it| !matches!(&it.effect, StoredEffect::Request(call) if moot(call)));
    }

    /// Withdraws the requests that have become moot, unless a worker has sent them: those wait for their outcome.
    pub fn withdraw_unsent(&mut self, moot: impl Fn(&F::Call) -> bool) {
        self.retain(&|it| it.was_sent() || !matches!(&it.effect, StoredEffect::Request(call) if moot(call)));
    }

    /// Withdraws a matching request that cannot have done anything, and reports it as a failure with this reason.
    ///
    /// A request that may have succeeded stays.
    pub fn drop_unsent(&mut self, moot: impl Fn(&F::Call) -> bool, why: &str) -> Option<EffectId> {
        let is_moot = |it: &&OutboxEntry<F::Call>| !it.was_sent() && it.call().is_some_and(&moot);
        let id = self.outbox.entries.iter().find(is_moot)?.id.clone();
        let dropped = self.outbox.to_mut().remove(id.as_str())?;
        let call = dropped.call()?;
        let message = format!("`{}` was dropped before it was sent. {why}", call.operation().name);
        self.end_undone(&id, call, FailureKind::Dropped, message);
        Some(id)
    }

    /// Reports a request that has ended without doing anything.
    pub(super) fn end_undone(&mut self, id: &EffectId, call: &F::Call, kind: FailureKind, message: String) {
        let failure = Failure::new(id, F::action_of_call(call).name(), self.now(), kind);
        self.ended = Some(Failure { message: Some(message), ..failure });
    }

    /// Gives up matching requests that may have succeeded: a lookup or a person finds out the outcome, and no worker sends
    /// them again.
    pub fn stop_sending(&mut self, of: impl Fn(&F::Call) -> bool) {
        for (call, lease) in self.outbox.to_mut().stop_sending(&of) {
            self.look_up_outcome_from(&call, lease);
        }
    }

    /// Lets a worker send the matching requests again: what was given up cannot happen any more, and a reply shows what did.
    pub fn resume_sending(&mut self, of: impl Fn(&F::Call) -> bool) {
        self.outbox.to_mut().resume_sending(&of);
    }

    /// Withdraws the notice or review with this reason and this subject.
    pub fn withdraw_about(&mut self, reason: &str, about: &str) {
        self.withdraw_all_about(&[reason], |have| have == about);
    }

    /// Withdraws the notices and reviews with these reasons whose subject matches.
    pub fn withdraw_all_about(&mut self, reasons: &[&str], is_about: impl Fn(&str) -> bool) {
        let is_meant = |(reason, about): (&str, &str)| reasons.contains(&reason) && is_about(about);
        self.retain(&|it| !it.reason_and_subject().is_some_and(is_meant));
    }

    /// Withdraws the delivery of what was paid, and returns the end of its lease if a worker holds one.
    pub fn withdraw_delivery(&mut self, about: &str) -> Option<Timestamp> {
        let is_delivery = |it: &OutboxEntry<F::Call>| matches!(&it.effect, StoredEffect::Fulfill { about: have, .. } if have.as_str() == about);
        let lease = self.outbox.entries.iter().find(|it| is_delivery(it)).and_then(|it| it.leased(self.context.now));
        self.retain(&|it| !is_delivery(it));
        lease
    }

    pub(super) fn retain(&mut self, keep: &dyn Fn(&OutboxEntry<F::Call>) -> bool) {
        if !self.outbox.entries.iter().all(keep) {
            self.outbox.to_mut().entries.retain(keep);
        }
    }

    /// Makes a notice to the customer pending, in place of the one with the same reason and subject.
    pub fn notify(&mut self, notice: impl Named, about: impl Into<TypedId>, to_do: ToDo<'_>) {
        self.put_notice(None, notice, about.into(), to_do, None);
    }

    /// Makes a notice to the customer pending whose effect id has another name than its subject.
    pub fn notify_as(
        &mut self,
        name: &str,
        notice: impl Named,
        about: impl Into<TypedId>,
        to_do: ToDo<'_>,
        from: Option<Timestamp>,
    ) {
        self.put_notice(Some(name), notice, about.into(), to_do, from);
    }

    fn put_notice(
        &mut self,
        name: Option<&str>,
        notice: impl Named,
        about: TypedId,
        to_do: ToDo<'_>,
        from: Option<Timestamp>,
    ) {
        let reason = notice.name();
        let id = EffectId::about(&format!("notify:{reason}"), name.unwrap_or(about.as_str()));
        let (customer_action, customer_url) = (to_do.action.map(Into::into), to_do.url.map(Into::into));
        let effect = StoredEffect::Notify { reason: reason.into(), about, customer_action, customer_url };
        self.outbox.to_mut().put(id, effect, from);
    }

    /// Makes the delivery of what was paid pending.
    pub fn fulfill(&mut self, about: impl Into<TypedId>) {
        self.put_delivery(about.into(), (None, None), None);
    }

    /// Makes the delivery of what was paid pending from an instant on.
    pub fn fulfill_from(&mut self, about: impl Into<TypedId>, from: Option<Timestamp>) {
        self.put_delivery(about.into(), (None, None), from);
    }

    /// Makes the delivery of a charge pending, with the host's name for it and the amount.
    pub fn fulfill_charge(&mut self, about: impl Into<TypedId>, intent: Option<&Intent>, paid: Option<Cents>) {
        self.put_delivery(about.into(), (intent.cloned(), paid), None);
    }

    fn put_delivery(
        &mut self,
        about: TypedId,
        (intent, paid): (Option<Intent>, Option<Cents>),
        from: Option<Timestamp>,
    ) {
        let id = EffectId::about("fulfill", about.as_str());
        self.outbox.to_mut().put(id, StoredEffect::Fulfill { about, intent, paid }, from);
    }

    /// Makes access until an instant pending, in place of any other access to the same subscription.
    ///
    /// The id names the instant. So a worker's report about one level does not count for the next. A level that a customer has
    /// again, after a worker has taken the access away, is another one.
    pub fn access(&mut self, about: impl Into<TypedId>, paid_until: Option<Timestamp>, access_until: Timestamp) {
        let about = about.into();
        let level = EffectId::about("access", about.as_str());
        let outbox = self.outbox.to_mut();
        let until = access_until.as_millis();
        let id = match outbox.number_of(&ended(&about)) {
            0 => EffectId::of("access", format_args!("{}/{until}", level.cause())),
            ends => EffectId::of("access", format_args!("{}/{until}/{}", level.cause(), ends.saturating_add(1))),
        };
        outbox.entries.retain(|it| !matches!(&it.effect, StoredEffect::Access { about: have, .. } if *have == about));
        outbox.count_one(level.as_str());
        outbox.put(id, StoredEffect::Access { about, paid_until, access_until }, None);
    }

    /// Asks a person.
    pub fn ask(&mut self, ask: impl Into<Ask<F::Review>>, about: impl Into<TypedId>) {
        self.put_review(None, ask.into(), about.into(), None);
    }

    /// Asks a person from an instant on.
    pub fn ask_at(&mut self, ask: impl Into<Ask<F::Review>>, about: impl Into<TypedId>, from: Timestamp) {
        self.put_review(None, ask.into(), about.into(), Some(from));
    }

    /// Asks a person when the lookup schedule of a wait is over.
    pub fn ask_on_schedule(&mut self, ask: impl Into<Ask<F::Review>>, about: impl Into<TypedId>, timer: &PollTimer) {
        self.put_review(None, ask.into(), about.into(), timer.end(&self.context.config.lookups));
    }

    /// Plans the next lookup of a wait's schedule, and a question for a person at its end.
    ///
    /// The question comes first among the effects: it keeps its place, while a signal may withdraw the lookup and plan it
    /// anew. So a repeated signal leaves the order as it is.
    pub fn poll_then_ask(
        &mut self,
        call: F::Call,
        timer: &PollTimer,
        ask: impl Into<Ask<F::Review>>,
        about: impl Into<TypedId>,
    ) {
        self.ask_on_schedule(ask, about, timer);
        self.poll(call, timer);
    }

    /// Plans the next lookup of a wait's schedule.
    pub fn poll(&mut self, call: F::Call, timer: &PollTimer) {
        if let Some(not_before) = timer.next(&self.context.config.lookups) {
            self.look_up_at(call, Some(not_before));
        }
    }

    /// Asks a person. The effect id has another name than its subject.
    pub fn ask_as(&mut self, name: &str, ask: impl Into<Ask<F::Review>>, about: impl Into<TypedId>) {
        self.put_review(Some(name), ask.into(), about.into(), None);
    }

    fn put_review(&mut self, name: Option<&str>, ask: Ask<F::Review>, about: TypedId, from: Option<Timestamp>) {
        let (reason, verdicts) = (ask.review.name(), ask.stored());
        let id = EffectId::about(&format!("review:{reason}"), name.unwrap_or(about.as_str()));
        let (kind, about) = about.into_parts();
        // Mostly the id of the effect ends with the subject.
        let about = id.cause().split_once(':').is_none_or(|(_, subject)| subject != &*about).then(|| (&*about).into());
        let effect = StoredEffect::Review { kind, about, verdicts };
        // A question that is open or planned keeps its place among the effects, so that a repeated signal changes nothing.
        let is_it = |it: &OutboxEntry<F::Call>| it.id == id && it.not_before == from && it.effect == effect;
        if !self.outbox.entries.iter().any(is_it) {
            self.outbox.to_mut().put(id, effect, from);
        }
    }

    /// Withdraws the review with this subject.
    pub fn withdraw_review(&mut self, review: F::Review, about: &str) {
        self.withdraw_about(review.name(), about);
    }

    /// Withdraws the notice with this subject.
    pub fn withdraw_notice(&mut self, notice: impl Named, about: &str) {
        self.withdraw_about(notice.name(), about);
    }

    /// Notes that a request succeeded, whoever shows it. A failure of the same operation is then over.
    pub(crate) fn note_success(&mut self, call: &F::Call) {
        self.succeeded.push(call.operation().name);
    }

    /// Lists an id of the provider among the step's new ids. The host then offers its inbox again.
    pub fn learn(&mut self, id: impl Into<TypedId>) {
        self.new_ids.push(id.into());
    }
}
