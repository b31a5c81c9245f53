//! The host's choices: how strict to be, how long to wait, and where each provider's server is.

pub mod flex;
pub mod revup;
pub mod truemed;
pub mod vend;

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::json::Malformed;
use crate::rule::{Basis, Enforcement, Guards, Level, Rule};
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
    /// How long access lasts after the documented end of a period: 0, or at least 1 second. 24 hours by default.
    #[serde(deserialize_with = "none_or_a_second")]
    #[cfg_attr(feature = "schemas", schemars(extend("not" = {"minimum": 1, "maximum": 999})))]
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
    /// Checks a config that the program has built. One that is read from JSON is checked already.
    ///
    /// `handle`, `lease` and `observe` do the same, and also check the overrides of their flow's rules.
    ///
    /// ```
    /// use rulebound::{Config, time::Millis};
    /// let wrong = Config::default().lease_ms(Millis::new(60)).check().unwrap_err();
    /// assert_eq!(wrong.pointer, "/lease_ms");
    /// ```
    ///
    /// # Errors
    ///
    /// The first member that is wrong, by its JSON Pointer, and what to write instead.
    pub fn check(&self) -> Result<(), Malformed> {
        let Lookups { after_return_ms, while_waiting_ms } = &self.lookups;
        let members = [
            ("/lease_ms", why_not_a_second(self.lease_ms)),
            ("/grace_ms", why_no_grace(self.grace_ms)),
            ("/backoff_ms", why_not_a_second(self.backoff_ms)),
            ("/lookups/after_return_ms", why_not_ascending(after_return_ms)),
            ("/lookups/while_waiting_ms", why_no_wait(while_waiting_ms)),
        ];
        match members.into_iter().find_map(|(pointer, wrong)| Some((pointer, wrong?))) {
            Some((pointer, reason)) => Err(Malformed::new(pointer, reason)),
            None => self.flex.check().map_err(|wrong| wrong.under("/flex")),
        }
    }

    /// Checks the overrides whose codes are meant: each must have an effect on the rule that `rule` finds.
    pub(crate) fn check_overrides(
        &self,
        is_meant: impl Fn(&str) -> bool,
        rule: impl Fn(&str) -> Option<&'static Rule>,
    ) -> Result<(), Malformed> {
        for (code, level) in self.overrides.iter().filter(|(code, _)| is_meant(code)) {
            let wrong = match rule(code) {
                Some(rule) => why_without_effect(rule, *level),
                None => Some("is not the code of a rule: copy it from the catalogue"),
            };
            if let Some(reason) = wrong {
                return Err(Malformed::new(format!("/overrides/{code}"), reason));
            }
        }
        Ok(())
    }

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

/// Why an override of a rule would have no effect; nothing if it has an effect.
fn why_without_effect(rule: &Rule, level: Level) -> Option<&'static str> {
    match rule.enforcement {
        Enforcement::ByConstruction => {
            Some("nothing can break this rule, so its level does not matter: remove the override")
        }
        Enforcement::ByHost => {
            Some("only the host can enforce this rule, so its level does not matter: remove the override")
        }
        Enforcement::LeftOut => Some("nothing enforces this rule, so its level does not matter: remove the override"),
        Enforcement::Enforced if rule.level == Level::Forbid => {
            Some("no config can change a rule whose level is `forbid`: remove the override")
        }
        Enforcement::Enforced if level == Level::Forbid => Some("an override cannot be `forbid`: use `deny` or `warn`"),
        Enforcement::Enforced => None,
    }
}

/// What is wrong with a value, if anything is.
type Wrong = Option<&'static str>;

/// A span must be at least a second. A shorter one was probably meant in seconds.
fn why_not_a_second(span: Millis) -> Wrong {
    let is_short = span < Millis::from_seconds(1);
    is_short.then_some("is shorter than 1 second: use milliseconds, such as 300000 for 5 minutes")
}

/// A grace period is 0 or at least a second.
fn why_no_grace(span: Millis) -> Wrong {
    let is_short = is_below_a_second(span);
    is_short.then_some("is shorter than 1 second: use milliseconds, such as 86400000 for a day, or 0")
}

/// The value, unless something is wrong with it.
fn sound<T, E: Error>(value: T, why: impl Fn(&T) -> Wrong) -> Result<T, E> {
    match why(&value) {
        Some(reason) => Err(E::custom(reason)),
        None => Ok(value),
    }
}

fn a_second<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
    sound(Millis::deserialize(deserializer)?, |span| why_not_a_second(*span))
}

fn none_or_a_second<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
    sound(Millis::deserialize(deserializer)?, |span| why_no_grace(*span))
}

/// Whether a span was probably meant in seconds or hours. None at all is meant.
fn is_below_a_second(span: Millis) -> bool {
    (1..1000).contains(&span.as_u64())
}

/// When the library looks up a wait: offsets in milliseconds, each array ascending, each offset 0 or at least 1 second.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Lookups {
    /// Offsets from the customer's return. 0 seconds, 10 seconds, 1 minute and 10 minutes by default.
    #[serde(deserialize_with = "ascending")]
    #[cfg_attr(feature = "schemas", schemars(extend("not" = {"contains": {"minimum": 1, "maximum": 999}})))]
    pub after_return_ms: Cow<'static, [Millis]>,
    /// Offsets from the beginning of the wait. 24 hours, 3 days and 7 days by default. The last one must be at least 1 hour,
    /// and after it a person is asked. It also says how often a subscription of Vend or Revup is looked up that nothing else
    /// would look up, because the webhook of its end can be lost.
    #[serde(deserialize_with = "hours")]
    #[cfg_attr(feature = "schemas", schemars(extend("not" = {"contains": {"minimum": 1, "maximum": 999}})))]
    pub while_waiting_ms: Cow<'static, [Millis]>,
}

/// How many lookups a schedule can have.
const LONGEST_SCHEDULE: usize = 32;

fn why_not_ascending(offsets: &[Millis]) -> Wrong {
    match offsets.len() {
        0..=LONGEST_SCHEDULE if offsets.iter().copied().any(is_below_a_second) => {
            Some("has an offset shorter than 1 second: use milliseconds, such as 60000 for a minute, or 0")
        }
        0..=LONGEST_SCHEDULE if offsets.is_sorted() => None,
        0..=LONGEST_SCHEDULE => Some("is not ascending: sort the offsets"),
        _ => Some("has more than 32 offsets: remove some"),
    }
}

/// The schedule of a wait must last an hour. One that ends within an hour was probably meant in seconds.
fn why_no_wait(offsets: &[Millis]) -> Wrong {
    let is_short = || offsets.last().is_some_and(|last| *last < Millis::from_hours(1));
    let short = || is_short().then_some("ends before 1 hour: use milliseconds, such as 86400000 for a day");
    why_not_ascending(offsets).or_else(short)
}

type Offsets = Cow<'static, [Millis]>;

fn ascending<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Offsets, D::Error> {
    sound(Vec::deserialize(deserializer)?.into(), |offsets: &Offsets| why_not_ascending(offsets))
}

fn hours<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Offsets, D::Error> {
    sound(Vec::deserialize(deserializer)?.into(), |offsets: &Offsets| why_no_wait(offsets))
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

/// Checks the time of a call, which a clock of seconds makes a thousand times too small.
pub(crate) fn check_now(now: Timestamp) -> Result<(), Malformed> {
    if !now.looks_like_seconds() {
        return Ok(());
    }
    let reason = format!("is {}, which looks like seconds since 1970: pass milliseconds", now.as_millis());
    Err(Malformed::new("/now", reason))
}
