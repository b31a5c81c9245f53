//! What Truemed sends: replies and webhooks, read tolerantly. A field that must not be missing makes them unreadable.

use alloc::string::String;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use super::rules::Rule;
use super::session_request::Kind;
use crate::fact::{lenient, lenient_text, read};
use crate::flow::{Answer, Refusal, Reply, Webhook};
use crate::money::Cents;
use crate::rule::RuleSet;
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// The status of a payment session.
    pub enum Status {
        /// Created; the customer has not paid yet.
        Pending = "pending",
        /// The customer has paid and Truemed reviews; tell the customer that the order is placed.
        Processing = "processing",
        /// Held on the card.
        Authorized = "authorized",
        /// The review failed.
        Rejected = "rejected",
        /// Cancelled before the customer paid.
        Canceled = "canceled",
        /// The hold was released.
        AuthorizationVoided = "authorization_voided",
        /// The hold lapsed.
        AuthorizationExpired = "authorization_expired",
        /// The money is taken: the one status on which to fulfil.
        Captured = "captured",
    }
}

open_enum! {
    /// What the customer must do before a token can be charged again.
    pub enum NextAction {
        /// Change the stored payment method.
        UpdatePaymentMethod = "UpdatePaymentMethod",
        /// Take the health survey again; the documents spell it in two ways.
        HealthSurvey = "HealthSurvey" | "TakeHealthSurvey",
    }
}

/// `payment_token_updated`: from its receipt the token can be charged.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenUpdated {
    /// The token.
    pub payment_token: Token,
    /// The session that provisioned it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub payment_session_id: Option<String>,
    /// The session in which it could not be charged, now repaired.
    #[serde(default, deserialize_with = "lenient_text")]
    pub failed_payment_session_id: Option<String>,
    /// The request of ours that provisioned or updated it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub provision_token_request_id: Option<String>,
    /// Our own text, echoed.
    #[serde(default, deserialize_with = "lenient_text")]
    pub metadata: Option<String>,
    /// When the earliest letter of medical necessity expires.
    #[serde(default, deserialize_with = "lenient_text")]
    pub lmn_expires_at: Option<String>,
}

/// `payment_session_complete`, or the answer to `retrieve_payment_session`: how a session stands.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SessionSeen {
    /// The session; the name of this field is not documented, so three are read.
    #[serde(default, deserialize_with = "lenient")]
    payment_session_id: Option<PaymentSessionId>,
    #[serde(default, deserialize_with = "lenient")]
    payment_id: Option<PaymentSessionId>,
    #[serde(default, deserialize_with = "lenient")]
    id: Option<PaymentSessionId>,
    /// Its status.
    pub status: Status,
    /// The status with refunds and disputes folded in; look-ups alone have it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub status_summary: Option<String>,
    /// What was captured, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub capture_amount: Option<Cents>,
    /// What was authorized, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub authorize_amount: Option<Cents>,
    /// What the session is for, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub total_amount: Option<Cents>,
    /// How its money is taken.
    #[serde(default, deserialize_with = "lenient")]
    pub kind: Option<Kind>,
    /// The token, where the session makes or charges one.
    #[serde(default, deserialize_with = "lenient")]
    pub payment_token: Option<Token>,
    /// Our own text, echoed.
    #[serde(default, deserialize_with = "lenient_text")]
    pub metadata: Option<String>,
}

impl SessionSeen {
    /// The session that stands so, if it is named.
    pub fn session(&self) -> Option<&PaymentSessionId> {
        self.payment_session_id.as_ref().or(self.payment_id.as_ref()).or(self.id.as_ref())
    }
}

/// A webhook, once read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Signal {
    /// A token can be charged.
    TokenUpdated(TokenUpdated),
    /// A session has another status.
    SessionComplete(SessionSeen),
    /// Something that is not about payments.
    Other,
}

/// What tells one webhook from another: their shapes, since the names of the events are not documented.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient_text")]
    event_type: Option<String>,
    #[serde(default)]
    status: Option<IgnoredAny>,
    #[serde(default)]
    payment_token: Option<IgnoredAny>,
    #[serde(default)]
    qualification_session_id: Option<IgnoredAny>,
}

impl Signal {
    /// Reads a webhook of either mode; nothing if it cannot be read.
    pub(crate) fn read(webhook: &Webhook<'_>) -> Option<Self> {
        let outer: Shape<'_> = read(webhook.body)?;
        let event = outer.event_type.as_deref().or(webhook.topic).unwrap_or_default();
        match outer.data {
            None => Self::of(event, &outer, webhook.body)?,
            Some(data) => Self::of(event, &read(data.get().as_bytes())?, data.get().as_bytes())?,
        }
        .or_else(|| outer.data.map(|_| Self::Other))
    }

    /// The payload by its shape, and by its event's name where the shape leaves it open: nothing inside if it is none
    /// of ours, nothing at all if it cannot be read.
    fn of(event: &str, shape: &Shape<'_>, payload: &[u8]) -> Option<Option<Self>> {
        let of_token = event.contains("token") && !event.contains("session");
        match (&shape.status, &shape.payment_token) {
            _ if shape.qualification_session_id.is_some() || event.contains("qualification") => Some(Some(Self::Other)),
            (_, Some(_)) if of_token || shape.status.is_none() => read(payload).map(Self::TokenUpdated).map(Some),
            (Some(_), _) => read(payload).map(Self::SessionComplete).map(Some),
            (None, _) => Some(None),
        }
    }

