//! The session that has sold a subscription.

use serde::{Deserialize, Serialize};

use crate::providers::flex::api::objects::SessionObject;
use crate::providers::flex::ids::{CheckoutSessionId, InvoiceId};
use crate::providers::flex::sessions::Session;
use crate::time::{Millis, Timestamp};

/// How long after the end of its session a first period may begin.
pub(super) const FIRST_PERIOD: Millis = Millis::from_hours(1);

/// How long a session can be paid at most, if Flex does not say so.
const SESSION_LIFE: Millis = Millis::from_hours(24);

/// The session that has sold a subscription and its first period.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSale"))]
#[serde(deny_unknown_fields)]
pub(super) struct Sale {
    /// The id of the session.
    pub(super) session: CheckoutSessionId,
    /// The invoice of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) invoice: Option<InvoiceId>,
    /// The latest time at which the first period may begin.
    pub(super) until: Timestamp,
    /// Whether the first period was found, or was delivered before the end of the subscription.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) found: bool,
}

impl Sale {
    /// Whether this is the id of the session or of its invoice.
    pub(super) fn is_named(&self, id: &str) -> bool {
        self.session.as_str() == id || self.invoice.as_ref().is_some_and(|it| it.as_str() == id)
    }

    pub(super) fn new(session: &Session, object: &SessionObject, now: Timestamp) -> Self {
        let made = object.created_at.unwrap_or(session.since());
        let expires_at = session.expires_at().unwrap_or_else(|| made.after(SESSION_LIFE));
        Self {
            session: session.id().clone(),
            invoice: object.invoice.as_ref().and_then(|it| InvoiceId::parse(it.id("invoice_id")?).ok()),
            // Whatever our clock says, the session ends after it was created.
            until: now.max(made).min(expires_at).after(FIRST_PERIOD),
            found: false,
        }
    }
}
