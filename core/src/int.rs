//! The limits of the integers that every language's JSON can represent.

use serde::{Deserialize, Deserializer, de};

/// The largest integer that every language's JSON represents exactly: 2^53 − 1.
pub(crate) const LARGEST: i64 = (1 << 53) - 1;

/// The number, or the nearest limit if it is beyond one.
pub(crate) const fn within(number: i64) -> i64 {
    if number > LARGEST {
        LARGEST
    } else if number < -LARGEST {
        -LARGEST
    } else {
        number
    }
}

/// Reads an integer within ±(2^53 − 1).
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = i64::deserialize(deserializer)?;
    if number.unsigned_abs() > LARGEST.unsigned_abs() {
        return Err(de::Error::custom("is an integer beyond 2^53 - 1, which not every language can read exactly"));
    }
    Ok(number)
}

/// Reads an integer within ±(2^53 − 1), or nothing.
pub(crate) fn whole_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] i64);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|it| it.0))
}
