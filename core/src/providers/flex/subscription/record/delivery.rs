//! Delivery: once for each paid period, and never while the subscription is known not to run.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::SubscriptionRecord;
use super::invoices::Place;
use super::period::Paid;
use super::sale::Sale;
use crate::providers::flex::api::objects::SubscriptionStatus;
use crate::providers::flex::ids::InvoiceId;
use crate::providers::flex::names::Review;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::Cx;
use crate::time::{Millis, Timestamp};

/// How long after its period has begun a renewal is paid.
const PAID_AFTER: Millis = Millis::from_hours(2);

impl SubscriptionRecord {
    /// Whether the subscription is known not to run.
    fn is_halted(&self) -> bool {
        use SubscriptionStatus::{Incomplete, Paused, Unpaid};
        self.is_over() || matches!(self.status, Some(Incomplete | Unpaid | Paused))
    }

    /// Keeps a delivery until the subscription runs.
    pub(in super::super) fn hold(&mut self, of: &str) {
        if let Err(index) = self.held.binary_search_by(|it| it.as_str().cmp(of)) {
            self.held.insert(index, of.into());
        }
    }

    /// Owes a delivery, or keeps it until the subscription runs.
    pub(in super::super) fn deliver(&mut self, of: &str, cx: &mut Cx<'_>) {
        if self.is_halted() { self.hold(of) } else { cx.fulfill(of) }
    }

    /// Keeps what is not to be delivered while it does not run, and owes it again once it does.
    pub(super) fn hold_or_release(&mut self, cx: &mut Cx<'_>) {
        if self.is_halted() {
            for of in cx.withdraw_deliveries() {
                self.deliver(&of, cx);
            }
        } else if self.is_live() {
            for of in core::mem::take(&mut self.held) {
                cx.fulfill(&of);
            }
        }
    }

    /// Gives access until the end of a period and the grace after it.
    pub(super) fn give_access(&mut self, end: Timestamp, cx: &mut Cx<'_>) {
        let grace = cx.config().grace_ms;
        cx.check(Rule::SubscriptionGraceCoversPayment, grace >= PAID_AFTER);
        let until = end.after(grace);
        self.access = Some(until);
        cx.access(self.id.as_str(), until);
    }

    /// Ends access now, unless it has ended already.
    pub(in super::super) fn end_access(&mut self, cx: &mut Cx<'_>) {
        if self.access.is_some_and(|until| until.is_over(cx.now())) {
            return;
        }
        self.access = Some(cx.now());
        cx.access(self.id.as_str(), cx.now());
    }

    /// A new period is paid: it is delivered under its invoice, unless it is the one that a session has sold, or one that
    /// another system has delivered before.
    pub(super) fn deliver_period(&mut self, paid: &mut Paid, cx: &mut Cx<'_>) {
        if let Some(sale) = self.sale.as_mut().filter(|it| !it.found) {
            let is_its = match &sale.invoice {
                Some(invoice) => paid.invoice.as_ref() == Some(invoice) || paid.span.start <= sale.until,
                None => paid.span.start <= sale.until,
            };
            if is_its {
                sale.found = true;
                sale.invoice = sale.invoice.take().or_else(|| paid.invoice.clone());
                paid.invoice = paid.invoice.take().or_else(|| sale.invoice.clone());
                return;
            }
        }
        let delivered = self.delivered.take_if(|it| *it == paid.span.start).is_some();
        let judged = paid.invoice.as_ref().and_then(|it| self.invoices.paid_for(it)) == Some(Place::Judged);
        if delivered || judged || paid.trial {
            return;
        }
        let of = match &paid.invoice {
            Some(invoice) => invoice.as_str().to_owned(),
            None => format!("{}/{}", self.id.as_str(), paid.span.end.as_millis()),
        };
        self.deliver(&of, cx);
    }

    /// What was paid and not delivered when the subscription ends is a person's. What its session has sold was delivered, or
    /// is leased, unless it is among that.
    pub(super) fn leave_undelivered(&mut self, cx: &mut Cx<'_>) {
        let mut all: Vec<String> = cx.withdraw_deliveries();
        all.append(&mut self.held);
        if let Some(sale) = &mut self.sale {
            sale.found = !all.iter().any(|of| of == sale.session.as_str());
        }
        let is_unpaid = self.status == Some(SubscriptionStatus::IncompleteExpired);
        for of in all {
            let sale = self.sale.as_ref().filter(|it| it.session.as_str() == of);
            let known = || InvoiceId::parse(of.as_str()).ok().filter(|it| self.invoices.knows(it));
            match sale.map_or_else(known, |it| it.invoice.clone()) {
                Some(invoice) if self.invoices.is_paid(&invoice) => {
                    cx.ask(Review::UnplacedInvoice, invoice.as_str());
                }
                _ if is_unpaid => {}
                // Its session is complete: whether it is paid the invoice tells.
                Some(invoice) => self.look_up_invoice(invoice, cx),
                None => cx.ask(Review::UnplacedInvoice, &of),
            }
        }
    }

    /// What a session has sold was not delivered when the subscription ended, and no lookup tells whether it was paid: its
    /// session is complete, and a person looks.
    pub(super) fn doubt(&self, id: &InvoiceId, cx: &mut Cx<'_>) {
        let is_its = |it: &&Sale| !it.found && it.invoice.as_ref() == Some(id);
        if self.is_over() && self.sale.as_ref().filter(is_its).is_some() {
            cx.ask(Review::UnplacedInvoice, id.as_str());
        }
    }

    /// A person says that what is not as asked is delivered even so, whatever has become of the subscription.
    pub(in super::super) fn deliver_even_so(&mut self, of: &str, cx: &mut Cx<'_>) {
        if self.is_over() { cx.fulfill(of) } else { self.deliver(of, cx) }
    }

    /// A person says what becomes of a paid invoice that no period shows. What the session has sold is delivered under its
    /// name, so that who has begun to deliver it does not do so twice.
    pub(in super::super) fn invoice_reviewed(&mut self, of: &str, fulfill: bool, cx: &mut Cx<'_>) {
        if let Ok(invoice) = InvoiceId::parse(of) {
            self.invoices.place(&invoice, Place::Judged);
        }
        let is_its = |sale: &&mut Sale| sale.is_named(of);
        let sale = self.sale.as_mut().filter(is_its).map(|sale| {
            sale.found = true;
            sale.session.as_str()
        });
        if fulfill {
            cx.fulfill(sale.unwrap_or(of));
        }
    }
}
