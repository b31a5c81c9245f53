//! What is told of invoices: which are paid, and of a payment that fails the customer is told once.

use super::Standing;
use super::invoices::Told;
use crate::fact::Because;
use crate::providers::flex::ids::InvoiceId;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::Context;
use crate::providers::flex::wire::{InvoiceSeen, SubscriptionStatus};
use crate::time::{Millis, Timestamp};

/// How long after a payment a lookup may still say that it is due.
const LAG: Millis = Millis::from_hours(1);

impl Standing {
    /// A lookup shows its status: the customer is told once that it is past due, unless an invoice has said so.
    pub(super) fn dun(&mut self, cx: &mut Context<'_>) {
        let id = self.id.as_str();
        if self.status != Some(SubscriptionStatus::PastDue) {
            self.past_due = false;
            cx.withdraw_word("past_due", id);
            return;
        }
        let leased = cx.begun_at();
        let just_paid = self.invoices.newest_paid().is_some_and(|paid| leased < paid.after(LAG));
        if !self.past_due && !just_paid {
            self.past_due = true;
            if !self.invoices.is_failing() {
                cx.notify("past_due", id, None);
            }
        }
    }

    /// An invoice could not be paid: the customer is told once, and loses nothing.
    pub(in super::super) fn failed(&mut self, invoice: &InvoiceSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        if self.is_over() || self.invoices.knows(&invoice.invoice_id) {
            return Err(Because::Known);
        }
        let told = self.past_due && !self.invoices.is_failing();
        let is_of_period = |it: &super::period::Shown| it.invoice.as_ref().is_none_or(|it| *it == invoice.invoice_id);
        if !(told && self.shown.as_ref().is_none_or(is_of_period)) {
            cx.notify("payment_failed", invoice.invoice_id.as_str(), None);
        }
        self.note(&invoice.invoice_id, None, Told::of(invoice), cx);
        self.look(cx);
        Ok(())
    }

    /// An invoice was paid: what that pays for, the lookup tells.
    pub(in super::super) fn paid(&mut self, invoice: &InvoiceSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        let id = &invoice.invoice_id;
        let of_session = self.sale.as_ref().is_some_and(|it| it.found && it.invoice.as_ref() == Some(id));
        if self.is_over() && (of_session || !invoice.is_paid()) {
            return Err(Because::Known);
        }
        if !invoice.is_paid() {
            if self.invoices.is_paid(id) {
                return Err(Because::Known);
            }
            self.look_at_invoice(id.clone(), cx);
            self.look(cx);
            return Ok(());
        }
        check_amounts(invoice, cx);
        if self.invoices.is_paid(id) {
            // A lookup may have shown it before, and not by which payment.
            let is_news = self.describe_invoice(id, Told::of(invoice), cx);
            return if is_news { Ok(()) } else { Err(Because::Known) };
        }
        self.note_paid(id, Told::of(invoice), cx);
        self.settle(cx);
        if !self.is_over() {
            self.reschedule(cx);
            self.plan(cx);
            self.look(cx);
        }
        Ok(())
    }

    /// How an invoice stands, in a reply.
    pub(in super::super) fn invoice_shown(&mut self, invoice: &InvoiceSeen, cx: &mut Context<'_>) {
        let id = &invoice.invoice_id;
        if !self.has_invoice(invoice, "/invoice", cx) {
            self.looked(cx);
            self.plan(cx);
            return;
        }
        let mut is_news = false;
        if invoice.is_paid() {
            check_amounts(invoice, cx);
            is_news = self.note_paid(id, Told::of(invoice), cx);
        } else if self.is_over() && !invoice.is_void() {
            self.doubt(id, cx);
        } else if self.shown.as_ref().is_some_and(|it| it.invoice.as_ref() == Some(id)) {
            // What another system cannot have delivered.
            self.delivered = None;
        }
        self.invoices.looked(id);
        self.settle(cx);
        self.reschedule(cx);
        self.looked(cx);
        self.plan(cx);
        if is_news && !self.is_over() && !self.is_settled(cx.now()) {
            self.look(cx);
        }
    }

    /// Notes that an invoice is paid; not if that is known.
    pub(super) fn note_paid(&mut self, id: &InvoiceId, told: Told<'_>, cx: &mut Context<'_>) -> bool {
        if self.invoices.is_paid(id) {
            self.describe_invoice(id, told, cx);
            return false;
        }
        self.note(id, Some(cx.now()), told, cx);
        cx.withdraw_word("payment_failed", id.as_str());
        cx.withdraw_word("past_due", self.id.as_str());
        cx.withdraw_word("payment_unknown", id.as_str());
        self.drop_invoice_lookup(id, cx);
        true
    }

    fn note(
        &mut self,
        id: &InvoiceId,
        paid: Option<Timestamp>,
        told: Told<'_>,
        cx: &mut Context<'_>,
    ) {
        cx.learn(id.as_str());
        for forgotten in self.invoices.note(id, paid, cx.now()) {
            cx.withdraw_word("payment_failed", forgotten.as_str());
        }
        self.describe_invoice(id, told, cx);
    }

    /// Takes in what a message says of an invoice besides its status; whether it is the first to name the payment.
    fn describe_invoice(&mut self, id: &InvoiceId, told: Told<'_>, cx: &mut Context<'_>) -> bool {
        if let Some(payment) = told.payment {
            cx.learn(payment);
        }
        self.invoices.describe(id, told)
    }
}

/// Whether an invoice is paid is judged by its status alone: amounts can only warn.
fn check_amounts(invoice: &InvoiceSeen, cx: &mut Context<'_>) {
    let whole = invoice.amount_paid.is_none_or(|paid| invoice.amount_due.is_none_or(|due| paid >= due));
    cx.check(Rule::InvoicePaidAmount, whole).at("/object/invoice/amount_paid");
}
