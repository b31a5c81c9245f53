//! Qualification sessions: the bodies of their requests, and Truemed's replies and reports.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::order::OrderItem;
use crate::flow::{Reading, Reply};
use crate::json::{any_form, lenient, lenient_text, read_body};
use crate::providers::truemed::ids::QualificationSessionId;
use crate::time::Timestamp;
use crate::value::{Extra, Metadata, open_enum, setters};

open_enum! {
    /// The status of a qualification session.
    pub enum QualificationStatus {
        /// The customer has not completed the survey.
        Pending = "pending",
        /// The customer has completed the survey, and Truemed reviews it.
        Processing = "processing",
        /// The customer has a letter of medical necessity for the items.
        Approved = "approved",
        /// The customer cannot have a letter for the items.
        Rejected = "rejected",
    }
}

/// `create_qualification_session`: check if a customer qualifies, before any checkout.
///
/// No current page shows the address, the fields or the reply. They follow from the update and from `create_payment_token`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "TruemedCreateQualificationSessionFields")
)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateQualificationSession {
    /// What the customer wants to pay for.
    pub order_items: Vec<OrderItem>,
    /// Where Truemed sends the customer afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_url: Option<String>,
    /// Where Truemed sends the customer after Cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_url: Option<String>,
    /// The host's name for the customer. It can be set once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// A string of JSON for the host's own data. The default is an object with the key of the flow as `rulebound_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl CreateQualificationSession {
    /// A qualification for these items.
    pub fn new(order_items: Vec<OrderItem>, success_url: &str, failure_url: &str) -> Self {
        let (success_url, failure_url) = (Some(success_url.into()), Some(failure_url.into()));
        Self { order_items, success_url, failure_url, ..Self::default() }
    }
}

setters!(CreateQualificationSession {
    success_url: String,
    failure_url: String,
    user_id: String,
    metadata: Metadata,
    extra: Extra,
});

/// `update_qualification_session`: set what the host knows of the customer. Fields that are absent stay as they are.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "TruemedUpdateQualificationSessionFields")
)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateQualificationSession {
    /// The host's name for the customer. It can be set once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// A string of JSON for the host's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Where Truemed sends the customer afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_url: Option<String>,
    /// Where Truemed sends the customer after Cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_url: Option<String>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl UpdateQualificationSession {
    /// Names the customer of the session.
    pub fn of_user(user_id: &str) -> Self {
        Self { user_id: Some(user_id.into()), ..Self::default() }
    }
}

setters!(UpdateQualificationSession {
    user_id: String,
    metadata: Metadata,
    success_url: String,
    failure_url: String,
    extra: Extra,
});

/// The reply to `create_qualification_session`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct CreateQualificationReply {
    /// The id of the session.
    #[serde(deserialize_with = "any_form")]
    pub qualification_session_id: QualificationSessionId,
    /// The page with the survey.
    #[serde(default, deserialize_with = "lenient_text")]
    pub redirect_url: Option<String>,
}

impl CreateQualificationReply {
    pub(crate) fn read<E>(reply: &Reply<'_>, event: impl FnOnce(Self) -> E) -> Reading<E> {
        Reading::of(read_body(reply.body).map(event).ok_or("/qualification_session_id"))
    }
}

/// Truemed's report of a session: `qualification_session_complete`, or the reply to a lookup or an update.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct QualificationReport {
    /// The session.
    #[serde(deserialize_with = "any_form")]
    pub qualification_session_id: QualificationSessionId,
    /// Its status.
    pub status: QualificationStatus,
    /// When the letter of medical necessity expires.
    #[serde(default, deserialize_with = "lenient_text")]
    pub expires_at: Option<String>,
    /// The host's name for the customer.
    #[serde(default, deserialize_with = "lenient_text")]
    pub user_id: Option<String>,
}

impl QualificationReport {
    /// Reads the reply to a lookup or an update. It must be about the requested session.
    pub(crate) fn read<E>(
        reply: &Reply<'_>,
        requested: &QualificationSessionId,
        event: impl FnOnce(Self) -> E,
    ) -> Reading<E> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(default, deserialize_with = "lenient")]
            qualification_session_id: Option<QualificationSessionId>,
        }
        let named = read_body::<Named>(reply.body).and_then(|it| it.qualification_session_id);
        if named.as_ref() != Some(requested) {
            return Reading::missing("/qualification_session_id");
        }
        let report = read_body::<Self>(reply.body).filter(|it| !it.status.as_str().is_empty());
        Reading::of(report.map(event).ok_or("/status"))
    }

    /// When the letter expires.
    pub(crate) fn expiry(&self) -> Option<Timestamp> {
        self.expires_at.as_deref().and_then(Timestamp::parse_iso_end)
    }
}
