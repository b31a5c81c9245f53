//! The payments of a subscription as a lookup lists them: what was paid, and until when.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::replies::Entry;
use crate::json::{lenient, lenient_text};
use crate::providers::revup::amount::{Decimal, told};
use crate::providers::revup::ids::TransactionId;
use crate::time::Timestamp;

/// A payment that was made, by one of its transactions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Made {
    /// The transaction.
    pub(crate) transaction: TransactionId,
    /// How much was paid.
    pub(crate) amount: Decimal,
    /// In which currency, where that is said.
    pub(crate) currency: Option<String>,
    /// What Revup calls the payment, where that is said: the event of a refund names nothing else of it, and a second
    /// transaction of the same payment, such as the one on a fallback MID, has it too.
    pub(crate) payment: Option<String>,
}

impl Made {
    /// What names a payment without a name of its own: the first of its transactions.
    pub(crate) fn name(mut all: impl Iterator<Item = TransactionId>) -> Option<String> {
        all.next().map(|it| it.as_str().into())
    }
}

/// A page of the payments of a subscription.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct PaymentsSeen {
    payments: Vec<Entry<PaymentSeen>>,
    #[serde(default, deserialize_with = "lenient")]
    pagination: Option<Pagination>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentSeen {
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
    #[serde(default, deserialize_with = "told")]
    amount: Option<Decimal>,
    #[serde(default, deserialize_with = "lenient_text")]
    currency: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    transactions: Option<Vec<Entry<Named>>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    #[serde(default, deserialize_with = "lenient_text")]
    transaction_id: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    #[serde(default, deserialize_with = "lenient")]
    total_pages: Option<u32>,
}

fn is(have: Option<&String>, wanted: &str) -> bool {
    have.is_some_and(|it| it.eq_ignore_ascii_case(wanted))
}

impl PaymentSeen {
    fn is_initial(&self) -> bool {
        is(self.payment_type.as_ref(), "initial")
    }

    fn is_renewal(&self) -> bool {
        is(self.payment_type.as_ref(), "renewal")
    }

    fn is_accepted(&self) -> bool {
        is(self.status.as_ref(), "accepted")
    }

    /// Whether it is still to be charged.
    fn is_open(&self) -> bool {
        self.is_renewal() && (is(self.status.as_ref(), "pending") || is(self.status.as_ref(), "paying"))
    }

    fn due(&self) -> Option<Timestamp> {
        Timestamp::parse_iso(self.due_date.as_deref()?)
    }

    /// Its place among the payments by their days; one that was not made and has no day may be the newest.
    fn order(&self) -> (bool, Option<Timestamp>) {
        let due = self.due();
        (due.is_none() && !self.is_accepted(), due)
    }
}

impl PaymentsSeen {
    fn all(&self) -> impl Iterator<Item = &PaymentSeen> {
        self.payments.iter().filter_map(|it| it.0.as_ref())
    }

    /// When the renewal that is still to be charged for the first time is due: until then the customer has paid, if the
    /// payment before it was made. That may be the last one of the page before.
    pub(crate) fn paid_until(&self, unpaid_before: bool) -> Option<Timestamp> {
        // The first charge is never tried again, so its number is that of a first try.
        let first = self.all().filter(|it| it.is_initial()).filter_map(|it| it.num_attempt).max().unwrap_or(0);
        let open = self.all().filter(|it| it.is_open() && it.num_attempt.unwrap_or(0) <= first);
        let until = open.filter_map(PaymentSeen::due).min()?;
        let before = |it: &&PaymentSeen| it.due().is_none_or(|due| due < until);
        (!self.is_unpaid(before).unwrap_or(unpaid_before)).then_some(until)
    }

    /// Whether the newest payment of the page was not made; nothing where the page shows none.
    pub(crate) fn ends_unpaid(&self) -> Option<bool> {
        self.is_unpaid(|_| true)
    }

    /// Whether the newest of some payments was not made, by whichever try.
    fn is_unpaid(&self, of: impl Fn(&&PaymentSeen) -> bool) -> Option<bool> {
        let charges = self.all().filter(|it| it.is_initial() || it.is_renewal());
        let newest = charges.filter(of).max_by_key(|it| it.order())?;
        let tries = self.all().filter(|it| it.payment_type == newest.payment_type && newest.payment_cycle.is_some());
        let mut tries = tries.filter(|it| it.payment_cycle == newest.payment_cycle);
        Some(!newest.is_accepted() && !tries.any(PaymentSeen::is_accepted))
    }

    /// The payments that were made: their transactions, and how much each was.
    pub(crate) fn made(&self) -> impl Iterator<Item = Made> {
        self.all().filter(|it| it.is_accepted()).flat_map(|it| {
            let all = || it.transactions.iter().flatten().filter_map(|it| it.0.as_ref()?.transaction_id.as_deref());
            let ids = move || all().filter_map(TransactionId::told);
            ids().filter_map(move |transaction| {
                let payment = it.payment_id.clone().or_else(|| Made::name(ids()));
                Some(Made { transaction, amount: it.amount?, currency: it.currency.clone(), payment })
            })
        })
    }

    /// Whether there is a page after that one.
    pub(crate) fn goes_on_after(&self, page: u32, size: u32) -> bool {
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

    /// One payment by its type, its cycle, its attempt, its status and its day in January.
    type Row<'a> = (&'a str, u32, u32, &'a str, u32);

    fn until(rows: &[Row<'_>], unpaid_before: bool) -> Option<Timestamp> {
        let rows = rows.iter().map(|(kind, cycle, attempt, status, day)| {
            format!(
                r#"{{"paymentType":"{kind}","paymentCycle":{cycle},"numAttempt":{attempt},"status":"{status}","dueDate":"2027-01-{day:02}"}}"#
            )
        });
        let body = format!(r#"{{"payments":[{}]}}"#, rows.collect::<Vec<_>>().join(","));
        read_body::<PaymentsSeen>(body.as_bytes()).unwrap().paid_until(unpaid_before)
    }

    fn day(day: u32) -> Option<Timestamp> {
        Timestamp::parse_iso(&format!("2027-01-{day:02}"))
    }

    #[test]
    fn the_open_renewal_ends_what_is_paid_only_after_a_payment_that_was_made() {
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
    fn a_renewal_that_is_tried_again_ends_nothing_that_is_paid() {
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
