//! What moves a checkout, and what it owes then.

use alloc::boxed::Box;

use super::payment::{Moved, of_capture, of_refund};
use super::{Checkout, Command, Context};
use crate::fact::{Because, Origin, Verdict};
use crate::flow::{Input, Outcome, Stop};
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::flex::call::{Call, CapturePayment, CreateRefund};
use crate::providers::flex::checkouts::{Place, Saw};
use crate::providers::flex::event::Event;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::signal::Signal;
use crate::providers::flex::wire::{RefundSeen, SessionSeen};
use crate::rule::Kernel;

type Next = Result<Checkout, Stop>;

pub(super) fn step(at: Checkout, input: Input<Checkout>, cx: &mut Context<'_>) -> Next {
    match input {
        Input::Command(command) => wish(at, command, cx),
        Input::Answered { id, call, event } => answered(at, &id, &call, &event, cx),
        Input::Refused { id, call, status, .. } => Ok(refused(at, &id, &call, status, cx)),
        Input::Missed(call) => {
            let mut at = at;
            at.checkouts.missed(call, cx);
            Ok(at)
        }
        Input::Signalled(event, origin) => signalled(at, event, origin, cx),
        Input::Returned(_) => {
            let mut at = at;
            at.checkouts.returned(cx)?;
            Ok(at)
        }
        Input::Judged { reason, of, verdict } => Ok(judged(at, &reason, &of, &verdict, cx)),
    }
}

fn wish(mut at: Checkout, command: Command, cx: &mut Context<'_>) -> Next {
    match command {
        Command::CreateCheckoutSession(it) => at.checkouts.create(*it, cx)?,
        Command::RetrieveCheckoutSession { checkout_session_id } => {
            let begins = at.checkouts.place() == Place::Absent;
            at.checkouts.retrieve(checkout_session_id, begins, cx)?;
        }
        Command::CreateRefund(it) => refund(&mut at, *it, cx)?,
        Command::CapturePayment(it) => capture(&mut at, it, cx)?,
    }
    Ok(at)
}

fn refund(at: &mut Checkout, it: CreateRefund, cx: &mut Context<'_>) -> Result<(), Stop> {
    cx.check(Rule::RefundAmountXorItems, it.amount.is_none() || it.line_items.is_none()).at("/amount");
    for item in it.line_items.iter().flatten() {
        cx.check(Rule::RefundItemOneId, item.product.is_some() != item.price.is_some()).at("/line_items");
    }
    cx.check_extra::<CreateRefund>(&it.extra);
    let manual = at.is_manual();
    let left = at.payment.as_ref().map(|payment| payment.refundable(manual));
    let amount = wanted(&it, left.unwrap_or_default());
    let whole = it.amount.is_none_or(|amount| amount > Cents::ZERO);
    if let Some(left) = left {
        cx.check(Rule::RefundNotAboveReceived, whole && amount <= left).at("/amount");
    }
    cx.require(Kernel::IntentRequired, it.intent.is_some()).at("/intent").met()?;
    let (Some(intent), Some(id), Some(payment)) = (it.intent.clone(), &at.checkouts.settled, &at.payment) else {
        return Err(Stop::Refused);
    };
    cx.admitted()?;
    let content = of_refund(&it);
    let ordinal = payment.returns.standing(&intent, content).ordinal(Kernel::OtherContent, cx)?;
    let id = id.clone();
    let name = EffectId::of_intent("create_refund", &intent, ordinal);
    cx.owe_as(Call::CreateRefund(id, name.clone(), Box::new(it)), &intent, ordinal);
    if let Some(payment) = &mut at.payment {
        payment.refund(name, amount);
        payment.returns.open(intent, content, ordinal);
    }
    Ok(())
}

/// How much a refund asks for, as far as that can be told: with neither an amount nor items, all that is left.
fn wanted(it: &CreateRefund, left: Cents) -> Cents {
    match (&it.amount, &it.line_items) {
        (Some(amount), _) => *amount,
        (None, Some(items)) => {
            let named = items.iter().filter_map(|item| item.amount_to_refund);
            named.fold(Cents::ZERO, Cents::plus)
        }
        (None, None) => left,
    }
}

