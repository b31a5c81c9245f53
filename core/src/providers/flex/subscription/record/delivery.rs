//! Delivery: once for each paid period, and never while the subscription does not run.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::SubscriptionRecord;
use super::invoices::Place;
use super::period::PaidPeriod;
use super::sale::Sale;
use crate::effect::Period;
use crate::id::TypedId;
use crate::money::Cents;
use crate::providers::flex::api::objects::SubscriptionStatus;
use crate::providers::flex::ids::InvoiceId;
use crate::providers::flex::names::Review;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::Cx;
use crate::time::{Millis, Timestamp};

/// When the payment of a renewal is certain, counted from the beginning of its period.
const PAID_AFTER: Millis = Millis::from_hours(2);

impl SubscriptionRecord {
    /// Whether the subscription is known not to run.
    fn is_halted(&self) -> bool {
        use SubscriptionStatus::{Incomplete, Paused, Unpaid};
        self.is_over() || matches!(self.status, Some(Incomplete | Unpaid | Paused))
    }

    /// Keeps a delivery until the subscription runs.
    pub(in super::super) fn hold(&mut self, about: &str) {
        if let Err(index) = self.held.binary_search_by(|it| it.as_str().cmp(about)) {
            self.held.insert(index, about.into());
        }
    }

    /// Takes a delivery back. Returns whether no worker can have carried it out.
    pub(in super::super) fn take_back(&mut self, about: &str, cx: &mut Cx<'_>) -> bool {
        let before = self.held.len();
        self.held.retain(|held| held != about);
        self.held.len() < before || cx.take_back_delivery(about)
    }

    /// Makes a `fulfill` effect, or keeps the delivery until the subscription runs.
    pub(in super::super) fn deliver(&mut self, about: &str, cx: &mut Cx<'_>) {
        if self.is_halted() { self.hold(about) } else { cx.fulfill(self.about_sale(about)) }
    }

    /// What a delivery is about: an invoice, a period without one, or the session of the purchase.
    fn about_sale(&self, about: &str) -> TypedId {
        let is_period = about.split_once('/').is_some_and(|(subscription, _)| self.is(subscription));
        let is_invoice = || InvoiceId::parse(about).is_ok_and(|invoice| self.invoices.knows(&invoice));
        match () {
            () if is_period => TypedId::new("period", about),
            () if is_invoice() => TypedId::new("invoice", about),
            () => TypedId::new("checkout_session", about),
        }
    }

    /// The amount and the period of a delivery, as far as Flex has shown them.
    pub(in super::super) fn paid_for(&self, about: &str) -> (Option<Cents>, Option<Period>) {
        let invoice = InvoiceId::parse(about).ok();
        let sold = self.sale.as_ref().filter(|it| it.session.as_str() == about).and_then(|it| it.invoice.clone());
        let invoice = sold.or(invoice);
        let amount = invoice.as_ref().and_then(|it| self.invoices.find(it)).and_then(|it| it.amount);
        let is_it = |it: &&PaidPeriod| {
            let end = about.split_once('/').filter(|(subscription, _)| self.is(subscription)).map(|(_, end)| end);
            (invoice.is_some() && it.invoice == invoice) || end == Some(&*format!("{}", it.span.end.as_millis()))
        };
        let paid = self.paid.as_ref().filter(is_it);
        (amount, paid.map(|it| Period::new(it.span.start, it.span.end)))
    }

    /// Takes back deliveries while the subscription does not run, and makes them again once it runs.
    pub(super) fn hold_or_release(&mut self, cx: &mut Cx<'_>) {
        if self.is_halted() {
            self.handed_out |= cx.has_leased_delivery();
            for about in cx.withdraw_deliveries() {
                self.deliver(about.as_str(), cx);
            }
            // A worker that holds a lease can still report `done`, but no other worker delivers it.
            cx.withhold(|_| true);
        } else if self.is_live() {
            cx.release_withheld();
            for about in core::mem::take(&mut self.held) {
                cx.fulfill(self.about_sale(&about));
            }
        }
    }

    /// Gives access until the end of a period and the grace period after it.
    pub(super) fn give_access(&mut self, end: Timestamp, cx: &mut Cx<'_>) {
        let grace = cx.config().grace_ms;
        cx.check(Rule::SubscriptionGraceCoversPayment, grace >= PAID_AFTER);
        let until = end.after(grace);
        self.access = Some(until);
        // The customer has access again, whatever a person would have said.
        cx.withdraw_all_about(&[Review::DisputeWon.as_str()], |_| true);
        cx.access(&self.id, Some(end), until);
    }

    /// Ends access now, unless it has ended already.
    pub(in super::super) fn end_access(&mut self, cx: &mut Cx<'_>) {
        if self.access.is_some_and(|until| until.is_over(cx.now())) {
            return;
        }
        self.access = Some(cx.now());
        cx.access(&self.id, None, cx.now());
    }

