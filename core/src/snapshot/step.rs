//! The results of a decision: a step or a lease.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::Serialize;

use super::Snapshot;
use crate::effect::Request;
use crate::fact::{Failure, IgnoredReason};
use crate::flow::{FacetTransition, Facets, Flow};
use crate::id::TypedId;
use crate::rule::Violation;

/// The result of an accepted command or a fact.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[must_use = "a step does nothing until its next snapshot is saved"]
pub struct Step<F: Flow> {
    /// The next snapshot. It has the same revision if nothing has changed.
    pub next: Snapshot<F>,
    /// Why nothing has changed.
    pub ignored: Option<Ignored>,
    /// Ids that the flow knows from now on. Offer the inbox rows that name them again.
    pub new_ids: Vec<TypedId>,
    /// The last request that the step has ended without its having done anything, or else the reply that proves no success, if the fact is one.
    pub failure: Option<Failure>,
    /// Broken rules that only warn.
    pub warnings: Vec<Violation>,
    /// The state of each facet before, and the trigger; nothing if the state cannot have changed.
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
    /// One sentence for the log: what the fact names, and what may follow. It names no token.
    pub detail: Cow<'static, str>,
}

impl From<IgnoredReason> for Ignored {
    fn from(reason: IgnoredReason) -> Self {
        Self { reason, detail: Cow::Borrowed(reason.text()) }
    }
}

/// A worker's exclusive hold on an effect, for a limited time.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[must_use = "a lease holds only once its next snapshot is saved"]
pub struct Lease<F: Flow> {
    /// The next snapshot. Save it before you send the request.
    pub next: Snapshot<F>,
    /// The complete request, if the effect is one.
    pub request: Option<Request>,
    /// Broken rules that only warn.
    pub warnings: Vec<Violation>,
}

impl<F: Flow> Snapshot<F> {
    /// The step in which nothing has changed.
    pub(super) fn unchanged(&self, reason: impl Into<Ignored>, warnings: Vec<Violation>) -> Step<F> {
        let ignored = Some(reason.into());
        Step { next: self.clone(), ignored, new_ids: Vec::new(), failure: None, warnings, moved: None }
    }
}
