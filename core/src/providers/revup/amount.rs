//! The amounts of Revup: numbers on the wire, strings here, and never binary floating point.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::json::{decode, written};
use crate::money::{Cents, Money};
use crate::value::RawNumber;

/// The most digits that an amount of Revup can have.
const DIGITS: usize = 38;

/// An amount in the digits in which it was given, as a number or as a string. A rule decides whether Revup understands
/// the amount.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Amount(String);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = &*written(deserializer)?;
        match text.as_bytes().first() {
            // A number keeps the digits in which it was written. As a binary number, 111.99 would be another number.
            Some(b'-' | b'0'..=b'9') => Ok(Self(text.into())),
            Some(b'"') => decode(text).map(Self).map_err(de::Error::custom),
            _ => Err(de::Error::custom("expected an amount, as a number or as a string")),
        }
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Amount {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "RevupAmount".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An amount in the digits in which it is given, as a number or as a string.",
            "type": ["string", "number"]
        })
    }
}

impl Amount {
    /// Takes any text as an amount.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text of the amount.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, if the text is a plain decimal of at most 38 digits.
    pub(crate) fn decimal(&self) -> Option<Decimal> {
        Decimal::parse(&self.0)
    }

    /// The JSON number with exactly the digits of the text, if the text is a plain decimal.
    pub(crate) fn to_number(&self) -> Option<RawNumber> {
        self.decimal()?;
        RawNumber::parse(&self.0).ok()
    }
}

impl AsRef<str> for Amount {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T: Into<String>> From<T> for Amount {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// An exact decimal number: `units` times ten to the power of minus `places`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Decimal {
    units: i128,
    places: u32,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::try_from(self.places).unwrap_or_default();
        let sign = if self.units < 0 { "-" } else { "" };
        let width = places.saturating_add(1);
        let digits = alloc::format!("{:0>width$}", self.units.unsigned_abs());
        let (whole, fraction) = digits.split_at_checked(digits.len().saturating_sub(places)).unwrap_or((&digits, ""));
        write!(f, "{sign}{whole}")?;
        if fraction.is_empty() { Ok(()) } else { write!(f, ".{fraction}") }
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Decimal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Amount::deserialize(deserializer)?;
        text.decimal().ok_or_else(|| de::Error::custom("expected a plain decimal"))
    }
}

impl Decimal {
    /// The number zero.
    pub(crate) const ZERO: Self = Self { units: 0, places: 0 };

    /// Reads a JSON number without an exponent. The result is `None` for other text, and for more than 38 digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let has_point = digits.contains('.');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !is_digits(whole) || has_leading_zero || (has_point && !is_digits(fraction)) {
            return None;
        }
        if whole.len().saturating_add(fraction.len()) > DIGITS {
            return None;
        }
        let mut units: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            units = units.checked_mul(10)?.checked_add(i128::from(byte.checked_sub(b'0')?))?;
        }
        let places = u32::try_from(fraction.len()).ok()?;
        Some(Self { units: if is_negative { units.checked_neg()? } else { units }, places })
    }

    /// The same number without trailing zeros, so that equal numbers have equal fields.
    pub(crate) fn plain(self) -> Self {
        let Self { mut units, mut places } = self;
        while places > 0 && units.checked_rem(10) == Some(0) {
            (units, places) = (units.checked_div(10).unwrap_or(units), places.saturating_sub(1));
        }
        Self { units, places }
    }

    /// Whether both are the same number, however they are written.
    pub(crate) fn equals(self, other: Self) -> bool {
        self.plain() == other.plain()
    }

    /// The number of decimals.
    pub(crate) const fn places(self) -> u32 {
        self.places
    }

    /// Whether the number is below zero.
    pub(crate) const fn is_negative(self) -> bool {
        self.units < 0
    }

    /// Whether the number is zero.
    pub(crate) const fn is_zero(self) -> bool {
        self.units == 0
    }

    /// The sum, or `None` if it has too many digits.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        let (one, two, places) = self.aligned(other)?;
        Some(Self { units: one.checked_add(two)?, places }.plain())
    }

    /// The difference, or `None` if it has too many digits.
    pub(crate) fn minus(self, other: Self) -> Option<Self> {
        let (one, two, places) = self.aligned(other)?;
        Some(Self { units: one.checked_sub(two)?, places }.plain())
    }

    /// Whether this is at most the other number, or `None` if they have too many digits to be compared.
    pub(crate) fn at_most(self, other: Self) -> Option<bool> {
        let (one, two, _) = self.aligned(other)?;
        Some(one <= two)
    }

    /// The amount in the smallest unit of its currency, or `None` if it is not a whole number of them.
    pub(crate) fn in_smallest_unit(self, currency: Option<&str>) -> Option<Money> {
        let Self { units, places } = self.plain();
        let of_currency = currency.map_or(2, |it| places_of(&it.to_ascii_uppercase()));
        let scale = 10_i128.checked_pow(of_currency.checked_sub(places)?)?;
        let amount = i64::try_from(units.checked_mul(scale)?).ok()?;
        Some(Money { amount: Cents::new(amount), currency: currency.map(Into::into) })
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let places = self.places.max(other.places);
        let scaled = |it: Self| 10_i128.checked_pow(places.saturating_sub(it.places))?.checked_mul(it.units);
        Some((scaled(self)?, scaled(other)?, places))
    }
}

