//! The obligations of one flow, stored in its snapshot: an outbox inside the row.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Call, Effect, Owed, Retry};
use crate::id::{EffectId, Intent};
use crate::policy::Policy;
use crate::time::{Millis, Timestamp};

/// The longest back-off, unless the policy's first is longer.
const LONGEST_BACKOFF: Millis = Millis::from_hours(1);

/// What is owed, in the order in which it arose, and how often each operation was owed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outbox<C> {
    pub(crate) owed: Vec<Obligation<C>>,
    pub(crate) ordinals: Vec<Ordinal>,
}

impl<C> Default for Outbox<C> {
    fn default() -> Self {
        Self { owed: Vec::new(), ordinals: Vec::new() }
    }
}

/// How often an operation was owed without an intent.
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
    /// How often it was begun.
    #[serde(default)]
    pub(crate) begun: u32,
    /// When it was begun last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begun_at: Option<Timestamp>,
    /// The end of the lease of whoever has it in hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) in_hand_until: Option<Timestamp>,
    /// Whether its answer was lost and it may not be sent again.
    #[serde(default)]
    pub(crate) held: bool,
}

/// What an obligation is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "{C}Duty"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Duty<C> {
    /// Send a request.
    Request(C),
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
    /// Have a person look.
    Review {
        /// What is to be judged.
        reason: Cow<'static, str>,
        /// What it is about.
        of: String,
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
            self.withdraw_stand_in(call);
        }
        Some(gone)
    }

    /// Withdraws the look-up that stands in for the outcome of a request.
    fn withdraw_stand_in(&mut self, call: &C) {
        if let Some(stand_in) = call.outcome_look_up() {
            self.owed.retain(|it| !matches!(&it.duty, Duty::Request(look_up) if *look_up == stand_in));
        }
    }

    /// Puts a request to rest that was not done: its outcome is known, and nothing need be looked up.
    pub(crate) fn put_off(&mut self, id: &str, now: Timestamp, policy: &Policy, until: Option<Timestamp>) {
        let Some(it) = self.find_mut(id) else { return };
        it.rest(now, policy, until);
        if let Duty::Request(call) = it.duty.clone() {
            self.withdraw_stand_in(&call);
        }
    }

    /// Holds a request back that may not be sent again: its outcome is unknown.
    pub(crate) fn hold(&mut self, id: &str) {
        if let Some(it) = self.find_mut(id) {
            it.held = true;
        }
    }

    /// Puts an obligation into somebody's hands.
    pub(crate) fn begin(&mut self, id: &str, now: Timestamp, lease: Timestamp) {
        let Some(it) = self.find_mut(id) else { return };
        it.begun = it.begun.saturating_add(1);
        it.begun_at = Some(now);
        it.in_hand_until = Some(lease);
        it.due = None;
        if let (Duty::Request(call), Some(ordinal)) = (&it.duty, it.id.ordinal()) {
            let operation = call.operation();
            self.count(operation, ordinal);
        }
    }

    /// The next id of an operation, by its ordinal from 1. A look-up is counted only when it is begun: one that was
    /// planned and never came due leaves no gap.
    pub(crate) fn next_id(&mut self, call: &C) -> EffectId {
        let operation = call.operation();
        let counted = self.ordinals.iter().find(|it| it.0 == operation).map_or(0, |it| it.1);
        let planned = self.owed.iter().filter(|it| it.id.kind() == operation).filter_map(|it| it.id.ordinal());
        let ordinal = planned.fold(counted, u32::max).saturating_add(1);
        if !call.is_look_up() {
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

    /// Lets a look-up whose answer was lost go on under its own id, where it is owed again.
    pub(crate) fn resume(&mut self, lost: &Obligation<C>, now: Timestamp) {
        let again = self.owed.iter_mut().find(|it| it.is_hidden(now) && it.duty == lost.duty);
        if let Some(it) = again {
            it.id = lost.id.clone();
            it.begun = lost.begun;
        }
    }

    /// How often a request was owed under the name of an intent, with this time.
    pub(crate) fn next_of(&mut self, operation: &str, intent: &Intent) -> u32 {
        let name = EffectId::of(operation, intent);
        match self.ordinals.iter_mut().find(|it| it.0 == name.as_str()) {
            Some(it) => {
                it.1 = it.1.saturating_add(1);
                it.1
            }
            None => {
                self.ordinals.push(Ordinal(Cow::Owned(name.as_str().into()), 1));
                1
            }
        }
    }

    fn count(&mut self, operation: &'static str, ordinal: u32) {
        match self.ordinals.iter_mut().find(|it| it.0 == operation) {
            Some(it) => it.1 = it.1.max(ordinal),
            None => self.ordinals.push(Ordinal(Cow::Borrowed(operation), ordinal)),
        }
    }

    /// Owes something, in place of what was owed under the same id.
    pub(crate) fn owe(&mut self, id: EffectId, duty: Duty<C>, due: Option<Timestamp>) {
        self.owed.retain(|it| it.id != id);
        self.owed.push(Obligation { id, duty, due, begun: 0, begun_at: None, in_hand_until: None, held: false });
    }
}

impl<C: Call> Obligation<C> {
    /// Whether somebody has it in hand now; what is held back is in nobody's, and keeps the end of its lease.
    pub(crate) fn in_hand(&self, now: Timestamp) -> Option<Timestamp> {
        self.in_hand_until.filter(|end| !self.held && !end.is_over(now))
    }

    /// The instant for which it still rests.
    pub(crate) fn resting(&self, now: Timestamp) -> Option<Timestamp> {
        self.due.filter(|due| !due.is_over(now))
    }

    /// What was never begun and waits for its time is nobody's business yet.
    pub(crate) fn is_hidden(&self, now: Timestamp) -> bool {
        self.begun == 0 && self.resting(now).is_some()
    }

    /// Whether it was sent, or may have been: one that is put off, and may not be repeated, was not.
    pub(crate) fn was_sent(&self) -> bool {
        self.begun > 0 && (self.in_hand_until.is_some() || !self.is_reconciled())
    }

    pub(crate) fn is_reconciled(&self) -> bool {
        matches!(&self.duty, Duty::Request(call) if call.retry() == Retry::Reconcile)
    }

    /// Whether it may not be sent (again): its outcome is unknown, and it is not one to repeat.
    pub(crate) fn is_held(&self) -> bool {
        self.held || (self.is_reconciled() && self.in_hand_until.is_some())
    }

    /// Puts a request to rest after an answer that settles nothing.
    pub(crate) fn rest(&mut self, now: Timestamp, policy: &Policy, until: Option<Timestamp>) {
        self.in_hand_until = None;
        let rest = policy.backoff.doubled(self.begun.saturating_sub(1)).min(LONGEST_BACKOFF.max(policy.backoff));
        let back_off = now.after(rest);
        self.due = Some(until.map_or(back_off, |until| until.max(now)));
    }

    fn effect(&self, needs_id: impl Fn(&str) -> bool) -> Effect {
        match &self.duty {
            Duty::Request(call) => Effect::Request { operation: call.operation(), retry: call.retry() },
            Duty::Notify { reason, of, customer_at } => {
                Effect::Notify { reason: reason.clone(), of: of.clone(), customer_at: customer_at.clone() }
            }
            Duty::Fulfill { of } => Effect::Fulfill { of: of.clone() },
            Duty::Access { of, until } => Effect::Access { of: of.clone(), until: *until },
            Duty::Review { reason, of, verdicts } => {
                let (reason, of, verdicts) = (reason.clone(), of.clone(), verdicts.clone());
                let needs_id = verdicts.iter().filter(|it| needs_id(it)).cloned().collect();
                Effect::Review { reason, of, verdicts, needs_id }
            }
        }
    }

    /// The obligation as a worker sees it, `allowed` being what the flow's guards say of it, and `needs_id` what it says of
    /// a verdict.
    pub(crate) fn owed(&self, now: Timestamp, allowed: bool, needs_id: impl Fn(&str) -> bool) -> Owed {
        let in_hand_until = self.in_hand(now);
        let not_before = self.resting(now);
        let ready = allowed && in_hand_until.is_none() && not_before.is_none() && !self.is_held();
        Owed { id: self.id.clone(), effect: self.effect(needs_id), ready, in_hand_until, not_before }
    }
}
