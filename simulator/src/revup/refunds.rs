//! Transactions: lookups, refunds and disputes.

use serde_json::{Value, json};

use super::errors::{guess, refuse};
use super::money::{self, money};
use super::state::{Revup, Transaction};
use super::{REFUND, events, life, notify, orders, page, read};
use crate::provider::Reply;
use crate::time::iso;
use crate::world::{Call, Context};

pub(super) fn retrieve(revup: &mut Revup, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    match revup.transaction(&call.account, call.parameter("transactionId")) {
        Some(transaction) => Reply::json(200, &shown(revup, transaction)),
        None => guess("0108", "revup.transaction.exists", "Transaction Not Found"),
    }
}

pub(super) fn list(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let Some(order) = revup.order(&call.account, call.parameter("orderId"), context.now) else {
        return guess("0300", "revup.order.exists", "There is no such order, or it was deleted after an hour.");
    };
    let all = order.transactions.iter().filter_map(|id| revup.transactions.get(id));
    let list = json!(all.map(|it| shown(revup, it)).collect::<Vec<_>>());
    Reply::json(200, &list).inferred("the list is described, but its sample is not visible")
}

fn shown(revup: &Revup, it: &Transaction) -> Value {
    let body = revup.orders.get(&it.order).map(|order| &order.body);
    let text = |name: &str| body.and_then(|body| body.get(name)).cloned().unwrap_or_default();
    json!({
        "transactionId": it.id,
        "mid": notify::mid(it),
        "transactionType": it.kind,
        "transactionStatus": it.status,
        "creationDate": iso(it.created),
        "modifiedDate": iso(it.modified),
        "order": {
            "orderId": it.order,
            "money": money(it.minor, &it.currency),
            "description": text("description"),
            "concept": text("concept"),
        },
    })
}

pub(super) fn refund(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    requested(revup, call, context).unwrap_or_else(|refused| refused)
}

fn requested(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    let found = revup.transaction(&call.account, call.parameter("transactionId")).cloned();
    let missing = || refuse(400, "0108", "revup.transaction.exists", "Transaction Not Found");
    let payment = found.ok_or_else(missing)?;
    let (minor, currency) = read::money(&call.json, "revup.refund.money").map_err(|mut refused| {
        refused.inferred = None;
        refused
    })?;
    if currency != payment.currency {
        let message = format!("Invalid Currency: the payment was made in {}.", payment.currency);
        return Err(refuse(400, "0307", "revup.refund.currency", message));
    }
    let reason = call.json.get("reason").cloned().unwrap_or_default();
    let id = begin(revup, &payment, minor, &reason, context)?;
    let status = revup.transactions.get(&id).map_or("failed", |it| it.status);
    let name = if context.reading("refund-reply-names") == "payment" { &payment.id } else { &id };
    let mut body = json!({"transactionId": name, "transactionStatus": status, "money": money(minor, &currency),
        "reason": reason});
    if status == "failed" {
        body["error"] = json!({"code": "0102", "message": "Authorization Failed"});
        return Ok(Reply::json(400, &body).inferred("the reply of a failed refund is described, but not shown"));
    }
    body["operationResult"] = json!({"chargedAmount": money(minor, &currency)});
    Ok(Reply::json(200, &body))
}

/// Refunds a part of a payment, and returns the id of the new transaction.
pub(super) fn begin(
    revup: &mut Revup,
    payment: &Transaction,
    minor: i64,
    reason: &Value,
    context: &mut Context<'_>,
) -> Result<String, Reply> {
    let rule = "revup.refund.only-successful-payment";
    if payment.kind != "payment" || payment.status != "success" {
        return Err(refuse(400, "0207", rule, "Transaction Not Permitted: this is not a successful payment."));
    }
    let left = payment.minor.saturating_sub(revup.refunded(&payment.id));
    if minor > left {
        let left = money::shown(left, &payment.currency);
        let message = format!("Transaction Not Permitted: only {left} of this payment can be refunded.");
        return Err(guess("0207", "revup.refund.sum", message).source(page::REFUND));
    }
    let fails = core::mem::take(&mut revup.refund_fails);
    let later = context.reading("refund-settles") == "later";
    let status = match (fails, later) {
        (true, _) => "failed",
        (false, true) => "in_process",
        (false, false) => "success",
    };
    let id = follow(revup, payment, ("refund", status, minor), reason, context);
    match status {
        "in_process" => context.after(REFUND, json!({"settle": id})),
        _ => settled(revup, &id, context),
    }
    Ok(id)
}

/// Adds a transaction that follows a payment: a refund or a dispute.
fn follow(
    revup: &mut Revup,
    payment: &Transaction,
    (kind, status, minor): (&'static str, &'static str, i64),
    reason: &Value,
    context: &mut Context<'_>,
) -> String {
    let id = context.id("transaction", None).uuid();
    let transaction = Transaction {
        nth: revup.next_number(),
        id: id.clone(),
        kind,
        status,
        minor,
        created: context.now,
        modified: context.now,
        fallback: payment.fallback,
        parent: Some(payment.id.clone()),
        reason: reason.clone(),
        token: None,
        ..payment.clone()
    };
    if let Some(order) = revup.orders.get_mut(&payment.order) {
        order.transactions.push(id.clone());
    }
    revup.transactions.insert(id.clone(), transaction);
    id
}

/// A refund has its result.
pub(super) fn settled(revup: &mut Revup, id: &str, context: &mut Context<'_>) {
    notify::notification(revup, id, context);
    let Some(refund) = revup.transactions.get(id).filter(|it| it.status == "success") else { return };
    if let Some(of) = refund.payment.clone() {
        let event = ("subscription.payment.refunded", "payment_refunded");
        events::money_back(revup, &of, event, &["refund"], context);
    }
}

/// A bank disputes a payment.
pub(super) fn dispute(
    revup: &mut Revup,
    payment: &Transaction,
    kind: &'static str,
    success: bool,
    context: &mut Context<'_>,
) -> String {
    let status = if success { "success" } else { "failed" };
    let id = follow(revup, payment, (kind, status, payment.minor), &json!(null), context);
    notify::notification(revup, &id, context);
    let Some(of) = payment.payment.clone() else { return id };
    let plan = revup.subscriptions.get(&of.subscription).map(|it| revup.plan(&it.plan)).unwrap_or_default();
    let kinds = ["chargeback", "rdr", "information_requested"];
    let cancels = plan.cancels_on_dispute && kind != "information_requested" && success;
    // The event of the cancellation replaces the one of the dispute.
    let event = if cancels && life::cancel(revup, &of.subscription, "dispute", json!(null), context) {
        "subscription.cancelled"
    } else {
        "subscription.payment.disputed"
    };
    events::money_back(revup, &of, (event, "payment_disputed"), &kinds, context);
    id
}

/// The last successful payment of an order, a subscription or a transaction.
pub(super) fn paid(revup: &Revup, id: &str) -> Option<Transaction> {
    let belongs = |it: &&Transaction| {
        let of = it.payment.as_ref().is_some_and(|of| of.subscription == id || of.payment == id);
        it.kind == "payment" && it.status == "success" && (it.id == id || it.order == id || of)
    };
    revup.transactions.values().filter(belongs).max_by_key(|it| it.nth).cloned()
}

/// The transaction of an order that waits for the customer.
pub(super) fn waiting(revup: &Revup, order: &str) -> Option<String> {
    let order = revup.orders.get(order).filter(|order| orders::paid(revup, order))?;
    let waits = |id: &&String| revup.transactions.get(*id).is_some_and(|it| it.status == "waiting_user_interaction");
    order.transactions.iter().find(waits).cloned()
}
