//! Refusals: `{"error": {"code", "message"}}`, and `{"detail": [{"loc", "msg", "type"}]}` for what cannot be processed.

use serde_json::json;

use super::source;
use crate::provider::Reply;

/// Why the words of most refusals are inferred.
const WHY: &str = "the documents show the shape of a refusal, and few of its codes";

/// 400: a member is absent or has another shape.
pub(super) fn missing(field: &str, rule: &'static str, message: impl Into<String>) -> Reply {
    let message = format!("{field}: {}", message.into());
    let reply = Reply::json(400, &json!({"error": {"code": "invalid_request", "message": message}}));
    reply.broke(rule, message).source(source::INTRODUCTION)
}

/// 422: a value that cannot be processed.
pub(super) fn invalid(field: &str, kind: &str, rule: &'static str, message: impl Into<String>) -> Reply {
    let message = message.into();
    let reply = Reply::json(422, &json!({"detail": [{"loc": [field], "msg": message, "type": kind}]}));
    reply.broke(rule, message).source(source::PLUGIN).inferred(WHY)
}

/// An object that does not exist, or is another account's.
pub(super) fn not_found(kind: &str, id: &str) -> Reply {
    let message = format!("There is no {kind} {id:?}.");
    let reply = Reply::json(404, &json!({"error": {"code": "not_found", "message": message}}));
    reply.broke("flex.object.exists", message).inferred(WHY)
}

/// What no document that we could read describes well enough.
pub(super) fn absent(what: &str) -> Reply {
    let message = format!("The simulator does not have {what}. No document describes it well enough.");
    Reply::json(501, &json!({"error": {"code": "not_implemented", "message": message}}))
        .inferred("no document describes this")
}
