//! What a session sells: line items, recurring prices and coupons, and the rules of their fields.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::config::flex::{Eligibility, Recurring, Settings};
use crate::flow::{Flow, Rules};
use crate::int::whole_if_any;
use crate::money::Cents;
use crate::providers::flex::eligibility::Line;
use crate::providers::flex::rules::Rule;
use crate::value::{RawJson, RawNumber, setters};

impl Recurring {
    fn period(&self) -> (Option<&'static str>, i64) {
        (self.normal(), self.interval_count.unwrap_or(1))
    }

    fn has_trial(&self) -> bool {
        self.trial_period_days.is_some_and(|days| days > 0)
    }

    /// The rules that the fields break, each with its field.
    pub(crate) fn broken(&self) -> Vec<(Rule, &'static str)> {
        let mut broken = Vec::new();
        if self.normal().is_none() {
            broken.push((Rule::PriceIntervalKnown, "interval"));
        }
        if self.interval_count.is_some_and(|count| count < 1) {
            broken.push((Rule::PriceIntervalCountPositive, "interval_count"));
        }
        if self.trial_period_days.is_some_and(|days| days < 1) {
            broken.push((Rule::PriceTrialDaysPositive, "trial_period_days"));
        }
        broken
    }
}

/// A price to create with the session.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexPriceData"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PriceData {
    /// The product that the price belongs to.
    pub product: String,
    /// The price of one piece, in cents.
    pub unit_amount: Cents,
    /// How often Flex charges the price. Without it, Flex charges the price once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
}

impl PriceData {
    /// A price of an existing product.
    pub fn new(product: &str, unit_amount: Cents, recurring: Option<Recurring>) -> Self {
        Self { product: product.into(), unit_amount, recurring }
    }
}

/// One line of a checkout session.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexLineItem"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LineItem {
    /// An existing price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// A price to create with the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_data: Option<PriceData>,
    /// The product that a reimbursement is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The number of pieces.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
}

impl LineItem {
    /// A number of pieces at an existing price.
    pub fn new(price: &str, quantity: i64) -> Self {
        Self { price: Some(price.into()), quantity: Some(quantity), ..Self::default() }
    }

    /// A number of pieces at a price to create with the session.
    pub fn of_data(price_data: PriceData, quantity: i64) -> Self {
        Self { price_data: Some(price_data), quantity: Some(quantity), ..Self::default() }
    }

    /// A product that a reimbursement is for.
    pub fn of_product(product: &str) -> Self {
        Self { product: Some(product.into()), ..Self::default() }
    }
}

setters!(LineItem { quantity: i64 });

/// What the library knows of one line's price.
pub(crate) struct KnownPrice<'a> {
    unit_amount: Cents,
    quantity: i64,
    pub(crate) recurring: Option<&'a Recurring>,
    pub(crate) eligibility: Option<&'a Eligibility>,
}

/// The lines of a session, with what the configured catalog says of their prices.
pub(crate) struct Cart<'a> {
    items: &'a [LineItem],
    /// One entry for each line. It is empty if the catalog does not have the price.
    known: Vec<Option<KnownPrice<'a>>>,
}

