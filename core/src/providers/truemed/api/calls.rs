//! Truemed's operations: what its documents say of each, where it goes, what it carries, and what may be done if its answer is
//! lost.

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::found::Find;
use super::requests::{Capture, CreatePaymentToken, CreateRefund, UpdatePaymentToken};
use super::session_request::CreatePaymentSession;
use crate::config::truemed::Settings;
use crate::effect::{self, Credential, Operation, Request, Retry, Success};
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::providers::truemed::names::Review;
use crate::url::escaped;
use crate::value::body;

/// The header that carries the API key.
pub(crate) const CREDENTIAL: Credential = Credential::alone_in("x-truemed-api-key");

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

/// The code by which Truemed asks for the same request again: it says nothing of what became of it.
const AGAIN: &[&str] = &["ServerError"];

static CREATE_TOKEN: Operation = Operation::new("create_payment_token", Retry::Harmless).again_at(AGAIN);

/// A token of null means that the request is pending; no "not found" is documented.
static RETRIEVE_PROVISION: Operation = Operation::new("retrieve_provision_token_request", Retry::Lookup);

/// No page shows the whole reply: one that says nothing of an action is accepted, and proves nothing.
static UPDATE_TOKEN: Operation = Operation::new("update_payment_token", Retry::Goal)
    .success(Success::Undocumented)
    .again_at(AGAIN)
    .asks_of(Review::UpdateUnknown.as_question());

static RETRIEVE_TOKEN: Operation = Operation::new("retrieve_payment_token", Retry::Lookup).not_found_at(&[404]);

/// 204 without a body is its success; a 404 is read by the flow, for it can be about another sales channel.
static DELETE_TOKEN: Operation = Operation::new("delete_payment_token", Retry::Goal)
    .success(Success::NoContent)
    .again_at(AGAIN)
    .asks_of(Review::DeleteUnknown.as_question());

static CREATE_SESSION: Operation = Operation::new("create_payment_session", Retry::SameKey)
    .again_at(AGAIN)
    .asks_of(Review::CreateUnknown.as_question());

static RETRIEVE_SESSION: Operation = Operation::new("retrieve_payment_session", Retry::Lookup).not_found_at(&[404]);

static FIND_SESSION: Operation = Operation::new("find_payment_session", Retry::Lookup);

static CAPTURE: Operation = Operation::new("capture_payment_session", Retry::SameKey)
    .again_at(AGAIN)
    .asks_of(Review::CaptureUnknown.as_question());

static VOID: Operation =
    Operation::new("void_payment_session", Retry::SameKey).again_at(AGAIN).asks_of(Review::VoidUnknown.as_question());

/// No page shows its reply: the session itself shows what became of it.
static CANCEL: Operation = Operation::new("cancel_payment_session", Retry::Goal)
    .success(Success::Undocumented)
    .again_at(AGAIN)
    .asks_of(Review::CancelUnknown.as_question());

static REFUND: Operation =
    Operation::new("create_refund", Retry::SameKey).again_at(AGAIN).asks_of(Review::RefundUnknown.as_question());

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
            &CREATE_TOKEN,
            &RETRIEVE_PROVISION,
            &UPDATE_TOKEN,
            &RETRIEVE_TOKEN,
            &DELETE_TOKEN,
            &CREATE_SESSION,
            &RETRIEVE_SESSION,
            &FIND_SESSION,
            &CAPTURE,
            &VOID,
            &CANCEL,
            &REFUND,
        ];
        &ALL
    }

    fn operation(&self) -> &'static Operation {
        match self {
            Self::CreatePaymentToken(_) => &CREATE_TOKEN,
            Self::RetrieveProvisionTokenRequest(_) => &RETRIEVE_PROVISION,
            Self::UpdatePaymentToken(..) => &UPDATE_TOKEN,
            Self::RetrievePaymentToken(_) => &RETRIEVE_TOKEN,
            Self::DeletePaymentToken(_) => &DELETE_TOKEN,
            Self::CreatePaymentSession(_) => &CREATE_SESSION,
            Self::RetrievePaymentSession(_) | Self::ConfirmPaymentSession(_) => &RETRIEVE_SESSION,
            Self::FindPaymentSession(_) => &FIND_SESSION,
            Self::CapturePaymentSession(..) => &CAPTURE,
            Self::VoidPaymentSession(_) => &VOID,
            Self::CancelPaymentSession(_) => &CANCEL,
            Self::CreateRefund(..) => &REFUND,
        }
    }

    fn outcome_lookup(&self) -> Option<Self> {
        match self {
            Self::CreatePaymentSession(_) => Some(Self::FindPaymentSession(Find::default())),
            Self::DeletePaymentToken(token) => Some(Self::RetrievePaymentToken(token.clone())),
            Self::CapturePaymentSession(id, _)
            | Self::VoidPaymentSession(id)
            | Self::CancelPaymentSession(id)
            | Self::CreateRefund(id, _) => Some(Self::ConfirmPaymentSession(id.clone())),
            // What a lookup shows of a token or of a provision request is no proof of an update.
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
