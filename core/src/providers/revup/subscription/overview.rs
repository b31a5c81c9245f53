//! What a page wants to know of a subscription. The file `status.rs` is the room of a facet.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::{Action, Rules, Subscription};
use crate::flow::IntentReport;
use crate::id::Intent;
use crate::money::Money;
use crate::providers::revup::api::calls::REFUND;
use crate::providers::revup::ids::{OrderId, SubscriptionId, TransactionId};
use crate::time::Timestamp;

/// The status of a subscription, besides what every status has.
///
/// Every amount is in the smallest unit of its currency, such as cents: 998 is 9 euros and 98 cents. Commands have it in
/// the main unit, as `"9.98"`. An unknown currency counts as one with cents.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionOwnStatus"))]
#[non_exhaustive]
pub struct Status {
    /// The subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// The order of the first charge. With a stored card, it is the parent order.
    pub order_id: Option<OrderId>,
    /// The plan.
    pub plan_id: Option<String>,
    /// The currency of the charges. `null` for an adopted subscription.
    pub currency: Option<String>,
    /// Revup's word for the status that the last evidence, or a person, has shown.
    pub provider_status: Option<String>,
    /// Why the subscription was cancelled, in Revup's word.
    pub cancellation_reason: Option<String>,
    /// Whether a cancellation is requested and its outcome is not known.
    pub cancelling: bool,
    /// When the customer can no longer pay on the form, in milliseconds. `null` unless the customer pays there.
    pub order_expires_at: Option<Timestamp>,
    /// When the last paid period ends, in milliseconds.
    pub paid_until: Option<Timestamp>,
    /// When access ends, in milliseconds, with the grace of the config. `null` if no access was given.
    pub access_until: Option<Timestamp>,
    /// Whether access is withheld until a person says that the subscription is this one.
    pub access_withheld: bool,
    /// The newest payments that lookups and events have shown, the oldest first.
    pub payments: Vec<PaymentReport>,
    /// The refunds that Revup has accepted and not finished.
    pub refunding: Vec<RefundReport>,
    /// The newest refunds that this flow did not request, the oldest first.
    pub other_refunds: Vec<RefundReport>,
    /// The newest disputes that messages have named, the oldest first. No lookup shows a dispute.
    pub disputes: Vec<DisputeReport>,
}

/// A dispute of a payment, or a question of the customer's bank about one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupDisputeReport"))]
#[non_exhaustive]
pub struct DisputeReport {
    /// The transaction that Revup names: of the dispute, or of the payment.
    pub transaction_id: TransactionId,
    /// Revup's id of the payment. `null` if the message does not name it.
    pub payment_id: Option<String>,
    /// The type, in Revup's word: `chargeback`, `rdr` or `information_requested`.
    pub kind: String,
    /// The status of the transaction, in Revup's word.
    pub provider_status: String,
    /// The disputed amount, in the smallest unit. `null` if it is not a whole number of the smallest unit.
    pub amount: Option<Money>,
    /// The bank's code of the reason.
    pub reason_code: Option<String>,
    /// The reason in words, cut off after 100 characters.
    pub reason: Option<String>,
    /// Whether a message with proof of its origin has shown the dispute.
    pub proved: bool,
}

/// A payment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupPaymentReport"))]
#[non_exhaustive]
pub struct PaymentReport {
    /// The transaction that took the money: the one that succeeded, or else the last one of a payment that was made.
    pub transaction_id: TransactionId,
    /// Revup's id of the payment, if Revup has said it.
    pub payment_id: Option<String>,
    /// The amount, in the smallest unit. `null` if it is not a whole number of that unit.
    pub amount: Option<Money>,
    /// The refunds that this flow has requested and that Revup, or a person, has confirmed, in the smallest unit.
    pub refunded: Option<Money>,
    /// The refunds that this flow has requested and that are neither confirmed nor denied, in the smallest unit. Their
    /// money may still move.
    pub refunding: Option<Money>,
    /// Whether a lookup, or an event with proof of its origin, has shown the payment.
    pub proved: bool,
}

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupRefundReport"))]
#[non_exhaustive]
pub struct RefundReport {
    /// The transaction of the refund.
    pub transaction_id: TransactionId,
    /// The payment: its transaction, or Revup's id of it. `null` if nothing says it, or only a fingerprint of it is
    /// kept.
    pub payment_id: Option<String>,
    /// The host's name for the refund. `null` if this flow did not request it.
    pub intent: Option<Intent>,
    /// The amount, in the smallest unit. `null` if nothing says it, or it is not a whole number of that unit.
    pub amount: Option<Money>,
}

impl Subscription {
    /// What only a subscription has.
    pub(super) fn own_status(&self, view: &Rules<'_>) -> Status {
        let Self { terms, status, payment, refunds, ledger, disputes, .. } = self;
        let paid_until = payment.last_paid_until();
        let has_access = payment.is_accepted() && !status.is_withheld();
        Status {
            subscription_id: status.id().cloned(),
            order_id: terms.order().cloned(),
            plan_id: terms.plan().map(Into::into),
            currency: terms.currency().map(Into::into),
            provider_status: status.provider_status().map(Into::into),
            cancellation_reason: status.reason().map(Into::into),
            cancelling: status.is_cancelling(),
            order_expires_at: status.wait_for_charge(terms).and_then(|it| it.expires_at),
            paid_until,
            access_until: payment.access_until(view.config().grace_ms).filter(|_| has_access),
            access_withheld: status.is_withheld(),
            payments: ledger.payment_reports(terms.currency(), &refunds.unconfirmed(view)),
            refunding: refunds.reports(|payment| ledger.currency(payment).or(terms.currency())),
            other_refunds: ledger.refund_reports(terms.currency()),
            disputes: disputes.reports(terms.currency()),
        }
    }

    /// The refunds that the host has named.
    pub(super) fn named_refunds(&self) -> Vec<IntentReport<Self>> {
        self.refunds.intents().report(Action::Refund, REFUND.name).collect()
    }
}
