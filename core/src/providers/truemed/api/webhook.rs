//! Truemed's webhooks, and its reports of sessions. They are read leniently, and nothing unknown counts as a success.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::order::{OrderItem, digest};
use super::qualification::QualificationReport;
use super::session_request::Kind;
use crate::flow::Webhook;
use crate::id::{Digest, TypedId};
use crate::json::{RawText, any_form, lenient, lenient_text, read_body};
use crate::money::Cents;
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::providers::truemed::names::SignalName;
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// The status of a payment session.
    pub enum Status {
        /// Truemed created the session, and the customer has not paid yet.
        Pending = "pending",
        /// The customer has paid and Truemed reviews the order. The customer should hear that the order is placed.
        Processing = "processing",
        /// The money is held on the card.
        Authorized = "authorized",
        /// The review failed.
        Rejected = "rejected",
        /// The checkout was canceled before the customer paid.
        Canceled = "canceled",
        /// The hold was released.
        AuthorizationVoided = "authorization_voided",
        /// The hold expired.
        AuthorizationExpired = "authorization_expired",
        /// The money is captured. Only this status allows fulfillment.
        Captured = "captured",
    }
}

open_enum! {
    /// What the customer must do before a token can be charged again.
    pub enum NextAction {
        /// Change the stored payment method.
        UpdatePaymentMethod = "UpdatePaymentMethod",
        /// Take the health survey again. The documents spell it in two ways.
        HealthSurvey = "HealthSurvey" | "TakeHealthSurvey",
    }
}

/// `payment_token_updated`: Truemed says that the token can be charged from now on.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenUpdatedWebhook {
    /// The token.
    #[serde(deserialize_with = "any_form")]
    pub payment_token: Token,
    /// The session that provisioned it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub payment_session_id: Option<String>,
    /// The session whose charge failed and was then repaired.
    #[serde(default, deserialize_with = "lenient_text")]
    pub failed_payment_session_id: Option<String>,
    /// The request of ours that made or updated the token.
    #[serde(default, deserialize_with = "lenient_text")]
    pub provision_token_request_id: Option<String>,
    /// The metadata that we sent.
    #[serde(default, deserialize_with = "lenient_text")]
    pub metadata: Option<String>,
    /// When the earliest letter of medical necessity expires.
    #[serde(default, deserialize_with = "lenient_text")]
    pub lmn_expires_at: Option<String>,
    /// When the token was changed. The documents do not show it, and it is used if it is there.
    #[serde(default, deserialize_with = "lenient_text")]
    pub updated_at: Option<String>,
}

/// Truemed's report of a session: `payment_session_complete`, the reply to a lookup, or an entry of the list.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SessionReport {
    /// The session. The documents do not show the name of this field, so three names are read.
    #[serde(default, deserialize_with = "lenient")]
    payment_session_id: Option<PaymentSessionId>,
    #[serde(default, deserialize_with = "lenient")]
    payment_id: Option<PaymentSessionId>,
    #[serde(default, deserialize_with = "lenient")]
    id: Option<PaymentSessionId>,
    /// Its status.
    pub status: Status,
    /// The status that also shows refunds and disputes. Only lookups have it.
    #[serde(default, deserialize_with = "lenient_text")]
    pub status_summary: Option<String>,
    /// The captured amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub capture_amount: Option<Cents>,
    /// The authorized amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub authorize_amount: Option<Cents>,
    /// The total of the session, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub total_amount: Option<Cents>,
    /// How Truemed takes the money.
    #[serde(default, deserialize_with = "lenient")]
    pub kind: Option<Kind>,
    /// The token, if the session makes or charges one.
    #[serde(default, deserialize_with = "lenient")]
    pub payment_token: Option<Token>,
    /// The metadata that we sent.
    #[serde(default, deserialize_with = "lenient_text")]
    pub metadata: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "lenient_text")]
    pub created_at: Option<String>,
    /// The refunded amount, in cents. Only a list has it, if the request asks for it.
    #[serde(default, deserialize_with = "lenient")]
    pub refund_amount: Option<Cents>,
    /// The idempotency key of the request that created it. The documents do not show it, and it decides if it is
    /// there.
    #[serde(default, deserialize_with = "lenient_text")]
    pub idempotency_key: Option<String>,
    /// The customer's email address.
    #[serde(default, deserialize_with = "lenient_text")]
    pub customer_email: Option<String>,
    /// The items.
    #[serde(default, deserialize_with = "lenient")]
    order_items: Option<Vec<ReportedItem>>,
}

/// One line of a session's order, as far as it distinguishes orders.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct ReportedItem {
    name: String,
    quantity: i64,
    price: Cents,
    #[serde(default, deserialize_with = "lenient_text")]
    sku: Option<String>,
}

impl SessionReport {
    /// The id of the session, if the report has it.
    pub fn session(&self) -> Option<&PaymentSessionId> {
        self.payment_session_id.as_ref().or(self.payment_id.as_ref()).or(self.id.as_ref())
    }

    /// Whether the summary is this one, in any case.
    pub(crate) fn is_summary(&self, summary: &str) -> bool {
        self.status_summary.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(summary))
    }

    /// The total, from the first amount that shows it.
    pub(crate) fn amount(&self) -> Option<Cents> {
        self.total_amount.or(self.authorize_amount).or(self.capture_amount)
    }

    /// When the session was created, if the report shows it in a readable form.
    pub(crate) fn created(&self) -> Option<Timestamp> {
        self.created_at.as_deref().and_then(Timestamp::parse_iso)
    }

    /// The fingerprint of the items, if the report has them.
    pub(crate) fn items(&self) -> Option<Digest> {
        let line = |it: &ReportedItem| {
            let ReportedItem { name, quantity, price, sku } = it;
            OrderItem::new(sku.as_deref().unwrap_or_default(), name, *quantity, *price)
        };
        self.order_items.as_ref().map(|items| digest(&items.iter().map(line).collect::<Vec<_>>()))
    }
}

