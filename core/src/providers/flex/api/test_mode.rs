//! Test mode: whether a message is about test or live data. The two never mix.

use serde::{Deserialize, Deserializer};

use crate::config::flex::Settings;
use crate::fact::IgnoredReason;
use crate::flow::Cx;
use crate::json::RawText;
use crate::providers::flex::Flex;
use crate::providers::flex::rules::Rule;

/// What a message, or the object in it, says of its mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum TestMode {
    /// Nothing: older formats have no such member.
    #[default]
    Absent,
    /// True in test mode, false in live mode.
    Is(bool),
    /// A value of another type, or two values that contradict each other.
    Invalid,
}

impl TestMode {
    /// The value, if it is valid.
    pub const fn value(self) -> Option<bool> {
        match self {
            Self::Is(test) => Some(test),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// Combines what a message says with what the object in it says.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Absent, it) | (it, Self::Absent) => it,
            (one, other) if one == other => one,
            _ => Self::Invalid,
        }
    }

    /// Whether the mode may be that of a snapshot: of the settings, or else of its first reply.
    pub(crate) fn is_in_mode(self, settings: &Settings, known: Option<bool>) -> bool {
        self.fits(settings.test_mode.or(known))
    }

    /// Whether the mode may equal another one. An unknown mode may equal everything.
    pub(crate) fn fits(self, mode: Option<bool>) -> bool {
        self == Self::Absent || mode.is_none() || self.value() == mode
    }

    /// Ignores a webhook of the other mode as unrelated.
    pub(crate) fn require_mode<F: Flex>(self, known: Option<bool>, cx: &mut Cx<'_, F>) -> Result<(), IgnoredReason> {
        let same = self.is_in_mode(cx.settings(), known);
        cx.check(Rule::WebhookModeMatch, same).at("/object");
        if same { Ok(()) } else { Err(IgnoredReason::Unrelated) }
    }
}

impl<'de> Deserialize<'de> for TestMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match RawText::deserialize(deserializer)?.get() {
            "null" => Self::Absent,
            "true" => Self::Is(true),
            "false" => Self::Is(false),
            _ => Self::Invalid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_body;

    fn read(text: &str) -> TestMode {
        #[derive(Deserialize)]
        struct Message {
            #[serde(default)]
            test_mode: TestMode,
        }
        read_body::<Message>(text.as_bytes()).unwrap_or_else(|| panic!("{text}")).test_mode
    }

    #[test]
    fn only_true_and_false_name_a_mode() {
        assert_eq!(read("{}"), TestMode::Absent);
        assert_eq!(read(r#"{"test_mode": null}"#), TestMode::Absent);
        assert_eq!(read(r#"{"test_mode": true}"#), TestMode::Is(true));
        assert_eq!(read(r#"{"test_mode": false}"#), TestMode::Is(false));
        for invalid in ["\"true\"", "\"false\"", "\"\"", "1", "0", "{}", "[]"] {
            assert_eq!(read(&alloc::format!("{{\"test_mode\": {invalid}}}")), TestMode::Invalid, "{invalid}");
        }
    }

    #[test]
    fn only_a_plain_value_matches_a_known_mode() {
        let (live, unset) = (Settings { test_mode: Some(false), ..Settings::default() }, Settings::default());
        for (mode, is_live) in [
            (TestMode::Absent, true),
            (TestMode::Is(false), true),
            (TestMode::Is(true), false),
            (TestMode::Invalid, false),
            (TestMode::Is(true).and(TestMode::Absent), false),
            (TestMode::Is(true).and(TestMode::Is(false)), false),
        ] {
            assert_eq!(mode.is_in_mode(&live, None), is_live, "{mode:?}");
            assert_eq!(mode.is_in_mode(&unset, Some(false)), is_live, "{mode:?}");
            // The settings name the mode of the API key, and take precedence over earlier replies.
            assert_eq!(mode.is_in_mode(&live, Some(true)), is_live, "{mode:?}");
            assert!(mode.is_in_mode(&unset, None), "{mode:?}");
        }
    }
}
