//! The obligations of one flow, stored in its snapshot: an outbox inside the row.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::sendings::Sendings;
use super::{Answered, Call, Effect, Owed, Past, Retry};
use crate::id::{EffectId, Fingerprints, Intent, REMEMBERED};
use crate::policy::Policy;
use crate::time::{Millis, Timestamp};

/// The longest back-off, unless the policy's first is longer.
const LONGEST_BACKOFF: Millis = Millis::from_hours(1);

/// How long a look-up by content waits, where sending again under the same key is the first means.
const LOOK_AFTER: Millis = Millis::from_hours(1);

/// What is owed, in the order in which it arose, and how often each operation was owed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Outbox<C> {
    pub(crate) owed: Vec<Obligation<C>>,
    pub(crate) ordinals: Vec<Ordinal>,
    /// Requests that are over and may still be told of.
    pub(crate) past: Vec<Past<C>>,
    /// What the requests that move money have made: none of it is made by another.
    pub(crate) made: Fingerprints,
}

impl<C> Default for Outbox<C> {
    fn default() -> Self {
        Self { owed: Vec::new(), ordinals: Vec::new(), past: Vec::new(), made: Fingerprints::default() }
    }
}

/// How often something was owed: an operation without an intent, or one under an intent that no flow's memory keeps.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(crate) struct Ordinal(pub(crate) Cow<'static, str>, pub(crate) u32);

