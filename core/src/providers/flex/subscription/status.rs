//! What a page wants to know of a subscription.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::Subscription;
use super::record::SubscriptionRecord;
use crate::money::Money;
use crate::providers::flex::ids::{
    CheckoutSessionId, CustomerId, InvoiceId, PaymentMethodId, SetupIntentId, SubscriptionId,
};
use crate::providers::flex::reports::{DisputeReport, InvoiceReport, RefundReport, SecondPaymentReport, SoldItem};
use crate::providers::flex::sessions::Session;
use crate::time::Timestamp;

/// The status of a subscription, besides what every status has.
///
/// The library reads no currency of Flex. Every instant is in milliseconds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionOwnStatus"))]
#[non_exhaustive]
pub struct Status {
    /// The session that sold the subscription, or else the newest one.
    pub checkout_session_id: Option<CheckoutSessionId>,
    /// The host's reference, which Flex returns.
    pub client_reference_id: Option<String>,
    /// The subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// The customer.
    pub customer_id: Option<CustomerId>,
    /// The payment method that Flex charges, as the last lookup has shown it, or else the one that the customer has given
    /// last on a page for it. `null` if Flex has shown neither.
    pub payment_method_id: Option<PaymentMethodId>,
    /// The setup intent of the newest page for another payment method, once Flex has shown it.
    pub setup_intent_id: Option<SetupIntentId>,
    /// The latest invoice that the last lookup has shown.
    pub latest_invoice_id: Option<InvoiceId>,
    /// Flex's status of the subscription, as the last lookup has shown it.
    pub provider_status: Option<String>,
    /// Whether the subscription is in test mode.
    pub test_mode: Option<bool>,
    /// When the session expires. `null` once it is complete.
    pub expires_at: Option<Timestamp>,
    /// The items. `null` if they are unknown, as they are after an adoption, or too many to be kept.
    pub items: Option<Vec<SoldItem>>,
    /// The items that an update has requested and that Flex has not shown. `null` if there is no such update, or its items
    /// are too many.
    pub pending_items: Option<Vec<SoldItem>>,
    /// What the last paid period cost, in cents, or the total of the session if no invoice shows it.
    pub amount: Option<Money>,
    /// When the trial ends. `null` unless the subscription is in its trial.
    pub trial_ends_at: Option<Timestamp>,
    /// When the provider's period ends, whether or not it is paid.
    pub period_ends_at: Option<Timestamp>,
    /// When the last paid period, or the trial, ends. `null` once access was ended before that, such as after a refund.
    pub paid_until: Option<Timestamp>,
    /// When access ends, with the grace that the config had when access was given.
    pub access_until: Option<Timestamp>,
    /// Whether the subscription ends with its period, as the last lookup has shown it.
    pub cancel_at_period_end: Option<bool>,
    /// Whether the host has requested the end of the subscription, at once or with its period, and Flex has not confirmed it.
    pub cancelling: bool,
    /// When the subscription is set to end, as the last lookup has shown it.
    pub cancel_at: Option<Timestamp>,
    /// The amount of the last paid period that a refund can return now, in cents. While the payment is disputed, it is 0.
    /// `null` if Flex has not shown the payment.
    pub refundable: Option<Money>,
    /// The refunds that were requested, also with a cancellation, and that Flex has not shown, in cents. `null` if there is
    /// none, or if its amount is unknown.
    pub refunding: Option<Money>,
    /// The newest refunds that Flex has shown, by id.
    pub refunds: Vec<RefundReport>,
    /// The payments of the same purchase in other sessions. A person was asked about each.
    pub second_payments: Vec<SecondPaymentReport>,
    /// The newest paid invoices that have paid for no period, such as for a change within a period. A person was asked about
    /// each, unless a change that the host has requested explains it.
    pub further_invoices: Vec<InvoiceReport>,
    /// The newest disputes that Flex has shown, by id.
    pub disputes: Vec<DisputeReport>,
}

impl Subscription {
    /// What only a subscription has.
    pub(super) fn own_status(&self) -> Status {
        let sessions = &self.sessions;
        let of_record = self.record.as_deref().map(SubscriptionRecord::own_status).unwrap_or_default();
        Status {
            checkout_session_id: sessions.current_id().cloned(),
            client_reference_id: sessions.reference().map(Into::into),
            expires_at: sessions.current().filter(|_| sessions.settled().is_none()).and_then(Session::expires_at),
            items: self.record.as_ref().and_then(|it| it.items()).or_else(|| sessions.items()),
            pending_items: self.record.as_ref().and_then(|it| it.pending_items()),
            amount: of_record.amount.or_else(|| sessions.total().map(Money::unnamed)),
            test_mode: of_record.test_mode.or_else(|| sessions.test_mode()),
            refundable: self.refundable().map(Money::unnamed),
            refunding: self.refunding.requested().map(Money::unnamed).or(of_record.refunding),
            refunds: self.refunding.reports(),
            second_payments: sessions.second_payments(|it| self.second_money(it)),
            ..of_record
        }
    }
}
