//! What a decision leads to.

use alloc::vec::Vec;

use serde::Serialize;

use super::Snapshot;
use crate::effect::Request;
use crate::fact::{Failure, IgnoredReason};
use crate::flow::{FacetTransition, Facets, Flow};
use crate::id::CorrelationId;
use crate::rule::Violation;

/// What an accepted command or a fact leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[must_use = "a step does nothing until its next snapshot is saved"]
pub struct Step<F: Flow> {
    /// The next snapshot; of the same revision where nothing has changed.
    pub next: Snapshot<F>,
    /// Why nothing has changed.
    pub ignored: Option<Ignored>,
    /// Ids that are known from now on: offer the inbox rows that name them again.
    pub new_ids: Vec<CorrelationId>,
    /// The provider's refusal that this fact brought.
    pub failure: Option<Failure>,
    /// Rules that are broken and only warned about.
    pub warnings: Vec<Violation>,
    /// Where each facet was before, and what moved the flow; nothing where no step was taken.
    pub(super) moved: Option<(F::Facets, F::Trigger)>,
}

impl<F: Flow> Step<F> {
    /// The moves that the facets have made.
    pub fn transitions(&self) -> Vec<FacetTransition> {
        self.moved.map_or_else(Vec::new, |(before, trigger)| before.transitions(trigger, self.next.state.facets()))
    }
}

/// Why a command or a fact changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Ignored {
    /// The reason.
    pub reason: IgnoredReason,
}

/// An effect that a worker holds alone until its lease ends.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[must_use = "a lease holds only once its next snapshot is saved"]
pub struct Lease<F: Flow> {
    /// The next snapshot. Save it before you send the request.
    pub next: Snapshot<F>,
    /// The complete request, where the effect is one.
    pub request: Option<Request>,
    /// Rules that are broken and only warned about.
    pub warnings: Vec<Violation>,
}

impl<F: Flow> Snapshot<F> {
    /// Nothing has changed.
    pub(super) fn unchanged(&self, reason: IgnoredReason, warnings: Vec<Violation>) -> Step<F> {
        let ignored = Some(Ignored { reason });
        Step { next: self.clone(), ignored, new_ids: Vec::new(), failure: None, warnings, moved: None }
    }
}
