//! Flex's operations as requests: the URL, the body, and what the documents say about the outcome.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::capture_request::CapturePayment;
use super::request::{CancelSubscription, CreateRefund, RefundPayment, UpdateEnd, UpdateSubscription};
use super::session_request::{CreateCheckoutSession, Mode, with_echo};
use crate::config::flex::Settings;
use crate::effect::{self, Credential, Operation, Request, Retry, Success};
use crate::id::EffectId;
use crate::providers::flex::ids::{CheckoutSessionId, DisputeId, InvoiceId, SetupIntentId, SubscriptionId};
use crate::providers::flex::names::Review;
use crate::url::escaped;
use crate::value::{Body, body};

/// The API key.
pub(crate) const CREDENTIAL: Credential = Credential::BEARER;

/// The most entries that Flex sends in one list. A list of this length may continue on another page.
pub(crate) const PAGE: usize = 100;

/// A request to Flex.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCall"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Call {
    /// Create a checkout session.
    CreateCheckoutSession(Box<CreateCheckoutSession>),
    /// Create a session in which the customer gives another payment method for a subscription.
    SetUpPaymentMethod(Box<CreateCheckoutSession>),
    /// Look up a setup intent.
    RetrieveSetupIntent(SetupIntentId),
    /// Look for the session of a create request whose outcome is unknown, by our reference.
    FindCheckoutSession(String),
    /// Look up a session.
    RetrieveCheckoutSession(CheckoutSessionId),
    /// Look up a session for the outcome of this request.
    ConfirmCheckoutSession(CheckoutSessionId, EffectId),
    /// Refund a payment. The effect id names the request.
    CreateRefund(CheckoutSessionId, EffectId, Box<CreateRefund>),
    /// Refund a payment of a subscription. The effect id names the request.
    RefundPayment(EffectId, Box<RefundPayment>),
    /// Look up refunds.
    ListRefunds(RefundsOf),
    /// Look up the refunds of a payment for the outcome of this request.
    ConfirmRefund(String, EffectId),
    /// Capture an authorized payment, or a part of it. The effect id names the request.
    CapturePayment(CheckoutSessionId, EffectId, Box<CapturePayment>),
    /// Look up the captures of a session.
    ListCaptures(CheckoutSessionId),
    /// Look up a subscription.
    RetrieveSubscription(SubscriptionId),
    /// Look up a subscription for the outcome of its cancellation or update.
    ConfirmSubscription(SubscriptionId),
    /// Cancel a subscription.
    CancelSubscription(SubscriptionId, CancelSubscription),
    /// Update whether a subscription ends with its period.
    UpdateSubscription(SubscriptionId, UpdateEnd),
    /// Change the plan of a subscription.
    ChangeSubscription(SubscriptionId, Box<UpdateSubscription>),
    /// Look up an invoice.
    RetrieveInvoice(InvoiceId),
    /// Look up the disputes of a payment.
    FindDisputes(String),
    /// Look up a dispute, also for the outcome of its acceptance.
    RetrieveDispute(DisputeId),
    /// Accept a dispute, and give up its money.
    CloseDispute(DisputeId),
}

impl Call {
    /// The session whose money the request moves.
    pub(crate) const fn moves_money_of(&self) -> Option<&CheckoutSessionId> {
        match self {
            Self::CreateRefund(id, ..) | Self::CapturePayment(id, ..) => Some(id),
            _ => None,
        }
    }

    /// Whether the reply may have a page for the customer: a new session, unless the customer is absent.
    pub(crate) fn may_open_page(&self) -> bool {
        match self {
            Self::CreateCheckoutSession(it) => it.mode != Mode::OffSession,
            _ => matches!(self, Self::SetUpPaymentMethod(_)),
        }
    }
}

/// Which refunds to look up.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefundsOf"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefundsOf {
    /// The refunds of a session.
    CheckoutSession(CheckoutSessionId),
    /// The refunds of a payment.
    PaymentIntent(String),
    /// The newest refunds of the account.
    Any,
}

