//! Money in flight: the open requests that move money, and the amount that had moved before them.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::EffectId;
use crate::money::Cents;

/// Money in flight.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutInFlight"))]
#[serde(deny_unknown_fields)]
pub(super) struct InFlight {
    /// The open requests and their amounts in cents. The amount is 0 if only Flex knows it.
    open: Vec<(EffectId, Cents)>,
    /// The amount that had moved before them, in cents.
    accounted: Cents,
}

impl InFlight {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The open requests and their amounts.
    pub(super) fn open(&self) -> &[(EffectId, Cents)] {
        &self.open
    }

    /// The amount of all open requests.
    pub(super) fn sum(&self) -> Cents {
        self.open.iter().fold(Cents::ZERO, |sum, (_, amount)| sum.plus(*amount))
    }

    /// The amount that has moved, with everything in flight.
    pub(super) fn total_with(&self, all: Cents) -> Cents {
        all.max(self.accounted.plus(self.sum()))
    }

    /// Adds a request. `before` is the amount that has moved so far.
    pub(super) fn add(&mut self, effect: EffectId, amount: Cents, before: Cents) {
        if self.open.is_empty() {
            self.accounted = before;
        }
        self.open.push((effect, amount));
    }

    /// The amount of a request.
    pub(super) fn amount(&self, effect: &EffectId) -> Option<Cents> {
        self.open.iter().find(|(have, _)| have == effect).map(|(_, amount)| *amount)
    }

    /// Whether at most one request is open.
    pub(super) fn has_at_most_one(&self) -> bool {
        self.open.len() <= 1
    }

    /// Whether no other request has the same amount.
    pub(super) fn has_unique_amount(&self, effect: &EffectId) -> bool {
        let amount = self.amount(effect);
        !self.open.iter().any(|(other, its)| other != effect && Some(*its) == amount)
    }

    /// A request has moved its amount.
    pub(super) fn done(&mut self, effect: &EffectId) {
        if let Some(amount) = self.remove(effect) {
            self.accounted = self.accounted.plus(amount);
        }
        self.reset_if_empty();
    }

    /// A request has moved nothing.
    pub(super) fn failed(&mut self, effect: &EffectId) {
        self.remove(effect);
        self.reset_if_empty();
    }

    fn remove(&mut self, effect: &EffectId) -> Option<Cents> {
        let index = self.open.iter().position(|(have, _)| have == effect)?;
        Some(self.open.remove(index).1)
    }

    fn reset_if_empty(&mut self) {
        if self.open.is_empty() {
            self.accounted = Cents::ZERO;
        }
    }

    /// The amount that has moved since the first open request, where `all` has moved in total.
    pub(super) fn grown(&self, all: Cents) -> Cents {
        all.minus(self.accounted)
    }

    /// Whether all open requests together explain the total that has moved.
    pub(super) fn explains(&self, all: Cents) -> bool {
        self.grown(all) == self.sum()
    }
}
