//! A reply that says that the idempotency key was used before, or is in use. It proves that an earlier request exists: never a
//! refusal.

use super::Snapshot;
use super::observe::Stepped;
use super::reply::Report;
use crate::config::Context;
use crate::effect::{Call, GoodReply, Operation};
use crate::fact::{Failure, IgnoredReason};
use crate::flow::{Flow, Refusal};

/// The words of replies about a key that the provider has seen, in lower case. No document of a provider shows such a reply.
/// A reply that only finds fault with the form of a key is an ordinary refusal.
const SEEN: [&str; 9] =
    ["used", "already", "exist", "conflict", "differ", "match", "another", "duplicate", "idempotency_error"];

/// The words of replies about a key whose first request has not ended. Sent again under its key, the request has the outcome.
const IN_PROGRESS: [&str; 6] = ["progress", "in_use", "processing", "flight", "concurren", "currently"];

/// What a refusal says about the idempotency key of a request about money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KeyReply {
    /// An earlier request has used it.
    Used,
    /// The request that has it is still carried out.
    InProgress,
}

impl KeyReply {
    pub(super) fn of<E>(operation: &Operation, refusal: &Refusal<E>) -> Option<Self> {
        let asks_to_repeat = refusal.code.as_deref().is_some_and(|code| operation.again.contains(&code));
        if asks_to_repeat || !operation.class.is_of_money() {
            return None;
        }
        let texts = [&refusal.code, &refusal.message].map(|it| it.as_deref().unwrap_or_default().to_ascii_lowercase());
        let has = |words: &[&str]| texts.iter().any(|text| words.iter().any(|word| text.contains(word)));
        match has(&["idempoten"]) {
            true if has(&IN_PROGRESS) => Some(Self::InProgress),
            true if has(&SEEN) => Some(Self::Used),
            _ => None,
        }
    }
}

impl<F: Flow> Snapshot<F> {
    /// Keeps a request pending whose idempotency key the provider has seen before. An earlier request exists, which this row
    /// may not know: it is looked up at once, and nothing is sent again. A complete list without it leaves it to a person.
    pub(super) fn key_used(&self, report: &Report<'_, F::Call>, failure: Failure, context: &Context) -> Stepped<F> {
        let Report { entry, call, which, .. } = report;
        let id = entry.id.as_str();
        if entry.sent.as_ref().is_some_and(|sent| sent.good_reply == GoodReply::Accepted) {
            return Ok(self.ignored(IgnoredReason::Duplicate));
        }
        let mut cx = self.cx(context);
        let outbox = cx.outbox.to_mut();
        outbox.rest(id, which.number(), context.now, &context.config, None);
        outbox.note_lost(id, which.number().unwrap_or(entry.attempts));
        outbox.note_good_reply(id, GoodReply::Accepted);
        if call.outcome_lookup().is_none() {
            outbox.ask(id, context.now);
        }
        cx.look_up_outcome(call);
        Ok(self.outbox_changed(cx, Some(failure)))
    }
}
