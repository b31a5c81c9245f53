//! A checkout session, as Flex sends it.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};

use super::form::{Entries, Expandable, echo, entries, enum_value, instant};
use super::money::{CaptureObject, DisputeObject, RefundObject};
use super::subscription::SubscriptionStatus;
use crate::json::{RawText, any_form, decode, lenient, lenient_text};
use crate::money::Cents;
use crate::providers::flex::api::session_request::{CaptureMethod, Mode};
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::ids::{CheckoutSessionId, CustomerId, PaymentMethodId, SetupIntentId, SubscriptionId};
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// The status of a checkout session.
    pub enum Status {
        /// The customer can pay.
        Open = "open",
        /// The session expired before a payment.
        Expired = "expired",
        /// The checkout is complete. Only this status allows fulfillment.
        Complete = "complete",
    }
}

/// A checkout session, as Flex sends it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SessionObject {
    /// The id of the session.
    #[serde(deserialize_with = "any_form")]
    pub checkout_session_id: CheckoutSessionId,
    /// The status. An event may omit it.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<Status>,
    /// The purpose of the session.
    #[serde(default, deserialize_with = "enum_value")]
    pub mode: Option<Mode>,
    /// Our own reference, which Flex returns. Older formats have none.
    #[serde(default, deserialize_with = "lenient_text")]
    pub client_reference_id: Option<String>,
    /// The key of the request that created the session.
    #[serde(default, rename = "metadata", deserialize_with = "echo")]
    pub echo: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    redirect_url: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    url: Option<String>,
    /// When the session was created.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// When the session expires.
    #[serde(default, deserialize_with = "instant")]
    pub expires_at: Option<Timestamp>,
    /// The amount that the customer pays, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_total: Option<Cents>,
    /// The total of the items, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_subtotal: Option<Cents>,
    /// The received amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_received: Option<Cents>,
    /// The refunded amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_refunded: Option<Cents>,
    /// The disputed amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_disputed: Option<Cents>,
    /// The difference between subtotal and total.
    #[serde(default, deserialize_with = "lenient")]
    pub total_details: Option<TotalDetails>,
    /// The added fees.
    #[serde(default, deserialize_with = "lenient")]
    pub fees: Option<Vec<FeeObject>>,
    /// When Flex captures the payment.
    #[serde(default, deserialize_with = "enum_value")]
    pub capture_method: Option<CaptureMethod>,
    /// Whether an HSA or FSA card can pay.
    #[serde(default, deserialize_with = "lenient")]
    pub hsa_fsa_eligible: Option<bool>,
    /// Whether a letter of medical necessity is required.
    #[serde(default, deserialize_with = "lenient")]
    pub letter_of_medical_necessity_required: Option<bool>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<Expandable>,
    /// What an absent customer must do before Flex can charge the payment.
    #[serde(default, deserialize_with = "next_action")]
    pub next_action: Option<NextAction>,
    /// The subscription, or several.
    #[serde(default)]
    pub subscription: Option<Expandable>,
    /// The first invoice.
    #[serde(default)]
    pub invoice: Option<Expandable>,
    #[serde(default)]
    setup_intent: Option<Expandable>,
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
    /// Whether the session is in test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

impl SessionObject {
    /// The setup intent of a session in which the customer only gives a payment method.
    pub(crate) fn setup_intent(&self) -> Option<SetupIntentId> {
        SetupIntentId::parse(self.setup_intent.as_ref()?.id("setup_intent_id")?).ok()
    }

    /// The URL at which the customer pays.
    pub fn address(&self) -> Option<&String> {
        self.redirect_url.as_ref().or(self.url.as_ref())
    }

    /// The ids of the payments. A split cart has two.
    pub(crate) fn payment_intents(&self) -> impl Iterator<Item = &str> {
        let all = self.payment_intent.iter().chain(&self.payment_intent_id).chain(&self.payment_intents);
        all.flat_map(|it| it.ids("payment_intent_id"))
    }

    /// What an absent customer must do. A declined payment needs another payment method, also if Flex names no action.
    pub(crate) fn action(&self) -> Option<NextAction> {
        let status = self.payment_intent.as_ref().and_then(|it| it.member("status"));
        let declined = || NextAction { kind: PAYMENT_FAILED.into(), url: None };
        self.next_action.clone().or_else(|| (status == Some("requires_payment_method")).then(declined))
    }

    /// The ids of all subscriptions that the session has created.
    pub(crate) fn subscription_ids(&self) -> impl Iterator<Item = SubscriptionId> {
        let all = self.subscription.iter().flat_map(|it| it.ids("subscription_id"));
        all.filter_map(|id| SubscriptionId::parse(id).ok())
    }

    /// The status of the subscription, if the session contains the whole subscription.
    pub(crate) fn subscription_status(&self) -> Option<SubscriptionStatus> {
        Some(String::from(self.subscription.as_ref()?.member("status")?).into())
    }

    /// The id of the customer.
    pub(crate) fn customer_id(&self) -> Option<CustomerId> {
        self.customer.as_ref()?.customer_id()
    }

    /// The id of the payment method, if the session contains its whole payment, or the whole setup intent. A split cart has
    /// two payments, and no one payment method.
    pub(crate) fn payment_method(&self) -> Option<PaymentMethodId> {
        let intents = [&self.payment_intent, &self.setup_intent, &self.payment_intents].into_iter().flatten();
        intents.into_iter().find_map(Expandable::payment_method)
    }
}

/// What a customer must do, and where.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexNextAction"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NextAction {
    /// The action, in Flex's own word. It is empty if Flex names none.
    pub kind: String,
    /// The page for it, exactly as Flex sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The kind of the action after a payment was declined: the customer pays in another way.
pub(crate) const PAYMENT_FAILED: &str = "payment_failed";

/// Reads the next action: the member `type` names another member, which has the URL. Any value but `null` is an action.
fn next_action<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NextAction>, D::Error> {
    #[derive(Deserialize, Default)]
    struct Page {
        #[serde(default, deserialize_with = "lenient_text")]
        url: Option<String>,
    }
    let text = RawText::deserialize(deserializer)?.get();
    let Ok(members) = decode::<BTreeMap<String, RawText<'_>>>(text) else {
        let kind = decode::<String>(text).unwrap_or_default();
        return Ok((text != "null").then_some(NextAction { kind, url: None }));
    };
    let kind = members.get("type").and_then(|it| decode::<String>(it.get()).ok()).unwrap_or_default();
    let page = members.get(&kind).and_then(|it| decode::<Page>(it.get()).ok()).unwrap_or_default();
    let url = page.url.or_else(|| decode::<Page>(text).unwrap_or_default().url);
    Ok(Some(NextAction { kind, url: url.filter(|url| !url.is_empty()) }))
}

/// The difference between the subtotal and the total of a session, in cents.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct TotalDetails {
    /// The discount.
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
    /// The amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount: Option<Cents>,
    /// Whether Flex charges the fee.
    #[serde(default, deserialize_with = "lenient")]
    pub applied: Option<bool>,
}
