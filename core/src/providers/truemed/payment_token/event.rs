//! What changes a token: the triggers of its tables, and the contents of replies and webhooks.

use alloc::boxed::Box;
use alloc::string::String;

use crate::flow::{Reading, Refusal, Reply, named};
use crate::id::TypedId;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::find::SessionPage;
use crate::providers::truemed::api::replies::{
    self, CreateSessionReply, CreateTokenReply, FailedChargeReply, ProvisionReply, TokenReply, UpdateTokenReply,
};
use crate::providers::truemed::api::webhook::{SessionReport, Signal};

named! {
    /// What can change a facet.
    pub enum Trigger {
        /// The host requests a token.
        CreateToken = "create_payment_token",
        /// The host requests a session.
        CreateSession = "create_payment_session",
        /// The host requests an update.
        Update = "update_payment_token",
        /// The host looks up a token.
        Retrieve = "retrieve_payment_token",
        /// The host requests the deletion of the token.
        Delete = "delete_payment_token",
        /// Truemed replies with a provision request.
        TokenRequested = "token_requested",
        /// Truemed replies with a session.
        SessionCreated = "session_created",
        /// A search in the list finds a session, or shows that there is none.
        SessionFound = "session_found",
        /// Truemed refuses a charge, with a page for the customer.
        ChargeFailed = "charge_failed",
        /// Truemed replies to an update.
        UpdateAnswered = "update_answered",
        /// A lookup finds the token.
        Found = "token_found",
        /// Truemed deleted the token.
        TokenDeleted = "token_deleted",
        /// Truemed's webhook says that the token can be charged.
        TokenUpdated = "payment_token_updated",
        /// Truemed reports a session, in a webhook or in the reply to a lookup.
        SessionComplete = "payment_session_complete",
        /// Truemed refuses a request.
        Refused = "refused",
        /// A person gives a verdict.
        Reviewed = "reviewed",
        /// Anything that never changes a facet.
        Other = "other",
    }
}

/// The contents of a reply or of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Truemed accepted the request for a token.
    TokenRequested(CreateTokenReply),
    /// Truemed replied to an update.
    UpdateReply(UpdateTokenReply),
    /// Truemed created a session.
    SessionCreated(CreateSessionReply),
    /// A search read a page of the list.
    SessionPage(SessionPage),
    /// Truemed refused a charge with this code, and has a page for the customer.
    ChargeFailed(FailedChargeReply, Option<String>),
    /// A lookup shows a provision request.
    ProvisionRetrieved(ProvisionReply),
    /// A lookup shows the token.
    TokenRetrieved(TokenReply),
    /// A lookup shows a session.
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
            // The documents show only an empty body.
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

    /// The id of the session that the request made.
    pub(super) fn made(&self) -> Option<TypedId> {
        match self {
            Self::SessionCreated(session) => Some(TypedId::from(&session.id)),
            _ => None,
        }
    }
}
