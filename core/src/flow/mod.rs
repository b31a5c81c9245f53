//! Flows: what every lifecycle of a provider implements. The state *is* the machine; there is no engine over strings.

mod cx;
mod delivery;
mod extra;
mod facet;
mod input;
mod intents;
mod outcome;
mod poll_timer;
mod review;
mod rules;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{Config, Context};
use crate::effect::{Call, Wait};
use crate::json::Malformed;
use crate::rule::{RuleSet, Violation};
use crate::schema::Described;
use crate::time::Timestamp;

pub use cx::Cx;
pub(crate) use cx::Decided;
pub(crate) use facet::moves;
pub use facet::{Facet, FacetTransition, Facets, Move, Table};
pub use input::{Input, Reading, Refusal, Reply, Stop, Webhook};
pub use intents::{IntentStatus, Intents, Outcome};
pub use outcome::AfterAll;
pub use poll_timer::PollTimer;
pub use review::{Ask, Reviews};
pub(crate) use review::{reviews, typed};
pub(crate) use rules::Moment;
pub use rules::{Check, PendingRequest, Rules};

pub(crate) mod sealed {
    #[expect(unnameable_types, reason = "that it cannot be named is what keeps flows the library's own")]
    pub trait Sealed {}
}

/// A closed list of names: the wishes, places or inputs of a flow.
pub trait Named: Copy + Eq + Hash + Debug + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The name on the wire.
    fn name(self) -> &'static str;

    /// The one of that name.
    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }
}

/// Declares an enum of names.
macro_rules! named {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        $vis enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// The name on the wire.
            #[allow(dead_code, reason = "not every list is used in constants")]
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl $crate::flow::Named for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn name(self) -> &'static str {
                self.as_str()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::flow::Named::name(*self))
            }
        }
    };
}
pub(crate) use named;

/// Declares the states of a facet that are stored: an enum of names, by which they are read as well.
macro_rules! states {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident ($schema:literal) { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }
    ) => {
        $crate::flow::named! {
            $(#[$meta])*
            #[derive(Default, serde::Deserialize)]
            #[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = $schema))]
            $vis enum $name { $($(#[$doc])* #[serde(rename = $text)] $variant = $text),+ }
        }
    };
}
pub(crate) use states;

/// One lifecycle of one provider, with its own snapshot.
///
/// A state has one facet or several, each with its own states and its own table of moves; an input may move several at once,
/// and what one facet forbids another is a rule, never a row.
pub trait Flow:
    sealed::Sealed + Clone + Eq + Hash + Debug + Default + Serialize + DeserializeOwned + Described + 'static
{
    /// `provider.lifecycle`, such as `truemed.payment_token`.
    const ID: &'static str;
    /// The format in which its snapshots are saved: that of its state, and of the calls in what it owes.
    const FORMAT: u32;
    /// The older formats in which they are still read and written, the oldest first.
    const OLDER: &'static [u32] = &[];

    /// Its facets: the parts of its state, each with a table of the moves that it may make.
    type Facets: Facets<Trigger = Self::Trigger>;
    /// What can move a facet.
    type Trigger: Named;
    /// The unit that a button has: an operation, or one shape of it.
    type Action: Named;
    /// What the host may wish, besides `begin`.
    type Command: Clone + Debug + DeserializeOwned + Described;
    /// What an owed request does.
    type Call: Call<Settings = Self::Settings>;
    /// What a reply or a signal says, once read.
    type Event: Debug;
    /// What a person may be asked.
    type Review: Reviews;
    /// The provider's rules.
    type Rule: RuleSet;
    /// The provider's settings.
    type Settings: Clone + PartialEq + Default + Debug + Serialize + DeserializeOwned + Described + 'static;

    /// The state of each facet.
    fn facets(&self) -> Self::Facets;

    /// The wish that a command expresses.
    fn action_of(command: &Self::Command) -> Self::Action;

    /// The wish that an owed request came from, whose guards must still hold when it is begun.
    fn action_of_call(call: &Self::Call) -> Self::Action;

    /// Whether the same wish is open or fulfilled already, so that asking again changes nothing.
    fn is_duplicate(&self, _command: &Self::Command) -> bool {
        false
    }

    /// What the state and the clock have to permit: for a command, and again when a request that came of it is leased.
    fn permits(&self, wish: Self::Action, rules: &mut Rules<'_, Self>);

    /// What they have to permit besides for a new command alone.
    fn accepts(&self, _wish: Self::Action, _rules: &mut Rules<'_, Self>) {}

    /// The rules that the contents of a new command decide.
    fn check(&self, _command: &Self::Command, _rules: &mut Rules<'_, Self>) {}

    /// What an input does to the state, a command only if no rule rejects it; and what it counts as in the tables. Of a step
    /// that stops nothing is kept.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_, Self>) -> Result<Self::Trigger, Stop>;

    /// The settings of its provider.
    fn settings(config: &Config) -> &Self::Settings;

    /// What others must do.
    fn waits(&self, context: &Context) -> Vec<Wait>;

    /// Instants at which what is offered changes by itself.
    fn timers(&self, _context: &Context) -> Vec<Timestamp> {
        Vec::new()
    }

    /// The ids of the provider that find this flow.
    fn ids(&self) -> Vec<&str>;

    /// Reads a good reply: whether the members are there that prove its success. The kernel alone decides what follows.
    fn read_reply(call: &Self::Call, reply: &Reply<'_>) -> Reading<Self::Event>;

    /// Reads a refusal; nothing if it is not worded as the provider words them.
    fn read_refusal(call: &Self::Call, reply: &Reply<'_>) -> Option<Refusal<Self::Event>>;

    /// Holds what a good reply shows against what is known already, where a new thing proves the success: which it is, or
    /// that it is missing. `since` is when the request was begun first.
    fn compare_reply(&self, _call: &Self::Call, event: Self::Event, _since: Timestamp) -> Reading<Self::Event> {
        Reading::Done(event)
    }

    /// The provider's id of what a request made, as its reply names it: another id means that it was made twice.
    fn made(_event: &Self::Event) -> Option<&str> {
        None
    }

    /// Reads a webhook; nothing if it cannot be read.
    fn read_webhook(webhook: &Webhook<'_>) -> Option<Self::Event>;

    /// Whether an id of the provider's is known as that of another request than those that are open.
    fn is_of_another(&self, _id: &str) -> bool {
        false
    }

    /// What is impossible about a state that was loaded.
    fn impossible(&self) -> Option<&'static str>;

    /// Reads a state in an older format; nothing if there is no such format.
    fn upgrade(_format: u32, _state: &str) -> Option<Result<Self, Malformed>> {
        None
    }

    /// The JSON of the state in an older format, or what that format cannot say; nothing if there is no such format.
    fn downgrade(&self, _format: u32) -> Option<Result<String, &'static str>> {
        None
    }
}

/// An action, and what stands in its way.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Action<F: Flow> {
    /// The action.
    pub action: F::Action,
    /// The rules that it would break.
    pub violations: Vec<Violation>,
    /// What would be warned about.
    pub warnings: Vec<Violation>,
}

impl<F: Flow> Action<F> {
    /// Whether it is allowed now.
    pub const fn is_allowed(&self) -> bool {
        self.violations.is_empty()
    }
}
