//! The order of the consents: which is the latest to the plan and to each component, and what a later one replaces.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::super::remember;
use super::token::{RequestId, Token};
use crate::id::Digest;
use crate::providers::vend::api::calls::Kind;
use crate::providers::vend::api::components::{Part, Parts};
use crate::time::Timestamp;

/// How many components' numbers are remembered.
const COUNTED: usize = 16;

/// The latest consents.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionLatest"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Latest {
    /// The consent that the plan comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Mark>,
    /// How many there are of each component, as far as the used tokens tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    counts: Vec<Count>,
}

/// When a consent was used, by Vend's clock, when its token was asked for, and by which request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionMark"))]
pub(super) struct Mark(pub(super) Option<Timestamp>, pub(super) Timestamp, pub(super) RequestId);

impl Mark {
    /// Whether another consent replaces this one: the one used later, and where that is not told, the one asked for later.
    fn is_before(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Some(this), Some(that)) if this != that => this < that,
            _ => (self.1, self.2) < (other.1, other.2),
        }
    }
}

/// A component, how many there are of it unless a move to another plan leaves that open, and the consent that says so.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionCount"))]
struct Count(Digest, Option<i64>, Mark);

/// How much of a consent later ones replace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    Nothing,
    Part,
    Whole,
}

impl Latest {
    pub(super) const fn is_empty(&self) -> bool {
        self.plan.is_none() && self.counts.is_empty()
    }

    /// Whether there are known to be so many of a component.
    pub(super) fn counts(&self, component: Digest, number: i64) -> bool {
        self.counts.iter().any(|it| (it.0, it.1) == (component, Some(number)))
    }

    /// Whether a later consent is known.
    pub(super) fn is_after(&self, mark: &Mark) -> bool {
        self.marks().any(|known| mark.is_before(&known))
    }

    /// The requests of all of them.
    pub(super) fn requests(&self) -> impl Iterator<Item = RequestId> {
        self.marks().map(|mark| mark.2)
    }

    fn marks(&self) -> impl Iterator<Item = Mark> {
        self.plan.into_iter().chain(self.counts.iter().map(|it| it.2))
    }

    /// How much of a consent is replaced by later ones that are known.
    pub(super) fn replaced(&self, token: &Token, mark: &Mark) -> Replaced {
        let asked = &token.asked;
        let plan = asked.names_a_plan().then(|| self.plan.is_some_and(|known| mark.is_before(&known)));
        let count = |component| {
            let known = self.counts.iter().find(|it| it.0 == component);
            known.is_some_and(|it| mark.is_before(&it.2))
        };
        // Of very many components none is known by itself.
        let uncounted = matches!(asked.parts, Parts::Many(_)).then_some(false);
        let parts = plan.into_iter().chain(asked.parts.each().iter().map(|it| count(it.0))).chain(uncounted);
        let parts: Vec<bool> = parts.collect();
        let begins = token.of.0 == Kind::Create;
        // Two that were made are two subscriptions: of the one that seems older, a person says what is still to be done.
        let is_another = begins && self.plan.is_some_and(|known| known.2.0 == Kind::Create);
        match (parts.contains(&true), parts.contains(&false)) {
            (true, false) if !is_another => Replaced::Whole,
            // What a subscription began with is not delivered after what became of it.
            (false, _) if !(begins && self.is_after(mark)) => Replaced::Nothing,
            _ => Replaced::Part,
        }
    }

    /// Takes in what a consent says where no later one is known. Says which requests it replaces as a whole.
    pub(super) fn note(&mut self, token: &Token, mark: Mark) -> Vec<RequestId> {
        let mut replaced = Vec::new();
        if token.asked.names_a_plan() && self.plan.is_none_or(|known| !mark.is_before(&known)) {
            replaced.extend(self.plan.replace(mark));
        }
        for Part(component, total, _) in token.asked.parts.each() {
            let index = self.counts.iter().position(|it| it.0 == *component);
            let known = index.and_then(|index| self.counts.get(index));
            if known.is_some_and(|it| mark.is_before(&it.2)) {
                continue;
            }
            if let Some(index) = index {
                replaced.push(self.counts.remove(index).2);
            }
            remember(&mut self.counts, Count(*component, Some(*total), mark), COUNTED);
        }
        if let Some(plan) = self.plan {
            // What a move to another plan leaves of the components is not documented.
            let before = self.counts.iter_mut().filter(|it| it.2.is_before(&plan));
            before.for_each(|it| it.1 = None);
        }
        let whole = replaced.into_iter().map(|mark| mark.2);
        whole.filter(|old| *old != token.of && !self.requests().any(|it| it == *old)).collect()
    }
}
