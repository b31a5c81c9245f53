//! Instants and spans, in whole milliseconds. The library has no clock, so the host passes the time to every call.

use core::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::int::{LARGEST, within};

/// The longest that a provider can ask us to wait.
const LONGEST_REST: Millis = Millis::from_hours(168);

/// The time from the beginning of a day in UTC to its end at UTC−12.
const END_OF_DAY: Millis = Millis::from_hours(36);

/// The number from which an instant counts as milliseconds: the year 5138 in seconds, and 1973 in milliseconds.
const MILLISECONDS: u64 = 100_000_000_000;

/// An instant: integer milliseconds since the Unix epoch, within ±(2^53 − 1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(extend("minimum" = -LARGEST, "maximum" = LARGEST)))]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant a number of milliseconds after the Unix epoch, limited to the last instant.
    pub const fn from_millis(millis: i64) -> Self {
        Self(within(millis))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The instant a span after this one, limited to the last instant.
    #[must_use]
    pub const fn after(self, span: Millis) -> Self {
        Self(within(self.0.saturating_add_unsigned(span.0)))
    }

    /// The instant a span before this one, limited to the first instant.
    #[must_use]
    pub const fn before(self, span: Millis) -> Self {
        Self(within(self.0.saturating_sub_unsigned(span.0)))
    }

    /// Whether the number would be an instant from 2001 to 5138 if it counted seconds.
    pub const fn looks_like_seconds(self) -> bool {
        self.0 >= 1_000_000_000 && self.0.unsigned_abs() < MILLISECONDS
    }

    /// Whether the number is beyond the year 5138, and would be an instant before it if it counted microseconds.
    pub const fn looks_like_microseconds(self) -> bool {
        self.0.unsigned_abs() >= MILLISECONDS * 1000
    }

    /// Whether this instant of expiry has been reached. At the instant itself, it has.
    pub fn is_over(self, now: Self) -> bool {
        now >= self
    }

    /// Reads ISO 8601: an instant with an offset, or a date, which means the start of that day in UTC.
    pub fn parse_iso(text: &str) -> Option<Self> {
        if let Some(instant) = Self::parse_instant(text) {
            return Some(instant);
        }
        let start = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0))).ok()?;
        Some(Self(TimeZone::UTC.to_timestamp(start).ok()?.as_millisecond()))
    }

    /// Reads an ISO 8601 instant with an offset. A date, or a time without an offset, is none.
    pub fn parse_instant(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|it| Self(it.as_millisecond()))
    }

    /// Reads the ISO 8601 of an expiry: an instant with an offset, or a date. A date means the end of that day.
    ///
    /// A day ends last at UTC−12, west of every place in the USA. So the last day does not end early for a customer in
    /// Hawaii. If the provider's day ends before, the provider refuses the request itself.
    pub fn parse_iso_end(text: &str) -> Option<Self> {
        let instant = Self::parse_iso(text)?;
        // A date without a time has none of these characters.
        let is_date = !text.contains(['T', 't', ' ']);
        Some(if is_date { instant.after(END_OF_DAY) } else { instant })
    }

    /// The end of a month, as [`Timestamp::parse_iso_end`] reads the end of a day.
    pub fn end_of_month(year: i16, month: i8) -> Option<Self> {
        let last = Date::new(year, month, 1).ok()?.last_of_month().at(0, 0, 0, 0);
        Some(Self(TimeZone::UTC.to_timestamp(last).ok()?.as_millisecond()).after(END_OF_DAY))
    }

    /// Reads seconds since the Unix epoch, as the documents have them.
    ///
    /// A number from the year 5138 on gives nothing, because it probably counts milliseconds.
    pub fn from_documented_seconds(seconds: u64) -> Option<Self> {
        (seconds < MILLISECONDS).then(|| Self::default().after(Millis::from_seconds(seconds)))
    }

    /// Reads a `Retry-After` header: seconds from `now`, or an HTTP date. The result is at most a week from `now`.
    pub fn parse_retry_after(text: &str, now: Self) -> Option<Self> {
        let instant = match text.trim().parse::<u64>() {
            Ok(seconds) => now.after(Millis::from_seconds(seconds)),
            Err(_) => Self::from_millis(jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp().as_millisecond()),
        };
        Some(instant.min(now.after(LONGEST_REST)))
    }
}

/// The time of the system, to the millisecond. A time before 1970 counts as 1970.
#[cfg(feature = "std")]
impl From<std::time::SystemTime> for Timestamp {
    fn from(time: std::time::SystemTime) -> Self {
        let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = i64::deserialize(deserializer)?;
        if millis.unsigned_abs() > LARGEST.unsigned_abs() {
            return Err(de::Error::custom("is beyond 2^53 - 1 milliseconds from the epoch"));
        }
        Ok(Self(millis))
    }
}

