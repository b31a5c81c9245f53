//! What lookups show of the status and the period, and what follows.

use super::SubscriptionRecord;
use super::ending::Ending;
use super::invoices::Details;
use super::period::LookupResult;
use crate::flow::Reviews;
use crate::providers::flex::api::objects::{InvoiceObject, LatestInvoice, SubscriptionObject, SubscriptionStatus};
use crate::providers::flex::ids::InvoiceId;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::Cx;

impl SubscriptionRecord {
    /// Applies a lookup of the subscription.
    pub(super) fn on_lookup(&mut self, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        let Some(status) = object.status.clone() else { return };
        if !self.is_in_mode(object.test_mode, "/subscription/test_mode", cx) {
            self.note_lookup(cx);
            return self.plan(cx);
        }
        let may_move = self.status.as_ref().is_none_or(|from| may_move(from, &status));
        cx.check(Rule::SubscriptionTransition, may_move).at("/subscription/status");
        if self.is_over() {
            if !may_move {
                cx.ask(Review::Contradiction, &self.id);
            }
            return;
        }
        let is_older = self.last_lookup.as_ref().is_some_and(|it| cx.leased_by() < it.leased);
        if is_older && !status.is_over() {
            // A lookup that was leased later has shown more.
            return self.plan(cx);
        }
        cx.withdraw_review(Review::NotFound, self.id.as_str());
        self.customer = self.customer.take().or_else(|| object.customer_id());
        self.test_mode = self.test_mode.or(object.test_mode.value());
        if status.is_over() {
            return self.end(status, cx);
        }
        self.describe(status, object, cx);
        self.ask_about_status(cx);
        self.ask_about_period(cx);
        self.notify_past_due(cx);
        self.hold_or_release(cx);
        self.settle(cx);
        self.reschedule(cx);
        self.plan(cx);
        self.look_up_open_invoice(cx);
    }

    /// Stores what a lookup shows.
    fn describe(&mut self, status: SubscriptionStatus, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        if let Some(flag) = object.cancel_at_period_end {
            self.cancel_at_period_end = flag;
            self.asked_to_end &= flag || self.ending == Some(Ending::WithPeriod(true));
        }
        self.take_items(object);
        let before = self.status.replace(status);
        if before != self.status {
            self.since = cx.now();
            self.restart_if_paused(cx);
        }
        let latest = self.own_latest(object, cx);
        self.take_period(object, latest.map(LatestInvoice::id), cx);
        if before.is_none() && self.sale.is_none() && self.is_live() {
            self.delivered = self.last_lookup.as_ref().map(|it| it.start);
        }
        if let Some(LatestInvoice::Whole(invoice)) = latest
            && invoice.is_paid()
        {
            self.note_paid(&invoice.invoice_id, Details::of(invoice), cx);
        }
    }

    /// The latest invoice that a lookup shows, unless it belongs to another subscription.
    fn own_latest<'a>(&self, object: &'a SubscriptionObject, cx: &mut Cx<'_>) -> Option<&'a LatestInvoice> {
        let latest = object.latest_invoice.value()?;
        match latest {
            LatestInvoice::Whole(invoice) if !self.owns_invoice(invoice, "/subscription/latest_invoice", cx) => None,
            _ => Some(latest),
        }
    }

    /// Whether an invoice in a reply may belong to this subscription, its customer and its mode.
    pub(super) fn owns_invoice(&self, invoice: &InvoiceObject, pointer: &'static str, cx: &mut Cx<'_>) -> bool {
        let of_it = invoice.subscriptions().all(|it| it == self.id.as_str());
        let same = of_it && self.is_of_customer(invoice.customer.as_ref());
        cx.check(Rule::InvoiceBelongs, same).at(pointer);
        self.is_in_mode(invoice.test_mode, pointer, cx) && same
    }

    /// An unlisted status neither grants nor ends access. A person says what it means.
    fn ask_about_status(&mut self, cx: &mut Cx<'_>) {
        let listed = self.status.as_ref().is_none_or(SubscriptionStatus::is_known);
        cx.check(Rule::SubscriptionStatusKnown, listed).at("/subscription/status");
        if self.is_unknown() {
            cx.ask(Review::UnknownStatus.only(&[Verdict::Live, Verdict::Ended]), &self.id);
        } else {
            cx.withdraw_review(Review::UnknownStatus, self.id.as_str());
        }
    }

    /// A period without an end cannot grant access, so a person is asked at once.
    fn ask_about_period(&self, cx: &mut Cx<'_>) {
        let span = |it: &LookupResult| if self.is_trialing() { it.trial() } else { it.span() };
        if self.is_live() && self.last_lookup.as_ref().and_then(span).is_none() {
            cx.ask(Review::NoPeriod, &self.id);
        } else {
            cx.withdraw_review(Review::NoPeriod, self.id.as_str());
        }
    }

    fn is_trialing(&self) -> bool {
        self.status == Some(SubscriptionStatus::Trialing)
    }

    /// A person has called an unlisted status live. The shown period grants access, unless it has an invoice that is
    /// not known to be paid.
    pub(super) fn attest(&mut self, cx: &mut Cx<'_>) {
        let Some(lookup) = &self.last_lookup else { return };
        self.attested = self.status.as_ref().map(|it| (it.as_str().into(), lookup.end));
        self.hold_or_release(cx);
        self.settle(cx);
        self.reschedule(cx);
        self.plan(cx);
        self.look_up_open_invoice(cx);
    }

    /// A person has called an invoice paid.
    pub(super) fn attest_invoice(&mut self, id: &str, cx: &mut Cx<'_>) {
        if let Ok(invoice) = InvoiceId::parse(id) {
            self.note_paid(&invoice, Details::default(), cx);
        }
        self.settle(cx);
        self.reschedule(cx);
        self.plan(cx);
        self.look_up(cx);
    }
}

/// Whether a status can change into another, directly or in several steps.
fn may_move(from: &SubscriptionStatus, to: &SubscriptionStatus) -> bool {
    use SubscriptionStatus::{Incomplete, IncompleteExpired, Trialing};
    match to {
        _ if from == to => true,
        _ if from.is_over() => false,
        _ if !from.is_known() => true,
        Incomplete => false,
        IncompleteExpired | Trialing => *from == Incomplete,
        _ => true,
    }
}
