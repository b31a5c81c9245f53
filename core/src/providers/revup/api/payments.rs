//! The payments of a subscription, as a lookup lists them: the amounts, and the end of the paid period.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::replies::{Entry, TransactionStatus};
use crate::json::{lenient, lenient_text};
use crate::providers::revup::amount::{Decimal, decimal_if_any};
use crate::providers::revup::ids::TransactionId;
use crate::time::Timestamp;

/// A payment that was made, named by one of its transactions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MadePayment {
    /// The transaction.
    pub(crate) transaction: TransactionId,
    /// The amount of the payment.
    pub(crate) amount: Decimal,
    /// The currency, if Revup says so.
    pub(crate) currency: Option<String>,
    /// Revup's id of the payment, if Revup says so. The event of a refund has no other name for the payment. Another
    /// transaction of the payment, such as one on a fallback MID, has the same id.
    pub(crate) payment: Option<String>,
    /// Whether the transaction took the money.
    pub(crate) tried: Tried,
}

/// Whether a transaction of a payment took the money. A payment has several if earlier ones failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Tried {
    /// Nothing says it.
    Unsaid,
    /// It is the last transaction of a payment that was made, so it probably took the money.
    Last,
    /// It failed.
    Failed,
    /// It took the money.
    Succeeded,
}

impl Tried {
    /// What a status says about a transaction.
    pub(crate) fn by(status: Option<TransactionStatus>) -> Self {
        match status {
            Some(TransactionStatus::Success) => Self::Succeeded,
            Some(TransactionStatus::Failed) => Self::Failed,
            _ => Self::Unsaid,
        }
    }

    /// What is known after new evidence. A list names no status, so it does not replace one. Success outranks failure.
    pub(crate) fn then(self, new: Self) -> Self {
        match (self, new) {
            (Self::Succeeded, _) | (Self::Failed, Self::Unsaid | Self::Last) => self,
            _ => new,
        }
    }
}

impl MadePayment {
    /// The name of a payment without an id of its own: the first of its transactions.
    pub(crate) fn name(mut all: impl Iterator<Item = TransactionId>) -> Option<String> {
        all.next().map(|it| it.as_str().into())
    }
}

