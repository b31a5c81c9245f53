//! What moves a checkout, and what it owes then.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::settle::is_named;
use super::{Checkout, Command, Context, wish};
use crate::effect::effect_of_key;
use crate::fact::{Because, Origin, Verdict};
use crate::flow::{AfterAll, Flow as _, Input, Outcome, Stop, Watch};
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::flex::call::Call;
use crate::providers::flex::checkouts::{Saw, is_create};
use crate::providers::flex::event::Event;
use crate::providers::flex::ids::{CaptureId, RefundId};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::signal::Signal;
use crate::providers::flex::test_mode::TestMode;
use crate::providers::flex::wire::{CaptureSeen, ChargeSeen, DisputeSeen, RefundSeen, SessionSeen, Status};

pub(super) fn step(at: &mut Checkout, input: Input<Checkout>, cx: &mut Context<'_>) -> Result<(), Stop> {
    match input {
        Input::Command(command) => wanted(at, command, cx)?,
        Input::Answered { id, call, event } => answered(at, &id, &call, &event, cx)?,
        Input::AfterAll(it, event) => after_all(at, &it, &event, cx),
        Input::Refused { id, call, .. } => refused(at, &id, &call, cx),
        Input::Resolved { id, call, verdict } => resolved(at, &id, &call, &verdict, cx),
        Input::Hinted { call, event: Event::Session(seen), .. } if is_create(&call) => at.checkouts.hinted(&seen, cx),
        Input::NotSent { call, .. } => not_sent(at, &call, cx),
        Input::Accepted { .. } | Input::Hinted { .. } | Input::RefusedOnce { .. } => {}
        Input::Signalled(event, origin) => signalled(at, event, origin, cx)?,
        Input::Returned(_) => at.checkouts.returned(cx)?,
        Input::Reviewed { .. } => {}
        Input::Judged { reason, of, verdict } => judged(at, &reason, &of, &verdict, cx),
    }
    Ok(())
}

/// Nothing came of a request so far.
fn not_sent(at: &mut Checkout, call: &Call, cx: &mut Context<'_>) {
    match call {
        Call::CreateCheckoutSession(_) => at.checkouts.not_sent(cx),
        _ => at.withdraw_lost(cx),
    }
}

fn wanted(at: &mut Checkout, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    match command {
        Command::CreateCheckoutSession(it) => {
            at.checkouts.create(*it, cx);
            Ok(())
        }
        Command::RetrieveCheckoutSession { checkout_session_id } => at.checkouts.retrieve(checkout_session_id, cx),
        Command::CreateRefund(it) => wish::refund(at, *it, cx),
        Command::CapturePayment(it) => wish::capture(at, it, cx),
    }
}

fn answered(at: &mut Checkout, id: &EffectId, call: &Call, event: &Event, cx: &mut Context<'_>) -> Result<(), Because> {
    match (call, event) {
        (Call::CreateCheckoutSession(_), Event::Session(seen)) => {
            let saw = at.checkouts.created(seen, super::SHOWN, cx)?;
            at.saw(saw, seen, None, cx);
        }
        (Call::FindCheckoutSession(_), Event::Sessions(list)) => {
            if let Some((saw, seen)) = at.checkouts.found(list, cx)? {
                at.saw(saw, seen, None, cx);
            }
        }
        (Call::RetrieveCheckoutSession(_), Event::Session(seen)) => at.shown(seen, None, cx)?,
        (Call::ConfirmCheckoutSession(_, name), Event::Session(seen)) => at.shown(seen, Some(name), cx)?,
        (Call::ListCaptures(_), Event::Captures(list)) => at.captures_listed(list, cx),
        // What its own reply shows is its own first: of the others it says only what is left.
        (Call::CreateRefund(..), Event::Refunded(seen, ids)) => {
            let beyond = at.refund_shown(id, seen, ids, cx);
            at.shown(seen, None, cx)?;
            at.ask_of_surplus(id, &beyond, cx);
            at.plan(cx);
        }
        (Call::CapturePayment(_, _, it), Event::Captured(seen, made)) => {
            at.capture_shown(id, it, seen, made.as_ref(), cx);
            at.shown(seen, None, cx)?;
        }
        (Call::CapturePayment(_, _, it), Event::Capture(seen)) => {
            if let Some(payment) = &mut at.payment {
                payment.see_capture(seen);
            }
            at.capture_made(id, it, Some(&seen.capture_id), cx);
        }
        _ => return Err(Because::Unrelated),
    }
    Ok(())
}

