//! Truemed's operations as requests: where each goes, what it carries, and what may be done if its answer is lost.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::found::Find;
use super::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use super::operations as operation;
use super::order::OrderItem;
use super::session_request::CreatePaymentSession;
use super::settings::Settings;
use crate::effect::{self, Credential, Operation, Request};
use crate::flow::Flow;
use crate::money::Cents;
use crate::url::escaped;
use crate::value::{Extra, Metadata, RawJson, body, open_enum};

/// The header that carries the API key.
pub(crate) const CREDENTIAL: Credential = Credential::alone_in("x-truemed-api-key");

/// A flow of Truemed.
pub(crate) trait Truemed: Flow<Call = Call, Settings = Settings> {}
impl<F: Flow<Call = Call, Settings = Settings>> Truemed for F {}

open_enum! {
    /// Why money is given back.
    pub enum Reason {
        /// The customer asked for it.
        CustomerRequest = "customer_request",
        /// The payment was a fraud.
        Fraudulent = "fraudulent",
        /// It was paid twice.
        DuplicatePayment = "duplicate_payment",
    }
}

/// `create_payment_token`: begin to store the payment method of a customer who is present.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCreatePaymentTokenFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreatePaymentToken {
    /// What the customer subscribes to.
    pub order_items: Vec<OrderItem>,
    /// Where the customer lands afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_url: Option<String>,
    /// Where the customer lands after Cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_url: Option<String>,
    /// A text that Truemed echoes; the flow's key where the host gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CreatePaymentToken {
    /// The token of a subscription to some items.
    pub fn new(order_items: Vec<OrderItem>, success_url: &str, failure_url: &str) -> Self {
        let (success_url, failure_url) = (Some(success_url.into()), Some(failure_url.into()));
        Self { order_items, success_url, failure_url, metadata: None, extra: Extra::default() }
    }
}

/// `update_payment_token`: change the stored card, or the items, of a customer who is present; never both.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedUpdatePaymentTokenFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdatePaymentToken {
    /// Whether the customer wants to change the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_card_info: Option<bool>,
    /// What the customer subscribes to from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_items: Option<Vec<OrderItem>>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl UpdatePaymentToken {
    /// A change of the items.
    pub fn items(order_items: Vec<OrderItem>) -> Self {
        Self { order_items: Some(order_items), ..Self::default() }
    }

    /// A change of the card.
    pub fn card() -> Self {
        Self { update_card_info: Some(true), ..Self::default() }
    }
}

/// `create_refund`: give back some or all of what was captured.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCreateRefundFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateRefund {
    /// How much, in cents.
    pub amount: Cents,
    /// Why.
    pub reason: Reason,
    /// Which items, in Truemed's own shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_details: Option<RawJson>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// `capture_payment_session`: take what was held, or less.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCapture"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Capture {
    /// How much, in cents.
    pub total_amount: Cents,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// An owed request to Truemed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCall"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Call {
    /// Begin to provision a token.
    CreatePaymentToken(CreatePaymentToken),
    /// Look whether a token was provisioned.
    RetrieveProvisionTokenRequest(ProvisionTokenRequestId),
    /// Change the card or the items of a token.
    UpdatePaymentToken(Token, UpdatePaymentToken),
    /// Look at a token.
    RetrievePaymentToken(Token),
    /// Delete a token for good.
    DeletePaymentToken(Token),
    /// Begin a checkout, or charge a token.
    CreatePaymentSession(alloc::boxed::Box<CreatePaymentSession>),
    /// Look at a session.
    RetrievePaymentSession(PaymentSessionId),
    /// The same, to learn what has become of a capture, a void, a cancel or a refund.
    ConfirmPaymentSession(PaymentSessionId),
    /// Look for a session whose creation was never answered.
    FindPaymentSession(Find),
    /// Take what is held.
    CapturePaymentSession(PaymentSessionId, Capture),
    /// Release what is held.
    VoidPaymentSession(PaymentSessionId),
    /// Drop a checkout that the customer has not paid.
    CancelPaymentSession(PaymentSessionId),
    /// Give money back.
    CreateRefund(PaymentSessionId, CreateRefund),
}

impl Call {
    /// Whether it looks at that session because the session is awaited.
    pub(crate) fn looks_at(&self, id: &PaymentSessionId) -> bool {
        matches!(self, Self::RetrievePaymentSession(have) if have == id)
    }

    /// Whether it creates a session.
    pub(crate) const fn is_session(&self) -> bool {
        matches!(self, Self::CreatePaymentSession(_))
    }

    /// Whether it updates a token.
    pub(crate) const fn is_update(&self) -> bool {
        matches!(self, Self::UpdatePaymentToken(..))
    }

    /// Whether it updates the items of a token.
    pub(crate) const fn is_of_items(&self) -> bool {
        matches!(self, Self::UpdatePaymentToken(_, it) if it.order_items.is_some())
    }

    /// Whether it updates the card of a token.
    pub(crate) const fn is_of_card(&self) -> bool {
        matches!(self, Self::UpdatePaymentToken(_, it) if it.order_items.is_none())
    }