    /// Every id by which it may find a flow.
    pub(crate) fn ids(&self) -> [Option<&str>; 5] {
        match self {
            Self::TokenUpdated(it) => [
                it.provision_token_request_id.as_deref(),
                it.failed_payment_session_id.as_deref(),
                it.payment_session_id.as_deref(),
                it.metadata.as_deref(),
                Some(it.payment_token.as_str()),
            ],
            Self::SessionComplete(it) => {
                let token = it.payment_token.as_ref().map(Token::as_str);
                [it.session().map(PaymentSessionId::as_str), it.metadata.as_deref(), token, None, None]
            }
            Self::Other => [None; 5],
        }
    }
}

impl TokenUpdated {
    /// When the earliest letter expires.
    pub(crate) fn letter_expires(&self) -> Option<Timestamp> {
        self.lmn_expires_at.as_deref().and_then(Timestamp::parse_iso)
    }
}

/// The answer to `create_payment_token`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenRequested {
    /// The request, never to be used as a token.
    pub provision_token_request_id: ProvisionTokenRequestId,
    /// Where the customer goes.
    #[serde(default, deserialize_with = "lenient_text")]
    pub redirect_url: Option<String>,
}

/// The answer to `update_payment_token`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct UpdateAnswered {
    /// What the customer must do; null, absent, empty and `None` all say nothing.
    #[serde(default, deserialize_with = "lenient_text")]
    next_action: Option<String>,
    /// Where the customer does it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub redirect_url: Option<String>,
    /// The request that the webhook will name.
    #[serde(default, deserialize_with = "lenient")]
    pub provision_token_request_id: Option<ProvisionTokenRequestId>,
}

impl UpdateAnswered {
    /// What the customer must do, if anything.
    pub fn next_action(&self) -> Option<NextAction> {
        self.next_action.clone().filter(|text| text != "None" && text != "null").map(NextAction::from)
    }
}

/// The answer to `create_payment_session`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SessionCreated {
    /// The session.
    pub id: PaymentSessionId,
    /// Where the customer pays.
    #[serde(default, deserialize_with = "lenient_text")]
    pub redirect_url: Option<String>,
}

/// The answer 422 to a charge that the stored method cannot pay.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct ChargeFailed {
    /// Where the customer repairs it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub redirect_url: Option<String>,
    /// The session that failed; the name of this field is not documented, so two are read.
    #[serde(default, deserialize_with = "lenient")]
    payment_session_id: Option<PaymentSessionId>,
    #[serde(default, deserialize_with = "lenient")]
    id: Option<PaymentSessionId>,
}

impl ChargeFailed {
    /// The session that failed, if the answer names it.
    pub fn session(&self) -> Option<&PaymentSessionId> {
        self.payment_session_id.as_ref().or(self.id.as_ref())
    }
}

/// The answer to `retrieve_provision_token_request`; a token of null says nothing.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct ProvisionRetrieved {
    /// The token, once there is one.
    #[serde(default, deserialize_with = "lenient")]
    pub payment_token: Option<Token>,
}

/// The answer to `retrieve_payment_token`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenRetrieved {
    /// The token.
    pub payment_token: Token,
    /// When the earliest letter of medical necessity expires.
    #[serde(default, deserialize_with = "lenient_text")]
    pub lmn_expires_at: Option<String>,
}

/// Reads the body of a good answer.
pub(crate) fn says<T, E>(reply: &Reply<'_>, event: impl FnOnce(T) -> E) -> Answer<E>
where
    T: for<'de> Deserialize<'de>,
{
    match reply.status {
        200..=299 => read(reply.body).map_or(Answer::Unreadable, |it| Answer::Says(event(it))),
        _ => refuses(reply),
    }
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default, deserialize_with = "lenient_text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    message: Option<String>,
}

/// Reads an answer that refuses. `ServerError` asks for the same request again, under the same key.
pub(crate) fn refuses<E>(reply: &Reply<'_>) -> Answer<E> {
    let refusal = refusal(reply);
    match refusal.code.as_deref() {
        Some("ServerError") => Answer::Again(refusal),
        _ => Answer::Refuses(refusal, None),
    }
}

/// How Truemed words a refusal.
pub(crate) fn refusal(reply: &Reply<'_>) -> Refusal {
    let ErrorBody { error: code, message } = read(reply.body).unwrap_or_default();
    Refusal { code, message, rule: None }
}

/// Names our rule that predicts a refusal, by Truemed's error code.
pub(crate) fn predicted<E>(answer: Answer<E>, rules: &[(&str, Rule)]) -> Answer<E> {
    match answer {
        Answer::Refuses(refusal, event) => {
            let code = refusal.code.as_deref().unwrap_or_default();
            let rule = rules.iter().find(|(have, _)| *have == code).map(|(_, rule)| rule.rule());
            Answer::Refuses(Refusal { rule, ..refusal }, event)
        }
        other => other,
    }
}
