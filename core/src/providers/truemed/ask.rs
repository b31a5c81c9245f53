//! Questions about Truemed that need no flow.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::api::list::{ListPaymentSessions, ListPaymentTokens, Page};
use super::api::order::OrderItem;
use super::eligibility::needs_update;
use super::payment_token::PaymentToken;
use crate::config::truemed::Settings;
use crate::json::Malformed;
use crate::providers::question::questions;
use crate::snapshot::{LoadError, Snapshot};
use crate::value::RawJson;

questions! {
    /// Whether the wanted items differ from the items that the customer qualified for. If so, an update is needed.
    needs_update { confirmed: Vec<OrderItem>, wanted: Vec<OrderItem> } => Ok(needs_update(&confirmed, &wanted));

    /// How these items compare with the confirmed items of a `truemed.payment_token`: `covered`, `pending`,
    /// `update_required` or `unknown`.
    coverage { snapshot: RawJson, order_items: Vec<OrderItem> } => {
        let snapshot = Snapshot::<PaymentToken>::load(snapshot.as_str());
        let malformed = |error: LoadError| Malformed::new(format!("/snapshot{}", error.pointer()), format!("{error}"));
        snapshot.map_err(malformed).map(|it| it.coverage(&order_items))
    };

    /// The request that lists payment tokens. `query` has Truemed's own parameters.
    list_payment_token { query: ListPaymentTokens, #[serde(default)] settings: Settings } =>
        query.request(&settings).map_err(|error| query_error(error.pointer, error.reason));

    /// The request that lists payment sessions. `query` has Truemed's own parameters.
    list_payment_session { query: ListPaymentSessions, #[serde(default)] settings: Settings } =>
        query.request(&settings).map_err(|error| query_error(error.pointer, error.reason));

    /// Reads the reply to a list request: its entries, and which page it is.
    read_list { body: String } =>
        Page::read(body.as_bytes()).ok_or_else(|| Malformed::new("/body", "is not a list of tokens or sessions"));
}

fn query_error(field: &str, reason: &str) -> Malformed {
    Malformed::new(format!("/query{field}"), reason)
}
