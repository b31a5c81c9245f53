//! Periods of the calendar: a month after January 31 is February 28.

use jiff::{Span, Timestamp, tz::TimeZone};

use crate::time::{LATEST, Millis};

/// A unit of billing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    /// The unit with this name.
    pub(crate) fn read(name: &str) -> Option<Self> {
        Some(match name {
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// The time after `count` units. Beyond the calendar, it is the latest time.
pub(crate) fn later(at: Millis, count: i64, unit: Unit) -> Millis {
    added(at, count, unit).unwrap_or(LATEST).clamp(at, LATEST)
}

fn added(at: Millis, count: i64, unit: Unit) -> Option<Millis> {
    let span = Span::new();
    let span = match unit {
        Unit::Day => span.try_days(count),
        Unit::Week => span.try_weeks(count),
        Unit::Month => span.try_months(count),
        Unit::Year => span.try_years(count),
    };
    let from = Timestamp::from_millisecond(at).ok()?.to_zoned(TimeZone::UTC);
    Some(from.checked_add(span.ok()?).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse;

    #[test]
    fn a_period_ends_on_the_same_day_or_on_the_last_of_a_shorter_month() {
        let at = |text: &str| parse(text).unwrap();
        assert_eq!(later(at("2026-01-31"), 1, Unit::Month), at("2026-02-28"));
        assert_eq!(later(at("2026-01-31"), 2, Unit::Month), at("2026-03-31"));
        assert_eq!(later(at("2024-02-29"), 1, Unit::Year), at("2025-02-28"));
        assert_eq!(later(at("2026-01-31"), 2, Unit::Week), at("2026-02-14"));
        assert_eq!(later(at("2026-01-31"), i64::MAX, Unit::Day), LATEST);
    }
}
