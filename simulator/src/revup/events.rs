//! Events of subscriptions, with the spelling of their samples. Nothing signs them.

use serde_json::{Value, json};

use super::POST;
use super::money::money;
use super::state::{Payment, PaymentOf, Revup, Subscription, Transaction, redirect};
use crate::time::{date, iso};
use crate::world::{Context, Endpoint, Sending};

/// The events whose samples spell the time `ocurredAt`.
const MISSPELT: [&str; 3] = ["subscription.created", "subscription.paused", "subscription.resumed"];

/// An event whose originator is a payment.
pub(super) fn payment(revup: &Revup, of: &PaymentOf, event: &str, context: &mut Context<'_>) {
    let Some((subscription, payment)) = found(revup, of) else { return };
    let last = payment.transactions.last().and_then(|id| revup.transactions.get(id));
    let attempt = |it: &&Transaction| last.is_some_and(|last| last.attempt == it.attempt);
    let tried = payment.transactions.iter().filter_map(|id| revup.transactions.get(id)).filter(attempt);
    let shown = |it: &Transaction| {
        json!({"transactionId": it.id, "transactionCreationDate": iso(it.created), "transactionStatus": it.status,
            "isFallback": it.fallback})
    };
    let mut data = described(subscription, payment);
    data["orderId"] = json!(payment.order);
    data["transactions"] = tried.map(shown).collect();
    if let Some(status) = last.map(|it| it.status).filter(|_| payment.status == "scheduled") {
        data["status"] = json!(if status == "success" { "accepted" } else { "failed" });
    }
    match event {
        // The samples of these two lack a member each.
        "subscription.created" => drop(data.as_object_mut().and_then(|data| data.remove("cycle"))),
        "subscription.cancelled" => drop(data.as_object_mut().and_then(|data| data.remove("orderId"))),
        _ => {}
    }
    send(subscription, event, json!({"type": "payment", "data": data}), context);
}

/// An event of a refund or a dispute, with all transactions of this kind.
pub(super) fn money_back(
    revup: &Revup,
    of: &PaymentOf,
    (event, originator): (&str, &str),
    kinds: &[&str],
    context: &mut Context<'_>,
) {
    let Some((subscription, payment)) = found(revup, of) else { return };
    let belongs = |it: &&Transaction| {
        let refund = it.kind == "refund";
        kinds.contains(&it.kind)
            && it.parent.as_ref().is_some_and(|parent| payment.transactions.contains(parent))
            && (!refund || it.status == "success")
    };
    let mut transactions: Vec<&Transaction> = revup.transactions.values().filter(belongs).collect();
    transactions.sort_by_key(|it| it.nth);
    let shown = |it: &&Transaction| {
        let mut shown = json!({"transactionId": it.id, "transactionCreationDate": iso(it.created),
            "transactionStatus": it.status, "transactionType": it.kind, "money": money(it.minor, &it.currency)});
        if it.kind != "refund" {
            shown["chargebackInfo"] = chargeback_info();
        }
        shown
    };
    let mut data = described(subscription, payment);
    data["transactions"] = transactions.iter().map(shown).collect();
    send(subscription, event, json!({"type": originator, "data": data}), context);
}

/// An event whose originator is a person.
pub(super) fn plain(revup: &Revup, id: &str, event: &str, by: &str, context: &mut Context<'_>) {
    let Some(subscription) = revup.subscriptions.get(id) else { return };
    send(subscription, event, json!({"type": by, "data": {}}), context);
}

pub(super) fn chargeback_info() -> Value {
    json!({"reasonCode": "10.1", "description": "Chip Liability Shift", "category": "category"})
}

fn found<'a>(revup: &'a Revup, of: &PaymentOf) -> Option<(&'a Subscription, &'a Payment)> {
    let subscription = revup.subscriptions.get(&of.subscription)?;
    Some((subscription, subscription.payments.iter().find(|payment| payment.id == of.payment)?))
}

fn described(subscription: &Subscription, payment: &Payment) -> Value {
    json!({
        "paymentId": payment.id,
        "type": payment.kind,
        "status": payment.status,
        "cycle": payment.cycle,
        "attempt": payment.attempt,
        "money": money(payment.minor, &subscription.currency),
    })
}

fn send(subscription: &Subscription, event: &str, originator: Value, context: &mut Context<'_>) {
    let mut body = json!({
        "eventId": context.id("event", None).uuid(),
        "eventType": event,
        "originator": originator,
        "data": snapshot(subscription, event),
    });
    let misspelt = MISSPELT.contains(&event) && context.reading("event-spelling") == "as-sampled";
    body[if misspelt { "ocurredAt" } else { "occurredAt" }] = json!(iso(context.now));
    if event == "subscription.created" {
        as_sampled(&mut body, subscription, context);
    }
    let url = subscription.body.get("eventSubscriptionUrl").and_then(Value::as_str).unwrap_or_default();
    context.webhook_to(url, event, body, POST);
}

/// The subscription as an event shows it.
fn snapshot(subscription: &Subscription, event: &str) -> Value {
    let mut data = json!({
        "subscriptionId": subscription.id,
        "planId": subscription.plan,
        "status": subscription.status.name(),
        "cycle": subscription.cycle,
        "createdAt": iso(subscription.created),
        "modifiedAt": iso(subscription.modified),
    });
    let shows_next = matches!(event, "subscription.created" | "subscription.updated");
    if let Some(next) = subscription.scheduled().filter(|_| shows_next) {
        let money = money(next.minor, &subscription.currency);
        data["nextPayment"] = json!({"scheduledFor": iso(next.due), "type": next.kind, "money": money});
    }
    if let Some(it) = &subscription.cancellation {
        data["cancellation"] = json!({"reason": it.reason, "detail": it.detail, "requestedAt": iso(it.at)});
    }
    data
}

/// The sample of `subscription.created` differs from all others: capitals, a date, and numbers that begin at 1.
fn as_sampled(body: &mut Value, subscription: &Subscription, context: &Context<'_>) {
    if context.reading("created-capitals") == "true" {
        let values = [
            "/originator/type",
            "/originator/data/type",
            "/originator/data/status",
            "/data/status",
            "/data/nextPayment/type",
        ];
        for pointer in values {
            if let Some(value) = body.pointer_mut(pointer) {
                *value = json!(value.as_str().unwrap_or_default().to_uppercase());
            }
        }
    }
    if context.reading("created-next-payment") == "date"
        && let Some(next) = subscription.scheduled()
    {
        body["data"]["nextPayment"]["scheduledFor"] = json!(date(next.due));
    }
    if context.reading("created-counts-from") == "1" {
        body["data"]["cycle"] = json!(1);
        body["originator"]["data"]["attempt"] = json!(1);
    }
    let user = subscription.body.get("userInformation");
    if let Some(email) = user.map(|it| &it["email"]).filter(|it| it.is_string()) {
        body["data"]["customer"] = json!({"email": email});
    }
}

/// Events, notifications and callbacks are JSON without a signature.
pub(super) fn sign(sending: &Sending<'_>, _: &Endpoint) -> (Vec<(String, String)>, Vec<u8>) {
    (Vec::new(), sending.data.to_string().into_bytes())
}

/// Where the browser goes when a payment has this status.
pub(super) fn leads_to(body: &serde_json::Map<String, Value>, status: &str) -> Option<String> {
    redirect(body, if status == "failed" { "fail" } else { "success" })
}
