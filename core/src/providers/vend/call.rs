//! Vend's operations as requests: where each goes, what it carries, and what may be done if its answer is lost.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::ids::{ConsentToken, SubscriptionId};
use super::request::{Kind, TokenRequest};
use super::settings::Settings;
use crate::effect::{self, Credential, Operation, Request, Retry};
use crate::url::escaped;
use crate::value::body;

/// The retailer's access token.
const CREDENTIAL: Credential = Credential::BEARER;

/// An owed request to Vend.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendCall"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Call {
    /// Ask for the consent token of a new subscription.
    CreateSubscriptionToken(Box<TokenRequest>),
    /// Ask for the consent token of a change.
    UpdateSubscriptionToken(Box<TokenRequest>),
    /// Look whether a token was used.
    RetrieveToken(ConsentToken),
    /// Look how a subscription stands.
    RetrieveSubscription(SubscriptionId),
    /// Look which subscriptions the retailer has.
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

    /// Whether it asks for a token.
    pub(crate) const fn asks(&self) -> bool {
        matches!(self, Self::CreateSubscriptionToken(_) | Self::UpdateSubscriptionToken(_))
    }

    /// Whether it looks at that token.
    pub(crate) fn looks_at(&self, token: &ConsentToken) -> bool {
        matches!(self, Self::RetrieveToken(have) if have == token)
    }
}

// A second token that nobody consents to changes nothing.
static CREATE_TOKEN: Operation = Operation::new(Kind::Create.operation(), Retry::Harmless);
static UPDATE_TOKEN: Operation = Operation::new(Kind::Update.operation(), Retry::Harmless);
// What is said of a token that has expired is not documented: that it is not found denies nothing, and is looked into later.
static RETRIEVE_TOKEN: Operation = Operation::new("retrieve_token", Retry::Lookup).not_found_at(&[404]);
static RETRIEVE_SUBSCRIPTION: Operation = Operation::new("retrieve_subscription", Retry::Lookup).not_found_at(&[404]);
static LIST_SUBSCRIPTIONS: Operation = Operation::new("retrieve_subscription", Retry::Lookup);

impl effect::Call for Call {
    type Settings = Settings;

    fn operations() -> &'static [&'static Operation] {
        static ALL: [&Operation; 5] = [
            &CREATE_TOKEN,
            &UPDATE_TOKEN,
            &RETRIEVE_TOKEN,
            &RETRIEVE_SUBSCRIPTION,
            &LIST_SUBSCRIPTIONS,
        ];
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
        let post = |path: &str, it: &TokenRequest| {
            Request::new("POST", url(path.into()), CREDENTIAL).with_json(&body(it, &it.extra, None))
        };
        match self {
            Self::CreateSubscriptionToken(it) => post("token", it),
            Self::UpdateSubscriptionToken(it) => post("update-subscription/token", it),
            Self::RetrieveToken(token) => get(format!("token/{}", escaped(token.as_str()))),
            Self::RetrieveSubscription(id) => get(format!("subscriptions/{}", escaped(id.as_str()))),
            Self::ListSubscriptions => get("subscriptions".into()),
        }
    }
}
