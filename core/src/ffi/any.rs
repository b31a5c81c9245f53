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
use crate::config::{Config, Context};
use crate::effect::{PendingEffect, Request, Wait};
use crate::fact::{Fact, FactError, Failure};
use crate::flow::{FacetTransition, Flow, Named};
use crate::id::{CorrelationId, EffectId, Key};
use crate::json::{Malformed, Verbatim, decode, decode_tagged, tag};
use crate::providers::{for_each_flow, named};
use crate::rule::{CoreRule, Level, Rule, RuleSet, Violation};
use crate::snapshot::{
    Fault, HandleError, Heading, Ignored, Lease, LoadError, ObserveError, Rejection, SaveError, Snapshot, Step,
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
    fn handle(&self, command: &str, cx: &Context) -> Result<AnyStep, AnyError>;
    /// See [`Snapshot::lease`].
    fn lease(&self, effect: &EffectId, cx: &Context) -> Result<AnyLease, AnyError>;
    /// See [`Snapshot::observe`].
    fn observe(&self, fact: Fact<'_>, cx: &Context) -> Result<AnyStep, AnyError>;
    /// See [`Snapshot::effects`].
    fn effects(&self, cx: &Context) -> Vec<PendingEffect>;
    /// See [`Snapshot::waiting_for`].
    fn waiting_for(&self, cx: &Context) -> Vec<Wait>;
    /// See [`Snapshot::actions`].
    fn actions(&self, cx: &Context) -> Vec<AnyAction>;
    /// See [`Snapshot::wake_at`].
    fn wake_at(&self, cx: &Context) -> Option<Timestamp>;
    /// See [`Snapshot::ids`].
    fn ids(&self) -> Vec<CorrelationId>;
}

impl fmt::Debug for dyn AnySnapshot + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.flow(), self.key(), self.revision())
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

/// What an accepted command or a fact leads to, in whichever flow.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Step"))]
#[non_exhaustive]
pub struct AnyStep {
    /// The next snapshot; of the same revision where nothing has changed.
    #[serde(serialize_with = "saved")]
    #[cfg_attr(feature = "schemas", schemars(with = "serde_json::Value"))]
    pub next: Box<dyn AnySnapshot>,
    /// Why nothing has changed.
    pub ignored: Option<Ignored>,
    /// The moves that the facets have made.
    pub transitions: Vec<FacetTransition>,
    /// Ids that are known from now on.
    pub new_ids: Vec<CorrelationId>,
    /// The provider's refusal that this fact brought.
    pub failure: Option<Failure>,
    /// Rules that are broken and only warned about.
    pub warnings: Vec<Violation>,
}

/// An effect that a worker holds alone until its lease ends, in whichever flow.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Lease"))]
#[non_exhaustive]
pub struct AnyLease {
    /// The next snapshot. Save it before you send the request.
    #[serde(serialize_with = "saved")]
    #[cfg_attr(feature = "schemas", schemars(with = "serde_json::Value"))]
    pub next: Box<dyn AnySnapshot>,
    /// The complete request, where the effect is one.
    pub request: Option<Request>,
    /// Rules that are broken and only warned about.
    pub warnings: Vec<Violation>,
}

/// An action of whichever flow, and what stands in its way.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Action"))]
#[non_exhaustive]
pub struct AnyAction {
    /// The action.
    pub action: &'static str,
    /// Whether it is allowed now.
    pub allowed: bool,
    /// The rules that it would break.
    pub violations: Vec<Violation>,
    /// What would be warned about.
    pub warnings: Vec<Violation>,
}

/// Why a call came to nothing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AnyError {
    /// The command is rejected: a normal answer.
    #[error(transparent)]
    Rejected(#[from] Rejection),
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

    fn handle(&self, command: &str, cx: &Context) -> Result<AnyStep, AnyError> {
        let command = read_command::<F>(command).map_err(|error| error.under("/command"))?;
        Ok(any(Self::handle(self, command, cx)?))
    }

    fn lease(&self, effect: &EffectId, cx: &Context) -> Result<AnyLease, AnyError> {
        let Lease { next, request, warnings } = Self::lease(self, effect, cx)?;
        Ok(AnyLease { next: Box::new(next), request, warnings })
    }

    fn observe(&self, fact: Fact<'_>, cx: &Context) -> Result<AnyStep, AnyError> {
        Ok(any(Self::observe(self, fact, cx)?))
    }

    fn effects(&self, cx: &Context) -> Vec<PendingEffect> {
        Self::effects(self, cx)
    }

    fn waiting_for(&self, cx: &Context) -> Vec<Wait> {
        Self::waiting_for(self, cx)
    }

    fn actions(&self, cx: &Context) -> Vec<AnyAction> {
        let actions = Self::actions(self, cx).into_iter();
        let any = actions.map(|it| AnyAction {
            action: it.action.name(),
            allowed: it.is_allowed(),
            violations: it.violations,
            warnings: it.warnings,
        });
        any.collect()
    }

    fn wake_at(&self, cx: &Context) -> Option<Timestamp> {
        Self::wake_at(self, cx)
    }

    fn ids(&self) -> Vec<CorrelationId> {
        self.ids()
    }
}

fn any<F: Flow + Send + Sync>(step: Step<F>) -> AnyStep
where
    F::Call: Send + Sync,
{
    let transitions = step.transitions();
    let Step { next, ignored, new_ids, failure, warnings, .. } = step;
    AnyStep { next: Box::new(next), ignored, transitions, new_ids, failure, warnings }
}

/// Reads a command of a flow from JSON: one of the provider's operations.
///
/// ```
/// use rulebound::{ffi::read_command, truemed::{PaymentToken, payment_token::Command}};
/// let command = read_command::<PaymentToken>(r#"{"type": "delete_payment_token"}"#).unwrap();
/// assert!(matches!(command, Command::DeletePaymentToken {}));
/// let wrong = read_command::<PaymentToken>(r#"{"type": "update_payment_token", "items": []}"#).unwrap_err();
/// assert_eq!(wrong.pointer, "/items");
/// ```
///
/// One that is longer than [`LARGEST_COMMAND`] is rejected, so that what it leads to can be saved and loaded again.
pub fn read_command<F: Flow>(text: &str) -> Result<F::Command, Malformed> {
    if text.len() > LARGEST_COMMAND {
        return Err(Malformed::new("", "is longer than 256 KiB"));
    }
    decode_tagged(tag(text)?, text)
}

/// Reads the id of an effect from JSON's text.
pub fn read_effect(text: &str) -> Result<EffectId, Malformed> {
    EffectId::parse(text).map_err(|_| Malformed::new("/effect", "is not the id of an effect"))
}

/// Reads a fact from JSON: an object with a `type`.
pub fn read_fact(text: &str) -> Result<Fact<'_>, Malformed> {
    decode_tagged(tag(text)?, text)
}

/// Reads the host's choices from JSON; an override that would have no effect is an error.
pub fn read_config(text: &str) -> Result<Config, Malformed> {
    decode(text).and_then(checked).map_err(|error| error.under("/config"))
}

/// A config whose every override has an effect.
pub(super) fn checked(config: Config) -> Result<Config, Malformed> {
    let idle = |(code, level): (&String, &Level)| match rule(code) {
        Some(rule) => idle(rule, *level).map(|why| (code.clone(), why)),
        None => Some((code.clone(), "is not the code of a rule: copy it from the catalogue")),
    };
    match config.overrides.iter().find_map(idle) {
        Some((code, why)) => Err(Malformed::new(format!("/overrides/{code}"), why)),
        None => Ok(config),
    }
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
