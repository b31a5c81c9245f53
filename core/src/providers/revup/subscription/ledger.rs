//! What was paid, and what of it goes back: by the transactions of the payments.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::providers::revup::amount::Decimal;
use crate::providers::revup::ids::TransactionId;
use crate::providers::revup::payments::Made;

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
    /// The newest refunds that nobody asked for here, such as those of the back office.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<Other>,
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
    /// What Revup calls the payment, where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    /// Whether a look-up or an event with proof has shown it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    proved: bool,
}

/// One refund that nobody asked for here.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionOtherRefund"))]
#[serde(deny_unknown_fields)]
struct Other {
    /// Its transaction.
    transaction: TransactionId,
    /// The payment: Revup's id of it, or its transaction.
    of: String,
    /// How much it is.
    amount: Decimal,
    /// Whether a look-up or an event with proof has shown it: only then it counts.
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
        self.paid.is_empty() && self.given.is_empty() && self.refunds.is_empty() && self.others.is_empty()
    }

    /// Notes how much a payment was. What is only told replaces nothing that is proved.
    pub(super) fn note(&mut self, made: Made, proved: bool) {
        let Made { transaction, amount, currency, payment } = made;
        let mut paid = Paid { transaction, amount: amount.plain(), currency, payment, proved };
        match self.paid.iter_mut().find(|it| it.transaction == paid.transaction) {
            Some(known) if known.proved && !proved => {}
            Some(known) => {
                paid.payment = paid.payment.or_else(|| known.payment.take());
                *known = paid;
            }
            None => keep(&mut self.paid, paid),
        }
    }

    /// Whether another refund has room in a payment.
    pub(super) fn room(&self, of: &TransactionId, amount: Decimal) -> Room {
        let paid = self.paid.iter().find(|it| it.transaction == *of);
        let (others, placed) = self.others(of, paid);
        let given = match (self.given(of), others) {
            (Some(ours), Some(others)) => ours.plus(others),
            (ours, others) => ours.or(others),
        };
        let Some(paid) = paid else {
            let repeats = given.is_some_and(|given| given.at_most(amount) != Some(false));
            return if repeats { Room::Unknown } else { Room::Enough };
        };
        let given = given.unwrap_or(Decimal::ZERO);
        let fits = given.plus(amount).and_then(|all| all.at_most(paid.amount)) == Some(true);
        let left = paid.amount.minus(given).filter(|left| !left.is_negative()).unwrap_or(Decimal::ZERO);
        if fits { Room::Enough } else { Room::Short { left, proved: paid.proved && placed } }
    }

    /// What others gave back of a payment, and whether it is known to be of that one: while nothing tells which payment
    /// a refund is of, it may be of any whose id is not known either.
    fn others(&self, of: &TransactionId, paid: Option<&Paid>) -> (Option<Decimal>, bool) {
        let id = paid.and_then(|it| it.payment.as_deref());
        let is_named = |it: &Other, by: &Paid| by.transaction.as_str() == it.of || by.payment.as_ref() == Some(&it.of);
        let (mut sum, mut placed) = (None::<Decimal>, true);
        for it in self.others.iter().filter(|it| it.proved) {
            let named = it.of == of.as_str() || id == Some(it.of.as_str());
            if named || (id.is_none() && !self.paid.iter().any(|by| is_named(it, by))) {
                sum = Some(sum.and_then(|sum| sum.plus(it.amount)).unwrap_or(it.amount));
                placed &= named;
            }
        }
        (sum, placed)
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

    /// Notes a refund that nobody asked for here, once, however often it is told.
    pub(super) fn note_other(&mut self, by: TransactionId, of: String, amount: Decimal, proved: bool) {
        if self.knows(&by) || amount.is_negative() {
            return;
        }
        let other = Other { transaction: by, of, amount: amount.plain(), proved };
        match self.others.iter_mut().find(|it| it.transaction == other.transaction) {
            Some(known) if known.proved && !proved => {}
            Some(known) => *known = other,
            None => keep(&mut self.others, other),
        }
    }

    /// Whether a refund that nobody asked for here counts already.
    pub(super) fn counts(&self, other: &TransactionId) -> bool {
        self.others.iter().any(|it| it.transaction == *other && it.proved)
    }

    /// The payment of a refund that nobody asked for here, where one was told.
    pub(super) fn payment_of(&self, other: &TransactionId) -> Option<String> {
        self.others.iter().find(|it| it.transaction == *other).map(|it| it.of.clone())
    }

    /// A refund of ours is done by a transaction that nobody has named: one that was told and is as large may be it.
    pub(super) fn claim(&mut self, of: &TransactionId, amount: Decimal) {
        let id = self.paid.iter().find(|it| it.transaction == *of).and_then(|it| it.payment.clone());
        let is_it = |it: &Other| it.amount.is(amount) && (it.of == of.as_str() || id.as_ref() == Some(&it.of));
        if let Some(by) = self.others.iter().find(|it| is_it(it)).map(|it| it.transaction.clone()) {
            self.refunded(&by);
        }
    }

    /// Notes the transaction of a refund of ours, so that it is never taken for another one's.
    pub(super) fn refunded(&mut self, by: &TransactionId) {
        self.others.retain(|it| it.transaction != *by);
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

    fn made(name: &str, sum: &str, currency: Option<&str>) -> Made {
        Made { transaction: id(name), amount: amount(sum), currency: currency.map(Into::into), payment: None }
    }

    #[test]
    fn refunds_go_up_to_the_payment_and_not_beyond() {
        let mut ledger = Ledger::default();
        ledger.note(made("t-0", "99", None), true);
        ledger.note(made("t-1", "30.00", None), true);
        ledger.note(made("t-1", "30.00", None), true);
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
        ledger.note(made("t-1", "1", None), false);
        assert_eq!(ledger.room(&id("t-1"), amount("2")), Room::Short { left: amount("1"), proved: false });
        ledger.note(made("t-1", "30", Some("EUR")), true);
        ledger.note(made("t-1", "1", Some("USD")), false);
        assert_eq!(ledger.room(&id("t-1"), amount("30")), Room::Enough);
        assert_eq!(ledger.currency(&id("t-1")), Some("EUR"));
    }

    #[test]
    fn what_others_gave_back_counts_once_and_only_with_proof() {
        let mut ledger = Ledger::default();
        let payment = Some("p-1".into());
        ledger.note(Made { payment, ..made("t-1", "30", None) }, true);
        ledger.note(made("t-2", "30", None), true);
        for proved in [false, true, true, false] {
            ledger.note_other(id("r-1"), "p-1".into(), amount("20"), proved);
        }
        let short = |left, proved| Room::Short { left: amount(left), proved };
        assert_eq!(ledger.room(&id("t-1"), amount("11")), short("10", true));
        assert_eq!(ledger.room(&id("t-2"), amount("30")), Room::Enough);
        ledger.note_other(id("r-2"), "p-2".into(), amount("5"), false);
        assert_eq!(ledger.room(&id("t-2"), amount("30")), Room::Enough);
        ledger.note_other(id("r-2"), "p-2".into(), amount("5"), true);
        assert_eq!(ledger.room(&id("t-2"), amount("30")), short("25", false));
        assert_eq!(ledger.room(&id("t-1"), amount("10")), Room::Enough);
        assert_eq!(ledger.room(&id("t-3"), amount("5")), Room::Unknown);
        ledger.give(&id("t-1"), amount("20"));
        assert_eq!(ledger.room(&id("t-1"), amount("1")), short("0", true));
        ledger.claim(&id("t-1"), amount("20.00"));
        assert_eq!(ledger.room(&id("t-1"), amount("10")), Room::Enough);
        ledger.note_other(id("r-1"), "p-1".into(), amount("20"), true);
        assert_eq!(ledger.room(&id("t-1"), amount("10")), Room::Enough);
    }

    #[test]
    fn a_ledger_forgets_the_oldest() {
        let mut ledger = Ledger::default();
        for n in 0..=REMEMBERED {
            let name = alloc::format!("t-{n}");
            let id = id(&name);
            ledger.note(made(&name, "1", None), true);
            ledger.note_other(id.clone(), name, amount("1"), true);
            ledger.refunded(&id);
            ledger.give(&id, amount("1"));
        }
        assert!(ledger.others.is_empty());
        assert!(ledger.paid.len() == REMEMBERED && ledger.given.len() == REMEMBERED);
        assert!(!ledger.knows(&id("t-0")) && ledger.knows(&id("t-1")));
    }
}