impl Checkout {
    /// A look of our own shows a session; `asked` is the request for whose outcome it was made.
    fn shown(&mut self, seen: &SessionSeen, asked: Option<&EffectId>, cx: &mut Context<'_>) -> Result<(), Because> {
        let saw = self.checkouts.shown(seen, cx)?;
        if let Some(watch) = self.payment.as_mut().and_then(|it| it.settling.as_mut()) {
            watch.looked(cx.begun_at());
        }
        self.saw(saw, seen, asked, cx);
        Ok(())
    }

    /// What a session that was seen leads to: delivery, once, of what was asked for.
    fn saw(&mut self, saw: Saw, seen: &SessionSeen, asked: Option<&EffectId>, cx: &mut Context<'_>) {
        self.paid(saw, cx);
        if self.checkouts.settled.as_ref() != Some(&seen.checkout_session_id) {
            return;
        }
        let in_mode = self.checkouts.current().is_some_and(|it| it.is_in_mode(seen, cx));
        match (&seen.status, asked) {
            (Some(Status::Complete), _) if in_mode => {
                self.settle(seen, asked, cx);
                self.withdraw_lost(cx);
                self.plan(cx);
            }
            // Whatever else it says of itself proves nothing about its money.
            (_, Some(name)) => cx.look_again(|call| is_named(call, name)),
            _ => {}
        }
    }

    /// Plans the next look at refunds of ours that are on their way.
    fn plan(&mut self, cx: &mut Context<'_>) {
        if let (Some(payment), Some(id)) = (&mut self.payment, &self.checkouts.settled) {
            payment.plan(id, cx);
        }
    }

    /// A session settles the purchase.
    fn paid(&mut self, saw: Saw, cx: &mut Context<'_>) {
        let Saw::Settled(it) = saw else { return };
        self.payment = Some(Box::default());
        if it.own && it.sound {
            cx.fulfill(it.id.as_str());
        } else if it.own {
            cx.review("not_as_asked", it.id.as_str(), &["fulfill", "refund"]);
        }
    }

    /// Whether a message is about a payment of ours, by its payment, its session or our reference, and in which session.
    fn owns(
        &self,
        payment: Option<&str>,
        session: Option<&str>,
        reference: Option<&str>,
        cx: &Context<'_>,
    ) -> Result<(&str, bool), Because> {
        let by_payment = |id: &str| {
            let mut all = self.checkouts.sessions.iter();
            all.find(|it| it.payment_intents.iter().any(|have| have == id)).map(|it| &it.id)
        };
        let by_session = |id: &str| self.checkouts.sessions.iter().find(|it| it.id.as_str() == id).map(|it| &it.id);
        // A host's reference may be that of a customer, who has paid other orders too.
        let carries = reference.is_some() && reference == self.checkouts.reference.as_deref();
        let alone = payment.is_none() && session.is_none();
        let ours = carries && (alone || reference == Some(cx.key().as_str()));
        let by_reference = || self.checkouts.settled.as_ref().filter(|_| ours);
        let of = payment.and_then(by_payment).or_else(|| session.and_then(by_session)).or_else(by_reference);
        match (of, &self.checkouts.settled) {
            (Some(of), Some(settled)) => Ok((of.as_str(), of == settled)),
            // Its session is still to be told of.
            (Some(_), None) => Err(Because::Early),
            (None, None) if carries => Err(Because::Early),
            // It may be a payment of a session that nobody has told of yet.
            (None, _) if self.checkouts.sessions.iter().any(|it| !it.status.is_final()) => Err(Because::Early),
            (None, _) => Err(Because::Unrelated),
        }
    }

