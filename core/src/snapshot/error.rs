//! Why a command, a fact or a snapshot led to nothing.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use crate::fact::FactError;
use crate::flow::FacetTransition;
use crate::json::{Malformed, is_cut_off};
use crate::rule::Violation;

/// A rejected command or lease, with every rule that it would break. Nothing has changed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{}", lines(violations))]
#[non_exhaustive]
pub struct Rejection {
    /// The broken rules, in the order in which they were found.
    pub violations: Vec<Violation>,
}

/// The violations, one line each.
fn lines(violations: &[Violation]) -> String {
    let lines: Vec<_> = violations.iter().map(|violation| format!("{violation}")).collect();
    lines.join("\n")
}

/// Why a command led to nothing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum HandleError {
    /// It would break rules.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A member of the config is wrong, or the time is not in milliseconds.
    #[error("the context is wrong at {0}")]
    Context(Malformed),
    /// A bug in the library.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl HandleError {
    /// The broken rules, in the order in which they were found; empty if it is another error.
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Rejected(rejection) => &rejection.violations,
            Self::Context(_) | Self::Fault(_) => &[],
        }
    }
}

/// Why an effect was not leased.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// It would break rules.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A member of the config is wrong, or the time is not in milliseconds.
    #[error("the context is wrong at {0}")]
    Context(Malformed),
}

impl LeaseError {
    /// The broken rules, in the order in which they were found; empty if it is another error.
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Rejected(rejection) => &rejection.violations,
            Self::Context(_) => &[],
        }
    }
}

/// Why a fact was not observed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// The host built it wrong.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// A member of the config is wrong, or the time is not in milliseconds. The fact is not lost: observe it again.
    #[error("the context is wrong at {0}")]
    Context(Malformed),
    /// A bug in the library.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ObserveError {
    /// A JSON Pointer to what is wrong in the fact; empty if it is another error.
    pub const fn pointer(&self) -> &'static str {
        match self {
            Self::Fact(error) => error.pointer,
            Self::Context(_) | Self::Fault(_) => "",
        }
    }
}

/// A bug in the library. Nothing has changed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// A step moved a facet, and no row of the facet's table allows the move.
    #[error("bug in rulebound: in `{flow}` no row moves `{}` from `{}` to `{}` on `{}`", .moved.facet, .moved.before, .moved.after, .moved.trigger)]
    #[non_exhaustive]
    Undeclared {
        /// The flow.
        flow: &'static str,
        /// The move that no row allows.
        moved: Box<FacetTransition>,
    },
    /// A step stopped for a broken rule, and no rule is broken.
    #[error("bug in rulebound: in `{flow}` a step stopped and named no rule")]
    #[non_exhaustive]
    Unexplained {
        /// The flow.
        flow: &'static str,
    },
}

/// Why a string is not a snapshot of a flow.
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
        /// The flow that the caller wanted.
        wanted: &'static str,
        /// The flow that it belongs to.
        found: String,
    },
    /// It belongs to a flow that this release does not have.
    #[error("`/flow` is `{0}`, which is not a flow of this release")]
    UnknownFlow(String),
    /// A later release of the library saved it.
    #[error(
        "`/format` is {found}, but this release reads only up to {known}. Deploy the new release to every reader first"
    )]
    #[non_exhaustive]
    Newer {
        /// The newest format of this release.
        known: u32,
        /// The format that it is saved in.
        found: u32,
    },
    /// No release can have saved such a state.
    #[error("`/state` is impossible: {0}")]
    Impossible(&'static str),
}

impl LoadError {
    /// Why a stored text is not the JSON of a snapshot: it is empty or cut off, or has another mistake.
    #[cold]
    pub(super) fn of(json: &str, error: Malformed) -> Self {
        if json.trim().is_empty() {
            return Malformed { reason: "the stored text is empty: restore the row".into(), ..error }.into();
        }
        if !is_cut_off(json) {
            return error.into();
        }
        let length = json.len();
        let reason =
            format!("the stored text is cut off after {length} bytes: restore the row, and make its column longer");
        Malformed { reason, ..error }.into()
    }

    /// A JSON Pointer to what is wrong.
    pub fn pointer(&self) -> &str {
        match self {
            Self::TooLong => "",
            Self::Malformed(error) => &error.pointer,
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
    /// The format cannot express this state, and leaves nothing out.
    #[error("format {format} cannot express {what}")]
    #[non_exhaustive]
    Inexpressible {
        /// The format.
        format: u32,
        /// What it cannot express.
        what: &'static str,
    },
}
