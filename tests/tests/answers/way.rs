//! What a reply proves, by the documents: the rule, applied to the data.

use serde_json::Value;

use crate::samples::{Class, Operation};
use crate::shape::any;

/// The ways in which a sending ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Way {
    Done,
    Accepted,
    Refused,
    /// A lookup's documented "not found".
    NotFound,
    NotAdmitted,
    Throttled,
    Unknown,
    /// No good answer, which may end the request even so.
    Held,
    /// What was asked for is under way: the request may be over, and its outcome is not known.
    Afoot,
    /// The documents do not say.
    Open,
}

/// How a sending stands among the others of its request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It is the only one of which anything can be known.
    Only,
    /// It is a later one, and an earlier one may have been taken.
    Later,
    /// Several may have been taken, and it is not the last of them; or it is not known which one it is.
    Among,
}

/// The JSON of a body, without a byte order mark before it.
pub(crate) fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()
}

/// What a reply to an operation of a provider proves.
pub(crate) fn way(provider: &str, operation: &Operation, turn: Turn, status: u16, text: &str) -> Way {
    let body = json(text);
    let object = body.as_ref().filter(|it| it.is_object());
    match status {
        200..=299 => success(operation, status, text, body.as_ref()),
        401 | 407 => Way::NotAdmitted,
        429 => Way::Throttled,
        403 if !operation.refused.contains(&403) => object.map_or(Way::Unknown, |_| Way::NotAdmitted),
        400..=499 => object.map_or(Way::Unknown, |body| refusal(provider, operation, turn, status, body)),
        _ => Way::Unknown,
    }
}

fn success(operation: &Operation, status: u16, text: &str, body: Option<&Value>) -> Way {
    let names_error = |at: &str| body.and_then(|it| it.pointer(at)?.get("error")).is_some_and(|it| !it.is_null());
    let has_error = names_error("") || operation.inside.iter().any(|at| names_error(at));
    if operation.empty && text.is_empty() {
        return if status == 204 { Way::Done } else { Way::Unknown };
    }
    let Some(body) = body.filter(|_| !has_error) else {
        // Nothing can stand in a 204: whatever does was put there by something between.
        return if operation.empty && status == 204 { Way::Open } else { Way::Unknown };
    };
    if any(&operation.open, body) {
        Way::Open
    } else if any(&operation.done, body) {
        Way::Done
    } else if any(&operation.held, body) {
        Way::Held
    } else if any(&operation.under_way, body) {
        Way::Afoot
    } else if operation.empty && status == 204 {
        Way::Open
    } else if accepts(operation, body) {
        Way::Accepted
    } else {
        Way::Unknown
    }
}

/// Whether no document shows the success's shape, so that any object may be one.
fn accepts(operation: &Operation, body: &Value) -> bool {
    operation.accepted && body.is_object()
}

fn refusal(provider: &str, operation: &Operation, turn: Turn, status: u16, body: &Value) -> Way {
    if any(&operation.open, body) {
        return Way::Open;
    }
    if operation.reached == Some(status) && is_own(provider, operation, body) {
        match turn {
            Turn::Only => {}
            Turn::Later => return Way::Done,
            Turn::Among => return Way::Open,
        }
    }
    let unusual = is_unusual(operation, status);
    let again = operation.again.iter().any(|it| *it == code(body));
    match operation.class {
        _ if again => Way::Unknown,
        // Any 4xx with an object is believed of it; which of the unusual ones are meant is not said.
        Class::Harmless => {
            if unusual {
                Way::Open
            } else {
                Way::Refused
            }
        }
        _ if unusual => Way::Unknown,
        Class::Lookup if !is_own(provider, operation, body) || is_open(provider, operation, body) => Way::Unknown,
        Class::Lookup => {
            if operation.not_found.contains(&status) && (operation.denies.is_empty() || any(&operation.denies, body)) {
                Way::NotFound
            } else {
                Way::Unknown
            }
        }
        _ if is_open(provider, operation, body) => Way::Unknown,
        _ => {
            if is_own(provider, operation, body) {
                Way::Refused
            } else {
                Way::Unknown
            }
        }
    }
}

/// Whether a status among those of refusals says nothing of what was done.
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
        _ => body["error"]["code"].is_string() || body["error"]["message"].is_string(),
    }
}

/// Whether something stands beside a refusal that is not of a failed transaction, or the subscription that it refuses to create.
/// What Revup refuses itself has just a code and a message; what is refused on the acquirer's side tells of its transaction.
fn is_open(provider: &str, operation: &Operation, body: &Value) -> bool {
    if provider != "revup" {
        return false;
    }
    let mut rest = body.clone();
    if let Some(error) = rest["error"].as_object_mut() {
        error.retain(|name, _| !["code", "message"].contains(&name.as_str()));
    }
    cut_failed(&mut rest);
    // A cancellation is decided by its lookup: only a transaction beside it leaves it open.
    let counts = |name: &str| operation.class != Class::Goal || name.starts_with("transaction");
    says(&rest, "", &counts)
}

/// Takes the transactions away that have failed, with all that is told of them.
fn cut_failed(body: &mut Value) {
    match body {
        Value::Array(all) => all.iter_mut().for_each(cut_failed),
        Value::Object(members) => members.values_mut().for_each(cut_failed),
        _ => {}
    }
    let failed = body["transactionStatus"].as_str().is_some_and(|it| it.eq_ignore_ascii_case("failed"));
    let others = body.as_object().into_iter().flatten().filter(|(name, _)| *name != "transactionStatus");
    if failed && !others.map(|(_, it)| it).any(|it| says(it, "", &|name| name == "transactionStatus")) {
        *body = Value::Null;
    }
}

/// Whether a body says anything under a name that counts.
fn says(body: &Value, name: &str, counts: &dyn Fn(&str) -> bool) -> bool {
    match body {
        Value::Null => false,
        _ if name == "transactionStatus" => true,
        Value::Array(all) => all.iter().any(|it| says(it, name, counts)),
        Value::Object(members) => members.iter().any(|(name, it)| says(it, name, counts)),
        _ => counts(name),
    }
}
