//! What a page wants to know of a checkout.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::payment::{Payment, ShownMoney};
use super::{Action, Checkout};
use crate::flow::IntentReport;
use crate::money::Money;
use crate::providers::flex::api::calls::{CAPTURE, CREATE_REFUND};
use crate::providers::flex::ids::{CheckoutSessionId, CustomerId, PaymentMethodId};
use crate::providers::flex::reports::{CaptureReport, DisputeReport, RefundReport, SecondPaymentReport, SoldItem};
use crate::providers::flex::sessions::Session;
use crate::time::Timestamp;

/// The status of a checkout, besides what every status has.
///
/// The library reads no currency of Flex. Every amount but `amount` is `null` before the session is paid or authorized.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutOwnStatus"))]
#[non_exhaustive]
pub struct Status {
    /// The session that settles the checkout, or else the newest one.
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// The host's reference, which Flex returns.
    pub client_reference_id: Option<String>,
    /// The customer, once Flex has shown one. A later charge without the customer names it.
    pub customer_id: Option<CustomerId>,
    /// The payment method, if Flex has shown the whole payment or setup intent, or a lookup of the setup intent has. A later
    /// charge without the customer names it.
    pub payment_method_id: Option<PaymentMethodId>,
    /// The ids of the session's payments.
    pub payment_intent_ids: Vec<String>,
    /// Flex's status of the session.
    pub provider_status: Option<String>,
    /// Whether the session is in test mode.
    pub test_mode: Option<bool>,
    /// When the session expires, in milliseconds.
    pub expires_at: Option<Timestamp>,
    /// Whether the session only authorizes the payment, so that the host must capture it. `null` without a session.
    pub manual_capture: Option<bool>,
    /// The items. `null` if they are unknown, as they are after an adoption, or too many to be kept.
    pub items: Option<Vec<SoldItem>>,
    /// The total, in cents.
    pub amount: Option<Money>,
    /// The received amount, in cents. It includes what was refunded since.
    pub received: Option<Money>,
    /// The authorized amount that is not captured yet, in cents. `null` unless the session only authorizes the payment.
    pub capturable: Option<Money>,
    /// The captures that the host has requested and whose outcome is not known, in cents.
    pub capturing: Option<Money>,
    /// The captures that Flex has shown, by id.
    pub captures: Vec<CaptureReport>,
    /// The refunded amount, without refunds that failed, in cents.
    pub refunded: Option<Money>,
    /// The amount that a refund can return now, in cents. Disputed money is not part of it.
    pub refundable: Option<Money>,
    /// The refunds that the host has requested and whose outcome is not known, in cents.
    pub refunding: Option<Money>,
    /// The refunds that Flex has shown, by id.
    pub refunds: Vec<RefundReport>,
    /// The payments of the same purchase beside it. A person was asked about each.
    pub second_payments: Vec<SecondPaymentReport>,
    /// The amount that disputes keep from being refunded, in cents.
    pub disputed: Option<Money>,
    /// The disputes that Flex has shown, by id.
    pub disputes: Vec<DisputeReport>,
}

impl Checkout {
    /// What only a checkout has.
    pub(super) fn own_status(&self) -> Status {
        let (sessions, payment) = (&self.sessions, self.payment.as_deref());
        let session = sessions.current();
        let is_manual = sessions.is_manual();
        let money = payment.map(|it| it.shown(is_manual));
        let amount = |of: fn(&ShownMoney) -> crate::money::Cents| money.as_ref().map(|it| Money::unnamed(of(it)));
        Status {
            checkout_session_id: sessions.current_id().cloned(),
            client_reference_id: sessions.reference().map(Into::into),
            customer_id: session.and_then(Session::customer).cloned(),
            payment_method_id: session.and_then(Session::payment_method).cloned(),
            payment_intent_ids: session.map(|it| it.payment_intents().to_vec()).unwrap_or_default(),
            provider_status: session.map(Session::provider_status),
            test_mode: sessions.test_mode(),
            expires_at: session.and_then(Session::expires_at),
            manual_capture: session.map(Session::is_manual),
            items: sessions.items(),
            amount: payment.and_then(Payment::total).or_else(|| sessions.total()).map(Money::unnamed),
            received: amount(|it| it.received),
            capturable: amount(|it| it.capturable).filter(|_| is_manual),
            capturing: amount(|it| it.capturing),
            captures: payment.map(Payment::capture_reports).unwrap_or_default(),
            refunded: amount(|it| it.refunded),
            refundable: amount(|it| it.refundable),
            refunding: amount(|it| it.refunding),
            refunds: payment.map(Payment::refund_reports).unwrap_or_default(),
            second_payments: sessions.second_payments(|it| self.second_money(it)),
            disputed: amount(|it| it.disputed),
            disputes: self.dispute_reports(),
        }
    }

    /// The captures and refunds that the host has named.
    pub(super) fn named_requests(&self) -> Vec<IntentReport<Self>> {
        let captures = self.ledgers().flat_map(|(it, _)| it.capture_intents().report(Action::Capture, CAPTURE.name));
        let refunds = self.ledgers().flat_map(|(it, _)| it.refund_intents().report(Action::Refund, CREATE_REFUND.name));
        captures.chain(refunds).collect()
    }

    /// The disputes of all payments, by id.
    fn dispute_reports(&self) -> Vec<DisputeReport> {
        let mut all: Vec<_> = self.ledgers().flat_map(|(payment, _)| payment.dispute_reports()).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }
}
