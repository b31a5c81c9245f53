//! What a reply amounts to. This is the one place that decides it: neither a provider nor a reader does.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::effect::{Call, Operation, Retry, Success};
use crate::flow::{Flow, Reading, Refusal, Reply};
use crate::json::{RawText, read_body};
use crate::time::Timestamp;

/// What one reply amounts to.
pub(super) enum ReplyOutcome<E> {
    /// The success of this very operation.
    Done(E),
    /// It was taken, and no document shows the shape of its success.
    Accepted,
    /// The provider refuses: this sending did nothing.
    Refused(Refusal<E>),
    /// The key is turned away: this sending did nothing.
    NotAdmitted(Refusal<E>),
    /// The provider asks to wait: this sending did nothing.
    Throttled(Refusal<E>),
    /// Nothing is known.
    Unknown { refusal: Option<Refusal<E>>, pointer: Option<&'static str>, hint: Option<E> },
}

impl<E> ReplyOutcome<E> {
    pub(super) const UNKNOWN: Self = Self::Unknown { refusal: None, pointer: None, hint: None };
}

/// The outline of a body that is a JSON object.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow, default)]
    error: Option<RawText<'a>>,
}

/// What a reply amounts to.
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
        401 | 407 => ReplyOutcome::NotAdmitted(worded::<F>(call, reply)),
        429 => ReplyOutcome::Throttled(worded::<F>(call, reply)),
        status => {
            let documented = operation.refusals.contains(&status);
            match status {
                403 if !documented && outline.is_some() => ReplyOutcome::NotAdmitted(worded::<F>(call, reply)),
                403 | 409 | 425 if !documented => unknown(F::read_refusal(call, reply)),
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
    let failed = outline.and_then(|it| it.error).is_some_and(|error| error.get() != "null");
    let is_no_content = reply.status == 204 && reply.body.trim_ascii().is_empty();
    let empty = operation.success == Success::NoContent && is_no_content;
    if failed {
        return ReplyOutcome::Unknown { refusal: F::read_refusal(call, reply), pointer: Some("/error"), hint: None };
    }
    let listed = operation.success == Success::List && read_body::<Vec<IgnoredAny>>(reply.body).is_some();
    if outline.is_none() && !empty && !listed {
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
    let own = F::read_refusal(call, reply);
    let again = own.as_ref().and_then(|it| it.code.as_deref()).is_some_and(|code| operation.again.contains(&code));
    let undecided = own.as_ref().is_some_and(|it| it.undecided);
    match own {
        own if again || undecided || (operation.is_lookup() && !operation.not_found.contains(&reply.status)) => {
            unknown(own)
        }
        Some(refusal) => ReplyOutcome::Refused(refusal),
        None if operation.class == Retry::Harmless && is_object => ReplyOutcome::Refused(Refusal::new(None, None)),
        None => ReplyOutcome::UNKNOWN,
    }
}

/// What is worded as a refusal and settles nothing; what it says besides is learnt even so.
fn unknown<E>(refusal: Option<Refusal<E>>) -> ReplyOutcome<E> {
    let Some(mut refusal) = refusal else { return ReplyOutcome::UNKNOWN };
    let hint = refusal.event.take();
    ReplyOutcome::Unknown { refusal: Some(refusal), pointer: None, hint }
}

/// How the provider words it, if it does.
fn worded<F: Flow>(call: &F::Call, reply: &Reply<'_>) -> Refusal<F::Event> {
    F::read_refusal(call, reply).unwrap_or(Refusal::new(None, None))
}

/// What is wrong with a reply that names what another request has made.
pub(super) fn made_before(operation: &str) -> String {
    format!("The reply names what an earlier `{operation}` has made: it says nothing of this one.")
}

/// What is wrong with a reply that proves nothing.
pub(super) fn unreadable(operation: &str, status: u16, pointer: Option<&str>) -> String {
    match (status, pointer.filter(|it| !it.is_empty())) {
        (_, Some(pointer)) if pointer.ends_with("/error") => {
            format!("The reply to `{operation}` is a success by its status and names an error.")
        }
        (_, Some(pointer)) => format!("The reply is not a success of `{operation}`: `{pointer}` is missing or wrong."),
        (200..=299, None) => format!("The body of the reply is not the JSON of a success of `{operation}`."),
        (status, None) => format!("HTTP {status} does not say what became of `{operation}`."),
    }
}
