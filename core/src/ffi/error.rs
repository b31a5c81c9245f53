//! What is wrong with a call, as every language tells it.

use alloc::format;
use alloc::string::String;
use core::fmt::Display;

use serde::Serialize;

use super::any::AnyError;
use crate::fact::FactError;
use crate::intake::AuthError;
use crate::json::Malformed;
use crate::snapshot::{Rejection, SaveError};

/// The kinds of problem.
#[cfg(feature = "schemas")]
pub(super) const CODES: [&str; 8] = [
    "malformed",
    "unreadable_snapshot",
    "unknown_format",
    "inexpressible",
    "unknown",
    "not_authentic",
    "too_long",
    "internal",
];

/// What is wrong with a call: data that cannot be read, never a rule that is broken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// Its kind: `malformed`, `unreadable_snapshot`, `unknown_format`, `inexpressible`, `unknown`, `not_authentic`, `too_long` or
    /// `internal`.
    pub code: &'static str,
    /// A JSON Pointer into the call's fields.
    pub field: String,
    /// What is wrong with that field.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(code: &'static str, field: impl Into<String>, message: impl Display) -> Self {
        Self { code, field: field.into(), message: format!("{message}") }
    }

    /// Why a call came to nothing; a refused command is no problem but an answer.
    pub fn of(why: AnyError) -> Result<Self, Rejection> {
        Ok(match why {
            AnyError::Refused(rejection) => return Err(rejection),
            AnyError::Malformed(Malformed { field, reason }) => Self::new("malformed", field, reason),
            AnyError::Load(wrong) => {
                let (field, text) = (wrong.field(), format!("{wrong}"));
                // The field is told beside it: in the words it would stand there twice.
                let named = text.strip_prefix(&format!("`{field}`")).map(|rest| rest.trim_start_matches([':', ' ']));
                Self::new("unreadable_snapshot", format!("/snapshot{field}"), named.unwrap_or(&text))
            }
            AnyError::Save(wrong) => {
                let code = if matches!(wrong, SaveError::Unknown(_)) { "unknown_format" } else { "inexpressible" };
                Self::new(code, "/format", wrong)
            }
            AnyError::Fact(wrong) => Self::from(wrong).under("/fact"),
            AnyError::Fault(fault) => Self::internal(fault),
        })
    }

    /// The same, seen from further out.
    fn under(mut self, prefix: &str) -> Self {
        self.field.insert_str(0, prefix);
        self
    }

    /// A bug of ours, such as a panic that a binding caught.
    pub fn internal(what: impl Display) -> Self {
        Self::new("internal", "", what)
    }

    /// A name that this release does not know.
    pub fn unknown(field: &str, what: &str, name: &str) -> Self {
        Self::new("unknown", field, format!("there is no {what} `{name}`"))
    }
}

/// A webhook that is not the provider's, or a question about one that cannot be answered.
impl From<AuthError> for Problem {
    fn from(why: AuthError) -> Self {
        match why {
            AuthError::UnknownProvider => Self::new("unknown", "/provider", why),
            AuthError::NoSecret => Self::new("malformed", "/secrets", why),
            AuthError::Secret { index, .. } => Self::new("malformed", format!("/secrets/{index}"), why),
            AuthError::NowInSeconds => Self::new("malformed", "/now", why),
            _ => Self::new("not_authentic", "", why),
        }
    }
}

/// A fact, or the body of a webhook, that the host built wrong.
impl From<FactError> for Problem {
    fn from(wrong: FactError) -> Self {
        Self::new("malformed", wrong.field, wrong.reason)
    }
}
