//! Checked requests for products, prices, coupons and previews. They need no snapshot, because nothing waits for their outcome.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::CREDENTIAL;
use super::api::capture_request::CapturePayment;
use super::api::item::CouponData;
use super::api::objects::unwrapped;
use super::ids::{CheckoutSessionId, PriceId};
use super::rules::Rule;
use crate::config::flex::{Eligibility, Recurring, Settings};
use crate::effect::{Request, Retry};
use crate::money::Cents;
use crate::providers::checked::Violations;
use crate::rule::Violation;
use crate::snapshot::Rejection;
use crate::url::escaped;
use crate::value::{Body, Extra, RawJson, body};

pub use crate::providers::checked::Checked;

/// A product to create.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateProduct {
    /// The name of the product.
    pub name: String,
    /// The description of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The UPC, which Flex looks for in its list of eligible products.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upc_code: Option<String>,
    /// The GTIN, which Flex looks for in the same list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<String>,
    /// What a letter of medical necessity is written for, such as `gym`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit_type: Option<String>,
    /// The eligibility of the product. Newer versions of the API have no such field, because Flex decides itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsa_fsa_eligibility: Option<Eligibility>,
    /// The page that shows the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Your own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_reference_id: Option<String>,
    /// Your own data, which Flex stores with the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RawJson>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CreateProduct {
    /// A product with this name.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Checks the product, and builds the request that creates it.
    ///
    /// ```
    /// use rulebound::flex::{Settings, catalog::CreateProduct};
    /// assert!(CreateProduct::new("Test Product").request(&Settings::default()).is_ok());
    /// let rejected = CreateProduct::new("").request(&Settings::default()).unwrap_err();
    /// assert_eq!(rejected.violations[0].rule.code, "flex.product.name-required");
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejection`] with every rule that the request would break.
    pub fn request(&self, settings: &Settings) -> Result<Checked, Rejection> {
        let mut violations = Violations::default();
        violations.check(!self.name.trim().is_empty(), Rule::ProductNameRequired, "/name");
        let eligibility = self.hsa_fsa_eligibility.as_ref();
        let known = eligibility.is_none_or(Eligibility::is_known);
        violations.check(known, Rule::ProductEligibilityKnown, "/hsa_fsa_eligibility");
        let letter = eligibility.is_some_and(Eligibility::needs_letter);
        violations.check(!letter || self.visit_type.is_some(), Rule::ProductLmnNeedsVisitType, "/visit_type");
        let made = post(settings, "/products", "product", body(self, &self.extra, None));
        violations.finish(made.alone(Retry::Harmless))
    }
}

/// A price to create.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreatePrice {
    /// The existing product that the price belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// A product to create with the price, in Flex's own format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_data: Option<RawJson>,
    /// The price of one piece, in cents.
    pub unit_amount: Cents,
    /// The description of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How often Flex charges the price. Without it, Flex charges the price once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
    /// Whether the price can be sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// The eligibility of the price. Without it, the eligibility of the product counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsa_fsa_eligibility: Option<Eligibility>,
    /// Your own data, which Flex stores with the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RawJson>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CreatePrice {
    /// A price of an existing product, charged once.
    pub fn new(product: &str, unit_amount: Cents) -> Self {
        Self {
            product: Some(product.into()),
            product_data: None,
            unit_amount,
            description: None,
            recurring: None,
            active: None,
            hsa_fsa_eligibility: None,
            metadata: None,
            extra: Extra::default(),
        }
    }

    /// Checks the price, and builds the request that creates it.
    ///
    /// # Errors
    ///
    /// [`Rejection`] with every rule that the request would break.
    pub fn request(&self, settings: &Settings) -> Result<Checked, Rejection> {
        let mut violations = Violations::default();
        let one = self.product.is_some() != self.product_data.is_some();
        violations.check(one, Rule::PriceProductXorProductData, "/product");
        violations.check(self.unit_amount >= Cents::ZERO, Rule::PriceAmountIntegerCents, "/unit_amount");
        for (rule, field) in self.recurring.iter().flat_map(Recurring::broken) {
            violations.check(false, rule, format!("/recurring/{field}"));
        }
        let known = self.hsa_fsa_eligibility.as_ref().is_none_or(Eligibility::is_known);
        violations.check(known, Rule::ProductEligibilityKnown, "/hsa_fsa_eligibility");
        let made = post(settings, "/prices", "price", body(self, &self.extra, None));
        violations.finish(made.alone(Retry::Harmless))
    }
}

/// An update of a price. Flex only updates `description` and `active`. For any other change, create a new price and
/// deactivate the old one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpdatePrice(Extra);

impl UpdatePrice {
    /// Activates or deactivates the price.
    pub fn active(active: bool) -> Self {
        Self(Extra::from_iter([("active".into(), RawJson::of(&active))]))
    }

    /// Checks the update, and builds its request.
    ///
    /// # Errors
    ///
    /// [`Rejection`] with every rule that the request would break.
    pub fn request(&self, price_id: &PriceId, settings: &Settings) -> Result<Checked, Rejection> {
        let mut violations = Violations::default();
        for field in self.0.names() {
            let is_updatable = matches!(field, "description" | "active");
            violations.check(is_updatable, Rule::PriceImmutableAmount, format!("/{field}"));
        }
        let path = format!("/prices/{}", escaped(price_id.as_str()));
        let made = post(settings, &path, "price", body(&self.0, &Extra::default(), None));
        violations.finish(made.alone(Retry::Goal))
    }
}

impl CouponData {
    /// Checks the coupon, and builds the request that creates it.
    ///
    /// # Errors
    ///
    /// [`Rejection`] with every rule that the request would break.
    pub fn request(&self, settings: &Settings) -> Result<Checked, Rejection> {
        let mut violations = Violations::default();
        for rule in self.broken() {
            violations.check(false, rule, "");
        }
        let made = post(settings, "/coupons", "coupon", body(self, &Extra::default(), None));
        violations.finish(made.alone(Retry::Harmless))
    }
}

impl CapturePayment {
    /// Checks the amounts of a capture, and builds the request that previews it. Flex captures nothing.
    ///
    /// # Errors
    ///
    /// [`Rejection`] with every rule that the request would break.
    pub fn preview(&self, session: &CheckoutSessionId, settings: &Settings) -> Result<Checked, Rejection> {
        let mut violations = Violations::default();
        let sum = self.has_valid_amounts() && self.adds_up();
        violations.check(sum, Rule::CaptureAmountAddsUp, "/amount");
        let path = format!("/checkout/sessions/{}/capture_allocation", escaped(session.as_str()));
        violations.finish(post(settings, &path, "checkout_session", self.body()))
    }
}

/// A price as Flex sends it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PriceObject {
    /// The id of the price.
    pub price_id: String,
    /// The price of one piece, in cents.
    pub unit_amount: Cents,
    /// The same amount in an older field.
    #[serde(default, skip_serializing)]
    price: Option<Cents>,
    /// How often Flex charges the price.
    #[serde(default)]
    pub recurring: Option<RecurringObject>,
    /// `recurring` or `one_time`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Whether it can be sold.
    #[serde(default)]
    pub active: Option<bool>,
    /// The eligibility of the price.
    #[serde(default)]
    pub hsa_fsa_eligibility: Option<Eligibility>,
}

/// How often Flex charges a price, as Flex sends it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecurringObject {
    /// The interval, such as `month`.
    pub interval: String,
    /// The number of intervals in one period.
    #[serde(default)]
    pub interval_count: Option<i64>,
    /// The length of the trial in days.
    #[serde(default)]
    pub trial_period_days: Option<i64>,
}

impl PriceObject {
    /// Reads the price in the body of a reply. Returns nothing if the body shows no price.
    pub fn read(body: &[u8]) -> Option<Self> {
        unwrapped(body, "price")
    }

    /// The rules that the price breaks with a warning.
    pub fn warnings(&self) -> Vec<Violation> {
        let mut violations = Violations::default();
        let same = self.price.is_none_or(|legacy| legacy == self.unit_amount);
        violations.check(same, Rule::PriceLegacyPriceEqualsUnitAmount, "/price");
        let recurs = self.kind.as_deref().is_none_or(|kind| (kind == "recurring") == self.recurring.is_some());
        violations.check(recurs, Rule::PriceTypeMatchesRecurring, "/type");
        let known = self.hsa_fsa_eligibility.as_ref().is_none_or(Eligibility::is_known);
        violations.check(known, Rule::ProductEligibilityKnown, "/hsa_fsa_eligibility");
        violations.all()
    }
}

/// A request that sends fields, in the wrapper named after their kind. Unless its sender says more, it only reads.
pub(super) fn post(settings: &Settings, path: &str, kind: &str, fields: Body) -> Request {
    Request::new("POST", format!("{}/v1{path}", settings.base_url()), CREDENTIAL).with_json(&fields.within(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(violations: &[Violation]) -> Vec<&'static str> {
        violations.iter().map(|it| it.rule.code).collect()
    }

    #[test]
    fn the_product_and_the_price_of_the_guide_are_accepted() {
        let settings = Settings::default();
        let mut product = CreateProduct::new("Test Product");
        product.hsa_fsa_eligibility = Some(Eligibility::LetterOfMedicalNecessity);
        assert_eq!(codes(&product.request(&settings).unwrap().warnings), ["flex.product.lmn-needs-visit-type"]);
        product.visit_type = Some("gym".into());
        let made = product.request(&settings).unwrap();
        assert_eq!((made.request.method, made.request.retry, made.warnings.len()), ("POST", Retry::Harmless, 0));
        assert_eq!(made.request.url, "https://api.withflex.com/v1/products");
        let mut price = CreatePrice::new("fprod_1", Cents::new(4999));
        price.recurring = Some(Recurring::every("monthly"));
        let made = price.request(&settings).unwrap();
        let body = r#"{"price":{"product":"fprod_1","recurring":{"interval":"monthly"},"unit_amount":4999}}"#;
        assert_eq!(made.request.body.as_deref(), Some(body));
    }

    #[test]
    fn a_price_that_breaks_rules_names_all_of_them() {
        let mut price = CreatePrice::new("fprod_1", Cents::new(-1));
        price.product_data = Some(serde_json::Value::Null.into());
        price.recurring = Some(Recurring { interval_count: Some(0), ..Recurring::every("lunar") });
        let rejected = price.request(&Settings::default()).unwrap_err();
        let wanted = [
            "flex.price.product-xor-product-data",
            "flex.price.amount-integer-cents",
            "flex.price.interval-known",
            "flex.price.interval-count-positive",
        ];
        assert_eq!(codes(&rejected.violations), wanted);
    }

    #[test]
    fn an_update_changes_neither_amount_nor_interval() {
        let update: UpdatePrice = serde_json::from_str(r#"{"active": false, "unit_amount": 1}"#).unwrap();
        let rejected = update.request(&PriceId::parse("fprice_1").unwrap(), &Settings::default()).unwrap_err();
        assert_eq!(codes(&rejected.violations), ["flex.price.immutable-amount"]);
        let made =
            UpdatePrice::active(false).request(&PriceId::parse("fprice_1").unwrap(), &Settings::default()).unwrap();
        assert_eq!(made.request.url, "https://api.withflex.com/v1/prices/fprice_1");
        assert_eq!(made.request.retry, Retry::Goal);
    }

    #[test]
    fn a_price_that_contradicts_itself_causes_warnings() {
        let body = br#"{"price": {"price_id": "fprice_1", "unit_amount": 4999, "price": 4998, "type": "one_time",
            "recurring": {"interval": "monthly", "trial_period_days": null}, "metadata": null}}"#;
        let price = PriceObject::read(body).unwrap();
        let wanted = ["flex.price.legacy-price-equals-unit-amount", "flex.price.type-matches-recurring"];
        assert_eq!(codes(&price.warnings()), wanted);
        assert!(PriceObject::read(b"<html>").is_none());
    }
}
