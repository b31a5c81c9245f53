//! Test cards: each number says how its payments end.

use serde_json::{Value, json};

use crate::card::{EXPIRED, Entered, is_expired};
use crate::time::Millis;

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
        let entered = Entered::read(number, expiry)?;
        let last4 = entered.last4();
        let Entered { digits, month, year } = entered;
        let behavior = NUMBERS.iter().find(|(known, ..)| *known == digits).map_or(Behavior::Pays, |it| it.1);
        let card = Self { behavior, last4, year, month };
        if card.expired(now) { Err(EXPIRED) } else { Ok(card) }
    }

    fn expired(&self, now: Millis) -> bool {
        is_expired(self.year, self.month, now)
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
