//! What moves a flow: commands, and what replies and signals say once they are read.

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
    /// The host wishes.
    Command(F::Command),
    /// A reply proves the success of a request of ours, which is over.
    Succeeded {
        /// Its id.
        id: EffectId,
        /// What it did.
        call: Arc<F::Call>,
        /// What the reply says.
        event: F::Event,
    },
    /// A request was taken, and no document shows how its success looks: nothing moves, and it stays owed until its lookup
    /// shows or denies it.
    Accepted {
        /// Its id.
        id: EffectId,
        /// What it does.
        call: Arc<F::Call>,
    },
    /// A reply proves nothing, and still tells an id: the request stays owed.
    Hinted {
        /// Its id.
        id: EffectId,
        /// What it does.
        call: Arc<F::Call>,
        /// What can be learnt of it.
        event: F::Event,
    },
    /// Every sending of a request was refused: it is over. Of a lookup: there is no such thing.
    Refused {
        /// Its id.
        id: EffectId,
        /// What it did.
        call: Arc<F::Call>,
        /// The HTTP status of the refusal.
        status: u16,
        /// The provider's error code, as written.
        code: Option<String>,
        /// What the refusal says besides.
        event: Option<F::Event>,
    },
    /// One sending was refused while another may have come true: the request stays owed.
    RefusedOnce {
        /// Its id.
        id: EffectId,
        /// What it does.
        call: Arc<F::Call>,
        /// The HTTP status of the refusal.
        status: u16,
        /// The provider's error code, as written.
        code: Option<String>,
        /// What the refusal says besides.
        event: Option<F::Event>,
    },
    /// Nothing came of any sending, by no fault of the request: it stays owed, unless it has become moot.
    NotSent {
        /// Its id.
        id: EffectId,
        /// What it does.
        call: Arc<F::Call>,
    },
    /// The provider signals.
    Webhook(F::Event, Origin),
    /// The customer came back.
    Returned,
    /// A person answered a review.
    Reviewed {
        /// The review.
        review: F::Review,
        /// The provider's id, or the effect's, that it was about.
        about: String,
        /// The verdict.
        verdict: <F::Review as Reviews>::Verdict,
        /// The id that the verdict names.
        id: Option<String>,
    },
    /// The late reply to a request that was ended as not done proves its success: a person is told, whatever follows.
    AfterAll(AfterAll<F::Call>, F::Event),
    /// A person said what has become of a request, or gave it up: it is over.
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
        // Several questions may have one reason: about what becomes of requests of several kinds.
        let of_reason = F::Review::ALL.iter().copied().filter(|review| review.name() == reason);
        let has_verdict = |review: &F::Review| review.question().verdicts().any(|name| name == verdict.name());
        let review = of_reason.into_iter().find(has_verdict)?;
        let (verdict, id) = typed::<F::Review>(verdict);
        Some(Self::Reviewed { review, about, verdict: verdict?, id })
    }
}

/// Why a step ends without a next state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Stop {
    /// The state has nothing that the command could be done to, and the policy has softened the rule that says so.
    NotNow,
    /// A fact moves nothing.
    Ignored(IgnoredReason),
}

impl From<IgnoredReason> for Stop {
    fn from(because: IgnoredReason) -> Self {
        Self::Ignored(because)
    }
}

/// The answer to a request, as it came.
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
    /// What only the URL or a header says of it.
    pub topic: Option<&'a str>,
}

impl<'a> Webhook<'a> {
    /// A webhook of which only the body is known.
    pub const fn of(body: &'a [u8]) -> Self {
        Self { body, content_type: None, topic: None }
    }
}

/// What a good reply says.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reading<E> {
    /// Every member that proves the success is there.
    Done(E),
    /// One is missing or wrong.
    #[non_exhaustive]
    Missing {
        /// A JSON Pointer to it.
        pointer: &'static str,
        /// What can be learnt even so.
        hint: Option<E>,
    },
}

impl<E> Reading<E> {
    /// A member is missing or wrong, and nothing can be learnt.
    pub(crate) const fn missing(pointer: &'static str) -> Self {
        Self::Missing { pointer, hint: None }
    }

    /// The same, of another thing.
    pub(crate) fn map<T>(self, of: impl FnOnce(E) -> T) -> Reading<T> {
        match self {
            Self::Done(event) => Reading::Done(of(event)),
            Self::Missing { pointer, hint } => Reading::Missing { pointer, hint: hint.map(of) },
        }
    }

    /// What a reader made of the body, or that it is not the documented shape.
    pub(crate) fn of(read: Result<E, &'static str>) -> Self {
        match read {
            Ok(event) => Self::Done(event),
            Err(pointer) => Self::missing(pointer),
        }
    }
}

/// How a provider words a refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Refusal<E> {
    /// The provider's error code.
    pub code: Option<String>,
    /// The provider's message.
    pub message: Option<String>,
    /// Our rule that predicts it.
    pub rule: Option<&'static Rule>,
    /// What it says besides, such as what the customer has to do.
    pub event: Option<E>,
    /// Whether what stands beside it says that something was done, or may be: it settles nothing then.
    pub undecided: bool,
}

impl<E> Refusal<E> {
    /// A refusal in the provider's words.
    pub(crate) const fn new(code: Option<String>, message: Option<String>) -> Self {
        Self { code, message, rule: None, event: None, undecided: false }
    }
}