/// A repeated create is harmless: a session that no customer has seen costs nothing. No document has an idempotency key,
/// so the session is looked up before each repetition.
pub(crate) static CREATE_SESSION: Operation = Operation::new("create_checkout_session", Retry::Harmless);
/// The customer is absent, so Flex charges the payment at once. A repeated create would charge it twice.
static CREATE_OFF_SESSION: Operation =
    Operation::new(CREATE_SESSION.name, Retry::Reconcile).asks_of(Review::CreateAmbiguous.as_question());
static RETRIEVE_SETUP_INTENT: Operation = Operation::new("retrieve_setup_intent", Retry::Lookup).not_found_at(&[404]);
static FIND_SESSION: Operation = Operation::new("find_checkout_session", Retry::Lookup);
pub(crate) static RETRIEVE_SESSION: Operation =
    Operation::new("retrieve_checkout_session", Retry::Lookup).not_found_at(&[404]);
pub(crate) static CREATE_REFUND: Operation =
    Operation::new("create_refund", Retry::Reconcile).asks_of(Review::RefundUnknown.as_question());
/// The same operation by the payment, which a subscription has one of for each period.
static REFUND_PAYMENT: Operation =
    Operation::new(CREATE_REFUND.name, Retry::Reconcile).asks_of(Review::RefundUnknown.as_question());
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
static FIND_DISPUTES: Operation = Operation::new("find_disputes", Retry::Lookup);
static RETRIEVE_DISPUTE: Operation = Operation::new("retrieve_dispute", Retry::Lookup).not_found_at(&[404]);
/// A dispute that is closed twice is closed.
pub(crate) static CLOSE_DISPUTE: Operation =
    Operation::new("close_dispute", Retry::Goal).asks_of(Review::CloseUnknown.as_question());

impl effect::Call for Call {
    type Settings = Settings;

