//! The invoices of a subscription: which of them are paid, and for what.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::period::Span;
use crate::id::Digest;
use crate::id::TypedId;
use crate::money::{Cents, Money};
use crate::providers::flex::api::objects::InvoiceObject;
use crate::providers::flex::ids::InvoiceId;
use crate::providers::flex::ids::payment_intent_id;
use crate::providers::flex::reports::InvoiceReport;
use crate::time::Timestamp;

/// The most invoices that are kept whole.
const WHOLE: usize = 16;

/// The most older invoices of which only the payment is kept.
const SETTLED: usize = 128;

/// The invoices that Flex has shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexInvoices"))]
#[serde(deny_unknown_fields)]
pub(super) struct Invoices {
    /// The newest invoices, in an order that does not depend on the order of webhooks at the same time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<Invoice>,
    /// The older paid invoices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    settled: Vec<Digest>,
}

/// An invoice that Flex has shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexInvoice"))]
#[serde(deny_unknown_fields)]
pub(super) struct Invoice {
    /// When Flex first showed the invoice.
    since: Timestamp,
    /// The id of the invoice.
    pub(super) id: InvoiceId,
    /// When Flex first showed the invoice as paid. An invoice that has only failed has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paid: Option<Timestamp>,
    /// When the invoice was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<Timestamp>,
    /// The id of the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payment: Option<String>,
    /// The paid amount, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) amount: Option<Cents>,
    /// What the invoice has paid for.
    #[serde(default, skip_serializing_if = "Place::is_open")]
    pub(super) place: Place,
    /// Whether a lookup of the invoice itself got a reply.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) looked: bool,
}

/// What an invoice has paid for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexInvoicePlace"))]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// It is not known yet.
    #[default]
    Open,
    /// The purchase of the session.
    Session,
    /// The period that began at this time.
    Period(Timestamp),
    /// Something else in a period that another invoice has paid.
    Extra,
    /// A person has decided.
    #[serde(rename = "judged")]
    Reviewed,
}

impl Invoice {
    /// When the invoice was created, or when Flex first showed it.
    pub(super) fn made_by(&self) -> Timestamp {
        self.made.unwrap_or(self.since)
    }
}

impl Place {
    const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

/// What a message says of an invoice besides its status.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Details<'a> {
    /// When the invoice was created.
    pub(super) made: Option<Timestamp>,
    /// The id of the payment.
    pub(super) payment: Option<&'a str>,
    /// The paid amount, in cents.
    amount: Option<Cents>,
}

impl<'a> Details<'a> {
    /// The details of an invoice in a message.
    pub(super) fn of(invoice: &'a InvoiceObject) -> Self {
        let amount = invoice.amount_paid.filter(|_| invoice.is_paid());
        Self { made: invoice.created_at, payment: invoice.payment_intent(), amount }
    }
}

impl Invoices {
    pub(super) fn find(&self, id: &InvoiceId) -> Option<&Invoice> {
        self.recent.iter().find(|it| it.id == *id)
    }

    fn find_mut(&mut self, id: &InvoiceId) -> Option<&mut Invoice> {
        self.recent.iter_mut().find(|it| it.id == *id)
    }

    fn is_settled(&self, id: &InvoiceId) -> bool {
        !self.settled.is_empty() && self.settled.contains(&fingerprint(id))
    }

    /// Whether an invoice is known to be paid.
    pub(super) fn is_paid(&self, id: &InvoiceId) -> bool {
        self.find(id).map_or_else(|| self.is_settled(id), |it| it.paid.is_some())
    }

    /// Whether Flex has shown the invoice.
    pub(super) fn knows(&self, id: &InvoiceId) -> bool {
        self.find(id).is_some() || self.is_settled(id)
    }

    /// What the invoice has paid for, if it is paid and still kept whole.
    pub(super) fn paid_for(&self, id: &InvoiceId) -> Option<Place> {
        self.find(id).filter(|it| it.paid.is_some()).map(|it| it.place)
    }

    /// The invoices that were created in a period.
    pub(super) fn made_in(&self, span: Span) -> impl Iterator<Item = &InvoiceId> {
        let of_period = move |it: &&Invoice| it.made.is_some_and(|made| span.has_made(made));
        self.recent.iter().filter(of_period).map(|it| &it.id)
    }

    /// An unpaid invoice of a period. If nothing shows when it was created, the time at which Flex first showed it counts.
    pub(super) fn failing_in(&self, span: Span) -> Option<&InvoiceId> {
        let unpaid = self.recent.iter().filter(|it| it.paid.is_none());
        unpaid.filter(|it| span.has_made(it.made_by())).map(|it| &it.id).next()
    }

