//! The entries of a ledger, one line of text each, because a ledger keeps many.

use core::fmt;
use core::str::FromStr;

use alloc::string::String;

use super::name::{Name, UNKNOWN, or_unknown, word};
use crate::id::{IdError, saved_as_text};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::payments::{MadePayment, Tried};

/// The last word of a line that is not proved by a lookup or an event with proof.
const UNPROVED: &str = "told";

/// The last word of a proved refund that nobody was asked about.
const UNASKED: &str = "shown";

/// The words for what is known about a transaction of a payment.
const TRIED: [(Tried, &str); 3] = [(Tried::Last, "last"), (Tried::Failed, "failed"), (Tried::Succeeded, "paid")];

/// One payment, named by one of its transactions.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "RevupSubscriptionPaid", with = "alloc::string::String")
)]
pub(super) struct PaidTransaction {
    /// The transaction.
    pub(super) transaction: Name,
    /// The amount of the payment.
    pub(super) amount: Decimal,
    /// The currency, if Revup says so.
    pub(super) currency: Option<String>,
    /// Revup's id of the payment, if Revup says so.
    pub(super) payment: Option<Name>,
    /// Whether a lookup or an event with proof has shown it.
    pub(super) proved: bool,
    /// Whether it took the money.
    pub(super) tried: Tried,
}

saved_as_text!(PaidTransaction);

impl PaidTransaction {
    pub(super) fn new(made: MadePayment, proved: bool) -> Self {
        let MadePayment { transaction, amount, currency, payment, tried } = made;
        let transaction = Name::of(transaction.as_str());
        let currency = currency.filter(|it| it.len() == 3 && it.bytes().all(|byte| byte.is_ascii_alphabetic()));
        let payment = payment.as_deref().map(Name::of);
        Self { transaction, amount: amount.plain(), currency, payment, proved, tried }
    }

    /// Whether it is known that the transaction failed.
    pub(super) fn has_failed(&self) -> bool {
        self.proved && self.tried == Tried::Failed
    }

    /// Whether the transaction surely or probably took the money.
    pub(super) const fn took_money(&self) -> bool {
        matches!(self.tried, Tried::Last | Tried::Succeeded)
    }

    /// Keeps only the fingerprints of the names.
    pub(super) fn shorten(&mut self) {
        self.transaction.shorten();
        if let Some(payment) = &mut self.payment {
            payment.shorten();
        }
    }
}

impl fmt::Display for PaidTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (currency, payment) = (or_unknown(self.currency.as_ref()), or_unknown(self.payment.as_ref()));
        write!(f, "{} {} {currency} {payment}", self.transaction, self.amount)?;
        if let Some((_, word)) = TRIED.iter().find(|(tried, _)| *tried == self.tried) {
            write!(f, " {word}")?;
        }
        write_proof(self.proved, f)
    }
}

impl FromStr for PaidTransaction {
    type Err = IdError;
    fn from_str(line: &str) -> Result<Self, IdError> {
        let mut words = line.split(' ').peekable();
        let transaction = words.next().unwrap_or_default().parse()?;
        let amount = amount(words.next())?;
        let (currency, payment) = (word(words.next())?, word(words.next())?);
        let tried = TRIED.iter().find(|(_, word)| words.next_if_eq(word).is_some());
        let tried = tried.map_or(Tried::Unsaid, |(tried, _)| *tried);
        Ok(Self { transaction, amount, currency, payment, proved: read_proof(words)?, tried })
    }
}

/// One refund that this flow did not request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "RevupSubscriptionOtherRefund", with = "alloc::string::String")
)]
pub(super) struct OtherRefund {
    /// The transaction of the refund.
    pub(super) transaction: Name,
    /// The payment: Revup's id of it, or its transaction. `None` if nothing says it.
    pub(super) of: Option<Name>,
    /// The amount of the refund. `None` if nothing says it.
    pub(super) amount: Option<Decimal>,
    /// How surely it was made.
    pub(super) proof: Proof,
}

/// How surely a refund was made, and whether a person was asked what it means for access.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Proof {
    /// Only a message without proof tells about it.
    Told,
    /// A lookup or an event with proof has shown it, and nobody was asked yet: it may still be one of ours.
    Shown,
    /// The same, and a person was asked.
    Asked,
}

