//! Requests that need no snapshot, because nothing waits for their outcome, checked against the rules.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::Serialize;

use crate::effect::Request;
use crate::rule::{Level, RuleSet, Violation};
use crate::snapshot::Rejection;

/// A request that no rule rejects, and its warnings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// The request.
    pub request: Request,
    /// The broken rules that only warn.
    pub warnings: Vec<Violation>,
}

/// The rules that a request or a reply breaks.
#[derive(Default)]
pub(super) struct Violations(pub(super) Vec<Violation>);

impl Violations {
    /// Notes a rule that does not hold.
    pub(super) fn check(&mut self, holds: bool, rule: impl RuleSet, pointer: impl Into<Cow<'static, str>>) {
        if !holds {
            self.0.push(Violation { pointer: pointer.into(), ..Violation::new(rule.rule()) });
        }
    }

    /// The request, if no rule rejects it.
    pub(super) fn finish(self, request: Request) -> Result<Checked, Rejection> {
        match self.0.iter().any(|it| it.rule.level != Level::Warn) {
            true => Err(Rejection { violations: self.0 }),
            false => Ok(Checked { request, warnings: self.0 }),
        }
    }
}

/// A request, or the rules that it would break, as the answer to a question.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum RequestResult {
    Checked(Checked),
    Rejected { violations: Vec<Violation> },
}

impl From<Result<Checked, Rejection>> for RequestResult {
    fn from(checked: Result<Checked, Rejection>) -> Self {
        match checked {
            Ok(checked) => Self::Checked(checked),
            Err(Rejection { violations }) => Self::Rejected { violations },
        }
    }
}
