//! The calls that show and cancel a subscription.

use serde_json::{Value, json};

use super::errors::{invalid, no_subscription, refuse};
use super::money::amount;
use super::state::{Payment, Revup, Status, Subscription};
use super::{events, life};
use crate::provider::Reply;
use crate::time::iso;
use crate::world::{Call, Context};

pub(super) fn retrieve(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    match revup.subscription(&call.account, call.parameter("id")) {
        Some(it) => {
            let reply = Reply::json(200, &shown(it, context));
            let pending = it.status == Status::Pending;
            if pending {
                reply.inferred("the status before the initial payment is not in the documents")
            } else {
                reply
            }
        }
        None => no_subscription(),
    }
}

fn shown(it: &Subscription, context: &Context<'_>) -> Value {
    let status = match it.status {
        Status::Pending => context.reading("pending-status"),
        other => other.name(),
    };
    json!({"id": it.id, "planId": it.plan, "status": status, "cycle": it.cycle, "createdAt": iso(it.created)})
}

pub(super) fn payments(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let Some(subscription) = revup.subscription(&call.account, call.parameter("id")) else {
        return no_subscription().inferred("the page of this call lists no refusal but 0900");
    };
    let query = call.query();
    let number = |name: &str, default: usize| {
        query.get(name).and_then(|value| value.parse().ok()).filter(|number| *number > 0).unwrap_or(default)
    };
    let (page, size) = (number("page", 1), number("pageSize", 10).min(1_000));
    let all = &subscription.payments;
    let start = page.saturating_sub(1).saturating_mul(size).min(all.len());
    let wanted = all.iter().skip(start).take(size);
    let payments: Vec<Value> = wanted.map(|it| payment(revup, subscription, it, context)).collect();
    let pagination = json!({"totalRecords": all.len(), "currentPage": page, "pageSize": size,
        "totalPages": all.len().div_ceil(size)});
    Reply::json(200, &json!({"payments": payments, "pagination": pagination}))
}

fn payment(revup: &Revup, subscription: &Subscription, it: &Payment, context: &Context<'_>) -> Value {
    let status = match it.status {
        "scheduled" => context.reading("scheduled-payment-status"),
        other => other,
    };
    let mut shown = json!({
        "paymentId": it.id,
        "paymentType": it.kind,
        "paymentCycle": it.cycle,
        "numAttempt": it.attempt,
        "status": status,
        "dueDate": iso(it.due),
        "cycleReferenceDate": iso(it.reference),
        "amount": amount(it.minor, &subscription.currency),
        "currency": subscription.currency,
    });
    let transactions = it.transactions.iter().filter_map(|id| revup.transactions.get(id));
    let transactions: Vec<Value> =
        transactions.map(|it| json!({"transactionId": it.id, "transactionDate": iso(it.created)})).collect();
    if !transactions.is_empty() {
        shown["transactions"] = json!(transactions);
    }
    shown
}

pub(super) fn cancel(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id");
    let detail = call.json.get("cancellationDetail").cloned().unwrap_or_default();
    if revup.subscription(&call.account, id).is_none() {
        return no_subscription();
    }
    let length = detail.as_str().map(|text| text.chars().count());
    if !detail.is_null() && length.is_none_or(|length| length > 25) {
        let message = "cancellationDetail must be a text of at most 25 characters.";
        return invalid("revup.cancel.detail-max-25", message);
    }
    let cancelled = life::cancel(revup, id, "merchant_api", detail, context);
    if cancelled && context.reading("cancelled-after-request") == "true" {
        events::plain(revup, id, "subscription.cancelled", "merchant", context);
    }
    let Some(it) = revup.subscription(&call.account, id) else { return no_subscription() };
    if !cancelled && (context.reading("cancel-again") == "refused" || it.status == Status::Archived) {
        let why = "no refusal of a second cancellation is listed";
        return refuse(400, "0207", "revup.cancel.not-when-terminal", "This subscription has ended.").inferred(why);
    }
    let mut shown = shown(it, context);
    shown["modifiedAt"] = json!(iso(it.modified));
    shown["cancellation"] = it
        .cancellation
        .as_ref()
        .map_or(Value::Null, |it| json!({"reason": it.reason, "detail": it.detail, "requestedAt": iso(it.at)}));
    let reply = Reply::json(200, &shown);
    if cancelled { reply } else { reply.inferred("the reply to a second cancellation is not said") }
}
