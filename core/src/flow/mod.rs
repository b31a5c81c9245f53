//! Flows: what every lifecycle of a provider implements. Each state is a Rust type, so no engine interprets strings.

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
mod status;
mod text;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::hash::Hash;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::{Config, Context};
use crate::effect::{Call, Delivery, Wait};
use crate::fact::FactError;
use crate::id::TypedId;
use crate::json::{Malformed, listed};
use crate::rule::{RuleSet, Violation};
use crate::schema::Described;
use crate::time::Timestamp;

pub(crate) use cx::Decided;
pub(crate) use facet::moves;
pub use facet::{Facet, FacetState, FacetTransition, Facets, Move, Table};
pub(crate) use review::{reviews, typed};
pub(crate) use rules::Moment;
pub use status::{Cause, FacetStates, IntentReport, IntentState, Status};

// Only the kernel and the providers use the following. It is public because the methods of `Flow` name it.
#[doc(hidden)]
pub use self::{
    cx::{Cx, ToDo},
    input::{Input, Reading, Refusal, Reply, Stop, Webhook},
    intents::{IntentStatus, Intents, Outcome},
    outcome::AfterAll,
    poll_timer::PollTimer,
    review::{Ask, Reviews},
    rules::{Check, Pending, PendingRequest, Rules},
    text::Text,
};

pub(crate) mod sealed {
    #[expect(unnameable_types, reason = "only the library itself can name it, so only the library can add flows")]
    pub trait Sealed {}
}

/// A closed set of names: the actions, states or triggers of a flow.
pub trait Named: Copy + Eq + Hash + Debug + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The name on the wire.
    fn name(self) -> &'static str;

    /// What it means, in a sentence or two.
    fn about(self) -> &'static str;

    /// The value that has this name.
    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }
}

/// Declares an enum of names. The doc comment of each is published with it. Two facets that differ only in what they are
/// about can share an enum with a flag.
macro_rules! named {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident $(<const $flag:ident: bool>)? {
            $($(#[doc = $about:literal])* $variant:ident = $text:literal),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        $vis enum $name $(<const $flag: bool>)? { $($(#[doc = $about])* $variant),+ }

        impl $(<const $flag: bool>)? $name $(<$flag>)? {
            /// The name on the wire.
            #[allow(dead_code, reason = "not every set of names is used in constants")]
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl $(<const $flag: bool>)? AsRef<str> for $name $(<$flag>)? {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl $(<const $flag: bool>)? core::fmt::Display for $name $(<$flag>)? {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $(<const $flag: bool>)? $crate::flow::Named for $name $(<$flag>)? {
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn name(self) -> &'static str {
                self.as_str()
            }
            fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($about),*).trim_ascii()),+ }
            }
        }

        impl $(<const $flag: bool>)? serde::Serialize for $name $(<$flag>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::flow::Named::name(*self))
            }
        }
    };
}
pub(crate) use named;

