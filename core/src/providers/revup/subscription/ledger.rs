//! The payments and their refunds. A payment has one transaction or more.

mod lines;
mod name;
mod others;
mod reports;
mod room;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use crate::id::Fingerprints;
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::payments::MadePayment;
use crate::providers::revup::api::replies::TransactionsReply;
use crate::providers::revup::ids::TransactionId;
use lines::{OtherRefund, PaidTransaction};
use name::{Name, Short};

pub(super) use room::Room;

/// How many payments, and how many of our refunds, are kept: more than two years of weekly payments.
const REMEMBERED: usize = 128;

/// How many of each kind are kept with their full names.
const RECENT: usize = 12;

/// The payments of a subscription, and their refunds. The refunded sum of a payment is never dropped.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionLedger"))]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    /// The newest payments, one entry for each transaction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paid: Vec<PaidTransaction>,
    /// Whether an older payment was dropped. An unknown payment may then be one of these.
    #[serde(rename = "forgot", default, skip_serializing_if = "core::ops::Not::not")]
    has_dropped: bool,
    /// The refunded sum of each payment, by the transaction that took the money. Refunds that may still succeed count
    /// too.
    #[serde(rename = "given", default, skip_serializing_if = "Vec::is_empty")]
    refunded: Vec<RefundedSum>,
    /// The transactions of our newest refunds.
    #[serde(default, skip_serializing_if = "Fingerprints::is_empty")]
    refunds: Fingerprints,
    /// The refunds that a lookup or an event with proof has shown while none of ours was in flight. None of them is one that
    /// is sent later.
    #[serde(default, skip_serializing_if = "Fingerprints::is_empty")]
    shown: Fingerprints,
    /// The refunds that this flow did not request, such as those of the back office.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<OtherRefund>,
}

/// The refunds of one transaction of a payment.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionGiven"))]
#[serde(deny_unknown_fields)]
struct RefundedSum {
    /// The transaction that took the money.
    transaction: Name,
    /// The sum of the refunds that are done or may still be done.
    sum: Decimal,
}

/// How surely a transaction failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HasFailed {
    /// A lookup or an event with proof has shown it.
    Surely,
    /// Another transaction of the payment took the money.
    Probably,
}

/// One payment with all its names: its transactions, and Revup's id.
struct Payment<'a> {
    /// The entry of the transaction in question.
    paid: Option<&'a PaidTransaction>,
    names: Vec<Short>,
    /// Whether Revup's id of the payment is known.
    is_named: bool,
}

impl Payment<'_> {
    fn has(&self, name: &Name) -> bool {
        self.names.contains(&name.short())
    }
}

impl Ledger {
    pub(super) const fn is_empty(&self) -> bool {
        self.paid.is_empty()
            && self.refunded.is_empty()
            && self.refunds.is_empty()
            && self.others.is_empty()
            && self.shown.is_empty()
    }

    /// Notes the amount of a payment. An unproved amount does not replace a proved one.
    pub(super) fn note(&mut self, made: MadePayment, proved: bool) {
        let mut paid = PaidTransaction::new(made, proved);
        let short = paid.transaction.short();
        match self.paid.iter_mut().find(|it| it.transaction.is(&paid.transaction, short)) {
            Some(known) if known.proved && !proved => {}
            Some(known) => {
                paid.payment = paid.payment.or_else(|| known.payment.take());
                if known.proved {
                    paid.tried = known.tried.then(paid.tried);
                }
                if known.transaction.is_short() {
                    paid.shorten();
                }
                *known = paid;
            }
            None => {
                self.paid.push(paid);
                self.drop_excess();
                shorten(&mut self.paid, PaidTransaction::shorten);
            }
        }
    }

    /// Drops a payment if there are too many: an unproved one, or else the oldest.
    fn drop_excess(&mut self) {
        if self.paid.len() > REMEMBERED {
            let unproved = self.paid.iter().position(|it| !it.proved);
            self.has_dropped |= unproved.is_none();
            self.paid.remove(unproved.unwrap_or(0));
        }
    }

    /// Whether it is known that a transaction failed, or only that a later one of its payment took the money.
    pub(super) fn failed(&self, transaction: &TransactionId) -> Option<HasFailed> {
        let payment = self.payment(transaction);
        let paid = payment.paid.filter(|it| it.proved)?;
        if paid.has_failed() {
            return Some(HasFailed::Surely);
        }
        let took = self.paid.iter().filter(|it| it.proved && payment.has(&it.transaction) && it.took_money());
        (!paid.took_money() && took.count() > 0).then_some(HasFailed::Probably)
    }

