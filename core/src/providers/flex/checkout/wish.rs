//! What the host may want of a payment: to give it back, and to take what is held.

use alloc::boxed::Box;

use super::payment::{of_capture, of_refund};
use super::{Checkout, Context};
use crate::effect::idempotency_key;
use crate::flow::{Flow, Stop};
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::flex::call::Call;
use crate::providers::flex::request::{CapturePayment, CreateRefund, RefundItem};
use crate::providers::flex::session_request::with_echo;

/// Gives money back.
pub(super) fn refund(at: &mut Checkout, mut it: CreateRefund, cx: &mut Context<'_>) -> Result<(), Stop> {
    let manual = at.is_manual();
    let left = at.payment.as_ref().map(|payment| payment.refundable(manual));
    let amount = wanted(&it, left.unwrap_or_default());
    let (Some(intent), Some(id), Some(payment)) = (it.intent.clone(), &at.checkouts.settled, &at.payment) else {
        return Err(Stop::NotNow);
    };
    let content = of_refund(&it);
    let ordinal = payment.returns.standing(&intent, content).ordinal()?;
    let id = id.clone();
    let name = EffectId::of_intent("create_refund", &intent, ordinal);
    with_echo(&mut it.refund_metadata, &idempotency_key(Checkout::ID, cx.key(), &name));
    cx.owe_as(Call::CreateRefund(id, name.clone(), Box::new(it)), &intent, ordinal);
    if let Some(payment) = &mut at.payment {
        payment.refund(name, amount);
        payment.returns.open(intent, content, ordinal);
    }
    Ok(())
}

/// How much a refund asks for, as far as that can be told: with nothing named, all that is left.
pub(super) fn wanted(it: &CreateRefund, left: Cents) -> Cents {
    let apart = parts(it).fold(Cents::ZERO, Cents::plus);
    match (&it.amount, it.line_items.as_deref()) {
        (Some(amount), _) => *amount,
        (None, Some(items @ [_, ..])) => named(items).fold(Cents::ZERO, Cents::plus),
        _ if apart > Cents::ZERO => apart,
        _ => left,
    }
}

fn named(items: &[RefundItem]) -> impl Iterator<Item = Cents> {
    items.iter().filter_map(|item| item.amount_to_refund)
}

/// What a refund says of its tax and its shipping: no document says whether it is in the amount or beside it.
pub(super) fn parts(it: &CreateRefund) -> impl Iterator<Item = Cents> {
    [it.amount_tax, it.amount_shipping].into_iter().flatten()
}

/// Whether every amount that a refund names is one: nothing is given back twice by what is taken away elsewhere.
pub(super) fn is_something(it: &CreateRefund) -> bool {
    let items = it.line_items.iter().flat_map(|items| named(items));
    it.amount.into_iter().chain(items).all(|amount| amount > Cents::ZERO)
        && parts(it).chain(it.amount_discount).all(|amount| amount >= Cents::ZERO)
}

/// The least that a refund gives back: something, also of items that are given back whole.
pub(super) fn least(it: &CreateRefund) -> Cents {
    let whole = it.line_items.iter().flatten().any(|item| item.amount_to_refund.is_none());
    if whole { Cents::new(1) } else { Cents::ZERO }
}

/// Takes what is held.
pub(super) fn capture(at: &mut Checkout, mut it: CapturePayment, cx: &mut Context<'_>) -> Result<(), Stop> {
    let (Some(intent), Some(id), Some(payment)) = (it.intent.clone(), &at.checkouts.settled, &at.payment) else {
        return Err(Stop::NotNow);
    };
    let content = of_capture(&it);
    let ordinal = payment.captures.standing(&intent, content).ordinal()?;
    let id = id.clone();
    let name = EffectId::of_intent("capture_payment", &intent, ordinal);
    with_echo(&mut it.capture_metadata, &idempotency_key(Checkout::ID, cx.key(), &name));
    cx.owe_as(Call::CapturePayment(id, name.clone(), Box::new(it.clone())), &intent, ordinal);
    if let Some(payment) = &mut at.payment {
        payment.capture(name, &it);
        payment.captures.open(intent, content, ordinal);
    }
    Ok(())
}
