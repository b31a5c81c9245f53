//! Reviews: the questions that a flow asks a person, and the verdicts that the person chooses from.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::Named;
use crate::effect::Question;
use crate::fact;

/// The questions of a provider's flows; each is named after its reason.
pub trait Reviews: Named {
    /// Every verdict of every question.
    type Verdict: Named;
    /// The question for a late reply that proves a request which had ended as not done.
    const DONE_AFTER_ALL: Option<Ask<Self>> = None;
    /// The question for a late reply that shows that a request was done twice.
    const DONE_TWICE: Option<Ask<Self>> = None;
    /// The question whether a delivery that was taken back must still be carried out. Its `done` answers it.
    const UNDELIVERED: Option<Self> = None;

    /// The question, and the verdicts to choose from.
    fn question(self) -> &'static Question;

    /// The same question with some of its verdicts.
    fn only(self, verdicts: &'static [Self::Verdict]) -> Ask<Self> {
        Ask::of_some(self, verdicts)
    }
}

/// A question with all of its verdicts, or with some.
#[derive(Clone, Copy, Debug)]
pub struct Ask<R: Reviews> {
    pub(super) review: R,
    only: Option<&'static [R::Verdict]>,
}

impl<R: Reviews> Ask<R> {
    /// The question with all of its verdicts.
    pub(crate) const fn of(review: R) -> Self {
        Self { review, only: None }
    }

    /// The question with some of its verdicts.
    pub(crate) const fn of_some(review: R, only: &'static [R::Verdict]) -> Self {
        Self { review, only: Some(only) }
    }

    /// The question.
    pub(crate) const fn review(self) -> R {
        self.review
    }

    /// The verdicts that the outbox must store; none if the reason alone determines them.
    pub(super) fn stored(self) -> Vec<Cow<'static, str>> {
        let only = match self.only {
            None if R::of_name(self.review.name()) == Some(self.review) => &[],
            None => return self.review.question().verdicts().map(Cow::Borrowed).collect(),
            Some(only) => only,
        };
        only.iter().map(|verdict| Cow::Borrowed(verdict.name())).collect()
    }
}

impl<R: Reviews> From<R> for Ask<R> {
    fn from(review: R) -> Self {
        Self::of(review)
    }
}

/// A person's verdict as one of the flow's, and the id that it names; no verdict if the flow has none of this name.
pub(crate) fn typed<R: Reviews>(verdict: fact::Verdict) -> (Option<R::Verdict>, Option<String>) {
    match verdict {
        fact::Verdict::Plain(name) => (R::Verdict::of_name(&name), None),
        fact::Verdict::About { verdict, id } => (R::Verdict::of_name(&verdict), Some(id)),
    }
}

/// Declares the questions of a provider's flows, with their verdicts. The person reads the doc comments.
macro_rules! reviews {
    (
        $(#[$meta:meta])* $vis:vis enum $review:ident $({
            done_after_all: $after_all:ident [$($verdict_after_all:ident),+],
            done_twice: $twice:ident,
        })? $({ undelivered: $undelivered:ident })?;
        $(#[$verdict_meta:meta])* $verdict_vis:vis enum $verdict:ident { $($verdicts:tt)+ }
        $(
            $(#[doc = $text:literal])+
            $variant:ident = $reason:literal {
                $( $(#[doc = $label:literal])+ $choice:ident $($names:ident $kind:literal $is_id:expr)? ),+ $(,)?
            }
        )+
    ) => {
        $crate::flow::named! { $(#[$meta])* $vis enum $review { $( $(#[doc = $text])+ $variant = $reason ),+ } }
        $crate::flow::named! { $(#[$verdict_meta])* $verdict_vis enum $verdict { $($verdicts)+ } }

        impl $review {
            /// The question that an operation asks when its outcome stays unknown.
            $vis const fn as_question(self) -> &'static $crate::effect::Question {
                match self {
                    $(Self::$variant => const { &$crate::effect::Question {
                        reason: $reason,
                        text: concat!($($text),+).trim_ascii(),
                        choices: &[$($crate::effect::Choice {
                            verdict: $verdict::$choice.as_str(),
                            label: concat!($($label),+).trim_ascii(),
                            named: $crate::flow::reviews!(@names $($names $kind $is_id)?),
                        }),+],
                    } },)+
                }
            }
        }

        impl $crate::flow::Reviews for $review {
            type Verdict = $verdict;
            $(
                const DONE_AFTER_ALL: Option<$crate::flow::Ask<Self>> =
                    Some($crate::flow::Ask::of_some(Self::$after_all, &[$($verdict::$verdict_after_all),+]));
                const DONE_TWICE: Option<$crate::flow::Ask<Self>> = Some($crate::flow::Ask::of(Self::$twice));
            )?
            $(const UNDELIVERED: Option<Self> = Some(Self::$undelivered);)?

            fn question(self) -> &'static $crate::effect::Question {
                self.as_question()
            }
        }
    };
    (@names) => { None };
    (@names needs $kind:literal $is_id:expr) => {
        Some($crate::effect::NamedId { kind: $kind, is_id: $is_id, is_required: true })
    };
    (@names may_name $kind:literal $is_id:expr) => {
        Some($crate::effect::NamedId { kind: $kind, is_id: $is_id, is_required: false })
    };
}
pub(crate) use reviews;