fn capture(at: &mut Checkout, it: CapturePayment, cx: &mut Context<'_>) -> Result<(), Stop> {
    cx.check_extra::<CapturePayment>(&it.extra);
    let manual = at.is_manual();
    if let Some(payment) = at.payment.as_ref().filter(|_| manual) {
        let within = it.amount > Cents::ZERO && it.amount <= payment.capturable();
        cx.check(Rule::CaptureNotAboveAuthorised, within).at("/amount");
    }
    cx.require(Kernel::IntentRequired, it.intent.is_some()).at("/intent").met()?;
    let (Some(intent), Some(id), Some(payment)) = (it.intent.clone(), &at.checkouts.settled, &at.payment) else {
        return Err(Stop::Refused);
    };
    cx.admitted()?;
    let content = of_capture(&it);
    let ordinal = payment.captures.standing(&intent, content).ordinal(Kernel::OtherContent, cx)?;
    let id = id.clone();
    let name = EffectId::of_intent("capture_payment", &intent, ordinal);
    cx.owe_as(Call::CapturePayment(id, name.clone(), it.clone()), &intent, ordinal);
    if let Some(payment) = &mut at.payment {
        payment.capture(name, &it);
        payment.captures.open(intent, content, ordinal);
    }
    Ok(())
}

fn answered(mut at: Checkout, id: &EffectId, call: &Call, event: &Event, cx: &mut Context<'_>) -> Next {
    match (call, event) {
        (Call::CreateCheckoutSession(_), Event::Session(seen)) => {
            let saw = at.checkouts.created(seen, super::SHOWN, cx)?;
            at.saw(saw, seen, cx);
        }
        (Call::FindCheckoutSession(_), Event::Sessions(list)) => {
            let saw = at.checkouts.found(list, cx)?;
            if let Some(seen) = at.checkouts.current().and_then(|it| list.iter().find(|seen| seen.checkout_session_id == it.id)) {
                at.saw(saw, seen, cx);
            }
        }
        (Call::RetrieveCheckoutSession(_), Event::Session(seen)) => {
            let saw = at.checkouts.shown(seen, cx)?;
            at.saw(saw, seen, cx);
        }
        (Call::ConfirmCheckoutSession(_, name), Event::Session(seen)) => {
            let saw = at.checkouts.shown(seen, cx)?;
            at.saw(saw, seen, cx);
            at.confirmed(call, name, cx);
        }
        (Call::CreateRefund(..) | Call::CapturePayment(..), Event::Session(seen)) => {
            let saw = at.checkouts.shown(seen, cx)?;
            at.saw(saw, seen, cx);
            at.done(id, call, cx);
        }
        (Call::CreateRefund(session, ..) | Call::CapturePayment(session, ..), _) => {
            cx.look_up(Call::RetrieveCheckoutSession(session.clone()));
            at.done(id, call, cx);
        }
        _ => return Err(Because::Unrelated.into()),
    }
    Ok(at)
}

impl Checkout {
    /// What a session that was seen leads to: delivery, once, of what was asked for.
    pub(super) fn saw(&mut self, saw: Saw, seen: &SessionSeen, cx: &mut Context<'_>) {
        if let Saw::Settled(it) = saw {
            self.payment = Some(Box::default());
            for id in &it.payment_intents {
                cx.learn(id);
            }
            if it.own && it.sound {
                cx.fulfill(it.id.as_str());
            } else if it.own {
                cx.review("not_as_asked", it.id.as_str(), &["fulfill", "refund"]);
            }
        }
        let counts = self.checkouts.settled.as_ref() == Some(&seen.checkout_session_id);
        if let Some(payment) = self.payment.as_mut().filter(|_| counts) {
            payment.see(seen, cx);
        }
    }

    /// A refund or capture was made.
    fn done(&mut self, name: &EffectId, call: &Call, cx: &mut Context<'_>) {
        cx.withdraw_word("outcome_unknown", name.as_str());
        let Some(payment) = &mut self.payment else { return };
        match call {
            Call::CapturePayment(..) => {
                payment.captures.settle(name.intent(), Outcome::Done);
                payment.capturing.done(name);
            }
            _ => {
                payment.attribute(name);
                payment.refunding.done(name);
            }
        }
    }

    /// A refund or capture came to nothing.
    fn undone(&mut self, name: &EffectId, call: &Call, cx: &mut Context<'_>) {
        cx.withdraw_word("outcome_unknown", name.as_str());
        let Some(payment) = &mut self.payment else { return };
        match call {
            Call::CapturePayment(_, _, it) => {
                payment.is_final &= it.final_capture != Some(true);
                payment.captures.settle(name.intent(), Outcome::Failed);
                payment.capturing.undone(name);
            }
            _ => {
                payment.returns.settle(name.intent(), Outcome::Failed);
                payment.refunding.undone(name);
            }
        }
    }

