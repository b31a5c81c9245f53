//! What moves a token: the triggers of its tables, and what a reply or a webhook says.

use alloc::boxed::Box;
use alloc::string::String;

use crate::flow::{Reading, Refusal, Reply, named};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::found::SessionPage;
use crate::providers::truemed::api::replies::{
    self, CreateSessionReply, CreateTokenReply, FailedChargeReply, ProvisionReply, TokenReply, UpdateTokenReply,
};
use crate::providers::truemed::api::webhook::{SessionReport, Signal};

named! {
    /// What can move a facet.
    pub enum Trigger {
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
        /// A lookup in the list shows or denies a session.
        SessionFound = "session_found",
        /// Truemed answers that the stored method cannot pay.
        ChargeFailed = "charge_failed",
        /// Truemed answers an update.
        UpdateAnswered = "update_answered",
        /// A lookup finds the token.
        Found = "token_found",
        /// Truemed answers a deletion.
        TokenDeleted = "token_deleted",
        /// Truemed signals that the token can be charged.
        TokenUpdated = "payment_token_updated",
        /// Truemed says how a session stands: by webhook or in answer to a lookup.
        SessionComplete = "payment_session_complete",
        /// Truemed refuses.
        Refused = "refused",
        /// A person judges.
        Reviewed = "reviewed",
        /// Something that never moves a facet.
        Other = "other",
    }
}

/// What an answer or a webhook says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A provision request was made.
    TokenRequested(CreateTokenReply),
    /// An update was answered.
    UpdateReply(UpdateTokenReply),
    /// A session was created.
    SessionCreated(CreateSessionReply),
    /// A page of the list was read.
    SessionPage(SessionPage),
    /// The stored method cannot pay.
    ChargeFailed(FailedChargeReply, Option<String>),
    /// A provision request was looked at.
    ProvisionRetrieved(ProvisionReply),
    /// A token was looked at.
    TokenRetrieved(TokenReply),
    /// A session was looked at.
    SessionRetrieved(Box<SessionReport>),
    /// The token was deleted.
    Deleted,
    /// A webhook.
    Signal(Box<Signal>),
}

impl Event {
    /// Reads a good reply.
    pub(super) fn of_reply(call: &Call, reply: &Reply<'_>) -> Reading<Self> {
        match call {
            Call::CreatePaymentToken(_) => replies::create_token(reply, Self::TokenRequested),
            Call::UpdatePaymentToken(token, _) => UpdateTokenReply::read(reply, token, Self::UpdateReply),
            Call::CreatePaymentSession(_) => replies::create_session(reply, Self::SessionCreated),
            Call::FindPaymentSession(_) => SessionPage::read(reply, Self::SessionPage),
            Call::RetrieveProvisionTokenRequest(id) => replies::provision(reply, id, Self::ProvisionRetrieved),
            Call::RetrievePaymentToken(token) => replies::token(reply, token, Self::TokenRetrieved),
            Call::RetrievePaymentSession(id) => replies::session(reply, id, |it| Self::SessionRetrieved(Box::new(it))),
            // Only an empty body is documented as its success.
            Call::DeletePaymentToken(_) if reply.body.trim_ascii().is_empty() => Reading::Done(Self::Deleted),
            _ => Reading::missing(""),
        }
    }

    /// Reads a refusal.
    pub(super) fn of_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Self>> {
        match call {
            Call::CreatePaymentSession(it) if it.is_charge() => replies::charge_refusal(reply, Self::ChargeFailed),
            _ => replies::refusal(reply, &[]),
        }
    }

    /// The id of the session that a request made.
    pub(super) fn made(&self) -> Option<&str> {
        match self {
            Self::SessionCreated(session) => Some(session.id.as_str()),
            _ => None,
        }
    }
}
