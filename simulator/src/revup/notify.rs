//! Notifications of transactions, and the callback with a payment's transactions.

use serde_json::{Map, Value, json};

use super::money::money;
use super::state::{Revup, Transaction};
use super::{POST, events};
use crate::time::iso;
use crate::world::Context;

/// Revup sends the transactions of an attempt to `redirectUrl`: to `success` while it is paid or in process.
pub(super) fn callback(revup: &Revup, id: &str, context: &mut Context<'_>) {
    let Some(last) = revup.transactions.get(id).filter(|it| it.status != "waiting_user_interaction") else { return };
    let Some(body) = redirects(revup, last, context) else { return };
    let Some(url) = events::leads_to(body, last.status) else { return };
    let Some(order) = revup.orders.get(&last.order) else { return };
    let of_attempt = |it: &&Transaction| it.kind == "payment" && it.attempt == last.attempt;
    let tried: Vec<&Transaction> =
        order.transactions.iter().filter_map(|id| revup.transactions.get(id)).filter(of_attempt).collect();
    let two = tried.len() > 1;
    let list: Vec<Value> = tried.iter().map(|it| item(revup, it, body, two)).collect();
    context.webhook_to(&url, "callback", json!(list), POST);
}

/// The request whose addresses the callback uses, where there is a callback.
fn redirects<'a>(revup: &'a Revup, last: &Transaction, context: &Context<'_>) -> Option<&'a Map<String, Value>> {
    let Some(of) = &last.payment else { return revup.orders.get(&last.order).map(|order| &order.body) };
    let subscription = revup.subscriptions.get(&of.subscription)?;
    let initial = subscription.payments.first().is_some_and(|payment| payment.id == of.payment);
    let by_token = subscription.body.contains_key("tokenId");
    let called = initial && (!by_token || context.reading("callback-of-token-payment") == "true");
    called.then_some(&subscription.body)
}

fn item(revup: &Revup, it: &Transaction, body: &Map<String, Value>, two: bool) -> Value {
    let text = |name: &str| body.get(name).cloned().unwrap_or_default();
    let mut item = json!({
        "orderId": it.order,
        "transactionId": it.id,
        "transactionStatus": it.status,
        "createdAt": iso(it.created),
        "mid": mid(it),
        "liabilityShift": false,
        "cardInfo": it.card.as_ref().map(super::card::Card::shown),
        "orderInfo": {
            "money": money(it.minor, &it.currency),
            "description": text("description"),
            "concept": text("concept"),
        },
    });
    let subscription = it.payment.as_ref().and_then(|of| revup.subscriptions.get(&of.subscription));
    let token = it.token.clone().or_else(|| subscription.and_then(|it| it.token.clone()));
    if let Some(token) = token.filter(|_| it.status == "success") {
        item["tokenId"] = json!(token);
    }
    if two {
        item["isFallback"] = json!(it.fallback);
    }
    item
}

/// The acquirer of a transaction.
pub(super) fn mid(it: &Transaction) -> Value {
    let (id, name) = if it.fallback {
        ("214f0c35-dc8a-42dd-828d-9576d967e008", "SimulatedFallback")
    } else {
        ("214f0c35-dc8a-42dd-828d-9576d967e007", "SimulatedSolution")
    };
    json!({"id": id, "providerApi": "simulator", "paymentSolution": name})
}

/// Revup notifies of a transaction: to the order's `notificationUrl`, or to the merchant's own addresses.
pub(super) fn notification(revup: &Revup, id: &str, context: &mut Context<'_>) {
    let Some(it) = revup.transactions.get(id).filter(|it| it.kind != "information_requested") else { return };
    if it.payment.is_some() && context.reading("subscription-notifications") == "false" {
        return;
    }
    // The notification of a chargeback names the original payment.
    let named = it.parent.as_ref().filter(|_| it.kind != "refund").unwrap_or(&it.id);
    let mut body = json!({
        "orderId": it.order,
        "transactionId": named,
        "transactionType": it.kind,
        "transactionStatus": it.status,
        "notificationDate": iso(context.now),
        "money": money(it.minor, &it.currency),
    });
    if it.status == "failed" && matches!(it.kind, "payment" | "refund") {
        body["error"] = json!({"code": "0102", "message": "Authorization Failed"});
    }
    if matches!(it.kind, "chargeback" | "rdr") {
        body["chargebackInfo"] = events::chargeback_info();
    }
    if it.status == "waiting_user_interaction" {
        body["action"] = json!({"url": context.url(&format!("/form/{}", it.order)), "method": "GET", "headers": {}});
    }
    let order = revup.orders.get(&it.order).filter(|_| it.payment.is_none());
    match order.and_then(|order| order.body.get("notificationUrl")).and_then(Value::as_str) {
        Some(url) => context.webhook_to(url, "notification", body, POST),
        None => context.webhook("notification", body, POST),
    };
}