saved_as_text!(OtherRefund);

impl OtherRefund {
    /// The payment that the refund counts for, and its amount.
    pub(super) fn counts(&self) -> Option<(&Name, Decimal)> {
        self.of.as_ref().zip(self.amount).filter(|_| self.proof != Proof::Told)
    }

    /// Keeps only the fingerprints of the names. The question for a person needs the name.
    pub(super) fn shorten(&mut self) {
        if self.proof != Proof::Shown {
            self.transaction.shorten();
            if let Some(of) = &mut self.of {
                of.shorten();
            }
        }
    }
}

impl fmt::Display for OtherRefund {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (of, amount) = (or_unknown(self.of.as_ref()), or_unknown(self.amount.as_ref()));
        write!(f, "{} {of} {amount}", self.transaction)?;
        match self.proof {
            Proof::Shown => write!(f, " {UNASKED}"),
            proof => write_proof(proof != Proof::Told, f),
        }
    }
}

impl FromStr for OtherRefund {
    type Err = IdError;
    fn from_str(line: &str) -> Result<Self, IdError> {
        let mut words = line.split(' ').peekable();
        let transaction = words.next().unwrap_or_default().parse()?;
        let of = word(words.next())?;
        let amount = words.next_if_eq(&UNKNOWN).map_or_else(|| amount(words.next()).map(Some), |_| Ok(None))?;
        let is_unasked = words.next_if_eq(&UNASKED).is_some();
        let proof = match read_proof(words)? {
            false if is_unasked => return Err(IdError::Character),
            false => Proof::Told,
            true if is_unasked => Proof::Shown,
            true => Proof::Asked,
        };
        Ok(Self { transaction, of, amount, proof })
    }
}

fn amount(word: Option<&str>) -> Result<Decimal, IdError> {
    word.and_then(Decimal::parse).ok_or(IdError::Character)
}

fn write_proof(proved: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if proved { Ok(()) } else { write!(f, " {UNPROVED}") }
}

fn read_proof<'a>(mut rest: impl Iterator<Item = &'a str>) -> Result<bool, IdError> {
    match (rest.next(), rest.next()) {
        (None, _) => Ok(true),
        (Some(UNPROVED), None) => Ok(false),
        _ => Err(IdError::Character),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for line in [
            "t-1 9.98 EUR p-1",
            "t-1 9.98 ? ? told",
            "t-1 1 ? p-1 failed",
            "t-1 1 ? p-1 last told",
            "t-1 1 ? ? paid",
            "#AAAAAAAA 0.5 usd #AAAAAAAA",
        ] {
            assert_eq!(line.parse::<PaidTransaction>().unwrap().to_string(), line);
        }
        for line in ["r-1 p-1 9.98", "#AAAAAAAA #AAAAAAAA 1 told", "r-1 p-1 1 shown", "r-1 ? ? shown", "r-1 ? 1"] {
            assert_eq!(line.parse::<OtherRefund>().unwrap().to_string(), line);
        }
        for wrong in
            ["", "t-1", "t-1 x EUR p-1", "t-1 1 EUR", "t-1 1 EUR p-1 sure", "t-1 1 EUR p-1 told told", "t-1 1 EUR "]
        {
            assert!(wrong.parse::<PaidTransaction>().is_err(), "{wrong}");
        }
        for wrong in ["", "r-1 p-1", "r-1 p-1 x", "r-1 p-1 1 sure", "r-1 p-1 1 shown told", "r-1 p-1 1 told shown"] {
            assert!(wrong.parse::<OtherRefund>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_odd_currency_is_not_kept() {
        let transaction = crate::providers::revup::ids::TransactionId::parse("t-1").unwrap();
        let made = MadePayment {
            transaction,
            amount: Decimal::ZERO,
            currency: Some("a b".into()),
            payment: Some("two words".into()),
            tried: Tried::Unsaid,
        };
        let paid = PaidTransaction::new(made, true);
        assert_eq!(paid.to_string().parse(), Ok(paid));
    }
}
