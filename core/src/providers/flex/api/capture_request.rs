//! `capture_payment`: the fields of a capture, as your backend writes them, and what Flex gets of them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::Intent;
use crate::money::Cents;
use crate::value::{Body, Extra, RawJson, body, setters};

/// `capture_payment`: capture an authorized payment, or a part of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCapturePaymentFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CapturePayment {
    /// Your name for this capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// What the capture takes in all, in cents. Flex has no such field: the library compares it with what Flex captures.
    pub amount: Cents,
    /// The items to capture. Without items, Flex captures everything that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_items: Option<Vec<CaptureItem>>,
    /// The tax to capture, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_tax: Option<Cents>,
    /// The shipping to capture, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_shipping: Option<Cents>,
    /// The discount of the capture, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_discount: Option<Cents>,
    /// Whether this capture is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_capture: Option<bool>,
    /// Your own data, which Flex stores with the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RawJson>,
    /// Your own data, which Flex stores with the capture. The library adds the key of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_metadata: Option<RawJson>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

setters!(CapturePayment {
    line_items: Vec<CaptureItem>,
    amount_tax: Cents,
    amount_shipping: Cents,
    amount_discount: Cents,
    final_capture: bool,
    metadata: RawJson,
    capture_metadata: RawJson,
    extra: Extra,
});

/// One item to capture.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCaptureItem"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CaptureItem {
    /// The product of the item.
    pub product: String,
    /// The amount, in cents. Without it, Flex captures the whole item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_to_capture: Option<Cents>,
}

impl CaptureItem {
    /// The whole item of a product.
    pub fn new(product: &str) -> Self {
        Self { product: product.into(), amount_to_capture: None }
    }
}

setters!(CaptureItem { amount_to_capture: Cents });

impl CapturePayment {
    /// A capture that takes this in all, with your name for it.
    pub fn new(intent: Intent, amount: Cents) -> Self {
        Self { intent: Some(intent), amount, ..Self::default() }
    }

    /// What Flex gets. The amount is not sent, because Flex has no field for it.
    pub(crate) fn body(&self) -> Body {
        body(self, &self.extra, None).without("amount")
    }

    /// The named items.
    fn items(&self) -> &[CaptureItem] {
        self.line_items.as_deref().unwrap_or_default()
    }

    /// Whether the request names what it captures.
    pub(crate) fn names_items(&self) -> bool {
        !self.items().is_empty()
    }

    /// Whether every named amount is valid: a negative amount cannot offset another.
    pub(crate) fn has_valid_amounts(&self) -> bool {
        let parts = [self.amount_tax, self.amount_shipping, self.amount_discount];
        self.items().iter().filter_map(|it| it.amount_to_capture).all(|amount| amount > Cents::ZERO)
            && parts.into_iter().flatten().all(|part| part >= Cents::ZERO)
    }

    /// Whether the amount is the sum of the parts. The amount of a whole item is known to Flex alone, but it is at least
    /// 1 cent. Without items, Flex captures what is left.
    pub(crate) fn adds_up(&self) -> bool {
        let apart = self.apart();
        let whole = self.items().iter().filter(|it| it.amount_to_capture.is_none()).count();
        let named = self.items().iter().filter_map(|it| it.amount_to_capture).fold(apart, Cents::plus);
        match (self.items(), whole) {
            ([], _) => true,
            (_, 0) => named == self.amount,
            (_, _) => named < self.amount,
        }
    }

    /// The tax and the shipping, without the discount.
    fn apart(&self) -> Cents {
        let [tax, shipping, discount] =
            [self.amount_tax, self.amount_shipping, self.amount_discount].map(Option::unwrap_or_default);
        tax.plus(shipping).minus(discount)
    }

    /// Whether a captured amount is the requested one. No document says whether Flex counts tax, shipping and discount in
    /// it.
    pub(crate) fn is_amount(&self, captured: Cents) -> bool {
        captured == self.amount || captured.plus(self.apart()) == self.amount
    }
}
