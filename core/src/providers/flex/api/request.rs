//! The fields of Flex's requests, as the host writes them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::Intent;
use crate::money::Cents;
use crate::providers::flex::ids::SubscriptionId;
use crate::value::{Extra, RawJson};

/// `cancel_subscription`: end a subscription at once, or with its period.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCancelSubscriptionFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CancelSubscription {
    /// Which one, where several were paid for; the one that counts, unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<SubscriptionId>,
    /// Whether it ends with its period; must be said, for its default has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_at_period_end: Option<bool>,
    /// `none`, or what is given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<String>,
    /// How much is given back, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_amount: Option<Cents>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CancelSubscription {
    /// An end with the period, or at once.
    pub fn new(end: End) -> Self {
        Self { cancel_at_period_end: Some(end == End::WithPeriod), ..Self::default() }
    }

    /// Whether another asks for the same, whichever names the subscription.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let bare = |it: &Self| Self { subscription_id: None, ..it.clone() };
        bare(self) == bare(other)
    }

    /// Whether money is given back with it.
    pub(crate) fn refunds(&self) -> bool {
        self.refund.as_deref().is_some_and(|it| it != "none")
    }
}

/// `update_subscription`: change whether a subscription ends with its period.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexUpdateSubscriptionFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateSubscription {
    /// Whether it ends with its period.
    pub cancel_at_period_end: bool,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl UpdateSubscription {
    /// An end with the period, or none.
    pub fn new(cancel_at_period_end: bool) -> Self {
        Self { cancel_at_period_end, extra: Extra::default() }
    }
}

/// When a subscription ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum End {
    /// Now.
    AtOnce,
    /// When what is paid is over.
    WithPeriod,
}

/// `create_refund`: give back some or all of what was received.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCreateRefundFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateRefund {
    /// The host's name for this refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// How much, in cents; everything, where neither this nor items are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
    /// What is given back instead of an amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_items: Option<Vec<RefundItem>>,
    /// The tax in it, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_tax: Option<Cents>,
    /// The shipping in it, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_shipping: Option<Cents>,
    /// The discount in it, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_discount: Option<Cents>,
    /// What the host wants to find on it again; the request's own key is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_metadata: Option<RawJson>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// An item that is given back.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefundItem"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RefundItem {
    /// Its product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// How much of it, in cents; all, unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_to_refund: Option<Cents>,
}

/// `capture_payment`: take what is held, or a part.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCapturePaymentFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CapturePayment {
    /// The host's name for this capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// How much, in cents.
    pub amount: Cents,
    /// Whether no other follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_capture: Option<bool>,
    /// What the host wants to find on it again; the request's own key is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_metadata: Option<RawJson>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}