/// A webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Signal {
    /// A token can be charged.
    TokenUpdated(TokenUpdatedWebhook),
    /// A session has another status.
    SessionComplete(SessionReport),
    /// A qualification session has its outcome.
    Qualification(QualificationReport),
    /// A webhook that is about nothing of these.
    Other,
    /// An event whose name the documents do not list. It proves nothing, whatever its payload is.
    Unlisted(UnlistedEvent),
}

/// An event with an unlisted name and the payload of a token or session event.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UnlistedEvent {
    /// The name of the event.
    pub event_type: String,
    /// The event that its payload looks like.
    resembles: Box<Signal>,
}

/// What an event is about, according to its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EventName {
    /// The webhook has no name of an event, and its payload decides.
    Absent,
    Token,
    Session,
    Qualification,
    /// The documents do not list the name.
    Unlisted,
}

impl EventName {
    /// Reads the name of an event.
    ///
    /// The documents have two names for each event, with underscores or with dots. The guide says that names have
    /// dots, and its copy ends before the names. Neither the case nor the separator counts.
    fn of(event: &str) -> Self {
        let words = event.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let name = words.collect::<Vec<_>>().join("_").to_ascii_lowercase();
        match name.as_str() {
            "" => Self::Absent,
            name if name == SignalName::TokenUpdated.as_str() => Self::Token,
            name if name == SignalName::SessionComplete.as_str() => Self::Session,
            "payment_token_callback" => Self::Token,
            "payment_session_completed" | "payment_session_callback" => Self::Session,
            name if name == SignalName::QualificationComplete.as_str() => Self::Qualification,
            "qualification_session_completed" | "qualification_status_updated" => Self::Qualification,
            _ => Self::Unlisted,
        }
    }
}

/// The members that distinguish webhooks: the name of the event, and without one the members of the payload.
#[derive(Deserialize)]
struct Members<'a> {
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
    /// Reads a webhook of either delivery mode. Returns `None` if it cannot be read.
    pub(crate) fn read(webhook: &Webhook<'_>) -> Option<Self> {
        let outer: Members<'_> = read_body(webhook.body)?;
        let event = outer.event_type.as_deref().or(webhook.topic).unwrap_or_default();
        match outer.data {
            None => Self::of(event, &outer, webhook.body)?,
            Some(data) => Self::of(event, &read_body(data.get().as_bytes())?, data.get().as_bytes())?,
        }
        .or_else(|| outer.data.map(|_| Self::Other))
    }

    /// Reads the payload of an event. Returns `Some(None)` if it is not about payments, and `None` if it cannot be
    /// read.
    fn of(event: &str, members: &Members<'_>, payload: &[u8]) -> Option<Option<Self>> {
        if members.qualification_session_id.is_some() || event.contains("qualification") {
            return match EventName::of(event) {
                EventName::Absent | EventName::Qualification => read_body(payload).map(Self::Qualification).map(Some),
                _ => Some(Some(Self::Other)),
            };
        }
        let token_event = || read_body(payload).map(Self::TokenUpdated).map(Some);
        let session_event = || read_body(payload).map(Self::SessionComplete).map(Some);
        match (EventName::of(event), members.status.is_some(), members.payment_token.is_some()) {
            (EventName::Absent, false, true) | (EventName::Token, _, true) => token_event(),
            (EventName::Absent | EventName::Session, true, _) => session_event(),
            (EventName::Unlisted, has_status, has_token) => {
                // An unreadable payload of an unlisted event is not about payments either.
                let resembles = if has_status { session_event() } else { token_event().filter(|_| has_token) };
                let unlisted =
                    |signal| Self::Unlisted(UnlistedEvent { event_type: event.into(), resembles: Box::new(signal) });
                Some(resembles.flatten().map(unlisted))
            }
            _ => Some(None),
        }
    }

    /// Every id by which the host can find the flow.
    pub(crate) fn ids(&self) -> Vec<TypedId> {
        let key = |metadata: &Option<String>| TypedId::read("key", metadata.as_deref()?);
        let session = |id: &Option<String>| PaymentSessionId::parse(id.as_deref()?).ok().map(|id| TypedId::from(&id));
        let ids = match self {
            Self::TokenUpdated(it) => [
                it.provision_request().map(|id| TypedId::from(&id)),
                session(&it.failed_payment_session_id),
                session(&it.payment_session_id),
                key(&it.metadata),
                Some(TypedId::from(&it.payment_token)),
            ],
            Self::SessionComplete(it) => {
                let token = it.payment_token.as_ref().map(TypedId::from);
                [it.session().map(TypedId::from), key(&it.metadata), token, None, None]
            }
            Self::Qualification(it) => [Some(TypedId::from(&it.qualification_session_id)), None, None, None, None],
            Self::Other => [const { None }; 5],
            Self::Unlisted(it) => return it.resembles.ids(),
        };
        ids.into_iter().flatten().collect()
    }
}

impl TokenUpdatedWebhook {
    fn provision_request(&self) -> Option<ProvisionTokenRequestId> {
        ProvisionTokenRequestId::parse(self.provision_token_request_id.as_deref()?).ok()
    }

    /// When the earliest letter expires.
    pub(crate) fn lmn_expiry(&self) -> Option<Timestamp> {
        self.lmn_expires_at.as_deref().and_then(Timestamp::parse_iso_end)
    }

    /// When the token was changed, where the webhook says so.
    pub(crate) fn changed_at(&self) -> Option<Timestamp> {
        self.updated_at.as_deref().and_then(Timestamp::parse_iso)
    }
}
