//! Periods of a subscription: what a lookup has shown, and which of them are paid.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::SubscriptionRecord;
use super::ending::EARLY;
use super::invoices::{Invoice, Place};
use super::sale::FIRST_PERIOD;
use crate::money::Cents;
use crate::providers::flex::api::objects::{Member, SubscriptionObject, SubscriptionStatus};
use crate::providers::flex::ids::{InvoiceId, PaymentMethodId};
use crate::providers::flex::names::Review;
use crate::providers::flex::subscription::Cx;
use crate::time::{Millis, Timestamp};

/// How long before its period an invoice may have been created.
const INVOICED_BEFORE: Millis = Millis::from_minutes(5);

/// When an active status proves the payment of a renewal, counted from the beginning of its period.
pub(super) const RENEWED: Millis = Millis::from_hours(6);

/// The beginning and the end of a period.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSpan"))]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    /// When the period begins.
    pub(super) start: Timestamp,
    /// When the period ends.
    pub(super) end: Timestamp,
}

impl Span {
    /// Whether an invoice that was created at this time may belong to the period.
    pub(super) fn has_made(self, made: Timestamp) -> bool {
        made.after(INVOICED_BEFORE) >= self.start && made < self.end
    }

    /// Whether such an invoice cannot belong to the next period.
    fn surely_has_made(self, made: Timestamp) -> bool {
        self.has_made(made) && made.after(INVOICED_BEFORE) < self.end
    }
}

/// What the last lookup has shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexShown"))]
#[serde(deny_unknown_fields)]
pub(super) struct LookupResult {
    /// When the lookup was leased.
    pub(super) leased: Timestamp,
    /// When the period began, or the latest time at which it can have begun.
    pub(super) start: Timestamp,
    /// When the period ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<Timestamp>,
    /// When the trial ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trial_end: Option<Timestamp>,
    /// Whether the end of the trial cannot be read, so that it is unknown.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    odd_trial: bool,
    /// When the subscription was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<Timestamp>,
    /// When the subscription is set to end, for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cancel_at: Option<Timestamp>,
    /// The payment method that Flex charges, for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payment_method: Option<PaymentMethodId>,
    /// The latest invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) invoice: Option<InvoiceId>,
    /// Whether the lookup shows no latest invoice.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) silent: bool,
}

impl LookupResult {
    fn new(object: &SubscriptionObject, invoice: Option<&InvoiceId>, before: Option<&Self>, cx: &Cx<'_>) -> Self {
        let end = object.current_period_end();
        let leased = cx.leased_at();
        // Without a start, a period begins at the end of the one before, or now at the latest.
        let start = before.filter(|_| end.is_some()).and_then(|it| match it.end {
            before if before == end => Some(it.start),
            before => before.filter(|before| Some(*before) < end && *before <= leased),
        });
        Self {
            leased,
            start: object.current_period_start().or(start).unwrap_or_else(|| cx.now()),
            end,
            trial_end: object.trial_end.value().copied(),
            odd_trial: object.trial_end == Member::Invalid,
            made: object.created_at,
            cancel_at: object.cancel_at,
            payment_method: object.payment_method(),
            invoice: invoice.cloned(),
            silent: object.latest_invoice == Member::Absent,
        }
    }

    /// The period, if its end is known.
    pub(super) fn span(&self) -> Option<Span> {
        Some(Span { start: self.start, end: self.end? })
    }

    /// The trial, if its end is known. Without an end of its own, it ends with the period.
    pub(super) fn trial(&self) -> Option<Span> {
        let end = self.trial_end.or(self.end).filter(|_| !self.odd_trial)?;
        Some(Span { start: self.start, end })
    }
}

/// A paid period, or a trial.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexPaidPeriod"))]
#[serde(deny_unknown_fields)]
pub(super) struct PaidPeriod {
    /// The period.
    pub(super) span: Span,
    /// The invoice that has paid the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) invoice: Option<InvoiceId>,
    /// Whether the period is a trial, for which nothing was paid.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) trial: bool,
    /// An earlier end that a lookup has shown since. A person is asked about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cut: Option<Timestamp>,
}

impl PaidPeriod {
    fn new(span: Span, invoice: Option<&InvoiceId>) -> Self {
        Self { span, invoice: invoice.cloned(), trial: false, cut: None }
    }