    /// A look at the session, for the outcome of a request whose answer was lost.
    fn confirmed(&mut self, look_up: &Call, name: &EffectId, cx: &mut Context<'_>) {
        let Some(payment) = &self.payment else { return };
        let (moving, all) = match name.kind() {
            "create_refund" => (&payment.refunding, payment.returned()),
            _ => (&payment.capturing, payment.received(true)),
        };
        let Some(moved) = moving.moved(name, all) else { return };
        let request = cx.owed(|call| is_named(call, name)).map(|it| (it.call.clone(), it.lease));
        let Some((request, lease)) = request else { return };
        match (moved, lease.filter(|end| !end.is_over(cx.now()))) {
            (Moved::Fully, _) => {
                cx.withdraw(|call| is_named(call, name));
                self.done(name, &request, cx);
            }
            // It may still be on its way.
            (_, Some(end)) => cx.look_up_from(look_up.clone(), end),
            (Moved::NotAtAll, None) => {
                cx.withdraw(|call| is_named(call, name));
                self.undone(name, &request, cx);
            }
            (Moved::Unclear, None) => cx.review("outcome_unknown", name.as_str(), &["done", "not_done"]),
        }
    }

    /// A refund was told of.
    fn told_of_refund(&mut self, seen: &RefundSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        let ours = self.checkouts.current().filter(|it| {
            seen.payment_intent_id.as_ref().is_some_and(|id| it.payment_intents.contains(id))
        });
        let mode = self.checkouts.current().and_then(|it| it.test_mode);
        let same_mode = mode.is_none() || seen.test_mode.is_none() || mode == seen.test_mode;
        let Some(payment) = self.payment.as_mut() else { return Err(Because::Unrelated) };
        let known = payment.refunds.iter().any(|it| it.id == seen.refund_id);
        if ours.is_none() && !known {
            return Err(Because::Unrelated);
        }
        cx.check(Rule::WebhookModeMatch, same_mode).at("/object/refund/test_mode");
        if !same_mode {
            return Err(Because::Unrelated);
        }
        payment.see_refund(seen, cx);
        Ok(())
    }
}

/// Whether it is the request of that name.
fn is_named(call: &Call, name: &EffectId) -> bool {
    matches!(call, Call::CreateRefund(_, have, _) | Call::CapturePayment(_, have, _) if have == name)
}

fn refused(mut at: Checkout, id: &EffectId, call: &Call, status: u16, cx: &mut Context<'_>) -> Checkout {
    match call {
        Call::CreateRefund(..) | Call::CapturePayment(..) => at.undone(id, call, cx),
        Call::ConfirmCheckoutSession(_, name) => {
            cx.review("outcome_unknown", name.as_str(), &["done", "not_done"]);
        }
        _ => at.checkouts.refused(call, status, cx),
    }
    at
}

fn signalled(mut at: Checkout, event: Event, origin: Origin, cx: &mut Context<'_>) -> Next {
    let Event::Signal(signal) = event else { return Err(Because::Unrelated.into()) };
    cx.check(Rule::WebhookSignature, origin == Origin::Verified);
    match *signal {
        _ if origin != Origin::Verified => return Err(Because::Unrelated.into()),
        Signal::SessionCompleted(seen) => {
            let saw = at.checkouts.told(&seen, true, cx)?;
            at.saw(saw, &seen, cx);
        }
        Signal::SessionChanged(seen) => {
            let saw = at.checkouts.told(&seen, false, cx)?;
            at.saw(saw, &seen, cx);
        }
        Signal::Refund(seen) => at.told_of_refund(&seen, cx)?,
        _ => return Err(Because::Unrelated.into()),
    }
    Ok(at)
}

fn judged(mut at: Checkout, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) -> Checkout {
    match (reason, verdict.name()) {
        ("not_as_asked", "fulfill") => cx.fulfill(of),
        ("outcome_unknown", word) => {
            let Ok(name) = EffectId::parse(of) else { return at };
            let request = cx.owed(|call| is_named(call, &name)).map(|it| it.call.clone());
            cx.withdraw(|call| is_named(call, &name));
            match request {
                Some(request) if word == "done" => at.done(&name, &request, cx),
                Some(request) => at.undone(&name, &request, cx),
                None => {}
            }
        }
        _ => at.checkouts.judged(reason, of, verdict, cx),
    }
    at
}
