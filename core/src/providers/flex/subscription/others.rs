//! Subscriptions that were paid for besides the one that counts. Flex keeps charging for them until they end.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use crate::fact::IgnoredReason;
use crate::flow::{Stop, ToDo};
use crate::id::Digest;
use crate::id::TypedId;
use crate::money::Cents;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{InvoiceObject, SessionObject, SubscriptionObject, SubscriptionStatus};
use crate::providers::flex::api::request::CancelSubscription;
use crate::providers::flex::ids::{InvoiceId, SubscriptionId, payment_intent_id};
use crate::providers::flex::names::{Notice, Review};

/// The most other subscriptions that are kept.
const KNOWN: usize = 8;

/// The most payments of one that can be refunded.
const PAYMENTS: usize = 16;

/// The most invoices of one that are kept.
const REMEMBERED: usize = 64;

/// A subscription that was paid for besides the one that counts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexOtherSubscription"))]
#[serde(deny_unknown_fields)]
pub(super) struct Other {
    /// The id of the subscription.
    id: SubscriptionId,
    /// The invoice of the session that has sold it. A review about that session is open already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invoice: Option<InvoiceId>,
    /// Whether the subscription has ended.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    ended: bool,
    /// The payments of its invoices: the invoice, the payment, and its amount in cents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    payments: Vec<(InvoiceId, String, Cents)>,
    /// The invoices that a person was asked about.
    #[serde(rename = "asked", default, skip_serializing_if = "Vec::is_empty")]
    asked_invoices: Vec<Digest>,
}

/// The other subscriptions that are known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexOtherSubscriptions"))]
#[serde(transparent)]
pub(super) struct Others(Vec<Other>);

impl Others {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids of all of them, and of their payments.
    pub(super) fn ids(&self) -> impl Iterator<Item = TypedId> {
        let payments = self.0.iter().flat_map(|other| &other.payments);
        let payments = payments.flat_map(|it| [Some(TypedId::from(&it.0)), payment_intent_id(&it.1)]).flatten();
        self.0.iter().map(|other| TypedId::from(&other.id)).chain(payments)
    }

    /// The payments of all of them: the invoice, the payment, and its amount in cents.
    pub(super) fn payments(&self) -> impl Iterator<Item = (&InvoiceId, &str, Cents)> {
        self.0.iter().flat_map(|other| &other.payments).map(|it| (&it.0, it.1.as_str(), it.2))
    }

    /// Whether this is one of them.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.0.iter().any(|other| other.id.as_str() == id)
    }

    /// Stores the subscriptions of a session that does not count, or of one that has sold several.
    pub(super) fn note(&mut self, object: &SessionObject, counts: &SubscriptionId, cx: &mut Cx<'_>) {
        for id in object.subscription_ids().filter(|id| id != counts) {
            if self.0.len() < KNOWN && self.0.iter().all(|other| other.id != id) {
                cx.learn(&id);
                let invoice = object.invoice.as_ref().and_then(|it| InvoiceId::parse(it.id("invoice_id")?).ok());
                self.0.push(Other { id, invoice, ended: false, payments: Vec::new(), asked_invoices: Vec::new() });
            }
        }
        self.0.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    }

    /// The subscription with this id.
    pub(super) fn find(&mut self, id: Option<&str>) -> Option<&mut Other> {
        self.0.iter_mut().find(|other| Some(other.id.as_str()) == id)
    }

    /// Whether any of them still runs.
    pub(super) fn any_runs(&self) -> bool {
        self.0.iter().any(|other| !other.ended)
    }

    /// Whether the subscription with this id still runs.
    pub(super) fn runs(&self, id: &SubscriptionId) -> bool {
        self.0.iter().any(|other| !other.ended && other.id == *id)
    }
}

impl Other {
    /// A renewal was paid that does not extend this flow's access. A person says whether it is delivered.
    pub(super) fn on_invoice_paid(&mut self, invoice: &InvoiceObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let id = &invoice.invoice_id;
        let fingerprint = Digest::of([id.as_str().as_bytes()]);
        let has_news = invoice.is_paid() && self.note_payment(invoice, cx);
        if has_news && (self.invoice.as_ref() == Some(id) || self.asked_invoices.contains(&fingerprint)) {
            return Ok(());
        }
        if !invoice.is_paid() || self.invoice.as_ref() == Some(id) || self.asked_invoices.contains(&fingerprint) {
            return Err(IgnoredReason::Duplicate);
        }
        self.asked_invoices.push(fingerprint);
        if self.asked_invoices.len() > REMEMBERED {
            self.asked_invoices.remove(0);
        }
        cx.ask(Review::UnplacedInvoice, id);
        Ok(())
    }

    /// Stores the payment of an invoice, so that it can be refunded. Returns whether it is new.
    fn note_payment(&mut self, invoice: &InvoiceObject, cx: &mut Cx<'_>) -> bool {
        let paid = invoice.amount_paid.filter(|it| *it > Cents::ZERO);
        let Some((payment, paid)) = invoice.payment_intent().zip(paid) else { return false };
        let id = &invoice.invoice_id;
        let Err(index) = self.payments.binary_search_by(|it| it.0.cmp(id)) else { return false };
        self.payments.insert(index, (id.clone(), payment.into(), paid));
        [Some(TypedId::from(id)), payment_intent_id(payment)].into_iter().flatten().for_each(|id| cx.learn(id));
        if self.payments.len() > PAYMENTS {
            self.payments.remove(0);
        }
        true
    }

    /// Requests the end at once.
    pub(super) fn cancel(&self, requested: CancelSubscription, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if self.ended {
            return Err(Stop::NotNow);
        }
        cx.withdraw_notice(Notice::CancellationRefused, self.id.as_str());
        cx.request(Call::CancelSubscription(self.id.clone(), requested));
        Ok(())
    }

    /// A webhook says that the subscription has ended.
    pub(super) fn on_deleted(&mut self, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if self.ended {
            return Err(IgnoredReason::Duplicate);
        }
        self.end(cx);
        Ok(())
    }

    /// Applies a lookup.
    pub(super) fn on_lookup(&mut self, call: &Call, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        let id = self.id.clone();
        let cancels = |call: &Call| matches!(call, Call::CancelSubscription(of, _) if *of == id);
        if object.status.as_ref().is_some_and(SubscriptionStatus::is_over) {
            self.end(cx);
        } else if matches!(call, Call::ConfirmSubscription(_)) && cx.deny(cancels).is_some() {
            cx.notify(Notice::CancellationRefused, &self.id, ToDo::NOTHING);
        }
    }

    /// A request to end it did nothing. The customer is charged further, so the host has to act.
    pub(super) fn not_ended(&self, cx: &mut Cx<'_>) {
        if !self.ended {
            cx.notify(Notice::CancellationRefused, &self.id, ToDo::NOTHING);
            cx.look_up(Call::RetrieveSubscription(self.id.clone()));
        }
    }

    /// The subscription has ended.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>) {
        let id = self.id.clone();
        self.ended = true;
        cx.withdraw_notice(Notice::CancellationRefused, id.as_str());
        cx.prove(|call| matches!(call, Call::CancelSubscription(of, _) if *of == id), None);
        cx.withdraw(|call| matches!(call, Call::ConfirmSubscription(of) if *of == id));
    }
}
