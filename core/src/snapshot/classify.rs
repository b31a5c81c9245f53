//! What a reply proves. Only this module decides it; a provider's own code only reads the members.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::key_used::KeyReply;
use crate::effect::{Call, Operation, Retry, Success};
use crate::flow::{Flow, Reading, Refusal, Reply};
use crate::json::{RawText, read_body};
use crate::time::Timestamp;

/// What one reply proves.
pub(super) enum ReplyOutcome<E> {
    /// The operation succeeded.
    Done(E),
    /// The provider accepted the request, and no document shows the shape of its success.
    Accepted,
    /// The provider refused the request. This sending did nothing.
    Refused(Refusal<E>),
    /// The provider rejected the API key. This sending did nothing.
    NotAdmitted(Refusal<E>),
    /// The provider asks to wait. This sending did nothing.
    Throttled(Refusal<E>),
    /// The provider says that the idempotency key was used before, so an earlier request exists. Its outcome is unknown.
    KeyUsed(Refusal<E>),
    /// The outcome is unknown.
    Unknown { refusal: Option<Refusal<E>>, pointer: Option<&'static str>, hint: Option<E> },
}

impl<E> ReplyOutcome<E> {
    pub(super) const UNKNOWN: Self = Self::Unknown { refusal: None, pointer: None, hint: None };
}

/// The part of a JSON object that every reply can have.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow, default)]
    error: Option<RawText<'a>>,
}

/// Decides what a reply proves.
pub(super) fn classify<F: Flow>(
    state: &F,
    since: Timestamp,
    call: &F::Call,
    reply: &Reply<'_>,
) -> ReplyOutcome<F::Event> {
    let operation = call.operation();
    let outline = read_body::<Outline<'_>>(reply.body);
    match reply.status {
        200..=299 => good::<F>(state, since, call, outline.as_ref(), reply),
        401 | 407 => ReplyOutcome::NotAdmitted(refusal_or_empty::<F>(call, reply)),
        429 => ReplyOutcome::Throttled(refusal_or_empty::<F>(call, reply)),
        status => {
            let documented = operation.refusals.contains(&status);
            match status {
                403 if !documented && outline.is_some() => {
                    ReplyOutcome::NotAdmitted(refusal_or_empty::<F>(call, reply))
                }
                403 | 409 | 425 if !documented => match F::read_refusal(call, reply) {
                    Some(it) if KeyReply::of(operation, &it) == Some(KeyReply::Used) => ReplyOutcome::KeyUsed(it),
                    refusal => unknown(refusal),
                },
                408 | 499 => unknown(F::read_refusal(call, reply)),
                400..=499 => refused::<F>(call, operation, outline.is_some(), reply),
                _ => ReplyOutcome::UNKNOWN,
            }
        }
    }
}

fn good<F: Flow>(
    state: &F,
    since: Timestamp,
    call: &F::Call,
    outline: Option<&Outline<'_>>,
    reply: &Reply<'_>,
) -> ReplyOutcome<F::Event> {
    let operation = call.operation();
    let has_error = outline.and_then(|it| it.error).is_some_and(|error| error.get() != "null");
    if has_error {
        return ReplyOutcome::Unknown { refusal: F::read_refusal(call, reply), pointer: Some("/error"), hint: None };
    }
    let has_documented_shape = outline.is_some()
        || match operation.success {
            Success::NoContent => reply.status == 204 && reply.body.trim_ascii().is_empty(),
            Success::List => read_body::<Vec<IgnoredAny>>(reply.body).is_some(),
            Success::Members | Success::Undocumented => false,
        };
    if !has_documented_shape {
        return ReplyOutcome::UNKNOWN;
    }
    let reading = match F::read_reply(call, reply) {
        Reading::Done(event) => state.compare_reply(call, event, since),
        missing @ Reading::Missing { .. } => missing,
    };
    match reading {
        Reading::Done(event) => ReplyOutcome::Done(event),
        Reading::Missing { .. } if operation.success == Success::Undocumented => ReplyOutcome::Accepted,
        Reading::Missing { pointer, hint } => ReplyOutcome::Unknown { refusal: None, pointer: Some(pointer), hint },
    }
}

fn refused<F: Flow>(
    call: &F::Call,
    operation: &Operation,
    is_object: bool,
    reply: &Reply<'_>,
) -> ReplyOutcome<F::Event> {
    let refusal = F::read_refusal(call, reply);
    let key = refusal.as_ref().and_then(|it| KeyReply::of(operation, it));
    let refusal = match (refusal, key) {
        (Some(refusal), Some(KeyReply::Used)) => return ReplyOutcome::KeyUsed(refusal),
        (refusal, Some(KeyReply::InProgress)) => return unknown(refusal),
        (refusal, _) => refusal,
    };
    let asks_to_repeat =
        refusal.as_ref().and_then(|it| it.code.as_deref()).is_some_and(|code| operation.again.contains(&code));
    let is_undecided = refusal.as_ref().is_some_and(|it| it.undecided);
    let is_failed_lookup = operation.is_lookup() && !operation.not_found.contains(&reply.status);
    if asks_to_repeat || is_undecided || is_failed_lookup {
        return unknown(refusal);
    }
    match refusal {
        Some(refusal) => ReplyOutcome::Refused(refusal),
        None if operation.class == Retry::Harmless && is_object => ReplyOutcome::Refused(Refusal::new(None, None)),
        None => ReplyOutcome::UNKNOWN,
    }
}

/// The outcome of a refusal that settles nothing. Its other contents are a hint.
fn unknown<E>(refusal: Option<Refusal<E>>) -> ReplyOutcome<E> {
    let Some(mut refusal) = refusal else { return ReplyOutcome::UNKNOWN };
    let hint = refusal.event.take();
    ReplyOutcome::Unknown { refusal: Some(refusal), pointer: None, hint }
}

/// The provider's refusal, or an empty one if the body does not have the form of a refusal.
fn refusal_or_empty<F: Flow>(call: &F::Call, reply: &Reply<'_>) -> Refusal<F::Event> {
    F::read_refusal(call, reply).unwrap_or(Refusal::new(None, None))
}

/// What is wrong with a reply that names an object which another request made.
pub(super) fn made_before(operation: &str) -> String {
    format!("The reply names the object of an earlier `{operation}`, so it proves nothing about this one.")
}

/// What is wrong with a reply that proves nothing.
pub(super) fn unreadable(operation: &str, status: u16, pointer: Option<&str>) -> String {
    match (status, pointer.filter(|it| !it.is_empty())) {
        (_, Some(pointer)) if pointer.ends_with("/error") => {
            format!("The reply to `{operation}` is a success by its status and names an error.")
        }
        (_, Some(pointer)) => format!("The reply is not a success of `{operation}`: `{pointer}` is missing or wrong."),
        (200..=299, None) => format!("The body of the reply is not the JSON of a success of `{operation}`."),
        (status, None) => format!("HTTP {status} does not show the outcome of `{operation}`."),
    }
}
