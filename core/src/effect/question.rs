//! The question for a person about a request whose outcome stays unknown.

use alloc::format;

use super::{Call, OutboxEntry, Question};
use crate::config::Config;
use crate::id::EffectId;
use crate::time::{Millis, Timestamp};

/// How long the outcome about money can stay unknown, or an API key rejected, before a person is asked.
const ASK_AFTER: Millis = Millis::from_hours(24);

/// How long a lookup rests at least while a person is asked about it.
const BETWEEN_ASKED_LOOKUPS: Millis = Millis::from_hours(24);

impl<C: Call> OutboxEntry<C> {
    /// The question, and from when it is open.
    pub(crate) fn question(&self, config: &Config) -> Option<(Timestamp, &'static Question)> {
        let (sent, operation) = (self.sent.as_ref()?, self.call()?.operation());
        if sent.open.is_empty() {
            return sent.unadmitted_since.map(|since| (since.after(ASK_AFTER), Question::NOT_ADMITTED));
        }
        let span = match operation.class {
            class if class.is_of_money() => ASK_AFTER,
            _ => config.lookups.while_waiting_ms.last().copied().unwrap_or(ASK_AFTER),
        };
        let by_schedule = sent.scheduled_from().map(|since| since.after(span));
        Some((sent.ask_at.into_iter().chain(by_schedule).min()?, operation.question()))
    }

    /// The question if it is open now. It is not open while a worker holds the lease.
    pub(crate) fn asks(&self, now: Timestamp, config: &Config) -> Option<&'static Question> {
        let (from, question) = self.question(config)?;
        (from.is_over(now) && self.leased(now).is_none()).then_some(question)
    }

    /// Whether the question about it is open and holds it back. A lookup changes nothing, so it is sent all the same.
    pub(crate) fn is_held_by_question(&self, now: Timestamp, config: &Config) -> bool {
        self.asks(now, config).is_some() && !self.is_lookup()
    }

    /// How long it rests at least: a day if it is a lookup about which a person is asked.
    pub(crate) fn rest_while_asked(&self, now: Timestamp, config: &Config) -> Millis {
        let is_asked = self.is_lookup() && self.question(config).is_some_and(|(from, _)| from.is_over(now));
        if is_asked { BETWEEN_ASKED_LOOKUPS } else { Millis::default() }
    }

    /// The id of the review of a request.
    pub(crate) fn review_id(&self, question: &Question) -> EffectId {
        EffectId::about(&format!("review:{}", question.reason), self.id.as_str())
    }
}
