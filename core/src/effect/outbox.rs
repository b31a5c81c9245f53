//! The obligations of one flow, stored in its snapshot: an outbox inside the row.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::sendings::Sendings;
use super::{Answered, Call, Effect, Past, PendingEffect, Retry};
use crate::config::Config;
use crate::id::{EffectId, Fingerprints, Intent, REMEMBERED};
use crate::time::{Millis, Timestamp};

/// The longest back-off, unless the policy's first is longer.
const LONGEST_BACKOFF: Millis = Millis::from_hours(1);

/// How long a lookup by content waits, where sending again under the same key is the first means.
const LOOK_AFTER: Millis = Millis::from_hours(1);

/// What is owed, in the order in which it arose, and how often each operation was owed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Outbox<C> {
    pub(crate) entries: Vec<OutboxEntry<C>>,
    pub(crate) counters: Vec<Counter>,
    /// Requests that are over and may still be told of.
    pub(crate) past: Vec<Past<C>>,
    /// What the requests that move money have made: none of it is made by another.
    pub(crate) made: Fingerprints,
}

impl<C> Default for Outbox<C> {
    fn default() -> Self {
        Self { entries: Vec::new(), counters: Vec::new(), past: Vec::new(), made: Fingerprints::default() }
    }
}

/// How often something was owed: an operation without an intent, or one under an intent that no flow's memory keeps.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(crate) struct Counter(pub(crate) Cow<'static, str>, pub(crate) u32);

/// One obligation, from the transition that caused it until its outcome is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "{C}OutboxEntry"))]
#[serde(deny_unknown_fields)]
pub(crate) struct OutboxEntry<C> {
    /// Why it is owed.
    pub(crate) id: EffectId,
    /// What has to be carried out.
    pub(crate) effect: StoredEffect<C>,
    /// The instant before which it rests: its schedule, or a back-off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<Timestamp>,
    /// How often it was begun: the number of its last sending.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) attempts: u32,
    /// The end of the lease of whoever has it in hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leased_until: Option<Timestamp>,
    /// Of a request that was begun, what is known of its sendings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent: Option<Box<Sendings>>,
    /// Whether it is kept back: nobody sees it, and who has it in hand may still say that it is done.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) kept: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What an obligation is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "{C}StoredEffect"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum StoredEffect<C> {
    /// Send a request.
    // It never changes: the snapshots of one flow share it.
    Request(Arc<C>),
    /// Tell the customer something.
    Notify {
        /// What to tell.
        reason: Cow<'static, str>,
        /// What it is about.
        about: String,
        /// Where the customer can act on it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer_url: Option<String>,
    },
    /// Deliver what was paid.
    Fulfill {
        /// The provider's id of the payment.
        about: String,
    },
    /// Let the customer in until an instant.
    Access {
        /// The provider's id of the subscription.
        about: String,
        /// When access ends.
        access_until: Timestamp,
    },
    /// Have a person look. Its reason stands in its id, and mostly what it is about as well.
    Review {
        /// What it is about, where that cannot stand in the id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<String>,
        /// The verdicts to choose from, where they are not all of the question's.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        verdicts: Vec<Cow<'static, str>>,
    },
}

