//! What is wrong with a call, as every language tells it.

use alloc::format;
use alloc::string::String;
use core::fmt::Display;

use serde::Serialize;

use super::any::AnyError;
use crate::fact::FactError;
use crate::json::Malformed;
use crate::snapshot::{Rejection, SaveError};
use crate::webhook::AuthError;

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
pub struct CallError {
    /// Its kind: `malformed`, `unreadable_snapshot`, `unknown_format`, `inexpressible`, `unknown`, `not_authentic`, `too_long` or
    /// `internal`.
    pub code: &'static str,
    /// A JSON Pointer to what is wrong in the call.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl CallError {
    pub(crate) fn new(code: &'static str, pointer: impl Into<String>, message: impl Display) -> Self {
        Self { code, pointer: pointer.into(), message: format!("{message}") }
    }

    /// Why a call came to nothing; the rejection of a command is no error.
    pub fn of(why: AnyError) -> Result<Self, Rejection> {
        Ok(match why {
            AnyError::Rejected(rejection) => return Err(rejection),
            AnyError::Malformed(Malformed { pointer, reason }) => Self::new("malformed", pointer, reason),
            AnyError::Load(wrong) => {
                let (pointer, text) = (wrong.pointer(), format!("{wrong}"));
                // The pointer stands beside the message: in the message it would stand there twice.
                let named = text.strip_prefix(&format!("`{pointer}`")).map(|rest| rest.trim_start_matches([':', ' ']));
                Self::new("unreadable_snapshot", format!("/snapshot{pointer}"), named.unwrap_or(&text))
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
        self.pointer.insert_str(0, prefix);
        self
    }

    /// A bug of ours, such as a panic that a binding caught.
    pub fn internal(what: impl Display) -> Self {
        Self::new("internal", "", what)
    }

    /// A name that this release does not know.
    pub fn unknown(pointer: &str, what: &str, name: &str) -> Self {
        Self::new("unknown", pointer, format!("there is no {what} `{name}`"))
    }
}

/// A webhook that is not the provider's, or a question about one that cannot be answered.
impl From<AuthError> for CallError {
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
impl From<FactError> for CallError {
    fn from(wrong: FactError) -> Self {
        Self::new("malformed", wrong.pointer, wrong.reason)
    }
}
