//! What the partner has set up with Vend: products, components, coupons and prices.
//!
//! No call changes it: Vend sets it up with the partner. An empty list accepts every handle.

use serde_json::Value;

use super::state::Component;
use crate::calendar::Unit;

/// The price of a product or of a component that no catalogue names, in cents.
const PRODUCT_CENTS: i64 = 5_000;
const COMPONENT_CENTS: i64 = 2_000;

#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) application_name: String,
    pub(super) family: String,
    pub(super) currency: String,
    pub(super) interval: i64,
    pub(super) unit: Unit,
    products: Vec<Priced>,
    components: Vec<Priced>,
    /// Codes with the percent that they take off.
    coupons: Vec<(String, i64)>,
}

/// Something with a price point.
#[derive(Debug, Clone)]
pub(super) struct Priced {
    pub(super) handle: String,
    pub(super) name: String,
    pub(super) price_handle: String,
    pub(super) price_name: String,
    pub(super) cents: i64,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self {
            application_name: "Partner Application".into(),
            family: "Partner Application Subscription".into(),
            currency: "nzd".into(),
            interval: 1,
            unit: Unit::Month,
            products: Vec::new(),
            components: Vec::new(),
            coupons: Vec::new(),
        }
    }
}

impl Catalogue {
    /// Reads the catalogue that a test sets.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let default = Self::default();
        let text = |name: &str, default: String| value[name].as_str().map_or(default, str::to_owned);
        let unit = text("charge_interval_unit", "month".into());
        let coupon = |it: &Value| {
            let percent = it["percent"].as_i64().filter(|percent| (0..=100).contains(percent))?;
            Some((it["code"].as_str()?.to_owned(), percent))
        };
        let coupons: Option<Vec<_>> = value["coupons"].as_array().into_iter().flatten().map(coupon).collect();
        Ok(Self {
            application_name: text("application_name", default.application_name),
            family: text("product_family_name", default.family),
            currency: text("currency", default.currency),
            interval: value["charge_interval"].as_i64().unwrap_or(1).clamp(1, 1_000),
            unit: Unit::read(&unit).ok_or("`charge_interval_unit` must be day, week, month or year.")?,
            products: priced(&value["products"], "products")?,
            components: priced(&value["components"], "components")?,
            coupons: coupons.ok_or("Each of `coupons` must have `code` and `percent`.")?,
        })
    }

    /// A product at a price, or nothing where Vend does not know the pair.
    pub(super) fn product(&self, plan: &(String, String)) -> Option<Priced> {
        find(&self.products, &plan.0, Some(&plan.1), PRODUCT_CENTS)
    }

    /// A component at a price. Without a price's handle, it is the first price.
    pub(super) fn component(&self, component: &Component) -> Option<Priced> {
        find(&self.components, &component.handle, component.price_handle.as_deref(), COMPONENT_CENTS)
    }

    /// The percent that a coupon takes off, or nothing where Vend does not know it.
    pub(super) fn coupon(&self, code: &str) -> Option<i64> {
        if self.coupons.is_empty() {
            return Some(0);
        }
        self.coupons.iter().find(|(known, _)| known == code).map(|(_, percent)| *percent)
    }

    /// What one period costs, in cents.
    pub(super) fn total(&self, plan: &(String, String), components: &[Component]) -> i64 {
        let product = self.product(plan).map_or(0, |it| it.cents);
        let price = |it: &Component| self.component(it).map_or(0, |priced| priced.cents.saturating_mul(it.quantity));
        components.iter().map(price).fold(product, i64::saturating_add)
    }
}

fn find(list: &[Priced], handle: &str, price: Option<&str>, cents: i64) -> Option<Priced> {
    if list.is_empty() {
        let [name, price] = [handle, price.unwrap_or("default")].map(str::to_owned);
        let (handle, price_handle) = (name.clone(), price.clone());
        return Some(Priced { handle, name, price_handle, price_name: price, cents });
    }
    let fits = |it: &&Priced| it.handle == handle && price.is_none_or(|price| it.price_handle == price);
    list.iter().find(fits).cloned()
}

fn priced(value: &Value, name: &str) -> Result<Vec<Priced>, String> {
    let one = |it: &Value| {
        let text = |name: &str| it[name].as_str().map(str::to_owned);
        let (handle, price_handle) = (text("handle")?, text("price_handle")?);
        Some(Priced {
            name: text("name").unwrap_or_else(|| handle.clone()),
            price_name: text("price_name").unwrap_or_else(|| price_handle.clone()),
            cents: it["price_in_cents"].as_i64().filter(|cents| *cents >= 0)?,
            handle,
            price_handle,
        })
    };
    let all: Option<Vec<Priced>> = value.as_array().into_iter().flatten().map(one).collect();
    all.ok_or_else(|| format!("Each of `{name}` must have `handle`, `price_handle` and `price_in_cents`."))
}