/// A span of time in whole milliseconds, up to 2^53 − 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(extend("maximum" = LARGEST)))]
#[serde(transparent)]
pub struct Millis(#[serde(deserialize_with = "span")] u64);

impl Millis {
    /// A number of milliseconds.
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// A number of seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// A number of minutes.
    pub const fn from_minutes(minutes: u64) -> Self {
        Self::from_seconds(minutes.saturating_mul(60))
    }

    /// A number of hours.
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_minutes(hours.saturating_mul(60))
    }

    /// The number of milliseconds.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// A multiple of this span.
    #[must_use]
    pub const fn times(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }

    /// This span, doubled a number of times.
    #[must_use]
    pub const fn doubled(self, times: u32) -> Self {
        Self(self.0.saturating_mul(1_u64.wrapping_shl(if times > 16 { 16 } else { times })))
    }
}

/// Reads an integer from 0 to 2^53 − 1.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let millis = u64::deserialize(deserializer)?;
    if millis > LARGEST.unsigned_abs() {
        return Err(de::Error::custom("is longer than 2^53 - 1 milliseconds"));
    }
    Ok(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_start_of_its_day_in_utc() {
        assert_eq!(Timestamp::parse_iso("1970-01-02"), Some(Timestamp::from_millis(86_400_000)));
        assert_eq!(Timestamp::parse_iso("1970-01-02T01:00:00+01:00"), Some(Timestamp::from_millis(86_400_000)));
        assert_eq!(Timestamp::parse_iso("1970-01-02T00:00:00"), Some(Timestamp::from_millis(86_400_000)));
        assert_eq!(Timestamp::parse_iso("expires_at"), None);
    }

    #[test]
    fn an_expiry_on_a_date_is_the_end_of_that_day_everywhere() {
        let noon_after = Timestamp::parse_iso("2027-01-02T12:00:00Z");
        assert_eq!(Timestamp::parse_iso_end("2027-01-01"), noon_after);
        assert_eq!(Timestamp::parse_iso_end("20270101"), noon_after);
        for instant in ["2027-01-01T00:00:00Z", "2027-01-01T00:00:00.000-10:00", "2027-01-01 10:00:00"] {
            assert_eq!(Timestamp::parse_iso_end(instant), Timestamp::parse_iso(instant), "{instant}");
            assert!(Timestamp::parse_iso(instant).is_some(), "{instant}");
        }
        assert_eq!(Timestamp::parse_iso_end("soon"), None);
    }

    #[test]
    fn a_month_ends_with_its_last_day() {
        assert_eq!(Timestamp::end_of_month(2028, 2), Timestamp::parse_iso_end("2028-02-29"));
        assert_eq!(Timestamp::end_of_month(2027, 12), Timestamp::parse_iso_end("2027-12-31"));
        assert_eq!(Timestamp::end_of_month(2027, 13), None);
        assert_eq!(Timestamp::from_millis(5).before(Millis::new(7)), Timestamp::from_millis(-2));
    }

    #[test]
    fn milliseconds_are_not_read_as_seconds() {
        assert_eq!(Timestamp::from_documented_seconds(1_702_584_000), Some(Timestamp::from_millis(1_702_584_000_000)));
        assert_eq!(
            Timestamp::from_documented_seconds(99_999_999_999).map(|it| it.as_millis()),
            Some(99_999_999_999_000)
        );
        for millis in [100_000_000_000, 1_702_584_000_000, u64::MAX] {
            assert_eq!(Timestamp::from_documented_seconds(millis), None, "{millis}");
        }
    }

    #[test]
    fn a_time_in_seconds_is_distinguished_from_one_in_milliseconds() {
        for millis in [1_000_000_000, 1_700_000_000, 99_999_999_999] {
            assert!(Timestamp::from_millis(millis).looks_like_seconds(), "{millis}");
        }
        for millis in [0, 999_999_999, 100_000_000_000, 1_700_000_000_000, -1_700_000_000] {
            assert!(!Timestamp::from_millis(millis).looks_like_seconds(), "{millis}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_an_http_date() {
        let now = Timestamp::from_millis(5);
        assert_eq!(Timestamp::parse_retry_after("2", now), Some(Timestamp::from_millis(2_005)));
        let date = Timestamp::parse_retry_after("Fri, 02 Jan 1970 00:00:00 GMT", now);
        assert_eq!(date, Some(Timestamp::from_millis(86_400_000)));
        let week = Timestamp::from_millis(5 + 604_800_000);
        assert_eq!(Timestamp::parse_retry_after("18446744073709551615", now), Some(week));
        assert_eq!(Timestamp::parse_retry_after("soon", now), None);
    }

    #[test]
    fn an_instant_of_expiry_is_already_expired() {
        let at = Timestamp::from_millis(10);
        assert!(at.is_over(at));
        assert!(!at.is_over(Timestamp::from_millis(9)));
    }
}
