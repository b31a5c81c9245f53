//! Refunds, captures and disputes, as Flex shows them.

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
    /// The status of a refund, in the order in which it may move.
    pub enum RefundStatus {
        /// On its way.
        Pending = "pending",
        /// Something must be done first.
        RequiresAction = "requires_action",
        /// Done.
        Succeeded = "succeeded",
        /// It was called off.
        Canceled = "canceled",
        /// It came to nothing.
        Failed = "failed",
    }
}

impl RefundStatus {
    /// Whether the money stays with the merchant.
    pub const fn is_reversed(&self) -> bool {
        matches!(self, Self::Canceled | Self::Failed)
    }
}

open_enum! {
    /// The status of a dispute; whatever is not its end leaves it open.
    pub enum DisputeStatus {
        /// The bank waits for evidence.
        NeedsResponse = "needs_response",
        /// The bank decides.
        UnderReview = "under_review",
        /// The merchant keeps the money.
        Won = "won",
        /// The money is gone.
        Lost = "lost",
    }
}

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct RefundObject {
    /// The refund.
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
    /// The key of the request that made it, echoed.
    #[serde(default, rename = "metadata", deserialize_with = "echo")]
    pub echo: Option<String>,
    /// How much, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount: Option<Cents>,
    /// Its status.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<RefundStatus>,
    /// When it was made.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// Whether it is one of test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

/// A capture of what was held.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct CaptureObject {
    /// The capture.
    #[serde(deserialize_with = "any_form")]
    pub capture_id: CaptureId,
    /// How much was taken, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_captured: Option<Cents>,
    /// The key of the request that made it, echoed.
    #[serde(default, rename = "metadata", deserialize_with = "echo")]
    pub echo: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// Whether it is one of test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

impl CaptureObject {
    /// A capture that a person names.
    pub(crate) const fn named(capture_id: CaptureId, amount: Cents) -> Self {
        Self { capture_id, amount_captured: Some(amount), echo: None, created_at: None, test_mode: TestMode::Absent }
    }
}

/// A payment that the customer disputes with the bank.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct DisputeObject {
    /// The dispute.
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
    /// Our own reference, echoed.
    #[serde(default, deserialize_with = "lenient_text")]
    pub client_reference_id: Option<String>,
    /// How much, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount: Option<Cents>,
    /// Its status.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<DisputeStatus>,
    /// Whether its charge can be given back even so.
    #[serde(default, deserialize_with = "lenient")]
    pub is_charge_refundable: Option<bool>,
    /// Whether it is one of test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

/// A charge, of which only what it was a charge of is read.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct ChargeObject {
    #[serde(default)]
    payment_intent_id: Option<Expandable>,
    #[serde(default)]
    payment_intent: Option<Expandable>,
    #[serde(default)]
    invoice: Option<Expandable>,
    /// What of it was given back, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_refunded: Option<Cents>,
    /// Whether it is one of test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

impl ChargeObject {
    /// The payment that it is of.
    pub(crate) fn payment_intent(&self) -> Option<&str> {
        first_id("payment_intent_id", [&self.payment_intent_id, &self.payment_intent])
    }

    /// The invoice that it has paid.
    pub(crate) fn invoice(&self) -> Option<InvoiceId> {
        InvoiceId::parse(first_id("invoice_id", [&self.invoice, &None])?).ok()
    }
}

/// Of money that goes back: what it was of, in whichever member that is.
macro_rules! references {
    ($($seen:ident),+) => {$(
        impl $seen {
            /// The payment that it is of.
            pub(crate) fn payment_intent(&self) -> Option<&str> {
                first_id("payment_intent_id", [&self.payment_intent_id, &self.payment_intent])
            }

            /// The session that it is of.
            pub(crate) fn checkout_session(&self) -> Option<&str> {
                first_id("checkout_session_id", [&self.checkout_session, &None])
            }

            /// The subscription that it is of.
            pub(crate) fn subscription(&self) -> Option<&str> {
                first_id("subscription_id", [&self.subscription_id, &None])
            }

            /// The invoice that it is of.
            pub(crate) fn invoice(&self) -> Option<InvoiceId> {
                InvoiceId::parse(first_id("invoice_id", [&self.invoice_id, &None])?).ok()
            }
        }
    )+};
}

references!(RefundObject, DisputeObject);

/// The first id of a thing, in whichever member it is.
fn first_id<'a>(named: &str, places: [&'a Option<Expandable>; 2]) -> Option<&'a str> {
    places.into_iter().flatten().find_map(|it| it.id(named))
}