/// Declares the states of a facet that a snapshot stores: an enum that is written and read by its names.
macro_rules! states {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident ($schema:literal) {
            $(#[doc = $first_about:literal])+ $first:ident = $first_text:literal
            $(, $(#[doc = $about:literal])+ $variant:ident = $text:literal)* $(,)?
        }
    ) => {
        $crate::flow::named! {
            $(#[$meta])*
            $vis enum $name {
                $(#[doc = $first_about])+ $first = $first_text,
                $($(#[doc = $about])+ $variant = $text),*
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$first
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::flow::read_name(deserializer)
            }
        }

        #[cfg(feature = "schemas")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> alloc::borrow::Cow<'static, str> {
                $schema.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::flow::schema_of_names::<Self>()
            }
        }
    };
}
pub(crate) use states;

/// Reads a value by its name.
pub(crate) fn read_name<'de, N: Named, D: Deserializer<'de>>(deserializer: D) -> Result<N, D::Error> {
    let text = crate::id::Text::deserialize(deserializer)?.0;
    let names = || listed(&N::ALL.iter().map(|it| it.name()).collect::<Vec<_>>());
    N::of_name(&text).ok_or_else(|| D::Error::custom(format_args!("is `{text}`: use one of {}", names())))
}

/// The schema of a closed set of names, each with what it means.
#[cfg(feature = "schemas")]
pub(crate) fn schema_of_names<N: Named>() -> schemars::Schema {
    let names = N::ALL.iter().map(|it| schemars::json_schema!({"const": it.name(), "description": it.about()}));
    schemars::json_schema!({"oneOf": names.collect::<Vec<_>>()})
}

/// One lifecycle of one provider, with its own snapshot.
///
/// A state has one facet or several, each with its own states and its own table of moves. One input can move several facets.
/// If one facet forbids something to another, that is a rule and not a row of a table. Only the library has flows: a host
/// names them as types, such as `Snapshot<F>` for any `F: Flow`.
pub trait Flow:
    sealed::Sealed + Clone + Eq + Hash + Debug + Default + Serialize + DeserializeOwned + Described + Send + Sync + 'static
{
    /// `provider.lifecycle`, such as `truemed.payment_token`.
    const ID: &'static str;
    /// The format in which its snapshots are saved: that of its state, and of the calls in its outbox.
    const FORMAT: u32;
    /// The older formats in which they are still read and written, the oldest first.
    const OLDER: &'static [u32] = &[];

    /// Its facets: the parts of its state, each with a table of the moves that it may make.
    type Facets: Facets<Trigger = Self::Trigger> + Send + Sync;
    /// What can move a facet.
    type Trigger: Named + Send + Sync;
    /// The unit that a button has: an operation, or one shape of it.
    type Action: Named + Send + Sync;
    /// What the host can command.
    type Command: Clone + Debug + DeserializeOwned + Described + Send + Sync;
    /// What a pending request does.
    type Call: Call<Settings = Self::Settings> + Send + Sync;
    /// The contents of a reply or a webhook.
    type Event: Debug;
    /// The questions for a person.
    type Review: Reviews;
    /// The provider's rules.
    type Rule: RuleSet;
    /// What its status has besides what every status has.
    type Status: Clone + PartialEq + Debug + Serialize + Described + Send + Sync;
    /// The provider's settings.
    type Settings: Clone
        + PartialEq
        + Default
        + Debug
        + Serialize
        + DeserializeOwned
        + Described
        + Send
        + Sync
        + 'static;

    /// The state of each facet.
    fn facets(&self) -> Self::Facets;

    /// The action that a command carries out.
    #[doc(hidden)]
    fn action_of(command: &Self::Command) -> Self::Action;

    /// The action that a pending request came from. Its rules must still hold when the request is leased.
    #[doc(hidden)]
    fn action_of_call(call: &Self::Call) -> Self::Action;

    /// Whether the same command is pending or done already, so that a repetition changes nothing.
    #[doc(hidden)]
    fn is_duplicate(&self, _command: &Self::Command) -> bool {
        false
    }

    /// Checks the rules on an action that depend on the state and the clock.
    ///
    /// The kernel asks for a command, and again when a worker leases a request that the command led to.
    #[doc(hidden)]
    fn permits(&self, action: Self::Action, rules: &mut Rules<'_, Self>);

    /// Checks the rules on an action that only a new command must keep, and that depend on the state or the clock.
    #[doc(hidden)]
    fn accepts(&self, _action: Self::Action, _rules: &mut Rules<'_, Self>) {}

    /// Checks the rules that depend on the contents of a new command.
    #[doc(hidden)]
    fn check(&self, _command: &Self::Command, _rules: &mut Rules<'_, Self>) {}

    /// Applies an input to the state, and names the trigger that it counts as in the tables.
    ///
    /// The kernel passes a command only if no rule rejects it.
    ///
    /// # Errors
    ///
    /// Why the step stops. The kernel then drops all that it changed.
    #[doc(hidden)]
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_, Self>) -> Result<Self::Trigger, Stop>;

    /// The settings of its provider.
    #[doc(hidden)]
    fn settings(config: &Config) -> &Self::Settings;

    /// What the provider or the customer must do.
    #[doc(hidden)]
    fn waits(&self, _context: &Context) -> Vec<Wait> {
        Vec::new()
    }

    /// What its status has besides what every status has.
    #[doc(hidden)]
    fn status(&self, view: &Rules<'_, Self>) -> Self::Status;

    /// The charges, captures and refunds that the host has named.
    #[doc(hidden)]
    fn intents(&self, _view: &Rules<'_, Self>) -> Vec<IntentReport<Self>> {
        Vec::new()
    }

    /// The reviews that keep the customer from a page.
    #[doc(hidden)]
    const WITHHOLD_PAGE: &'static [&'static str] = &[];

    /// Whether the reply to a pending request decides if the customer has a page to go to.
    #[doc(hidden)]
    fn decides_page(&self, _call: &Self::Call, _context: &Context) -> bool {
        false
    }

    /// Instants at which the allowed actions change by themselves.
    #[doc(hidden)]
    fn timers(&self, _context: &Context) -> Vec<Timestamp> {
        Vec::new()
    }

    /// What a pending delivery is for, as far as the state shows it.
    #[doc(hidden)]
    fn delivery(&self, _about: &TypedId) -> Delivery {
        Delivery::default()
    }

    /// The provider's ids by which a signal finds this flow.
    #[doc(hidden)]
    fn ids(&self) -> Vec<TypedId>;

    /// The ids that a webhook names, by which its flows are found.
    ///
    /// # Errors
    ///
    /// If it is not readable.
    #[doc(hidden)]
    fn ids_of_webhook(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError>;

    /// Reads a good reply, and finds out whether its members prove the success. Only the kernel decides what follows.
    #[doc(hidden)]
    fn read_reply(call: &Self::Call, reply: &Reply<'_>) -> Reading<Self::Event>;

    /// Reads a refusal; nothing if the body does not have the form of the provider's refusals.
    #[doc(hidden)]
    fn read_refusal(call: &Self::Call, reply: &Reply<'_>) -> Option<Refusal<Self::Event>>;

    /// Compares a good reply with the state, where only a new object proves the success.
    ///
    /// The result has the new object, or says that it is missing. `since` is when the request was first leased.
    #[doc(hidden)]
    fn compare_reply(&self, _call: &Self::Call, event: Self::Event, _since: Timestamp) -> Reading<Self::Event> {
        Reading::Done(event)
    }

    /// The provider's id of the object that a request made. If two replies name different ids, it was made twice.
    #[doc(hidden)]
    fn made(_event: &Self::Event) -> Option<TypedId> {
        None
    }

    /// Reads a webhook; nothing if it is not readable.
    #[doc(hidden)]
    fn read_webhook(webhook: &Webhook<'_>) -> Option<Self::Event>;

    /// Whether the provider's id is known to belong to a request that is over.
    #[doc(hidden)]
    fn is_of_another(&self, _id: &str) -> bool {
        false
    }

    /// Why no release can have saved this state, if none can.
    #[doc(hidden)]
    fn impossible(&self) -> Option<&'static str>;

    /// Why no release can have saved these pending effects beside this state, if none can.
    #[doc(hidden)]
    fn impossible_beside(&self, _pending: &Pending<'_, Self>) -> Option<&'static str> {
        None
    }

    /// Reads a state in an older format; nothing if there is no such format.
    #[doc(hidden)]
    fn upgrade(_format: u32, _state: &str) -> Option<Result<Self, Malformed>> {
        None
    }

    /// The JSON of the state in an older format, or what the format cannot express; nothing without such a format.
    #[doc(hidden)]
    fn downgrade(&self, _format: u32) -> Option<Result<String, &'static str>> {
        None
    }
}

/// An action, and the rules that block it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Action<F: Flow> {
    /// The action.
    pub action: F::Action,
    /// The rules that it would break.
    pub violations: Vec<Violation>,
    /// The rules that it would break with a warning.
    pub warnings: Vec<Violation>,
}

impl<F: Flow> Action<F> {
    /// Whether it is allowed now.
    pub const fn is_allowed(&self) -> bool {
        self.violations.is_empty()
    }
}
