//! Notifications: what Revup posts to `notificationUrl` about one transaction. Nobody signs them, so each is a hint.

use alloc::string::String;

use serde::Deserialize;

use super::replies::TransactionStatus;
use crate::id::Digest;
use crate::json::{any_form, lenient_text, read_body};
use crate::providers::revup::ids::{OrderId, TransactionId};
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// What a transaction does.
    pub enum TransactionType {
        /// It takes money.
        Payment = "payment",
        /// It gives money back.
        Refund = "refund",
        /// The customer's bank takes money back.
        Chargeback = "chargeback",
        /// The same, before there is a dispute.
        Rdr = "rdr",
        /// The customer's bank asks about a payment.
        InformationRequested = "information_requested",
    }
}

/// A notification about one transaction, once read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notification {
    /// The order of the transaction.
    pub order: OrderId,
    /// The transaction; of a chargeback, the payment's.
    pub transaction: TransactionId,
    /// What it does.
    pub kind: TransactionType,
    /// How it stands.
    pub status: TransactionStatus,
    at: Timestamp,
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
}

impl Notification {
    /// Reads a notification; nothing if it lacks what every notification has.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let body: Body = read_body(body)?;
        Some(Self {
            order: body.order_id,
            transaction: body.transaction_id,
            kind: body.transaction_type,
            status: body.transaction_status,
            at: body.notification_date.and_then(|it| Timestamp::parse_iso(&it)).unwrap_or_default(),
        })
    }

    /// When it was told, and what it says as a fingerprint: what tells a repeat.
    pub(crate) fn stamp(&self) -> (Timestamp, Digest) {
        let parts = [self.transaction.as_str(), self.kind.as_str(), self.status.as_str()];
        (self.at, Digest::of(parts.map(str::as_bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_names_its_order_its_transaction_and_how_that_stands() {
        let seen = Notification::read(
            br#"{"orderId":"o-1","transactionId":"T-1","transactionType":"REFUND","transactionStatus":"Failed","money":{"amount":"1.95"}}"#,
        );
        let seen = seen.unwrap();
        assert_eq!((seen.kind, seen.status), (TransactionType::Refund, TransactionStatus::Failed));
        for body in ["[]", "{}", r#"{"orderId":"o-1","transactionId":"t-1","transactionType":"refund"}"#] {
            assert!(Notification::read(body.as_bytes()).is_none(), "{body}");
        }
    }
}
