//! Rules: what a provider's documents demand. Each has a frozen code, a statement, and the page that says so.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::id::EffectId;
use crate::time::Timestamp;

/// What happens to a command or a lease that breaks a rule. A broken rule only warns about a fact.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// The command is rejected, whatever the config says.
    Forbid,
    /// The command is rejected, unless the config softens this rule.
    Deny,
    /// The command is accepted with a warning.
    Warn,
}

/// How we know a rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Basis {
    /// A document of the provider states it.
    Documented,
    /// The provider's behavior shows it.
    Observed,
    /// It follows from the documents, but no document states it.
    Inferred,
}

/// What breaking a rule puts at risk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Guards {
    /// A request that the provider would refuse.
    Request,
    /// Money, access or a confirmed change. Only an override of the rule's own code softens it.
    Money,
}

/// How the library enforces a rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Enforcement {
    /// The library rejects or defers what breaks it, or warns about it.
    Enforced,
    /// The types or the tables make it impossible to break.
    ByConstruction,
    /// Only the host can enforce it. If possible, an effect asks the host to.
    ByHost,
    /// Nothing enforces it.
    LeftOut,
}

/// A page of a provider that a rule is read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Source {
    /// The page's address, without a scheme.
    pub page: &'static str,
    /// The heading of the section.
    pub section: &'static str,
    /// The day on which the page was read.
    pub read_on: &'static str,
}

impl Source {
    /// A section of a page, and the day on which it was read.
    pub const fn new(page: &'static str, section: &'static str, read_on: &'static str) -> Self {
        Self { page, section, read_on }
    }
}

/// One rule, as the catalogue publishes it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueRuleDeclared"))]
#[non_exhaustive]
pub struct Rule {
    /// `provider.topic.kebab-slug`. The code is frozen, and never used again once retired.
    pub code: &'static str,
    /// What must hold, in one or two sentences.
    pub statement: &'static str,
    /// What happens to a command that breaks it.
    pub level: Level,
    /// How we know it.
    pub basis: Basis,
    /// What breaking it puts at risk.
    pub guards: Guards,
    /// How the library enforces it.
    pub enforcement: Enforcement,
    /// Why the library enforces it in this way; empty if there is nothing to explain.
    pub rationale: &'static str,
    /// The pages that say so.
    pub sources: &'static [Source],
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Rule {}

/// The rules of one provider: an enum that `rules!` declares.
pub trait RuleSet: Copy + 'static {
    /// Every rule of the set, in the order of its declaration.
    const ALL: &'static [Self];

    /// The catalogue's entry for this rule.
    fn rule(self) -> &'static Rule;
}

/// Declares a provider's rules: the typed `Rule::X`, its documentation, its code and its catalogue entry.
macro_rules! rules {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident;
        $(
            $(#[doc = $statement:literal])+
            $variant:ident = $code:literal $level:ident $basis:ident $guards:ident $($enforcement:ident($rationale:literal))?
                [$($source:expr),* $(,)?];
        )+
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        $vis enum $name {
            $( #[doc = concat!($($statement),+, "\n\nCode: `", $code, "`.")] $variant, )+
        }

        impl $crate::rule::RuleSet for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn rule(self) -> &'static $crate::rule::Rule {
                match self {
                    $(
                        Self::$variant => const { &$crate::rule::Rule {
                            code: $code,
                            statement: concat!($($statement),+).trim_ascii(),
                            level: $crate::rule::Level::$level,
                            basis: $crate::rule::Basis::$basis,
                            guards: $crate::rule::Guards::$guards,
                            enforcement: rules!(@enforcement $($enforcement)?),
                            rationale: concat!($($rationale)?),
                            sources: &[$($source),*],
                        } },
                    )+
                }
            }
        }
    };
    (@enforcement) => { $crate::rule::Enforcement::Enforced };
    (@enforcement $enforcement:ident) => { $crate::rule::Enforcement::$enforcement };
}
pub(crate) use rules;

rules! {
    /// The library's own rules: when an effect can be leased, and what a command can carry.
    pub enum CoreRule;

    /// Only one worker at a time can lease an effect. The current lease must end first.
    Leased = "rulebound.effect.leased" Forbid Inferred Money [];
    /// A worker can only lease an effect that is pending.
    NotPending = "rulebound.effect.not-pending" Forbid Inferred Money [];
    /// An effect cannot be leased before the time that a 429, a lost reply or its schedule sets.
    NotBefore = "rulebound.effect.not-before" Forbid Inferred Request [];
    /// A request whose outcome is unknown cannot be sent again before a lookup or a review settles the outcome.
    OutcomeUnknown = "rulebound.effect.outcome-unknown" Forbid Inferred Money [];
    /// A flow can be started only once. Start a new flow for another one.
    AlreadyStarted = "rulebound.flow.already-started" Forbid Inferred Request [];
    /// This action is not possible in the current state.
    NotNow = "rulebound.action.not-now" Forbid Inferred Money [];
    /// The id must be one that this flow knows.
    UnknownId = "rulebound.id.unknown" Forbid Inferred Money [];
    /// This action looks something up. This flow has nothing that it can look up now.
    NothingKnown = "rulebound.lookup.nothing-known" Forbid Inferred Request [];
    /// A command must be sent to the flow that owns it.
    OtherFlow = "rulebound.flow.other-flow" Forbid Inferred Money [];
    /// A charge, a capture or a refund must carry an intent: your own name for it.
    IntentRequired = "rulebound.intent.required" Forbid Inferred Money [];
    /// An intent names one charge, capture or refund. Use a new intent for different content.
    OtherContent = "rulebound.intent.other-content" Forbid Inferred Money [];
    /// This action cannot start until an earlier action is settled.
    OneAtATime = "rulebound.intent.one-at-a-time" Forbid Inferred Money [];
    /// A snapshot can only hold so much. Some of its effects must be done first.
    Full = "rulebound.snapshot.full" Forbid Inferred Request [];
    /// `extra` can only contain fields that the library does not know or set itself.
    KnownField = "rulebound.extra.known-field" Forbid Inferred Request [];
}

