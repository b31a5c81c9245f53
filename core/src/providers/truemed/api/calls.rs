//! Truemed's operations: what the documents say of each, its address, its body, and what to do if the reply is lost.

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::find::Find;
use super::qualification::{CreateQualificationSession, UpdateQualificationSession};
use super::requests::{CapturePaymentSession, CreatePaymentToken, CreateRefund, UpdatePaymentToken};
use super::session_request::CreatePaymentSession;
use crate::config::truemed::Settings;
use crate::effect::{self, Credential, KeyLifetime, Operation, Request, Retry, Success};
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, QualificationSessionId, Token};
use crate::providers::truemed::names::Review;
use crate::rule::Basis;
use crate::time::Millis;
use crate::url::escaped;
use crate::value::body;

/// The header that carries the API key.
pub(crate) const CREDENTIAL: Credential = Credential::alone_in("x-truemed-api-key");

/// A request to Truemed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCall"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Call {
    /// Request a token.
    CreatePaymentToken(CreatePaymentToken),
    /// Look up whether Truemed has issued a token.
    RetrieveProvisionTokenRequest(ProvisionTokenRequestId),
    /// Change the card or the items of a token.
    UpdatePaymentToken(Token, UpdatePaymentToken),
    /// Look up a token.
    RetrievePaymentToken(Token),
    /// Delete a token permanently.
    DeletePaymentToken(Token),
    /// Start a checkout, or charge a token.
    CreatePaymentSession(alloc::boxed::Box<CreatePaymentSession>),
    /// Look up a session.
    RetrievePaymentSession(PaymentSessionId),
    /// Look up a session for the outcome of a capture, void, cancel or refund.
    ConfirmPaymentSession(PaymentSessionId),
    /// Search the list of sessions for one whose creation had no reply.
    FindPaymentSession(Find),
    /// Capture the held money.
    CapturePaymentSession(PaymentSessionId, CapturePaymentSession),
    /// Release the held money.
    VoidPaymentSession(PaymentSessionId),
    /// Cancel a checkout that the customer has not paid.
    CancelPaymentSession(PaymentSessionId),
    /// Refund money.
    CreateRefund(PaymentSessionId, CreateRefund),
    /// Check if a customer qualifies.
    CreateQualificationSession(CreateQualificationSession),
    /// Set what the host knows of the customer who qualifies.
    UpdateQualificationSession(QualificationSessionId, UpdateQualificationSession),
    /// Look up a qualification session.
    RetrieveQualificationSession(QualificationSessionId),
}

impl Call {
    /// Whether the request is the scheduled lookup of that session.
    pub(crate) fn looks_at(&self, id: &PaymentSessionId) -> bool {
        matches!(self, Self::RetrievePaymentSession(have) if have == id)
    }

    /// Whether the request creates a session.
    pub(crate) const fn is_session(&self) -> bool {
        matches!(self, Self::CreatePaymentSession(_))
    }

    /// Whether the request updates a token.
    pub(crate) const fn is_update(&self) -> bool {
        matches!(self, Self::UpdatePaymentToken(..))
    }

    /// Whether the request updates the items of a token.
    pub(crate) const fn is_of_items(&self) -> bool {
        matches!(self, Self::UpdatePaymentToken(_, it) if it.order_items.is_some())
    }

    /// Whether the request updates the card of a token.
    pub(crate) const fn is_of_card(&self) -> bool {
        matches!(self, Self::UpdatePaymentToken(_, it) if it.order_items.is_none())
    }

    /// Recognizes updates of the same part, items or card, as this one.
    pub(crate) const fn is_same_update(&self) -> fn(&Self) -> bool {
        if self.is_of_items() { Self::is_of_items } else { Self::is_of_card }
    }

    /// Whether the request searches for a session, on any page of the list.
    pub(crate) const fn is_find(&self) -> bool {
        matches!(self, Self::FindPaymentSession(_))
    }
}

/// The code by which Truemed asks for the same request again. It says nothing about the outcome.
const AGAIN: &[&str] = &["ServerError"];

/// A key that is forgotten makes a second charge, so this is the shortest time for which providers commonly keep one.
const KEY_LIFETIME: KeyLifetime = KeyLifetime {
    lifetime_ms: Millis::from_hours(24),
    basis: Basis::Inferred,
    about: "Truemed's pages say that one key makes one session, capture, void or refund, and not for how long.",
};

static CREATE_TOKEN: Operation = Operation::new("create_payment_token", Retry::Harmless).again_at(AGAIN);

/// A `payment_token` of `null` means that the request is pending. The documents show no "not found" reply.
static RETRIEVE_PROVISION: Operation = Operation::new("retrieve_provision_token_request", Retry::Lookup);

