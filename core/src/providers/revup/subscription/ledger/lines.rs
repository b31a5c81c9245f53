//! What a ledger keeps of each payment and of each refund: a line each, since it keeps many.

use core::fmt;
use core::str::FromStr;

use alloc::string::String;

use super::name::{Name, or_unknown, word};
use crate::id::{IdError, saved_as_text};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::payments::Made;

/// The last word of a line about what no lookup and no event with proof has shown.
const TOLD: &str = "told";

/// One payment, by one of its transactions.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "RevupSubscriptionPaid", with = "alloc::string::String")
)]
pub(super) struct Paid {
    /// The transaction.
    pub(super) transaction: Name,
    /// How much was paid.
    pub(super) amount: Decimal,
    /// In which currency, where that was told.
    pub(super) currency: Option<String>,
    /// What Revup calls the payment, where that was told.
    pub(super) payment: Option<Name>,
    /// Whether a lookup or an event with proof has shown it.
    pub(super) proved: bool,
}

saved_as_text!(Paid);

impl Paid {
    pub(super) fn new(made: Made, proved: bool) -> Self {
        let Made { transaction, amount, currency, payment } = made;
        let transaction = Name::of(transaction.as_str());
        let currency = currency.filter(|it| it.len() == 3 && it.bytes().all(|byte| byte.is_ascii_alphabetic()));
        let payment = payment.as_deref().map(Name::of);
        Self { transaction, amount: amount.plain(), currency, payment, proved }
    }

    /// Keeps no more of its names than fingerprints.
    pub(super) fn shorten(&mut self) {
        self.transaction.shorten();
        if let Some(payment) = &mut self.payment {
            payment.shorten();
        }
    }
}

impl fmt::Display for Paid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (currency, payment) = (or_unknown(self.currency.as_ref()), or_unknown(self.payment.as_ref()));
        write!(f, "{} {} {currency} {payment}", self.transaction, self.amount)?;
        told(self.proved, f)
    }
}

impl FromStr for Paid {
    type Err = IdError;
    fn from_str(line: &str) -> Result<Self, IdError> {
        let mut words = line.split(' ');
        let transaction = words.next().unwrap_or_default().parse()?;
        let amount = amount(words.next())?;
        let (currency, payment) = (word(words.next())?, word(words.next())?);
        Ok(Self { transaction, amount, currency, payment, proved: proved(words)? })
    }
}

/// One refund that nobody asked for here.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "RevupSubscriptionOtherRefund", with = "alloc::string::String")
)]
pub(super) struct Other {
    /// Its transaction.
    pub(super) transaction: Name,
    /// The payment: Revup's id of it, or its transaction.
    pub(super) of: Name,
    /// How much it is.
    pub(super) amount: Decimal,
    /// Whether a lookup or an event with proof has shown it: only then it counts.
    pub(super) proved: bool,
}

saved_as_text!(Other);

impl Other {
    /// Keeps no more of its names than fingerprints.
    pub(super) fn shorten(&mut self) {
        self.transaction.shorten();
        self.of.shorten();
    }
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.transaction, self.of, self.amount)?;
        told(self.proved, f)
    }
}

impl FromStr for Other {
    type Err = IdError;
    fn from_str(line: &str) -> Result<Self, IdError> {
        let mut words = line.split(' ');
        let transaction = words.next().unwrap_or_default().parse()?;
        let of = words.next().unwrap_or_default().parse()?;
        Ok(Self { transaction, of, amount: amount(words.next())?, proved: proved(words)? })
    }
}

fn amount(word: Option<&str>) -> Result<Decimal, IdError> {
    word.and_then(Decimal::parse).ok_or(IdError::Character)
}

fn told(proved: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if proved { Ok(()) } else { write!(f, " {TOLD}") }
}

fn proved<'a>(mut rest: impl Iterator<Item = &'a str>) -> Result<bool, IdError> {
    match (rest.next(), rest.next()) {
        (None, _) => Ok(true),
        (Some(TOLD), None) => Ok(false),
        _ => Err(IdError::Character),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_line_says_what_is_kept_and_is_read_again() {
        for line in ["t-1 9.98 EUR p-1", "t-1 9.98 ? ? told", "#AAAAAAAA 0.5 usd #AAAAAAAA"] {
            assert_eq!(line.parse::<Paid>().unwrap().to_string(), line);
        }
        for line in ["r-1 p-1 9.98", "#AAAAAAAA #AAAAAAAA 1 told"] {
            assert_eq!(line.parse::<Other>().unwrap().to_string(), line);
        }
        for wrong in
            ["", "t-1", "t-1 x EUR p-1", "t-1 1 EUR", "t-1 1 EUR p-1 sure", "t-1 1 EUR p-1 told told", "t-1 1 EUR "]
        {
            assert!(wrong.parse::<Paid>().is_err(), "{wrong}");
        }
        for wrong in ["", "r-1 p-1", "r-1 p-1 x", "r-1 p-1 1 sure"] {
            assert!(wrong.parse::<Other>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_currency_that_is_none_is_not_kept() {
        let transaction = crate::providers::revup::ids::TransactionId::parse("t-1").unwrap();
        let made = Made {
            transaction,
            amount: Decimal::ZERO,
            currency: Some("a b".into()),
            payment: Some("two words".into()),
        };
        let paid = Paid::new(made, true);
        assert_eq!(paid.to_string().parse(), Ok(paid));
    }
}
