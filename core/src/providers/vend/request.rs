//! What both token requests ask for, and the rules of its fields.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::rules::Rule;
use crate::json::encode;
use crate::flow::{Flow, Rules};
use crate::id::Digest;
use crate::int::whole_if_any;
use crate::url::{is_absolute, is_secure};
use crate::value::Extra;

/// `create_subscription_token` or `update_subscription_token`: what shall change, and where the retailer comes back to.
///
/// Every field can be left out or written wrongly, so that the rule refuses it by name and source.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendTokenRequest"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The product: the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_handle: Option<String>,
    /// The price of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_handle: Option<String>,
    /// What is billed beside the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<Component>>,
    /// A discount, for a new subscription alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon_code: Option<String>,
    /// Where the retailer lands after the consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// One component of a subscription.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendComponent"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Component {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_handle: Option<String>,
    /// Its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_price_handle: Option<String>,
    /// How many: in a new subscription the number to add, in an update the total that results.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
}

impl Component {
    /// So many of a component, at the price that it has.
    pub fn new(component_handle: &str, quantity: i64) -> Self {
        let component_handle = Some(component_handle.into());
        Self { component_handle, component_price_handle: None, quantity: Some(quantity) }
    }

    /// The same component at another price.
    #[must_use]
    pub fn at_price(self, component_price_handle: &str) -> Self {
        Self { component_price_handle: Some(component_price_handle.into()), ..self }
    }
}

/// Which of the two requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendKind"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A new subscription.
    Create,
    /// A change of the one that lives.
    Update,
}

impl Kind {
    /// The provider's name of the request.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::Create => "create_subscription_token",
            Self::Update => "update_subscription_token",
        }
    }
}

fn is_given(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// The fingerprint of a text.
pub(crate) fn digest(text: &str) -> Digest {
    Digest::of([text.as_bytes()])
}

impl TokenRequest {
    /// A plan.
    pub fn plan(product_handle: &str, price_handle: &str, return_url: &str) -> Self {
        let (product_handle, price_handle) = (Some(product_handle.into()), Some(price_handle.into()));
        Self { product_handle, price_handle, return_url: Some(return_url.into()), ..Self::default() }
    }

    /// Components alone.
    pub fn components(components: Vec<Component>, return_url: &str) -> Self {
        Self { components: Some(components), return_url: Some(return_url.into()), ..Self::default() }
    }

    /// Whether it names a product or a price.
    pub(crate) const fn names_a_plan(&self) -> bool {
        self.product_handle.is_some() || self.price_handle.is_some()
    }

    /// The fingerprint of all of it.
    pub(crate) fn content(&self) -> Digest {
        Digest::of([encode(self).as_bytes()])
    }

    /// The rules of a new subscription's fields.
    pub(crate) fn check_create<F: Flow>(&self, rules: &mut Rules<'_, F>) {
        for (handle, at) in [(&self.product_handle, "/product_handle"), (&self.price_handle, "/price_handle")] {
            rules.check(Rule::CreatePlanRequired, is_given(handle.as_ref())).at(at);
        }
        self.check_return_url(Rule::CreateReturnUrlRequired, rules);
        for (index, it) in self.components.iter().flatten().enumerate() {
            let named = is_given(it.component_handle.as_ref()) && is_given(it.component_price_handle.as_ref());
            rules.check(Rule::CreateComponentFields, named && it.quantity.is_some()).at_index(|| at_component(index));
            rules.check(Rule::ComponentQuantityRange, it.quantity.is_none_or(|it| it > 0)).at_index(|| at_number(index));
        }
        self.check_each_once(rules);
        rules.check_extra::<Self>(&self.extra);
    }

    /// The rules of an update's fields; `known` says whether there are so many of one already.
    pub(crate) fn check_update<F: Flow>(&self, known: impl Fn(Digest, i64) -> bool, rules: &mut Rules<'_, F>) {
        let (plan, components) = (self.names_a_plan(), self.components.as_deref());
        let some = components.is_some_and(|it| !it.is_empty());
        rules.check(Rule::UpdatePlanXorComponents, plan != some || (!plan && components.is_some()))
            .instead(&["update_subscription_token/plan", "update_subscription_token/components"]);
        rules.check(Rule::UpdateComponentsNonempty, components.is_none() || some).at("/components");
        if plan {
            let (product, price) = (is_given(self.product_handle.as_ref()), is_given(self.price_handle.as_ref()));
            rules.check(Rule::UpdatePriceHandleWithProduct, price || self.product_handle.is_none()).at("/price_handle");
            rules.check(Rule::UpdateProductHandleWithPrice, product || self.price_handle.is_none()).at("/product_handle");
        }
        self.check_return_url(Rule::UpdateReturnUrlRequired, rules);
        rules.check(Rule::UpdateNoCoupon, self.coupon_code.is_none()).at("/coupon_code");
        for (index, it) in components.into_iter().flatten().enumerate() {
            let complete = is_given(it.component_handle.as_ref()) && it.quantity.is_some();
            rules.check(Rule::UpdateComponentFields, complete).at_index(|| at_component(index));
            let Some(quantity) = it.quantity else { continue };
            rules.check(Rule::ComponentQuantityRange, quantity >= 0).at_index(|| at_number(index));
            rules.check(Rule::UpdateQuantityZero, quantity != 0).at_index(|| at_number(index));
            let handle = it.component_handle.as_deref();
            let news = handle.is_none_or(|handle| !known(digest(handle), quantity));
            rules.check(Rule::UpdateQuantityIsTotal, news)
                .at_index(|| at_number(index))
                .because(|| format!("There are {quantity} already."));
        }
        self.check_each_once(rules);
        rules.check_extra::<Self>(&self.extra);
    }

    fn check_return_url<F: Flow>(&self, rule: Rule, rules: &mut Rules<'_, F>) {
        let url = self.return_url.as_deref().unwrap_or_default();
        let absolute = is_absolute(url);
        rules.check(rule, absolute).at("/return_url");
        rules.warn(rule, !absolute || is_secure(url)).at("/return_url");
    }

    fn check_each_once<F: Flow>(&self, rules: &mut Rules<'_, F>) {
        let mut names = BTreeSet::new();
        for (index, it) in self.components.iter().flatten().enumerate() {
            let first = it.component_handle.as_deref().is_none_or(|name| names.insert(name));
            rules.check(Rule::ComponentDuplicateHandle, first)
                .at_index(|| format!("{}/component_handle", at_component(index)));
        }
    }
}

fn at_component(index: usize) -> String {
    format!("/components/{index}")
}

fn at_number(index: usize) -> String {
    format!("/components/{index}/quantity")
}