/// No page shows the whole reply. A reply without an action is accepted, and proves nothing.
static UPDATE_TOKEN: Operation = Operation::new("update_payment_token", Retry::Goal)
    .success(Success::Undocumented)
    .again_at(AGAIN)
    .asks_of(Review::UpdateUnknown.as_question());

static RETRIEVE_TOKEN: Operation = Operation::new("retrieve_payment_token", Retry::Lookup).not_found_at(&[404]);

/// The success is a 204 without a body. The flow reads a 404, because the token may belong to another sales channel.
static DELETE_TOKEN: Operation = Operation::new("delete_payment_token", Retry::Goal)
    .success(Success::NoContent)
    .again_at(AGAIN)
    .asks_of(Review::DeleteUnknown.as_question());

pub(crate) static CREATE_SESSION: Operation = Operation::new("create_payment_session", Retry::SameKey)
    .key_known_for(KEY_LIFETIME)
    .again_at(AGAIN)
    .asks_of(Review::CreateUnknown.as_question());

static RETRIEVE_SESSION: Operation = Operation::new("retrieve_payment_session", Retry::Lookup).not_found_at(&[404]);

static FIND_SESSION: Operation = Operation::new("find_payment_session", Retry::Lookup);

pub(crate) static CAPTURE: Operation = Operation::new("capture_payment_session", Retry::SameKey)
    .key_known_for(KEY_LIFETIME)
    .again_at(AGAIN)
    .asks_of(Review::CaptureUnknown.as_question());

static VOID: Operation = Operation::new("void_payment_session", Retry::SameKey)
    .key_known_for(KEY_LIFETIME)
    .again_at(AGAIN)
    .asks_of(Review::VoidUnknown.as_question());

/// No page shows the reply. A lookup of the session shows the outcome.
static CANCEL: Operation = Operation::new("cancel_payment_session", Retry::Goal)
    .success(Success::Undocumented)
    .again_at(AGAIN)
    .asks_of(Review::CancelUnknown.as_question());

pub(crate) static REFUND: Operation = Operation::new("create_refund", Retry::SameKey)
    .key_known_for(KEY_LIFETIME)
    .again_at(AGAIN)
    .asks_of(Review::RefundUnknown.as_question());

/// Nobody takes a survey that nobody was sent to, so a second session changes nothing.
static CREATE_QUALIFICATION: Operation =
    Operation::new("create_qualification_session", Retry::Harmless).again_at(AGAIN);

/// The same key with the same fields changes nothing twice. A customer who has a `user_id` keeps it.
static UPDATE_QUALIFICATION: Operation =
    Operation::new("update_qualification_session", Retry::Harmless).again_at(AGAIN).refused_by(&[409]);

static RETRIEVE_QUALIFICATION: Operation =
    Operation::new("retrieve_qualification_session", Retry::Lookup).not_found_at(&[404]);

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
        static ALL: [&Operation; 15] = [
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
            &CREATE_QUALIFICATION,
            &UPDATE_QUALIFICATION,
            &RETRIEVE_QUALIFICATION,
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
            Self::CreateQualificationSession(_) => &CREATE_QUALIFICATION,
            Self::UpdateQualificationSession(..) => &UPDATE_QUALIFICATION,
            Self::RetrieveQualificationSession(_) => &RETRIEVE_QUALIFICATION,
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
            // A lookup of a token or of a provision request does not prove an update.
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
        let qualification = |id: &QualificationSessionId, verb: &str| {
            url(format!("/api/v1/qualification_session/{}{verb}", escaped(id.as_str())))
        };
        let get = |url: String| Request::new("GET", url, CREDENTIAL);
        let post = |url: String| Request::new("POST", url, CREDENTIAL);
        let key = Some(idempotency_key);
        match self {
            Self::CreatePaymentToken(fields) => {
                post(url("/api/v1/payment_tokens/create".into())).with_json(&body(fields, &fields.extra, None))
            }
            Self::RetrieveProvisionTokenRequest(id) => {
                get(url(format!("/api/v1/payment_tokens/provision_request/{}", escaped(id.as_str()))))
            }
            Self::UpdatePaymentToken(of, it) => post(token(of, "/update")).with_json(&body(it, &it.extra, None)),
            Self::RetrievePaymentToken(of) => get(token(of, "")),
            Self::DeletePaymentToken(of) => post(token(of, "/delete")),
            Self::CreatePaymentSession(fields) => {
                post(url("/payments/v1/create_payment_session".into())).with_json(&body(fields, &fields.extra, key))
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
            Self::CreateQualificationSession(it) => {
                post(url("/api/v1/qualification_session/create".into())).with_json(&body(it, &it.extra, None))
            }
            Self::UpdateQualificationSession(id, it) => {
                post(qualification(id, "/update")).with_json(&body(it, &it.extra, key))
            }
            Self::RetrieveQualificationSession(id) => get(qualification(id, "")),
        }
    }
}
