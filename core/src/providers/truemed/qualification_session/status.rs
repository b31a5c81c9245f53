//! What a page wants to know of a qualification session.

use alloc::string::String;

use serde::Serialize;

use crate::providers::truemed::ids::QualificationSessionId;
use crate::time::Timestamp;

/// The status of a qualification session, besides what every status has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "TruemedQualificationSessionOwnStatus")
)]
#[non_exhaustive]
pub struct Status {
    /// The session, also while its first lookup is pending.
    pub qualification_session_id: Option<QualificationSessionId>,
    /// Truemed's status of the session. Only `approved` says that the customer has a letter.
    pub provider_status: Option<String>,
    /// The host's name for the customer.
    pub user_id: Option<String>,
    /// When the letter of medical necessity expires, in milliseconds.
    pub expires_at: Option<Timestamp>,
}
