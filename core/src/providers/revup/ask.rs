//! Questions that Revup answers without a snapshot.

use alloc::format;
use alloc::string::String;

use serde::Serialize;

use super::api::replies::TransactionStatus;
use super::callback::{Callback, Parent};
use super::order::PayReply;
use super::token_order::{OrderReply, TokenOrder};
use crate::config::revup::Settings;
use crate::json::Malformed;
use crate::providers::checked::RequestResult;
use crate::providers::question::questions;

#[derive(Serialize)]
struct CallbackAnswer {
    status: TransactionStatus,
    open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Parent>,
}

impl From<Callback> for CallbackAnswer {
    fn from(callback: Callback) -> Self {
        Self { open: callback.is_open(), status: callback.status, parent: callback.parent }
    }
}

questions! {
    /// The contents of the callback of a payment: its status, whether it is still open, and the ids that create a
    /// subscription on its token.
    read_callback { body: String } =>
        Callback::read(body.as_bytes()).map(CallbackAnswer::from).ok_or_else(|| Malformed::new("/body", "is not a callback of Revup"));

    /// The request that creates the order whose payment makes a token, or the rules that it would break.
    create_token_order { order: TokenOrder, settings: Settings } => Ok(RequestResult::from(order.request(&settings)));

    /// What the reply to `POST /orders` says: the id of the order, that Revup refused it, or nothing.
    read_order { status: u16, body: String } => Ok(OrderReply::read(status, body.as_bytes()));

    /// What the reply to `POST /orders/{orderId}/pay` says about the payment.
    read_pay { status: u16, body: String } => Ok(PayReply::read(status, body.as_bytes()));

    /// Whether Revup would accept an order, of a recurring payment or any other: `true`, or the error that names the field.
    check_order { order: TokenOrder } => match order.check() {
        Ok(()) => Ok(true),
        Err(wrong) => Err(Malformed::new(format!("/order{}", wrong.pointer), wrong.reason)),
    };
}
