//! Refunds, captures, disputes and charges, as Flex sends them.

use alloc::string::String;

use serde::Deserialize;

use super::form::{Expandable, echo, enum_value, instant};
use crate::json::{any_form, lenient, lenient_text};
use crate::money::Cents;
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::ids::{CaptureId, DisputeId, InvoiceId, RefundId};
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// The status of a refund, in the order in which it can change.
    pub enum RefundStatus {
        /// The refund is not finished.
        Pending = "pending",
        /// Somebody must act first.
        RequiresAction = "requires_action",
        /// The customer has the money.
        Succeeded = "succeeded",
        /// The refund was canceled.
        Canceled = "canceled",
        /// The refund has failed.
        Failed = "failed",
    }
}

impl RefundStatus {
    /// Whether the merchant keeps the money.
    pub const fn is_reversed(&self) -> bool {
        matches!(self, Self::Canceled | Self::Failed)
    }
}

open_enum! {
    /// The status of a dispute. Any status but `won` and `lost` leaves the dispute open.
    pub enum DisputeStatus {
        /// The bank waits for evidence.
        NeedsResponse = "needs_response",
        /// The bank decides.
        UnderReview = "under_review",
        /// The merchant keeps the money.
        Won = "won",
        /// The customer has the money back.
        Lost = "lost",
    }
}

/// A refund, as Flex sends it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct RefundObject {
    /// The id of the refund.
    #[serde(deserialize_with = "any_form")]
    pub refund_id: RefundId,
    #[serde(default)]
    payment_intent_id: Option<Expandable>,
    #[serde(default)]
    payment_intent: Option<Expandable>,
    #[serde(default)]
    checkout_session: Option<Expandable>,
    #[serde(default)]
    subscription_id: Option<Expandable>,
    #[serde(default)]
    invoice_id: Option<Expandable>,
    /// The key of the request that created the refund.
    #[serde(default, rename = "metadata", deserialize_with = "echo")]
    pub echo: Option<String>,
    /// The amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount: Option<Cents>,
    /// The status of the refund.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<RefundStatus>,
    /// When the refund was created.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// Whether the refund is in test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

/// A capture of an authorized payment, as Flex sends it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct CaptureObject {
    /// The id of the capture.
    #[serde(deserialize_with = "any_form")]
    pub capture_id: CaptureId,
    /// The captured amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_captured: Option<Cents>,
    /// The key of the request that created the capture.
    #[serde(default, rename = "metadata", deserialize_with = "echo")]
    pub echo: Option<String>,
    /// When the capture was created.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// Whether the capture is in test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

impl CaptureObject {
    /// A capture that a person names.
    pub(crate) const fn named(capture_id: CaptureId, amount: Cents) -> Self {
        Self { capture_id, amount_captured: Some(amount), echo: None, created_at: None, test_mode: TestMode::Absent }
    }
}

/// A payment that the customer disputes with the bank, as Flex sends it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct DisputeObject {
    /// The id of the dispute.
    #[serde(deserialize_with = "any_form")]
    pub dispute_id: DisputeId,
    #[serde(default)]
    payment_intent_id: Option<Expandable>,
    #[serde(default)]
    payment_intent: Option<Expandable>,
    #[serde(default)]
    checkout_session: Option<Expandable>,
    #[serde(default)]
    subscription_id: Option<Expandable>,
    #[serde(default)]
    invoice_id: Option<Expandable>,
    /// Our own reference, which Flex returns.
    #[serde(default, deserialize_with = "lenient_text")]
    pub client_reference_id: Option<String>,
    /// The disputed amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount: Option<Cents>,
    /// The status of the dispute.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<DisputeStatus>,
    /// Whether the disputed charge can still be refunded.
    #[serde(default, deserialize_with = "lenient")]
    pub is_charge_refundable: Option<bool>,
    /// Until when the bank accepts evidence, and what was submitted.
    #[serde(default, deserialize_with = "lenient")]
    pub evidence_details: Option<EvidenceDetails>,
    /// Whether the dispute is in test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

/// The evidence of a dispute, as Flex sends it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct EvidenceDetails {
    /// Until when the bank accepts evidence.
    #[serde(default, deserialize_with = "instant")]
    pub due_by: Option<Timestamp>,
    /// How often evidence was submitted. A draft does not count.
    #[serde(default, deserialize_with = "lenient")]
    pub submission_count: Option<i64>,
}

/// A charge, as Flex sends it. The library reads only what the charge was for and how much of it was refunded.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct ChargeObject {
    #[serde(default)]
    payment_intent_id: Option<Expandable>,
    #[serde(default)]
    payment_intent: Option<Expandable>,
    #[serde(default)]
    invoice: Option<Expandable>,
    /// The refunded amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_refunded: Option<Cents>,
    /// Whether the charge is in test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

impl ChargeObject {
    /// The id of the payment.
    pub(crate) fn payment_intent(&self) -> Option<&str> {
        first_id("payment_intent_id", [&self.payment_intent_id, &self.payment_intent])
    }

    /// The id of the paid invoice.
    pub(crate) fn invoice(&self) -> Option<InvoiceId> {
        InvoiceId::parse(first_id("invoice_id", [&self.invoice, &None])?).ok()
    }
}

/// The objects that a refund or a dispute refers to.
macro_rules! references {
    ($($object:ident),+) => {$(
        impl $object {
            /// The id of the payment.
            pub(crate) fn payment_intent(&self) -> Option<&str> {
                first_id("payment_intent_id", [&self.payment_intent_id, &self.payment_intent])
            }

            /// The id of the session.
            pub(crate) fn checkout_session(&self) -> Option<&str> {
                first_id("checkout_session_id", [&self.checkout_session, &None])
            }

            /// The id of the subscription.
            pub(crate) fn subscription(&self) -> Option<&str> {
                first_id("subscription_id", [&self.subscription_id, &None])
            }

            /// The id of the invoice.
            pub(crate) fn invoice(&self) -> Option<InvoiceId> {
                InvoiceId::parse(first_id("invoice_id", [&self.invoice_id, &None])?).ok()
            }
        }
    )+};
}

references!(RefundObject, DisputeObject);

/// The first id in several members.
fn first_id<'a>(named: &str, places: [&'a Option<Expandable>; 2]) -> Option<&'a str> {
    places.into_iter().flatten().find_map(|it| it.id(named))
}