    /// Delivers a new paid period under its invoice. The period that a session has sold, or that another system has
    /// delivered, is not delivered again.
    pub(super) fn deliver_period(&mut self, paid: &mut PaidPeriod, cx: &mut Cx<'_>) {
        if let Some(sale) = self.sale.as_mut().filter(|it| !it.found) {
            let is_purchase = match &sale.invoice {
                Some(invoice) => paid.invoice.as_ref() == Some(invoice) || paid.span.start <= sale.until,
                None => paid.span.start <= sale.until,
            };
            if is_purchase {
                sale.found = true;
                sale.invoice = sale.invoice.take().or_else(|| paid.invoice.clone());
                paid.invoice = paid.invoice.take().or_else(|| sale.invoice.clone());
                return;
            }
        }
        let delivered = self.delivered.take_if(|it| *it == paid.span.start).is_some();
        let is_reviewed = paid.invoice.as_ref().and_then(|it| self.invoices.paid_for(it)) == Some(Place::Reviewed);
        if delivered || is_reviewed || paid.trial {
            return;
        }
        let about = match &paid.invoice {
            Some(invoice) => invoice.as_str().to_owned(),
            None => format!("{}/{}", self.id.as_str(), paid.span.end.as_millis()),
        };
        self.deliver(&about, cx);
    }

    /// A person decides about paid deliveries that are left when the subscription ends. A purchase that is not among
    /// them was delivered, or is leased.
    pub(super) fn ask_about_all_undelivered(&mut self, cx: &mut Cx<'_>) {
        let is_unpaid = self.status == Some(SubscriptionStatus::IncompleteExpired);
        let may_be_delivered = self.handed_out || cx.has_leased_delivery();
        if is_unpaid {
            // Not even the worker that holds the lease should deliver it.
            cx.withhold(|_| true);
        }
        let taken = cx.withdraw_withheld().into_iter().map(|(about, _)| about).chain(cx.withdraw_deliveries());
        let mut undelivered: Vec<String> = taken.map(|about| about.as_str().into()).collect();
        undelivered.append(&mut self.held);
        if let Some(sale) = &mut self.sale {
            sale.found = !undelivered.iter().any(|about| about == sale.session.as_str());
        }
        for about in undelivered {
            let sale = self.sale.as_ref().filter(|it| it.session.as_str() == about);
            let known = || InvoiceId::parse(about.as_str()).ok().filter(|it| self.invoices.knows(it));
            match sale.map_or_else(known, |it| it.invoice.clone()) {
                Some(invoice) if self.invoices.is_paid(&invoice) => {
                    cx.ask(Review::UnplacedInvoice, &invoice);
                }
                _ if is_unpaid && !may_be_delivered => {}
                // Nothing was paid, but a worker may have delivered it.
                Some(invoice) if is_unpaid => cx.ask(Review::UnplacedInvoice, &invoice),
                // The session is complete, so the invoice shows whether the purchase is paid.
                Some(invoice) => self.look_up_invoice(invoice, cx),
                None => cx.ask(Review::UnplacedInvoice, self.about_sale(&about)),
            }
        }
    }

    /// A person decides about a purchase that was not delivered before the end, if no lookup shows whether it was paid.
    pub(super) fn ask_about_undelivered(&self, id: &InvoiceId, cx: &mut Cx<'_>) {
        let is_purchase = |it: &&Sale| !it.found && it.invoice.as_ref() == Some(id);
        if self.is_over() && self.sale.as_ref().filter(is_purchase).is_some() {
            cx.ask(Review::UnplacedInvoice, id);
        }
    }

    /// A person says that a session that does not match the request is delivered all the same.
    pub(in super::super) fn deliver_anyway(&mut self, about: &str, cx: &mut Cx<'_>) {
        if self.is_over() { cx.fulfill(self.about_sale(about)) } else { self.deliver(about, cx) }
    }

    /// A person decides about a paid invoice without a period. The purchase keeps its session's name, so that a worker
    /// who has already delivered it does not deliver it twice.
    pub(in super::super) fn invoice_reviewed(&mut self, about: &str, fulfill: bool, cx: &mut Cx<'_>) {
        if let Ok(invoice) = InvoiceId::parse(about) {
            self.invoices.place(&invoice, Place::Reviewed);
        }
        let is_purchase = |sale: &&mut Sale| sale.is_named(about);
        let sale = self.sale.as_mut().filter(is_purchase).map(|sale| {
            sale.found = true;
            TypedId::from(&sale.session)
        });
        if fulfill {
            cx.fulfill(sale.unwrap_or_else(|| self.about_sale(about)));
        }
    }
}
