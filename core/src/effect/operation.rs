//! Operations: what the documents say about each request and its replies, as data.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::rule::Basis;
use crate::time::Millis;

/// What a worker can do with a request whose outcome is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// Send it again with the same idempotency key. The provider does it once.
    SameKey,
    /// Look it up. Never send it again unless every sending is known to have done nothing.
    Reconcile,
    /// Send it again. It asks for a state, and reaching that state twice changes nothing.
    Goal,
    /// Send it again. What it makes costs nothing until the customer uses it.
    Harmless,
    /// It only reads.
    Lookup,
}

impl Retry {
    /// Whether it costs money to do it twice, or not at all.
    pub(crate) const fn is_of_money(self) -> bool {
        matches!(self, Self::SameKey | Self::Reconcile)
    }

    /// Whether the flow must know its outcome. While the outcome is unknown, the request stays pending.
    pub(crate) const fn must_be_known(self) -> bool {
        matches!(self, Self::SameKey | Self::Reconcile | Self::Goal)
    }
}

/// How long a provider knows an idempotency key, from the first sending on that may have arrived.
///
/// After that, the same request under the same key can be a new one, such as a second charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KeyLifetime {
    /// The time for which the library relies on the key.
    pub lifetime_ms: Millis,
    /// Whether a document states it.
    pub basis: Basis,
    /// Where it comes from.
    pub about: &'static str,
}

/// What a good reply looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Success {
    /// A JSON object with members that the documents require.
    Members,
    /// The status 204 without a body. A 200 without a body proves nothing.
    NoContent,
    /// A JSON array.
    List,
    /// No document shows it in full. A reply without the members that prove a success only counts as accepted.
    Undocumented,
}

/// A question for a person.
#[derive(Debug)]
pub struct Question {
    /// The reason for the question, which is the name of the review.
    pub(crate) reason: &'static str,
    /// What the person reads.
    pub(crate) text: &'static str,
    /// The verdicts to choose from.
    pub(crate) choices: &'static [Choice],
}

/// One verdict of a question.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Its name.
    pub(crate) verdict: &'static str,
    /// The label of its button.
    pub(crate) label: &'static str,
    /// The id that it names, such as that of what was created.
    pub(crate) named: Option<NamedId>,
}

/// The id that a verdict names.
#[derive(Clone, Copy, Debug)]
pub struct NamedId {
    /// The kind of object that it is the id of.
    pub(crate) kind: &'static str,
    /// Whether a string can be such an id.
    pub(crate) is_id: fn(&str) -> bool,
    /// Whether the verdict must name it.
    pub(crate) is_required: bool,
}

impl Choice {
    const fn new(verdict: &'static str, label: &'static str) -> Self {
        Self { verdict, label, named: None }
    }
}

impl Question {
    /// The question if the provider has rejected the API key for a day.
    pub(crate) const NOT_ADMITTED: &'static Self = &Self {
        reason: "not_admitted",
        text: "The provider has rejected the API key of this request for a day. Is the key right now?",
        choices: AGAIN,
    };
    /// The question if a request that changes nothing by itself has had no reply.
    pub(crate) const NO_REPLY: &'static Self = &Self {
        reason: "no_reply",
        text: "The provider has not replied to this request. It changes nothing by itself. Should it be sent again?",
        choices: AGAIN,
    };

    /// The reasons of the questions that every flow can ask.
    pub(crate) const COMMON: [&'static str; 2] = [Self::NOT_ADMITTED.reason, Self::NO_REPLY.reason];

    /// The names of its verdicts.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.choices.iter().map(|choice| choice.verdict)
    }

    /// The verdicts on a request of this class. They include `keep_trying` if a worker can send it again.
    pub(crate) fn choices_for(&self, class: Retry) -> Vec<Choice> {
        let is_resent = matches!(class, Retry::SameKey | Retry::Goal);
        let again = is_resent && !self.verdicts().any(|verdict| verdict == RETRY);
        self.choices.iter().copied().chain(again.then_some(KEEP_TRYING_CHOICE)).collect()
    }
}

/// The verdicts that send a request again, or end it.
const AGAIN: &[Choice] =
    &[Choice::new(RETRY, "Send the request again."), Choice::new(GIVE_UP, "Give the request up. It did nothing.")];

/// The verdict that restarts the schedule of a request that did nothing.
pub(crate) const RETRY: &str = "retry";
/// The verdict that restarts the schedule of a request that may have succeeded.
pub(crate) const KEEP_TRYING: &str = "keep_trying";
const KEEP_TRYING_CHOICE: Choice = Choice::new(KEEP_TRYING, "I do not know. Send the request again.");
/// The verdict that ends a request which did nothing.
pub(crate) const GIVE_UP: &str = "give_up";

/// What the documents say about one operation.
#[derive(Debug)]
pub struct Operation {
    /// The provider's name for it.
    pub(crate) name: &'static str,
    /// What a worker can do while its outcome is unknown.
    pub(crate) class: Retry,
    /// What its good reply looks like.
    pub(crate) success: Success,
    /// The statuses among 403, 409 and 425 that are documented as refusals.
    pub(crate) refusals: &'static [u16],
    /// The error codes that are documented as "send it again". They leave the outcome unknown.
    pub(crate) again: &'static [&'static str],
    /// The statuses by which a lookup says that the object does not exist.
    pub(crate) not_found: &'static [u16],
    /// How long the provider knows its idempotency key. Without it, a `same_key` request is sent once.
    pub(crate) key_lifetime: Option<KeyLifetime>,
    /// The question for a person if its outcome stays unknown.
    pub(crate) unknown: Option<&'static Question>,
}

impl Operation {
    /// An operation whose documents only say what its good reply looks like.
    pub(crate) const fn new(name: &'static str, class: Retry) -> Self {
        Self {
            name,
            class,
            success: Success::Members,
            refusals: &[],
            again: &[],
            not_found: &[],
            key_lifetime: None,
            unknown: None,
        }
    }

    /// Sets what its good reply looks like.
    pub(crate) const fn success(self, success: Success) -> Self {
        Self { success, ..self }
    }

    /// Sets the statuses among 403, 409 and 425 that are documented as refusals.
    pub(crate) const fn refused_by(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }

    /// Sets the error codes that ask for the same request again.
    pub(crate) const fn again_at(self, again: &'static [&'static str]) -> Self {
        Self { again, ..self }
    }

    /// Sets the statuses by which a lookup says that the object does not exist.
    pub(crate) const fn not_found_at(self, not_found: &'static [u16]) -> Self {
        Self { not_found, ..self }
    }

    /// Sets how long the provider knows its idempotency key.
    pub(crate) const fn key_known_for(self, lifetime: KeyLifetime) -> Self {
        Self { key_lifetime: Some(lifetime), ..self }
    }

    /// Sets the question for a person if its outcome stays unknown. The first verdict must mean that it was done.
    pub(crate) const fn asks_of(self, question: &'static Question) -> Self {
        Self { unknown: Some(question), ..self }
    }

    /// The question for a person if its outcome stays unknown.
    pub(crate) const fn question(&self) -> &'static Question {
        match self.unknown {
            Some(question) => question,
            None => Question::NO_REPLY,
        }
    }

    /// Whether a verdict means that it was done. That is the first verdict of its question.
    pub(crate) fn says_done(&self, verdict: &str) -> bool {
        self.unknown.is_some_and(|question| question.verdicts().next() == Some(verdict))
    }

    /// Whether it only reads.
    pub(crate) const fn is_lookup(&self) -> bool {
        matches!(self.class, Retry::Lookup)
    }
}
