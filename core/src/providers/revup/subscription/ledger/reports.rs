//! What the status shows of the payments and of the refunds. Only entries with their full names are shown.

use alloc::vec::Vec;

use super::super::overview::{PaymentReport, RefundReport};
use super::lines::{OtherRefund, PaidTransaction};
use super::name::Name;
use super::{Ledger, sum};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::ids::TransactionId;

impl Ledger {
    /// The newest payments. `currency` is that of a payment whose currency Revup does not name. `unconfirmed` are the
    /// refunds without an outcome, by their payments.
    pub(in super::super) fn payment_reports(
        &self,
        currency: Option<&str>,
        unconfirmed: &[(TransactionId, Decimal)],
    ) -> Vec<PaymentReport> {
        let report = |it: &PaidTransaction| {
            let currency = it.currency.as_deref().or(currency);
            let short = it.transaction.short();
            let reserved = self.refunded.iter().find(|refunded| refunded.transaction.is(&it.transaction, short));
            let of_payment = unconfirmed.iter().filter(|(of, _)| Name::of(of.as_str()).is(&it.transaction, short));
            let refunding = sum(of_payment.map(|(_, amount)| *amount)).unwrap_or(Decimal::ZERO);
            let refunded = reserved.and_then(|it| it.sum.minus(refunding)).unwrap_or(Decimal::ZERO);
            Some(PaymentReport {
                transaction_id: TransactionId::read(it.transaction.full()?)?,
                amount: it.amount.in_smallest_unit(currency),
                refunded: refunded.in_smallest_unit(currency),
                refunding: refunding.in_smallest_unit(currency),
                proved: it.proved,
            })
        };
        self.paid.iter().filter_map(report).collect()
    }

    /// The newest refunds that this flow did not request, as far as they are proved.
    pub(in super::super) fn refund_reports(&self, currency: Option<&str>) -> Vec<RefundReport> {
        let is_payment = |it: &PaidTransaction, of: &Name| {
            it.transaction.is(of, of.short()) || it.payment.as_ref().is_some_and(|name| name.is(of, of.short()))
        };
        let report = |it: &OtherRefund| {
            let payment = self.paid.iter().find(|paid| is_payment(paid, &it.of));
            let currency = payment.and_then(|paid| paid.currency.as_deref()).or(currency);
            Some(RefundReport {
                transaction_id: TransactionId::read(it.transaction.full()?)?,
                payment_id: it.of.full().map(Into::into),
                intent: None,
                amount: it.amount.in_smallest_unit(currency),
            })
        };
        self.others.iter().filter(|it| it.proved).filter_map(report).collect()
    }
}
