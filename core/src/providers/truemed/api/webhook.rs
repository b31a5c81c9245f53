//! What Truemed sends by itself, and how a session stands: read tolerantly, and nothing unknown is taken for good.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::order::{OrderItem, digest};
use super::session_request::Kind;
use crate::flow::Webhook;
use crate::id::Digest;
use crate::json::{RawText, any_form, lenient, lenient_text, read_body};
use crate::money::Cents;
use crate::providers::truemed::ids::{PaymentSessionId, Token};
use crate::providers::truemed::names::SignalName;
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
pub struct TokenUpdatedWebhook {
    /// The token.
    #[serde(deserialize_with = "any_form")]
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
    /// When the token was changed; not documented, and used where it is there.
    #[serde(default, deserialize_with = "lenient_text")]
    pub updated_at: Option<String>,
}

/// `payment_session_complete`, or the answer to `retrieve_payment_session`: how a session stands.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SessionReport {
    /// The session; the name of this field is not documented, so three are read.
    #[serde(default, deserialize_with = "lenient")]
    payment_session_id: Option<PaymentSessionId>,
    #[serde(default, deserialize_with = "lenient")]
    payment_id: Option<PaymentSessionId>,
    #[serde(default, deserialize_with = "lenient")]
    id: Option<PaymentSessionId>,
    /// Its status.
    pub status: Status,
    /// The status with refunds and disputes folded in; lookups alone have it.
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
    /// When it was created.
    #[serde(default, deserialize_with = "lenient_text")]
    pub created_at: Option<String>,
    /// What was given back, in cents; lists have it where it is asked for.
    #[serde(default, deserialize_with = "lenient")]
    pub refund_amount: Option<Cents>,
    /// The key under which it was created; not documented, and decides where it is there.
    #[serde(default, deserialize_with = "lenient_text")]
    pub idempotency_key: Option<String>,
    /// Whose it is.
    #[serde(default, deserialize_with = "lenient_text")]
    pub customer_email: Option<String>,
    /// What was sold.
    #[serde(default, deserialize_with = "lenient")]
    order_items: Option<Vec<ReportedItem>>,
}

/// One line of a session's order, as far as it tells one order from another.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct ReportedItem {
    name: String,
    quantity: i64,
    price: Cents,
    #[serde(default, deserialize_with = "lenient_text")]
    sku: Option<String>,
}

impl SessionReport {
    /// The session that stands so, if it is named.
    pub fn session(&self) -> Option<&PaymentSessionId> {
        self.payment_session_id.as_ref().or(self.payment_id.as_ref()).or(self.id.as_ref())
    }

    /// What it costs in all, by the first amount that says so.
    pub(crate) fn amount(&self) -> Option<Cents> {
        self.total_amount.or(self.authorize_amount).or(self.capture_amount)
    }

    /// When it was created, where that can be read.
    pub(crate) fn created(&self) -> Option<Timestamp> {
        self.created_at.as_deref().and_then(Timestamp::parse_iso)
    }

    /// The fingerprint of what was sold, where it is shown.
    pub(crate) fn items(&self) -> Option<Digest> {
        let line = |it: &ReportedItem| {
            let ReportedItem { name, quantity, price, sku } = it;
            OrderItem::new(sku.as_deref().unwrap_or_default(), name, *quantity, *price)
        };
        self.order_items.as_ref().map(|items| digest(&items.iter().map(line).collect::<Vec<_>>()))
    }
}

/// A webhook, once read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Signal {
    /// A token can be charged.
    TokenUpdated(TokenUpdatedWebhook),
    /// A session has another status.
    SessionComplete(SessionReport),
    /// Something that is not about payments.
    Other,
    /// An event whose name the documents do not have: it says nothing, whatever its payload looks like.
    Unlisted(UnlistedEvent),
}

/// An event of an unknown name that looks like one of a token or of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UnlistedEvent {
    /// Its name.
    pub event_type: String,
    /// What it would be by its payload.
    like: Box<Signal>,
}

/// What an event is about by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EventName {
    /// It has none: its payload tells.
    Nothing,
    Token,
    Session,
    /// By a name that the documents do not have.
    Unlisted,
}

impl EventName {
    /// The documents have two names for either event, spelt with underscores or dots; the guide shows the dots, and cuts off
    /// before its names. Neither case nor the sign between two words counts.
    fn of(event: &str) -> Self {
        let words = event.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let name = words.collect::<Vec<_>>().join("_").to_ascii_lowercase();
        match name.as_str() {
            "" => Self::Nothing,
            name if name == SignalName::TokenUpdated.as_str() => Self::Token,
            name if name == SignalName::SessionComplete.as_str() => Self::Session,
            "payment_token_callback" => Self::Token,
            "payment_session_completed" | "payment_session_callback" => Self::Session,
            _ => Self::Unlisted,
        }
    }
}

/// What tells one webhook from another: the name of the event where there is one, and otherwise their shapes.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, default)]
    data: Option<RawText<'a>>,
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
        let outer: Shape<'_> = read_body(webhook.body)?;
        let event = outer.event_type.as_deref().or(webhook.topic).unwrap_or_default();
        match outer.data {
            None => Self::of(event, &outer, webhook.body)?,
            Some(data) => Self::of(event, &read_body(data.get().as_bytes())?, data.get().as_bytes())?,
        }
        .or_else(|| outer.data.map(|_| Self::Other))
    }

    /// The payload of an event of that name: nothing inside if it is none of ours, nothing at all if it cannot be read.
    fn of(event: &str, shape: &Shape<'_>, payload: &[u8]) -> Option<Option<Self>> {
        if shape.qualification_session_id.is_some() || event.contains("qualification") {
            return Some(Some(Self::Other));
        }
        let of_token = || read_body(payload).map(Self::TokenUpdated).map(Some);
        let of_session = || read_body(payload).map(Self::SessionComplete).map(Some);
        match (EventName::of(event), shape.status.is_some(), shape.payment_token.is_some()) {
            (EventName::Nothing, false, true) | (EventName::Token, _, true) => of_token(),
            (EventName::Nothing | EventName::Session, true, _) => of_session(),
            (EventName::Unlisted, has_status, has_token) => {
                // What cannot be read is no matter of ours either.
                let like = if has_status { of_session() } else { of_token().filter(|_| has_token) };
                let unlisted = |like| Self::Unlisted(UnlistedEvent { event_type: event.into(), like: Box::new(like) });
                Some(like.flatten().map(unlisted))
            }
            _ => Some(None),
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
            Self::Unlisted(it) => it.like.ids(),
        }
    }
}

impl TokenUpdatedWebhook {
    /// When the earliest letter expires.
    pub(crate) fn lmn_expiry(&self) -> Option<Timestamp> {
        self.lmn_expires_at.as_deref().and_then(Timestamp::parse_iso_end)
    }

    /// When the token was changed, where the webhook says so.
    pub(crate) fn changed_at(&self) -> Option<Timestamp> {
        self.updated_at.as_deref().and_then(Timestamp::parse_iso)
    }
}