impl<C: Call> Outbox<C> {
    pub(crate) fn find(&self, id: &str) -> Option<&OutboxEntry<C>> {
        self.entries.iter().find(|it| it.id.as_str() == id)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut OutboxEntry<C>> {
        self.entries.iter_mut().find(|it| it.id.as_str() == id)
    }

    /// Takes an obligation out, and with it the lookup that stood in for its outcome.
    pub(crate) fn remove(&mut self, id: &str) -> Option<OutboxEntry<C>> {
        let index = self.entries.iter().position(|it| it.id.as_str() == id)?;
        let gone = self.entries.remove(index);
        if let StoredEffect::Request(call) = &gone.effect {
            self.withdraw_outcome(call);
        }
        Some(gone)
    }

    /// Withdraws the lookup that stands in for the outcome of a request.
    pub(crate) fn withdraw_outcome(&mut self, call: &C) {
        if let Some(stand_in) = call.outcome_lookup() {
            self.entries.retain(|it| !matches!(&it.effect, StoredEffect::Request(look_up) if **look_up == stand_in));
        }
    }

    /// Puts an obligation into somebody's hands; a request is sent once more then, and its lookup is owed in time.
    pub(crate) fn lease(&mut self, id: &str, now: Timestamp, lease: Timestamp) {
        let Some(it) = self.find_mut(id) else { return };
        it.attempts = it.attempts.saturating_add(1);
        it.leased_until = Some(lease);
        it.not_before = None;
        let begun = it.attempts;
        let StoredEffect::Request(call) = &it.effect else { return };
        let name = call.operation().name;
        it.sent.get_or_insert_with(|| Box::new(Sendings::first(now, lease))).send(begun, now, lease);
        if let Some(number) = it.id.number() {
            self.count(name, number);
        }
    }

    /// The next id of an operation, by its number from 1. A lookup is counted only when it is begun: one that was
    /// planned and never came due leaves no gap.
    pub(crate) fn next_id(&mut self, call: &C) -> EffectId {
        let operation = call.operation().name;
        let counted = self.counters.iter().find(|it| it.0 == operation).map_or(0, |it| it.1);
        let planned = self.entries.iter().filter(|it| it.id.kind() == operation).filter_map(|it| it.id.number());
        let number = planned.fold(counted, u32::max).saturating_add(1);
        if !call.operation().is_lookup() {
            self.count(operation, number);
        }
        EffectId::of(operation, number)
    }

    /// Numbers a lookup that is seen from now on before those that nobody has seen: theirs are not given out yet.
    pub(crate) fn renumber(&mut self, id: &EffectId, now: Timestamp) {
        let Some(seen) = self.entries.iter().position(|it| it.id == *id && !it.is_hidden(now)) else { return };
        let is_lower = |it: &OutboxEntry<C>| it.id.kind() == id.kind() && it.id.number() < id.number();
        let unseen = self.entries.iter().enumerate().filter(|(_, it)| it.is_hidden(now) && is_lower(it));
        let Some((lowest, _)) = unseen.min_by_key(|(_, it)| it.id.number()) else { return };
        if let Ok([seen, unseen]) = self.entries.get_disjoint_mut([seen, lowest]) {
            core::mem::swap(&mut seen.id, &mut unseen.id);
        }
    }

    /// The next number of an operation under the name of an intent: one that it never had before.
    ///
    /// The last sixteen names are kept. Of those before, only the highest number is, under no name: a name that is not kept
    /// goes on above it.
    pub(crate) fn next_of(&mut self, operation: &str, intent: &Intent) -> u32 {
        let name = format!("{operation}:{intent}");
        let unnamed = format!("{operation}:");
        let known =
            self.counters.iter().find(|it| it.0 == name).or_else(|| self.counters.iter().find(|it| it.0 == unnamed));
        let number = known.map_or(0, |it| it.1).saturating_add(1);
        self.counters.retain(|it| it.0 != name);
        let is_named = |it: &Counter| it.0.starts_with(&unnamed) && it.0 != unnamed;
        while self.counters.iter().filter(|it| is_named(it)).count() >= REMEMBERED
            && let Some(oldest) = self.counters.iter().position(is_named)
        {
            let forgotten = self.counters.remove(oldest).1;
            self.count(unnamed.clone(), forgotten);
        }
        self.counters.push(Counter(Cow::Owned(name), number));
        number
    }

    /// Counts a level of access, such as that of `access:fsub_1`.
    pub(crate) fn number_level(&mut self, level: &EffectId) {
        let before = self.levels(level.as_str());
        self.count(String::from(level.as_str()), before.saturating_add(1));
    }

    /// How many levels of access there were under that name.
    pub(crate) fn levels(&self, level: &str) -> u32 {
        self.counters.iter().find(|it| it.0 == level).map_or(0, |it| it.1)
    }

    fn count(&mut self, operation: impl Into<Cow<'static, str>>, number: u32) {
        let operation = operation.into();
        match self.counters.iter_mut().find(|it| it.0 == operation) {
            Some(it) => it.1 = it.1.max(number),
            None => self.counters.push(Counter(operation, number)),
        }
    }

    /// Owes something, in place of what was owed under the same id.
    pub(crate) fn put(&mut self, id: EffectId, effect: StoredEffect<C>, not_before: Option<Timestamp>) {
        self.entries.retain(|it| it.id != id);
        self.entries.push(OutboxEntry {
            id,
            effect,
            not_before,
            attempts: 0,
            leased_until: None,
            sent: None,
            kept: false,
        });
    }
}

impl<C: Call> OutboxEntry<C> {
    /// Whether somebody has it in hand now.
    pub(crate) fn leased(&self, now: Timestamp) -> Option<Timestamp> {
        self.leased_until.filter(|end| !end.is_over(now))
    }

    /// The instant for which it still rests.
    pub(crate) fn resting(&self, now: Timestamp) -> Option<Timestamp> {
        self.not_before.filter(|not_before| !not_before.is_over(now))
    }

    /// What was never begun and waits for its time is nobody's business yet.
    pub(crate) fn is_hidden(&self, now: Timestamp) -> bool {
        self.attempts == 0 && self.resting(now).is_some()
    }

    /// What it asks of the provider, if it is a request.
    pub(crate) fn call(&self) -> Option<&C> {
        self.shared_call().map(Arc::as_ref)
    }

    /// The same, to be kept.
    pub(crate) const fn shared_call(&self) -> Option<&Arc<C>> {
        match &self.effect {
            StoredEffect::Request(call) => Some(call),
            _ => None,
        }
    }

