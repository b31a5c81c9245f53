//! The callback of the payment of an order: its status, and the three ids that create a subscription.
//!
//! Revup sends the callback unsigned to a page of the host. Only the lookup of its transaction is evidence.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::replies::TransactionStatus;
use super::ids::{OrderId, Token, TransactionId};
use crate::id::Digest;
use crate::json::{lenient, lenient_text, read_body};
use crate::time::Timestamp;

/// The contents of a callback: one or two transactions, in the order of their creation.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Callback {
    /// The status of the payment, which is the status of its last transaction.
    pub status: TransactionStatus,
    /// The ids that create a subscription, if the payment succeeded and made a token.
    pub parent: Option<Parent>,
    /// The order that was paid.
    pub order: Option<OrderId>,
    /// The last transaction.
    pub transaction: Option<TransactionId>,
    /// Whether the payment is not finished, or another transaction of it may have taken the money.
    is_open: bool,
    created_at: Timestamp,
}

/// The three ids that a subscription on a token needs, all from one transaction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Parent {
    /// The token.
    pub token_id: Token,
    /// The transaction that made the token.
    pub parent_transaction_id: TransactionId,
    /// The order that made the token.
    pub parent_order_id: OrderId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    transaction_status: TransactionStatus,
    #[serde(default, deserialize_with = "lenient")]
    transaction_id: Option<TransactionId>,
    #[serde(default, deserialize_with = "lenient")]
    order_id: Option<OrderId>,
    #[serde(default, deserialize_with = "lenient_text")]
    token_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    created_at: Option<String>,
}

impl Callback {
    /// Reads a callback. The result is `None` if the body is not an array of one or two transactions.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut items: Vec<Item> = read_body(body)?;
        let last = if items.len() > 2 { None } else { items.pop() }?;
        let status = last.transaction_status;
        // The order's list shows a payment as made if one of its transactions succeeded.
        let has_failed = |it: &Item| it.transaction_status == TransactionStatus::Failed;
        let is_over = status == TransactionStatus::Failed && items.iter().all(has_failed);
        let is_open = !(is_over || status == TransactionStatus::Success);
        let order = last.order_id.clone();
        let transaction = last.transaction_id.clone();
        let created_at = last.created_at.and_then(|it| Timestamp::parse_iso(&it)).unwrap_or_default();
        let parent = || {
            Some(Parent {
                token_id: Token::parse(last.token_id?).ok()?,
                parent_transaction_id: last.transaction_id?,
                parent_order_id: last.order_id?,
            })
        };
        let parent = if status == TransactionStatus::Success { parent() } else { None };
        Some(Self { status, parent, order, transaction, is_open, created_at })
    }

    /// The time of the last transaction, and a fingerprint of the contents. Both together recognize a repeat.
    pub(crate) fn stamp(&self) -> (Timestamp, Digest) {
        let transaction = self.transaction.as_ref().map_or("", |it| it.as_str());
        (self.created_at, Digest::of(["callback", transaction, self.status.as_str()].map(str::as_bytes)))
    }

    /// Whether the payment is not finished, or an earlier transaction may have taken the money although the last one failed:
    /// the customer must not pay again. The page that the customer was sent to says nothing about this.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn callback(body: &str) -> Option<Callback> {
        Callback::read(body.as_bytes())
    }

    #[test]
    fn the_last_transaction_counts_and_gives_all_three_ids() {
        let callback = callback(
            r#"[{"orderId":"o-1","transactionId":"t-1","transactionStatus":"failed","tokenId":"k-1"},
                {"orderId":"o-1","transactionId":"t-2","transactionStatus":"SUCCESS","tokenId":"k-2","isFallback":true}]"#,
        );
        let parent = callback.unwrap().parent.unwrap();
        assert_eq!(parent.parent_transaction_id.as_str(), "t-2");
        assert_eq!(parent.token_id.as_str(), "k-2");
        assert_eq!(parent.parent_order_id.as_str(), "o-1");
    }

    #[test]
    fn an_unfinished_payment_is_open_and_gives_no_token() {
        let callback =
            callback(r#"[{"orderId":"o-1","transactionId":"t-1","transactionStatus":"in_process","tokenId":"k-1"}]"#);
        let callback = callback.unwrap();
        assert!(callback.is_open() && callback.parent.is_none());
    }

    #[test]
    fn a_payment_has_failed_only_if_each_transaction_has() {
        for (first, is_open) in [("failed", false), ("success", true), ("in_process", true)] {
            let body = format!(r#"[{{"transactionStatus":"{first}"}},{{"transactionStatus":"failed"}}]"#);
            assert_eq!(callback(&body).unwrap().is_open(), is_open, "{first}");
        }
    }

    #[test]
    fn only_an_array_of_one_or_two_is_read() {
        for body in ["", "{}", "[]", "[{}]", r#"{"transactionStatus":"success"}"#] {
            assert!(callback(body).is_none(), "{body}");
        }
        let three =
            r#"[{"transactionStatus":"failed"},{"transactionStatus":"failed"},{"transactionStatus":"success"}]"#;
        assert!(callback(three).is_none());
    }
}
