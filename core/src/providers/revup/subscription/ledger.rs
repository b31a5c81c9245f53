//! What was paid, and what of it goes back: by the transactions of the payments.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::providers::revup::amount::Decimal;
use crate::providers::revup::ids::TransactionId;

/// How many payments, and how many refunds, are remembered.
const REMEMBERED: usize = 24;

/// The payments of a subscription, and their refunds.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionLedger"))]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    /// The newest payments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paid: Vec<Paid>,
    /// What goes back of each payment, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    given: Vec<Given>,
    /// The transactions of the newest refunds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<TransactionId>,
}

/// One payment.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionPaid"))]
#[serde(deny_unknown_fields)]
struct Paid {
    /// Its transaction.
    transaction: TransactionId,
    /// How much was paid.
    amount: Decimal,
    /// In which currency, where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// Whether a look-up or an event with proof has shown it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    proved: bool,
}

/// The refunds of one payment.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionGiven"))]
#[serde(deny_unknown_fields)]
struct Given {
    /// The payment.
    transaction: TransactionId,
    /// What was given back of it, or is being.
    sum: Decimal,
}

/// Whether a refund has room in its payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    /// It has.
    Enough,
    /// The payment was less than all its refunds would be.
    Short {
        /// What is left of it.
        left: Decimal,
        /// Whether the amount of the payment is proved.
        proved: bool,
    },
    /// Nobody knows the amount of the payment, and as much was given back before.
    Unknown,
}

impl Ledger {
    pub(super) const fn is_empty(&self) -> bool {
        self.paid.is_empty() && self.given.is_empty() && self.refunds.is_empty()
    }

    /// Notes how much a payment was. What is only told replaces nothing that is proved.
    pub(super) fn note(&mut self, of: &TransactionId, amount: Decimal, currency: Option<String>, proved: bool) {
        let paid = Paid { transaction: of.clone(), amount: amount.plain(), currency, proved };
        match self.paid.iter_mut().find(|it| it.transaction == *of) {
            Some(known) if known.proved && !proved => {}
            Some(known) => *known = paid,
            None => keep(&mut self.paid, paid),
        }
    }

    /// Whether another refund has room in a payment.
    pub(super) fn room(&self, of: &TransactionId, amount: Decimal) -> Room {
        let given = self.given(of);
        let Some(paid) = self.paid.iter().find(|it| it.transaction == *of) else {
            let repeats = given.is_some_and(|given| given.at_most(amount) != Some(false));
            return if repeats { Room::Unknown } else { Room::Enough };
        };
        let given = given.unwrap_or(Decimal::ZERO);
        let fits = given.plus(amount).and_then(|all| all.at_most(paid.amount)) == Some(true);
        let left = paid.amount.minus(given).filter(|left| !left.is_negative()).unwrap_or(Decimal::ZERO);
        if fits { Room::Enough } else { Room::Short { left, proved: paid.proved } }
    }

    /// The currency of a payment, where a look-up or an event with proof has shown it.
    pub(super) fn currency(&self, of: &TransactionId) -> Option<&str> {
        self.paid.iter().find(|it| it.transaction == *of && it.proved)?.currency.as_deref()
    }

    fn given(&self, of: &TransactionId) -> Option<Decimal> {
        self.given.iter().find(|it| it.transaction == *of).map(|it| it.sum)
    }

    /// A part of a payment goes back, or may.
    pub(super) fn give(&mut self, of: &TransactionId, amount: Decimal) {
        match self.given.iter_mut().find(|it| it.transaction == *of) {
            Some(it) => it.sum = it.sum.plus(amount).unwrap_or(it.sum),
            None => keep(&mut self.given, Given { transaction: of.clone(), sum: amount.plain() }),
        }
    }

    /// A part of a payment did not go back.
    pub(super) fn take_back(&mut self, of: &TransactionId, amount: Decimal) {
        if let Some(index) = self.given.iter().position(|it| it.transaction == *of)
            && let Some(it) = self.given.get_mut(index)
        {
            it.sum = it.sum.minus(amount).unwrap_or(it.sum);
            if it.sum.is_negative() || it.sum.is_zero() {
                self.given.remove(index);
            }
        }
    }

    /// Notes the transaction of a refund, so that it is never taken for another one's.
    pub(super) fn refunded(&mut self, by: &TransactionId) {
        if !self.knows(by) {
            keep(&mut self.refunds, by.clone());
        }
    }

    /// Whether a transaction is a known refund's.
    pub(super) fn knows(&self, refund: &TransactionId) -> bool {
        self.refunds.contains(refund)
    }
}

/// Keeps one more, in place of the oldest.
fn keep<T>(all: &mut Vec<T>, one: T) {
    if all.len() >= REMEMBERED {
        all.remove(0);
    }
    all.push(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> TransactionId {
        TransactionId::parse(name).unwrap()
    }

    fn amount(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn refunds_go_up_to_the_payment_and_not_beyond() {
        let mut ledger = Ledger::default();
        ledger.note(&id("t-0"), amount("99"), None, true);
        ledger.note(&id("t-1"), amount("30.00"), None, true);
        ledger.note(&id("t-1"), amount("30.00"), None, true);
        ledger.give(&id("t-0"), amount("98"));
        assert_eq!(ledger.room(&id("t-1"), amount("30")), Room::Enough);
        ledger.give(&id("t-1"), amount("15.5"));
        assert_eq!(ledger.room(&id("t-1"), amount("14.50")), Room::Enough);
        let left = amount("14.5");
        assert_eq!(ledger.room(&id("t-1"), amount("14.51")), Room::Short { left, proved: true });
        ledger.take_back(&id("t-1"), amount("15.50"));
        assert_eq!(ledger.room(&id("t-1"), amount("30")), Room::Enough);
        assert_eq!(ledger.room(&id("t-0"), amount("2")), Room::Short { left: amount("1"), proved: true });
    }

    #[test]
    fn of_an_unknown_payment_the_same_sum_is_not_given_back_twice() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.room(&id("t-1"), amount("30")), Room::Enough);
        ledger.give(&id("t-1"), amount("30"));
        assert_eq!(ledger.room(&id("t-1"), amount("30.00")), Room::Unknown);
        assert_eq!(ledger.room(&id("t-1"), amount("29.99")), Room::Enough);
        assert_eq!(ledger.room(&id("t-2"), amount("30")), Room::Enough);
    }

    #[test]
    fn what_is_only_told_replaces_nothing_that_is_proved() {
        let mut ledger = Ledger::default();
        ledger.note(&id("t-1"), amount("1"), None, false);
        assert_eq!(ledger.room(&id("t-1"), amount("2")), Room::Short { left: amount("1"), proved: false });
        ledger.note(&id("t-1"), amount("30"), Some("EUR".into()), true);
        ledger.note(&id("t-1"), amount("1"), Some("USD".into()), false);
        assert_eq!(ledger.room(&id("t-1"), amount("30")), Room::Enough);
        assert_eq!(ledger.currency(&id("t-1")), Some("EUR"));
    }

    #[test]
    fn a_ledger_forgets_the_oldest() {
        let mut ledger = Ledger::default();
        for n in 0..=REMEMBERED {
            let id = id(&alloc::format!("t-{n}"));
            ledger.note(&id, amount("1"), None, true);
            ledger.refunded(&id);
            ledger.give(&id, amount("1"));
        }
        assert!(ledger.paid.len() == REMEMBERED && ledger.given.len() == REMEMBERED);
        assert!(!ledger.knows(&id("t-0")) && ledger.knows(&id("t-1")));
    }
}
