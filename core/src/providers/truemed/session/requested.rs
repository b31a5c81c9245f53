//! What the host requested when it created a session, while no reply shows what became of it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::flow::Cx;
use crate::id::{Digest, Intent};
use crate::money::Cents;
use crate::providers::truemed::Truemed;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::order::price_of;
use crate::providers::truemed::api::session_request::{CreatePaymentSession, Kind};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::time::Timestamp;

/// What the host requested when it created a session.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedRequestedSession"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RequestedSession {
    /// The host's name for the charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The fingerprint of the cart. In the flow `truemed.payment_session` it covers the whole command.
    pub cart: Digest,
    /// The total amount, in cents.
    pub total: Cents,
    /// The price of the items without charges and discounts, in cents.
    pub items: Cents,
    /// Whether Truemed only holds the money.
    #[serde(default)]
    pub authorization: bool,
    /// Whether the session makes or charges a token.
    #[serde(default)]
    pub of_a_token: bool,
    /// Whether the customer is present.
    pub attended: bool,
    /// The fingerprint of the metadata that Truemed must return.
    pub metadata: Digest,
    /// When the host requested it.
    pub requested_at: Timestamp,
    /// The sessions that may be this one, where a lookup found several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) candidates: Vec<PaymentSessionId>,
    /// The sessions that a person says are not this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_ours: Vec<PaymentSessionId>,
    /// The end of the last lease, if Truemed refused the sending of that lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Timestamp>,
}

impl RequestedSession {
    pub(crate) fn of(command: &CreatePaymentSession, cart: Digest, metadata: &str, now: Timestamp) -> Self {
        Self {
            intent: command.intent.clone(),
            cart,
            total: command.total_amount,
            items: i64::try_from(price_of(&command.order_items)).map_or(Cents::new(i64::MAX), Cents::new),
            authorization: command.kind == Some(Kind::Authorization),
            of_a_token: command.is_of_a_token(),
            attended: !command.is_charge(),
            metadata: Digest::of([metadata.as_bytes()]),
            requested_at: now,
            candidates: Vec::new(),
            not_ours: Vec::new(),
            refused: None,
        }
    }

    /// Truemed refused one sending. Only a refusal of the last one says something about those before it.
    pub(crate) fn refused_once<F: Truemed>(&mut self, cx: &Cx<'_, F>) {
        let lease = cx.pending(Call::is_session).and_then(|it| it.lease);
        let own = cx.leased_at().after(cx.config().lease_ms);
        self.refused = lease.filter(|last| own >= *last);
    }

    /// Whether a complete list without the session can deny it.
    ///
    /// As long as the request can be sent again under its key, the key finds out the outcome and makes no second session. A
    /// new key is safe only once Truemed refused the last sending: a session of an earlier sending would have been its
    /// reply. A request that is given up is not sent again, and only lists are left. Nor is one whose key Truemed has seen
    /// before; a list that does not show it leaves it to a person.
    pub(crate) fn can_be_denied<F: Truemed>(&self, cx: &Cx<'_, F>) -> bool {
        let pending = cx.pending(Call::is_session);
        pending.is_some_and(|it| it.given_up || it.accepted || (self.refused.is_some() && self.refused == it.lease))
    }
}
