//! Notifications: Revup posts them to `notificationUrl`, one for each transaction. They are unsigned, so each is a
//! hint.

use alloc::string::String;

use serde::Deserialize;

use super::dispute::{ChargebackInfo, ShownDispute};
use super::replies::{Money, TransactionStatus};
use crate::id::Digest;
use crate::json::{any_form, lenient, lenient_text, read_body};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::ids::{OrderId, TransactionId};
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// The type of a transaction.
    pub enum TransactionType {
        /// The transaction takes money.
        Payment = "payment",
        /// The transaction refunds money.
        Refund = "refund",
        /// The customer's bank takes the money back.
        Chargeback = "chargeback",
        /// The same, before a dispute begins.
        Rdr = "rdr",
        /// The customer's bank asks about a payment.
        InformationRequested = "information_requested",
    }
}

/// The contents of a notification about one transaction.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notification {
    /// The order of the transaction.
    pub order: OrderId,
    /// The transaction. A chargeback names the transaction of the payment.
    pub transaction: TransactionId,
    /// The type of the transaction.
    pub kind: TransactionType,
    /// The status of the transaction.
    pub status: TransactionStatus,
    /// The amount of the transaction, if the notification has one.
    pub(crate) amount: Option<Decimal>,
    money: Option<Money>,
    info: Option<ChargebackInfo>,
    sent_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(deserialize_with = "any_form")]
    order_id: OrderId,
    #[serde(deserialize_with = "any_form")]
    transaction_id: TransactionId,
    transaction_type: TransactionType,
    transaction_status: TransactionStatus,
    #[serde(default, deserialize_with = "lenient_text")]
    notification_date: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    money: Option<Money>,
    #[serde(default, deserialize_with = "lenient")]
    chargeback_info: Option<ChargebackInfo>,
}

impl Notification {
    /// Reads a notification. The result is `None` if a field that every notification has is missing.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let body: Body = read_body(body)?;
        Some(Self {
            order: body.order_id,
            transaction: body.transaction_id,
            kind: body.transaction_type,
            status: body.transaction_status,
            amount: body.money.as_ref().and_then(|it| it.amount),
            money: body.money,
            info: body.chargeback_info,
            sent_at: body.notification_date.and_then(|it| Timestamp::parse_iso(&it)).unwrap_or_default(),
        })
    }

    /// The dispute that the notification is about.
    pub(crate) fn dispute(&self) -> Option<ShownDispute> {
        self.kind.is_dispute().then(|| ShownDispute {
            transaction: self.transaction.clone(),
            kind: self.kind.clone(),
            status: self.status.clone(),
            payment: None,
            money: self.money.clone(),
            info: self.info.clone(),
        })
    }

    /// The time of the notification, and a fingerprint of the contents. Both together recognize a repeat.
    pub(crate) fn stamp(&self) -> (Timestamp, Digest) {
        let parts = [self.transaction.as_str(), self.kind.as_str(), self.status.as_str()];
        (self.sent_at, Digest::of(parts.map(str::as_bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_names_its_transaction_and_the_status_of_it() {
        let notification = Notification::read(
            br#"{"orderId":"o-1","transactionId":"T-1","transactionType":"REFUND","transactionStatus":"Failed","money":{"amount":"1.95"}}"#,
        );
        let notification = notification.unwrap();
        assert_eq!((notification.kind, notification.status), (TransactionType::Refund, TransactionStatus::Failed));
        for body in ["[]", "{}", r#"{"orderId":"o-1","transactionId":"t-1","transactionType":"refund"}"#] {
            assert!(Notification::read(body.as_bytes()).is_none(), "{body}");
        }
    }
}
