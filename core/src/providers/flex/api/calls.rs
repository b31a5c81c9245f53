//! Flex's operations as requests: where each goes, what it carries, and what the documents say of its outcome.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::request::{CancelSubscription, CapturePayment, CreateRefund, UpdateSubscription};
use super::session_request::{CreateCheckoutSession, Mode, with_echo};
use crate::config::flex::Settings;
use crate::effect::{self, Credential, Operation, Request, Retry, Success};
use crate::id::EffectId;
use crate::providers::flex::ids::{CheckoutSessionId, InvoiceId, SubscriptionId};
use crate::providers::flex::names::Review;
use crate::url::escaped;
use crate::value::{Body, body};

/// The API key.
pub(crate) const CREDENTIAL: Credential = Credential::BEARER;

/// How many entries a list is asked for: the most that Flex gives. A list as long as that may go on.
pub(crate) const PAGE: usize = 100;

/// An owed request to Flex.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCall"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Call {
    /// Begin a checkout.
    CreateCheckoutSession(Box<CreateCheckoutSession>),
    /// Look for the session of a request whose outcome is unknown, by our reference.
    FindCheckoutSession(String),
    /// Look at a session.
    RetrieveCheckoutSession(CheckoutSessionId),
    /// Look at a session for the outcome of that request.
    ConfirmCheckoutSession(CheckoutSessionId, EffectId),
    /// Give money back, under that name.
    CreateRefund(CheckoutSessionId, EffectId, Box<CreateRefund>),
    /// Look at refunds.
    ListRefunds(RefundsOf),
    /// Take what is held, under that name.
    CapturePayment(CheckoutSessionId, EffectId, Box<CapturePayment>),
    /// Look at the captures of a session.
    ListCaptures(CheckoutSessionId),
    /// Look at a subscription.
    RetrieveSubscription(SubscriptionId),
    /// Look at a subscription for the outcome of its cancellation or of its change.
    ConfirmSubscription(SubscriptionId),
    /// End a subscription.
    CancelSubscription(SubscriptionId, CancelSubscription),
    /// Change whether a subscription ends with its period.
    UpdateSubscription(SubscriptionId, UpdateSubscription),
    /// Look at an invoice.
    RetrieveInvoice(InvoiceId),
}

/// What the refunds that are looked at are of.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefundsOf"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefundsOf {
    /// A session.
    CheckoutSession(CheckoutSessionId),
    /// A payment.
    PaymentIntent(String),
    /// Anything: the newest of the account.
    Any,
}

/// A form that the customer has not seen costs nothing.
pub(crate) static CREATE_SESSION: Operation = Operation::new("create_checkout_session", Retry::Harmless);
/// The customer is away: what is made is paid with it.
static CREATE_OFF_SESSION: Operation =
    Operation::new(CREATE_SESSION.name, Retry::Reconcile).asks_of(Review::CreateAmbiguous.as_question());
static FIND_SESSION: Operation = Operation::new("find_checkout_session", Retry::Lookup);
pub(crate) static RETRIEVE_SESSION: Operation =
    Operation::new("retrieve_checkout_session", Retry::Lookup).not_found_at(&[404]);
pub(crate) static CREATE_REFUND: Operation =
    Operation::new("create_refund", Retry::Reconcile).asks_of(Review::RefundUnknown.as_question());
static LIST_REFUNDS: Operation = Operation::new("list_refunds", Retry::Lookup);
pub(crate) static CAPTURE: Operation = Operation::new("capture_payment", Retry::Reconcile)
    .success(Success::Undocumented)
    .asks_of(Review::CaptureUnknown.as_question());
static LIST_CAPTURES: Operation = Operation::new("list_captures", Retry::Lookup);
static RETRIEVE_SUBSCRIPTION: Operation = Operation::new("retrieve_subscription", Retry::Lookup).not_found_at(&[404]);
static CANCEL: Operation =
    Operation::new("cancel_subscription", Retry::Goal).asks_of(Review::CancelUnknown.as_question());
static CANCEL_AND_REFUND: Operation =
    Operation::new(CANCEL.name, Retry::Reconcile).asks_of(Review::CancelUnknown.as_question());
static UPDATE_SUBSCRIPTION: Operation =
    Operation::new("update_subscription", Retry::Goal).asks_of(Review::UpdateUnknown.as_question());
static RETRIEVE_INVOICE: Operation = Operation::new("retrieve_invoice", Retry::Lookup).not_found_at(&[404]);

impl effect::Call for Call {
    type Settings = Settings;