    /// Lets a message through that is of the mode of the session that counts.
    fn in_mode(&self, said: TestMode, cx: &mut Context<'_>) -> Result<(), Because> {
        said.admit(self.checkouts.current().and_then(|it| it.test_mode), cx)
    }

    /// A refund was told of.
    fn told_of_refund(&mut self, seen: &RefundSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        let counts = self.owns(seen.payment_intent(), seen.checkout_session(), None, cx).map(|(_, counts)| counts);
        let known = self.payment.iter().any(|it| it.refunds.iter().any(|it| it.id == seen.refund_id));
        // An echo of a key of ours decides alone.
        let echoes = seen.echo.as_ref().is_some_and(|echo| effect_of_key(Self::ID, cx.key(), echo).is_some());
        match counts {
            Ok(true) => {}
            Err(_) if known || echoes => {}
            // What a second payment gives back is not the money of the one that counts.
            Ok(false) => return Err(Because::Known),
            Err(because) => return Err(because),
        }
        self.in_mode(seen.test_mode, cx)?;
        let (Some(payment), Some(id)) = (&mut self.payment, &self.checkouts.settled) else {
            return Err(Because::Unrelated);
        };
        payment.see_refund(seen, id, cx);
        self.refund_told(seen, cx);
        self.withdraw_lost(cx);
        self.plan(cx);
        Ok(())
    }

    /// A dispute was told of: whatever it is about, a person must know.
    fn told_of_dispute(&mut self, seen: &DisputeSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        let (payment, session) = (seen.payment_intent(), seen.checkout_session());
        let owned = self.owns(payment, session, seen.client_reference_id.as_deref(), cx);
        let known = self.payment.iter().any(|it| it.disputes.seen.iter().any(|it| it.id == seen.dispute_id));
        let (of, counts) = match owned {
            Ok((of, counts)) => (String::from(of), counts),
            Err(_) if known => (String::from(seen.dispute_id.as_str()), true),
            Err(because) => return Err(because),
        };
        self.in_mode(seen.test_mode, cx)?;
        match self.payment.as_mut().filter(|_| counts) {
            Some(payment) => payment.disputes.take(seen, &of, cx),
            None => cx.review("disputed", seen.dispute_id.as_str(), &["won", "lost"]),
        }
        self.withdraw_lost(cx);
        Ok(())
    }

    /// Some of a charge was given back: how much counts at once, and the session tells by which refunds.
    fn told_of_charge(&mut self, seen: &ChargeSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        let (_, counts) = self.owns(seen.payment_intent(), None, None, cx)?;
        if !counts {
            return Err(Because::Known);
        }
        self.in_mode(seen.test_mode, cx)?;
        if let Some(payment) = &mut self.payment {
            payment.refunded = payment.refunded.max(seen.amount_refunded.unwrap_or_default());
        }
        if let Some(id) = &self.checkouts.settled {
            cx.look_up(Call::RetrieveCheckoutSession(id.clone()));
        }
        Ok(())
    }

    /// Withdraws the refunds that nobody has sent, once the bank or somebody else has given back what they would.
    fn withdraw_lost(&mut self, cx: &mut Context<'_>) {
        let manual = self.is_manual();
        let Some(payment) = &mut self.payment else { return };
        let left = payment.received(manual).minus(payment.returned());
        // Of how much a whole item is only Flex knows: it is something.
        let is_moot = |amount: Cents| amount.max(Cents::new(1)) > left;
        let moot = payment.refunding.open.iter().filter(|(_, amount)| is_moot(*amount)).map(|(name, _)| name.clone());
        for name in moot.collect::<Vec<_>>() {
            if cx.owed(|call| is_named(call, &name)).is_some_and(|it| !it.sent) {
                cx.withdraw_unsent(|call| is_named(call, &name));
                payment.refund_came_to_nothing(&name);
            }
        }
        while payment.undisputed(manual) < Cents::ZERO && payment.disputes.is_settled() {
            let unsent = payment.refunding.open.iter().rev().map(|(name, _)| name);
            let mut unsent = unsent.filter(|name| cx.owed(|call| is_named(call, name)).is_some_and(|it| !it.sent));
            let Some(name) = unsent.next().cloned() else { return };
            cx.withdraw_unsent(|call| is_named(call, &name));
            payment.refund_came_to_nothing(&name);
        }
    }
}

