//! What a merchant asks of a subscription: change it, cancel it, preview a refund.

use serde_json::{Map, Value, json};

use super::billing;
use super::catalog::sellable;
use super::errors::invalid;
use super::period::Interval;
use super::refunds::{self, Booking};
use super::state::{Discount, Flex, Invoice, Item, Subscription};
use super::store::{Head, cents, given, text, unwrap, wrapped};
use super::{events, source};
use crate::provider::Reply;
use crate::time::{iso, parse};
use crate::world::{Call, Context};

/// A change that was checked.
struct Change {
    items: Option<Vec<(Item, Interval)>>,
    at_period_end: Option<bool>,
    cancel_at: Option<Option<i64>>,
    trial_end: Option<i64>,
    discount: Option<Discount>,
    proration: Option<String>,
}

pub(super) fn update(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let checked = unwrap(call, "subscription").and_then(|asked| check(flex, asked, &id, call, context));
    let change = match checked {
        Ok(change) => change,
        Err(refused) => return refused,
    };
    if let Some(metadata) = call.json.get("subscription").and_then(|asked| asked.get("metadata"))
        && let Some(subscription) = flex.subscriptions.get_mut(&id)
    {
        subscription.metadata = metadata.clone();
    }
    apply(flex, &id, change, context);
    events::tell::<Subscription>(flex, "customer.subscription.updated", &id, context);
    wrapped::<Subscription>(flex, &id, context)
}

fn check(
    flex: &Flex,
    asked: &Map<String, Value>,
    id: &str,
    call: &Call<'_>,
    context: &mut Context<'_>,
) -> Result<Change, Reply> {
    let subscription = flex.subscriptions.of(&call.account, id)?;
    if subscription.ended() {
        let message = format!("The subscription is {}. It cannot change.", subscription.status);
        return Err(invalid("subscription", "value_error", "flex.subscription.transition", message));
    }
    let time = |name: &str| match given(asked, name) {
        None => Ok(None),
        Some(value) => value.as_str().and_then(parse).map(Some).ok_or_else(|| {
            invalid(name, "value_error", "flex.subscription.time", format!("{name} must be a time in ISO 8601."))
        }),
    };
    let (cancel_at, trial_end) = (time("cancel_at")?, time("trial_end")?);
    let proration = text(asked, "proration_behavior").map(str::to_owned);
    if proration.as_ref().is_some_and(|it| !["always_invoice", "create_prorations", "none"].contains(&it.as_str())) {
        let message = "proration_behavior must be always_invoice, create_prorations or none.";
        return Err(invalid("proration_behavior", "enum", "flex.subscription.proration", message));
    }
    let discount = text(asked, "coupon").map(|id| super::cart::coupon(flex, id, &call.account)).transpose()?;
    Ok(Change {
        items: items(flex, asked, call, context)?,
        at_period_end: given(asked, "cancel_at_period_end").and_then(Value::as_bool),
        cancel_at: asked.contains_key("cancel_at").then_some(cancel_at),
        trial_end,
        discount,
        proration,
    })
}

/// The new items. An empty list changes nothing.
pub(super) fn items(
    flex: &Flex,
    asked: &Map<String, Value>,
    call: &Call<'_>,
    context: &mut Context<'_>,
) -> Result<Option<Vec<(Item, Interval)>>, Reply> {
    let list = asked.get("items").and_then(Value::as_array).filter(|list| !list.is_empty());
    let Some(list) = list else { return Ok(None) };
    let item = |asked: &Value| {
        let price = sellable(flex, &call.account, asked["price"].as_str().unwrap_or_default())?;
        let Some(interval) = Interval::read(&price.member("recurring")) else {
            let message = "An item of a subscription must have a recurring price.";
            return Err(invalid("items", "value_error", "flex.checkout.subscription-needs-recurring-price", message));
        };
        let quantity = asked["quantity"].as_i64().unwrap_or(1).max(1);
        let head = Head::new("fsubi", call.parameter("id"), &call.account, context);
        let unit = price.member("unit_amount").as_i64().unwrap_or(0);
        let (created, updated) = (head.created, head.created);
        Ok((Item { id: head.id, price: price.head.id.clone(), unit, quantity, created, updated }, interval))
    };
    list.iter().map(item).collect::<Result<Vec<_>, Reply>>().map(Some)
}