/// What would unblock a rejected command.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnblockedBy {
    /// A signal of the provider.
    Signal {
        /// Its name, as `waiting_for` lists it.
        signal: &'static str,
    },
    /// An instant.
    Time {
        /// The instant.
        at: Timestamp,
    },
    /// The reply to a pending request.
    Reply {
        /// The request.
        effect: EffectId,
    },
    /// Another action, of this or of another flow.
    Action {
        /// The action, as `actions` lists it.
        action: &'static str,
        /// The flow that owns it, if it is another one.
        flow: Option<&'static str>,
    },
}

impl fmt::Display for UnblockedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal { signal } => write!(f, "the signal `{signal}`"),
            Self::Time { at } => write!(f, "{at}"),
            Self::Reply { effect } => write!(f, "the reply to `{effect}`"),
            Self::Action { action, flow: None } => write!(f, "the action `{action}`"),
            Self::Action { action, flow: Some(flow) } => write!(f, "the action `{action}` of `{flow}`"),
        }
    }
}

impl UnblockedBy {
    /// A signal of the provider.
    pub const fn signal(signal: &'static str) -> Self {
        Self::Signal { signal }
    }

    /// An instant.
    pub const fn time(at: Timestamp) -> Self {
        Self::Time { at }
    }

    /// The reply to a pending request.
    pub const fn reply(effect: EffectId) -> Self {
        Self::Reply { effect }
    }

    /// Another action of the same flow.
    pub const fn action(action: &'static str) -> Self {
        Self::Action { action, flow: None }
    }

    /// An action of another flow.
    pub const fn action_of(flow: &'static str, action: &'static str) -> Self {
        Self::Action { action, flow: Some(flow) }
    }
}

/// One broken rule.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Violation {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// The level of the rule: under the config in a rejection, and as declared in a warning. If a warning about a command has
    /// the level `deny`, the config has softened the rule.
    pub level: Level,
    /// A JSON Pointer into the command or the fact; empty for the whole of it.
    pub pointer: Cow<'static, str>,
    /// What would unblock the command; nothing if the command as written can never be accepted.
    pub unblocked_by: Option<UnblockedBy>,
    /// The actions that do the same in a way that is allowed.
    pub instead: &'static [&'static str],
    pub(crate) detail: Option<String>,
}

impl Violation {
    pub(crate) const fn new(rule: &'static Rule) -> Self {
        let (pointer, level) = (Cow::Borrowed(""), rule.level);
        Self { rule, level, pointer, unblocked_by: None, instead: &[], detail: None }
    }

    /// The rule's statement, with what broke it.
    pub fn message(&self) -> Cow<'static, str> {
        match &self.detail {
            None => Cow::Borrowed(self.rule.statement),
            Some(detail) => Cow::Owned(format!("{} {detail}", self.rule.statement)),
        }
    }
}

/// One broken rule.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Written<'a> {
    /// The code of the rule that is broken.
    #[cfg_attr(feature = "schemas", schemars(with = "crate::schema::Code"))]
    rule: &'static str,
    /// The level of the rule: under the config in a rejection, and as declared in a warning. If a warning about a command has
    /// the level `deny`, the config has softened the rule.
    level: Level,
    /// The rule's statement, with what broke it.
    message: Cow<'a, str>,
    /// A JSON Pointer into the command or the fact; empty for the whole of it.
    pointer: &'a str,
    /// What would unblock the command; `null` if the command as written can never be accepted.
    unblocked_by: Option<&'a UnblockedBy>,
    /// The actions that do the same in a way that is allowed.
    instead: &'a [&'static str],
    /// The page that says so.
    source: Option<&'static Source>,
}

/// The code, the message, where it is, what would unblock it, and the page that says so.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule.code, self.message())?;
        if !self.pointer.is_empty() {
            write!(f, " At `{}`.", self.pointer)?;
        }
        if let Some(unblocked_by) = &self.unblocked_by {
            write!(f, " Unblocked by {unblocked_by}.")?;
        }
        if !self.instead.is_empty() {
            write!(f, " Instead: `{}`.", self.instead.join("`, then `"))?;
        }
        match self.rule.sources.first() {
            Some(source) => write!(f, " See https://{}.", source.page),
            None => Ok(()),
        }
    }
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            rule: self.rule.code,
            level: self.level,
            message: self.message(),
            pointer: &self.pointer,
            unblocked_by: self.unblocked_by.as_ref(),
            instead: self.instead,
            source: self.rule.sources.first(),
        };
        written.serialize(serializer)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Violation {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Violation")
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}
