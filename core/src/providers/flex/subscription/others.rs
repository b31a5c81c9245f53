//! Subscriptions that were paid for besides the one that counts: they go on billing until they are ended.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use crate::fact::IgnoredReason;
use crate::flow::Stop;
use crate::id::Digest;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{InvoiceObject, SessionObject, SubscriptionObject, SubscriptionStatus};
use crate::providers::flex::api::request::CancelSubscription;
use crate::providers::flex::ids::{InvoiceId, SubscriptionId};
use crate::providers::flex::names::Review;

/// How many of them are known.
const KNOWN: usize = 8;

/// How many of its invoices are remembered.
const REMEMBERED: usize = 64;

/// A subscription that was paid for besides the one that counts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexOtherSubscription"))]
#[serde(deny_unknown_fields)]
pub(super) struct Other {
    /// Its id.
    id: SubscriptionId,
    /// The invoice of the session that has sold it, which a person has before him already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invoice: Option<InvoiceId>,
    /// Whether it has ended.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    ended: bool,
    /// The invoices that a person was asked about.
    #[serde(rename = "asked", default, skip_serializing_if = "Vec::is_empty")]
    asked_invoices: Vec<Digest>,
}

/// All of them that are known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexOtherSubscriptions"))]
#[serde(transparent)]
pub(super) struct Others(Vec<Other>);

impl Others {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|other| other.id.as_str())
    }

    /// Notes the subscriptions of a session that is paid and does not count, or that has sold several.
    pub(super) fn note(&mut self, object: &SessionObject, counts: &SubscriptionId, cx: &mut Cx<'_>) {
        for id in object.subscription_ids().filter(|id| id != counts) {
            if self.0.len() < KNOWN && self.0.iter().all(|other| other.id != id) {
                cx.learn(id.as_str());
                let invoice = object.invoice.as_ref().and_then(|it| InvoiceId::parse(it.id("invoice_id")?).ok());
                self.0.push(Other { id, invoice, ended: false, asked_invoices: Vec::new() });
            }
        }
        self.0.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    }

    /// One of them, by its id.
    pub(super) fn find(&mut self, id: Option<&str>) -> Option<&mut Other> {
        self.0.iter_mut().find(|other| Some(other.id.as_str()) == id)
    }

    /// Whether one of them goes on.
    pub(super) fn any_runs(&self) -> bool {
        self.0.iter().any(|other| !other.ended)
    }

    /// Whether the one of that id goes on.
    pub(super) fn runs(&self, id: &SubscriptionId) -> bool {
        self.0.iter().any(|other| !other.ended && other.id == *id)
    }
}

impl Other {
    /// A renewal was paid that nothing here counts as a period: a person says whether it is delivered.
    pub(super) fn on_invoice_paid(&mut self, invoice: &InvoiceObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let id = &invoice.invoice_id;
        let fingerprint = Digest::of([id.as_str().as_bytes()]);
        if !invoice.is_paid() || self.invoice.as_ref() == Some(id) || self.asked_invoices.contains(&fingerprint) {
            return Err(IgnoredReason::Duplicate);
        }
        self.asked_invoices.push(fingerprint);
        if self.asked_invoices.len() > REMEMBERED {
            self.asked_invoices.remove(0);
        }
        cx.ask(Review::UnplacedInvoice, id.as_str());
        Ok(())
    }

    /// Asks for its end at once.
    pub(super) fn cancel(&self, requested: CancelSubscription, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if self.ended {
            return Err(Stop::NotNow);
        }
        cx.request(Call::CancelSubscription(self.id.clone(), requested));
        Ok(())
    }

    /// A webhook says that it has ended.
    pub(super) fn on_deleted(&mut self, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if self.ended {
            return Err(IgnoredReason::Duplicate);
        }
        self.end(cx);
        Ok(())
    }

    /// A lookup of it.
    pub(super) fn on_lookup(&mut self, call: &Call, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        let id = self.id.clone();
        let cancels = |call: &Call| matches!(call, Call::CancelSubscription(of, _) if *of == id);
        if object.status.as_ref().is_some_and(SubscriptionStatus::is_over) {
            self.end(cx);
        } else if matches!(call, Call::ConfirmSubscription(_)) {
            cx.deny(cancels);
        }
    }

    /// It has ended.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>) {
        let id = self.id.clone();
        self.ended = true;
        cx.prove(|call| matches!(call, Call::CancelSubscription(of, _) if *of == id), None);
        cx.withdraw(|call| matches!(call, Call::ConfirmSubscription(of) if *of == id));
    }
}
