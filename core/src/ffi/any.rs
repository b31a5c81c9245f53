//! A snapshot of whichever flow: what bindings hold, where the flow is known only at run time.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::catalogue::idle;
use crate::effect::{Awaited, Owed, Request};
use crate::fact::{Because, Fact, FactError, Failure};
use crate::flow::{Flow, Named};
use crate::id::{CorrelationId, EffectId, Key};
use crate::json::{Malformed, Verbatim, decode, decode_tagged, tag};
use crate::policy::{Env, Policy};
use crate::providers::{for_each_flow, named};
use crate::rule::{CoreRule, Level, Rule, RuleSet, Violation};
use crate::snapshot::{
    Command, Fault, HandleError, Heading, LoadError, Observation, ObserveError, Rejection, SaveError, Snapshot,
    Transition,
};
use crate::time::Timestamp;

/// The longest command that is read: 256 KiB.
pub const LARGEST_COMMAND: usize = 256 << 10;

/// A snapshot of whichever flow, whose commands, facts and settings are JSON.
pub trait AnySnapshot: Send + Sync {
    /// The id of its flow.
    fn flow(&self) -> &'static str;
    /// The host's name for it.
    fn key(&self) -> &Key;
    /// How often it has changed.
    fn revision(&self) -> u64;
    /// Its JSON.
    fn save(&self) -> String;
    /// Its JSON in an older format.
    fn save_as(&self, format: u32) -> Result<String, SaveError>;
    /// See [`Snapshot::handle`].
    fn handle(&self, command: &str, around: &Around<'_>) -> Result<AnyTransition, AnyError>;
    /// See [`Snapshot::observe`].
    fn observe(&self, fact: Fact<'_>, around: &Around<'_>) -> Result<AnyObservation, AnyError>;
    /// See [`Snapshot::owed`].
    fn owed(&self, around: &Around<'_>) -> Result<Vec<Owed>, AnyError>;
    /// See [`Snapshot::awaits`].
    fn awaits(&self, around: &Around<'_>) -> Result<Vec<Awaited>, AnyError>;
    /// See [`Snapshot::offers`].
    fn offers(&self, around: &Around<'_>) -> Result<Vec<AnyOffer>, AnyError>;
    /// See [`Snapshot::deadline`].
    fn deadline(&self, around: &Around<'_>) -> Result<Option<Timestamp>, AnyError>;
    /// See [`Snapshot::correlation_ids`].
    fn correlation_ids(&self) -> Vec<CorrelationId>;
}

impl fmt::Debug for dyn AnySnapshot + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.flow(), self.key(), self.revision())
    }
}

/// The circumstances of a call: what [`Env`] is, with the settings still as JSON.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Around<'a> {
    /// The time of the call.
    pub now: Timestamp,
    /// The host's choices; the default ones unless told.
    pub policy: Option<&'a Policy>,
    /// The settings of the flow's provider; its defaults unless told.
    pub settings: Option<&'a str>,
}

impl<'a> Around<'a> {
    /// A time, with a policy and settings.
    pub const fn new(now: Timestamp, policy: Option<&'a Policy>, settings: Option<&'a str>) -> Self {
        Self { now, policy, settings }
    }

    fn env<F: Flow>(&self) -> Result<Env<F::Settings>, Malformed> {
        let settings = match self.settings {
            None => F::Settings::default(),
            Some(text) => decode(text).map_err(|error| error.under("/settings"))?,
        };
        let policy = self.policy.cloned().unwrap_or_default();
        let idle = |(code, level): (&String, &Level)| match rule(code) {
            Some(rule) => idle(rule, *level).map(|why| (code.clone(), why)),
            None => Some((code.clone(), "is not the code of a rule: copy it from the catalogue")),
        };
        match policy.overrides.iter().find_map(idle) {
            Some((code, why)) => Err(Malformed::new(format!("/policy/overrides/{code}"), why)),
            None => Ok(Env::new(self.now, policy, settings)),
        }
    }
}

/// The rule of that code, which begins with whose rule it is.
fn rule(code: &str) -> Option<&'static Rule> {
    let of = code.split_once('.').map_or("", |(of, _)| of);
    match named(of) {
        Some(provider) => (provider.rules)().into_iter().find(|rule| rule.code == code),
        None => CoreRule::ALL.iter().map(|it| it.rule()).find(|rule| rule.code == code),
    }
}

