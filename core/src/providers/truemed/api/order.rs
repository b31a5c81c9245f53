//! Orders: their items and amounts, and the rules that add them up.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::config::truemed::{DiscountSign, Settings};
use crate::flow::{Flow, Rules};
use crate::id::Digest;
use crate::int::whole;
use crate::money::Cents;
use crate::providers::truemed::rules::Rule;
use crate::value::setters;

/// One line of an order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedOrderItem"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OrderItem {
    /// The name.
    pub name: String,
    /// The quantity.
    #[serde(deserialize_with = "whole")]
    pub quantity: i64,
    /// The price of one unit, in cents.
    pub price: Cents,
    /// The merchant's stock keeping unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Charges and discounts of the whole line. They count once, not per unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_details: Option<AmountDetails>,
}

impl OrderItem {
    /// A line without charges or discounts.
    pub fn new(sku: &str, name: &str, quantity: i64, price: Cents) -> Self {
        Self { name: name.into(), quantity, price, sku: Some(sku.into()), amount_details: None }
    }

    fn identity(&self) -> (&str, &str, i64, Cents) {
        (self.sku.as_deref().unwrap_or_default(), &self.name, self.quantity, self.price)
    }
}

setters!(OrderItem { amount_details: AmountDetails });

/// Charges and discounts of an order or of a line, in cents.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedAmountDetails"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AmountDetails {
    /// The sum of the charges, such as shipping, tax and fees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_additional_charges: Option<Cents>,
    /// The sum of the discounts, with the sign that the config sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_discounts: Option<Cents>,
    /// The charges one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_charges_details: Option<Vec<AmountDetail>>,
    /// The discounts one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discounts_details: Option<Vec<AmountDetail>>,
}

setters!(AmountDetails {
    total_additional_charges: Cents,
    total_discounts: Cents,
    additional_charges_details: Vec<AmountDetail>,
    discounts_details: Vec<AmountDetail>,
});

/// One charge or discount.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedAmountDetail"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AmountDetail {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The amount, in cents.
    pub amount: Cents,
}

impl AmountDetail {
    /// A charge or discount of that name.
    pub fn new(name: &str, amount: Cents) -> Self {
        Self { name: Some(name.into()), amount }
    }
}

/// The fingerprint of the items: their SKU, name, quantity and price, in any order.
pub(crate) fn digest(items: &[OrderItem]) -> Digest {
    let mut sorted: Vec<_> = items.iter().map(OrderItem::identity).collect();
    sorted.sort_unstable();
    let mut bytes = Vec::with_capacity(sorted.len().saturating_mul(64));
    for (sku, name, quantity, price) in sorted {
        for text in [sku, name] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&quantity.to_le_bytes());
        bytes.extend_from_slice(&price.get().to_le_bytes());
    }
    Digest::of([bytes.as_slice()])
}

/// Checks prices and quantities.
pub(crate) fn check_amounts<F: Flow>(items: &[OrderItem], rules: &mut Rules<'_, F>) {
    let negative = items.iter().position(|it| it.price < Cents::ZERO || it.quantity < 1);
    let check = rules.check(Rule::SessionAmountNonnegative, negative.is_none());
    check.at_index(|| format!("/order_items/{}", negative.unwrap_or_default()));
}

/// The price of all items, without charges and discounts.
pub(crate) fn price_of(items: &[OrderItem]) -> i128 {
    items.iter().map(|it| i128::from(it.quantity).saturating_mul(i128::from(it.price.get()))).sum()
}

/// The amounts of an order, as a command has them.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) total: Cents,
    pub(crate) items: &'a [OrderItem],
    pub(crate) details: Option<&'a AmountDetails>,
    /// Whether it is the zero total of a free trial.
    pub(crate) free_trial: bool,
}

impl Order<'_> {
    /// The sum of the parts.
    fn sum(&self, settings: &Settings) -> i128 {
        let lines = self.items.iter().filter_map(|it| it.amount_details.as_ref());
        let adjustments = lines.chain(self.details).map(|it| it.adjustment(settings.discounts));
        price_of(self.items).saturating_add(adjustments.sum())
    }

    /// Checks the amounts.
    pub(crate) fn check<F: Flow<Settings = Settings>>(&self, rules: &mut Rules<'_, F>) {
        rules.check(Rule::SessionAmountNonnegative, self.total >= Cents::ZERO).at("/total_amount");
        check_amounts(self.items, rules);
        self.check_details(rules);
        let sum = self.sum(rules.settings());
        let equal = sum == i128::from(self.total.get());
        let detail = || format!("`total_amount` is {}, and the parts add up to {sum}.", self.total);
        if !self.free_trial {
            rules.check(Rule::SessionTotalEquality, equal).at("/total_amount").because(detail);
        } else if !rules.settings().free_trial_waives_total {
            rules.warn(Rule::SessionTotalEquality, equal).at("/total_amount").because(detail);
        }
    }

    fn check_details<F: Flow<Settings = Settings>>(&self, rules: &mut Rules<'_, F>) {
        let sign = rules.settings().discounts;
        for (index, item) in self.items.iter().enumerate() {
            if let Some(details) = &item.amount_details {
                details.check(sign, rules, || format!("/order_items/{index}/amount_details"));
            }
        }
        if let Some(details) = self.details {
            details.check(sign, rules, || "/amount_details".into());
        }
    }
}

impl AmountDetails {
    /// What these details add to the sum of the order.
    fn adjustment(&self, sign: DiscountSign) -> i128 {
        let charges = self.total_additional_charges.unwrap_or_default().get();
        let discounts = self.total_discounts.unwrap_or_default().get();
        match sign {
            DiscountSign::Positive => i128::from(charges).saturating_sub(discounts.into()),
            DiscountSign::Negative => i128::from(charges).saturating_add(discounts.into()),
        }
    }

    fn check<F: Flow>(&self, sign: DiscountSign, rules: &mut Rules<'_, F>, at: impl Fn() -> String) {
        let charges = self.total_additional_charges.unwrap_or_default();
        let discounts = self.total_discounts.unwrap_or_default();
        let has_sign = match sign {
            DiscountSign::Positive => discounts >= Cents::ZERO,
            DiscountSign::Negative => discounts <= Cents::ZERO,
        };
        rules.check(Rule::SessionAmountNonnegative, has_sign && charges >= Cents::ZERO).at_index(&at);
        let adds_up = |list: &Option<Vec<AmountDetail>>, total: Option<Cents>| match list {
            None => true,
            Some(list) => list.iter().fold(Cents::ZERO, |sum, it| sum.plus(it.amount)) == total.unwrap_or_default(),
        };
        let consistent = adds_up(&self.additional_charges_details, self.total_additional_charges)
            && adds_up(&self.discounts_details, self.total_discounts);
        rules.check(Rule::SessionAmountDetailsConsistent, consistent).at_index(&at);
    }
}
