//! Billing periods: days, weeks, months and years from an anchor.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::Value;

use crate::time::Millis;

/// How often a price is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    unit: Unit,
    count: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Interval {
    /// Reads `recurring`. Flex's samples say `monthly` and `daily`; a third party says `month` and `day`.
    pub(super) fn read(recurring: &Value) -> Option<Self> {
        let unit = match recurring["interval"].as_str()? {
            "daily" | "day" => Unit::Day,
            "weekly" | "week" => Unit::Week,
            "monthly" | "month" => Unit::Month,
            "yearly" | "year" => Unit::Year,
            _ => return None,
        };
        let count = &recurring["interval_count"];
        let count = if count.is_null() { 1 } else { count.as_i64()? };
        (1..=1_000).contains(&count).then_some(Self { unit, count })
    }

    /// The interval for a person: `month`, or `2 weeks`.
    pub(super) fn words(self) -> String {
        let unit = match self.unit {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        };
        if self.count == 1 { unit.into() } else { format!("{} {unit}s", self.count) }
    }

    /// The end of the period with this number. Each counts from the anchor, so that a month's last day stays one.
    pub(super) fn after(self, anchor: Millis, periods: i64) -> Millis {
        let end = || {
            let count = self.count.saturating_mul(periods);
            let span = match self.unit {
                Unit::Day => Span::new().try_days(count),
                Unit::Week => Span::new().try_weeks(count),
                Unit::Month => Span::new().try_months(count),
                Unit::Year => Span::new().try_years(count),
            };
            let zoned = Timestamp::from_millisecond(anchor).ok()?.to_zoned(TimeZone::UTC);
            zoned.checked_add(span.ok()?).ok().map(|at| at.timestamp().as_millisecond())
        };
        end().unwrap_or(crate::time::LATEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{iso, parse};
    use serde_json::json;

    #[test]
    fn months_count_from_the_anchor() {
        let monthly = Interval::read(&json!({"interval": "monthly"})).unwrap();
        let anchor = parse("2026-01-31T10:00:00Z").unwrap();
        assert_eq!(iso(monthly.after(anchor, 1)), "2026-02-28T10:00:00Z");
        assert_eq!(iso(monthly.after(anchor, 2)), "2026-03-31T10:00:00Z");
        let weeks = Interval::read(&json!({"interval": "week", "interval_count": 2})).unwrap();
        assert_eq!(iso(weeks.after(anchor, 1)), "2026-02-14T10:00:00Z");
        assert_eq!((monthly.words(), weeks.words()), ("month".into(), "2 weeks".into()));
        assert_eq!(Interval::read(&json!({"interval": "fortnight"})), None);
        assert_eq!(Interval::read(&json!({"interval": "day", "interval_count": 0})), None);
    }
}
