//! Questions to Truemed's pure modules.

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
    /// Whether the items that are wanted differ from those that the customer qualified for, so that an update is due.
    needs_update { confirmed: Vec<OrderItem>, wanted: Vec<OrderItem> } => Ok(needs_update(&confirmed, &wanted));

    /// How these items stand to what a `truemed.payment_token` has confirmed: `covered`, `pending`, `update_required` or `unknown`.
    coverage { snapshot: RawJson, order_items: Vec<OrderItem> } => {
        let snapshot = Snapshot::<PaymentToken>::load(snapshot.as_str());
        let wrong = |wrong: LoadError| Malformed::new(format!("/snapshot{}", wrong.pointer()), format!("{wrong}"));
        snapshot.map_err(wrong).map(|it| it.coverage(&order_items))
    };

    /// The request that lists payment tokens, `query` being Truemed's own parameters.
    list_payment_token { query: ListPaymentTokens, #[serde(default)] settings: Settings } =>
        query.request(&settings).map_err(|wrong| of_query(wrong.pointer, wrong.reason));

    /// The request that lists payment sessions, `query` being Truemed's own parameters.
    list_payment_session { query: ListPaymentSessions, #[serde(default)] settings: Settings } =>
        query.request(&settings).map_err(|wrong| of_query(wrong.pointer, wrong.reason));

    /// What the answer to a list says: its entries, and which page it is.
    read_list { body: String } =>
        Page::read(body.as_bytes()).ok_or_else(|| Malformed::new("/body", "is no list of Truemed's"));
}

fn of_query(field: &str, reason: &str) -> Malformed {
    Malformed::new(format!("/query{field}"), reason)
}
