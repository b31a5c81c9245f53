//! What the status of both flows lists one by one: the sold items, and the captures, refunds and disputes.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::item::LineItem;
use super::ids::{CaptureId, CheckoutSessionId, DisputeId, InvoiceId, RefundId};
use crate::effect::DeliveredItem;
use crate::id::Intent;
use crate::int::whole;
use crate::money::Money;
use crate::time::Timestamp;

/// The most items of a session that are kept.
const ITEMS: usize = 16;

/// The most bytes of the ids of all prices of a session that are kept.
const BYTES: usize = 320;

/// An item that a session sells.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSoldItem"))]
#[non_exhaustive]
pub struct SoldItem {
    /// The id of the price. `null` for a price that was created with the session.
    pub id: Option<String>,
    /// The number of pieces.
    pub quantity: i64,
}

impl From<SoldItem> for DeliveredItem {
    fn from(SoldItem { id, quantity }: SoldItem) -> Self {
        Self { id, quantity }
    }
}

/// An item as it is stored: the id of its price, and the number of pieces.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexStoredItem"))]
pub(crate) struct StoredItem(Option<String>, #[serde(deserialize_with = "whole")] i64);

impl StoredItem {
    pub(crate) const fn new(price: Option<String>, quantity: i64) -> Self {
        Self(price, quantity)
    }

    /// The items of a command. Nothing is kept of a large cart.
    pub(super) fn all_of(items: &[LineItem]) -> Vec<Self> {
        Self::bounded(items.iter().map(|it| Self(it.price.clone(), it.quantity.unwrap_or(1))).collect())
    }

    /// The same items, or nothing if they are too many to be kept.
    pub(super) fn bounded(items: Vec<Self>) -> Vec<Self> {
        let ids = items.iter().filter_map(|it| it.0.as_ref()).map(String::len);
        let is_large = items.len() > ITEMS || ids.fold(0, usize::saturating_add) > BYTES;
        if is_large { Vec::new() } else { items }
    }

    /// The items as the status shows them, if they are kept.
    pub(super) fn shown(all: &[Self]) -> Option<Vec<SoldItem>> {
        let shown = all.iter().map(|Self(id, quantity)| SoldItem { id: id.clone(), quantity: *quantity });
        (!all.is_empty()).then(|| shown.collect())
    }
}

/// A capture that Flex has shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCaptureReport"))]
#[non_exhaustive]
pub struct CaptureReport {
    /// The id of the capture.
    pub id: CaptureId,
    /// The captured amount, in cents.
    pub amount: Money,
}

/// A refund that Flex has shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefundReport"))]
#[non_exhaustive]
pub struct RefundReport {
    /// The id of the refund.
    pub id: RefundId,
    /// The amount, in cents. `null` if Flex has not shown it.
    pub amount: Option<Money>,
    /// The furthest status that Flex has shown. `null` if Flex has shown none.
    pub provider_status: Option<String>,
    /// The intent of the request that has made it. `null` for a refund of other origin.
    pub intent: Option<Intent>,
}

/// A dispute that Flex has shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexDisputeReport"))]
#[non_exhaustive]
pub struct DisputeReport {
    /// The id of the dispute.
    pub id: DisputeId,
    /// The disputed amount, in cents. `null` if Flex has not shown it.
    pub amount: Option<Money>,
    /// The furthest status that Flex has shown, or that a person has named. `null` if neither is known.
    pub provider_status: Option<String>,
    /// Until when the bank accepts evidence, in milliseconds. `null` if Flex has not shown it, or after the end.
    pub evidence_due_at: Option<Timestamp>,
}

/// A paid invoice that has paid for no period.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexInvoiceReport"))]
#[non_exhaustive]
pub struct InvoiceReport {
    /// The id of the invoice.
    pub id: InvoiceId,
    /// The id of its payment. `null` if Flex has not shown it.
    pub payment_intent_id: Option<String>,
    /// The paid amount, in cents. `null` if Flex has not shown it.
    pub amount: Option<Money>,
}

/// A payment of the customer beside the one that counts: a person was asked whether to refund it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSecondPaymentReport"))]
#[non_exhaustive]
pub struct SecondPaymentReport {
    /// The session that was paid.
    pub checkout_session_id: CheckoutSessionId,
    /// The ids of its payments.
    pub payment_intent_ids: Vec<String>,
    /// The received amount, or the total if Flex does not show what it has received, in cents. `null` if neither is known.
    pub amount: Option<Money>,
    /// What Flex shows as refunded, in cents: without refunds that failed, and in a checkout without pending ones.
    pub refunded: Money,
    /// The amount that a refund that names this session can return now, in cents. Disputed money is not part of it. `null`
    /// if Flex has not shown the payment.
    pub refundable: Option<Money>,
    /// The refunds that the host has requested and whose outcome is not known, in cents. `null` if there is none.
    pub refunding: Option<Money>,
    /// The refunds that Flex has shown, by id.
    pub refunds: Vec<RefundReport>,
}

/// What a flow keeps of the money of a second payment.
#[derive(Default)]
pub(super) struct SecondPaymentMoney {
    pub(super) refundable: Option<Money>,
    pub(super) refunding: Option<Money>,
    pub(super) refunds: Vec<RefundReport>,
}

/// A provider's word, unless it is empty because the provider said nothing.
pub(super) fn word(text: &str) -> Option<String> {
    Some(text).filter(|it| !it.is_empty()).map(Into::into)
}
