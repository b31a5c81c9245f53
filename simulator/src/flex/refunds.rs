//! Refunds: of a session, of its items, or of a payment intent.

use serde_json::{Map, Value, json};

use super::errors::{invalid, missing};
use super::state::{Flex, Refund, Session};
use super::store::{Head, cents, given, text, unwrap, wrapped};
use super::{REFUND, events, payments, source};
use crate::provider::Reply;
use crate::world::{Call, Context};

const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer", "expired_uncaptured_charge"];

/// A refund that was checked.
#[derive(Debug, Default)]
pub(super) struct Booking<'a> {
    pub(super) intent: &'a str,
    pub(super) amount: i64,
    pub(super) reason: Value,
    pub(super) items: Value,
    pub(super) metadata: Value,
}

/// Opens a refund. The bank confirms it later.
pub(super) fn book(flex: &mut Flex, booking: Booking<'_>, context: &mut Context<'_>) -> String {
    let Some(intent) = flex.intents.get_mut(booking.intent) else { return String::new() };
    intent.refunded = intent.refunded.saturating_add(booking.amount);
    let (account, invoice, subscription) =
        (intent.head.account.clone(), intent.invoice.clone(), intent.subscription.clone());
    let session = intent.session.clone();
    let head = Head::new("fref", booking.intent, &account, context);
    let items = if booking.items.is_null() { json!([]) } else { booking.items };
    let refund = Refund {
        head,
        intent: booking.intent.into(),
        session: session.clone(),
        invoice,
        subscription,
        amount: booking.amount,
        status: "pending",
        reason: booking.reason,
        items,
        metadata: booking.metadata,
    };
    let id = flex.refunds.add(refund);
    if let Some(session) = session.and_then(|id| flex.sessions.get_mut(&id)) {
        session.refunds.push(id.clone());
    }
    events::tell::<Refund>(flex, "refund.created", &id, context);
    payments::charge_event(flex, "charge.refunded", booking.intent, context);
    context.after(REFUND, json!({"refund": id}));
    id
}

/// The bank confirms a refund, or sends the money back.
pub(super) fn settle(flex: &mut Flex, id: &str, good: bool, context: &mut Context<'_>) {
    let Some(refund) = flex.refunds.get_mut(id) else { return };
    let fits = if good { refund.status == "pending" } else { matches!(refund.status, "pending" | "succeeded") };
    if !fits {
        return;
    }
    refund.status = if good { "succeeded" } else { "failed" };
    if !good && let Some(intent) = flex.intents.get_mut(&refund.intent) {
        intent.refunded = intent.refunded.saturating_sub(refund.amount);
    }
    events::tell::<Refund>(flex, "refund.updated", id, context);
    events::tell::<Refund>(flex, "charge.refund.updated", id, context);
}

/// `POST /v1/refunds`.
pub(super) fn create(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let checked = unwrap(call, "refund").and_then(|asked| {
        let Some(id) = text(asked, "payment_intent_id") else {
            let message = "A refund must have a payment_intent_id.";
            return Err(missing("payment_intent_id", "flex.refund.payment-intent", message));
        };
        let intent = flex.intents.of(&call.account, id)?;
        let left = intent.received.saturating_sub(intent.refunded);
        let amount = cents(asked, "amount")?.unwrap_or(left);
        check_amount(amount, left)?;
        check_reason(asked)?;
        let (reason, metadata) = (asked.get("reason"), asked.get("metadata"));
        let (reason, metadata) = (reason.cloned().unwrap_or_default(), metadata.cloned().unwrap_or_default());
        Ok(Booking { intent: id, amount, reason, metadata, items: Value::Null })
    });
    match checked {
        Ok(booking) => {
            let id = book(flex, booking, context);
            wrapped::<Refund>(flex, &id, context)
        }
        Err(refused) => refused,
    }
}

fn check_amount(amount: i64, left: i64) -> Result<(), Reply> {
    if (1..=left).contains(&amount) {
        return Ok(());
    }
    let message = format!("{amount} cannot be refunded: {left} is left.");
    Err(invalid("amount", "value_error", "flex.refund.not-above-received", message).source(source::REFUND_GUIDE))
}

fn check_reason(asked: &Map<String, Value>) -> Result<(), Reply> {
    if given(asked, "reason").is_none_or(|reason| REASONS.iter().any(|known| reason == known)) {
        return Ok(());
    }
    Err(invalid("reason", "enum", "flex.refund.reason", format!("reason must be one of {}.", REASONS.join(", "))))
}

