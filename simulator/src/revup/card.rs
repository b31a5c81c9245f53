//! Test cards: each number says how its payments end.

use serde_json::{Value, json};

use crate::time::{Millis, parse};

/// How the payments of a card end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behavior {
    Pays,
    Declines,
    /// It pays on the form, and declines when the customer is absent.
    DeclinesLater,
    /// It pays on the form. Later the bank refuses it for good.
    HardDeclineLater,
    /// The bank asks the customer first.
    Challenge,
    /// The bank takes its time.
    Slow,
    /// The first acquirer refuses, the fallback accepts.
    Fallback,
    /// The first acquirer refuses, and so does the fallback.
    FallbackDeclines,
}

/// The numbers with a behavior of their own, and what a tester must know.
pub(super) const NUMBERS: &[(&str, Behavior, &str)] = &[
    ("4242424242424242", Behavior::Pays, "pays"),
    ("4000000000000002", Behavior::Declines, "is declined"),
    ("4000000000000341", Behavior::DeclinesLater, "is declined later"),
    ("4000000000009987", Behavior::HardDeclineLater, "is declined later, for good"),
    ("4000000000003220", Behavior::Challenge, "needs 3DS"),
    ("4000000000000077", Behavior::Slow, "stays in process for 10 minutes"),
    ("4000000000009995", Behavior::Fallback, "pays by the fallback"),
    ("4000000000009979", Behavior::FallbackDeclines, "is declined by the fallback too"),
];

#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) behavior: Behavior,
    pub(super) last4: String,
    pub(super) year: i64,
    pub(super) month: i64,
}

impl Card {
    /// Reads what a customer entered.
    pub(super) fn read(number: &str, expiry: &str, now: Millis) -> Result<Self, &'static str> {
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
        let behavior = NUMBERS.iter().find(|(known, ..)| *known == digits).map_or(Behavior::Pays, |it| it.1);
        let last4 = digits.chars().skip(digits.len().saturating_sub(4)).collect();
        let card = Self { behavior, last4, year, month };
        if card.expired(now) { Err("This card has expired. Try another card.") } else { Ok(card) }
    }

    fn expired(&self, now: Millis) -> bool {
        let (year, month) =
            if self.month == 12 { (self.year.saturating_add(1), 1) } else { (self.year, self.month.saturating_add(1)) };
        parse(&format!("{year:04}-{month:02}-01")).is_some_and(|end| end <= now)
    }

    /// How a payment ends: the status of each transaction, and whether it is the fallback's.
    pub(super) fn pay(&self, absent: bool, now: Millis) -> &'static [(&'static str, bool)] {
        match self.behavior {
            _ if self.expired(now) => &[("failed", false)],
            Behavior::Declines => &[("failed", false)],
            Behavior::DeclinesLater | Behavior::HardDeclineLater if absent => &[("failed", false)],
            Behavior::Challenge if !absent => &[("waiting_user_interaction", false)],
            Behavior::Slow => &[("in_process", false)],
            Behavior::FallbackDeclines => &[("failed", false), ("failed", true)],
            Behavior::Fallback => &[("failed", false), ("success", true)],
            _ => &[("success", false)],
        }
    }

    /// The card as a callback shows it.
    pub(super) fn shown(&self) -> Value {
        json!({
            "cardHolder": "Simulated Customer",
            "cardNumber": format!("*****{}", self.last4),
            "expireDate": {"year": self.year.to_string(), "month": format!("{:02}", self.month)},
            "binInfo": {"cardBrand": "visa", "country": "US"},
        })
    }
}
