//! Questions about Truemed that need no flow.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::api::list::{
    ListCatalogItems, ListPaymentSessions, ListPaymentTokens, ListPayouts, ListQualificationSessions, ListTransactions,
    Page,
};
use super::api::order::OrderItem;
use super::catalog::{self, CartItem, CatalogItem, CatalogItemObject};
use super::eligibility::needs_update;
use super::payment_token::PaymentToken;
use crate::config::truemed::Settings;
use crate::json::Malformed;
use crate::providers::checked::RequestResult;
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

    /// The request that lists payouts. `query` has Truemed's own parameters.
    list_payout_reconciliation { query: ListPayouts, #[serde(default)] settings: Settings } =>
        query.request(&settings).map_err(|error| query_error(error.pointer, error.reason));

    /// The request that lists charges, refunds, fees and disputes. `query` has Truemed's own parameters.
    list_transaction_reconciliation { query: ListTransactions, #[serde(default)] settings: Settings } =>
        query.request(&settings).map_err(|error| query_error(error.pointer, error.reason));

    /// The request that lists qualification sessions. `query` has Truemed's own parameters.
    list_qualification_session { query: ListQualificationSessions, #[serde(default)] settings: Settings } =>
        query.request(&settings).map_err(|error| query_error(error.pointer, error.reason));

    /// The request that lists the items of the product catalog. `query` has Truemed's own parameters.
    list_catalog_items { query: ListCatalogItems, #[serde(default)] settings: Settings } =>
        query.request(&settings).map_err(|error| query_error(error.pointer, error.reason));

    /// The request that creates a catalog item, or the rules that it would break.
    create_catalog_item { item: CatalogItem, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(item.create(&settings)));

    /// The request that updates a catalog item, or the rules that it would break.
    update_catalog_item { item: CatalogItem, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(item.update(&settings)));

    /// The request that looks up a catalog item, or the rules that it would break.
    get_catalog_item { sku: String, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(catalog::detail(&sku, &settings)));

    /// The request that asks if Truemed's checkout takes a cart, or the rules that it would break. The reply is in no
    /// document, and only for the texts of the checkout page.
    check_truemed_checkout_method { items: Vec<CartItem>, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(catalog::checkout_method(&items, &settings)));

    /// A catalog item in the body of a reply or of Truemed's webhook. Without an `eligibility`, it is not eligible yet.
    read_catalog_item { body: String } =>
        CatalogItemObject::read(body.as_bytes())
            .ok_or_else(|| Malformed::new("/body", "is not a catalog item of Truemed"));

    /// Reads the reply to a list request: its entries, and which page it is.
    read_list { body: String } =>
        Page::read(body.as_bytes()).ok_or_else(|| Malformed::new("/body", "is not a list of Truemed"));
}

fn query_error(field: &str, reason: &str) -> Malformed {
    Malformed::new(format!("/query{field}"), reason)
}
