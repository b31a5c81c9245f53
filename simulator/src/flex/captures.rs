//! Captures, and the end or the renewal of an authorization.

use serde_json::{Map, Value};

use super::errors::invalid;
use super::refunds::allocations;
use super::state::{Capture, Flex, Intent, Session};
use super::store::{Head, cents, given, unwrap, wrapped};
use super::{events, payments};
use crate::provider::Reply;
use crate::world::{Call, Context};

/// A capture that was checked.
struct Asked {
    intent: String,
    amount: i64,
    last: bool,
    items: Vec<(Option<String>, i64)>,
    extra: [Option<i64>; 3],
    metadata: Value,
}

/// The payment intent of a session that is captured manually, in one of these states.
fn held<'a>(flex: &'a Flex, call: &Call<'_>, states: &[&str]) -> Result<(&'a Session, &'a Intent), Reply> {
    let session = flex.sessions.of(&call.account, call.parameter("id"))?;
    let refuse = |message: String| invalid("checkout_session", "value_error", "flex.capture.only-manual", message);
    if !session.manual {
        return Err(refuse("The session has capture_method automatic.".into()));
    }
    let intent = session.intents.first().and_then(|id| flex.intents.get(id));
    let Some(intent) = intent else { return Err(refuse("Nothing is authorized.".into())) };
    if !states.contains(&intent.status) || session.status != "complete" {
        return Err(refuse(format!("The payment intent is {}.", intent.status)));
    }
    Ok((session, intent))
}

/// Reads a capture. Its documented body has no `amount`: lines, shipping, tax and discount make the amount.
fn asked(flex: &Flex, call: &Call<'_>, context: &Context<'_>) -> Result<Asked, Reply> {
    let none = Map::new();
    let body = call.json.get("checkout_session").and_then(Value::as_object).unwrap_or(&none);
    let (session, intent) = held(flex, call, &["requires_capture"])?;
    let left = intent.amount.saturating_sub(intent.received);
    let (shipping, discount, tax) =
        (cents(body, "amount_shipping")?, cents(body, "amount_discount")?, cents(body, "amount_tax")?);
    let mut items = Vec::new();
    for item in body.get("line_items").and_then(Value::as_array).into_iter().flatten() {
        let named = item["price"].as_str();
        let mut lines = session.lines.iter();
        let line = lines.find(|line| {
            named.map_or(item["product"] == line.product.as_str(), |price| line.price.as_deref() == Some(price))
        });
        let Some(line) = line else {
            let message = "The session has no such item.";
            return Err(invalid("line_items", "value_error", "flex.capture.item-exists", message));
        };
        let units = item["quantity"].as_i64().unwrap_or(line.quantity).clamp(0, line.quantity);
        items.push((line.price.clone(), line.unit.saturating_mul(units)));
    }
    let lines: i64 = items.iter().map(|(_, amount)| *amount).sum();
    let extra = shipping.unwrap_or(0).saturating_add(tax.unwrap_or(0)).saturating_sub(discount.unwrap_or(0));
    let honored = context.reading("capture-amount") == "honored";
    let amount = match cents(body, "amount")?.filter(|_| honored) {
        Some(amount) => amount,
        None if items.is_empty() => left,
        None => lines.saturating_add(extra),
    };
    if !(1..=left).contains(&amount) {
        let message = format!("{amount} cannot be captured: {left} is authorized.");
        return Err(invalid("line_items", "value_error", "flex.capture.not-above-authorised", message));
    }
    let last = given(body, "final_capture").and_then(Value::as_bool).unwrap_or(true);
    let metadata = given(body, "capture_metadata").cloned().unwrap_or_default();
    Ok(Asked { intent: intent.head.id.clone(), amount, last, items, extra: [shipping, discount, tax], metadata })
}

pub(super) fn capture(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let asked = match asked(flex, call, context) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let session = call.parameter("id").to_owned();
    let head = Head::new("fcap", &session, &call.account, context);
    let item =
        |(price, amount): (Option<String>, i64)| (Head::new("fcapi", &head.id, &call.account, context), price, amount);
    let items = asked.items.into_iter().map(item).collect();
    let [shipping, discount, tax] = asked.extra;
    let (intent, amount, metadata) = (asked.intent.clone(), asked.amount, asked.metadata);
    let capture = Capture { head, session: session.clone(), intent, amount, items, shipping, discount, tax, metadata };
    let capture = flex.captures.add(capture);
    if let Some(session) = flex.sessions.get_mut(&session) {
        session.captures.push(capture);
    }
    if let Some(intent) = flex.intents.get_mut(&asked.intent) {
        intent.received = intent.received.saturating_add(amount);
        let done = asked.last || intent.received >= intent.amount;
        intent.status = if done { "succeeded" } else { "requires_capture" };
        payments::charge_event(flex, "charge.captured", &asked.intent, context);
        if done {
            events::tell::<Intent>(flex, "payment_intent.succeeded", &asked.intent, context);
        }
    }
    wrapped::<Session>(flex, &session, context)
}

/// `POST …/capture_allocation`: what a capture would take from each card.
pub(super) fn preview(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    match asked(flex, call, context) {
        Ok(asked) => allocations(flex, &[(asked.intent, asked.amount)]),
        Err(refused) => refused,
    }
}

/// `POST …/cancel`: gives up the authorization. The session stays complete.
pub(super) fn cancel(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let found = held(flex, call, &["requires_capture"])
        .map(|(session, intent)| (session.head.id.clone(), intent.head.id.clone()));
    match found {
        Ok((session, intent)) => {
            // At Stripe, the charge of a canceled authorization is refunded.
            payments::release(flex, &intent, "charge.refunded", context);
            wrapped::<Session>(flex, &session, context)
        }
        Err(refused) => refused,
    }
}

/// `POST …/reauth`: authorizes again what has expired.
pub(super) fn reauthorize(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let found = held(flex, call, &["canceled", "requires_payment_method"]).map(|(session, intent)| {
        (session.head.id.clone(), intent.head.id.clone(), intent.card.clone().unwrap_or_default())
    });
    match found {
        Ok((session, intent, card)) => match payments::attempt(flex, &intent, &card, true, context) {
            Ok(()) => wrapped::<Session>(flex, &session, context),
            Err(code) => invalid("payment_method", code, "flex.capture.reauth", "The card was declined."),
        },
        Err(refused) => refused,
    }
}

/// `PATCH /v1/captures/{id}`: only `metadata` changes.
pub(super) fn update(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let checked = unwrap(call, "capture").and_then(|asked| {
        flex.captures.of(&call.account, &id)?;
        Ok(asked.get("metadata").cloned())
    });
    match checked {
        Ok(metadata) => {
            if let (Some(capture), Some(metadata)) = (flex.captures.get_mut(&id), metadata) {
                capture.metadata = metadata;
            }
            wrapped::<Capture>(flex, &id, context)
        }
        Err(refused) => refused,
    }
}
