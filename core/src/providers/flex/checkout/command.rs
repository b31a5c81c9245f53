//! The commands, actions and triggers of a checkout.

use alloc::boxed::Box;

use serde::Deserialize;

use crate::flow::named;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::capture_request::CapturePayment;
use crate::providers::flex::api::request::CreateRefund;
use crate::providers::flex::api::session_request::CreateCheckoutSession;
use crate::providers::flex::ids::{CheckoutSessionId, DisputeId};
use crate::value::from_fields;

/// A command of the host.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutCommand", tag = "type"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Create a checkout session.
    CreateCheckoutSession(Box<CreateCheckoutSession>),
    /// Look up the session. The id is required if the flow starts with it.
    RetrieveCheckoutSession {
        /// The id of the session.
        #[serde(default)]
        checkout_session_id: Option<CheckoutSessionId>,
    },
    /// Refund the payment, or a part of it.
    CreateRefund(Box<CreateRefund>),
    /// Capture the authorized payment, or a part of it.
    CapturePayment(Box<CapturePayment>),
    /// Look up a dispute of the payment.
    RetrieveDispute {
        /// The id of the dispute.
        dispute_id: DisputeId,
    },
    /// Accept a dispute of the payment: the customer keeps the money for good.
    CloseDispute {
        /// The id of the dispute.
        dispute_id: DisputeId,
    },
}

from_fields!(Command: CreateCheckoutSession, CreateRefund, CapturePayment);

named! {
    /// An action that a button offers.
    pub enum Action {
        /// Start a checkout. The customer pays on Flex's page, and nothing is paid before that.
        Create = "create_checkout_session",
        /// Look up whether the session is paid, and what was refunded. It changes nothing.
        Retrieve = "retrieve_checkout_session",
        /// Give the customer some or all of the payment back. It cannot be undone.
        Refund = "create_refund",
        /// Take the money that is authorized on the customer's card, or a part of it.
        Capture = "capture_payment",
        /// Look up how a dispute with the customer's bank stands. It changes nothing.
        RetrieveDispute = "retrieve_dispute",
        /// Accept a dispute. The customer keeps the disputed money for good.
        CloseDispute = "close_dispute",
    }
}

impl Action {
    /// The action of a command.
    pub(super) const fn of(command: &Command) -> Self {
        match command {
            Command::CreateCheckoutSession(_) => Self::Create,
            Command::RetrieveCheckoutSession { .. } => Self::Retrieve,
            Command::CreateRefund(_) => Self::Refund,
            Command::CapturePayment(_) => Self::Capture,
            Command::RetrieveDispute { .. } => Self::RetrieveDispute,
            Command::CloseDispute { .. } => Self::CloseDispute,
        }
    }

    /// The action that has caused a request.
    pub(super) const fn of_call(call: &Call) -> Self {
        match call {
            Call::CreateCheckoutSession(_) => Self::Create,
            Call::CreateRefund(..) => Self::Refund,
            Call::CapturePayment(..) => Self::Capture,
            Call::RetrieveDispute(_) => Self::RetrieveDispute,
            Call::CloseDispute(_) => Self::CloseDispute,
            _ => Self::Retrieve,
        }
    }
}

named! {
    /// A trigger that can move the facet `session`.
    pub enum Trigger {
        /// The host creates a session.
        Create = "create_checkout_session",
        /// The host adopts a session.
        Retrieve = "retrieve_checkout_session",
        /// A reply or a webhook of Flex shows a session.
        Session = "checkout.session",
        /// Flex refuses a request.
        Refused = "refused",
        /// A person answers a review.
        Reviewed = "reviewed",
        /// An input that never moves the facet.
        Other = "other",
    }
}