    fn operations() -> &'static [&'static Operation] {
        static ALL: [&Operation; 13] = [
            &CREATE_SESSION,
            &CREATE_OFF_SESSION,
            &FIND_SESSION,
            &RETRIEVE_SESSION,
            &CREATE_REFUND,
            &LIST_REFUNDS,
            &CAPTURE,
            &LIST_CAPTURES,
            &RETRIEVE_SUBSCRIPTION,
            &CANCEL,
            &CANCEL_AND_REFUND,
            &UPDATE_SUBSCRIPTION,
            &RETRIEVE_INVOICE,
        ];
        &ALL
    }

    fn operation(&self) -> &'static Operation {
        match self {
            Self::CreateCheckoutSession(it) if it.mode == Mode::OffSession => &CREATE_OFF_SESSION,
            Self::CreateCheckoutSession(_) => &CREATE_SESSION,
            Self::FindCheckoutSession(_) => &FIND_SESSION,
            Self::RetrieveCheckoutSession(_) | Self::ConfirmCheckoutSession(..) => &RETRIEVE_SESSION,
            Self::CreateRefund(..) => &CREATE_REFUND,
            Self::ListRefunds(_) => &LIST_REFUNDS,
            Self::CapturePayment(..) => &CAPTURE,
            Self::ListCaptures(_) => &LIST_CAPTURES,
            Self::RetrieveSubscription(_) | Self::ConfirmSubscription(_) => &RETRIEVE_SUBSCRIPTION,
            Self::CancelSubscription(_, it) if it.refunds() => &CANCEL_AND_REFUND,
            Self::CancelSubscription(..) => &CANCEL,
            Self::UpdateSubscription(..) => &UPDATE_SUBSCRIPTION,
            Self::RetrieveInvoice(_) => &RETRIEVE_INVOICE,
        }
    }

    fn outcome_lookup(&self) -> Option<Self> {
        match self {
            Self::CreateCheckoutSession(it) => it.client_reference_id.clone().map(Self::FindCheckoutSession),
            Self::CreateRefund(id, name, _) | Self::CapturePayment(id, name, _) => {
                Some(Self::ConfirmCheckoutSession(id.clone(), name.clone()))
            }
            Self::CancelSubscription(id, _) | Self::UpdateSubscription(id, _) => {
                Some(Self::ConfirmSubscription(id.clone()))
            }
            _ => None,
        }
    }

    fn request(&self, idempotency_key: &str, settings: &Settings) -> Request {
        let url = |path: String| format!("{}/v1{path}", settings.base_url());
        let session =
            |id: &CheckoutSessionId, verb: &str| url(format!("/checkout/sessions/{}{verb}", escaped(id.as_str())));
        let subscription = |id: &SubscriptionId| url(format!("/subscriptions/{}", escaped(id.as_str())));
        let get = |url: String| Request::new("GET", url, CREDENTIAL);
        let send = |method: &'static str, url: String, wrapper: &str, fields: Body| {
            Request::new(method, url, CREDENTIAL).with_json(&fields.within(wrapper))
        };
        let post = |url: String, fields: Body| send("POST", url, "checkout_session", fields);
        match self {
            Self::CreateCheckoutSession(it) => {
                let mut it = it.clone();
                with_echo(&mut it.metadata, idempotency_key);
                post(url("/checkout/sessions".into()), body(&it, &it.extra, None))
            }
            Self::FindCheckoutSession(reference) => {
                let reference = escaped(reference);
                get(url(format!("/checkout/sessions?client_reference_id={reference}&limit={PAGE}")))
            }
            Self::RetrieveCheckoutSession(id) | Self::ConfirmCheckoutSession(id, _) => get(session(id, "")),
            Self::CreateRefund(id, _, it) => post(session(id, "/refund"), body(it, &it.extra, None)),
            Self::ListRefunds(of) => get(url(match of {
                RefundsOf::CheckoutSession(id) => {
                    format!("/refunds?checkout_session={}&limit={PAGE}", escaped(id.as_str()))
                }
                RefundsOf::PaymentIntent(id) => format!("/refunds?payment_intent={}&limit={PAGE}", escaped(id)),
                RefundsOf::Any => format!("/refunds?limit={PAGE}"),
            })),
            Self::CapturePayment(id, _, it) => post(session(id, "/capture"), body(it, &it.extra, None)),
            Self::ListCaptures(id) => {
                get(url(format!("/captures?checkout_session={}&limit={PAGE}", escaped(id.as_str()))))
            }
            Self::RetrieveSubscription(id) | Self::ConfirmSubscription(id) => get(subscription(id)),
            Self::CancelSubscription(id, it) => {
                send("DELETE", subscription(id), "subscription", body(it, &it.extra, None))
            }
            Self::UpdateSubscription(id, it) => {
                send("PATCH", subscription(id), "subscription", body(it, &it.extra, None))
            }
            Self::RetrieveInvoice(id) => get(url(format!("/invoices/{}", escaped(id.as_str())))),
        }
    }
}
