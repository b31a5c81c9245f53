//! What a customer enters for a card, on the page of any provider.

use crate::time::{Millis, date};

/// What a page says of a card that is over.
pub(crate) const EXPIRED: &str = "This card has expired. Try another card.";

/// A card as it was entered.
pub(crate) struct Entered {
    pub(crate) digits: String,
    pub(crate) month: i64,
    pub(crate) year: i64,
}

impl Entered {
    /// Reads a number, and the month and the year of the end. The error is for the customer.
    pub(crate) fn read(number: &str, expiry: &str) -> Result<Self, &'static str> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        if !(12..=19).contains(&digits.len()) {
            return Err("Enter the number on the card: 12 to 19 digits.");
        }
        let parts = expiry.split_once('/').and_then(|(month, year)| {
            let year: i64 = year.trim().parse().ok()?;
            Some((month.trim().parse::<i64>().ok()?, if year < 100 { year.saturating_add(2_000) } else { year }))
        });
        let (month, year) = parts
            .filter(|(month, year)| (1..=12).contains(month) && (2_000..=9_998).contains(year))
            .ok_or("Enter when the card expires: MM/YY.")?;
        Ok(Self { digits, month, year })
    }

    pub(crate) fn brand(&self) -> &'static str {
        if self.digits.starts_with('4') { "visa" } else { "mastercard" }
    }

    pub(crate) fn last4(&self) -> String {
        self.digits.chars().skip(self.digits.len().saturating_sub(4)).collect()
    }
}

/// Whether a card that is valid through a month is over.
pub(crate) fn is_expired(year: i64, month: i64, now: Millis) -> bool {
    format!("{year:04}-{month:02}").as_str() < date(now).get(..7).unwrap_or_default()
}
