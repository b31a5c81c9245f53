//! What changes a session: the triggers of its table, and the contents of replies and webhooks.

use alloc::boxed::Box;
use alloc::string::String;

use crate::flow::{Reading, Refusal, Reply, named};
use crate::id::TypedId;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::find::SessionPage;
use crate::providers::truemed::api::replies::{self, CreateSessionReply};
use crate::providers::truemed::api::webhook::{SessionReport, Signal};
use crate::providers::truemed::rules::Rule;

named! {
    /// What can change the facet.
    pub enum Trigger {
        /// The host requests the session.
        Create = "create_payment_session",
        /// The host adopts the session.
        Retrieve = "retrieve_payment_session",
        /// The host requests something that changes the session only after a reply.
        Ask = "ask",
        /// Truemed replies with the session.
        SessionCreated = "session_created",
        /// Truemed reports the session, in a webhook or in the reply to a lookup.
        SessionComplete = "payment_session_complete",
        /// A search in the list finds the session, or shows that there is none.
        SessionFound = "session_found",
        /// Truemed refuses a request.
        Refused = "refused",
        /// A person gives a verdict.
        Reviewed = "reviewed",
        /// Anything that never changes the session.
        Other = "other",
    }
}

/// The contents of a reply or of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Truemed created the session.
    SessionCreated(CreateSessionReply),
    /// A lookup shows the session.
    SessionRetrieved(Box<SessionReport>),
    /// A search read a page of the list.
    SessionPage(SessionPage),
    /// Truemed accepted a capture or a void, under this id.
    Ended(String),
    /// Truemed made a refund, under this id.
    Refunded(String),
    /// A webhook.
    Signal(Box<Signal>),
}

impl Event {
    /// Reads a good reply.
    pub(super) fn of_reply(call: &Call, reply: &Reply<'_>) -> Reading<Self> {
        match call {
            Call::CreatePaymentSession(_) => replies::create_session(reply, Self::SessionCreated),
            Call::RetrievePaymentSession(id) | Call::ConfirmPaymentSession(id) => {
                replies::session(reply, id, |report| Self::SessionRetrieved(Box::new(report)))
            }
            Call::FindPaymentSession(_) => SessionPage::read(reply, Self::SessionPage),
            Call::CapturePaymentSession(of, _) => replies::capture(reply, of, Self::Ended),
            Call::VoidPaymentSession(_) => replies::void(reply, Self::Ended),
            Call::CreateRefund(..) => replies::refund(reply, Self::Refunded),
            // No page shows the reply to a cancel. A lookup of the session shows the outcome.
            Call::CancelPaymentSession(_) => Reading::missing("/status"),
            _ => Reading::missing(""),
        }
    }

    /// Reads a refusal.
    pub(super) fn of_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Self>> {
        let rules: &[_] = match call {
            Call::CapturePaymentSession(..) => &[
                ("TotalAmountInvalid", Rule::CaptureAmount),
                ("SessionVoided", Rule::CaptureOnlyAuthorization),
                ("SessionPending", Rule::CaptureOnlyAuthorization),
                ("SessionCaptured", Rule::CaptureOnlyAuthorization),
            ],
            Call::VoidPaymentSession(_) => &[
                ("SessionCaptured", Rule::VoidOnlyAuthorized),
                ("SessionPending", Rule::VoidOnlyAuthorized),
                ("ImmediateCapture", Rule::VoidOnlyAuthorized),
            ],
            Call::CreateRefund(..) => &[
                ("AmountInvalid", Rule::RefundAmount),
                (DISPUTED, Rule::RefundNoDispute),
                ("NoSessionCaptures", Rule::RefundAfterCapture),
            ],
            _ => &[],
        };
        replies::refusal(reply, rules)
    }

    /// The id of what the request made.
    pub(super) fn made(&self) -> Option<TypedId> {
        match self {
            Self::SessionCreated(session) => Some(TypedId::from(&session.id)),
            Self::Ended(id) => Some(TypedId::new("payment_session", id)),
            Self::Refunded(id) => Some(TypedId::new("refund", id)),
            Self::SessionRetrieved(_) | Self::SessionPage(_) | Self::Signal(_) => None,
        }
    }
}

/// The code by which Truemed refuses a refund while the customer's bank disputes the charge.
pub(super) const DISPUTED: &str = "ChargeDisputed";
