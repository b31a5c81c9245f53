//! Payment intents: a charge or a hold on a card, and what becomes of it.

use serde_json::{Value, json};

use super::state::{Declines, Flex, Intent};
use super::store::Head;
use super::{HOLD, events};
use crate::time::iso;
use crate::world::Context;

/// What a payment intent is for.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) amount: i64,
    pub(super) manual: bool,
    pub(super) customer: Option<String>,
    pub(super) session: Option<&'a str>,
    pub(super) invoice: Option<&'a str>,
    pub(super) subscription: Option<&'a str>,
}

/// Opens a payment intent.
pub(super) fn open(flex: &mut Flex, draft: Draft<'_>, account: &str, context: &mut Context<'_>) -> String {
    let of = draft.session.or(draft.invoice).unwrap_or_default();
    let intent = Intent {
        head: Head::new("fpi", of, account, context),
        amount: draft.amount,
        received: 0,
        refunded: 0,
        status: "requires_payment_method",
        manual: draft.manual,
        customer: draft.customer,
        card: None,
        session: draft.session.map(str::to_owned),
        invoice: draft.invoice.map(str::to_owned),
        subscription: draft.subscription.map(str::to_owned),
        charge: None,
        error: Value::Null,
        holds: 0,
        disputed: false,
    };
    let id = flex.intents.add(intent);
    events::tell::<Intent>(flex, "payment_intent.created", &id, context);
    id
}

/// Charges a card, or holds the money on it. The error is the bank's code.
pub(super) fn attempt(
    flex: &mut Flex,
    id: &str,
    card: &str,
    absent: bool,
    context: &mut Context<'_>,
) -> Result<(), &'static str> {
    let failure = match flex.cards.get(card) {
        None => Some("payment_method_missing"),
        Some(card) if card.expired(context.now) => Some("expired_card"),
        Some(card) if card.declines == Declines::Always => Some("insufficient_funds"),
        Some(card) if card.declines == Declines::Absent && absent => Some("card_declined"),
        Some(_) => None,
    };
    let Some(intent) = flex.intents.get_mut(id) else { return Err("payment_intent_missing") };
    intent.charge = Some(Head::new("fch", id, &intent.head.account, context).id);
    if let Some(code) = failure {
        intent.status = "requires_payment_method";
        intent.error = json!({"type": "card_error", "code": code, "message": "The card was declined."});
        charge_event(flex, "charge.failed", id, context);
        return Err(code);
    }
    (intent.card, intent.error) = (Some(card.to_owned()), Value::Null);
    if intent.manual {
        (intent.status, intent.holds) = ("requires_capture", intent.holds.saturating_add(1));
        let hold = json!({"hold": id, "nth": intent.holds});
        context.at(context.now.saturating_add(HOLD), hold);
        charge_event(flex, "charge.succeeded", id, context);
    } else {
        (intent.status, intent.received) = ("succeeded", intent.amount);
        charge_event(flex, "charge.succeeded", id, context);
        events::tell::<Intent>(flex, "payment_intent.succeeded", id, context);
    }
    Ok(())
}

/// Sends an event about the charge of a payment intent.
pub(super) fn charge_event(flex: &mut Flex, event: &str, id: &str, context: &mut Context<'_>) {
    let Some(intent) = flex.intents.get(id) else { return };
    let shown = json!({
        "charge_id": intent.charge,
        "amount": intent.amount,
        "amount_captured": intent.received,
        "amount_refunded": intent.refunded,
        "customer": intent.customer,
        "payment_intent": intent.head.id,
        "checkout_session": intent.session,
        "invoice": intent.invoice,
        "status": if intent.error.is_null() { "succeeded" } else { "failed" },
        "created_at": iso(context.now),
        "test_mode": intent.head.test_mode,
    });
    let head = intent.head.clone();
    events::send(flex, event, "charge", &head, shown, context);
}

/// Gives up what is held and not captured.
pub(super) fn release(flex: &mut Flex, id: &str, event: &str, context: &mut Context<'_>) {
    let Some(intent) = flex.intents.get_mut(id).filter(|intent| intent.status == "requires_capture") else { return };
    intent.status = if intent.received > 0 { "succeeded" } else { "canceled" };
    charge_event(flex, event, id, context);
}

/// The end of an authorization, unless the money was authorized again.
pub(super) fn hold_ends(flex: &mut Flex, what: &Value, context: &mut Context<'_>) {
    let id = what["hold"].as_str().unwrap_or_default();
    if flex.intents.get(id).is_some_and(|intent| Some(intent.holds) == what["nth"].as_u64()) {
        release(flex, id, "charge.expired", context);
    }
}
