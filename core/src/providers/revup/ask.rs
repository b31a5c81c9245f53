//! Questions to Revup's pure modules.

use alloc::format;
use alloc::string::String;

use serde::Serialize;

use super::api::replies::TransactionStatus;
use super::callback::{Callback, Parent};
use super::order::{Paid, Recurrence};
use crate::json::Malformed;
use crate::providers::question::questions;

#[derive(Serialize)]
struct Seen {
    status: TransactionStatus,
    open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Parent>,
}

impl From<Callback> for Seen {
    fn from(seen: Callback) -> Self {
        Self { open: seen.is_open(), status: seen.status, parent: seen.parent }
    }
}

questions! {
    /// What a payment's callback says: its status, whether it is still open, and the ids with which a subscription is made on
    /// its token.
    read_callback { body: String } =>
        Callback::read(body.as_bytes()).map(Seen::from).ok_or_else(|| Malformed::new("/body", "is no callback of Revup's"));

    /// What the reply to `POST /orders/{orderId}/pay` says of the payment.
    read_pay { status: u16, body: String } => Ok(Paid::read(status, body.as_bytes()));

    /// Whether an order of a recurring payment is one that Revup would take: `true`, or the error that names the field.
    check_order { order: Recurrence } => match order.check() {
        Ok(()) => Ok(true),
        Err(wrong) => Err(Malformed::new(format!("/order{}", wrong.pointer), wrong.reason)),
    };
}
