//! What a checkout session adds to its items: tax, shipping, discounts and fees.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::item::CouponData;
use crate::money::Cents;
use crate::value::setters;

/// The tax, which your backend computes: Flex computes none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexTaxRate"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TaxRate {
    /// The amount, in cents.
    pub amount: Cents,
}

impl TaxRate {
    /// A tax of this amount.
    pub const fn new(amount: Cents) -> Self {
        Self { amount }
    }
}

/// The shipping costs: an existing rate, or one to create with the session.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexShippingOptions"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ShippingOptions {
    /// An existing rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_rate_id: Option<String>,
    /// A rate to create with the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_rate_data: Option<ShippingRateData>,
}

setters!(ShippingOptions { shipping_rate_id: String, shipping_rate_data: ShippingRateData });

/// A shipping rate.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexShippingRateData"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ShippingRateData {
    /// The name that the customer reads.
    pub display_name: String,
    /// The amount, in cents.
    pub amount: Cents,
}

impl ShippingRateData {
    /// A rate with the name that the customer reads.
    pub fn new(display_name: &str, amount: Cents) -> Self {
        Self { display_name: display_name.into(), amount }
    }
}

/// A discount: an existing coupon, or one to create with the session.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexDiscount"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Discount {
    /// An existing coupon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<String>,
    /// A coupon to create with the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon_data: Option<CouponData>,
}

setters!(Discount { coupon_id: String, coupon_data: CouponData });

/// A fee.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexFee"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fee {
    /// The amount, in cents.
    pub amount: Cents,
    /// The name of the fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the fee is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The kind of fee. Your backend sends `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_type: Option<String>,
}

impl Fee {
    /// A fee of this amount.
    pub fn new(amount: Cents) -> Self {
        Self { amount, ..Self::default() }
    }
}

setters!(Fee { name: String, description: String, fee_type: String });
