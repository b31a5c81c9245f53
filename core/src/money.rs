//! Amounts of money as the providers write them: integers, and never binary floating-point numbers.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::int::{whole_called, within};

/// What an amount must be, as an error says it.
pub(crate) const IN_CENTS: &str = "a whole number of cents, such as 1550 for 15.50";

/// A whole number of cents, as a provider writes it, within ±(2^53 − 1).
///
/// It can have any sign. So a rule can reject an amount by name, such as a negative price.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(extend("minimum" = -crate::int::LARGEST, "maximum" = crate::int::LARGEST)))]
#[serde(transparent)]
pub struct Cents(i64);

impl Cents {
    /// 0 cents.
    pub const ZERO: Self = Self(0);

    /// A number of cents, limited to the largest amount.
    pub const fn new(cents: i64) -> Self {
        Self(within(cents))
    }

    /// The number of cents.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, limited to the largest amount.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(within(self.0.saturating_add(other.0)))
    }

    /// The difference, limited to the smallest amount.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(within(self.0.saturating_sub(other.0)))
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<i64> for Cents {
    fn from(cents: i64) -> Self {
        Self::new(cents)
    }
}

impl<'de> Deserialize<'de> for Cents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole_called(deserializer, IN_CENTS).map(Self)
    }
}

/// An amount with its currency.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Money {
    /// The amount in the smallest unit of its currency, such as cents.
    pub amount: Cents,
    /// The currency, as the provider or the host names it. `null` if neither names one.
    pub currency: Option<String>,
}

impl Money {
    /// An amount of a provider that names no currency.
    pub(crate) const fn unnamed(amount: Cents) -> Self {
        Self { amount, currency: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_whole_number_that_javascript_represents_exactly() {
        assert_eq!(serde_json::from_str::<Cents>("9007199254740991").unwrap(), Cents::new(crate::int::LARGEST));
        assert!(serde_json::from_str::<Cents>("9007199254740992").is_err());
        assert!(serde_json::from_str::<Cents>("15.5").is_err());
        assert!(serde_json::from_str::<Cents>("\"15\"").is_err());
    }
}
