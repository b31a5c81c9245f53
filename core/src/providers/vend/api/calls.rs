//! The requests to Vend: where each operation goes, what it carries, and what may be done if its reply is lost.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::config::vend::Settings;
use crate::effect::{self, Credential, Operation, Request, Retry};
use crate::id::Digest;
use crate::int::whole_if_any;
use crate::json::encode;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::url::escaped;
use crate::value::{Extra, body, setters};

/// The access token of the retailer.
const CREDENTIAL: Credential = Credential::BEARER;

/// A request to Vend.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendCall"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Call {
    /// Requests the consent token of a new subscription.
    CreateSubscriptionToken(Box<TokenRequest>),
    /// Requests the consent token of a change.
    UpdateSubscriptionToken(Box<TokenRequest>),
    /// Looks up whether the retailer has used a token.
    RetrieveToken(ConsentToken),
    /// Looks up the state of one subscription.
    RetrieveSubscription(SubscriptionId),
    /// Looks up all subscriptions of the retailer.
    ListSubscriptions,
}

impl Call {
    /// The request for a token of that kind.
    pub(crate) fn of(kind: Kind, request: TokenRequest) -> Self {
        match kind {
            Kind::Create => Self::CreateSubscriptionToken(Box::new(request)),
            Kind::Update => Self::UpdateSubscriptionToken(Box::new(request)),
        }
    }

    /// Whether this is a request for a consent token.
    pub(crate) const fn is_token_request(&self) -> bool {
        matches!(self, Self::CreateSubscriptionToken(_) | Self::UpdateSubscriptionToken(_))
    }

    /// Whether this is the lookup of that token.
    pub(crate) fn is_lookup_of(&self, token: &ConsentToken) -> bool {
        matches!(self, Self::RetrieveToken(own) if own == token)
    }
}

// A second token changes nothing, as long as the retailer does not consent to it.
static CREATE_TOKEN: Operation = Operation::new(Kind::Create.operation(), Retry::Harmless);
static UPDATE_TOKEN: Operation = Operation::new(Kind::Update.operation(), Retry::Harmless);
// No document says what Vend replies about an expired token. So a 404 proves nothing, and the flow looks the token up
// again later.
static RETRIEVE_TOKEN: Operation = Operation::new("retrieve_token", Retry::Lookup).not_found_at(&[404]);
static RETRIEVE_SUBSCRIPTION: Operation = Operation::new("retrieve_subscription", Retry::Lookup).not_found_at(&[404]);
static LIST_SUBSCRIPTIONS: Operation = Operation::new("retrieve_subscription", Retry::Lookup);

impl effect::Call for Call {
    type Settings = Settings;

    fn operations() -> &'static [&'static Operation] {
        static ALL: [&Operation; 5] =
            [&CREATE_TOKEN, &UPDATE_TOKEN, &RETRIEVE_TOKEN, &RETRIEVE_SUBSCRIPTION, &LIST_SUBSCRIPTIONS];
        &ALL
    }

    fn operation(&self) -> &'static Operation {
        match self {
            Self::CreateSubscriptionToken(_) => &CREATE_TOKEN,
            Self::UpdateSubscriptionToken(_) => &UPDATE_TOKEN,
            Self::RetrieveToken(_) => &RETRIEVE_TOKEN,
            Self::RetrieveSubscription(_) => &RETRIEVE_SUBSCRIPTION,
            Self::ListSubscriptions => &LIST_SUBSCRIPTIONS,
        }
    }

    fn request(&self, _idempotency_key: &str, settings: &Settings) -> Request {
        let url = |path: String| {
            format!("{}/api/{}/partner/billing/{path}", settings.base_url(), settings.api_version.as_str())
        };
        let get = |path: String| Request::new("GET", url(path), CREDENTIAL);
        let post = |path: &str, request: &TokenRequest| {
            Request::new("POST", url(path.into()), CREDENTIAL).with_json(&body(request, &request.extra, None))
        };
        match self {
            Self::CreateSubscriptionToken(request) => post("token", request),
            Self::UpdateSubscriptionToken(request) => post("update-subscription/token", request),
            Self::RetrieveToken(token) => get(format!("token/{}", escaped(token.as_str()))),
            Self::RetrieveSubscription(id) => get(format!("subscriptions/{}", escaped(id.as_str()))),
            Self::ListSubscriptions => get("subscriptions".into()),
        }
    }
}

/// `create_subscription_token` or `update_subscription_token`: the change, and where the retailer returns to.
///
/// Every field is optional here, so that a rule can reject a missing field by name and source.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendTokenRequest"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The product, which is the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_handle: Option<String>,
    /// The price of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_handle: Option<String>,
    /// The components that Vend bills in addition to the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<Component>>,
    /// A discount. Only a new subscription can have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon_code: Option<String>,
    /// Where the retailer returns after the consent page.
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
    /// The number to add in a new subscription, and the resulting total in an update.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
}

impl Component {
    /// A component with this quantity, at the price that it already has.
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

/// Which of the two token requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendKind"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A new subscription.
    Create,
    /// A change of the live subscription.
    Update,
}

impl Kind {
    /// Vend's name for the request.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::Create => "create_subscription_token",
            Self::Update => "update_subscription_token",
        }
    }
}

/// The fingerprint of a string.
pub(crate) fn digest(text: &str) -> Digest {
    Digest::of([text.as_bytes()])
}

impl TokenRequest {
    /// A request for a plan.
    pub fn plan(product_handle: &str, price_handle: &str, return_url: &str) -> Self {
        let (product_handle, price_handle) = (Some(product_handle.into()), Some(price_handle.into()));
        Self { product_handle, price_handle, return_url: Some(return_url.into()), ..Self::default() }
    }

    /// A request for components alone.
    pub fn components(components: Vec<Component>, return_url: &str) -> Self {
        Self { components: Some(components), return_url: Some(return_url.into()), ..Self::default() }
    }

    /// The same request with components too.
    #[must_use]
    pub fn with_components(self, components: Vec<Component>) -> Self {
        Self { components: Some(components), ..self }
    }

    /// Whether it names a product or a price.
    pub(crate) const fn names_a_plan(&self) -> bool {
        self.product_handle.is_some() || self.price_handle.is_some()
    }

    /// The fingerprint of the whole request.
    pub(crate) fn content(&self) -> Digest {
        Digest::of([encode(self).as_bytes()])
    }
}

setters!(TokenRequest {
    product_handle: String,
    price_handle: String,
    coupon_code: String,
    return_url: String,
    extra: Extra,
});
