//! What moves a subscription, and what it owes then.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::judged::{judged, resolved};
use super::signal::signalled;
use super::standing::Standing;
use super::wish::wish;
use super::{Context, Subscription};
use crate::fact::Because;
use crate::flow::{AfterAll, Input, Stop};
use crate::providers::flex::call::Call;
use crate::providers::flex::checkouts::{How, Saw, is_create};
use crate::providers::flex::event::Event;
use crate::providers::flex::session::Session;
use crate::providers::flex::wire::{SessionSeen, Status, SubscriptionSeen, SubscriptionStatus};

pub(super) fn step(at: &mut Subscription, input: Input<Subscription>, cx: &mut Context<'_>) -> Result<(), Stop> {
    match input {
        Input::Command(command) => wish(at, command, cx)?,
        Input::Answered { call, event, .. } => answered(at, &call, &event, cx)?,
        Input::AfterAll(it, event) => after_all(at, &it, &event, cx),
        Input::Refused { call, .. } => refused(at, &call, cx),
        Input::Resolved { call, verdict, .. } => resolved(at, &call, &verdict, cx),
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
fn not_sent(at: &mut Subscription, call: &Call, cx: &mut Context<'_>) {
    match (call, &at.standing) {
        (Call::CreateCheckoutSession(_), _) => at.checkouts.not_sent(cx),
        (Call::UpdateSubscription(_, it), Some(standing)) => standing.not_sent(it, cx),
        _ => {}
    }
}

fn answered(at: &mut Subscription, call: &Call, event: &Event, cx: &mut Context<'_>) -> Result<(), Because> {
    match (call, event) {
        (Call::CreateCheckoutSession(_), Event::Session(seen)) => {
            let saw = at.checkouts.created(seen, How::Shown, cx)?;
            at.saw(saw, seen, cx);
        }
        (Call::FindCheckoutSession(_), Event::Sessions(list)) => {
            if let Some((saw, seen)) = at.checkouts.found(list, cx)? {
                at.saw(saw, seen, cx);
            }
        }
        (_, Event::Session(seen)) => {
            let saw = at.checkouts.shown(seen, cx)?;
            at.saw(saw, seen, cx);
        }
        (_, Event::Subscription(seen)) => return at.shown(call, seen, cx),
        (Call::RetrieveInvoice(_), Event::Invoice(seen)) => {
            at.standing.as_mut().ok_or(Because::Unrelated)?.invoice_shown(seen, cx);
        }
        (Call::ListRefunds(of), Event::Refunds(seen)) => {
            let sold = at.sold();
            at.standing.as_mut().ok_or(Because::Unrelated)?.refunds_shown(of, seen, &sold, cx);
        }
        _ => return Err(Because::Unrelated),
    }
    Ok(())
}

/// A request was done that had been ended as not done: the new try is none.
fn after_all(at: &mut Subscription, it: &AfterAll<Call>, event: &Event, cx: &mut Context<'_>) {
    if let (Some((_, call)), Some(standing)) = (&it.again, &mut at.standing) {
        standing.not_ended(call, cx);
    }
    at.checkouts.after_all(it, cx);
    // What does not fit the state any more is the person's, who is told.
    let _ = answered(at, &it.call, event, cx);
}

fn refused(at: &mut Subscription, call: &Call, cx: &mut Context<'_>) {
    let is_unsold = at.checkouts.settled.is_none();
    match (call, &mut at.standing) {
        (Call::RetrieveSubscription(id) | Call::ConfirmSubscription(id), Some(it)) if *id != it.id => {}
        (Call::RetrieveSubscription(id), Some(it)) if is_unsold && it.is_only_asked_for() => {
            cx.review("not_found", id.as_str(), &["ended", "keep"]);
            at.standing = None;
        }
        (Call::RetrieveSubscription(_) | Call::ConfirmSubscription(_), Some(it)) => it.not_found(cx),
        (Call::RetrieveInvoice(id), Some(it)) => it.no_invoice(id, cx),
        (Call::CancelSubscription(id, _), Some(it)) if *id == it.id => it.not_ended(call, cx),
        (Call::CancelSubscription(id, _), Some(_)) => cx.look_up(Call::RetrieveSubscription(id.clone())),
        (Call::UpdateSubscription(..), Some(it)) => it.not_ended(call, cx),
        _ => at.checkouts.refused(call, cx),
    }
}

impl Subscription {
    /// What a session that was seen leads to: delivery, once, and the lookup of its subscription.
    pub(super) fn saw(&mut self, saw: Saw, seen: &SessionSeen, cx: &mut Context<'_>) {
        if let Saw::Settled(session) = saw {
            self.settled(&session, seen, cx);
        }
        let is_paid = seen.status == Some(Status::Complete) && self.checkouts.find(&seen.checkout_session_id).is_some();
        if is_paid && self.standing.is_some() {
            self.note_others(seen, cx);
        }
    }

    fn settled(&mut self, session: &Session, seen: &SessionSeen, cx: &mut Context<'_>) {
        let before = self.standing.take_if(|it| it.is_only_asked_for());
        if let Some(id) = seen.subscription_ids().next().filter(|_| self.standing.is_none()) {
            cx.learn(id.as_str());
            // An adoption that has shown nothing yet gives way to what was paid.
            let gone = before.map(|it| it.id.clone()).filter(|it| *it != id);
            cx.withdraw(|call| matches!(call, Call::RetrieveSubscription(of) if Some(of) == gone.as_ref()));
            let standing = Standing::sold(id, session, seen, cx.now());
            standing.look(cx);
            self.standing = Some(Box::new(standing));
        } else {
            self.standing = self.standing.take().or(before);
        }
        let Some(standing) = &mut self.standing else { return };
        let shown = seen.subscription_status();
        match (session.own, session.sound) {
            (false, _) => {}
            (true, false) => cx.review("not_as_asked", session.id.as_str(), &["fulfill", "refund"]),
            // It is paid for nothing that runs yet.
            (true, true) if shown.is_some_and(|status| !status.is_live()) => standing.hold(session.id.as_str()),
            (true, true) => standing.deliver(session.id.as_str(), cx),
        }
    }

    /// The session that counts and its payments, by their ids.
    pub(super) fn sold(&self) -> Vec<String> {
        let session = self.checkouts.settled.as_ref().and_then(|id| self.checkouts.find(id));
        let ids = |it: &Session| [&[String::from(it.id.as_str())], it.payment_intents.as_slice()].concat();
        session.map(ids).unwrap_or_default()
    }

    /// How a subscription stands, in a reply.
    fn shown(&mut self, call: &Call, seen: &SubscriptionSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        if let Some(other) = self.other(Some(seen.subscription_id.as_str())) {
            other.shown(call, seen, cx);
            return Ok(());
        }
        let it = self.standing.as_mut().filter(|it| it.id == seen.subscription_id).ok_or(Because::Unrelated)?;
        let is_change = matches!(call, Call::UpdateSubscription(..) | Call::CancelSubscription(..));
        if is_change && !it.is_in_mode(seen.test_mode, "/subscription/test_mode", cx) {
            // The request is answered, and not with what was asked for: the lookups tell what has become of it.
            if let Call::CancelSubscription(_, asked) = call {
                it.expect_refund(asked, cx.begun_at(), cx);
            }
            it.not_ended(call, cx);
            return Ok(());
        }
        match call {
            Call::UpdateSubscription(_, asked) => it.updated(asked, seen, cx),
            Call::CancelSubscription(_, asked) => {
                if seen.status.as_ref().is_some_and(SubscriptionStatus::is_over) && !it.is_over() {
                    it.expect_refund(asked, cx.begun_at(), cx);
                }
                it.shown(seen, cx);
            }
            _ => {
                it.tell_outcomes(call, seen, cx);
                it.shown(seen, cx);
            }
        }
        Ok(())
    }
}
