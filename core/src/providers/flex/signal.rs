//! Flex's events: which they are, and what they are about.

use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{InvoiceSeen, RefundSeen, SessionSeen, SubscriptionSeen, unwrapped};
use crate::fact::{lenient_text, read};
use crate::flow::Webhook;

/// The signal on which a checkout is provisioned.
pub(crate) const SESSION_COMPLETED: &str = "checkout.session.completed";
/// The signal that a period was paid.
pub(crate) const INVOICE_PAID: &str = "invoice.paid";
/// The signal that a subscription has ended.
pub(crate) const SUBSCRIPTION_DELETED: &str = "customer.subscription.deleted";

/// A webhook, once read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Signal {
    /// A session was completed.
    SessionCompleted(Box<SessionSeen>),
    /// Something else has happened to a session.
    SessionChanged(Box<SessionSeen>),
    /// An invoice was paid; two events say so.
    InvoicePaid(InvoiceSeen),
    /// An invoice could not be paid.
    InvoiceFailed(InvoiceSeen),
    /// A subscription was made, or has changed.
    SubscriptionChanged(SubscriptionSeen),
    /// A subscription has ended.
    SubscriptionDeleted(SubscriptionSeen),
    /// A refund was made, or has changed.
    Refund(RefundSeen),
    /// Something that moves nothing here.
    Other,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient_text")]
    event_type: Option<String>,
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
}

impl Signal {
    /// Reads a webhook in any of its wrappers; nothing if it cannot be read.
    pub(crate) fn read(webhook: &Webhook<'_>) -> Option<Self> {
        let outer: Envelope<'_> = read(webhook.body)?;
        let envelope = match outer.event {
            Some(inner) => read(inner.get().as_bytes())?,
            None => outer,
        };
        let name = envelope.event_type.as_deref().or(webhook.topic)?;
        let object = envelope.object.map(|it| it.get().as_bytes());
        // The documents spell one name in two ways.
        let session = name.strip_prefix("checkout.session.").or_else(|| name.strip_prefix("checkout_session."));
        Some(match (session, name) {
            (Some("completed"), _) => Self::SessionCompleted(unwrapped(object?, "checkout_session")?),
            (Some(_), _) => Self::SessionChanged(unwrapped(object?, "checkout_session")?),
            (_, "invoice.paid" | "invoice.payment_succeeded") => Self::InvoicePaid(unwrapped(object?, "invoice")?),
            (_, "invoice.payment_failed") => Self::InvoiceFailed(unwrapped(object?, "invoice")?),
            (_, SUBSCRIPTION_DELETED) => Self::SubscriptionDeleted(unwrapped(object?, "subscription")?),
            (_, "customer.subscription.created" | "customer.subscription.updated") => {
                Self::SubscriptionChanged(unwrapped(object?, "subscription")?)
            }
            (_, "refund.created" | "refund.updated" | "charge.refund.updated") => {
                Self::Refund(unwrapped(object?, "refund")?)
            }
            _ => Self::Other,
        })
    }

    /// Every id by which it may find a flow.
    pub(crate) fn ids(&self) -> [Option<String>; 5] {
        let text = |id: &str| Some(String::from(id));
        match self {
            Self::SessionCompleted(it) | Self::SessionChanged(it) => [
                text(it.checkout_session_id.as_str()),
                it.client_reference_id.clone(),
                it.subscription_id().map(|id| String::from(id.as_str())),
                it.payment_intents().next().map(Into::into),
                None,
            ],
            Self::InvoicePaid(it) | Self::InvoiceFailed(it) => {
                let subscription = it.subscription.as_ref().and_then(|it| it.id("subscription_id"));
                [subscription.map(Into::into), text(it.invoice_id.as_str()), None, None, None]
            }
            Self::SubscriptionChanged(it) | Self::SubscriptionDeleted(it) => {
                [text(it.subscription_id.as_str()), None, None, None, None]
            }
            Self::Refund(it) => [it.payment_intent_id.clone(), text(it.refund_id.as_str()), None, None, None],
            Self::Other => [const { None }; 5],
        }
    }

    /// Whether it is about something of test mode.
    pub(crate) fn test_mode(&self) -> Option<bool> {
        match self {
            Self::SessionCompleted(it) | Self::SessionChanged(it) => it.test_mode,
            Self::InvoicePaid(it) | Self::InvoiceFailed(it) => it.test_mode,
            Self::SubscriptionChanged(it) | Self::SubscriptionDeleted(it) => it.test_mode,
            Self::Refund(it) => it.test_mode,
            Self::Other => None,
        }
    }
}
