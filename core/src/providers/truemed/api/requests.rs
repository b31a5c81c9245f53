//! The bodies of requests. The body of a session has a file of its own.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::order::OrderItem;
use crate::id::Intent;
use crate::money::Cents;
use crate::value::{Extra, Metadata, RawJson, open_enum, setters};

open_enum! {
    /// Why the host refunds money.
    pub enum Reason {
        /// The customer asked for it.
        CustomerRequest = "customer_request",
        /// The payment was fraudulent.
        Fraudulent = "fraudulent",
        /// The customer paid twice.
        DuplicatePayment = "duplicate_payment",
    }
}

/// `create_payment_token`: start to store the payment method of a customer who is present.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCreatePaymentTokenFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreatePaymentToken {
    /// What the customer subscribes to.
    pub order_items: Vec<OrderItem>,
    /// Where Truemed sends the customer afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_url: Option<String>,
    /// Where Truemed sends the customer after Cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_url: Option<String>,
    /// A string that Truemed returns. The default is the key of the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CreatePaymentToken {
    /// A token for a subscription to these items.
    pub fn new(order_items: Vec<OrderItem>, success_url: &str, failure_url: &str) -> Self {
        let (success_url, failure_url) = (Some(success_url.into()), Some(failure_url.into()));
        Self { order_items, success_url, failure_url, metadata: None, extra: Extra::default() }
    }
}

setters!(CreatePaymentToken { success_url: String, failure_url: String, metadata: Metadata, extra: Extra });

/// `update_payment_token`: change either the stored card or the items of a customer who is present.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedUpdatePaymentTokenFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdatePaymentToken {
    /// Whether the customer wants to change the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_card_info: Option<bool>,
    /// What the customer subscribes to from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_items: Option<Vec<OrderItem>>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl UpdatePaymentToken {
    /// A change of the items.
    pub fn items(order_items: Vec<OrderItem>) -> Self {
        Self { order_items: Some(order_items), ..Self::default() }
    }

    /// A change of the card.
    pub fn card() -> Self {
        Self { update_card_info: Some(true), ..Self::default() }
    }
}

setters!(UpdatePaymentToken { update_card_info: bool, order_items: Vec<OrderItem>, extra: Extra });

/// `create_refund`: refund some or all of the captured money.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCreateRefundFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateRefund {
    /// The host's name for this refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The amount, in cents.
    pub amount: Cents,
    /// The reason.
    pub reason: Reason,
    /// The refunded items, as Truemed specifies them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_details: Option<RawJson>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CreateRefund {
    /// A refund with the host's name for it.
    pub fn new(intent: Intent, amount: Cents, reason: Reason) -> Self {
        Self { intent: Some(intent), amount, reason, item_details: None, extra: Extra::default() }
    }
}

setters!(CreateRefund { item_details: RawJson, extra: Extra });

/// `capture_payment_session`: capture the held money, or less.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCapturePaymentSessionFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CapturePaymentSession {
    /// The host's name for this capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The amount, in cents.
    pub total_amount: Cents,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CapturePaymentSession {
    /// A capture of this amount.
    pub fn new(total_amount: Cents) -> Self {
        Self { total_amount, ..Self::default() }
    }
}

setters!(CapturePaymentSession { intent: Intent, extra: Extra });
