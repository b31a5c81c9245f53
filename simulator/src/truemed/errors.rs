//! Refusals in Truemed's shape: `{"error": <enum>, "message": <text>}`.

use serde_json::json;

use crate::provider::Reply;

/// A refusal with a documented enum.
pub(super) fn refuse(status: u16, error: &str, rule: &'static str, message: impl Into<String>) -> Reply {
    let message = message.into();
    Reply::json(status, &json!({"error": error, "message": message})).broke(rule, message)
}

/// A refusal whose enum no visible document names.
pub(super) fn guess(status: u16, error: &str, rule: &'static str, message: impl Into<String>) -> Reply {
    refuse(status, error, rule, message).inferred("the enum of this refusal is not visible in the documents")
}

pub(super) fn missing(field: &str, rule: &'static str) -> Reply {
    guess(400, "MissingField", rule, format!("{field} is required."))
}

/// A token or a request that does not exist, or is another account's.
pub(super) fn not_found(what: &str) -> Reply {
    guess(404, "NotFound", "truemed.token.exists", format!("{what} does not exist."))
}
