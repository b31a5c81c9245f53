//! Orders, outside of any flow: how one asks for a token or follows one, until when it can be paid, and whether it was.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::api::replies::TransactionStatus;
use super::ids::TransactionId;
use crate::json::read_body;
use crate::time::{Millis, Timestamp};
use crate::value::open_enum;

open_enum! {
    /// Where an order stands in a series of payments on one token.
    pub enum Sequence {
        /// The first: it makes the token.
        Initial = "initial",
        /// One that follows.
        Recurring = "recurring",
        /// The last: its token can never be used again.
        Final = "final",
    }
}

/// The fields of an order that make a token or use one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Recurrence {
    /// Whether the payment makes a token.
    pub generate_token: Option<bool>,
    /// Where the order stands in its series.
    pub sequence: Option<Sequence>,
    /// The days between two payments.
    pub min_period: Option<i64>,
    /// The transaction of the first order, which has succeeded.
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
    pub fn check(&self) -> Result<(), OrderError> {
        let follows = match &self.sequence {
            Some(Sequence::Unknown(_)) => {
                return Err(OrderError { pointer: "/sequence", reason: "is none of initial, recurring and final" });
            }
            Some(Sequence::Recurring | Sequence::Final) => true,
            Some(Sequence::Initial) | None => false,
        };
        if self.min_period.is_some_and(|days| days < 1) {
            return Err(OrderError { pointer: "/minPeriod", reason: "is less than a day" });
        }
        if follows && self.parent_transaction_id.is_none() {
            return Err(OrderError {
                pointer: "/parentTransactionId",
                reason: "is missing: the order follows another",
            });
        }
        Ok(())
    }
}

/// What the reply to the payment of an order says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Paid {
    /// The payment succeeded.
    Success,
    /// It failed: any other HTTP status than 200 says so too.
    Failed,
    /// It is under way: a notification, or the lookup of the transaction, tells its end.
    Open,
}

impl Paid {
    /// Reads the reply to `POST /orders/{orderId}/pay`. A 200 proves nothing by itself.
    pub fn read(status: u16, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(alias = "transactionStatus")]
            status: TransactionStatus,
        }
        if status != 200 {
            return Self::Failed;
        }
        match read_body::<Answer>(body).map(|it| it.status) {
            Some(TransactionStatus::Success) => Self::Success,
            Some(TransactionStatus::Failed) => Self::Failed,
            _ => Self::Open,
        }
    }
}

/// The instant at which an order that was not paid is gone.
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
    fn an_order_that_follows_names_the_first() {
        assert_eq!(field(r#"{"generateToken":true,"sequence":"initial","minPeriod":30}"#), None);
        assert_eq!(field(r#"{"sequence":"recurring"}"#), Some("/parentTransactionId"));
        assert_eq!(field(r#"{"sequence":"final","parentTransactionId":"t-1"}"#), None);
        assert_eq!(field(r#"{"sequence":"weekly"}"#), Some("/sequence"));
        assert_eq!(field(r#"{"minPeriod":0}"#), Some("/minPeriod"));
    }

    #[test]
    fn only_the_status_in_a_good_answer_says_paid() {
        assert_eq!(Paid::read(200, br#"{"status":"success"}"#), Paid::Success);
        assert_eq!(Paid::read(200, br#"{"status":"in_process"}"#), Paid::Open);
        assert_eq!(Paid::read(200, br#"{"status":"failed"}"#), Paid::Failed);
        assert_eq!(Paid::read(200, b"ok"), Paid::Open);
        assert_eq!(Paid::read(201, br#"{"status":"success"}"#), Paid::Failed);
    }

    #[test]
    fn an_order_lasts_an_hour() {
        assert_eq!(expires_at(Timestamp::from_millis(1)), Timestamp::from_millis(3_600_001));
    }
}