    /// The end of the period that the last lookup has shown.
    pub(super) fn current_end(&self) -> Timestamp {
        self.cut.unwrap_or(self.span.end)
    }
}

impl SubscriptionRecord {
    /// Stores the period that a lookup shows.
    pub(super) fn take_period(&mut self, object: &SubscriptionObject, invoice: Option<&InvoiceId>, cx: &mut Cx<'_>) {
        let lookup = LookupResult::new(object, invoice, self.last_lookup.as_ref(), cx);
        if let Some(before) = self.last_lookup.as_ref().and_then(|it| it.invoice.clone())
            && lookup.invoice.as_ref() != Some(&before)
        {
            self.drop_invoice_lookup(&before, cx);
        }
        self.last_lookup = Some(lookup);
    }

    /// Gives access for the shown period if it is paid, and finds out what each paid invoice has paid for.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) {
        if let Some(paid) = self.shown_paid_period() {
            self.grant(paid, cx);
        }
        self.place_invoices(cx);
    }

    /// The shown period, if it is paid.
    fn shown_paid_period(&self) -> Option<PaidPeriod> {
        let lookup = self.last_lookup.as_ref()?;
        if self.paid.as_ref().is_some_and(|it| lookup.start < it.span.start) {
            // The shown period is older than the last paid one.
            return None;
        }
        match self.status.as_ref()? {
            SubscriptionStatus::Trialing => {
                Some(PaidPeriod { trial: true, ..PaidPeriod::new(lookup.trial()?, lookup.invoice.as_ref()) })
            }
            SubscriptionStatus::Active => self.paid_active_period(lookup, lookup.span()?),
            // A person's verdict about the status does not prove the payment of an invoice.
            status if self.is_attested(status) => {
                let span = lookup.span()?;
                let is_unopposed = lookup.silent && self.failing_in(lookup).is_none();
                self.paid_active_period(lookup, span).or_else(|| is_unopposed.then(|| PaidPeriod::new(span, None)))
            }
            _ => None,
        }
    }

    /// The shown period, if it is paid, while the status is active.
    fn paid_active_period(&self, lookup: &LookupResult, span: Span) -> Option<PaidPeriod> {
        let paid = |invoice: Option<&InvoiceId>| Some(PaidPeriod::new(span, invoice));
        let latest = lookup.invoice.as_ref();
        if latest.is_some_and(|it| self.pays(it, span)) {
            return paid(latest);
        }
        if self.is_first(lookup) {
            return paid(latest.filter(|it| self.may_be_of_sale(it, lookup.leased < span.end)));
        }
        if !lookup.silent {
            return None;
        }
        match self.invoices.made_in(span).find(|it| self.pays(it, span)) {
            Some(invoice) => paid(Some(invoice)),
            // A failed renewal would have made the status `past_due`. If Flex has shown a failed invoice, a lookup of
            // it decides.
            None if lookup.leased >= span.start.after(RENEWED) && self.failing_in(lookup).is_none() => {
                paid(self.only_unplaced())
            }
            None => None,
        }
    }

    /// A failed invoice of the period, if the lookup shows no latest invoice.
    pub(super) fn failing_in(&self, lookup: &LookupResult) -> Option<&InvoiceId> {
        let span = lookup.span().filter(|_| lookup.silent)?;
        self.invoices.failing_in(span)
    }

    /// Whether an invoice is paid, and may pay for the period. An invoice cannot pay for two periods, and one that was
    /// created after the end pays for a later one.
    fn pays(&self, id: &InvoiceId, Span { start, end }: Span) -> bool {
        if self.invoices.find(id).and_then(|it| it.made).is_some_and(|made| made >= end) {
            return false;
        }
        let is_only = || self.paid.as_ref().is_none_or(|it| it.span.start == start);
        match self.invoices.paid_for(id) {
            Some(Place::Open | Place::Extra | Place::Reviewed) => true,
            Some(Place::Period(of)) => of == start,
            Some(Place::Session) => is_only(),
            None => false,
        }
    }

    /// Whether the period is the one that our session has sold.
    fn is_first(&self, lookup: &LookupResult) -> bool {
        let began = |until: Timestamp| lookup.start <= until;
        let no_other = self.paid.as_ref().is_none_or(|it| it.span.start == lookup.start);
        let of_subscription = lookup.made.is_none_or(|made| began(made.after(FIRST_PERIOD)));
        self.sale.as_ref().is_some_and(|it| began(it.until)) && of_subscription && no_other
    }

    /// Whether the latest invoice may be the one of the session. Once the first period is over, Flex may have drafted the
    /// renewal, and still show the first period.
    fn may_be_of_sale(&self, latest: &InvoiceId, is_before_end: bool) -> bool {
        let sold = self.sale.as_ref().and_then(|it| it.invoice.as_ref());
        sold.map_or(is_before_end, |it| it == latest)
    }

    /// The paid invoice without a place and a date, if there is exactly one.
    fn only_unplaced(&self) -> Option<&InvoiceId> {
        let mut all = self.invoices.unplaced().filter(|it| it.made.is_none());
        all.next().filter(|_| all.next().is_none()).map(|it| &it.id)
    }

    /// Gives access for a period, and delivers the period if it is new.
    pub(super) fn grant(&mut self, mut paid: PaidPeriod, cx: &mut Cx<'_>) {
        // Without an invoice, a period that begins within the paid one is the same period.
        let overlaps = |it: &PaidPeriod| it.span.start < paid.span.start && paid.span.start < it.current_end();
        let is_same_period =
            |it: &PaidPeriod| it.span.start == paid.span.start || (paid.invoice.is_none() && overlaps(it));
        let is_first = self.paid.is_none();
        let before = self.paid.take().filter(is_same_period);
        let is_same = before.is_some();
        // A person may have ended access to the period, even before a lookup has shown it.
        let was_ended = self.access.is_some_and(|until| match &before {
            Some(before) => until < before.span.end,
            None => is_first && paid.span.start <= until,
        });
        if let Some(before) = &before {
            self.keep_paid(before, &mut paid, cx);
        }
        if !was_ended && before.as_ref().is_none_or(|it| it.span.end != paid.span.end) {
            self.give_access(paid.span.end, cx);
        }
        paid.invoice = before.and_then(|it| it.invoice).or(paid.invoice);
        if let Some(invoice) = &paid.invoice {
            cx.withdraw_review(Review::UnplacedInvoice, invoice.as_str());
        }
        if !is_same {
            self.deliver_period(&mut paid, cx);
        }
        if let Some(invoice) = &paid.invoice
            && matches!(self.invoices.paid_for(invoice), Some(Place::Open | Place::Extra))
        {
            self.invoices.place(invoice, Place::Period(paid.span.start));
        }
        self.paid = Some(paid);
    }

    /// A lookup shows another end of a paid period. An earlier end changes nothing, and a person decides. Only a trial
    /// that was to continue can become shorter.
    fn keep_paid(&self, before: &PaidPeriod, paid: &mut PaidPeriod, cx: &mut Cx<'_>) {
        let end = paid.span.end;
        let is_promised = !before.trial || self.asked_to_end;
        if !is_promised || end.after(EARLY) >= before.span.end {
            return cx.withdraw_review(Review::EndedEarly, self.id.as_str());
        }
        if before.cut != Some(end) {
            cx.ask(Review::EndedEarly, &self.id);
        }
        (paid.span.end, paid.cut) = (before.span.end, Some(end));
    }

    /// Finds out what each paid invoice has paid for. A person is asked about an invoice that fits no period.
    pub(super) fn place_invoices(&mut self, cx: &mut Cx<'_>) {
        let unplaced: Vec<_> = self.invoices.unplaced().cloned().collect();
        for invoice in unplaced {
            let place = self.place_for(&invoice);
            if place == Some(Place::Extra) && !self.is_explained(&invoice) {
                cx.ask(Review::UnplacedInvoice, &invoice.id);
            } else if let Some(place) = place {
                self.invoices.place(&invoice.id, place);
                cx.withdraw_review(Review::UnplacedInvoice, invoice.id.as_str());
            } else if self.is_over() {
                if let Some(sale) = self.sale.as_ref().filter(|sale| sale.invoice.as_ref() == Some(&invoice.id)) {
                    // A review about the session would be about the same money.
                    cx.withdraw_review(Review::UnplacedInvoice, sale.session.as_str());
                }
                cx.ask(Review::UnplacedInvoice, &invoice.id);
            } else {
                self.look_for_place(&invoice, cx);
            }
        }
    }

    /// Asks a person about a paid invoice without a place, unless it may belong to the shown period, or its own lookup
    /// may still show its date.
    fn look_for_place(&self, invoice: &Invoice, cx: &mut Cx<'_>) {
        // A lookup that was leased before the payment says nothing about it.
        let lookup = self.last_lookup.as_ref().filter(|lookup| Some(lookup.leased) >= invoice.paid);
        let Some(lookup) = lookup else { return };
        let may_be_of_period = match lookup.span() {
            _ if lookup.invoice.as_ref() == Some(&invoice.id) => true,
            Some(span) => lookup.silent && invoice.made.is_some_and(|made| span.has_made(made)),
            None => false,
        };
        if may_be_of_period {
            return;
        }
        if invoice.made.is_none() && lookup.silent && !invoice.looked {
            self.look_up_invoice(invoice.id.clone(), cx);
        } else {
            cx.ask(Review::UnplacedInvoice, &invoice.id);
        }
    }

    /// What a paid invoice has paid for, as far as it is known.
    fn place_for(&mut self, invoice: &Invoice) -> Option<Place> {
        if self.is_of_sale(invoice) {
            // A person decides about a purchase that was not delivered before the end.
            let found = self.sale.as_ref().is_some_and(|sale| sale.found);
            return (found || !self.is_over()).then_some(Place::Session);
        }
        let Invoice { id, made, .. } = invoice;
        let silent = self.last_lookup.as_ref().is_none_or(|it| it.silent);
        let paid = self.paid.as_mut()?;
        let of_period = made.is_some_and(|made| paid.span.surely_has_made(made));
        let latest = self.last_lookup.as_ref().filter(|it| it.start == paid.span.start);
        let is_latest = latest.is_some_and(|it| it.invoice.as_ref() == Some(id));
        let reported_in_time = invoice.paid.is_some_and(|reported| reported < paid.span.end);
        if paid.invoice.is_none() && (of_period || (made.is_none() && silent && reported_in_time)) {
            paid.invoice = Some(id.clone());
        }
        match &paid.invoice {
            Some(have) if have == id => Some(Place::Period(paid.span.start)),
            _ if of_period || is_latest => Some(Place::Extra),
            _ => None,
        }
    }

    /// Whether a further invoice of the paid period is of a change that this flow has requested, or costs nothing. No document
    /// says what else such an invoice is for, so a person is asked about any other one.
    fn is_explained(&self, invoice: &Invoice) -> bool {
        let is_changed = self.items_since.is_some_and(|since| invoice.made_by().after(INVOICED_BEFORE) >= since);
        invoice.amount == Some(Cents::ZERO) || (is_changed && !self.is_second_payment(invoice))
    }

    /// Whether a further invoice of the paid period is as high as the one that has paid it. The customer may have paid twice,
    /// while a change of the plan within the period costs less.
    fn is_second_payment(&self, invoice: &Invoice) -> bool {
        let paid = self.paid.as_ref().and_then(|it| self.invoices.find(it.invoice.as_ref()?)?.amount);
        invoice.amount.zip(paid).is_some_and(|(amount, paid)| paid > Cents::ZERO && amount >= paid)
    }

    /// Whether a paid invoice is the one of the purchase. Without a known one, the first that fits becomes it.
    fn is_of_sale(&mut self, invoice: &Invoice) -> bool {
        let Some(sale) = &mut self.sale else { return false };
        let is_first = match (invoice.made, &self.paid) {
            (Some(made), _) => made <= sale.until,
            (None, Some(paid)) => {
                paid.span.start <= sale.until && invoice.paid.is_some_and(|reported| reported < paid.span.end)
            }
            (None, None) => invoice.paid.is_some_and(|reported| reported <= sale.until),
        };
        if sale.invoice.is_none() && is_first {
            sale.invoice = Some(invoice.id.clone());
        }
        sale.invoice.as_ref() == Some(&invoice.id)
    }
}
