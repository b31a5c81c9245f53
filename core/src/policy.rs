//! What the host chooses: how strict to be, how long to wait, and where the provider is.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::rule::{Basis, Guards, Level, Rule};
use crate::time::{Millis, Timestamp};

/// How rules that no document states are held.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// As declared.
    #[default]
    Strict,
    /// Inferred rules that guard a request only warn. A rule that guards money stays as declared.
    Lenient,
}

/// The host's choices, as data.
///
/// ```
/// use rulebound::{Policy, time::Millis};
/// let policy: Policy = serde_json::from_str(r#"{"lease": 60000}"#).unwrap();
/// assert_eq!(policy.lease, Millis::from_minutes(1));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Policy {
    /// How inferred rules are held.
    pub mode: Mode,
    /// Levels by rule code. What an override lets through is reported as a warning.
    #[cfg_attr(feature = "schemas", schemars(with = "BTreeMap<crate::schema::Code, Level>"))]
    pub overrides: BTreeMap<String, Level>,
    /// How long a worker may have an obligation in hand; longer than its HTTP timeout, and at least 1 second. 5 minutes
    /// unless told.
    #[serde(deserialize_with = "a_second")]
    #[cfg_attr(feature = "schemas", schemars(extend("minimum" = 1000)))]
    pub lease: Millis,
    /// How long access outlasts the documented end of a period. 24 hours unless told.
    pub grace: Millis,
    /// How long a lost or rate-limited request rests at first, at least 1 second; the rest doubles each time, up to an
    /// hour. 30 seconds unless told.
    #[serde(deserialize_with = "a_second")]
    #[cfg_attr(feature = "schemas", schemars(extend("minimum" = 1000)))]
    pub backoff: Millis,
    /// When a wait is looked up.
    pub look_ups: LookUps,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Strict,
            overrides: BTreeMap::new(),
            lease: Millis::from_minutes(5),
            grace: Millis::from_hours(24),
            backoff: Millis::from_seconds(30),
            look_ups: LookUps::default(),
        }
    }
}

impl Policy {
    /// The level at which this policy holds a rule; what a rule forbids, no policy softens.
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

/// Reads a span in which something can be done: what is shorter than a second was meant in seconds.
fn a_second<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
    let span = Millis::deserialize(deserializer)?;
    match span < Millis::from_seconds(1) {
        true => Err(D::Error::custom("is shorter than 1 second: give milliseconds, such as 300000 for 5 minutes")),
        false => Ok(span),
    }
}

/// When a wait is looked up: offsets from its beginning, each list ascending.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LookUps {
    /// After the customer came back: 0 s, 10 s, 1 min and 10 min unless told.
    #[serde(deserialize_with = "ascending")]
    pub returned: Cow<'static, [Millis]>,
    /// Since the wait began: 24 h, 3 d and 7 d unless told, the last one not before 1 h. After the last one proves nothing,
    /// one review.
    #[serde(deserialize_with = "hours")]
    pub waiting: Cow<'static, [Millis]>,
}

/// How many look-ups a schedule may have.
const LONGEST_SCHEDULE: usize = 32;

fn ascending<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, [Millis]>, D::Error> {
    let offsets = Vec::<Millis>::deserialize(deserializer)?;
    match offsets.len() {
        0..=LONGEST_SCHEDULE if offsets.is_sorted() => Ok(offsets.into()),
        0..=LONGEST_SCHEDULE => Err(D::Error::custom("is not ascending")),
        _ => Err(D::Error::custom("holds more than 32 offsets")),
    }
}

/// Reads the schedule of a wait: one that is over within the hour was meant in seconds.
fn hours<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, [Millis]>, D::Error> {
    let offsets = ascending(deserializer)?;
    match offsets.last().is_some_and(|last| *last < Millis::from_hours(1)) {
        true => Err(D::Error::custom("ends before 1 hour: give milliseconds, such as 86400000 for a day")),
        false => Ok(offsets),
    }
}

impl Default for LookUps {
    fn default() -> Self {
        const RETURNED: &[Millis] =
            &[Millis::new(0), Millis::from_seconds(10), Millis::from_minutes(1), Millis::from_minutes(10)];
        const WAITING: &[Millis] = &[Millis::from_hours(24), Millis::from_hours(72), Millis::from_hours(168)];
        Self { returned: Cow::Borrowed(RETURNED), waiting: Cow::Borrowed(WAITING) }
    }
}

/// Everything that a decision depends on besides the snapshot: the time, the host's policy, the provider's settings.
///
/// `S` is the settings of the flow's provider, such as [`truemed::Settings`](crate::truemed::Settings).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Env<S> {
    /// The time of this call.
    pub now: Timestamp,
    /// The host's choices.
    pub policy: Policy,
    /// Where the provider is, and what the account can do.
    pub settings: S,
}

impl<S: Default> Env<S> {
    /// A time, with the default policy and settings.
    pub fn at(now: Timestamp) -> Self {
        Self { now, policy: Policy::default(), settings: S::default() }
    }
}

impl<S> Env<S> {
    /// A time, with a policy and settings.
    pub const fn new(now: Timestamp, policy: Policy, settings: S) -> Self {
        Self { now, policy, settings }
    }
}