    fn operations() -> &'static [&'static Operation] {
        static ALL: [&Operation; 18] = [
            &CREATE_SESSION,
            &CREATE_OFF_SESSION,
            &FIND_SESSION,
            &RETRIEVE_SETUP_INTENT,
            &RETRIEVE_SESSION,
            &CREATE_REFUND,
            &REFUND_PAYMENT,
            &LIST_REFUNDS,
            &CAPTURE,
            &LIST_CAPTURES,
            &RETRIEVE_SUBSCRIPTION,
            &CANCEL,
            &CANCEL_AND_REFUND,
            &UPDATE_SUBSCRIPTION,
            &RETRIEVE_INVOICE,
            &FIND_DISPUTES,
            &RETRIEVE_DISPUTE,
            &CLOSE_DISPUTE,
        ];
        &ALL
    }

    fn operation(&self) -> &'static Operation {
        match self {
            Self::CreateCheckoutSession(it) if it.mode == Mode::OffSession => &CREATE_OFF_SESSION,
            Self::CreateCheckoutSession(_) | Self::SetUpPaymentMethod(_) => &CREATE_SESSION,
            Self::RetrieveSetupIntent(_) => &RETRIEVE_SETUP_INTENT,
            Self::FindCheckoutSession(_) => &FIND_SESSION,
            Self::RetrieveCheckoutSession(_) | Self::ConfirmCheckoutSession(..) => &RETRIEVE_SESSION,
            Self::CreateRefund(..) => &CREATE_REFUND,
            Self::RefundPayment(..) => &REFUND_PAYMENT,
            Self::ListRefunds(_) | Self::ConfirmRefund(..) => &LIST_REFUNDS,
            Self::CapturePayment(..) => &CAPTURE,
            Self::ListCaptures(_) => &LIST_CAPTURES,
            Self::RetrieveSubscription(_) | Self::ConfirmSubscription(_) => &RETRIEVE_SUBSCRIPTION,
            Self::CancelSubscription(_, it) if it.refunds() => &CANCEL_AND_REFUND,
            Self::CancelSubscription(..) => &CANCEL,
            Self::UpdateSubscription(..) | Self::ChangeSubscription(..) => &UPDATE_SUBSCRIPTION,
            Self::RetrieveInvoice(_) => &RETRIEVE_INVOICE,
            Self::FindDisputes(_) => &FIND_DISPUTES,
            Self::RetrieveDispute(_) => &RETRIEVE_DISPUTE,
            Self::CloseDispute(_) => &CLOSE_DISPUTE,
        }
    }

    fn outcome_lookup(&self) -> Option<Self> {
        match self {
            Self::CreateCheckoutSession(it) => it.client_reference_id.clone().map(Self::FindCheckoutSession),
            Self::CreateRefund(id, name, _) | Self::CapturePayment(id, name, _) => {
                Some(Self::ConfirmCheckoutSession(id.clone(), name.clone()))
            }
            Self::RefundPayment(name, it) => Some(Self::ConfirmRefund(it.payment_intent_id.clone()?, name.clone())),
            Self::CancelSubscription(id, _) | Self::UpdateSubscription(id, _) | Self::ChangeSubscription(id, _) => {
                Some(Self::ConfirmSubscription(id.clone()))
            }
            Self::CloseDispute(id) => Some(Self::RetrieveDispute(id.clone())),
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
            Self::CreateCheckoutSession(it) | Self::SetUpPaymentMethod(it) => {
                let mut it = it.clone();
                with_echo(&mut it.metadata, idempotency_key);
                post(url("/checkout/sessions".into()), body(&it, &it.extra, None))
            }
            Self::RetrieveSetupIntent(id) => get(url(format!("/setup_intents/{}", escaped(id.as_str())))),
            Self::FindCheckoutSession(reference) => {
                let reference = escaped(reference);
                get(url(format!("/checkout/sessions?client_reference_id={reference}&limit={PAGE}")))
            }
            Self::RetrieveCheckoutSession(id) | Self::ConfirmCheckoutSession(id, _) => get(session(id, "")),
            Self::CreateRefund(id, _, it) => post(session(id, "/refund"), body(it, &it.extra, None)),
            Self::RefundPayment(_, it) => send("POST", url("/refunds".into()), "refund", body(it, &it.extra, None)),
            Self::ListRefunds(of) => get(url(match of {
                RefundsOf::CheckoutSession(id) => {
                    format!("/refunds?checkout_session={}&limit={PAGE}", escaped(id.as_str()))
                }
                RefundsOf::PaymentIntent(id) => refunds_of(id),
                RefundsOf::Any => format!("/refunds?limit={PAGE}"),
            })),
            Self::ConfirmRefund(payment, _) => get(url(refunds_of(payment))),
            Self::CapturePayment(id, _, it) => post(session(id, "/capture"), it.body()),
            Self::ListCaptures(id) => {
                get(url(format!("/captures?checkout_session={}&limit={PAGE}", escaped(id.as_str()))))
            }
            Self::RetrieveSubscription(id) | Self::ConfirmSubscription(id) => get(subscription(id)),
            Self::CancelSubscription(id, it) => {
                send("DELETE", subscription(id), "subscription", body(it, &it.extra, None))
            }
            Self::UpdateSubscription(id, it) => send("PATCH", subscription(id), "subscription", it.body()),
            Self::ChangeSubscription(id, it) => {
                send("PATCH", subscription(id), "subscription", body(it, &it.extra, None))
            }
            Self::RetrieveInvoice(id) => get(url(format!("/invoices/{}", escaped(id.as_str())))),
            Self::FindDisputes(payment) => {
                get(url(format!("/disputes?payment_intent={}&limit={PAGE}", escaped(payment))))
            }
            Self::RetrieveDispute(id) => get(url(format!("/disputes/{}", escaped(id.as_str())))),
            Self::CloseDispute(id) => {
                let path = format!("/disputes/{}/close", escaped(id.as_str()));
                Request::new("POST", url(path), CREDENTIAL)
            }
        }
    }
}

fn refunds_of(payment: &str) -> String {
    format!("/refunds?payment_intent={}&limit={PAGE}", escaped(payment))
}
