//! What the host may do with a checkout, and what moves it.

use alloc::boxed::Box;

use serde::Deserialize;

use crate::flow::named;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::request::{CapturePayment, CreateRefund};
use crate::providers::flex::api::session_request::CreateCheckoutSession;
use crate::providers::flex::ids::CheckoutSessionId;

/// What the host may wish.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutCommand", tag = "type"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Begin a checkout.
    CreateCheckoutSession(Box<CreateCheckoutSession>),
    /// Look at the session; the id is needed where the flow begins with it.
    RetrieveCheckoutSession {
        /// The session.
        #[serde(default)]
        checkout_session_id: Option<CheckoutSessionId>,
    },
    /// Give money back.
    CreateRefund(Box<CreateRefund>),
    /// Take what is held, or a part.
    CapturePayment(CapturePayment),
}

impl From<CreateCheckoutSession> for Command {
    fn from(command: CreateCheckoutSession) -> Self {
        Self::CreateCheckoutSession(Box::new(command))
    }
}

named! {
    /// What a button asks for.
    pub enum Action {
        /// Begin a checkout.
        Create = "create_checkout_session",
        /// Look at it.
        Retrieve = "retrieve_checkout_session",
        /// Give money back.
        Refund = "create_refund",
        /// Take what is held.
        Capture = "capture_payment",
    }
}

impl Action {
    /// The action that a command expresses.
    pub(super) const fn of(command: &Command) -> Self {
        match command {
            Command::CreateCheckoutSession(_) => Self::Create,
            Command::RetrieveCheckoutSession { .. } => Self::Retrieve,
            Command::CreateRefund(_) => Self::Refund,
            Command::CapturePayment(_) => Self::Capture,
        }
    }

    /// The action that a request came from.
    pub(super) const fn of_call(call: &Call) -> Self {
        match call {
            Call::CreateCheckoutSession(_) => Self::Create,
            Call::CreateRefund(..) => Self::Refund,
            Call::CapturePayment(..) => Self::Capture,
            _ => Self::Retrieve,
        }
    }
}

named! {
    /// What can move the session.
    pub enum Trigger {
        /// The host asks for one.
        Create = "create_checkout_session",
        /// The host adopts one.
        Retrieve = "retrieve_checkout_session",
        /// Flex shows a session: in a reply, or by a webhook.
        Session = "checkout.session",
        /// Flex refuses.
        Refused = "refused",
        /// A person answers a question.
        Reviewed = "reviewed",
        /// Something that never moves them.
        Other = "other",
    }
}
