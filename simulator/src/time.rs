//! Virtual time: milliseconds since 1970, which the test owns.

use jiff::Timestamp;

/// A time or a span, in milliseconds.
pub type Millis = i64;

/// One second.
pub(crate) const SECOND: Millis = 1_000;
/// One minute.
pub(crate) const MINUTE: Millis = 60_000;
/// One hour.
pub(crate) const HOUR: Millis = 3_600_000;
/// One day of 24 hours.
pub(crate) const DAY: Millis = 86_400_000;
/// When a world's clock begins: 2026-01-01T00:00:00Z.
pub(crate) const EPOCH: Millis = 1_767_225_600_000;
/// The latest time that a clock can show: 9999-01-01T00:00:00Z.
pub(crate) const LATEST: Millis = 253_370_764_800_000;

/// The time in ISO 8601, such as `2026-01-01T00:00:00Z`.
pub(crate) fn iso(at: Millis) -> String {
    Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}

/// The date in ISO 8601, such as `2026-01-01`.
pub(crate) fn date(at: Millis) -> String {
    iso(at).chars().take(10).collect()
}

/// Whether a text is a date in ISO 8601.
pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// Reads ISO 8601 with an offset, or a date.
pub(crate) fn parse(text: &str) -> Option<Millis> {
    let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    full.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_in_iso_8601() {
        assert_eq!(iso(EPOCH), "2026-01-01T00:00:00Z");
        assert_eq!(parse("2026-01-01"), Some(EPOCH));
        assert_eq!(parse("2026-01-01T01:00:00+01:00"), Some(EPOCH));
        assert_eq!(parse("9999-01-01"), Some(LATEST));
        assert_eq!(parse("soon"), None);
        assert_eq!(["9999-12-31", "2026-02-30", "2026-2-3", "20260203T1"].map(is_date), [true, false, false, false]);
    }
}