/// One obligation, from the transition that caused it until its outcome is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "{C}Obligation"))]
#[serde(deny_unknown_fields)]
pub(crate) struct Obligation<C> {
    /// Why it is owed.
    pub(crate) id: EffectId,
    /// What is owed.
    pub(crate) duty: Duty<C>,
    /// The instant before which it rests: its schedule, or a back-off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<Timestamp>,
    /// How often it was begun: the number of its last sending.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) begun: u32,
    /// The end of the lease of whoever has it in hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) in_hand_until: Option<Timestamp>,
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
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "{C}Duty"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Duty<C> {
    /// Send a request.
    // It never changes: the snapshots of one flow share it.
    Request(Arc<C>),
    /// Tell the customer something.
    Notify {
        /// What to tell.
        reason: Cow<'static, str>,
        /// What it is about.
        of: String,
        /// Where the customer can act on it.
        customer_at: Option<String>,
    },
    /// Deliver what was paid.
    Fulfill {
        /// The provider's id of the payment.
        of: String,
    },
    /// Let the customer in until an instant.
    Access {
        /// The provider's id of the subscription.
        of: String,
        /// When access ends.
        until: Timestamp,
    },
    /// Have a person look. Its reason stands in its id, and mostly what it is about as well.
    Review {
        /// What it is about, where that cannot stand in the id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
        /// The verdicts to choose from.
        verdicts: Vec<Cow<'static, str>>,
    },
}

impl<C: Call> Outbox<C> {
    pub(crate) fn find(&self, id: &str) -> Option<&Obligation<C>> {
        self.owed.iter().find(|it| it.id.as_str() == id)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut Obligation<C>> {
        self.owed.iter_mut().find(|it| it.id.as_str() == id)
    }

    /// Takes an obligation out, and with it the look-up that stood in for its outcome.
    pub(crate) fn discharge(&mut self, id: &str) -> Option<Obligation<C>> {
        let index = self.owed.iter().position(|it| it.id.as_str() == id)?;
        let gone = self.owed.remove(index);
        if let Duty::Request(call) = &gone.duty {
            self.withdraw_outcome(call);
        }
        Some(gone)
    }

    /// Withdraws the look-up that stands in for the outcome of a request.
    pub(crate) fn withdraw_outcome(&mut self, call: &C) {
        if let Some(stand_in) = call.outcome_look_up() {
            self.owed.retain(|it| !matches!(&it.duty, Duty::Request(look_up) if **look_up == stand_in));
        }
    }

    /// Puts an obligation into somebody's hands; a request is sent once more then, and its look-up is owed in time.
    pub(crate) fn begin(&mut self, id: &str, now: Timestamp, lease: Timestamp) {
        let Some(it) = self.find_mut(id) else { return };
        it.begun = it.begun.saturating_add(1);
        it.in_hand_until = Some(lease);
        it.due = None;
        let begun = it.begun;
        let Duty::Request(call) = &it.duty else { return };
        let name = call.operation().name;
        it.sent.get_or_insert_with(|| Box::new(Sendings::first(now, lease))).send(begun, now, lease);
        if let Some(ordinal) = it.id.ordinal() {
            self.count(name, ordinal);
        }
    }

    /// The next id of an operation, by its ordinal from 1. A look-up is counted only when it is begun: one that was
    /// planned and never came due leaves no gap.
    pub(crate) fn next_id(&mut self, call: &C) -> EffectId {
        let operation = call.operation().name;
        let counted = self.ordinals.iter().find(|it| it.0 == operation).map_or(0, |it| it.1);
        let planned = self.owed.iter().filter(|it| it.id.kind() == operation).filter_map(|it| it.id.ordinal());
        let ordinal = planned.fold(counted, u32::max).saturating_add(1);
        if !call.operation().is_look_up() {
            self.count(operation, ordinal);
        }
        EffectId::of(operation, ordinal)
    }

    /// Numbers a look-up that is seen from now on before those that nobody has seen: theirs are not given out yet.
    pub(crate) fn number(&mut self, id: &EffectId, now: Timestamp) {
        let Some(seen) = self.owed.iter().position(|it| it.id == *id && !it.is_hidden(now)) else { return };
        let is_lower = |it: &Obligation<C>| it.id.kind() == id.kind() && it.id.ordinal() < id.ordinal();
        let unseen = self.owed.iter().enumerate().filter(|(_, it)| it.is_hidden(now) && is_lower(it));
        let Some((lowest, _)) = unseen.min_by_key(|(_, it)| it.id.ordinal()) else { return };
        if let Ok([seen, unseen]) = self.owed.get_disjoint_mut([seen, lowest]) {
            core::mem::swap(&mut seen.id, &mut unseen.id);
        }
    }

    /// The next ordinal of an operation under the name of an intent: one that it never had before.
    ///
    /// The last sixteen names are kept. Of those before, only the highest ordinal is, under no name: a name that is not kept
    /// goes on above it.
    pub(crate) fn next_of(&mut self, operation: &str, intent: &Intent) -> u32 {
        let name = format!("{operation}:{intent}");
        let unnamed = format!("{operation}:");
        let known =
            self.ordinals.iter().find(|it| it.0 == name).or_else(|| self.ordinals.iter().find(|it| it.0 == unnamed));
        let ordinal = known.map_or(0, |it| it.1).saturating_add(1);
        self.ordinals.retain(|it| it.0 != name);
        let is_named = |it: &Ordinal| it.0.starts_with(&unnamed) && it.0 != unnamed;
        while self.ordinals.iter().filter(|it| is_named(it)).count() >= REMEMBERED
            && let Some(oldest) = self.ordinals.iter().position(is_named)
        {
            let forgotten = self.ordinals.remove(oldest).1;
            self.count(unnamed.clone(), forgotten);
        }
        self.ordinals.push(Ordinal(Cow::Owned(name), ordinal));
        ordinal
    }

    /// Counts a level of access, such as that of `access:fsub_1`.
    pub(crate) fn number_level(&mut self, level: &EffectId) {
        let before = self.levels(level.as_str());
        self.count(String::from(level.as_str()), before.saturating_add(1));
    }

    /// How many levels of access there were under that name.
    pub(crate) fn levels(&self, level: &str) -> u32 {
        self.ordinals.iter().find(|it| it.0 == level).map_or(0, |it| it.1)
    }

    fn count(&mut self, operation: impl Into<Cow<'static, str>>, ordinal: u32) {
        let operation = operation.into();
        match self.ordinals.iter_mut().find(|it| it.0 == operation) {
            Some(it) => it.1 = it.1.max(ordinal),
            None => self.ordinals.push(Ordinal(operation, ordinal)),
        }
    }

    /// Owes something, in place of what was owed under the same id.
    pub(crate) fn owe(&mut self, id: EffectId, duty: Duty<C>, due: Option<Timestamp>) {
        self.owed.retain(|it| it.id != id);
        self.owed.push(Obligation { id, duty, due, begun: 0, in_hand_until: None, sent: None, kept: false });
    }
}

impl<C: Call> Obligation<C> {
    /// Whether somebody has it in hand now.
    pub(crate) fn in_hand(&self, now: Timestamp) -> Option<Timestamp> {
        self.in_hand_until.filter(|end| !end.is_over(now))
    }

    /// The instant for which it still rests.
    pub(crate) fn resting(&self, now: Timestamp) -> Option<Timestamp> {
        self.due.filter(|due| !due.is_over(now))
    }

    /// What was never begun and waits for its time is nobody's business yet.
    pub(crate) fn is_hidden(&self, now: Timestamp) -> bool {
        self.begun == 0 && self.resting(now).is_some()
    }

