//! What a reply proves by the documents: the rules, applied to the data.

use serde_json::Value;

use crate::samples::{Class, Operation};
use crate::shape::any;

/// What a reply proves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum ReplyOutcome {
    Done,
    Accepted,
    Refused,
    /// A lookup's documented "not found".
    NotFound,
    NotAdmitted,
    Throttled,
    Unknown,
    /// No success, but a reply that may end the request.
    Held,
    /// The operation is under way: the request may be over, and its outcome is not known.
    UnderWay,
    /// The documents do not say.
    Open,
}

/// The place of a sending among the others of its request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// No other sending can have done anything.
    Only,
    /// The provider may have accepted an earlier sending.
    Later,
    /// The provider may have accepted several, and this is not the last one; or it is not known which one this is.
    Among,
}

/// The JSON of a body, without a byte order mark before it.
pub(crate) fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()
}

/// What a reply to an operation of a provider proves.
pub(crate) fn outcome(provider: &str, operation: &Operation, turn: Turn, status: u16, text: &str) -> ReplyOutcome {
    let body = json(text);
    let object = body.as_ref().filter(|it| it.is_object());
    match status {
        200..=299 => success(operation, status, text, body.as_ref()),
        401 | 407 => ReplyOutcome::NotAdmitted,
        429 => ReplyOutcome::Throttled,
        403 if !operation.refused.contains(&403) => object.map_or(ReplyOutcome::Unknown, |_| ReplyOutcome::NotAdmitted),
        400..=499 => object.map_or(ReplyOutcome::Unknown, |body| refusal(provider, operation, turn, status, body)),
        _ => ReplyOutcome::Unknown,
    }
}

fn success(operation: &Operation, status: u16, text: &str, body: Option<&Value>) -> ReplyOutcome {
    let names_error =
        |pointer: &str| body.and_then(|it| it.pointer(pointer)?.get("error")).is_some_and(|it| !it.is_null());
    let has_error = names_error("") || operation.inside.iter().any(|pointer| names_error(pointer));
    if operation.empty && text.is_empty() {
        return if status == 204 { ReplyOutcome::Done } else { ReplyOutcome::Unknown };
    }
    let Some(body) = body.filter(|_| !has_error) else {
        // A 204 has no body, so something between us and the provider wrote it.
        return if operation.empty && status == 204 { ReplyOutcome::Open } else { ReplyOutcome::Unknown };
    };
    if any(&operation.open, body) {
        ReplyOutcome::Open
    } else if any(&operation.done, body) {
        ReplyOutcome::Done
    } else if any(&operation.held, body) {
        ReplyOutcome::Held
    } else if any(&operation.under_way, body) {
        ReplyOutcome::UnderWay
    } else if operation.empty && status == 204 {
        ReplyOutcome::Open
    } else if accepts(operation, body) {
        ReplyOutcome::Accepted
    } else {
        ReplyOutcome::Unknown
    }
}

/// Whether a body may be a success because no document shows the shape of one.
fn accepts(operation: &Operation, body: &Value) -> bool {
    operation.accepted && body.is_object()
}

fn refusal(provider: &str, operation: &Operation, turn: Turn, status: u16, body: &Value) -> ReplyOutcome {
    if any(&operation.open, body) {
        return ReplyOutcome::Open;
    }
    if operation.reached == Some(status) && is_own(provider, operation, body) {
        match turn {
            Turn::Only => {}
            Turn::Later => return ReplyOutcome::Done,
            Turn::Among => return ReplyOutcome::Open,
        }
    }
    let unusual = is_unusual(operation, status);
    let again = operation.again.iter().any(|it| *it == code(body));
    match operation.class {
        _ if again => ReplyOutcome::Unknown,
        // Any 4xx with an object counts as a refusal. The documents do not say which of the unusual ones do.
        Class::Harmless => {
            if unusual {
                ReplyOutcome::Open
            } else {
                ReplyOutcome::Refused
            }
        }
        _ if unusual => ReplyOutcome::Unknown,
        Class::Lookup if !is_own(provider, operation, body) || is_open(provider, operation, body) => {
            ReplyOutcome::Unknown
        }
        Class::Lookup => {
            if operation.not_found.contains(&status) && (operation.denies.is_empty() || any(&operation.denies, body)) {
                ReplyOutcome::NotFound
            } else {
                ReplyOutcome::Unknown
            }
        }
        _ if is_open(provider, operation, body) => ReplyOutcome::Unknown,
        _ => {
            if is_own(provider, operation, body) {
                ReplyOutcome::Refused
            } else {
                ReplyOutcome::Unknown
            }
        }
    }
}

/// Whether a 4xx status does not show that nothing was done.
pub(crate) fn is_unusual(operation: &Operation, status: u16) -> bool {
    match status {
        408 | 499 => true,
        409 | 425 => !operation.refused.contains(&status),
        _ => false,
    }
}

fn code(body: &Value) -> &str {
    body["error"].as_str().or(body["error"]["code"].as_str()).unwrap_or_default()
}

/// Whether a refusal has the provider's own shape.
pub(crate) fn is_own(provider: &str, operation: &Operation, body: &Value) -> bool {
    let text = |name: &str| body[name].is_string();
    match provider {
        "truemed" => {
            let charges = operation.name == "create_payment_session/charge";
            text("error") || text("message") || (charges && text("redirect_url"))
        }
        "flex" => body["error"].is_object() || text("error") || body["detail"].is_array() || text("detail"),
        "vend" => text("error") || text("message") || body.get("errors").is_some_and(|it| !it.is_null()),
        "revup" => body["error"]["code"].is_string() || body["error"]["message"].is_string(),
        other => panic!(
            "`is_own` does not know how {other} words a refusal: add it, from the documents and not from the code"
        ),
    }
}

/// Whether a refusal has other members than those of a failed transaction or of the subscription that it refuses to create.
///
/// A refusal by Revup itself has only a code and a message. A refusal by the acquirer shows its transaction.
fn is_open(provider: &str, operation: &Operation, body: &Value) -> bool {
    if provider != "revup" {
        return false;
    }
    let mut rest = body.clone();
    if let Some(error) = rest["error"].as_object_mut() {
        error.retain(|name, _| !["code", "message"].contains(&name.as_str()));
    }
    cut_failed(&mut rest);
    // A lookup decides about a cancellation, so only a transaction in the reply leaves it open.
    let counts = |name: &str| operation.class != Class::Goal || name.starts_with("transaction");
    has_value(&rest, "", &counts)
}

/// Removes the failed transactions with all their members.
fn cut_failed(body: &mut Value) {
    match body {
        Value::Array(all) => all.iter_mut().for_each(cut_failed),
        Value::Object(members) => members.values_mut().for_each(cut_failed),
        _ => {}
    }
    let failed = body["transactionStatus"].as_str().is_some_and(|it| it.eq_ignore_ascii_case("failed"));
    let others = body.as_object().into_iter().flatten().filter(|(name, _)| *name != "transactionStatus");
    if failed && !others.map(|(_, it)| it).any(|it| has_value(it, "", &|name| name == "transactionStatus")) {
        *body = Value::Null;
    }
}

/// Whether a body has a value under a name that counts.
fn has_value(body: &Value, name: &str, counts: &dyn Fn(&str) -> bool) -> bool {
    match body {
        Value::Null => false,
        _ if name == "transactionStatus" => true,
        Value::Array(all) => all.iter().any(|it| has_value(it, name, counts)),
        Value::Object(members) => members.iter().any(|(name, it)| has_value(it, name, counts)),
        _ => counts(name),
    }
}
