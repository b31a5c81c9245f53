//! What Vend shows of the product and the components of a subscription. It decides nothing.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::replies::{plain_text, present};
use crate::int::LARGEST;
use crate::json::{RawText, decode, lenient_text};
use crate::money::Cents;

/// The most characters of a name that are kept.
const LONGEST_NAME: usize = 100;

/// How many components are kept. Of a longer list, none is.
const COUNTED: usize = 16;

/// How many decimals a price in the main unit of its currency has.
const PLACES: usize = 2;

/// The product of a subscription, its price and its components, as Vend shows them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendPlan"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Plan {
    /// The name of the product, cut off after 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    /// The price of one period, in cents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Cents>,
    /// The currency of the price, as Vend writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The components. `None` if the reply does not show them, or shows more than are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<ShownComponent>>,
}

/// A component of a subscription, as a lookup shows it. Requests name it by its handle, and replies by this name.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendShownComponent"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ShownComponent {
    /// The name, cut off after 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// The price of one, in cents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Cents>,
    /// The period that the price is for, in Vend's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_interval_unit: Option<String>,
}

#[derive(Default, Deserialize)]
struct PlanBody<'a> {
    #[serde(default, deserialize_with = "lenient_text")]
    product_name: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    price_in_cents: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    currency: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    components: Option<RawText<'a>>,
}

#[derive(Deserialize)]
struct ComponentBody<'a> {
    #[serde(default, deserialize_with = "lenient_text")]
    component_name: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    quantity: Option<String>,
    #[serde(borrow, default)]
    unit_price: Option<RawText<'a>>,
    #[serde(default, deserialize_with = "lenient_text")]
    charge_interval_unit: Option<String>,
}

impl Plan {
    /// Reads what one subscription costs.
    pub(super) fn read(text: &str) -> Self {
        let PlanBody { product_name, price_in_cents, currency, components } = decode(text).unwrap_or_default();
        Self {
            product_name: product_name.map(shortened),
            price: price_in_cents.and_then(|cents| cents.parse().ok()).map(Cents::new),
            currency: currency.filter(|it| it.len() == 3),
            components: components.and_then(|list| components_of(list.get())),
        }
    }
}

/// Reads the components. Null counts as none. Of a list with an entry that is not an object, nothing is known.
fn components_of(text: &str) -> Option<Vec<ShownComponent>> {
    let entries = decode::<Option<Vec<RawText<'_>>>>(text).ok()?.unwrap_or_default();
    if entries.len() > COUNTED {
        return None;
    }
    entries.iter().map(|entry| ShownComponent::read(entry.get())).collect()
}

impl ShownComponent {
    fn read(text: &str) -> Option<Self> {
        let ComponentBody { component_name, quantity, unit_price, charge_interval_unit } = decode(text).ok()?;
        let quantity: Option<i64> = quantity.and_then(|text| text.parse().ok());
        Some(Self {
            name: component_name.map(shortened),
            quantity: quantity.filter(|it| it.unsigned_abs() <= LARGEST.unsigned_abs()),
            unit_price: unit_price.and_then(unit_price_of),
            charge_interval_unit: charge_interval_unit.map(shortened),
        })
    }
}

/// Reads the price of one, which Vend writes in the main unit of the currency, as a number or as a string.
fn unit_price_of(value: RawText<'_>) -> Option<Cents> {
    let is_number = !value.get().starts_with('"');
    cents(&if is_number { value.get().into() } else { plain_text(value)? })
}

/// The digits of a price in cents, without floating-point numbers. A price of less than a cent gives `None`.
fn cents(text: &str) -> Option<Cents> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let kept = decimals.trim_end_matches('0');
    let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    if kept.len() > PLACES || !is_digits(whole) || !is_digits(decimals) {
        return None;
    }
    let mut all = String::from(whole);
    all.push_str(kept);
    all.extend(core::iter::repeat_n('0', PLACES.saturating_sub(kept.len())));
    all.parse().ok().filter(|it: &i64| *it <= LARGEST).map(Cents::new)
}

fn shortened(name: String) -> String {
    if name.chars().count() <= LONGEST_NAME { name } else { name.chars().take(LONGEST_NAME).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_price_keeps_its_digits() {
        for (text, expected) in [("20", 2000), ("19.9", 1990), ("19.95", 1995), ("20.000", 2000), ("0.05", 5), ("0", 0)]
        {
            assert_eq!(cents(text), Some(Cents::new(expected)), "{text}");
        }
        for odd in ["", ".5", "5.", "-1", "1e3", "0.001", "1,5", "90071992547409.93", "99999999999999999999"] {
            assert_eq!(cents(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_odd_member_costs_only_itself_and_an_odd_entry_the_list() {
        let shown = components_of(
            r#"[{"component_name":7,"quantity":"2","unit_price":"19.5"},{"quantity":1.5,"unit_price":[]}]"#,
        );
        let shown = shown.unwrap();
        assert_eq!((shown[0].name.as_deref(), shown[0].quantity), (Some("7"), Some(2)));
        assert_eq!(shown[0].unit_price, Some(Cents::new(1950)));
        assert_eq!(shown[1], ShownComponent::default());
        assert_eq!(components_of("null"), Some(Vec::new()));
        for odd in [r#"[{"quantity":1},"?"]"#, "{}", r#""none""#] {
            assert_eq!(components_of(odd), None, "{odd}");
        }
    }
}
