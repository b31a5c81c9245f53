//! Payments: which invoices are paid, and which have failed. The customer is notified of a failure once.

use super::SubscriptionRecord;
use super::invoices::Details;
use super::period::LookupResult;
use super::sale::Sale;
use crate::fact::IgnoredReason;
use crate::flow::ToDo;
use crate::money::Cents;
use crate::providers::flex::api::objects::{InvoiceObject, SubscriptionStatus};
use crate::providers::flex::ids::{CheckoutSessionId, InvoiceId, payment_intent_id};
use crate::providers::flex::names::{Notice, Review};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::Cx;
use crate::time::{Millis, Timestamp};

/// How long after a payment a lookup may still show the subscription as past due.
const LAG: Millis = Millis::from_hours(1);

impl SubscriptionRecord {
    /// Notifies the customer once when a lookup shows the subscription as past due, unless a failed invoice was
    /// notified.
    pub(super) fn notify_past_due(&mut self, cx: &mut Cx<'_>) {
        let id = self.id.as_str();
        if self.status != Some(SubscriptionStatus::PastDue) {
            self.past_due = false;
            cx.withdraw_notice(Notice::PastDue, id);
            return;
        }
        let leased = cx.leased_at();
        let just_paid = self.invoices.newest_paid().is_some_and(|paid| leased < paid.after(LAG));
        if !self.past_due && !just_paid {
            self.past_due = true;
            if !self.invoices.is_failing() {
                let (url, action) = self.to_do(cx.now());
                cx.notify(Notice::PastDue, &self.id, ToDo::at(url.as_deref(), action));
            }
        }
    }

    /// A payment has failed. The customer is notified once, and keeps access.
    pub(in super::super) fn on_invoice_failed(
        &mut self,
        invoice: &InvoiceObject,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        if self.is_over() || self.invoices.knows(&invoice.invoice_id) {
            return Err(IgnoredReason::Duplicate);
        }
        let notified = self.past_due && !self.invoices.is_failing();
        let is_of_period = |it: &LookupResult| it.invoice.as_ref().is_none_or(|it| *it == invoice.invoice_id);
        if !(notified && self.last_lookup.as_ref().is_none_or(is_of_period)) {
            let (url, action) = self.to_do(cx.now());
            cx.notify(Notice::PaymentFailed, &invoice.invoice_id, ToDo::at(url.as_deref(), action));
        }
        self.note(&invoice.invoice_id, None, Details::of(invoice), cx);
        self.look_up(cx);
        Ok(())
    }

    /// An invoice was paid. A lookup shows which period it has paid for.
    pub(in super::super) fn on_invoice_paid(
        &mut self,
        invoice: &InvoiceObject,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let id = &invoice.invoice_id;
        let of_session = self.sale.as_ref().is_some_and(|it| it.found && it.invoice.as_ref() == Some(id));
        if self.is_over() && (of_session || !invoice.is_paid()) {
            return Err(IgnoredReason::Duplicate);
        }
        if !invoice.is_paid() {
            if self.invoices.is_paid(id) {
                return Err(IgnoredReason::Duplicate);
            }
            self.look_up_invoice(id.clone(), cx);
            self.look_up(cx);
            return Ok(());
        }
        check_amounts(invoice, cx);
        if self.invoices.is_paid(id) {
            // A lookup may have shown the payment before, but not its id.
            let is_news = self.describe_invoice(id, Details::of(invoice), cx);
            return if is_news { Ok(()) } else { Err(IgnoredReason::Duplicate) };
        }
        self.note_paid(id, Details::of(invoice), cx);
        self.settle(cx);
        if !self.is_over() {
            self.reschedule(cx);
            self.plan(cx);
            self.look_up(cx);
        }
        Ok(())
    }

