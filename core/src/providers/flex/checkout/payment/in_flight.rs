//! Money on its way: the requests that move it, and what had moved before.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::EffectId;
use crate::money::Cents;

/// Money on its way.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutInFlight"))]
#[serde(deny_unknown_fields)]
pub(super) struct InFlight {
    /// The requests that move it, and how much, in cents; nothing where only Flex knows.
    open: Vec<(EffectId, Cents)>,
    /// What had moved by others, in cents.
    accounted: Cents,
}

impl InFlight {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The requests that move it, and how much.
    pub(super) fn open(&self) -> &[(EffectId, Cents)] {
        &self.open
    }

    fn sum(&self) -> Cents {
        self.open.iter().fold(Cents::ZERO, |sum, (_, amount)| sum.plus(*amount))
    }

    /// All that has moved, with what is on its way.
    pub(super) fn total_with(&self, all: Cents) -> Cents {
        all.max(self.accounted.plus(self.sum()))
    }

    /// A request is to move an amount, where so much has moved before.
    pub(super) fn add(&mut self, name: EffectId, amount: Cents, before: Cents) {
        if self.open.is_empty() {
            self.accounted = before;
        }
        self.open.push((name, amount));
    }

    /// How much a request is to move.
    pub(super) fn amount(&self, name: &EffectId) -> Option<Cents> {
        self.open.iter().find(|(have, _)| have == name).map(|(_, amount)| *amount)
    }

    /// Whether no other request moves money.
    pub(super) fn has_at_most_one(&self) -> bool {
        self.open.len() <= 1
    }

    /// Whether no other request moves as much.
    pub(super) fn has_unique_amount(&self, name: &EffectId) -> bool {
        let amount = self.amount(name);
        !self.open.iter().any(|(other, its)| other != name && Some(*its) == amount)
    }

    /// A request has moved its amount.
    pub(super) fn done(&mut self, name: &EffectId) {
        if let Some(amount) = self.remove(name) {
            self.accounted = self.accounted.plus(amount);
        }
        self.reset_if_empty();
    }

    /// A request has moved nothing.
    pub(super) fn failed(&mut self, name: &EffectId) {
        self.remove(name);
        self.reset_if_empty();
    }

    fn remove(&mut self, name: &EffectId) -> Option<Cents> {
        let index = self.open.iter().position(|(have, _)| have == name)?;
        Some(self.open.remove(index).1)
    }

    fn reset_if_empty(&mut self) {
        if self.open.is_empty() {
            self.accounted = Cents::ZERO;
        }
    }

    /// How much has moved since the first of the open requests, now that so much has moved in all.
    pub(super) fn grown(&self, all: Cents) -> Cents {
        all.minus(self.accounted)
    }

    /// Whether all of them together explain what has moved.
    pub(super) fn explains(&self, all: Cents) -> bool {
        self.grown(all) == self.sum()
    }
}