fn apply(flex: &mut Flex, id: &str, change: Change, context: &mut Context<'_>) {
    let coupon = change.discount.as_ref().and_then(Discount::id);
    if let Some(coupon) = coupon.and_then(|id| flex.coupons.get_mut(&id)) {
        super::offers::redeem(&mut coupon.body);
    }
    let Some(subscription) = flex.subscriptions.get_mut(id) else { return };
    subscription.at_period_end = change.at_period_end.unwrap_or(subscription.at_period_end);
    subscription.cancel_at = change.cancel_at.unwrap_or(subscription.cancel_at);
    subscription.discount = change.discount.or_else(|| subscription.discount.take());
    let proration = change.proration.unwrap_or_else(|| "create_prorations".into());
    subscription.proration.clone_from(&proration);
    if let Some(items) = change.items {
        let before = remaining(subscription, context);
        let interval = items.first().map_or(subscription.interval, |(_, interval)| *interval);
        let turns_now = interval != subscription.interval && subscription.status != "trialing";
        subscription.items = items.into_iter().map(|(item, _)| item).collect();
        subscription.interval = interval;
        let after = if turns_now { 0 } else { remaining(subscription, context) };
        if proration != "none" && subscription.status != "trialing" {
            subscription.pending = subscription.pending.saturating_add(after).saturating_sub(before);
        }
        if turns_now {
            // Another interval begins a period of its own at once.
            (subscription.anchor, subscription.turns, subscription.next) = (context.now, 0, context.now);
        } else if proration == "always_invoice" {
            billing::invoice_pending(flex, id, context);
        }
    }
    if let (Some(end), Some(subscription)) = (change.trial_end, flex.subscriptions.get_mut(id)) {
        let start = subscription.trial.map_or(context.now, |(start, _)| start);
        let end = end.max(context.now);
        (subscription.status, subscription.trial) = ("trialing", Some((start, end)));
        (subscription.anchor, subscription.turns) = (end, 0);
        (subscription.next, subscription.end) = (end, end);
    }
    billing::plan(flex, id, context);
}

/// What the rest of the current period is worth.
fn remaining(subscription: &Subscription, context: &Context<'_>) -> i64 {
    let price = subscription.price();
    portion(price, subscription, context)
}

fn portion(amount: i64, subscription: &Subscription, context: &Context<'_>) -> i64 {
    let whole = i128::from(subscription.end.saturating_sub(subscription.start)).max(1);
    let left = i128::from(subscription.end.saturating_sub(context.now)).clamp(0, whole);
    let part = i128::from(amount).saturating_mul(left).div_euclid(whole);
    i64::try_from(part).unwrap_or(0)
}

/// What a cancellation asks for.
struct Cancel {
    at_period_end: bool,
    refund: i64,
}

/// `DELETE /v1/subscriptions/{id}`. One page shows its body bare, another one within `subscription`.
pub(super) fn cancel(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let bare = context.reading("cancel-body") != "wrapped";
    let none = Map::new();
    let inner = call.json.get("subscription").and_then(Value::as_object);
    let asked = inner.unwrap_or(if bare { &call.json } else { &none });
    let cancel = match check_cancel(flex, asked, &id, call, context) {
        Ok(cancel) => cancel,
        Err(refused) => return refused,
    };
    if cancel.refund > 0 {
        let invoice = latest(flex, &id).and_then(|invoice| invoice.intent.clone()).unwrap_or_default();
        let reason = json!("requested_by_customer");
        refunds::book(flex, Booking { intent: &invoice, amount: cancel.refund, reason, ..Default::default() }, context);
    }
    if cancel.at_period_end {
        if let Some(subscription) = flex.subscriptions.get_mut(&id) {
            subscription.at_period_end = true;
        }
        events::tell::<Subscription>(flex, "customer.subscription.updated", &id, context);
    } else {
        billing::end(flex, &id, context);
    }
    let reply = wrapped::<Subscription>(flex, &id, context);
    if cancel.refund > 0 { reply.inferred("the values of `refund` beside none are not shown") } else { reply }
}

