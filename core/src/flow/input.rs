//! What moves a flow: commands, and the contents of replies and webhooks.

use alloc::string::String;
use alloc::sync::Arc;

use super::{AfterAll, Flow, Named, Reviews, typed};
use crate::fact::{IgnoredReason, Origin, Verdict};
use crate::id::EffectId;
use crate::rule::Rule;

/// What goes into [`Flow::step`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<F: Flow> {
    /// The host commands.
    Command(F::Command),
    /// A reply proves the success of our request. The request is over.
    Succeeded {
        /// Its id.
        id: EffectId,
        /// What it did.
        call: Arc<F::Call>,
        /// The contents of the reply.
        event: F::Event,
    },
    /// The provider accepted a request, and no document shows what its success looks like.
    ///
    /// The request stays pending until a lookup confirms or denies it.
    Accepted {
        /// Its id.
        id: EffectId,
        /// What it does.
        call: Arc<F::Call>,
    },
    /// A reply proves nothing, but it names an id. The request stays pending.
    Hinted {
        /// Its id.
        id: EffectId,
        /// What it does.
        call: Arc<F::Call>,
        /// The contents of the reply.
        event: F::Event,
    },
    /// The provider refused every sending of a request. The request is over. For a lookup: the object does not exist.
    Refused {
        /// Its id.
        id: EffectId,
        /// What it did.
        call: Arc<F::Call>,
        /// The HTTP status of the refusal.
        status: u16,
        /// The provider's error code, as written.
        code: Option<String>,
        /// The other contents of the refusal.
        event: Option<F::Event>,
    },
    /// The provider refused one sending, and another may have succeeded. The request stays pending.
    RefusedOnce {
        /// Its id.
        id: EffectId,
        /// What it does.
        call: Arc<F::Call>,
        /// The HTTP status of the refusal.
        status: u16,
        /// The provider's error code, as written.
        code: Option<String>,
        /// The other contents of the refusal.
        event: Option<F::Event>,
    },
    /// No sending did anything, and the request is not at fault. The request stays pending unless the flow withdraws it.
    NotSent {
        /// Its id.
        id: EffectId,
        /// What it does.
        call: Arc<F::Call>,
    },
    /// The provider sent a webhook.
    Webhook(F::Event, Origin),
    /// The customer returned.
    Returned,
    /// A person answered a review.
    Reviewed {
        /// The review.
        review: F::Review,
        /// The provider's id, or the effect's, that the review was about.
        about: String,
        /// The verdict.
        verdict: <F::Review as Reviews>::Verdict,
        /// The id that the verdict names.
        id: Option<String>,
    },
    /// A late reply proves that a request succeeded which had ended as not done. The kernel has asked a person to look.
    AfterAll(AfterAll<F::Call>, F::Event),
    /// A person decided the outcome of a request, or gave the request up. The request is over.
    Resolved {
        /// Its id.
        id: EffectId,
        /// What it did.
        call: Arc<F::Call>,
        /// The verdict.
        verdict: Verdict,
    },
}

impl<F: Flow> Input<F> {
    /// A person's verdict on a review; nothing if there is no such question.
    pub(crate) fn reviewed(reason: &str, about: String, verdict: Verdict) -> Option<Self> {
        // Several questions can have the same reason: one for each kind of request whose outcome is unknown.
        let of_reason = F::Review::ALL.iter().copied().filter(|review| review.name() == reason);
        let has_verdict = |review: &F::Review| review.question().verdicts().any(|name| name == verdict.name());
        let review = of_reason.into_iter().find(has_verdict)?;
        let (verdict, id) = typed::<F::Review>(verdict);
        Some(Self::Reviewed { review, about, verdict: verdict?, id })
    }
}

/// Why a step leads to no next state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Stop {
    /// The state has nothing that the command could act on, and the config has softened the rule that says so.
    NotNow,
    /// A fact changes nothing.
    Ignored(IgnoredReason),
}

impl From<IgnoredReason> for Stop {
    fn from(reason: IgnoredReason) -> Self {
        Self::Ignored(reason)
    }
}

/// The reply to a request, as it came.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The raw body.
    pub body: &'a [u8],
}

/// A webhook, as it came.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Webhook<'a> {
    /// The raw body.
    pub body: &'a [u8],
    /// The content type.
    pub content_type: Option<&'a str>,
    /// What only the URL or a header says about it.
    pub topic: Option<&'a str>,
}

impl<'a> Webhook<'a> {
    /// A webhook with nothing but its body.
    pub const fn of(body: &'a [u8]) -> Self {
        Self { body, content_type: None, topic: None }
    }
}

/// What a good reply proves.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reading<E> {
    /// It has every member that proves the success.
    Done(E),
    /// A member is missing or wrong.
    #[non_exhaustive]
    Missing {
        /// A JSON Pointer to the member.
        pointer: &'static str,
        /// The contents that are of use without it.
        hint: Option<E>,
    },
}

impl<E> Reading<E> {
    /// A member is missing or wrong, and the rest is of no use.
    pub(crate) const fn missing(pointer: &'static str) -> Self {
        Self::Missing { pointer, hint: None }
    }

    /// The same reading with its contents converted.
    pub(crate) fn map<T>(self, convert: impl FnOnce(E) -> T) -> Reading<T> {
        match self {
            Self::Done(event) => Reading::Done(convert(event)),
            Self::Missing { pointer, hint } => Reading::Missing { pointer, hint: hint.map(convert) },
        }
    }

    /// What a reader made of the body: its contents, or a pointer to the member that is missing or wrong.
    pub(crate) fn of(contents: Result<E, &'static str>) -> Self {
        match contents {
            Ok(event) => Self::Done(event),
            Err(pointer) => Self::missing(pointer),
        }
    }
}

/// A refusal, in the provider's own words.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Refusal<E> {
    /// The provider's error code.
    pub code: Option<String>,
    /// The provider's message.
    pub message: Option<String>,
    /// Our rule that predicts the refusal.
    pub rule: Option<&'static Rule>,
    /// The other contents, such as what the customer must do.
    pub event: Option<E>,
    /// Whether the other contents say that something was done, or may have been. Then the refusal settles nothing.
    pub undecided: bool,
}

impl<E> Refusal<E> {
    /// A refusal with the provider's code and message.
    pub(crate) const fn new(code: Option<String>, message: Option<String>) -> Self {
        Self { code, message, rule: None, event: None, undecided: false }
    }
}