/// Reads an amount, as a number or as a string. Any other value gives `None`.
pub(crate) fn decimal_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    Ok(decode::<Amount>(&written(deserializer)?).ok().and_then(|it| it.decimal()))
}

/// The number of decimals of a currency. An unknown currency has two.
pub(crate) fn places_of(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::json::encode;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn an_amount_is_a_plain_decimal() {
        for text in ["", "-", ".5", "5.", "1e3", "+1", "01", "1,5", "1.2.3", " 1", "NaN"] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
        assert!(Decimal::parse(&"1".repeat(38)).is_some());
        assert!(Decimal::parse(&"1".repeat(39)).is_none());
        assert!(decimal("-1").is_negative());
        assert!(decimal("0.00").is_zero());
        assert_eq!(decimal("111.90").places(), 2);
    }

    #[test]
    fn tenths_add_up_exactly() {
        let sum = decimal("0.1").plus(decimal("0.2")).unwrap();
        assert_eq!(sum.at_most(decimal("0.3")), Some(true));
        assert_eq!(decimal("30.01").at_most(decimal("30")), Some(false));
        assert_eq!(decimal(&"9".repeat(38)).at_most(decimal("0.01")), None);
    }

    #[test]
    fn an_amount_is_shown_in_the_smallest_unit_of_its_currency() {
        let shown = |text: &str, currency| decimal(text).in_smallest_unit(currency).map(|it| it.amount.get());
        assert_eq!(
            (shown("9.98", Some("EUR")), shown("9.9", Some("eur")), shown("9", None)),
            (Some(998), Some(990), Some(900))
        );
        assert_eq!((shown("900", Some("JPY")), shown("1.5", Some("KWD"))), (Some(900), Some(1500)));
        assert_eq!((shown("9.5", Some("JPY")), shown("0.001", Some("EUR"))), (None, None));
    }

    #[test]
    fn equal_decimals_are_equal_and_are_written_as_they_are_read() {
        assert!(
            decimal("15.50").equals(decimal("15.5"))
                && decimal("20").equals(decimal("20.00"))
                && decimal("0.0").equals(Decimal::ZERO)
        );
        assert!(!decimal("15.51").equals(decimal("15.5")));
        for text in ["0", "0.05", "111.90", "-1.5", "12345678901234567890123456789012345678"] {
            assert_eq!(decimal(text).to_string(), text);
        }
        let left = decimal("30.00").minus(decimal("14.5")).unwrap();
        assert_eq!(left.to_string(), "15.5");
    }

    #[test]
    fn an_amount_is_read_from_a_number_or_a_string_with_its_digits() {
        let read = |json: &str| decode::<Amount>(json).map(|it| it.0);
        for (json, text) in
            [("111.99", "111.99"), ("111.90", "111.90"), ("\"0.10\"", "0.10"), ("-1", "-1"), ("1e2", "1e2")]
        {
            assert_eq!(read(json).unwrap(), text);
        }
        for json in ["true", "null", "[1]", "{}"] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_amount_keeps_its_digits_to_number() {
        let text = "12345678901234567890123456789012345678";
        assert_eq!(encode(&Amount::new(text).to_number().unwrap()), text);
        assert_eq!(encode(&Amount::new("0.10").to_number().unwrap()), "0.10");
        assert!(Amount::new("{}").to_number().is_none());
    }
}
