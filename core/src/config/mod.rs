//! The host's choices: how strict to be, how long to wait, and where each provider's server is.

pub mod flex;
pub mod revup;
pub mod truemed;
pub mod vend;

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::rule::{Basis, Guards, Level, Rule};
use crate::time::{Millis, Timestamp};
use crate::value::setters;

/// How strict to be about rules that no document states.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// Every rule has its declared level.
    #[default]
    Strict,
    /// Inferred rules that guard a request only warn. Rules that guard money keep their declared level.
    Lenient,
}

/// The host's choices, and the settings of each provider, as data.
///
/// ```
/// use rulebound::{Config, time::Millis, vend};
/// let retailer = vend::Settings::of("marshmallow", vend::Host::Lightspeed);
/// let config = Config::default().lease_ms(Millis::from_minutes(1)).vend(retailer);
/// let text = r#"{"lease_ms": 60000, "vend": {"domain_prefix": "marshmallow"}}"#;
/// assert_eq!(rulebound::ffi::read_config(text), Ok(config));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// How strict to be about inferred rules.
    pub mode: Mode,
    /// Levels by rule code. If an override lets a command pass, the step has a warning.
    #[cfg_attr(feature = "schemas", schemars(with = "BTreeMap<crate::schema::Code, Level>"))]
    pub overrides: BTreeMap<String, Level>,
    /// How long a lease lasts: longer than the worker's HTTP timeout, and at least 1 second. 5 minutes by default.
    #[serde(deserialize_with = "a_second")]
    #[cfg_attr(feature = "schemas", schemars(extend("minimum" = 1000)))]
    pub lease_ms: Millis,
    /// How long access lasts after the documented end of a period. 24 hours by default.
    pub grace_ms: Millis,
    /// How long a lost or rate-limited request first rests, at least 1 second. The rest doubles each time, up to 1 hour.
    /// 30 seconds by default.
    #[serde(deserialize_with = "a_second")]
    #[cfg_attr(feature = "schemas", schemars(extend("minimum" = 1000)))]
    pub backoff_ms: Millis,
    /// When the library looks up a wait.
    pub lookups: Lookups,
    /// The settings of Truemed.
    pub truemed: truemed::Settings,
    /// The settings of Flex.
    pub flex: flex::Settings,
    /// The settings of Vend.
    pub vend: vend::Settings,
    /// The settings of Revup.
    pub revup: revup::Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Strict,
            overrides: BTreeMap::new(),
            lease_ms: Millis::from_minutes(5),
            grace_ms: Millis::from_hours(24),
            backoff_ms: Millis::from_seconds(30),
            lookups: Lookups::default(),
            truemed: truemed::Settings::default(),
            flex: flex::Settings::default(),
            vend: vend::Settings::default(),
            revup: revup::Settings::default(),
        }
    }
}

setters!(Config {
    mode: Mode,
    overrides: BTreeMap<String, Level>,
    lease_ms: Millis,
    grace_ms: Millis,
    backoff_ms: Millis,
    lookups: Lookups,
    truemed: truemed::Settings,
    flex: flex::Settings,
    vend: vend::Settings,
    revup: revup::Settings,
});

impl Config {
    /// The level of a rule under this config. No config changes a rule whose level is `forbid`.
    pub fn level(&self, rule: &Rule) -> Level {
        if rule.level == Level::Forbid {
            return Level::Forbid;
        }
        if let Some(level) = self.overrides.get(rule.code) {
            return *level;
        }
        match (self.mode, rule.basis, rule.guards) {
            (Mode::Lenient, Basis::Inferred, Guards::Request) => Level::Warn,
            _ => rule.level,
        }
    }
}

/// Reads a span of at least a second. A shorter one was probably meant in seconds.
fn a_second<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
    let span = Millis::deserialize(deserializer)?;
    match span < Millis::from_seconds(1) {
        true => Err(D::Error::custom("is shorter than 1 second: use milliseconds, such as 300000 for 5 minutes")),
        false => Ok(span),
    }
}

/// When the library looks up a wait: offsets in milliseconds, each array ascending.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Lookups {
    /// Offsets from the customer's return. 0 seconds, 10 seconds, 1 minute and 10 minutes by default.
    #[serde(deserialize_with = "ascending")]
    pub after_return_ms: Cow<'static, [Millis]>,
    /// Offsets from the beginning of the wait. 24 hours, 3 days and 7 days by default. The last one must be at least 1 hour,
    /// and after it a person is asked.
    #[serde(deserialize_with = "hours")]
    pub while_waiting_ms: Cow<'static, [Millis]>,
}

/// How many lookups a schedule can have.
const LONGEST_SCHEDULE: usize = 32;

fn ascending<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, [Millis]>, D::Error> {
    let offsets = Vec::<Millis>::deserialize(deserializer)?;
    match offsets.len() {
        0..=LONGEST_SCHEDULE if offsets.is_sorted() => Ok(offsets.into()),
        0..=LONGEST_SCHEDULE => Err(D::Error::custom("is not ascending: sort the offsets")),
        _ => Err(D::Error::custom("has more than 32 offsets: remove some")),
    }
}

/// Reads the schedule of a wait. One that ends within an hour was probably meant in seconds.
fn hours<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, [Millis]>, D::Error> {
    let offsets = ascending(deserializer)?;
    match offsets.last().is_some_and(|last| *last < Millis::from_hours(1)) {
        true => Err(D::Error::custom("ends before 1 hour: use milliseconds, such as 86400000 for a day")),
        false => Ok(offsets),
    }
}

impl Default for Lookups {
    fn default() -> Self {
        const RETURNED: &[Millis] =
            &[Millis::new(0), Millis::from_seconds(10), Millis::from_minutes(1), Millis::from_minutes(10)];
        const WAITING: &[Millis] = &[Millis::from_hours(24), Millis::from_hours(72), Millis::from_hours(168)];
        Self { after_return_ms: Cow::Borrowed(RETURNED), while_waiting_ms: Cow::Borrowed(WAITING) }
    }
}

setters!(Lookups { after_return_ms: Cow<'static, [Millis]>, while_waiting_ms: Cow<'static, [Millis]> });

/// Everything that a decision depends on besides the snapshot: the time, and the host's choices.
///
/// ```
/// use rulebound::{Context, time::Timestamp};
/// let context = Context::at(Timestamp::from_millis(1_700_000_000_000));
/// assert_eq!(context.config.lookups.while_waiting_ms.len(), 3);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Context {
    /// The time of this call.
    pub now: Timestamp,
    /// The host's choices.
    pub config: Arc<Config>,
}

impl Context {
    /// A time, and the host's choices.
    pub fn new(now: Timestamp, config: impl Into<Arc<Config>>) -> Self {
        Self { now, config: config.into() }
    }

    /// The time of the system, with the host's choices.
    #[cfg(feature = "std")]
    pub fn now(config: impl Into<Arc<Config>>) -> Self {
        Self::new(std::time::SystemTime::now().into(), config)
    }

    /// A time, with the default choices.
    pub fn at(now: Timestamp) -> Self {
        Self::new(now, Config::default())
    }
}
