//! The limits of the integers that every language's JSON can represent.

use core::fmt;

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
    bounded(i64::deserialize(deserializer)?)
}

/// Reads an integer within ±(2^53 − 1). An error says what was expected in these words.
pub(crate) fn whole_called<'de, D: Deserializer<'de>>(deserializer: D, called: &'static str) -> Result<i64, D::Error> {
    struct Called(&'static str);
    impl de::Visitor<'_> for Called {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<i64, E> {
            bounded(number)
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<i64, E> {
            i64::try_from(number).map_or_else(|_| Err(beyond(number)), bounded)
        }
    }
    deserializer.deserialize_i64(Called(called))
}

fn bounded<E: de::Error>(number: i64) -> Result<i64, E> {
    if number.unsigned_abs() > LARGEST.unsigned_abs() {
        return Err(beyond(number));
    }
    Ok(number)
}

fn beyond<E: de::Error>(number: impl fmt::Display) -> E {
    E::custom(format_args!("is {number}, an integer beyond 2^53 - 1, which not every language can read exactly"))
}

/// Reads an integer within ±(2^53 − 1), or nothing.
pub(crate) fn whole_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] i64);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|it| it.0))
}
