//! What the status shows of the payments and of the refunds. Only entries with their full names are shown.

use alloc::vec::Vec;

use super::super::overview::{PaymentReport, RefundReport};
use super::lines::{OtherRefund, PaidTransaction, Proof};
use super::name::{Name, Short};
use super::{Ledger, Payment, sum};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::payments::Tried;
use crate::providers::revup::ids::TransactionId;

impl Ledger {
    /// The newest payments, each once, by the transaction that took the money. `currency` is that of a payment whose
    /// currency Revup does not name. `unconfirmed` are the refunds without an outcome, by their payments.
    pub(in super::super) fn payment_reports(
        &self,
        currency: Option<&str>,
        unconfirmed: &[(TransactionId, Decimal)],
    ) -> Vec<PaymentReport> {
        let mut reports = Vec::new();
        let mut seen: Vec<Short> = Vec::new();
        for it in self.paid.iter().filter(|it| !it.has_failed()) {
            if seen.contains(&it.transaction.short()) {
                continue;
            }
            let payment = self.payment_named(&it.transaction);
            let all = || self.paid.iter().filter(|it| !it.has_failed() && payment.has(&it.transaction));
            let best = all().max_by_key(|it| (it.proved, it.tried == Tried::Succeeded, it.tried == Tried::Last));
            seen.extend(payment.names.iter().copied());
            reports.extend(self.payment_report(best.unwrap_or(it), &payment, currency, unconfirmed));
        }
        reports
    }

    fn payment_report(
        &self,
        paid: &PaidTransaction,
        payment: &Payment<'_>,
        currency: Option<&str>,
        unconfirmed: &[(TransactionId, Decimal)],
    ) -> Option<PaymentReport> {
        let currency = paid.currency.as_deref().or(currency);
        let of_payment = unconfirmed.iter().filter(|(of, _)| payment.has(&Name::of(of.as_str())));
        let refunding = sum(of_payment.map(|(_, amount)| *amount)).unwrap_or(Decimal::ZERO);
        let reserved = sum(self.refunded.iter().filter(|it| payment.has(&it.transaction)).map(|it| it.sum));
        let refunded = reserved.and_then(|it| it.minus(refunding)).unwrap_or(Decimal::ZERO);
        // A payment without an id of its own is named by one of its transactions.
        let is_transaction = |name: &Name| self.paid.iter().any(|it| it.transaction.is(name, name.short()));
        Some(PaymentReport {
            transaction_id: TransactionId::read(paid.transaction.full()?)?,
            payment_id: paid.payment.as_ref().filter(|it| !is_transaction(it)).and_then(Name::full).map(Into::into),
            amount: paid.amount.in_smallest_unit(currency),
            refunded: refunded.in_smallest_unit(currency),
            refunding: refunding.in_smallest_unit(currency),
            proved: paid.proved,
        })
    }

    /// The newest refunds that this flow did not request, as far as they are proved.
    pub(in super::super) fn refund_reports(&self, currency: Option<&str>) -> Vec<RefundReport> {
        let is_payment = |it: &PaidTransaction, of: &Name| {
            it.transaction.is(of, of.short()) || it.payment.as_ref().is_some_and(|name| name.is(of, of.short()))
        };
        let report = |it: &OtherRefund| {
            let payment = it.of.as_ref().and_then(|of| self.paid.iter().find(|paid| is_payment(paid, of)));
            let currency = payment.and_then(|paid| paid.currency.as_deref()).or(currency);
            Some(RefundReport {
                transaction_id: TransactionId::read(it.transaction.full()?)?,
                payment_id: it.of.as_ref().and_then(Name::full).map(Into::into),
                intent: None,
                amount: it.amount.and_then(|it| it.in_smallest_unit(currency)),
            })
        };
        self.others.iter().filter(|it| it.proof != Proof::Told).filter_map(report).collect()
    }
}
