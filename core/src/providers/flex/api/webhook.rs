//! Flex's events: their kind, and the objects that they contain.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::objects::{
    ChargeObject, DisputeObject, InvoiceObject, RefundObject, SessionObject, SubscriptionObject, unwrapped,
};
use super::test_mode::TestMode;
use crate::flow::Webhook;
use crate::id::TypedId;
use crate::json::{RawText, lenient_text, read_body};
use crate::providers::flex::ids::payment_intent_id;
use crate::providers::flex::ids::reference_id;
use crate::providers::flex::names::SignalName;

const INVOICE_PAID: &str = SignalName::InvoicePaid.as_str();
const SUBSCRIPTION_DELETED: &str = SignalName::SubscriptionDeleted.as_str();

/// A webhook, once read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Signal {
    /// Flex has completed a session.
    SessionCompleted(Box<SessionObject>),
    /// A session has changed in another way.
    SessionChanged(Box<SessionObject>),
    /// An invoice was paid. Two event types say so.
    InvoicePaid(Box<InvoiceObject>),
    /// A payment of an invoice has failed.
    InvoiceFailed(Box<InvoiceObject>),
    /// A subscription was created or has changed.
    SubscriptionChanged(Box<SubscriptionObject>),
    /// A subscription has ended.
    SubscriptionDeleted(Box<SubscriptionObject>),
    /// A refund was created or has changed.
    Refund(Box<RefundObject>),
    /// A part of a charge was refunded. Other events name the refund.
    ChargeRefunded(Box<ChargeObject>),
    /// A payment is disputed, or its dispute has changed.
    Dispute(Box<DisputeObject>),
    /// An event that changes nothing here.
    Other,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    event: Option<RawText<'a>>,
    #[serde(default, deserialize_with = "lenient_text")]
    event_type: Option<String>,
    #[serde(borrow, default)]
    object: Option<RawText<'a>>,
    #[serde(default)]
    test_mode: TestMode,
}

/// Reads the object of an event, with or without the wrapper named after its kind.
fn object_of<T: for<'a> Deserialize<'a>>(object: Option<&[u8]>, kind: &str) -> Option<Box<T>> {
    unwrapped(object?, kind).map(Box::new)
}

impl Signal {
    /// Reads a webhook in any of its wrappers. Returns nothing if the webhook cannot be read.
    pub(crate) fn read(webhook: &Webhook<'_>) -> Option<Self> {
        let outer: Envelope<'_> = read_body(webhook.body)?;
        let mode = outer.test_mode;
        let envelope = match outer.event {
            Some(inner) if inner.get().starts_with('{') => read_body(inner.get().as_bytes())?,
            _ => outer,
        };
        let mode = mode.and(envelope.test_mode);
        let name = envelope.event_type.as_deref().or(webhook.topic)?.to_ascii_lowercase();
        let object = envelope.object.map(|it| it.get().as_bytes());
        // The documents spell one event name in two ways.
        let session = name.strip_prefix("checkout.session.").or_else(|| name.strip_prefix("checkout_session."));
        let signal = match (session, name.as_str()) {
            (Some("completed"), _) => Self::SessionCompleted(object_of(object, "checkout_session")?),
            (Some(_), _) => Self::SessionChanged(object_of(object, "checkout_session")?),
            (_, INVOICE_PAID | "invoice.payment_succeeded") => Self::InvoicePaid(object_of(object, "invoice")?),
            (_, "invoice.payment_failed") => Self::InvoiceFailed(object_of(object, "invoice")?),
            (_, SUBSCRIPTION_DELETED) => Self::SubscriptionDeleted(object_of(object, "subscription")?),
            (_, "customer.subscription.created" | "customer.subscription.updated") => {
                Self::SubscriptionChanged(object_of(object, "subscription")?)
            }
            (_, "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated") => {
                Self::Refund(object_of(object, "refund")?)
            }
            (_, "charge.refunded") => Self::ChargeRefunded(object_of(object, "charge")?),
            (_, name) if name.starts_with("charge.dispute.") => Self::Dispute(object_of(object, "dispute")?),
            _ => Self::Other,
        };
        Some(signal.of_mode(mode))
    }

    /// Adds the mode of the message to the mode of its object.
    fn of_mode(mut self, mode: TestMode) -> Self {
        let object = match &mut self {
            Self::SessionCompleted(it) | Self::SessionChanged(it) => &mut it.test_mode,
            Self::InvoicePaid(it) | Self::InvoiceFailed(it) => &mut it.test_mode,
            Self::SubscriptionChanged(it) | Self::SubscriptionDeleted(it) => &mut it.test_mode,
            Self::Refund(it) => &mut it.test_mode,
            Self::ChargeRefunded(it) => &mut it.test_mode,
            Self::Dispute(it) => &mut it.test_mode,
            Self::Other => return self,
        };
        *object = object.and(mode);
        self
    }

    /// Every id by which the webhook may find a flow.
    pub(crate) fn ids(&self) -> Vec<TypedId> {
        let session = |id| TypedId::read("checkout_session", id);
        let subscription = |id| TypedId::read("subscription", id);
        let mut ids = Vec::new();
        let mut add = |id: Option<TypedId>| ids.extend(id);
        match self {
            Self::SessionCompleted(it) | Self::SessionChanged(it) => {
                add(Some(TypedId::from(&it.checkout_session_id)));
                add(it.client_reference_id.as_deref().and_then(reference_id));
                it.subscription_ids().for_each(|id| add(Some(TypedId::from(&id))));
                it.payment_intents().for_each(|id| add(payment_intent_id(id)));
            }
            Self::InvoicePaid(it) | Self::InvoiceFailed(it) => {
                add(it.subscription().and_then(subscription));
                add(Some(TypedId::from(&it.invoice_id)));
            }
            Self::SubscriptionChanged(it) | Self::SubscriptionDeleted(it) => {
                add(Some(TypedId::from(&it.subscription_id)))
            }
            Self::Refund(it) => {
                add(it.payment_intent().and_then(payment_intent_id));
                add(it.checkout_session().and_then(session));
                add(it.subscription().and_then(subscription));
                add(it.invoice().as_ref().map(TypedId::from));
                add(Some(TypedId::from(&it.refund_id)));
            }
            Self::ChargeRefunded(it) => {
                add(it.payment_intent().and_then(payment_intent_id));
                add(it.invoice().as_ref().map(TypedId::from));
            }
            Self::Dispute(it) => {
                add(it.payment_intent().and_then(payment_intent_id));
                add(it.checkout_session().and_then(session));
                add(it.subscription().and_then(subscription));
                add(it.invoice().as_ref().map(TypedId::from));
                add(it.client_reference_id.as_deref().and_then(reference_id));
                add(Some(TypedId::from(&it.dispute_id)));
            }
            Self::Other => {}
        }
        ids
    }

    /// The mode of the message and its object.
    pub(crate) fn test_mode(&self) -> TestMode {
        match self {
            Self::SessionCompleted(it) | Self::SessionChanged(it) => it.test_mode,
            Self::InvoicePaid(it) | Self::InvoiceFailed(it) => it.test_mode,
            Self::SubscriptionChanged(it) | Self::SubscriptionDeleted(it) => it.test_mode,
            Self::Refund(it) => it.test_mode,
            Self::ChargeRefunded(it) => it.test_mode,
            Self::Dispute(it) => it.test_mode,
            Self::Other => TestMode::Absent,
        }
    }
}