    /// Applies the lookup of an invoice.
    pub(in super::super) fn on_invoice_lookup(&mut self, invoice: &InvoiceObject, cx: &mut Cx<'_>) {
        let id = &invoice.invoice_id;
        if !self.owns_invoice(invoice, "/invoice", cx) {
            self.note_lookup(cx);
            self.plan(cx);
            return;
        }
        let mut is_news = false;
        if invoice.is_paid() {
            check_amounts(invoice, cx);
            is_news = self.note_paid(id, Details::of(invoice), cx);
        } else if self.is_over() && !invoice.is_void() {
            self.ask_about_undelivered(id, cx);
        } else if self.last_lookup.as_ref().is_some_and(|it| it.invoice.as_ref() == Some(id)) {
            // Another system cannot have delivered an unpaid period.
            self.delivered = None;
        }
        self.invoices.looked(id);
        self.settle(cx);
        self.reschedule(cx);
        self.note_lookup(cx);
        self.plan(cx);
        if is_news && !self.is_over() && !self.is_settled(cx.now()) {
            self.look_up(cx);
        }
    }

    /// Whether Flex has shown the invoice, and its details are still kept.
    pub(in super::super) fn keeps_invoice(&self, id: &InvoiceId) -> bool {
        self.invoices.find(id).is_some()
    }

    /// The payments that can be refunded: the invoice, the payment, and its amount in cents.
    pub(in super::super) fn payments(&self) -> impl Iterator<Item = (&InvoiceId, &str, Cents)> {
        self.invoices.payments()
    }

    /// The session that has sold the subscription, and its invoice if that is known.
    pub(in super::super) fn sold_by(&self) -> Option<(&CheckoutSessionId, Option<&InvoiceId>)> {
        self.sale.as_ref().map(|it| (&it.session, it.invoice.as_ref()))
    }

    /// Whether access has not ended.
    pub(in super::super) fn has_access(&self, cx: &Cx<'_>) -> bool {
        self.access.is_some_and(|until| !until.is_over(cx.now()))
    }

    /// Whether a payment has paid for the last paid period. `is_sale` is whether it is the payment of the session.
    pub(in super::super) fn is_paid_by(&self, payment: &str, is_sale: bool) -> bool {
        let Some(paid) = self.paid.as_ref().filter(|it| !it.trial) else { return false };
        let invoice = paid.invoice.as_ref();
        let is_it = |it: (&InvoiceId, &str, Cents)| Some(it.0) == invoice && it.1 == payment;
        let of_sale = |it: &Sale| paid.span.start <= it.until && (invoice.is_none() || invoice == it.invoice.as_ref());
        self.payments().any(is_it) || (is_sale && self.sale.as_ref().is_some_and(of_sale))
    }

    /// Stores an invoice as paid. Returns whether that is new.
    pub(super) fn note_paid(&mut self, id: &InvoiceId, details: Details<'_>, cx: &mut Cx<'_>) -> bool {
        if self.invoices.is_paid(id) {
            self.describe_invoice(id, details, cx);
            return false;
        }
        self.note(id, Some(cx.now()), details, cx);
        cx.withdraw_notice(Notice::PaymentFailed, id.as_str());
        cx.withdraw_notice(Notice::PastDue, self.id.as_str());
        cx.withdraw_review(Review::PaymentUnknown, id.as_str());
        self.drop_invoice_lookup(id, cx);
        true
    }

    fn note(&mut self, id: &InvoiceId, paid: Option<Timestamp>, details: Details<'_>, cx: &mut Cx<'_>) {
        cx.learn(id);
        for forgotten in self.invoices.note(id, paid, cx.now()) {
            cx.withdraw_notice(Notice::PaymentFailed, forgotten.as_str());
        }
        self.describe_invoice(id, details, cx);
    }

    /// Stores what a message says of an invoice besides its status. Returns whether the payment is new.
    fn describe_invoice(&mut self, id: &InvoiceId, details: Details<'_>, cx: &mut Cx<'_>) -> bool {
        if let Some(payment) = details.payment {
            payment_intent_id(payment).into_iter().for_each(|id| cx.learn(id));
        }
        self.invoices.describe(id, details)
    }
}

/// Only the status decides whether an invoice is paid. Amounts only warn.
fn check_amounts(invoice: &InvoiceObject, cx: &mut Cx<'_>) {
    let whole = invoice.amount_paid.is_none_or(|paid| invoice.amount_due.is_none_or(|due| paid >= due));
    cx.check(Rule::InvoicePaidAmount, whole).at("/object/invoice/amount_paid");
}
