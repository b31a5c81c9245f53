//! What a page wants to know of a payment token.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::carts::CartLine;
use super::{Action, PaymentToken};
use crate::flow::IntentReport;
use crate::money::Money;
use crate::providers::truemed::api::calls::{CREATE_SESSION, Call};
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::time::Timestamp;

/// The status of a payment token, besides what every status has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenOwnStatus"))]
#[non_exhaustive]
pub struct Status {
    /// The secret string that charges the token. `null` while a person must say which one of several it is.
    pub payment_token: Option<Token>,
    /// The newest open provision request, or else the last one that is over.
    pub provision_token_request_id: Option<ProvisionTokenRequestId>,
    /// The session of the current charge. Without a charge, the session of the last one.
    pub payment_session_id: Option<PaymentSessionId>,
    /// Truemed's status of that session.
    pub provider_status: Option<String>,
    /// The total of the current charge, in cents.
    pub charge_total: Option<Money>,
    /// The items that the customer qualified for. `null` if they are unknown, as they are after an adoption or a
    /// restored backup, or too many to be kept.
    pub confirmed_items: Option<Vec<CartLine>>,
    /// The items that the open change asks for, or the items of the newest request for a token. `null` if there is none,
    /// or if they are too many to be kept.
    pub pending_items: Option<Vec<CartLine>>,
    /// Whether the token will be deleted as soon as Truemed issues it.
    pub delete_once_issued: bool,
    /// When the earliest letter of medical necessity expires, in milliseconds.
    pub lmn_expires_at: Option<Timestamp>,
    /// When the earliest stored card expires, in milliseconds, once `retrieve_payment_token` has shown it.
    pub card_expires_at: Option<Timestamp>,
}

impl PaymentToken {
    /// What only a payment token has.
    pub(super) fn own_status(&self, restored: Option<Timestamp>) -> Status {
        let pending = self.items.wanted().or_else(|| self.token.pending_items());
        let (payment_session_id, provider_status) = match self.charge.known_session() {
            Some(current) => current,
            None if self.charge.requested().is_some() => (None, None),
            None => self.history.last_session(),
        };
        Status {
            payment_token: self.token.payment_token().filter(|_| !self.token.is_doubtful()).cloned(),
            provision_token_request_id: self.provision_request(None).or_else(|| self.history.last_request()).cloned(),
            payment_session_id,
            provider_status,
            charge_total: self.charge.total().map(Money::unnamed),
            confirmed_items: self.carts.lines(self.token.certain_items(restored)),
            pending_items: self.carts.lines(pending),
            delete_once_issued: self.token.is_unwanted(),
            lmn_expires_at: self.token.lmn_expires_at(),
            card_expires_at: self.token.card_expires_at(),
        }
    }

    /// The charges and checkouts that the host has named.
    pub(super) fn named_charges(&self) -> Vec<IntentReport<Self>> {
        let mut all: Vec<_> = self.charge.intents().report(Action::Charge, CREATE_SESSION.name).collect();
        for checkout in all.iter_mut().filter(|it| self.charge.is_checkout(&it.intent)) {
            checkout.action = Action::Tokenize;
        }
        all
    }

    /// Whether the reply to a request may have a page for the customer, or decides if one still counts.
    pub(super) fn decides_page_by(&self, call: &Call) -> bool {
        match call {
            Call::CreatePaymentToken(_) | Call::UpdatePaymentToken(..) => true,
            Call::CreatePaymentSession(command) => !command.is_charge(),
            // The page may be of a session that is over.
            Call::RetrievePaymentSession(_) => self.charge.session().is_some_and(|it| it.unchecked),
            _ => false,
        }
    }
}