/// A request was done that had been ended as not done: what it moved counts, and the new try is none.
fn after_all(at: &mut Checkout, it: &AfterAll<Call>, event: &Event, cx: &mut Context<'_>) {
    if let Some((id, call)) = &it.again {
        at.undone(id, call);
    }
    at.checkouts.after_all(it, cx);
    // What does not fit the state any more is the person's, who is told.
    let _ = answered(at, &it.id, &it.call, event, cx);
}

fn refused(at: &mut Checkout, id: &EffectId, call: &Call, cx: &mut Context<'_>) {
    match call {
        Call::CreateRefund(session, ..) | Call::CapturePayment(session, ..) => {
            at.undone(id, call);
            // A refusal can say that money has moved.
            cx.look_up(Call::RetrieveCheckoutSession(session.clone()));
        }
        Call::ConfirmCheckoutSession(session, name) => {
            cx.review("not_found", session.as_str(), &["ended", "keep"]);
            cx.look_again(|call| is_named(call, name));
        }
        _ => at.checkouts.refused(call, cx),
    }
}

fn resolved(at: &mut Checkout, id: &EffectId, call: &Call, verdict: &Verdict, cx: &mut Context<'_>) {
    let named = match verdict {
        Verdict::About { id, .. } => Some(id.as_str()),
        Verdict::Plain(_) => None,
    };
    match (call, named, &mut at.payment) {
        (Call::CreateRefund(..), Some(named), Some(payment)) => {
            if let Ok(named) = RefundId::parse(named) {
                payment.refund_named(id, named, cx.now());
            }
        }
        (Call::CapturePayment(_, _, it), Some(named), Some(payment)) => {
            if let Ok(named) = CaptureId::parse(named) {
                payment.see_capture(&CaptureSeen::named(named, it.amount));
                payment.capture_ends(id, it, Outcome::Done);
            }
        }
        (Call::CreateRefund(..) | Call::CapturePayment(..), ..) => at.undone(id, call),
        _ => at.checkouts.resolved(call, verdict, cx),
    }
    at.plan(cx);
}

fn signalled(at: &mut Checkout, event: Event, origin: Origin, cx: &mut Context<'_>) -> Result<(), Because> {
    let Event::Signal(signal) = event else { return Err(Because::Unrelated) };
    cx.check(Rule::WebhookSignature, origin == Origin::Verified);
    match *signal {
        _ if origin != Origin::Verified => return Err(Because::Unrelated),
        Signal::SessionCompleted(seen) => {
            let saw = at.checkouts.told(&seen, true, cx)?;
            at.saw(saw, &seen, None, cx);
        }
        Signal::SessionChanged(seen) => {
            let saw = at.checkouts.told(&seen, false, cx)?;
            at.saw(saw, &seen, None, cx);
        }
        Signal::Refund(seen) => at.told_of_refund(&seen, cx)?,
        Signal::Dispute(seen) => at.told_of_dispute(&seen, cx)?,
        Signal::ChargeRefunded(seen) => at.told_of_charge(&seen, cx)?,
        _ => return Err(Because::Unrelated),
    }
    Ok(())
}

fn judged(at: &mut Checkout, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) {
    match (reason, verdict.name()) {
        ("not_as_asked", "fulfill") => cx.fulfill(of),
        ("refund_pending", word) => {
            if let Some(watch) = at.payment.as_mut().and_then(|it| it.settling.as_mut()) {
                match word {
                    "keep_waiting" => **watch = Watch::new(cx.now()),
                    _ => watch.stop(),
                }
            }
            at.plan(cx);
        }
        ("disputed", word) => {
            if let (Some(payment), Some(session)) = (&mut at.payment, &at.checkouts.settled) {
                payment.disputes.judge(of, session.as_str(), word, cx);
            }
            at.withdraw_lost(cx);
        }
        _ => {
            let saw = at.checkouts.judged(reason, of, verdict, cx);
            at.paid(saw, cx);
        }
    }
}
