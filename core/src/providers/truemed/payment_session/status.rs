//! What a page wants to know of a payment session.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::known::Known;
use super::{Action, PaymentSession, Rules};
use crate::flow::{IntentReport, Outcome};
use crate::money::Money;
use crate::providers::truemed::api::calls::{CAPTURE, CREATE_SESSION, REFUND};
use crate::providers::truemed::api::webhook::Status as ProviderStatus;
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::session::RequestedSession;

/// The status of a payment session, besides what every status has.
///
/// Truemed names no currency. An amount is `null` if nothing has shown it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionOwnStatus"))]
#[non_exhaustive]
pub struct Status {
    /// The session, also while its first lookup is pending.
    pub payment_session_id: Option<PaymentSessionId>,
    /// Truemed's status of the session.
    pub provider_status: Option<String>,
    /// The requested total, in cents. `null` for a session that was created elsewhere.
    pub total: Option<Money>,
    /// The held amount, in cents.
    pub authorized: Option<Money>,
    /// The captured amount, in cents.
    pub captured: Option<Money>,
    /// The amount of the pending capture, in cents.
    pub capturing: Option<Money>,
    /// The refunds that were made, by the host or by anybody else, in cents.
    pub refunded: Option<Money>,
    /// The refunds that the host has requested and whose outcome is not known, in cents.
    pub refunding: Option<Money>,
    /// The amount that can still be refunded, in cents.
    pub refundable: Option<Money>,
    /// Whether the customer's bank has an open dispute, as the last lookup or a refused refund shows.
    pub disputed: bool,
    /// The pending capture, void or cancel.
    #[cfg_attr(feature = "schemas", schemars(with = "Option<String>"))]
    pub ending: Option<Action>,
}

impl PaymentSession {
    /// What only a payment session has.
    pub(super) fn own_status(&self) -> Status {
        let id = self.id().cloned();
        match self {
            Self::Absent | Self::Adopting(_) => Status { payment_session_id: id, ..Status::default() },
            Self::Requested(requested) => Status { total: Some(Money::unnamed(requested.total)), ..Status::default() },
            Self::Known(known) => Status { payment_session_id: id, ..known.own_status() },
        }
    }

    /// What the host requested, unless the session was created elsewhere.
    const fn requested(&self) -> Option<&RequestedSession> {
        match self {
            Self::Absent | Self::Adopting(_) => None,
            Self::Requested(requested) => Some(requested),
            Self::Known(known) => known.session.requested.as_ref(),
        }
    }

    /// The checkout, the captures and the refunds that the host has named.
    pub(super) fn named_requests(&self, view: &Rules<'_>) -> Vec<IntentReport<Self>> {
        let outcome = match self {
            Self::Known(known) => known.session.outcome(),
            _ => Outcome::Open,
        };
        let checkout = self.requested().and_then(|requested| {
            let intent = requested.intent.as_ref()?;
            let attempt = view.attempts_of(CREATE_SESSION.name, intent);
            let report = IntentReport::new(intent, Action::Create, CREATE_SESSION.name, attempt, outcome);
            Some(report.requested(Some(requested.total), Some(requested.requested_at)))
        });
        let known = match self {
            Self::Known(known) => Some(known),
            Self::Absent | Self::Requested(_) | Self::Adopting(_) => None,
        };
        let captures = known.into_iter().flat_map(|it| it.ends.report(Action::Capture, CAPTURE.name));
        let refunds = known.into_iter().flat_map(|it| it.refunds.report(Action::Refund, REFUND.name));
        checkout.into_iter().chain(captures).chain(refunds).collect()
    }
}

impl Known {
    fn own_status(&self) -> Status {
        let session = &self.session;
        Status {
            payment_session_id: None,
            provider_status: Some(session.provider_status()),
            total: session.requested.as_ref().map(|it| Money::unnamed(it.total)),
            authorized: session.authorized.map(Money::unnamed),
            captured: session.captured.map(Money::unnamed),
            capturing: session.capturing.filter(|_| self.ending.is_some()).map(Money::unnamed),
            refunded: Some(Money::unnamed(self.refunded_by_anybody())),
            refunding: Some(Money::unnamed(self.refunding)),
            refundable: self.refundable().filter(|_| session.status == ProviderStatus::Captured).map(Money::unnamed),
            disputed: self.disputed,
            ending: self.ending.as_ref().map(|it| it.action()),
        }
    }
}
