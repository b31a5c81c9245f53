//! Reviews: what a flow asks a person, and the verdicts that the person chooses from.

use alloc::string::String;

use super::Named;
use crate::effect::Question;
use crate::fact;

/// The questions of a provider's flows; each is named after its reason.
pub trait Reviews: Named {
    /// Every verdict of every question.
    type Verdict: Named;

    /// What the person is asked, and the verdicts to choose from.
    fn question(self) -> &'static Question;

    /// The same question with some of its verdicts.
    fn only(self, verdicts: &'static [Self::Verdict]) -> Ask<Self> {
        Ask { review: self, only: Some(verdicts) }
    }
}

/// A question as it is asked: with all of its verdicts, or with some.
#[derive(Clone, Copy, Debug)]
pub struct Ask<R: Reviews> {
    pub(super) review: R,
    pub(super) only: Option<&'static [R::Verdict]>,
}

impl<R: Reviews> From<R> for Ask<R> {
    fn from(review: R) -> Self {
        Self { review, only: None }
    }
}

/// The verdict of a person on a request, as the flow names it, and the id that it names: no verdict if the request is given up.
#[allow(dead_code, reason = "the providers' questions are not typed yet")]
pub(crate) fn typed<R: Reviews>(verdict: fact::Verdict) -> (Option<R::Verdict>, Option<String>) {
    match verdict {
        fact::Verdict::Plain(name) => (R::Verdict::of_name(&name), None),
        fact::Verdict::About { verdict, id } => (R::Verdict::of_name(&verdict), Some(id)),
    }
}

/// Declares the questions of a provider's flows, with their verdicts: what a doc comment says is what the person reads.
#[allow(unused_macros, reason = "the providers' questions are not typed yet")]
macro_rules! reviews {
    (
        $(#[$meta:meta])* $vis:vis enum $review:ident;
        $(#[$verdict_meta:meta])* $verdict_vis:vis enum $verdict:ident { $($verdicts:tt)+ }
        $(
            $(#[doc = $text:literal])+
            $variant:ident = $reason:literal {
                $( $(#[doc = $label:literal])+ $choice:ident $(needs $kind:literal $is_id:expr)? ),+ $(,)?
            }
        )+
    ) => {
        $crate::flow::named! { $(#[$meta])* $vis enum $review { $( $(#[doc = $text])+ $variant = $reason ),+ } }
        $crate::flow::named! { $(#[$verdict_meta])* $verdict_vis enum $verdict { $($verdicts)+ } }

        impl $review {
            /// The question, for an operation that asks it when its outcome stays unknown.
            $vis const fn asked(self) -> &'static $crate::effect::Question {
                match self {
                    $(Self::$variant => const { &$crate::effect::Question {
                        reason: $reason,
                        text: concat!($($text),+).trim_ascii(),
                        choices: &[$($crate::effect::Choice {
                            verdict: $verdict::$choice.as_str(),
                            label: concat!($($label),+).trim_ascii(),
                            needs_id: $crate::flow::reviews!(@needs $($kind $is_id)?),
                        }),+],
                    } },)+
                }
            }
        }

        impl $crate::flow::Reviews for $review {
            type Verdict = $verdict;

            fn question(self) -> &'static $crate::effect::Question {
                self.asked()
            }
        }
    };
    (@needs) => { None };
    (@needs $kind:literal $is_id:expr) => { Some($crate::effect::NeedsId { kind: $kind, is_id: $is_id }) };
}
#[allow(unused_imports, reason = "the providers' questions are not typed yet")]
pub(crate) use reviews;

/// The questions of a flow that still names its reviews by strings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is none")]
pub enum Untyped {}

impl Named for Untyped {
    const ALL: &'static [Self] = &[];

    fn name(self) -> &'static str {
        match self {}
    }
}

impl Reviews for Untyped {
    type Verdict = Self;

    fn question(self) -> &'static Question {
        match self {}
    }
}