fn latest<'a>(flex: &'a Flex, id: &str) -> Option<&'a Invoice> {
    flex.invoices.get(flex.subscriptions.get(id)?.latest_invoice.as_ref()?)
}

fn check_cancel(
    flex: &Flex,
    asked: &Map<String, Value>,
    id: &str,
    call: &Call<'_>,
    context: &Context<'_>,
) -> Result<Cancel, Reply> {
    let subscription = flex.subscriptions.of(&call.account, id)?;
    if subscription.ended() {
        let message = format!("The subscription is {} already.", subscription.status);
        return Err(invalid("subscription", "value_error", "flex.subscription.transition", message));
    }
    let default = context.reading("cancel-default") == "period-end";
    let at_period_end = given(asked, "cancel_at_period_end").and_then(Value::as_bool).unwrap_or(default);
    let available = available(flex, id, context);
    let named = cents(asked, "refund_amount")?.filter(|amount| *amount > 0);
    let refund = match (text(asked, "refund").unwrap_or("none"), named) {
        ("none", None) => 0,
        ("none", Some(_)) => {
            let message = "refund_amount needs a refund other than none.";
            return Err(invalid("refund_amount", "value_error", "flex.subscription.cancel-refund", message));
        }
        (_, Some(amount)) => amount,
        ("full", None) => latest(flex, id).map_or(0, |invoice| refundable(flex, invoice)),
        (_, None) => available,
    };
    let most = latest(flex, id).map_or(0, |invoice| refundable(flex, invoice));
    if refund > most {
        let message = format!("Only {most} can be refunded.");
        return Err(invalid("refund_amount", "value_error", "flex.subscription.cancel-refund", message));
    }
    Ok(Cancel { at_period_end, refund })
}

/// What is left of the money of an invoice.
fn refundable(flex: &Flex, invoice: &Invoice) -> i64 {
    let intent = invoice.intent.as_ref().and_then(|id| flex.intents.get(id));
    intent.map_or(0, |intent| intent.received.saturating_sub(intent.refunded))
}

/// What a prorated refund of the current period comes to.
fn available(flex: &Flex, id: &str, context: &Context<'_>) -> i64 {
    let (Some(subscription), Some(invoice)) = (flex.subscriptions.get(id), latest(flex, id)) else { return 0 };
    portion(invoice.paid, subscription, context).min(refundable(flex, invoice))
}

/// `GET …/refund_preview`: the one reply without a key around it.
pub(super) fn refund_preview(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id");
    let subscription = match flex.subscriptions.of(&call.account, id) {
        Ok(subscription) => subscription,
        Err(refused) => return refused,
    };
    let card = subscription.card.as_ref().and_then(|card| flex.cards.get(card));
    Reply::json(
        200,
        &json!({
            "prorated_amount_available_to_refund": available(flex, id, context),
            "invoice_amount_paid": latest(flex, id).map_or(0, |invoice| invoice.paid),
            "current_period_start": iso(subscription.start),
            "current_period_end": iso(subscription.end),
            "payment_method_id": card.map(|card| &card.head.id),
            "last4": card.map(|card| &card.last4),
        }),
    )
}

/// `POST /v1/invoices/{id}/mark_uncollectible`: collection stops, and the subscription is unpaid.
pub(super) fn mark_uncollectible(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let invoice = match flex.invoices.of(&call.account, &id) {
        Ok(invoice) if invoice.status == "open" => invoice,
        Ok(invoice) => {
            let message = format!("The invoice is {}. Only an open one can be marked.", invoice.status);
            return invalid("invoice", "value_error", "flex.invoice.uncollectible-open", message)
                .source(source::INVOICE);
        }
        Err(refused) => return refused,
    };
    let of = invoice.subscription.clone();
    if let Some(invoice) = flex.invoices.get_mut(&id) {
        invoice.status = "uncollectible";
    }
    if let Some(subscription) = flex.subscriptions.get_mut(&of).filter(|subscription| !subscription.ended()) {
        subscription.status = "unpaid";
        events::tell::<Subscription>(flex, "customer.subscription.updated", &of, context);
    }
    wrapped::<Invoice>(flex, &id, context)
}
