//! The verbs' form, and that of their answers, on both sides of either boundary.

use std::any::Any;

use rulebound::ffi::CallError;
use rulebound::json::write;

use crate::memo::Memo;
use crate::raw::Call;

/// The most arguments that a verb takes.
pub(crate) const MOST: usize = 8;

/// A function of the module: text to text.
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    /// Answers; nothing where `ffi::call` is to explain what is wrong.
    pub(crate) serve: fn(&Call<'_>, &mut Memo) -> Option<Answer>,
}

/// What a verb answers: a text, and beside it four numbers.
pub(crate) struct Answer {
    pub(crate) kind: Kind,
    /// The number of a snapshot that was kept.
    pub(crate) number: u64,
    /// The place of its flow among `flows`.
    pub(crate) flow: usize,
    /// Its revision.
    pub(crate) revision: u64,
    /// JavaScript sees an empty one as `undefined`.
    pub(crate) text: String,
}

/// What an answer is; `lib/call.cjs` knows the same numbers.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// What was asked for.
    Done = 0,
    /// A command or a lease that is rejected.
    Rejected = 1,
    /// A step that changes nothing.
    Ignored = 2,
    /// An error as JSON; nothing where `ffi::call` is to explain it.
    Wrong = 3,
}

impl Answer {
    pub(crate) fn new(kind: Kind, text: String) -> Self {
        Self { kind, number: 0, flow: 0, revision: 0, text }
    }

    /// `ffi::call` is to explain what is wrong.
    pub(crate) fn unexplained() -> Self {
        Self::new(Kind::Wrong, String::new())
    }

    /// What is wrong, in the words of every language.
    pub(crate) fn wrong(problem: &CallError) -> Self {
        Self::new(Kind::Wrong, write(problem))
    }

    pub(crate) fn numbers(&self) -> [f64; NUMBERS] {
        [f64::from(self.kind as u8), self.number as f64, self.flow as f64, self.revision as f64]
    }
}

/// How many numbers an answer has beside its text.
pub(crate) const NUMBERS: usize = 4;

/// The message of a panic.
pub(crate) fn message(bug: &(dyn Any + Send)) -> &str {
    let text = bug.downcast_ref::<&str>().copied();
    text.or_else(|| bug.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}
