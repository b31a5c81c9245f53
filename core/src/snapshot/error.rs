//! Why a command, a fact or a text has led to nothing.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use crate::fact::FactError;
use crate::flow::FacetTransition;
use crate::json::Malformed;
use crate::rule::{Violation, codes};

/// A refused command: every rule that it would break. Nothing has changed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("rejected by {}", codes(violations))]
#[non_exhaustive]
pub struct Rejection {
    /// The broken rules, in the order in which they were found.
    pub violations: Vec<Violation>,
}

/// Why a command has led to nothing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum HandleError {
    /// It would break rules.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A bug of the library's.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl HandleError {
    /// The broken rules, in the order in which they were found; none where it is a fault.
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Rejected(rejection) => &rejection.violations,
            Self::Fault(_) => &[],
        }
    }
}

/// Why a fact could not be observed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// The host built it wrong.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// A bug of the library's.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ObserveError {
    /// A JSON Pointer to what is wrong in the fact; empty where it is a fault.
    pub const fn pointer(&self) -> &'static str {
        match self {
            Self::Fact(wrong) => wrong.pointer,
            Self::Fault(_) => "",
        }
    }
}

/// A bug of the library's. Nothing has changed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// A step has moved a facet where no row of its table leads.
    #[error("a bug of rulebound's: in `{flow}` no row moves `{}` from `{}` to `{}` on `{}`", .moved.facet, .moved.before, .moved.after, .moved.trigger)]
    #[non_exhaustive]
    Undeclared {
        /// The flow.
        flow: &'static str,
        /// The move that no row allows.
        moved: Box<FacetTransition>,
    },
    /// A step has stopped for a broken rule, and no rule is broken.
    #[error("a bug of rulebound's: in `{flow}` a step stopped and named no rule")]
    #[non_exhaustive]
    Unexplained {
        /// The flow.
        flow: &'static str,
    },
}

/// Why a text is no snapshot of a flow.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is longer than any snapshot.
    #[error("the snapshot is longer than 2 MiB")]
    TooLong,
    /// It is not the JSON of a snapshot.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It belongs to another flow.
    #[error("`/flow` is `{found}`, not `{wanted}`")]
    #[non_exhaustive]
    OtherFlow {
        /// The flow that was asked for.
        wanted: &'static str,
        /// The flow that it belongs to.
        found: String,
    },
    /// It belongs to no flow of this release.
    #[error("`/flow` is `{0}`, which is no flow of this release")]
    UnknownFlow(String),
    /// A later release of the library saved it.
    #[error("`/format` is {found}, and this release reads up to {known}: deploy readers first")]
    #[non_exhaustive]
    Newer {
        /// The newest format of this release.
        known: u32,
        /// The format that it is saved in.
        found: u32,
    },
    /// No release has ever saved such a state.
    #[error("`/state` is impossible: {0}")]
    Impossible(&'static str),
}

impl LoadError {
    /// A JSON Pointer to what is wrong.
    pub fn pointer(&self) -> &str {
        match self {
            Self::TooLong => "",
            Self::Malformed(malformed) => &malformed.pointer,
            Self::OtherFlow { .. } | Self::UnknownFlow(_) => "/flow",
            Self::Newer { .. } => "/format",
            Self::Impossible(_) => "/state",
        }
    }
}

/// Why a snapshot cannot be written in a format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SaveError {
    /// This release does not write it.
    #[error("format {0} is not one that this release writes for this flow")]
    Unknown(u32),
    /// It has no words for this state; nothing is left out instead.
    #[error("format {format} cannot say {what}")]
    #[non_exhaustive]
    Inexpressible {
        /// The format.
        format: u32,
        /// What it cannot say.
        what: &'static str,
    },
}