    /// Its id and what it asks of the provider, if it is a request.
    pub(crate) fn into_request(self) -> Option<(EffectId, Arc<C>)> {
        match self.effect {
            StoredEffect::Request(call) => Some((self.id, call)),
            _ => None,
        }
    }

    /// Whether a sending of it may have come true.
    pub(crate) fn was_sent(&self) -> bool {
        self.sent.as_ref().is_some_and(|it| !it.open.is_empty())
    }

    /// Whether it was begun more than once: what is told of it without a number may be about any of its sendings.
    pub(crate) const fn is_leased_again(&self) -> bool {
        self.attempts > 1
    }

    pub(crate) fn class(&self) -> Option<Retry> {
        self.call().map(|call| call.operation().class)
    }

    pub(crate) fn is_reconciled(&self) -> bool {
        self.class() == Some(Retry::Reconcile)
    }

    /// Whether it may not be sent again: a sending may have come true, and it is not one to repeat, or was taken.
    pub(crate) fn is_held(&self) -> bool {
        let accepted = self.sent.as_ref().is_some_and(|it| it.answered == Answered::Accepted);
        self.was_sent() && (accepted || self.is_reconciled())
    }

    /// Puts it to rest after news that settles nothing. `sending` is the one that the news is about, if that is known: only
    /// news of the last one takes it out of its worker's hands. What may not be sent again does not rest, but is held.
    pub(crate) fn rest(&mut self, sending: Option<u32>, now: Timestamp, config: &Config, until: Option<Timestamp>) {
        if sending.unwrap_or(1) == self.attempts {
            self.leased_until = None;
        } else if sending.is_some() {
            return;
        }
        self.not_before = (!self.is_held()).then(|| self.rested(now, config, until));
    }

    /// The end of its rest: its back-off, or what is later of the instant that the provider asked for and the lease of
    /// whoever has it in hand.
    fn rested(&self, now: Timestamp, config: &Config, until: Option<Timestamp>) -> Timestamp {
        let rest =
            config.backoff_ms.doubled(self.attempts.saturating_sub(1)).min(LONGEST_BACKOFF.max(config.backoff_ms));
        [until, self.leased_until].into_iter().flatten().fold(now.after(rest), Timestamp::max)
    }

    /// When the outcome of what was sent is looked up by its content, unless something makes that due earlier.
    pub(crate) fn looked_up_at(&self) -> Option<Timestamp> {
        let sent = self.sent.as_ref()?;
        match self.class()? {
            Retry::Reconcile | Retry::Harmless => Some(sent.lease),
            Retry::SameKey if self.is_leased_again() || sent.lost.is_some() => {
                sent.since.map(|since| since.after(LOOK_AFTER))
            }
            _ => None,
        }
    }

    /// Of a notice or a review, its reason and what it is about.
    pub(crate) fn reason_and_subject(&self) -> Option<(&str, &str)> {
        match &self.effect {
            StoredEffect::Notify { reason, about, .. } => Some((reason, about)),
            StoredEffect::Review { about, .. } => {
                let (reason, subject) = self.id.cause().split_once(':')?;
                Some((reason, about.as_deref().unwrap_or(subject)))
            }
            StoredEffect::Request(_) | StoredEffect::Fulfill { .. } | StoredEffect::Access { .. } => None,
        }
    }

    fn effect(&self, review: impl Fn(&str, &str, &[Cow<'static, str>]) -> Effect) -> Effect {
        match &self.effect {
            StoredEffect::Request(call) => {
                let operation = call.operation();
                Effect::Request { operation: operation.name, retry: operation.class }
            }
            StoredEffect::Notify { reason, about, customer_url } => {
                Effect::Notify { reason: reason.clone(), about: about.clone(), customer_url: customer_url.clone() }
            }
            StoredEffect::Fulfill { about } => Effect::Fulfill { about: about.clone() },
            StoredEffect::Access { about, access_until } => {
                Effect::Access { about: about.clone(), access_until: *access_until }
            }
            StoredEffect::Review { verdicts, .. } => {
                let (reason, about) = self.reason_and_subject().unwrap_or_default();
                review(reason, about, verdicts)
            }
        }
    }

    /// The obligation as a worker sees it, `allowed` being what the flow's guards say of it, and `review` what it asks.
    pub(crate) fn effect_at(
        &self,
        now: Timestamp,
        allowed: bool,
        review: impl Fn(&str, &str, &[Cow<'static, str>]) -> Effect,
    ) -> PendingEffect {
        let leased_until = self.leased(now);
        let not_before = self.resting(now);
        let ready = allowed && leased_until.is_none() && not_before.is_none() && !self.is_held();
        PendingEffect {
            id: self.id.clone(),
            effect: self.effect(review),
            ready,
            attempts: self.attempts,
            leased_until,
            not_before,
        }
    }
}