/// `PATCH /v1/refunds/{id}`: only `reason` and `metadata` change.
pub(super) fn update(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let checked = unwrap(call, "refund").and_then(|asked| {
        flex.refunds.of(&call.account, &id)?;
        check_reason(asked)?;
        Ok(asked)
    });
    let asked = match checked {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    if let Some(refund) = flex.refunds.get_mut(&id) {
        refund.reason = asked.get("reason").cloned().unwrap_or_else(|| refund.reason.clone());
        refund.metadata = asked.get("metadata").cloned().unwrap_or_else(|| refund.metadata.clone());
    }
    events::tell::<Refund>(flex, "refund.updated", &id, context);
    wrapped::<Refund>(flex, &id, context)
}

/// `POST /v1/checkout/sessions/{id}/refund`: an empty object refunds everything.
pub(super) fn of_session(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let (parts, items, metadata) = match asked(flex, call, &id) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    for (intent, amount) in parts {
        let (items, metadata) = (items.clone(), metadata.clone());
        let reason = json!("requested_by_customer");
        book(flex, Booking { intent: &intent, amount, reason, items, metadata }, context);
    }
    wrapped::<Session>(flex, &id, context)
}

/// `POST …/refund_allocation`: what each card would get back.
pub(super) fn preview(flex: &mut Flex, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    match asked(flex, call, call.parameter("id")) {
        Ok((parts, ..)) => allocations(flex, &parts),
        Err(refused) => refused,
    }
}

/// How amounts divide among cards.
pub(super) fn allocations(flex: &Flex, parts: &[(String, i64)]) -> Reply {
    let one = |(intent, amount): &(String, i64)| {
        let card = flex.intents.get(intent).and_then(|intent| flex.cards.get(intent.card.as_ref()?));
        json!({"payment_method_id": card.map(|card| &card.head.id), "last4": card.map(|card| &card.last4),
            "amount": amount})
    };
    Reply::json(200, &json!({"allocations": parts.iter().map(one).collect::<Vec<_>>()}))
}

/// The parts of a refund of a session: payment intents with their amounts.
type Parts = (Vec<(String, i64)>, Value, Value);

fn asked(flex: &Flex, call: &Call<'_>, id: &str) -> Result<Parts, Reply> {
    let none = Map::new();
    let body = call.json.get("checkout_session").and_then(Value::as_object).unwrap_or(&none);
    let session = flex.sessions.of(&call.account, id)?;
    if session.status != "complete" {
        let message = format!("The session is {}. Only a complete one can be refunded.", session.status);
        let refused = invalid("checkout_session", "value_error", "flex.refund.only-complete", message);
        return Err(refused.source(source::REFUND_GUIDE));
    }
    let items = body.get("line_items").and_then(Value::as_array).filter(|items| !items.is_empty());
    let amount = cents(body, "amount")?;
    if items.is_some() && amount.is_some() {
        let message = "Send either amount or line_items.";
        let refused = invalid("amount", "value_error", "flex.refund.amount-xor-items", message);
        return Err(refused.source(source::REFUND_GUIDE));
    }
    let left = |id: &str| flex.intents.get(id).map_or(0, |intent| intent.received.saturating_sub(intent.refunded));
    let all: i64 = session.intents.iter().map(|id| left(id)).sum();
    let extra = cents(body, "amount_tax")?.unwrap_or(0).saturating_add(cents(body, "amount_shipping")?.unwrap_or(0));
    let extra = extra.saturating_sub(cents(body, "amount_discount")?.unwrap_or(0));
    let whole = match (items, amount) {
        (Some(items), _) => of_items(session, items)?.saturating_add(extra),
        (None, Some(amount)) => amount,
        (None, None) if extra != 0 => extra,
        (None, None) => all,
    };
    check_amount(whole, all)?;
    let mut rest = whole;
    let mut parts = Vec::new();
    for intent in &session.intents {
        let part = left(intent).min(rest);
        rest = rest.saturating_sub(part);
        if part > 0 {
            parts.push((intent.clone(), part));
        }
    }
    let metadata = body.get("refund_metadata").cloned().unwrap_or_default();
    Ok((parts, items.map(|items| json!(items)).unwrap_or_default(), metadata))
}

/// What the items of a refund come to. Each names a product or a price.
fn of_items(session: &Session, items: &[Value]) -> Result<i64, Reply> {
    let mut sum = 0_i64;
    for item in items {
        let (product, price) = (item["product"].as_str(), item["price"].as_str());
        if product.is_some() == price.is_some() {
            let message = "An item must have exactly one of product and price.";
            let refused = invalid("line_items", "value_error", "flex.refund.item-one-id", message);
            return Err(refused.source(source::REFUND_GUIDE));
        }
        let mut lines = session.lines.iter();
        let line = lines.find(|line| product.map_or(line.price.as_deref() == price, |it| line.product == it));
        let Some(line) = line else {
            let message = "The session has no such item.";
            return Err(invalid("line_items", "value_error", "flex.refund.item-exists", message));
        };
        let none = Map::new();
        let named = cents(item.as_object().unwrap_or(&none), "amount_to_refund")?;
        sum = sum.saturating_add(named.unwrap_or_else(|| line.total()));
    }
    Ok(sum)
}
