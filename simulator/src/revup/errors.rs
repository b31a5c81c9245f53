//! Refusals in Revup's shape: `{"error": {"code": <4 digits>, "message": <text>}}`.

use serde_json::json;

use crate::http::HttpReply;
use crate::provider::Reply;

pub(super) fn body(status: u16, code: &str, message: &str) -> HttpReply {
    HttpReply::json(status, &json!({"error": {"code": code, "message": message}}))
}

/// A refusal that the operation's page lists.
pub(super) fn refuse(status: u16, code: &str, rule: &'static str, message: impl Into<String>) -> Reply {
    let message = message.into();
    Reply::from(body(status, code, &message)).broke(rule, message)
}

/// A refusal that no visible page lists for this operation.
pub(super) fn guess(code: &str, rule: &'static str, message: impl Into<String>) -> Reply {
    refuse(400, code, rule, message).inferred("the table of errors of this operation is not visible in the documents")
}

/// A body that does not fit the schema.
pub(super) fn invalid(rule: &'static str, message: impl Into<String>) -> Reply {
    guess("0300", rule, message)
}

pub(super) fn no_subscription() -> Reply {
    refuse(404, "0020", "revup.subscription.exists", "Subscription not found")
}
