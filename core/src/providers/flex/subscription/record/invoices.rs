//! The invoices of a subscription that were reported: which of them are paid, and what each has paid for.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::period::Span;
use crate::id::Digest;
use crate::money::Cents;
use crate::providers::flex::api::objects::InvoiceObject;
use crate::providers::flex::ids::InvoiceId;
use crate::time::Timestamp;

/// How many invoices are remembered whole.
const WHOLE: usize = 16;

/// How many invoices before them are remembered as paid.
const SETTLED: usize = 128;

/// The invoices that were reported.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexInvoices"))]
#[serde(deny_unknown_fields)]
pub(super) struct Invoices {
    /// The newest, in an order that does not depend on that of signals at one instant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<Invoice>,
    /// Those before that are paid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    settled: Vec<Digest>,
}

/// An invoice.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexInvoice"))]
#[serde(deny_unknown_fields)]
pub(super) struct Invoice {
    /// When it was reported first.
    since: Timestamp,
    /// Its id.
    pub(super) id: InvoiceId,
    /// When it was reported as paid; not at all, if it has only failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paid: Option<Timestamp>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<Timestamp>,
    /// Its payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payment: Option<String>,
    /// What was paid, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) amount: Option<Cents>,
    /// What it has paid for.
    #[serde(default, skip_serializing_if = "Place::is_open")]
    pub(super) place: Place,
    /// Whether its own lookup was answered.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) looked: bool,
}

/// What an invoice has paid for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexInvoicePlace"))]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// Nobody knows yet.
    #[default]
    Open,
    /// What the session has sold.
    Session,
    /// The period that began then.
    Period(Timestamp),
    /// Something besides, in a period that another has paid.
    Extra,
    /// What a person said.
    #[serde(rename = "judged")]
    Reviewed,
}

impl Place {
    const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

/// What a message says of an invoice besides its status.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Details<'a> {
    /// When it was made.
    pub(super) made: Option<Timestamp>,
    /// Its payment.
    pub(super) payment: Option<&'a str>,
    /// What was paid, in cents.
    amount: Option<Cents>,
}

impl<'a> Details<'a> {
    /// What a message says of an invoice besides its status.
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

    /// Whether an invoice was reported.
    pub(super) fn knows(&self, id: &InvoiceId) -> bool {
        self.find(id).is_some() || self.is_settled(id)
    }

    /// What an invoice has paid for, if it is paid and was reported lately.
    pub(super) fn paid_for(&self, id: &InvoiceId) -> Option<Place> {
        self.find(id).filter(|it| it.paid.is_some()).map(|it| it.place)
    }

    /// Those that were made in a period.
    pub(super) fn made_in(&self, span: Span) -> impl Iterator<Item = &InvoiceId> {
        let of_period = move |it: &&Invoice| it.made.is_some_and(|made| span.has_made(made));
        self.recent.iter().filter(of_period).map(|it| &it.id)
    }

    /// Whether an invoice has failed that is not paid.
    pub(super) fn is_failing(&self) -> bool {
        self.recent.iter().any(|it| it.paid.is_none())
    }

    /// When the newest of those that are paid was reported.
    pub(super) fn newest_paid(&self) -> Option<Timestamp> {
        self.recent.iter().filter_map(|it| it.paid).max()
    }

    /// Those that are paid and have no place yet.
    pub(super) fn unplaced(&self) -> impl Iterator<Item = &Invoice> {
        self.recent.iter().filter(|it| it.paid.is_some() && it.place.is_open())
    }

    /// The ids by which a message about money finds them.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.recent.iter().flat_map(|it| [Some(it.id.as_str()), it.payment.as_deref()]).flatten()
    }

    /// Notes an invoice as failed, or as paid since an instant. Those that are forgotten without having been paid.
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

    /// Takes in what does not change; whether it is the first to name the payment.
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

    /// An invoice's own lookup was answered.
    pub(super) fn looked(&mut self, id: &InvoiceId) {
        if let Some(it) = self.find_mut(id) {
            it.looked = true;
        }
    }

    /// Says what an invoice has paid for.
    pub(super) fn place(&mut self, id: &InvoiceId, place: Place) {
        if let Some(it) = self.find_mut(id) {
            it.place = place;
        }
    }

    /// The subscription has ended: nothing follows any more from what has failed. Those that had.
    pub(super) fn leave_failing(&mut self) -> Vec<InvoiceId> {
        self.recent.extract_if(.., |it| it.paid.is_none()).map(|it| it.id).collect()
    }

    /// The subscription has ended: what its session has sold is forgotten where it was given, and open again otherwise.
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