    /// Whether any invoice has failed and is not paid.
    pub(super) fn is_failing(&self) -> bool {
        self.recent.iter().any(|it| it.paid.is_none())
    }

    /// When Flex last showed an invoice as newly paid.
    pub(super) fn newest_paid(&self) -> Option<Timestamp> {
        self.recent.iter().filter_map(|it| it.paid).max()
    }

    /// The invoices that were paid with money: the invoice, the payment, and its amount in cents.
    pub(super) fn payments(&self) -> impl Iterator<Item = (&InvoiceId, &str, Cents)> {
        let paid = self.recent.iter().filter(|it| it.paid.is_some());
        paid.filter_map(|it| Some((&it.id, it.payment.as_deref()?, it.amount.filter(|it| *it > Cents::ZERO)?)))
    }

    /// The paid invoices that have paid for no period, as far as it is known.
    pub(super) fn further(&self) -> impl Iterator<Item = InvoiceReport> {
        let is_further = |it: &&Invoice| !matches!(it.place, Place::Session | Place::Period(_));
        self.recent.iter().filter(|it| it.paid.is_some()).filter(is_further).map(|it| InvoiceReport {
            id: it.id.clone(),
            payment_intent_id: it.payment.clone(),
            amount: it.amount.map(Money::unnamed),
        })
    }

    /// The paid invoices without a place.
    pub(super) fn unplaced(&self) -> impl Iterator<Item = &Invoice> {
        self.recent.iter().filter(|it| it.paid.is_some() && it.place.is_open())
    }

    /// The ids by which a message about money finds the invoices.
    pub(super) fn ids(&self) -> impl Iterator<Item = TypedId> {
        let payment = |it: &Invoice| payment_intent_id(it.payment.as_deref()?);
        self.recent.iter().flat_map(move |it| [Some(TypedId::from(&it.id)), payment(it)]).flatten()
    }

    /// Stores an invoice as failed, or as paid since a time. Returns the unpaid invoices that were forgotten.
    #[must_use]
    pub(super) fn note(&mut self, id: &InvoiceId, paid: Option<Timestamp>, now: Timestamp) -> Vec<InvoiceId> {
        match self.find_mut(id) {
            Some(it) => it.paid = it.paid.or(paid),
            None => self.recent.push(Invoice {
                since: now,
                id: id.clone(),
                paid,
                made: None,
                payment: None,
                amount: None,
                place: Place::Open,
                looked: false,
            }),
        }
        self.recent.sort_unstable();
        self.forget()
    }

    /// Stores what does not change. Returns whether the payment is new.
    pub(super) fn describe(&mut self, id: &InvoiceId, details: Details<'_>) -> bool {
        let Some(it) = self.find_mut(id) else { return false };
        it.made = it.made.or(details.made);
        it.amount = it.amount.or(details.amount);
        let is_first = it.payment.is_none() && details.payment.is_some();
        if is_first {
            it.payment = details.payment.map(Into::into);
        }
        is_first
    }

    /// A lookup of the invoice itself got a reply.
    pub(super) fn looked(&mut self, id: &InvoiceId) {
        if let Some(it) = self.find_mut(id) {
            it.looked = true;
        }
    }

    /// Stores what an invoice has paid for.
    pub(super) fn place(&mut self, id: &InvoiceId, place: Place) {
        if let Some(it) = self.find_mut(id) {
            it.place = place;
        }
    }

    /// The subscription has ended, so failed invoices do not matter any more. Returns them.
    pub(super) fn leave_failing(&mut self) -> Vec<InvoiceId> {
        self.recent.extract_if(.., |it| it.paid.is_none()).map(|it| it.id).collect()
    }

    /// The subscription has ended. The invoice of a delivered purchase is forgotten. That of an undelivered one has no
    /// place again.
    pub(super) fn leave_session(&mut self, given: bool) {
        if given {
            self.recent.retain(|it| it.place != Place::Session);
        }
        for it in self.recent.iter_mut().filter(|it| it.place == Place::Session) {
            it.place = Place::Open;
        }
    }

    fn forget(&mut self) -> Vec<InvoiceId> {
        let mut unpaid = Vec::new();
        while self.recent.len() > WHOLE {
            let gone = self.recent.remove(0);
            match gone.paid {
                Some(_) => self.settled.push(fingerprint(&gone.id)),
                None => unpaid.push(gone.id),
            }
        }
        while self.settled.len() > SETTLED {
            self.settled.remove(0);
        }
        unpaid
    }
}

fn fingerprint(id: &InvoiceId) -> Digest {
    Digest::of([id.as_str().as_bytes()])
}
