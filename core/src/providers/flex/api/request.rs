//! The fields of Flex's requests, as your backend writes them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::objects::SubscriptionObject;
use crate::id::Intent;
use crate::int::whole_if_any;
use crate::money::Cents;
use crate::providers::flex::ids::{CheckoutSessionId, InvoiceId, SubscriptionId};
use crate::value::{Body, Extra, RawJson, body, open_enum, setters};

/// `cancel_subscription`: end a subscription at once, or with its period.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCancelSubscriptionFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CancelSubscription {
    /// Which subscription to end, if several were paid. Without it, the flow's own subscription ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<SubscriptionId>,
    /// Whether the subscription ends with its period. You must set it, because Flex has changed the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_at_period_end: Option<bool>,
    /// Flex's word for what it refunds. Its documents print only `none`, and list no other word. Any other text counts as a
    /// refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<String>,
    /// The amount to refund, in cents, together with `refund`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_amount: Option<Cents>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CancelSubscription {
    /// A cancellation at once, or at the end of the period.
    pub fn new(end: End) -> Self {
        Self { cancel_at_period_end: Some(end == End::WithPeriod), ..Self::default() }
    }

    /// Whether another cancellation requests the same, apart from naming the subscription.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let bare = |it: &Self| Self { subscription_id: None, ..it.clone() };
        bare(self) == bare(other)
    }

    /// Whether the cancellation requests a refund.
    pub(crate) fn refunds(&self) -> bool {
        self.refund.as_deref().is_some_and(|it| it != "none")
    }
}

setters!(CancelSubscription { subscription_id: SubscriptionId, refund: String, refund_amount: Cents, extra: Extra });

/// `update_subscription`: change whether a subscription ends with its period, or change its plan.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexUpdateSubscriptionFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateSubscription {
    /// Whether the subscription ends with its period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_at_period_end: Option<bool>,
    /// All items that the subscription has from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<UpdateItem>>,
    /// The coupon that the next invoices get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// When the trial ends, in the ISO 8601 format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_end: Option<String>,
    /// How Flex charges for the rest of the period, such as `always_invoice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proration_behavior: Option<String>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl UpdateSubscription {
    /// An update that sets whether the subscription ends with its period.
    pub fn new(cancel_at_period_end: bool) -> Self {
        Self { cancel_at_period_end: Some(cancel_at_period_end), ..Self::default() }
    }

    /// An update to these items.
    pub fn to_items(items: impl Into<Vec<UpdateItem>>) -> Self {
        Self { items: Some(items.into()), ..Self::default() }
    }

    /// Whether the update changes the plan.
    pub(crate) const fn changes(&self) -> bool {
        self.items.is_some() || self.coupon.is_some() || self.trial_end.is_some() || self.proration_behavior.is_some()
    }
}

setters!(UpdateSubscription {
    cancel_at_period_end: bool,
    items: Vec<UpdateItem>,
    coupon: String,
    trial_end: String,
    proration_behavior: String,
    extra: Extra,
});

/// One item of an updated subscription.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexUpdateItem"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateItem {
    /// The item of the subscription that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_item_id: Option<String>,
    /// The price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// The number of pieces; 1 if absent.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
}

impl UpdateItem {
    /// A new item at this price.
    pub fn new(price: &str) -> Self {
        Self { price: Some(price.into()), ..Self::default() }
    }
}

setters!(UpdateItem { subscription_item_id: String, quantity: i64 });