/// What an accepted command or an applied fact leads to, in whichever flow.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Transition"))]
#[non_exhaustive]
pub struct AnyTransition {
    /// The next snapshot.
    #[serde(serialize_with = "saved")]
    #[cfg_attr(feature = "schemas", schemars(with = "serde_json::Value"))]
    pub next: Box<dyn AnySnapshot>,
    /// Whether it differs from the one before.
    pub changed: bool,
    /// The complete request that was begun.
    pub take: Option<Request>,
    /// Ids that are known from now on.
    pub learnt: Vec<CorrelationId>,
    /// The provider's refusal that this fact brought.
    pub failure: Option<Failure>,
    /// Rules that are broken and only warned about.
    pub warnings: Vec<Violation>,
}

/// What a fact leads to, in whichever flow.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the large variant is the common one")]
#[expect(clippy::exhaustive_enums, reason = "a fact moves the flow or does not: there is no third")]
pub enum AnyObservation {
    /// It moved the flow.
    Applied(AnyTransition),
    /// It moved nothing.
    #[non_exhaustive]
    Unmoved {
        /// Why.
        because: Because,
        /// What is odd about it.
        warnings: Vec<Violation>,
    },
}

/// What may be wished now, in whichever flow.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Offer"))]
#[non_exhaustive]
pub struct AnyOffer {
    /// The wish.
    pub wish: &'static str,
    /// Whether it is open.
    pub open: bool,
    /// The rules that it would break.
    pub violations: Vec<Violation>,
    /// What would be warned about.
    pub warnings: Vec<Violation>,
}

/// Why a call came to nothing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AnyError {
    /// The command is refused: a normal answer.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// JSON of ours is wrong.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A snapshot cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A snapshot cannot be written in that format.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The host built a fact wrong.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// A bug of the library's.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<HandleError> for AnyError {
    fn from(why: HandleError) -> Self {
        match why {
            HandleError::Rejected(rejection) => rejection.into(),
            HandleError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ObserveError> for AnyError {
    fn from(why: ObserveError) -> Self {
        match why {
            ObserveError::Fact(wrong) => wrong.into(),
            ObserveError::Fault(fault) => fault.into(),
        }
    }
}

#[expect(clippy::borrowed_box, reason = "serde hands over a reference to the field")]
fn saved<S: serde::Serializer>(next: &Box<dyn AnySnapshot>, serializer: S) -> Result<S::Ok, S::Error> {
    Verbatim(&next.save()).serialize(serializer)
}

impl<F> AnySnapshot for Snapshot<F>
where
    F: Flow + Send + Sync,
    F::Call: Send + Sync,
{
    fn flow(&self) -> &'static str {
        F::ID
    }

    fn key(&self) -> &Key {
        self.key()
    }

    fn revision(&self) -> u64 {
        self.revision()
    }

    fn save(&self) -> String {
        self.save()
    }

    fn save_as(&self, format: u32) -> Result<String, SaveError> {
        self.save_as(format)
    }

    fn handle(&self, command: &str, around: &Around<'_>) -> Result<AnyTransition, AnyError> {
        let env = around.env::<F>()?;
        let command = read_command::<F>(command).map_err(|error| error.under("/command"))?;
        Ok(any(self.revision(), Self::handle(self, command, &env)?))
    }

    fn observe(&self, fact: Fact<'_>, around: &Around<'_>) -> Result<AnyObservation, AnyError> {
        let env = around.env::<F>()?;
        Ok(match Self::observe(self, fact, &env)? {
            Observation::Applied(transition) => AnyObservation::Applied(any(self.revision(), transition)),
            Observation::Unmoved { because, warnings } => AnyObservation::Unmoved { because, warnings },
        })
    }

    fn owed(&self, around: &Around<'_>) -> Result<Vec<Owed>, AnyError> {
        Ok(Self::owed(self, &around.env::<F>()?))
    }

    fn awaits(&self, around: &Around<'_>) -> Result<Vec<Awaited>, AnyError> {
        Ok(Self::awaits(self, &around.env::<F>()?))
    }

    fn offers(&self, around: &Around<'_>) -> Result<Vec<AnyOffer>, AnyError> {
        let offers = Self::offers(self, &around.env::<F>()?).into_iter();
        let any = offers.map(|it| AnyOffer {
            wish: it.wish.name(),
            open: it.is_open(),
            violations: it.violations,
            warnings: it.warnings,
        });
        Ok(any.collect())
    }

    fn deadline(&self, around: &Around<'_>) -> Result<Option<Timestamp>, AnyError> {
        Ok(Self::deadline(self, &around.env::<F>()?))
    }

    fn correlation_ids(&self) -> Vec<CorrelationId> {
        self.correlation_ids()
    }
}

fn any<F: Flow + Send + Sync>(before: u64, transition: Transition<F>) -> AnyTransition
where
    F::Call: Send + Sync,
{
    let Transition { next, take, learnt, failure, warnings, .. } = transition;
    let changed = next.revision() != before;
    AnyTransition { next: Box::new(next), changed, take, learnt, failure, warnings }
}

/// The command that every flow has.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "AnyCommand", tag = "type"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Begin {
    /// Take an owed effect in hand; only its transition carries the complete request.
    Begin {
        /// The effect.
        effect: EffectId,
    },
}

