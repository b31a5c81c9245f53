//! Decimal amounts: JSON numbers in the currency's major unit, kept as integers of its minor unit.

use serde_json::{Value, json};

/// How many decimals a currency has.
fn places(currency: &str) -> usize {
    match currency {
        "JPY" | "KRW" | "CLP" | "VND" | "ISK" => 0,
        "KWD" | "BHD" | "TND" | "OMR" | "JOD" => 3,
        _ => 2,
    }
}

/// Reads an amount that is not negative and has no more decimals than its currency.
pub(super) fn read(value: &Value, currency: &str) -> Option<i64> {
    let text = value.as_number()?.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let places = places(currency);
    if fraction.len() > places {
        return None;
    }
    let minor: i64 = format!("{whole}{fraction:0<places$}").parse().ok()?;
    (minor >= 0).then_some(minor)
}

/// The amount as a JSON number, without a float's error in between.
pub(super) fn amount(minor: i64, currency: &str) -> Value {
    let (whole, fraction) = digits(minor, currency);
    let fraction = fraction.trim_end_matches('0');
    let text = if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") };
    serde_json::from_str(&text).unwrap_or_default()
}

/// `{"amount", "currency"}`.
pub(super) fn money(minor: i64, currency: &str) -> Value {
    json!({"amount": amount(minor, currency), "currency": currency})
}

/// The amount for a person, with every decimal.
pub(super) fn shown(minor: i64, currency: &str) -> String {
    let (whole, fraction) = digits(minor, currency);
    if fraction.is_empty() { format!("{whole} {currency}") } else { format!("{whole}.{fraction} {currency}") }
}

/// The digits before the decimal point, and after it.
fn digits(minor: i64, currency: &str) -> (String, String) {
    let places = places(currency);
    let digits = format!("{minor:0>width$}", width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at_checked(digits.len().saturating_sub(places)).unwrap_or((&digits, ""));
    (whole.to_owned(), fraction.to_owned())
}

/// Three capital letters.
pub(super) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_sees_every_decimal() {
        let seen = [shown(1_550, "EUR"), shown(7, "EUR"), shown(500, "JPY"), shown(1_234, "KWD")];
        assert_eq!(seen, ["15.50 EUR", "0.07 EUR", "500 JPY", "1.234 KWD"]);
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (value, currency, minor) in [
            (json!(111.99), "EUR", Some(11_199)),
            (json!(15.5), "EUR", Some(1_550)),
            (json!(30), "EUR", Some(3_000)),
            (json!(0.07), "EUR", Some(7)),
            (json!(500), "JPY", Some(500)),
            (json!(1.234), "KWD", Some(1_234)),
            (json!(1.999), "EUR", None),
            (json!(-1), "EUR", None),
            (json!(1e300), "EUR", None),
            (json!("1"), "EUR", None),
        ] {
            assert_eq!(read(&value, currency), minor, "{value}");
            if let Some(minor) = minor {
                assert_eq!(amount(minor, currency), value);
            }
        }
    }
}
