//! Requests that are checked without a snapshot, because nothing waits for their outcome.

use alloc::borrow::Cow;
use alloc::string::String;
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

/// A request, or the rules that it would break.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum RequestResult {
    /// No rule rejects the request.
    Checked(Checked),
    /// The request breaks these rules.
    Rejected {
        /// The broken rules.
        violations: Vec<Violation>,
    },
}

impl From<Result<Checked, Rejection>> for RequestResult {
    fn from(checked: Result<Checked, Rejection>) -> Self {
        match checked {
            Ok(checked) => Self::Checked(checked),
            Err(Rejection { violations }) => Self::Rejected { violations },
        }
    }
}

/// The rules that a request breaks.
#[derive(Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    pub(crate) fn check(&mut self, holds: bool, rule: impl RuleSet, pointer: impl Into<Cow<'static, str>>) {
        if !holds {
            self.0.push(Violation { pointer: pointer.into(), ..Violation::new(rule.rule()) });
        }
    }

    /// Notes a broken rule with what broke it: a sentence that follows the rule's statement.
    pub(crate) fn check_because(
        &mut self,
        holds: bool,
        rule: impl RuleSet,
        pointer: &'static str,
        detail: impl FnOnce() -> String,
    ) {
        if !holds {
            let violation = Violation::new(rule.rule());
            self.0.push(Violation { pointer: pointer.into(), detail: Some(detail()), ..violation });
        }
    }

    /// All broken rules.
    pub(crate) fn all(self) -> Vec<Violation> {
        self.0
    }

    /// The request, if no rule rejects it.
    pub(crate) fn finish(self, request: Request) -> Result<Checked, Rejection> {
        match self.0.iter().any(|it| it.level != Level::Warn) {
            true => Err(Rejection { violations: self.0 }),
            false => Ok(Checked { request, warnings: self.0 }),
        }
    }
}
