//! What the host may wish of a payment token, and the names of its places and inputs.

use alloc::boxed::Box;

use serde::Deserialize;

use super::PaymentToken;
use crate::flow::named;
use crate::providers::truemed::call::{CreatePaymentToken, UpdatePaymentToken};
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::providers::truemed::session_request::CreatePaymentSession;
use crate::providers::truemed::found::Found;
use crate::providers::truemed::replies::{
    ChargeFailed, ProvisionRetrieved, SessionCreated, TokenRequested, TokenRetrieved, UpdateAnswered,
};
use crate::providers::truemed::wire::{SessionSeen, Signal};

/// What the host may wish.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenCommand", tag = "type"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Begin to store the payment method of a customer who is present.
    CreatePaymentToken(CreatePaymentToken),
    /// Charge the token (`payment_token`), or begin a checkout that makes one (`tokenize`).
    CreatePaymentSession(Box<CreatePaymentSession>),
    /// Change the items, or the card.
    UpdatePaymentToken(UpdatePaymentToken),
    /// Look at the token; its text is needed where the flow begins with it.
    RetrievePaymentToken {
        /// The token.
        #[serde(default)]
        payment_token: Option<Token>,
    },
    /// Look whether the token was provisioned, when its webhook may have been missed.
    RetrieveProvisionTokenRequest {
        /// The request; the newest unless told.
        #[serde(default)]
        provision_token_request_id: Option<ProvisionTokenRequestId>,
    },
    /// Look at the session of the open charge.
    RetrievePaymentSession {
        /// The session; the open one unless told.
        #[serde(default)]
        payment_session_id: Option<PaymentSessionId>,
    },
    /// Delete the token for good.
    DeletePaymentToken {},
}

impl From<Command> for crate::snapshot::Command<PaymentToken> {
    fn from(command: Command) -> Self {
        Self::Wish(command)
    }
}

impl From<CreatePaymentToken> for crate::snapshot::Command<PaymentToken> {
    fn from(command: CreatePaymentToken) -> Self {
        Self::Wish(Command::CreatePaymentToken(command))
    }
}

impl From<UpdatePaymentToken> for crate::snapshot::Command<PaymentToken> {
    fn from(command: UpdatePaymentToken) -> Self {
        Self::Wish(Command::UpdatePaymentToken(command))
    }
}

impl From<CreatePaymentSession> for crate::snapshot::Command<PaymentToken> {
    fn from(command: CreatePaymentSession) -> Self {
        Self::Wish(Command::CreatePaymentSession(Box::new(command)))
    }
}

named! {
    /// What a button asks for.
    pub enum Wish {
        /// Begin to store a payment method.
        Create = "create_payment_token",
        /// Begin a checkout that stores it as well.
        Tokenize = "create_payment_session/tokenize",
        /// Charge it while the customer is away.
        Charge = "create_payment_session/charge",
        /// Change the items.
        Items = "update_payment_token/items",
        /// Change the card.
        Card = "update_payment_token/card",
        /// Look at the token.
        Retrieve = "retrieve_payment_token",
        /// Look whether it was provisioned.
        RetrieveProvision = "retrieve_provision_token_request",
        /// Look at the open session.
        RetrieveSession = "retrieve_payment_session",
        /// Delete it for good.
        Delete = "delete_payment_token",
    }
}

named! {
    /// Where the token stands.
    pub enum TokenState {
        /// Nobody asked for a token.
        Absent = "absent",
        /// A token is asked for.
        Requested = "requested",
        /// Truemed decides, or the customer has not finished.
        Awaiting = "awaiting",
        /// A token of another origin is looked up.
        Adopting = "adopting",
        /// The token exists.
        Issued = "issued",
        /// Its deletion is asked for.
        Deleting = "deleting",
        /// The token is gone for good.
        Deleted = "deleted",
    }
}

named! {
    /// Where a change of the items stands.
    pub enum ItemsState {
        /// No change of the items is open.
        Settled = "settled",
        /// A change of the items is asked for.
        Updating = "updating",
        /// The customer must act before the items change.
        Pending = "pending",
    }
}

named! {
    /// Where a change of the card stands.
    pub enum CardState {
        /// No change of the card is open.
        Settled = "settled",
        /// A change of the card is asked for.
        Updating = "updating",
        /// The customer must act before the card changes.
        Pending = "pending",
    }
}

named! {
    /// Where the charge stands, or the checkout that makes a token.
    pub enum ChargeState {
        /// No charge is open.
        Idle = "idle",
        /// A charge is asked for.
        Requested = "requested",
        /// Truemed knows the charge's session.
        Open = "open",
        /// The stored method could not pay.
        Failed = "failed",
        /// The customer has acted; the host has to charge again.
        Repaired = "repaired",
    }
}

named! {
    /// What can move a facet.
    pub enum On {
        /// The host asks for a token.
        CreateToken = "create_payment_token",
        /// The host asks for a session.
        CreateSession = "create_payment_session",
        /// The host asks for an update.
        Update = "update_payment_token",
        /// The host looks at a token.
        Retrieve = "retrieve_payment_token",
        /// The host deletes the token.
        Delete = "delete_payment_token",
        /// Truemed answers with a provision request.
        TokenRequested = "token_requested",
        /// Truemed answers with a session.
        SessionCreated = "session_created",
        /// A look-up in the list shows or denies a session.
        SessionFound = "session_found",
        /// Truemed answers that the stored method cannot pay.
        ChargeFailed = "charge_failed",
        /// Truemed answers an update.
        UpdateAnswered = "update_answered",
        /// A look-up finds the token.
        Found = "token_found",
        /// Truemed answers a deletion.
        TokenDeleted = "token_deleted",
        /// Truemed signals that the token can be charged.
        TokenUpdated = "payment_token_updated",
        /// Truemed says how a session stands: by webhook or in answer to a look-up.
        SessionComplete = "payment_session_complete",
        /// Truemed refuses.
        Refused = "refused",
        /// A person judges.
        Judged = "judged",
        /// Something that never moves a facet.
        Other = "other",
    }
}

/// What an answer or a webhook says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A provision request was made.
    TokenRequested(TokenRequested),
    /// An update was answered.
    UpdateAnswered(UpdateAnswered),
    /// A session was created.
    SessionCreated(SessionCreated),
    /// A page of the list was read.
    SessionFound(Found),
    /// The stored method cannot pay.
    ChargeFailed(ChargeFailed, Option<alloc::string::String>),
    /// A provision request was looked at.
    ProvisionRetrieved(ProvisionRetrieved),
    /// A token was looked at.
    TokenRetrieved(TokenRetrieved),
    /// A session was looked at.
    SessionSeen(Box<SessionSeen>),
    /// The token was deleted.
    Deleted,
    /// A webhook.
    Signal(Box<Signal>),
}
