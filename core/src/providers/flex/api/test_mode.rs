//! Test mode: Flex says it of what it sends, and what is of one mode is never of the other.

use serde::{Deserialize, Deserializer};

use crate::config::flex::Settings;
use crate::fact::IgnoredReason;
use crate::flow::Cx;
use crate::json::RawText;
use crate::providers::flex::Flex;
use crate::providers::flex::rules::Rule;

/// What a message, or what it is about, says of its mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum TestMode {
    /// Nothing: the older shapes have no such member.
    #[default]
    Silent,
    /// Whether it is of test mode.
    Is(bool),
    /// Neither of the two: a value of another type, or two that contradict each other.
    Odd,
}

impl TestMode {
    /// Whether it is of test mode, where it says so plainly.
    pub const fn plain(self) -> Option<bool> {
        match self {
            Self::Is(test) => Some(test),
            Self::Silent | Self::Odd => None,
        }
    }

    /// What two say of one thing: a message, and what it is about.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Silent, it) | (it, Self::Silent) => it,
            (one, other) if one == other => one,
            _ => Self::Odd,
        }
    }

    /// Whether it may be of the mode of a row: the settings', or else the one that the row has seen first.
    pub(crate) fn is_of(self, settings: &Settings, seen: Option<bool>) -> bool {
        self.fits(settings.test_mode.or(seen))
    }

    /// Whether it may be of a mode. Where that is not known, everything may be.
    pub(crate) fn fits(self, mode: Option<bool>) -> bool {
        self == Self::Silent || mode.is_none() || self.plain() == mode
    }

    /// Lets a signal through that may be of the row's mode; one of the other is about something else.
    pub(crate) fn admit<F: Flex>(self, seen: Option<bool>, cx: &mut Cx<'_, F>) -> Result<(), IgnoredReason> {
        let same = self.is_of(cx.settings(), seen);
        cx.check(Rule::WebhookModeMatch, same).at("/object");
        if same { Ok(()) } else { Err(IgnoredReason::Unrelated) }
    }
}

impl<'de> Deserialize<'de> for TestMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match RawText::deserialize(deserializer)?.get() {
            "null" => Self::Silent,
            "true" => Self::Is(true),
            "false" => Self::Is(false),
            _ => Self::Odd,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_body;

    fn said(text: &str) -> TestMode {
        #[derive(Deserialize)]
        struct Seen {
            #[serde(default)]
            test_mode: TestMode,
        }
        read_body::<Seen>(text.as_bytes()).unwrap_or_else(|| panic!("{text}")).test_mode
    }

    #[test]
    fn only_true_and_false_name_a_mode() {
        assert_eq!(said("{}"), TestMode::Silent);
        assert_eq!(said(r#"{"test_mode": null}"#), TestMode::Silent);
        assert_eq!(said(r#"{"test_mode": true}"#), TestMode::Is(true));
        assert_eq!(said(r#"{"test_mode": false}"#), TestMode::Is(false));
        for odd in ["\"true\"", "\"false\"", "\"\"", "1", "0", "{}", "[]"] {
            assert_eq!(said(&alloc::format!("{{\"test_mode\": {odd}}}")), TestMode::Odd, "{odd}");
        }
    }

    #[test]
    fn what_is_not_plainly_of_the_known_mode_is_not_of_it() {
        let (live, unset) = (Settings { test_mode: Some(false), ..Settings::default() }, Settings::default());
        for (said, of_live) in [
            (TestMode::Silent, true),
            (TestMode::Is(false), true),
            (TestMode::Is(true), false),
            (TestMode::Odd, false),
            (TestMode::Is(true).and(TestMode::Silent), false),
            (TestMode::Is(true).and(TestMode::Is(false)), false),
        ] {
            assert_eq!(said.is_of(&live, None), of_live, "{said:?}");
            assert_eq!(said.is_of(&unset, Some(false)), of_live, "{said:?}");
            // The settings say which mode the key is of, whatever was seen.
            assert_eq!(said.is_of(&live, Some(true)), of_live, "{said:?}");
            assert!(said.is_of(&unset, None), "{said:?}");
        }
    }
}
