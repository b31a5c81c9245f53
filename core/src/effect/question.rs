//! What a person is asked about a request that does not come to an end by itself.

use alloc::format;
use alloc::string::String;

use super::{Call, Effect, Obligation, Owed, Question, Unknown};
use crate::id::EffectId;
use crate::policy::Policy;
use crate::time::{Millis, Timestamp};

/// How long the outcome of a request about money may stay unknown, and a key be turned away, before a person is asked.
const ASK_AFTER: Millis = Millis::from_hours(24);

impl<C: Call> Obligation<C> {
    /// The question, and from when it is asked.
    pub(crate) fn question(&self, policy: &Policy) -> Option<(Timestamp, Unknown)> {
        let (sent, operation) = (self.sent.as_ref()?, self.call()?.operation());
        if sent.open.is_empty() {
            return sent.unadmitted_since.map(|since| (since.after(ASK_AFTER), Unknown::Asked(Question::NOT_ADMITTED)));
        }
        let span = match operation.class {
            class if class.is_of_money() => ASK_AFTER,
            _ => policy.look_ups.waiting.last().copied().unwrap_or(ASK_AFTER),
        };
        let by_schedule = sent.since.map(|since| since.after(span));
        Some((sent.ask_at.into_iter().chain(by_schedule).min()?, operation.question()))
    }

    /// The same, once it is time and nobody has the request in hand.
    pub(crate) fn asks(&self, now: Timestamp, policy: &Policy) -> Option<Unknown> {
        let (from, question) = self.question(policy)?;
        (from.is_over(now) && self.in_hand(now).is_none()).then_some(question)
    }

    /// The review of a request.
    pub(crate) fn review(&self, question: Unknown, needs_id: impl Fn(&str, &str) -> bool) -> Option<Owed> {
        let class = self.class()?;
        let verdicts = question.choices(class);
        let needs_id = verdicts.iter().filter(|it| needs_id(question.reason(), it)).cloned().collect();
        let (reason, of) = (question.reason().into(), String::from(self.id.as_str()));
        let effect = Effect::Review { reason, of, verdicts, needs_id };
        let id = self.review_id(question);
        Some(Owed { id, effect, ready: true, attempts: 0, in_hand_until: None, not_before: None })
    }

    /// The id of the review of a request.
    pub(crate) fn review_id(&self, question: Unknown) -> EffectId {
        EffectId::about(&format!("review:{}", question.reason()), self.id.as_str())
    }
}