impl<'a> Cart<'a> {
    pub(crate) fn new(items: &'a [LineItem], settings: &'a Settings) -> Self {
        let known = |item: &'a LineItem| {
            let quantity = item.quantity.unwrap_or(1);
            if let Some(it) = &item.price_data {
                let recurring = it.recurring.as_ref();
                return Some(KnownPrice { unit_amount: it.unit_amount, quantity, recurring, eligibility: None });
            }
            let it = settings.prices.get(item.price.as_deref()?)?;
            let (recurring, eligibility) = (it.recurring.as_ref(), it.hsa_fsa_eligibility.as_ref());
            Some(KnownPrice { unit_amount: it.unit_amount, quantity, recurring, eligibility })
        };
        Self { items, known: items.iter().map(known).collect() }
    }

    fn known(&self) -> impl Iterator<Item = &KnownPrice<'a>> {
        self.known.iter().flatten()
    }

    fn recurring(&self) -> impl Iterator<Item = &'a Recurring> {
        self.known().filter_map(|it| it.recurring)
    }

    /// Whether an item is recurring, or may be because its price is unknown.
    pub(crate) fn may_recur(&self) -> bool {
        self.known.iter().any(|it| it.as_ref().is_none_or(|it| it.recurring.is_some()))
    }

    /// The first item that is known to be recurring.
    pub(crate) fn first_recurring(&self) -> Option<usize> {
        self.known.iter().position(|it| it.as_ref().is_some_and(|it| it.recurring.is_some()))
    }

    /// Whether the cart has both recurring items and items that are known to be charged once.
    pub(crate) fn is_mixed(&self) -> bool {
        self.recurring().next().is_some() && self.known().any(|it| it.recurring.is_none())
    }

    /// Whether all recurring items have the same billing period.
    pub(crate) fn has_one_period(&self) -> bool {
        let mut periods = self.recurring().map(Recurring::period);
        let first = periods.next();
        periods.all(|it| Some(it) == first)
    }

    /// Whether an item is known to begin with a trial.
    pub(crate) fn has_trial(&self) -> bool {
        self.recurring().any(Recurring::has_trial)
    }

    /// Whether some price is unknown, so that the item may begin with a trial.
    pub(crate) fn is_in_part_unknown(&self) -> bool {
        self.known.iter().any(Option::is_none)
    }

    /// Whether a recurring item is known to need no letter of medical necessity.
    pub(crate) fn needs_no_letter(&self) -> bool {
        let other = |it: &Eligibility| it.is_known() && !it.needs_letter();
        self.known().any(|it| it.recurring.is_some() && it.eligibility.is_some_and(other))
    }

    /// Whether some items are known to be eligible, and others not to be.
    pub(crate) fn is_split(&self) -> bool {
        let said = || self.known().filter_map(|it| it.eligibility).filter(|it| it.is_known());
        said().any(Eligibility::is_eligible) && said().any(|it| !it.is_eligible())
    }

    /// The total of all items. It is unknown if any price is.
    pub(crate) fn subtotal(&self) -> Option<Cents> {
        let amount = |it: &KnownPrice<'_>| i128::from(it.unit_amount.get()).saturating_mul(i128::from(it.quantity));
        let all: Option<Vec<_>> = self.known.iter().map(|it| it.as_ref().map(amount)).collect();
        i64::try_from(all?.into_iter().fold(0, i128::saturating_add)).ok().map(Cents::new)
    }

    /// The lines with their eligibility. They are unknown if any eligibility is.
    pub(crate) fn lines(&self) -> Option<Vec<Line>> {
        let line = |it: &Option<KnownPrice<'_>>| {
            let it = it.as_ref()?;
            let eligibility = it.eligibility.filter(|it| it.is_known())?;
            Some(Line::new(it.unit_amount, it.quantity, Some(eligibility.clone())))
        };
        if self.known.is_empty() { None } else { self.known.iter().map(line).collect() }
    }

    /// Checks the fields of every item.
    pub(crate) fn check<F: Flow<Settings = Settings>>(&self, is_reimbursement: bool, rules: &mut Rules<'_, F>) {
        for (index, item) in self.items.iter().enumerate() {
            let pointer = |field: &str| format!("/line_items/{index}{field}");
            let sources = [item.price.is_some(), item.price_data.is_some(), item.product.is_some()];
            let wanted = if is_reimbursement { [[false, false, true]; 2] } else { [ONLY_PRICE, ONLY_PRICE_DATA] };
            rules.check(Rule::CheckoutLineItemOneSource, wanted.contains(&sources)).at_index(|| pointer(""));
            let counted = item.quantity.map_or(is_reimbursement, |quantity| quantity >= 1);
            rules.check(Rule::CheckoutQuantityPositive, counted).at_index(|| pointer("/quantity"));
            let Some(data) = &item.price_data else { continue };
            let whole = data.unit_amount >= Cents::ZERO;
            rules.check(Rule::PriceAmountIntegerCents, whole).at_index(|| pointer("/price_data/unit_amount"));
            for (rule, field) in data.recurring.iter().flat_map(Recurring::broken) {
                rules.check(rule, false).at_index(|| pointer(&format!("/price_data/recurring/{field}")));
            }
        }
    }
}

const ONLY_PRICE: [bool; 3] = [true, false, false];
const ONLY_PRICE_DATA: [bool; 3] = [false, true, false];

/// A coupon to create, with the session or by itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCouponData"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CouponData {
    /// The name of the coupon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The discount, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_off: Option<Cents>,
    /// The discount, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_off: Option<RawNumber>,
    /// How long the coupon counts, such as `once` or `repeating`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// The number of months, for a `repeating` coupon.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub duration_in_months: Option<i64>,
    /// How often the coupon can be redeemed.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub max_redemptions: Option<i64>,
    /// What the coupon applies to, in Flex's own format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_to: Option<RawJson>,
    /// Your own data, which Flex stores with the coupon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RawJson>,
}

setters!(CouponData {
    name: String,
    amount_off: Cents,
    percent_off: RawNumber,
    duration: String,
    duration_in_months: i64,
    max_redemptions: i64,
    applies_to: RawJson,
    metadata: RawJson,
});

impl CouponData {
    /// The rules that the fields break.
    pub(crate) fn broken(&self) -> Vec<Rule> {
        let mut broken = Vec::new();
        if self.amount_off.is_some() == self.percent_off.is_some() {
            broken.push(Rule::CouponOneDiscountKind);
        }
        let share = self.percent_off.as_ref().map(RawNumber::nearest);
        if share.is_some_and(|share| share <= 0.0 || share > 100.0) {
            broken.push(Rule::CouponPercentRange);
        }
        let repeats = self.duration.as_deref() == Some("repeating");
        let months = self.duration_in_months.is_some_and(|months| months >= 1);
        if repeats != months {
            broken.push(Rule::CouponRepeatingNeedsMonths);
        }
        broken
    }
}
