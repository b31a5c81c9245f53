//! Flex's operations as requests: where each goes, what it carries, and what may be done if its answer is lost.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{CheckoutSessionId, SubscriptionId};
use super::session_request::CreateCheckoutSession;
use super::settings::Settings;
use crate::effect::{self, Credential, Request, Retry};
use crate::id::{EffectId, Intent};
use crate::money::Cents;
use crate::url::escaped;
use crate::value::{Extra, body};

/// The API key.
pub(crate) const CREDENTIAL: Credential = Credential::BEARER;

/// How many sessions a look-up by reference asks for: the most that Flex gives.
pub(crate) const PAGE: usize = 100;

/// `cancel_subscription`: end a subscription at once, or with its period.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCancelSubscriptionFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CancelSubscription {
    /// Whether it ends with its period; must be said, for its default has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_at_period_end: Option<bool>,
    /// `none`, or what is given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<String>,
    /// How much is given back, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_amount: Option<Cents>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CancelSubscription {
    /// An end with the period, or at once.
    pub fn new(end: End) -> Self {
        Self { cancel_at_period_end: Some(end == End::WithPeriod), ..Self::default() }
    }

    /// Whether money is given back with it.
    pub(crate) fn refunds(&self) -> bool {
        self.refund.as_deref().is_some_and(|it| it != "none")
    }
}

/// When a subscription ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum End {
    /// Now.
    AtOnce,
    /// When what is paid is over.
    WithPeriod,
}

/// `create_refund`: give back some or all of what was received.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCreateRefundFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateRefund {
    /// The host's name for this refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// How much, in cents; everything, where neither this nor items are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
    /// What is given back instead of an amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_items: Option<Vec<RefundItem>>,
    /// The tax in it, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_tax: Option<Cents>,
    /// The shipping in it, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_shipping: Option<Cents>,
    /// The discount in it, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_discount: Option<Cents>,
    /// What the host wants to find on it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_metadata: Option<Value>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// An item that is given back.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefundItem"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RefundItem {
    /// Its product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// How much of it, in cents; all, unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_to_refund: Option<Cents>,
}

/// `capture_payment`: take what is held, or a part.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCapturePaymentFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CapturePayment {
    /// The host's name for this capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// How much, in cents.
    pub amount: Cents,
    /// Whether no other follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_capture: Option<bool>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// An owed request to Flex.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCall"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Call {
    /// Begin a checkout.
    CreateCheckoutSession(Box<CreateCheckoutSession>),
    /// Look for the session of a request whose answer was lost, by our reference.
    FindCheckoutSession(String),
    /// Look at a session.
    RetrieveCheckoutSession(CheckoutSessionId),
    /// Look at a session for the outcome of that request.
    ConfirmCheckoutSession(CheckoutSessionId, EffectId),
    /// Give money back, under that name.
    CreateRefund(CheckoutSessionId, EffectId, Box<CreateRefund>),
    /// Take what is held, under that name.
    CapturePayment(CheckoutSessionId, EffectId, CapturePayment),
    /// Look at a subscription.
    RetrieveSubscription(SubscriptionId),
    /// Look at a subscription for the outcome of its cancellation.
    ConfirmSubscription(SubscriptionId),
    /// End a subscription.
    CancelSubscription(SubscriptionId, CancelSubscription),
}

/// A body in the wrapper that Flex wants.
#[derive(Serialize)]
struct Wrapped {
    checkout_session: Value,
}

impl effect::Call for Call {
    type Settings = Settings;

    fn operation(&self) -> &'static str {
        match self {
            Self::CreateCheckoutSession(_) => "create_checkout_session",
            Self::FindCheckoutSession(_) => "find_checkout_session",
            Self::RetrieveCheckoutSession(_) | Self::ConfirmCheckoutSession(..) => "retrieve_checkout_session",
            Self::CreateRefund(..) => "create_refund",
            Self::CapturePayment(..) => "capture_payment",
            Self::RetrieveSubscription(_) | Self::ConfirmSubscription(_) => "retrieve_subscription",
            Self::CancelSubscription(..) => "cancel_subscription",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::CreateCheckoutSession(_) | Self::CreateRefund(..) | Self::CapturePayment(..) => Retry::Reconcile,
            Self::CancelSubscription(_, it) if it.refunds() => Retry::Reconcile,
            _ => Retry::Repeat,
        }
    }

    fn is_look_up(&self) -> bool {
        matches!(self.operation(), "find_checkout_session" | "retrieve_checkout_session" | "retrieve_subscription")
    }

    fn outcome_look_up(&self) -> Option<Self> {
        match self {
            Self::CreateCheckoutSession(it) => it.client_reference_id.clone().map(Self::FindCheckoutSession),
            Self::CreateRefund(id, name, _) | Self::CapturePayment(id, name, _) => {
                Some(Self::ConfirmCheckoutSession(id.clone(), name.clone()))
            }
            Self::CancelSubscription(id, it) if it.refunds() => Some(Self::ConfirmSubscription(id.clone())),
            _ => None,
        }
    }

    fn request(&self, _idempotency_key: &str, settings: &Settings) -> Request {
        let url = |path: String| format!("{}/v1{path}", settings.base_url());
        let session = |id: &CheckoutSessionId, verb: &str| {
            url(format!("/checkout/sessions/{}{verb}", escaped(id.as_str())))
        };
        let subscription = |id: &SubscriptionId| url(format!("/subscriptions/{}", escaped(id.as_str())));
        let get = |url: String| Request::new("GET", url, CREDENTIAL);
        let post = |url: String, checkout_session: Value| {
            Request::new("POST", url, CREDENTIAL).with_json(&Wrapped { checkout_session })
        };
        match self {
            Self::CreateCheckoutSession(it) => post(url("/checkout/sessions".into()), body(it, &it.extra, None)),
            Self::FindCheckoutSession(reference) => {
                let reference = escaped(reference);
                get(url(format!("/checkout/sessions?client_reference_id={reference}&limit={PAGE}")))
            }
            Self::RetrieveCheckoutSession(id) | Self::ConfirmCheckoutSession(id, _) => get(session(id, "")),
            Self::CreateRefund(id, _, it) => post(session(id, "/refund"), body(it, &it.extra, None)),
            Self::CapturePayment(id, _, it) => post(session(id, "/capture"), body(it, &it.extra, None)),
            Self::RetrieveSubscription(id) | Self::ConfirmSubscription(id) => get(subscription(id)),
            Self::CancelSubscription(id, it) => {
                Request::new("DELETE", subscription(id), CREDENTIAL).with_json(&body(it, &it.extra, None))
            }
        }
    }
}
