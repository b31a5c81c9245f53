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
    /// Never send it again unless every sending is known to have done nothing: its look-up is owed in its place.
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

/// What a person is asked when the outcome of a request stays unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Question {
    /// The review's reason.
    pub(crate) reason: &'static str,
    /// The verdicts to choose from.
    pub(crate) verdicts: &'static [&'static str],
}

impl Question {
    /// No sending was let in: the key is wrong, or has no right to this.
    pub(crate) const NOT_ADMITTED: Self = Self { reason: "not_admitted", verdicts: &[RETRY, GIVE_UP] };
    /// A request that changes nothing by itself was never answered.
    pub(crate) const NO_REPLY: Self = Self { reason: "no_reply", verdicts: &[RETRY, GIVE_UP] };

    /// The verdicts, and for a request that may be sent again that of going on.
    pub(crate) fn choices(&self, class: Retry) -> Vec<Cow<'static, str>> {
        let again = matches!(class, Retry::SameKey | Retry::Goal) && !self.verdicts.contains(&RETRY);
        self.verdicts.iter().copied().chain(again.then_some(KEEP_TRYING)).map(Cow::Borrowed).collect()
    }
}

/// The verdict that begins a schedule anew.
pub(crate) const RETRY: &str = "retry";
/// The same, of a request whose outcome may have come true.
pub(crate) const KEEP_TRYING: &str = "keep_trying";
/// The verdict that ends a request which did nothing.
pub(crate) const GIVE_UP: &str = "give_up";

/// What the documents say of one operation.
#[derive(PartialEq, Eq, Debug)]
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
    /// Of a look-up: the statuses that say that there is no such thing.
    pub(crate) not_found: &'static [u16],
    /// What a person is asked when its outcome stays unknown.
    pub(crate) unknown: Option<Question>,
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

    /// Names the statuses by which a look-up says that there is no such thing.
    pub(crate) const fn not_found_at(self, not_found: &'static [u16]) -> Self {
        Self { not_found, ..self }
    }

    /// Says what a person is asked when its outcome stays unknown.
    pub(crate) const fn asks(self, reason: &'static str, verdicts: &'static [&'static str]) -> Self {
        Self { unknown: Some(Question { reason, verdicts }), ..self }
    }

    /// What a person is asked when nothing more can be found out.
    pub(crate) const fn question(&self) -> Question {
        match self.unknown {
            Some(question) => question,
            None => Question::NO_REPLY,
        }
    }

    /// Whether a verdict says that it was done: the first of those that are asked for.
    pub(crate) fn says_done(&self, verdict: &str) -> bool {
        self.unknown.is_some_and(|it| it.verdicts.first() == Some(&verdict))
    }

    /// Whether it only reads.
    pub(crate) const fn is_look_up(&self) -> bool {
        matches!(self.class, Retry::Lookup)
    }
}