    /// What it asks of the provider, if it is a request.
    pub(crate) fn call(&self) -> Option<&C> {
        self.shared_call().map(Arc::as_ref)
    }

    /// The same, to be kept.
    pub(crate) const fn shared_call(&self) -> Option<&Arc<C>> {
        match &self.duty {
            Duty::Request(call) => Some(call),
            _ => None,
        }
    }

    /// Its id and what it asks of the provider, if it is a request.
    pub(crate) fn into_request(self) -> Option<(EffectId, Arc<C>)> {
        match self.duty {
            Duty::Request(call) => Some((self.id, call)),
            _ => None,
        }
    }

    /// Whether a sending of it may have come true.
    pub(crate) fn was_sent(&self) -> bool {
        self.sent.as_ref().is_some_and(|it| !it.open.is_empty())
    }

    /// Whether it was begun more than once: what is told of it without a number may be about any of its sendings.
    pub(crate) const fn is_begun_again(&self) -> bool {
        self.begun > 1
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
    pub(crate) fn rest(&mut self, sending: Option<u32>, now: Timestamp, policy: &Policy, until: Option<Timestamp>) {
        if sending.unwrap_or(1) == self.begun {
            self.in_hand_until = None;
        } else if sending.is_some() {
            return;
        }
        self.due = (!self.is_held()).then(|| self.rested(now, policy, until));
    }

    /// The end of its rest: its back-off, or what is later of the instant that the provider asked for and the lease of
    /// whoever has it in hand.
    fn rested(&self, now: Timestamp, policy: &Policy, until: Option<Timestamp>) -> Timestamp {
        let rest = policy.backoff.doubled(self.begun.saturating_sub(1)).min(LONGEST_BACKOFF.max(policy.backoff));
        [until, self.in_hand_until].into_iter().flatten().fold(now.after(rest), Timestamp::max)
    }

    /// When the outcome of what was sent is looked up by its content, unless something makes that due earlier.
    pub(crate) fn looked_up_at(&self) -> Option<Timestamp> {
        let sent = self.sent.as_ref()?;
        match self.class()? {
            Retry::Reconcile | Retry::Harmless => Some(sent.lease),
            Retry::SameKey if self.is_begun_again() || sent.lost.is_some() => {
                sent.since.map(|since| since.after(LOOK_AFTER))
            }
            _ => None,
        }
    }

    /// Of a notice or a review, its reason and what it is about.
    pub(crate) fn word(&self) -> Option<(&str, &str)> {
        match &self.duty {
            Duty::Notify { reason, of, .. } => Some((reason, of)),
            Duty::Review { of, .. } => {
                let (reason, about) = self.id.cause().split_once(':')?;
                Some((reason, of.as_deref().unwrap_or(about)))
            }
            Duty::Request(_) | Duty::Fulfill { .. } | Duty::Access { .. } => None,
        }
    }

    fn effect(&self, needs_id: impl Fn(&str, &str) -> bool) -> Effect {
        match &self.duty {
            Duty::Request(call) => {
                let operation = call.operation();
                Effect::Request { operation: operation.name, retry: operation.class }
            }
            Duty::Notify { reason, of, customer_at } => {
                Effect::Notify { reason: reason.clone(), of: of.clone(), customer_at: customer_at.clone() }
            }
            Duty::Fulfill { of } => Effect::Fulfill { of: of.clone() },
            Duty::Access { of, until } => Effect::Access { of: of.clone(), until: *until },
            Duty::Review { verdicts, .. } => {
                let (reason, of) = self.word().unwrap_or_default();
                let needs_id = verdicts.iter().filter(|it| needs_id(reason, it)).cloned().collect();
                let (reason, of, verdicts) = (String::from(reason).into(), of.into(), verdicts.clone());
                Effect::Review { reason, of, verdicts, needs_id }
            }
        }
    }

    /// The obligation as a worker sees it, `allowed` being what the flow's guards say of it, and `needs_id` what it says of
    /// a verdict.
    pub(crate) fn owed(&self, now: Timestamp, allowed: bool, needs_id: impl Fn(&str, &str) -> bool) -> Owed {
        let in_hand_until = self.in_hand(now);
        let not_before = self.resting(now);
        let ready = allowed && in_hand_until.is_none() && not_before.is_none() && !self.is_held();
        Owed {
            id: self.id.clone(),
            effect: self.effect(needs_id),
            ready,
            attempts: self.begun,
            in_hand_until,
            not_before,
        }
    }
}