/// Whether a subscription ends with its period, as `update_subscription` sets it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexUpdateEndFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateEnd {
    /// Whether the subscription ends with its period.
    pub cancel_at_period_end: bool,
    /// Whether the update takes back an end at an instant, which another party has set in place of the flag.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) clears_end: bool,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl UpdateEnd {
    /// An update that sets the flag to this value.
    pub(crate) fn new(cancel_at_period_end: bool) -> Self {
        Self { cancel_at_period_end, clears_end: false, extra: Extra::default() }
    }

    /// Whether Flex shows the subscription as requested.
    pub(crate) fn is_shown_by(&self, object: &SubscriptionObject) -> bool {
        let is_cleared = !self.clears_end || object.cancel_at.is_none();
        object.cancel_at_period_end == Some(self.cancel_at_period_end) && is_cleared
    }

    /// The body. Only one of both members can be sent.
    pub(super) fn body(&self) -> Body {
        #[derive(Serialize)]
        struct Fields {
            #[serde(skip_serializing_if = "Option::is_none")]
            cancel_at_period_end: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            cancel_at: Option<()>,
        }
        let flag = (!self.clears_end).then_some(self.cancel_at_period_end);
        let fields = Fields { cancel_at_period_end: flag, cancel_at: self.clears_end.then_some(()) };
        body(&fields, &self.extra, None)
    }
}

/// When a subscription ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum End {
    /// The subscription ends now.
    AtOnce,
    /// The subscription ends with its period.
    WithPeriod,
}

/// `create_refund`: refund a payment, or a part of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCreateRefundFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateRefund {
    /// Your name for this refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The paid session whose payment is refunded, such as the second one of two. Without it, the session that settles the
    /// checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// The amount, in cents. Without an amount and without items, the refund is for everything that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
    /// The items to refund, instead of an amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_items: Option<Vec<RefundItem>>,
    /// The tax to refund, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_tax: Option<Cents>,
    /// The shipping to refund, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_shipping: Option<Cents>,
    /// The discount of the refund, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_discount: Option<Cents>,
    /// Your own data, which Flex stores with the refund. The library adds the key of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_metadata: Option<RawJson>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CreateRefund {
    /// A refund of everything that is left, with your name for it.
    pub fn new(intent: Intent) -> Self {
        Self { intent: Some(intent), ..Self::default() }
    }
}

setters!(CreateRefund {
    checkout_session_id: CheckoutSessionId,
    amount: Cents,
    line_items: Vec<RefundItem>,
    amount_tax: Cents,
    amount_shipping: Cents,
    amount_discount: Cents,
    refund_metadata: RawJson,
    extra: Extra,
});

open_enum! {
    /// Why a payment is refunded.
    pub enum RefundReason {
        /// The customer asked for it.
        RequestedByCustomer = "requested_by_customer",
        /// The customer paid twice.
        Duplicate = "duplicate",
        /// The payment was fraudulent.
        Fraudulent = "fraudulent",
        /// The payment was authorized, and never captured.
        ExpiredUncapturedCharge = "expired_uncaptured_charge",
    }
}

/// `refund_payment`: refund one of the payments of a subscription, or a part of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefundPaymentFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RefundPayment {
    /// Your name for this refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The invoice whose payment is refunded, such as the one of a renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<InvoiceId>,
    /// The paid session whose payment is refunded, such as the second one of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// The payment that is refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_intent_id: Option<String>,
    /// The amount, in cents. Without it, the refund is for everything that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
    /// Why the money is refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
    /// Your own data, which Flex stores with the refund. The library adds the key of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RawJson>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl RefundPayment {
    /// A refund of everything that is left of a payment, with your name for it. Set which payment it is.
    pub fn new(intent: Intent) -> Self {
        Self { intent: Some(intent), ..Self::default() }
    }
}

setters!(RefundPayment {
    invoice_id: InvoiceId,
    checkout_session_id: CheckoutSessionId,
    payment_intent_id: String,
    amount: Cents,
    reason: RefundReason,
    metadata: RawJson,
    extra: Extra,
});

/// One item to refund.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefundItem"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RefundItem {
    /// The product of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The price of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// The amount, in cents. Without it, Flex refunds the whole item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_to_refund: Option<Cents>,
}

setters!(RefundItem { product: String, price: String, amount_to_refund: Cents });
