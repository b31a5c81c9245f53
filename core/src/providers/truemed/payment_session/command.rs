//! What the host may wish of a session, and the names of its places and inputs.

use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserialize;

use super::PaymentSession;
use crate::flow::named;
use crate::id::Intent;
use crate::money::Cents;
use crate::providers::truemed::call::Reason;
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::session_request::CreatePaymentSession;
use crate::providers::truemed::found::Found;
use crate::providers::truemed::replies::SessionCreated;
use crate::providers::truemed::wire::{SessionSeen, Signal};
use crate::value::{Extra, RawJson};

/// What the host may wish.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionCommand", tag = "type"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Begin a checkout.
    CreatePaymentSession(Box<CreatePaymentSession>),
    /// Look at the session; the id is needed where the flow begins with it.
    RetrievePaymentSession {
        /// The session.
        #[serde(default)]
        payment_session_id: Option<PaymentSessionId>,
    },
    /// Take what is held, or less.
    #[serde(alias = "capture")]
    CapturePaymentSession {
        /// How much, in cents.
        total_amount: Cents,
        /// The host's name for this capture.
        #[serde(default)]
        intent: Option<Intent>,
        /// Fields that the library does not know.
        #[serde(default)]
        extra: Extra,
    },
    /// Release what is held.
    #[serde(alias = "void")]
    VoidPaymentSession {},
    /// Drop a checkout that the customer has not paid.
    #[serde(alias = "cancel")]
    CancelPaymentSession {},
    /// Give money back.
    CreateRefund {
        /// The host's name for this refund.
        #[serde(default)]
        intent: Option<Intent>,
        /// How much, in cents.
        amount: Cents,
        /// Why.
        reason: Reason,
        /// Which items, in Truemed's own shape.
        #[serde(default)]
        item_details: Option<RawJson>,
        /// Fields that the library does not know.
        #[serde(default)]
        extra: Extra,
    },
}

impl From<Command> for crate::snapshot::Command<PaymentSession> {
    fn from(command: Command) -> Self {
        Self::Wish(command)
    }
}

impl From<CreatePaymentSession> for crate::snapshot::Command<PaymentSession> {
    fn from(command: CreatePaymentSession) -> Self {
        Self::Wish(Command::CreatePaymentSession(Box::new(command)))
    }
}

named! {
    /// What a button asks for.
    pub enum Wish {
        /// Begin a checkout.
        Create = "create_payment_session",
        /// Look at it.
        Retrieve = "retrieve_payment_session",
        /// Take what is held.
        Capture = "capture_payment_session",
        /// Release what is held.
        Void = "void_payment_session",
        /// Drop an unpaid checkout.
        Cancel = "cancel_payment_session",
        /// Give money back.
        Refund = "create_refund",
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
        /// The customer has not paid yet.
        Pending = "pending",
        /// Under review.
        Processing = "processing",
        /// Held.
        Authorized = "authorized",
        /// Refused by the review.
        Rejected = "rejected",
        /// Dropped unpaid.
        Canceled = "canceled",
        /// The hold was released.
        Voided = "voided",
        /// The hold lapsed.
        Expired = "expired",
        /// Paid.
        Captured = "captured",
    }
}

named! {
    /// What can move the session.
    pub enum On {
        /// The host asks for it.
        Create = "create_payment_session",
        /// The host adopts it.
        Retrieve = "retrieve_payment_session",
        /// The host asks for something that moves it only once it is answered.
        Ask = "ask",
        /// Truemed answers with the session.
        Created = "session_created",
        /// Truemed says how it stands: by webhook or in answer to a look-up.
        Seen = "payment_session_complete",
        /// A look-up in the list shows or denies it.
        Found = "session_found",
        /// Truemed refuses.
        Refused = "refused",
        /// A person judges.
        Judged = "judged",
        /// Something that never moves it.
        Other = "other",
    }
}

/// What an answer or a webhook says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The session was created.
    Created(SessionCreated),
    /// The session stands thus.
    Seen(Box<SessionSeen>),
    /// A page of the list was read.
    Found(Found),
    /// A capture or a void was taken, under this id.
    Ended(String),
    /// Money was given back, under this id.
    Refunded(String),
    /// A webhook.
    Signal(Box<Signal>),
}
