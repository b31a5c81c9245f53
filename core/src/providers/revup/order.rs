//! Orders, outside of any flow: the fields for a token, the time to pay, and the reply to the payment.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::api::replies::TransactionStatus;
use super::ids::TransactionId;
use crate::json::read_body;
use crate::time::{Millis, Timestamp};
use crate::value::open_enum;

open_enum! {
    /// The place of an order in a series of payments on one token.
    pub enum Sequence {
        /// The first order, which makes the token.
        Initial = "initial",
        /// A following order.
        Recurring = "recurring",
        /// The last order. Its token can never be used again.
        Final = "final",
    }
}

/// The fields of an order that make or use a token.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Recurrence {
    /// Whether the payment makes a token.
    pub generate_token: Option<bool>,
    /// The place of the order in its series.
    pub sequence: Option<Sequence>,
    /// The number of days between two payments.
    pub min_period: Option<i64>,
    /// The successful transaction of the first order.
    pub parent_transaction_id: Option<TransactionId>,
}

/// A field of an order that Revup would not accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("`{pointer}` {reason}")]
#[non_exhaustive]
pub struct OrderError {
    /// A JSON Pointer into the order.
    pub pointer: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Recurrence {
    /// The first field that Revup would not accept, if any.
    ///
    /// # Errors
    ///
    /// The field that contradicts the others.
    pub fn check(&self) -> Result<(), OrderError> {
        let is_following = match &self.sequence {
            Some(Sequence::Unknown(_)) => {
                return Err(OrderError { pointer: "/sequence", reason: "must be `initial`, `recurring` or `final`" });
            }
            Some(Sequence::Recurring | Sequence::Final) => true,
            Some(Sequence::Initial) | None => false,
        };
        if self.min_period.is_some_and(|days| days < 1) {
            return Err(OrderError { pointer: "/minPeriod", reason: "must be at least 1 day" });
        }
        if is_following && self.parent_transaction_id.is_none() {
            return Err(OrderError {
                pointer: "/parentTransactionId",
                reason: "is missing, but the order follows another one",
            });
        }
        Ok(())
    }
}

/// The result in the reply to the payment of an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PayReply {
    /// The payment succeeded.
    Success,
    /// The payment failed. Any status other than 200 of Revup means the same.
    Failed,
    /// The payment is not finished, or a failing server has replied. A notification or the lookup of the transaction shows its
    /// end. Until then, the customer must not pay again.
    Open,
}

impl PayReply {
    /// Reads the reply to `POST /orders/{orderId}/pay`. Status 200 alone proves nothing.
    pub fn read(status: u16, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            #[serde(alias = "transactionStatus")]
            status: TransactionStatus,
        }
        match status {
            200 => {}
            // Revup may have taken the money: what has failed is a server or a proxy.
            408 | 409 | 425 | 429 | 499 | 500.. => return Self::Open,
            _ => return Self::Failed,
        }
        match read_body::<Body>(body).map(|it| it.status) {
            Some(TransactionStatus::Success) => Self::Success,
            Some(TransactionStatus::Failed) => Self::Failed,
            _ => Self::Open,
        }
    }
}

/// When an unpaid order expires.
pub const fn expires_at(created: Timestamp) -> Timestamp {
    created.after(Millis::from_hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(json: &str) -> Option<&'static str> {
        serde_json::from_str::<Recurrence>(json).unwrap().check().err().map(|it| it.pointer)
    }

    #[test]
    fn a_following_order_names_the_first() {
        assert_eq!(field(r#"{"generateToken":true,"sequence":"initial","minPeriod":30}"#), None);
        assert_eq!(field(r#"{"sequence":"recurring"}"#), Some("/parentTransactionId"));
        assert_eq!(field(r#"{"sequence":"final","parentTransactionId":"t-1"}"#), None);
        assert_eq!(field(r#"{"sequence":"weekly"}"#), Some("/sequence"));
        assert_eq!(field(r#"{"minPeriod":0}"#), Some("/minPeriod"));
    }

    #[test]
    fn only_the_status_in_a_reply_with_200_shows_a_payment() {
        assert_eq!(PayReply::read(200, br#"{"status":"success"}"#), PayReply::Success);
        assert_eq!(PayReply::read(200, br#"{"status":"in_process"}"#), PayReply::Open);
        assert_eq!(PayReply::read(200, br#"{"status":"failed"}"#), PayReply::Failed);
        assert_eq!(PayReply::read(200, b"ok"), PayReply::Open);
        for status in [408, 499, 500, 502, 504] {
            assert_eq!(PayReply::read(status, b"<html>"), PayReply::Open);
        }
        assert_eq!(PayReply::read(400, b"{}"), PayReply::Failed);
        assert_eq!(PayReply::read(201, br#"{"status":"success"}"#), PayReply::Failed);
    }

    #[test]
    fn an_order_lasts_an_hour() {
        assert_eq!(expires_at(Timestamp::from_millis(1)), Timestamp::from_millis(3_600_001));
    }
}