    /// The payment of a transaction. Entries that share a name belong to the same payment.
    fn payment(&self, of: &TransactionId) -> Payment<'_> {
        self.payment_named(&Name::of(of.as_str()))
    }

    fn payment_named(&self, own: &Name) -> Payment<'_> {
        let short = own.short();
        let paid = self.paid.iter().find(|it| it.transaction.is(own, short));
        // An unproved entry adds no name to a proved payment.
        let counts = |it: &&PaidTransaction| it.proved || paid.is_some_and(|paid| !paid.proved);
        let links: Vec<(Short, Option<Short>)> = self
            .paid
            .iter()
            .filter(counts)
            .map(|it| (it.transaction.short(), it.payment.as_ref().map(Name::short)))
            .collect();
        let names = linked_names(short, &links);
        let is_named = names.iter().any(|name| *name != short && links.iter().all(|it| it.0 != *name));
        Payment { paid, names, is_named }
    }

    /// The currency of a payment, if a lookup or an event with proof has shown it.
    pub(super) fn currency(&self, of: &TransactionId) -> Option<&str> {
        let own = Name::of(of.as_str());
        let short = own.short();
        self.paid.iter().find(|it| it.proved && it.transaction.is(&own, short))?.currency.as_deref()
    }

    /// A refund of a part of a payment is requested.
    pub(super) fn reserve(&mut self, of: &TransactionId, amount: Decimal) {
        let own = Name::of(of.as_str());
        let short = own.short();
        match self.refunded.iter_mut().find(|it| it.transaction.is(&own, short)) {
            Some(refunded) => refunded.sum = refunded.sum.plus(amount).unwrap_or(refunded.sum),
            None => {
                self.refunded.push(RefundedSum { transaction: own, sum: amount.plain() });
                shorten(&mut self.refunded, |it| it.transaction.shorten());
            }
        }
    }

    /// A refund of a part of a payment did not happen.
    pub(super) fn release(&mut self, of: &TransactionId, amount: Decimal) {
        let own = Name::of(of.as_str());
        let short = own.short();
        if let Some(index) = self.refunded.iter().position(|it| it.transaction.is(&own, short))
            && let Some(refunded) = self.refunded.get_mut(index)
        {
            refunded.sum = refunded.sum.minus(amount).unwrap_or(refunded.sum);
            if refunded.sum.is_negative() || refunded.sum.is_zero() {
                self.refunded.remove(index);
            }
        }
    }

    /// A lookup shows the transactions of an order. While no refund of ours is in flight, none of them can be one that is
    /// sent later.
    pub(super) fn note_shown(&mut self, list: &TransactionsReply, cx: &Cx<'_>) {
        self.note_all_shown(list.all.iter().filter(|it| it.is_refund()).map(|it| it.id.clone()), cx);
    }

    /// The same for the refunds that an event with proof lists.
    pub(super) fn note_all_shown(&mut self, refunds: impl Iterator<Item = TransactionId>, cx: &Cx<'_>) {
        // A refund that a restored row does not know may be one that is requested again.
        if !cx.is_restored() && !cx.sent(|call| matches!(call, Call::RefundPayment(_))) {
            refunds.for_each(|it| self.shown.add(it.as_str(), REMEMBERED));
        }
    }

    /// Whether a refund is one of ours, or was shown before any refund of ours that has no outcome.
    pub(super) fn is_known_refund(&self, refund: &TransactionId) -> bool {
        self.is_our_refund(refund) || self.shown.has(refund.as_str())
    }

    /// Notes the transaction of our refund, so that it does not count as another refund.
    pub(super) fn note_our_refund(&mut self, by: &TransactionId) {
        self.drop_other(&Name::of(by.as_str()));
        self.refunds.add(by.as_str(), REMEMBERED);
    }

    /// Whether a transaction is known as one of our refunds.
    pub(super) fn is_our_refund(&self, refund: &TransactionId) -> bool {
        self.refunds.has(refund.as_str())
    }
}

/// All names that links connect with a name. A link connects a transaction with the id of its payment.
fn linked_names(name: Short, links: &[(Short, Option<Short>)]) -> Vec<Short> {
    let mut names = alloc::vec![name];
    let mut known = 0;
    while known < names.len() {
        known = names.len();
        for (transaction, payment) in links {
            let both = [Some(*transaction), *payment];
            if both.iter().flatten().any(|it| names.contains(it)) {
                let new = both.into_iter().flatten().filter(|it| !names.contains(it));
                names.extend(new.collect::<Vec<_>>());
            }
        }
    }
    names
}

fn sum(all: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    all.reduce(|sum, it| sum.plus(it).unwrap_or(sum))
}

/// Keeps only fingerprints of the entry that is no longer one of the newest.
fn shorten<T>(all: &mut [T], shorten_one: impl Fn(&mut T)) {
    if let Some(older) = all.len().checked_sub(RECENT + 1).and_then(|index| all.get_mut(index)) {
        shorten_one(older);
    }
}
