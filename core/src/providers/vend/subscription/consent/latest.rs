//! The order of the consents: the latest one to the plan and to each component, and what a later one replaces.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::super::remember;
use super::token::{RequestId, Token};
use crate::id::Digest;
use crate::providers::vend::api::calls::Kind;
use crate::providers::vend::api::components::{Part, Parts};
use crate::time::Timestamp;

/// How many quantities of components are kept.
const COUNTED: usize = 16;

/// The latest consents.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionLatest"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Latest {
    /// The consent that the plan comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Mark>,
    /// The quantity of each component, as far as used tokens show it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    counts: Vec<Count>,
}

/// The place of a consent in the order: when it was used by Vend's clock, when its token was requested, and by which
/// request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionMark"))]
pub(super) struct Mark(pub(super) Option<Timestamp>, pub(super) Timestamp, pub(super) RequestId);

impl Mark {
    /// Whether the other consent is later: by the time of use, or by the time of the request if no reply shows the use.
    fn is_before(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Some(used), Some(other_used)) if used != other_used => used < other_used,
            _ => (self.1, self.2) < (other.1, other.2),
        }
    }
}

/// A component, its quantity, and the consent that sets it. The quantity is unknown after a move to another plan.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionCount"))]
struct Count(Digest, Option<i64>, Mark);

/// How much of a consent the later ones replace.
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

    /// Whether the component is known to have this quantity.
    pub(super) fn has_quantity(&self, component: Digest, quantity: i64) -> bool {
        self.counts.iter().any(|it| (it.0, it.1) == (component, Some(quantity)))
    }

    /// Whether a later consent is known.
    pub(super) fn is_after(&self, mark: &Mark) -> bool {
        self.marks().any(|known| mark.is_before(&known))
    }

    /// The requests of all these consents.
    pub(super) fn requests(&self) -> impl Iterator<Item = RequestId> {
        self.marks().map(|mark| mark.2)
    }

    fn marks(&self) -> impl Iterator<Item = Mark> {
        self.plan.into_iter().chain(self.counts.iter().map(|it| it.2))
    }

    /// How much of a consent the known later ones replace.
    pub(super) fn replaced(&self, token: &Token, mark: &Mark) -> Replaced {
        let change = &token.change;
        let plan = change.names_a_plan().then(|| self.plan.is_some_and(|known| mark.is_before(&known)));
        let is_replaced = |component| {
            let known = self.counts.iter().find(|it| it.0 == component);
            known.is_some_and(|it| mark.is_before(&it.2))
        };
        // Very many components are not kept one by one.
        let uncounted = matches!(change.parts, Parts::Many(_)).then_some(false);
        let parts = plan.into_iter().chain(change.parts.each().iter().map(|it| is_replaced(it.0))).chain(uncounted);
        let parts: Vec<bool> = parts.collect();
        let is_create = token.request.kind() == Kind::Create;
        // Two create requests make two subscriptions. A person decides what is still to be delivered for the older one.
        let is_another = is_create && self.plan.is_some_and(|known| known.2.kind() == Kind::Create);
        match (parts.contains(&true), parts.contains(&false)) {
            (true, false) if !is_another => Replaced::Whole,
            // The first contents of a subscription are not delivered after a later change of it.
            (false, _) if !(is_create && self.is_after(mark)) => Replaced::Nothing,
            _ => Replaced::Part,
        }
    }

    /// Notes a consent for the plan and the components that have no later one. Returns the requests that it replaces as
    /// a whole.
    pub(super) fn note(&mut self, token: &Token, mark: Mark) -> Vec<RequestId> {
        let mut replaced = Vec::new();
        if token.change.names_a_plan() && self.plan.is_none_or(|known| !mark.is_before(&known)) {
            replaced.extend(self.plan.replace(mark));
        }
        for Part(component, total, _) in token.change.parts.each() {
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
            // No document says what a move to another plan does to the components.
            let before = self.counts.iter_mut().filter(|it| it.2.is_before(&plan));
            before.for_each(|it| it.1 = None);
        }
        let whole = replaced.into_iter().map(|mark| mark.2);
        whole.filter(|old| *old != token.request && !self.requests().any(|it| it == *old)).collect()
    }
}
