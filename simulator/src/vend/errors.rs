//! Refusals in the shape of Vend's other calls: `{"error": <short>, "message": <detail>}`.

use crate::provider::{Provider as _, Reply};
use crate::world::Context;

use super::Vend;

/// Why every refusal is inferred.
const WHY: &str = "the page that describes the errors of third party billing could not be read";

/// A body that Vend cannot use.
pub(super) fn invalid(rule: &'static str, message: impl Into<String>, context: &Context<'_>) -> Reply {
    let status = if context.reading("invalid-status") == "422" { 422 } else { 400 };
    refuse(status, rule, message)
}

pub(super) fn refuse(status: u16, rule: &'static str, message: impl Into<String>) -> Reply {
    let message = message.into();
    Reply::from(Vend::error(status, &message)).inferred(WHY).broke(rule, message)
}