/// Reads a command of a flow from JSON: `begin`, or one of the provider's operations.
///
/// ```
/// use rulebound::{Command, ffi::read_command, truemed::PaymentToken};
/// let command = read_command::<PaymentToken>(r#"{"type": "delete_payment_token"}"#).unwrap();
/// assert!(matches!(command, Command::Wish(_)));
/// let wrong = read_command::<PaymentToken>(r#"{"type": "update_payment_token", "items": []}"#).unwrap_err();
/// assert_eq!(wrong.field, "/items");
/// ```
///
/// One that is longer than [`LARGEST_COMMAND`] is refused, so that what it leads to can be saved and loaded again.
pub fn read_command<F: Flow>(text: &str) -> Result<Command<F>, Malformed> {
    if text.len() > LARGEST_COMMAND {
        return Err(Malformed::new("", "is longer than 256 KiB"));
    }
    let tag = tag(text)?;
    match tag.as_ref() {
        "begin" => decode_tagged(tag, text).map(|Begin::Begin { effect }| Command::Begin(effect)),
        _ => decode_tagged(tag, text).map(Command::Wish),
    }
}

/// Reads a fact from JSON: an object with a `type`.
pub fn read_fact(text: &str) -> Result<Fact<'_>, Malformed> {
    decode_tagged(tag(text)?, text)
}

/// Reads the host's choices from JSON.
pub fn read_policy(text: &str) -> Result<Policy, Malformed> {
    decode(text).map_err(|error| error.under("/policy"))
}

/// Reads the time of a call from JSON.
pub fn read_time(text: &str) -> Result<Timestamp, Malformed> {
    decode(text).map_err(|error| error.under("/now"))
}

/// A flow that has not begun, by the flow's id; nothing if there is no such flow.
pub fn start(flow: &str, key: Key) -> Option<Box<dyn AnySnapshot>> {
    macro_rules! start {
        ($provider:ident :: $flow:ident) => {
            if flow == <$crate::providers::$provider::$flow as Flow>::ID {
                return Some(Box::new(Snapshot::<$crate::providers::$provider::$flow>::start(key)));
            }
        };
    }
    for_each_flow!(start);
    None
}

/// Reads a snapshot of whichever flow.
pub fn load(json: &str) -> Result<Box<dyn AnySnapshot>, LoadError> {
    let heading = Heading::read(json)?;
    macro_rules! load {
        ($provider:ident :: $flow:ident) => {
            if heading.flow == <$crate::providers::$provider::$flow as Flow>::ID {
                return Ok(Box::new(Snapshot::<$crate::providers::$provider::$flow>::restore(&heading, json)?));
            }
        };
    }
    for_each_flow!(load);
    Err(LoadError::UnknownFlow(heading.flow.into_owned()))
}

/// The formats in which the snapshots of each flow are read and written, the newest last.
pub(super) fn formats() -> BTreeMap<&'static str, Vec<u32>> {
    let mut all = BTreeMap::new();
    macro_rules! formats {
        ($provider:ident :: $flow:ident) => {{
            type It = $crate::providers::$provider::$flow;
            all.insert(It::ID, It::OLDER.iter().copied().chain([It::FORMAT]).collect());
        }};
    }
    for_each_flow!(formats);
    all
}
