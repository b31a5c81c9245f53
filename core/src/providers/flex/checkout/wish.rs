//! What the host may want of a payment: to give it back, and to take what is held.

use alloc::boxed::Box;
use alloc::format;

use super::payment::{of_capture, of_refund};
use super::{Checkout, Context};
use crate::effect::idempotency_key;
use crate::flow::{Flow, Stop};
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::flex::call::Call;
use crate::providers::flex::request::{CapturePayment, CreateRefund, RefundItem};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::session_request::{check_metadata, with_echo};
use crate::rule::Kernel;

/// Gives money back.
pub(super) fn refund(at: &mut Checkout, mut it: CreateRefund, cx: &mut Context<'_>) -> Result<(), Stop> {
    cx.check(Rule::RefundAmountXorItems, it.amount.is_none() || it.line_items.is_none()).at("/amount");
    for item in it.line_items.iter().flatten() {
        cx.check(Rule::RefundItemOneId, item.product.is_some() != item.price.is_some()).at("/line_items");
    }
    check_metadata(it.refund_metadata.as_ref(), "/refund_metadata", cx);
    cx.check_extra::<CreateRefund>(&it.extra);
    let manual = at.is_manual();
    let left = at.payment.as_ref().map(|payment| payment.refundable(manual));
    let amount = wanted(&it, left.unwrap_or_default());
    if let (Some(left), Some(payment)) = (left, &at.payment) {
        let has_room = is_something(&it) && parts(&it).all(|part| part <= left) && amount <= left;
        cx.check(Rule::RefundNotAboveReceived, has_room && left >= least(&it)).at("/amount");
        let free = payment.undisputed(manual);
        cx.check(Rule::RefundNotDisputed, amount > left || amount <= free).at("/amount").because(|| {
            format!("Of {left} cents that are left, {free} are not disputed.")
        });
    }
    cx.check(Kernel::IntentRequired, it.intent.is_some()).at("/intent");
    cx.finish()?;
    let (Some(intent), Some(id), Some(payment)) = (it.intent.clone(), &at.checkouts.settled, &at.payment) else {
        return Err(Stop::Refused);
    };
    cx.finish()?;
    let content = of_refund(&it);
    let ordinal = payment.returns.standing(&intent, content).ordinal(Kernel::OtherContent, cx)?;
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
fn wanted(it: &CreateRefund, left: Cents) -> Cents {
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
fn parts(it: &CreateRefund) -> impl Iterator<Item = Cents> {
    [it.amount_tax, it.amount_shipping].into_iter().flatten()
}

/// Whether every amount that a refund names is one: nothing is given back twice by what is taken away elsewhere.
fn is_something(it: &CreateRefund) -> bool {
    let items = it.line_items.iter().flat_map(|items| named(items));
    it.amount.into_iter().chain(items).all(|amount| amount > Cents::ZERO)
        && parts(it).chain(it.amount_discount).all(|amount| amount >= Cents::ZERO)
}

/// The least that a refund gives back: something, also of items that are given back whole.
fn least(it: &CreateRefund) -> Cents {
    let whole = it.line_items.iter().flatten().any(|item| item.amount_to_refund.is_none());
    if whole { Cents::new(1) } else { Cents::ZERO }
}

/// Takes what is held.
pub(super) fn capture(at: &mut Checkout, mut it: CapturePayment, cx: &mut Context<'_>) -> Result<(), Stop> {
    check_metadata(it.capture_metadata.as_ref(), "/capture_metadata", cx);
    cx.check_extra::<CapturePayment>(&it.extra);
    let manual = at.is_manual();
    if let Some(payment) = at.payment.as_ref().filter(|_| manual) {
        let within = it.amount > Cents::ZERO && it.amount <= payment.capturable();
        cx.check(Rule::CaptureNotAboveAuthorised, within).at("/amount");
    }
    cx.check(Kernel::IntentRequired, it.intent.is_some()).at("/intent");
    cx.finish()?;
    let (Some(intent), Some(id), Some(payment)) = (it.intent.clone(), &at.checkouts.settled, &at.payment) else {
        return Err(Stop::Refused);
    };
    cx.finish()?;
    let content = of_capture(&it);
    let ordinal = payment.captures.standing(&intent, content).ordinal(Kernel::OtherContent, cx)?;
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
