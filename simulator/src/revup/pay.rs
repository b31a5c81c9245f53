//! Payments: attempts, their transactions, and what a known result leads to.

use serde_json::json;

use super::card::Card;
use super::state::{PaymentOf, Revup, Token, Transaction};
use super::{SETTLE, life, notify};
use crate::world::Context;

/// With which card a payment is made, and whether the customer is absent.
pub(super) struct Payer {
    pub(super) card: Card,
    pub(super) absent: bool,
}

/// Tries to charge a card for an order. Returns the transactions: one, or two with a fallback.
pub(super) fn attempt(
    revup: &mut Revup,
    order: &str,
    payment: Option<&PaymentOf>,
    payer: &Payer,
    context: &mut Context<'_>,
) -> Vec<String> {
    let Some(found) = revup.orders.get(order) else { return Vec::new() };
    let (mut minor, currency) = (found.minor, found.currency.clone());
    if let Some(payment) = payment.and_then(|of| revup.payment_mut(of)) {
        minor = payment.minor;
    }
    let attempt = revup.next_number();
    let mut ids = Vec::new();
    for (status, fallback) in payer.card.pay(payer.absent, context.now) {
        let id = context.id("transaction", None).uuid();
        let transaction = Transaction {
            nth: revup.next_number(),
            attempt,
            id: id.clone(),
            order: order.to_owned(),
            payment: payment.cloned(),
            kind: "payment",
            status,
            minor,
            currency: currency.clone(),
            created: context.now,
            modified: context.now,
            fallback: *fallback,
            parent: None,
            reason: json!(null),
            card: Some(payer.card.clone()),
            token: None,
        };
        if *status == "in_process" {
            context.after(SETTLE, json!({"settle": id}));
        }
        revup.transactions.insert(id.clone(), transaction);
        if let Some(order) = revup.orders.get_mut(order) {
            order.transactions.push(id.clone());
        }
        if let Some(payment) = payment.and_then(|of| revup.payment_mut(of)) {
            payment.transactions.push(id.clone());
        }
        ids.push(id);
    }
    ids
}

/// A transaction under way gets its result.
pub(super) fn settle(revup: &mut Revup, id: &str, success: bool, context: &mut Context<'_>) {
    let open = |it: &&mut Transaction| matches!(it.status, "in_process" | "waiting_user_interaction");
    let Some(transaction) = revup.transactions.get_mut(id).filter(open) else { return };
    // The callback of a payment in process was made before; its end is only notified.
    let callback = transaction.status == "waiting_user_interaction";
    transaction.status = if success { "success" } else { "failed" };
    transaction.modified = context.now;
    match transaction.kind {
        "refund" => super::refunds::settled(revup, id, context),
        _ => conclude(revup, &[id.to_owned()], callback, context),
    }
}

/// What the result of an attempt leads to: a token, notifications, a callback and the subscription's events.
pub(super) fn conclude(revup: &mut Revup, transactions: &[String], callback: bool, context: &mut Context<'_>) {
    let Some(last) = transactions.last().and_then(|id| revup.transactions.get(id)).cloned() else { return };
    if last.status == "success" {
        make_token(revup, &last, context);
    }
    if callback {
        notify::callback(revup, &last.id, context);
    }
    for id in transactions {
        notify::notification(revup, id, context);
    }
    if let Some(of) = &last.payment {
        life::attempted(revup, of, last.status, context);
    }
}

/// The first successful payment of an order that makes a token.
fn make_token(revup: &mut Revup, transaction: &Transaction, context: &mut Context<'_>) {
    let made = revup.orders.get(&transaction.order).filter(|order| order.makes_token);
    let (Some(order), Some(card)) = (made, transaction.card.clone()) else { return };
    if revup.tokens.values().any(|token| token.order == transaction.order) {
        return;
    }
    let subscription = order.payment.as_ref().map(|of| of.subscription.clone());
    let account = order.account.clone();
    let id = context.id("token", Some(&transaction.id)).uuid();
    let (order, transaction) = (transaction.order.clone(), transaction.id.clone());
    if let Some(subscription) = subscription.as_ref().and_then(|id| revup.subscriptions.get_mut(id)) {
        (subscription.token, subscription.card) = (Some(id.clone()), Some(card.clone()));
    }
    if let Some(transaction) = revup.transactions.get_mut(&transaction) {
        transaction.token = Some(id.clone());
    }
    revup.tokens.insert(id, Token { account, order, transaction, card, disabled: false, subscription });
}
