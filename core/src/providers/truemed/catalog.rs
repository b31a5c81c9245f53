//! Checked requests for the product catalog, and its items as Truemed sends them. They need no snapshot, because nothing
//! waits for their outcome.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::CREDENTIAL;
use super::rules::Rule;
use crate::config::truemed::Settings;
use crate::effect::{Request, Retry};
use crate::json::{RawText, lenient, lenient_text, read_body};
pub use crate::providers::checked::Checked;
use crate::providers::checked::Violations;
use crate::snapshot::Rejection;
use crate::value::{Body, Extra, body, open_enum};

/// An item of the host's catalog, to be created or updated.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CatalogItem {
    /// The SKU, which is unique within the account.
    pub sku: String,
    /// The name.
    pub name: String,
    /// The description, from which Truemed classifies the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Pictures of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_urls: Option<Vec<String>>,
    /// The page that shows the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The GTIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<String>,
    /// Your own data, as one string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CatalogItem {
    /// An item with this SKU and this name.
    pub fn new(sku: &str, name: &str) -> Self {
        Self { sku: sku.into(), name: name.into(), ..Self::default() }
    }

    /// Checks the item, and builds the request that creates it.
    ///
    /// ```
    /// use rulebound::truemed::{Settings, catalog::CatalogItem};
    /// let rejected = CatalogItem::new("", "Knee Brace").create(&Settings::default()).unwrap_err();
    /// assert_eq!(rejected.violations[0].rule.code, "truemed.catalog.sku-and-name-required");
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejection`] with every rule that the request would break.
    pub fn create(&self, settings: &Settings) -> Result<Checked, Rejection> {
        self.request("items/create", settings, Retry::Harmless)
    }

    /// Checks the item, and builds the request that updates the item with its SKU.
    ///
    /// # Errors
    ///
    /// [`Rejection`] with every rule that the request would break.
    pub fn update(&self, settings: &Settings) -> Result<Checked, Rejection> {
        self.request("items/update", settings, Retry::Goal)
    }

    fn request(&self, path: &str, settings: &Settings, retry: Retry) -> Result<Checked, Rejection> {
        let mut violations = Violations::default();
        let is_filled = |text: &str| !text.trim().is_empty();
        violations.check(is_filled(&self.sku), Rule::CatalogSkuAndNameRequired, "/sku");
        violations.check(is_filled(&self.name), Rule::CatalogSkuAndNameRequired, "/name");
        let has_text = |text: &Option<String>| text.as_deref().is_some_and(is_filled);
        violations.check(has_text(&self.description), Rule::CatalogDetails, "/description");
        violations.check(has_text(&self.url), Rule::CatalogDetails, "/url");
        let has_pictures = self.image_urls.as_ref().is_some_and(|urls| !urls.is_empty());
        violations.check(has_pictures, Rule::CatalogDetails, "/image_urls");
        violations.finish(post(settings, path, &body(self, &self.extra, None)).alone(retry))
    }
}

/// The request that looks up the item with this SKU.
///
/// # Errors
///
/// [`Rejection`] with every rule that the request would break.
pub fn detail(sku: &str, settings: &Settings) -> Result<Checked, Rejection> {
    #[derive(Serialize)]
    struct Detail<'a> {
        sku: &'a str,
    }
    let mut violations = Violations::default();
    violations.check(!sku.trim().is_empty(), Rule::CatalogSkuAndNameRequired, "/sku");
    violations.finish(post(settings, "items/detail", &body(&Detail { sku }, &Extra::default(), None)))
}

/// An item of a cart that is being put together.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CartItem {
    /// The SKU, as in the catalog.
    pub sku: String,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CartItem {
    /// An item with this SKU.
    pub fn new(sku: &str) -> Self {
        Self { sku: sku.into(), extra: Extra::default() }
    }
}

/// The request that asks if a cart can be paid at Truemed's checkout, for the texts of the checkout page.
///
/// # Errors
///
/// If the cart breaks a rule.
pub fn checkout_method(items: &[CartItem], settings: &Settings) -> Result<Checked, Rejection> {
    #[derive(Serialize)]
    struct Cart {
        items: Vec<Body>,
    }
    let mut violations = Violations::default();
    violations.check(!items.is_empty(), Rule::CatalogCartSkus, "/items");
    for (index, item) in items.iter().enumerate() {
        violations.check(!item.sku.trim().is_empty(), Rule::CatalogCartSkus, format!("/items/{index}/sku"));
    }
    let cart = Cart { items: items.iter().map(|it| body(it, &it.extra, None)).collect() };
    violations.finish(post(settings, "truemed_checkout_method", &body(&cart, &Extra::default(), None)))
}

fn post(settings: &Settings, path: &str, fields: &Body) -> Request {
    let url = format!("{}/api/v1/product_catalog/{path}", settings.base_url());
    Request::new("POST", url, CREDENTIAL).with_json(fields)
}

open_enum! {
    /// How an item is eligible. The documents have two words for an item that is, and two for one that is not.
    pub enum Eligibility {
        /// Everyone can pay for it with an HSA or FSA card.
        Eligible = "eligible" | "hsa_fsa_eligible",
        /// With a letter of medical necessity.
        EligibleWithLmn = "eligible_with_lmn",
        /// It is not eligible.
        Ineligible = "ineligible" | "not_eligible",
    }
}

/// An item as Truemed sends it, in the reply to a lookup, in a list, or in its webhook.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CatalogItemObject {
    /// The SKU.
    pub sku: String,
    /// The name.
    #[serde(default, deserialize_with = "lenient_text")]
    pub name: Option<String>,
    /// The eligibility. Truemed has not reviewed an item without one, and such an item counts as not eligible.
    #[serde(default, alias = "eligibility_status", deserialize_with = "lenient")]
    pub eligibility: Option<Eligibility>,
    /// When Truemed last reviewed the item, as Truemed sent it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub reviewed_at: Option<String>,
}

impl CatalogItemObject {
    /// Reads the item in the body of a reply, or in the body of the webhook `product_catalog.item.eligibility_updated`.
    pub fn read(text: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Webhook<'a> {
            #[serde(borrow)]
            data: Object<'a>,
        }
        #[derive(Deserialize)]
        struct Object<'a> {
            #[serde(borrow)]
            object: RawText<'a>,
        }
        match read_body::<Webhook<'_>>(text) {
            Some(webhook) => read_body(webhook.data.object.get().as_bytes()),
            None => read_body(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_item_of_the_guide_is_sent_with_a_warning() {
        let mut item = CatalogItem::new("ITEM-001", "Compression Knee Brace");
        item.description = Some("For knee pain.".into());
        item.image_urls = Some(Vec::from(["https://example.com/brace.jpg".into()]));
        let made = item.create(&Settings::default()).unwrap();
        assert_eq!(made.request.url, "https://api.truemed.com/api/v1/product_catalog/items/create");
        assert_eq!(made.warnings.iter().map(|it| it.pointer.as_ref()).collect::<Vec<_>>(), ["/url"]);
        item.url = Some("https://shop.example/brace".into());
        let changed = item.update(&Settings::default()).unwrap();
        assert!(changed.warnings.is_empty());
        assert_eq!((made.request.retry, changed.request.retry), (Retry::Harmless, Retry::Goal));
        let body = r#"{"sku":"ITEM-001"}"#;
        let looked_up = detail("ITEM-001", &Settings::default()).unwrap().request;
        assert_eq!((looked_up.body.as_deref(), looked_up.retry), (Some(body), Retry::Lookup));
        assert!(detail(" ", &Settings::default()).is_err());
    }

    #[test]
    fn a_cart_is_asked_about_by_its_skus() {
        let cart = [CartItem::new("ITEM-001"), CartItem::new("ITEM-002")];
        let made = checkout_method(&cart, &Settings::default()).unwrap();
        assert_eq!(made.request.method, "POST");
        assert_eq!(made.request.url, "https://api.truemed.com/api/v1/product_catalog/truemed_checkout_method");
        let body = r#"{"items":[{"sku":"ITEM-001"},{"sku":"ITEM-002"}]}"#;
        assert_eq!(made.request.body.as_deref(), Some(body));
        let broken = |items: &[CartItem]| {
            let rejected = checkout_method(items, &Settings::default()).unwrap_err().violations;
            rejected.into_iter().map(|it| (it.rule.code, it.pointer.into_owned())).collect::<Vec<_>>()
        };
        assert_eq!(broken(&[]), [("truemed.catalog.cart-skus", "/items".into())]);
        assert_eq!(broken(&[CartItem::new(" ")]), [("truemed.catalog.cart-skus", "/items/0/sku".into())]);
    }

    #[test]
    fn an_item_is_read_from_a_reply_and_from_the_webhook() {
        let of = |text: &str| CatalogItemObject::read(text.as_bytes()).map(|it| it.eligibility);
        assert_eq!(of(r#"{"sku": "a", "eligibility": "eligible"}"#), Some(Some(Eligibility::Eligible)));
        assert_eq!(of(r#"{"sku": "a", "eligibility": null}"#), Some(None));
        // An older version of the guide has other words.
        assert_eq!(of(r#"{"sku": "a", "eligibility_status": "hsa_fsa_eligible"}"#), Some(Some(Eligibility::Eligible)));
        let webhook = r#"{"event_type": "product_catalog.item.eligibility_updated", "timestamp": "2026-01-01T00:00:00Z",
            "data": {"object": {"sku": "a", "name": "A", "eligibility": "not_eligible"}}}"#;
        assert_eq!(of(webhook), Some(Some(Eligibility::Ineligible)));
        assert_eq!(of("<html>"), None);
    }
}
