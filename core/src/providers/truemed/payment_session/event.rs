//! What moves a session: the triggers of its table, and what a reply or a webhook says.

use alloc::boxed::Box;
use alloc::string::String;

use crate::flow::{Reading, Refusal, Reply, named};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::found::SessionPage;
use crate::providers::truemed::api::replies::{self, CreateSessionReply};
use crate::providers::truemed::api::webhook::{SessionReport, Signal};
use crate::providers::truemed::rules::Rule;

named! {
    /// What can move the session.
    pub enum Trigger {
        /// The host asks for it.
        Create = "create_payment_session",
        /// The host adopts it.
        Retrieve = "retrieve_payment_session",
        /// The host asks for something that moves it only once it is answered.
        Ask = "ask",
        /// Truemed answers with the session.
        SessionCreated = "session_created",
        /// Truemed says how it stands: by webhook or in answer to a lookup.
        SessionComplete = "payment_session_complete",
        /// A lookup in the list shows or denies it.
        SessionFound = "session_found",
        /// Truemed refuses.
        Refused = "refused",
        /// A person judges.
        Reviewed = "reviewed",
        /// Something that never moves it.
        Other = "other",
    }
}

/// What an answer or a webhook says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The session was created.
    SessionCreated(CreateSessionReply),
    /// The session stands thus.
    SessionRetrieved(Box<SessionReport>),
    /// A page of the list was read.
    SessionPage(SessionPage),
    /// A capture or a void was taken, under this id.
    Ended(String),
    /// Money was given back, under this id.
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
            // No page shows the reply to a cancel: the lookup of the session tells what has become of it.
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

    /// The id of what a request made.
    pub(super) fn made(&self) -> Option<&str> {
        match self {
            Self::SessionCreated(session) => Some(session.id.as_str()),
            Self::Ended(id) | Self::Refunded(id) => Some(id),
            Self::SessionRetrieved(_) | Self::SessionPage(_) | Self::Signal(_) => None,
        }
    }
}

/// The code by which Truemed refuses a refund while the customer's bank disputes the charge.
pub(super) const DISPUTED: &str = "ChargeDisputed";
