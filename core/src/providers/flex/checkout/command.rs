//! What the host may wish of a checkout, and the names of its places and inputs.

use alloc::boxed::Box;

use serde::Deserialize;

use super::Checkout;
use crate::flow::named;
use crate::providers::flex::request::{CapturePayment, CreateRefund};
use crate::providers::flex::ids::CheckoutSessionId;
use crate::providers::flex::session_request::CreateCheckoutSession;

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

impl From<Command> for crate::snapshot::Command<Checkout> {
    fn from(command: Command) -> Self {
        Self::Wish(command)
    }
}

impl From<CreateCheckoutSession> for crate::snapshot::Command<Checkout> {
    fn from(command: CreateCheckoutSession) -> Self {
        Self::Wish(Command::CreateCheckoutSession(Box::new(command)))
    }
}

named! {
    /// What a button asks for.
    pub enum Wish {
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

named! {
    /// Where the session stands.
    pub enum SessionState {
        /// Not asked for.
        Absent = "absent",
        /// Asked for.
        Requested = "requested",
        /// Looked up for the first time.
        Adopting = "adopting",
        /// The customer can pay.
        Open = "open",
        /// Nobody has paid in time.
        Expired = "expired",
        /// Paid.
        Complete = "complete",
    }
}

named! {
    /// What can move them.
    pub enum On {
        /// The host asks for one.
        Create = "create_checkout_session",
        /// The host adopts one.
        Retrieve = "retrieve_checkout_session",
        /// Flex says how one stands: in an answer, or by an event.
        Seen = "checkout.session",
        /// Flex refuses.
        Refused = "refused",
        /// A person judges.
        Judged = "judged",
        /// Something that never moves them.
        Other = "other",
    }
}
