//! A checkout session, as Flex shows it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::form::{Entries, Expandable, echo, entries, enum_value, instant};
use super::money::{CaptureObject, DisputeObject, RefundObject};
use super::subscription::SubscriptionStatus;
use crate::json::{any_form, lenient, lenient_text};
use crate::money::Cents;
use crate::providers::flex::api::session_request::{CaptureMethod, Mode};
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::ids::{CheckoutSessionId, CustomerId, SubscriptionId};
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// The status of a checkout session.
    pub enum Status {
        /// The customer can pay.
        Open = "open",
        /// Nobody has paid in time.
        Expired = "expired",
        /// Done: the one status on which to fulfil.
        Complete = "complete",
    }
}

/// A checkout session, as Flex shows it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SessionObject {
    /// The session.
    #[serde(deserialize_with = "any_form")]
    pub checkout_session_id: CheckoutSessionId,
    /// Its status; an event may leave it out.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<Status>,
    /// What it is for.
    #[serde(default, deserialize_with = "enum_value")]
    pub mode: Option<Mode>,
    /// Our own reference, echoed; the older shape has none.
    #[serde(default, deserialize_with = "lenient_text")]
    pub client_reference_id: Option<String>,
    /// The key of the request that made it, echoed.
    #[serde(default, rename = "metadata", deserialize_with = "echo")]
    pub echo: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    redirect_url: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    url: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// From when on nobody can pay.
    #[serde(default, deserialize_with = "instant")]
    pub expires_at: Option<Timestamp>,
    /// What the customer pays, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_total: Option<Cents>,
    /// What the items cost, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_subtotal: Option<Cents>,
    /// What was received, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_received: Option<Cents>,
    /// What was given back, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_refunded: Option<Cents>,
    /// What is disputed, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_disputed: Option<Cents>,
    /// What lies between subtotal and total.
    #[serde(default, deserialize_with = "lenient")]
    pub total_details: Option<TotalDetails>,
    /// What is added.
    #[serde(default, deserialize_with = "lenient")]
    pub fees: Option<Vec<FeeObject>>,
    /// When the money is taken.
    #[serde(default, deserialize_with = "enum_value")]
    pub capture_method: Option<CaptureMethod>,
    /// Whether an HSA or FSA card can pay.
    #[serde(default, deserialize_with = "lenient")]
    pub hsa_fsa_eligible: Option<bool>,
    /// Whether it takes a letter.
    #[serde(default, deserialize_with = "lenient")]
    pub letter_of_medical_necessity_required: Option<bool>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<Expandable>,
    /// The subscription, or several.
    #[serde(default)]
    pub subscription: Option<Expandable>,
    /// The first invoice.
    #[serde(default)]
    pub invoice: Option<Expandable>,
    #[serde(default)]
    payment_intent: Option<Expandable>,
    #[serde(default)]
    payment_intent_id: Option<Expandable>,
    #[serde(default)]
    payment_intents: Option<Expandable>,
    /// The refunds.
    #[serde(default, deserialize_with = "entries")]
    pub refunds: Option<Entries<RefundObject>>,
    /// The captures.
    #[serde(default, deserialize_with = "entries")]
    pub captures: Option<Entries<CaptureObject>>,
    /// The disputes.
    #[serde(default, deserialize_with = "entries")]
    pub disputes: Option<Entries<DisputeObject>>,
    /// Whether it is one of test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

impl SessionObject {
    /// Where the customer pays.
    pub fn address(&self) -> Option<&String> {
        self.redirect_url.as_ref().or(self.url.as_ref())
    }

    /// The ids of its payment intents: two, where the cart is split.
    pub(crate) fn payment_intents(&self) -> impl Iterator<Item = &str> {
        let all = self.payment_intent.iter().chain(&self.payment_intent_id).chain(&self.payment_intents);
        all.flat_map(|it| it.ids("payment_intent_id"))
    }

    /// The ids of all subscriptions that it has made.
    pub(crate) fn subscription_ids(&self) -> impl Iterator<Item = SubscriptionId> {
        let all = self.subscription.iter().flat_map(|it| it.ids("subscription_id"));
        all.filter_map(|id| SubscriptionId::parse(id).ok())
    }

    /// The subscription's status, where the session shows it whole.
    pub(crate) fn subscription_status(&self) -> Option<SubscriptionStatus> {
        Some(String::from(self.subscription.as_ref()?.member("status")?).into())
    }

    /// The customer, by the id.
    pub(crate) fn customer_id(&self) -> Option<CustomerId> {
        CustomerId::parse(self.customer.as_ref()?.id("customer_id")?).ok()
    }
}

/// What lies between a session's subtotal and its total, in cents.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct TotalDetails {
    /// What is taken off.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_discount: Option<Cents>,
    /// The tax.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_tax: Option<Cents>,
    /// The shipping.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_shipping: Option<Cents>,
}

/// A fee of a session.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct FeeObject {
    /// How much, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount: Option<Cents>,
    /// Whether it counts.
    #[serde(default, deserialize_with = "lenient")]
    pub applied: Option<bool>,
}
