//! Operations: what the documents say of each request and of its replies, as data.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// What may be done with a request whose outcome is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// Send it again with the same idempotency key: the provider does it once.
    SameKey,
    /// Never send it again unless every sending is known to have done nothing: its lookup is owed in its place.
    Reconcile,
    /// Send it again: it asks for a state, and reaching it twice changes nothing.
    Goal,
    /// Send it again: what it makes costs nothing as long as nobody uses it.
    Harmless,
    /// It only reads.
    Lookup,
}

impl Retry {
    /// Whether doing it twice, or not at all, costs somebody money.
    pub(crate) const fn is_of_money(self) -> bool {
        matches!(self, Self::SameKey | Self::Reconcile)
    }

    /// Whether it changes something that has to be known: an unknown outcome keeps it open.
    pub(crate) const fn must_be_known(self) -> bool {
        matches!(self, Self::SameKey | Self::Reconcile | Self::Goal)
    }
}

/// What a good reply looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Success {
    /// A JSON object with members that the documents require.
    Members,
    /// The status 204, which has no body: any other success without one says nothing.
    NoContent,
    /// A JSON list.
    List,
    /// No document shows the whole of it: what lacks the members that would prove it is accepted, and proves nothing.
    Undocumented,
}

/// A question for a person.
#[derive(Debug)]
pub struct Question {
    /// Why it is asked: the name of the review.
    pub(crate) reason: &'static str,
    /// What the person reads.
    #[expect(dead_code, reason = "it is published with the labels")]
    pub(crate) text: &'static str,
    /// The verdicts to choose from.
    pub(crate) choices: &'static [Choice],
}

/// One verdict of a question.
#[derive(Debug)]
pub struct Choice {
    /// Its name.
    pub(crate) verdict: &'static str,
    /// What stands on its button.
    #[expect(dead_code, reason = "it is published with the question")]
    pub(crate) label: &'static str,
    /// The id that it names, such as that of what was created.
    pub(crate) named: Option<NamedId>,
}

/// The id that a verdict names.
#[derive(Clone, Copy, Debug)]
pub struct NamedId {
    /// What it is the id of.
    pub(crate) kind: &'static str,
    /// Whether a text can be one.
    pub(crate) is_id: fn(&str) -> bool,
    /// Whether the verdict says nothing without it.
    pub(crate) is_required: bool,
}

impl Choice {
    const fn new(verdict: &'static str, label: &'static str) -> Self {
        Self { verdict, label, named: None }
    }
}

impl Question {
    /// No sending was let in: the key is wrong, or has no right to this.
    pub(crate) const NOT_ADMITTED: &'static Self = &Self {
        reason: "not_admitted",
        text: "The provider has rejected the API key of this request for a day. Is the key right now?",
        choices: AGAIN,
    };
    /// A request that changes nothing by itself was never answered.
    pub(crate) const NO_REPLY: &'static Self = &Self {
        reason: "no_reply",
        text: "The provider has not replied to this request. It changes nothing by itself. Should it be sent again?",
        choices: AGAIN,
    };

    /// The names of its verdicts.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.choices.iter().map(|choice| choice.verdict)
    }

    /// The verdicts about a request of that class: where it may be sent again, that of going on as well.
    pub(crate) fn choices_for(&self, class: Retry) -> Vec<Cow<'static, str>> {
        let is_resent = matches!(class, Retry::SameKey | Retry::Goal);
        let again = is_resent && !self.verdicts().any(|verdict| verdict == RETRY);
        self.verdicts().chain(again.then_some(KEEP_TRYING)).map(Cow::Borrowed).collect()
    }
}

/// To send a request again, or to end it.
const AGAIN: &[Choice] =
    &[Choice::new(RETRY, "Send the request again."), Choice::new(GIVE_UP, "Give the request up. It did nothing.")];

/// The verdict that begins a schedule anew.
pub(crate) const RETRY: &str = "retry";
/// The same, of a request whose outcome may have come true.
pub(crate) const KEEP_TRYING: &str = "keep_trying";
/// The verdict that ends a request which did nothing.
pub(crate) const GIVE_UP: &str = "give_up";

/// What the documents say of one operation.
#[derive(Debug)]
pub struct Operation {
    /// The provider's name of it.
    pub(crate) name: &'static str,
    /// What may be done if its outcome is unknown.
    pub(crate) class: Retry,
    /// What its good reply looks like.
    pub(crate) success: Success,
    /// The statuses among 403, 409 and 425 that are documented as refusals.
    pub(crate) refusals: &'static [u16],
    /// The error codes that are documented as "send it again": they leave the outcome unknown.
    pub(crate) again: &'static [&'static str],
    /// Of a lookup: the statuses that say that there is no such thing.
    pub(crate) not_found: &'static [u16],
    /// What a person is asked when its outcome stays unknown.
    pub(crate) unknown: Option<&'static Question>,
}

impl Operation {
    /// An operation of which no more is documented than its good reply.
    pub(crate) const fn new(name: &'static str, class: Retry) -> Self {
        Self { name, class, success: Success::Members, refusals: &[], again: &[], not_found: &[], unknown: None }
    }

    /// Says what its good reply looks like.
    pub(crate) const fn success(self, success: Success) -> Self {
        Self { success, ..self }
    }

    /// Names the conflicts that are documented as refusals.
    #[cfg_attr(not(test), expect(dead_code, reason = "no document of the providers names one so far"))]
    pub(crate) const fn refused_by(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }

    /// Names the codes that ask for the same request again.
    pub(crate) const fn again_at(self, again: &'static [&'static str]) -> Self {
        Self { again, ..self }
    }

    /// Names the statuses by which a lookup says that there is no such thing.
    pub(crate) const fn not_found_at(self, not_found: &'static [u16]) -> Self {
        Self { not_found, ..self }
    }

    /// Says what a person is asked when its outcome stays unknown; the first verdict says that it was done.
    pub(crate) const fn asks_of(self, question: &'static Question) -> Self {
        Self { unknown: Some(question), ..self }
    }

    /// What a person is asked when nothing more can be found out.
    pub(crate) const fn question(&self) -> &'static Question {
        match self.unknown {
            Some(question) => question,
            None => Question::NO_REPLY,
        }
    }

    /// Whether a verdict says that it was done: the first of those that are asked for.
    pub(crate) fn says_done(&self, verdict: &str) -> bool {
        self.unknown.is_some_and(|question| question.verdicts().next() == Some(verdict))
    }

    /// Whether it only reads.
    pub(crate) const fn is_lookup(&self) -> bool {
        matches!(self.class, Retry::Lookup)
    }
}