    /// Whether one is an update of the same as this one.
    pub(crate) const fn is_same_update(&self) -> fn(&Self) -> bool {
        if self.is_of_items() { Self::is_of_items } else { Self::is_of_card }
    }

    /// Whether it looks for a session, on whatever page.
    pub(crate) const fn is_find(&self) -> bool {
        matches!(self, Self::FindPaymentSession(_))
    }
}

#[derive(Serialize)]
struct RefundBody<'a> {
    payment_id: &'a PaymentSessionId,
    #[serde(flatten)]
    refund: &'a CreateRefund,
}

#[derive(Serialize)]
struct KeyBody<'a> {
    idempotency_key: &'a str,
}

impl effect::Call for Call {
    type Settings = Settings;

    fn operations() -> &'static [&'static Operation] {
        static ALL: [&Operation; 12] = [
            &operation::CREATE_TOKEN,
            &operation::RETRIEVE_PROVISION,
            &operation::UPDATE_TOKEN,
            &operation::RETRIEVE_TOKEN,
            &operation::DELETE_TOKEN,
            &operation::CREATE_SESSION,
            &operation::RETRIEVE_SESSION,
            &operation::FIND_SESSION,
            &operation::CAPTURE,
            &operation::VOID,
            &operation::CANCEL,
            &operation::REFUND,
        ];
        &ALL
    }

    fn operation(&self) -> &'static Operation {
        match self {
            Self::CreatePaymentToken(_) => &operation::CREATE_TOKEN,
            Self::RetrieveProvisionTokenRequest(_) => &operation::RETRIEVE_PROVISION,
            Self::UpdatePaymentToken(..) => &operation::UPDATE_TOKEN,
            Self::RetrievePaymentToken(_) => &operation::RETRIEVE_TOKEN,
            Self::DeletePaymentToken(_) => &operation::DELETE_TOKEN,
            Self::CreatePaymentSession(_) => &operation::CREATE_SESSION,
            Self::RetrievePaymentSession(_) | Self::ConfirmPaymentSession(_) => &operation::RETRIEVE_SESSION,
            Self::FindPaymentSession(_) => &operation::FIND_SESSION,
            Self::CapturePaymentSession(..) => &operation::CAPTURE,
            Self::VoidPaymentSession(_) => &operation::VOID,
            Self::CancelPaymentSession(_) => &operation::CANCEL,
            Self::CreateRefund(..) => &operation::REFUND,
        }
    }

    fn outcome_look_up(&self) -> Option<Self> {
        match self {
            Self::CreatePaymentSession(_) => Some(Self::FindPaymentSession(Find::default())),
            Self::DeletePaymentToken(token) => Some(Self::RetrievePaymentToken(token.clone())),
            Self::CapturePaymentSession(id, _)
            | Self::VoidPaymentSession(id)
            | Self::CancelPaymentSession(id)
            | Self::CreateRefund(id, _) => Some(Self::ConfirmPaymentSession(id.clone())),
            // What a look-up shows of a token or of a provision request is no proof of an update.
            _ => None,
        }
    }

    fn request(&self, idempotency_key: &str, settings: &Settings) -> Request {
        let url = |path: String| format!("{}{path}", settings.base_url());
        let token =
            |token: &Token, verb: &str| url(format!("/api/v1/payment_tokens/{}{verb}", escaped(token.as_str())));
        let session = |id: &PaymentSessionId, verb: &str| {
            url(format!("/payments/v1/payment_session/{}{verb}", escaped(id.as_str())))
        };
        let get = |url: String| Request::new("GET", url, CREDENTIAL);
        let post = |url: String| Request::new("POST", url, CREDENTIAL);
        let key = Some(idempotency_key);
        match self {
            Self::CreatePaymentToken(it) => {
                post(url("/api/v1/payment_tokens/create".into())).with_json(&body(it, &it.extra, None))
            }
            Self::RetrieveProvisionTokenRequest(id) => {
                get(url(format!("/api/v1/payment_tokens/provision_request/{}", escaped(id.as_str()))))
            }
            Self::UpdatePaymentToken(of, it) => post(token(of, "/update")).with_json(&body(it, &it.extra, None)),
            Self::RetrievePaymentToken(of) => get(token(of, "")),
            Self::DeletePaymentToken(of) => post(token(of, "/delete")),
            Self::CreatePaymentSession(it) => {
                post(url("/payments/v1/create_payment_session".into())).with_json(&body(it, &it.extra, key))
            }
            Self::RetrievePaymentSession(id) | Self::ConfirmPaymentSession(id) => get(session(id, "")),
            Self::FindPaymentSession(it) => it.request(settings),
            Self::CapturePaymentSession(id, it) => post(session(id, "/capture")).with_json(&body(it, &it.extra, key)),
            Self::VoidPaymentSession(id) => post(session(id, "/void")).with_json(&KeyBody { idempotency_key }),
            Self::CancelPaymentSession(id) => post(session(id, "/cancel")),
            Self::CreateRefund(payment_id, refund) => {
                let fields = RefundBody { payment_id, refund };
                post(url("/payments/v1/refund".into())).with_json(&body(&fields, &refund.extra, key))
            }
        }
    }
}