/// A page of the payments of a subscription.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct PaymentsReply {
    payments: Vec<Entry<PaymentEntry>>,
    #[serde(default, deserialize_with = "lenient")]
    pagination: Option<Pagination>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentEntry {
    #[serde(default, deserialize_with = "lenient_text")]
    payment_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    payment_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    payment_cycle: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    num_attempt: Option<u64>,
    #[serde(default, deserialize_with = "lenient_text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    due_date: Option<String>,
    #[serde(default, deserialize_with = "decimal_if_any")]
    amount: Option<Decimal>,
    #[serde(default, deserialize_with = "lenient_text")]
    currency: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    transactions: Option<Vec<Entry<TransactionEntry>>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransactionEntry {
    #[serde(default, deserialize_with = "lenient_text")]
    transaction_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    transaction_date: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    #[serde(default, deserialize_with = "lenient")]
    total_pages: Option<u32>,
}

fn has_value(field: Option<&String>, value: &str) -> bool {
    field.is_some_and(|it| it.eq_ignore_ascii_case(value))
}

impl PaymentEntry {
    fn is_initial(&self) -> bool {
        has_value(self.payment_type.as_ref(), "initial")
    }

    fn is_renewal(&self) -> bool {
        has_value(self.payment_type.as_ref(), "renewal")
    }

    fn is_accepted(&self) -> bool {
        has_value(self.status.as_ref(), "accepted")
    }

    /// Whether the renewal is still to be charged.
    fn is_open(&self) -> bool {
        self.is_renewal() && (has_value(self.status.as_ref(), "pending") || has_value(self.status.as_ref(), "paying"))
    }

    /// Whether the renewal is not to be charged any more.
    fn is_archived_renewal(&self) -> bool {
        self.is_renewal() && has_value(self.status.as_ref(), "archived")
    }

    fn transactions(&self) -> impl Iterator<Item = &TransactionEntry> {
        self.transactions.iter().flatten().filter_map(|it| it.0.as_ref())
    }

    /// The last transaction, by its date if all of them have one. Otherwise by its place, if it is the only one.
    fn last_transaction(&self) -> Option<TransactionId> {
        let dated = |it: &TransactionEntry| Timestamp::parse_instant(it.transaction_date.as_deref()?);
        let is_clear = self.transactions().all(|it| dated(it).is_some()) || self.transactions().count() == 1;
        let last = self.transactions().filter(|_| is_clear).max_by_key(|it| dated(it))?;
        TransactionId::read(last.transaction_id.as_deref()?)
    }

    /// The last transaction if it is known, or else the first of the list.
    fn any_transaction(&self) -> Option<TransactionId> {
        let first = || TransactionId::read(self.transactions().next()?.transaction_id.as_deref()?);
        self.last_transaction().or_else(first)
    }

    fn due_date(&self) -> Option<Timestamp> {
        Timestamp::parse_iso(self.due_date.as_deref()?)
    }

    /// The place among the payments, by due date. A failed or open payment without a date may be the newest.
    fn order(&self) -> (bool, Option<Timestamp>) {
        let due = self.due_date();
        (due.is_none() && !self.is_accepted(), due)
    }
}

impl PaymentsReply {
    fn all(&self) -> impl Iterator<Item = &PaymentEntry> + Clone {
        self.payments.iter().filter_map(|it| it.0.as_ref())
    }

    /// The due date of the next renewal, which has had no attempt yet. The customer has paid until then, if the payment
    /// before it was made. That payment may be the last one of the page before.
    pub(crate) fn paid_until(&self, unpaid_before: bool) -> Option<Timestamp> {
        self.until(unpaid_before, PaymentEntry::is_open)
    }

    /// The same for a subscription that has ended, whose next renewal is never charged.
    pub(crate) fn paid_until_of_ended(&self, unpaid_before: bool) -> Option<Timestamp> {
        self.until(unpaid_before, |it| it.is_open() || it.is_archived_renewal())
    }

    fn until(&self, unpaid_before: bool, is_next: impl Fn(&PaymentEntry) -> bool) -> Option<Timestamp> {
        // The first charge is never retried, so its attempt number is the number of a first attempt.
        let first_attempt = self.all().filter(|it| it.is_initial()).filter_map(|it| it.num_attempt).max().unwrap_or(0);
        let open = self.all().filter(|it| is_next(it) && it.num_attempt.unwrap_or(0) <= first_attempt);
        let until = open.filter_map(PaymentEntry::due_date).min()?;
        let before = |it: &&PaymentEntry| it.due_date().is_none_or(|due| due < until);
        (!self.is_unpaid(before).unwrap_or(unpaid_before)).then_some(until)
    }

    /// Whether the newest payment of the page was not made, or `None` if the page has no payment.
    pub(crate) fn is_newest_unpaid(&self) -> Option<bool> {
        self.is_unpaid(|_| true)
    }

    /// Whether the newest of the selected payments was not made by any attempt.
    fn is_unpaid(&self, is_selected: impl Fn(&&PaymentEntry) -> bool) -> Option<bool> {
        let charges = self.all().filter(|it| it.is_initial() || it.is_renewal());
        let newest = charges.filter(is_selected).max_by_key(|it| it.order())?;
        let attempts = self.all().filter(|it| it.payment_type == newest.payment_type && newest.payment_cycle.is_some());
        let mut attempts = attempts.filter(|it| it.payment_cycle == newest.payment_cycle);
        Some(!newest.is_accepted() && !attempts.any(PaymentEntry::is_accepted))
    }

    /// The payments that were made, with their transactions and amounts.
    pub(crate) fn made(&self) -> impl Iterator<Item = MadePayment> {
        self.all().filter(|it| it.is_accepted()).flat_map(|it| {
            let ids = || it.transactions().filter_map(|it| TransactionId::read(it.transaction_id.as_deref()?));
            let last = it.last_transaction();
            ids().filter_map(move |transaction| {
                let payment = it.payment_id.clone().or_else(|| MadePayment::name(ids()));
                let tried = if last.as_ref() == Some(&transaction) { Tried::Last } else { Tried::Unsaid };
                Some(MadePayment { transaction, amount: it.amount?, currency: it.currency.clone(), payment, tried })
            })
        })
    }

    /// The first charge, if it was made: its last transaction, its amount and its currency.
    pub(crate) fn first_made(&self) -> Option<(TransactionId, Decimal, Option<&str>)> {
        let first = self.all().find(|it| it.is_initial() && it.is_accepted())?;
        Some((first.any_transaction()?, first.amount?, first.currency.as_deref()))
    }

    /// The payments that were made for a period which an earlier payment of the page has paid already.
    pub(crate) fn charged_twice(&self) -> Vec<TransactionId> {
        let is_charge = |it: &&PaymentEntry| it.is_accepted() && (it.is_initial() || it.is_renewal());
        let period = |it: &PaymentEntry| Some((it.is_initial(), it.payment_cycle?));
        let charges: Vec<_> = self.all().filter(is_charge).filter(|it| it.payment_id.is_some()).collect();
        let is_second = |index: usize, it: &PaymentEntry| {
            let mut before = charges.iter().take(index);
            period(it).is_some() && before.any(|one| period(one) == period(it) && one.payment_id != it.payment_id)
        };
        let second = charges.iter().enumerate().filter(|(index, it)| is_second(*index, it));
        second.filter_map(|(_, it)| it.any_transaction()).collect()
    }

    /// Whether the first charge was made, or `None` if the page does not show what became of it.
    pub(crate) fn first_charge(&self) -> Option<bool> {
        let mut all = self.all().filter(|it| it.is_initial());
        let has_failed =
            |it: &PaymentEntry| ["failed", "archived"].iter().any(|word| has_value(it.status.as_ref(), word));
        if all.clone().any(PaymentEntry::is_accepted) {
            return Some(true);
        }
        all.any(has_failed).then_some(false)
    }

    /// Whether a renewal was charged that is due when the paid period ends, or later.
    pub(crate) fn pays_beyond(&self, paid_until: Timestamp) -> bool {
        let due = |it: &PaymentEntry| Timestamp::parse_iso_end(it.due_date.as_deref()?);
        let charged = self.all().filter(|it| it.is_renewal() && it.is_accepted());
        charged.filter_map(due).any(|due| due >= paid_until)
    }

    /// Whether another page follows.
    pub(crate) fn has_page_after(&self, page: u32, size: u32) -> bool {
        match self.pagination.as_ref().and_then(|it| it.total_pages) {
            Some(pages) => pages > page,
            None => u32::try_from(self.payments.len()).is_ok_and(|count| count >= size),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::json::read_body;

    /// One payment: its type, cycle, attempt, status, and day in January.
    type Row<'a> = (&'a str, u32, u32, &'a str, u32);

    fn until(rows: &[Row<'_>], unpaid_before: bool) -> Option<Timestamp> {
        let rows = rows.iter().map(|(kind, cycle, attempt, status, day)| {
            format!(
                r#"{{"paymentType":"{kind}","paymentCycle":{cycle},"numAttempt":{attempt},"status":"{status}","dueDate":"2027-01-{day:02}"}}"#
            )
        });
        let body = format!(r#"{{"payments":[{}]}}"#, rows.collect::<Vec<_>>().join(","));
        read_body::<PaymentsReply>(body.as_bytes()).unwrap().paid_until(unpaid_before)
    }

    fn day(day: u32) -> Option<Timestamp> {
        Timestamp::parse_iso(&format!("2027-01-{day:02}"))
    }

    #[test]
    fn the_open_renewal_ends_the_paid_period_only_after_a_payment_that_was_made() {
        let (paid, failed, next) =
            (("initial", 0, 0, "accepted", 1), ("renewal", 1, 0, "failed", 8), ("renewal", 2, 0, "pending", 15));
        assert_eq!(until(&[paid, ("renewal", 1, 0, "paying", 8)], false), day(8));
        assert_eq!(until(&[("renewal", 1, 0, "PAYING", 8), paid], false), day(8));
        assert_eq!(until(&[("initial", 0, 0, "failed", 1), ("renewal", 1, 0, "pending", 8)], false), None);
        assert_eq!(until(&[paid, failed, next], false), None);
        assert_eq!(until(&[paid, failed, ("renewal", 1, 1, "accepted", 9), next], false), day(15));
        assert_eq!(
            until(&[paid, ("renewal", 1, 1, "accepted", 8), ("renewal", 1, 0, "failed", 9), next], false),
            day(15)
        );
        assert_eq!(until(&[paid, ("renewal", 1, 0, "ok?", 8), next], false), None);
    }

    #[test]
    fn a_renewal_that_is_retried_does_not_end_the_paid_period() {
        let again = ("renewal", 1, 1, "paying", 9);
        assert_eq!(until(&[("initial", 0, 0, "accepted", 1), again], false), None);
        assert_eq!(until(&[("initial", 0, 0, "accepted", 1), again, ("renewal", 2, 0, "pending", 15)], false), None);
        assert_eq!(until(&[("initial", 0, 1, "accepted", 1), again], false), day(9));
    }

    #[test]
    fn a_page_that_begins_with_the_open_renewal_follows_the_page_before() {
        assert_eq!(until(&[("renewal", 2, 0, "pending", 15)], false), day(15));
        assert_eq!(until(&[("renewal", 2, 0, "pending", 15)], true), None);
    }
}
