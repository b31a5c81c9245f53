//! What is wrong with a call, as every language reports it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;

use serde::Serialize;

use super::any::{AnyError, formats};
use crate::fact::FactError;
use crate::json::{Malformed, listed};
use crate::providers;
use crate::snapshot::{Rejection, SaveError};
use crate::webhook::NotAuthentic;

/// The kinds of errors.
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

/// What is wrong with a call, such as malformed data. It is never a broken rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct CallError {
    /// The kind of the error: `malformed`, `unreadable_snapshot`, `unknown_format`, `inexpressible`, `unknown`,
    /// `not_authentic`, `too_long` or `internal`.
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

    /// Why a call led to nothing. A rejection is not an error.
    ///
    /// # Errors
    ///
    /// The rejection, if the error is one: it is a normal result of a call.
    pub fn of(error: AnyError) -> Result<Self, Rejection> {
        Ok(match error {
            AnyError::Rejected(rejection) => return Err(rejection),
            AnyError::Malformed(Malformed { pointer, reason }) => Self::new("malformed", pointer, reason),
            AnyError::Load(error) => {
                let (pointer, message) = (error.pointer(), format!("{error}"));
                // The error has the pointer in a field of its own, so the message does not repeat it.
                let without_pointer =
                    message.strip_prefix(&format!("`{pointer}`")).map(|rest| rest.trim_start_matches([':', ' ']));
                Self::new("unreadable_snapshot", format!("/snapshot{pointer}"), without_pointer.unwrap_or(&message))
            }
            AnyError::Save(error) => {
                let code = if matches!(error, SaveError::Unknown(_)) { "unknown_format" } else { "inexpressible" };
                Self::new(code, "/format", error)
            }
            AnyError::Fact(error) => Self::from(error).under("/fact"),
            AnyError::Fault(fault) => Self::internal(fault),
        })
    }

    /// The same error with its pointer below a prefix.
    fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }

    /// A bug in the library, such as a panic that a binding caught.
    pub fn internal(what: impl Display) -> Self {
        Self::new("internal", "", what)
    }

    /// A provider that this release does not have.
    pub fn no_provider(name: &str) -> Self {
        Self::new("unknown", "/provider", format!("there is no provider `{name}`, only {}", providers::names()))
    }

    /// A flow that this release does not have.
    pub(super) fn no_flow(name: &str) -> Self {
        let names: Vec<_> = formats().into_keys().collect();
        Self::new("unknown", "/flow", format!("there is no flow `{name}`, only {}", listed(&names)))
    }
}

/// A webhook that is not authentic, or a call that cannot decide it.
impl From<NotAuthentic> for CallError {
    fn from(error: NotAuthentic) -> Self {
        match error {
            NotAuthentic::UnknownProvider => {
                let names = providers::names();
                Self::new("unknown", "/provider", format!("there is no provider with this name, only {names}"))
            }
            NotAuthentic::NoSecret => Self::new("malformed", "/secrets", error),
            NotAuthentic::Secret { index, .. } => Self::new("malformed", format!("/secrets/{index}"), error),
            NotAuthentic::NowInSeconds => Self::new("malformed", "/now", error),
            NotAuthentic::ToleranceInSeconds => Self::new("malformed", "/tolerance_ms", error),
            _ => Self::new("not_authentic", "", error),
        }
    }
}

/// A fact, or the body of a webhook, that the host built wrong.
impl From<FactError> for CallError {
    fn from(error: FactError) -> Self {
        Self::new("malformed", error.pointer, error.reason)
    }
}
