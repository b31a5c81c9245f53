//! What moves a subscription, and what it owes then.

use alloc::boxed::Box;

use super::standing::Standing;
use super::{Command, Context, Subscription};
use crate::fact::{Because, Origin, Verdict};
use crate::flow::{Input, Stop};
use crate::money::Cents;
use crate::providers::flex::call::{Call, CancelSubscription};
use crate::providers::flex::checkouts::{How, Saw};
use crate::providers::flex::event::Event;
use crate::providers::flex::ids::SubscriptionId;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::signal::Signal;
use crate::providers::flex::wire::{SessionSeen, SubscriptionSeen, SubscriptionStatus};
use crate::rule::Kernel;

type Next = Result<Subscription, Stop>;

pub(super) fn step(mut at: Subscription, input: Input<Subscription>, cx: &mut Context<'_>) -> Next {
    match input {
        Input::Command(command) => wish(&mut at, command, cx)?,
        Input::Answered { call, event, .. } => answered(&mut at, &call, &event, cx)?,
        Input::Refused { call, status, .. } => refused(&mut at, &call, status, cx),
        Input::Missed(call) => at.checkouts.missed(call, cx),
        Input::Signalled(event, origin) => signalled(&mut at, event, origin, cx)?,
        Input::Returned(_) => at.checkouts.returned(cx)?,
        Input::Judged { reason, of, verdict } => judged(&mut at, &reason, &of, &verdict, cx),
    }
    Ok(at)
}

fn wish(at: &mut Subscription, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    match command {
        Command::CreateCheckoutSession(it) => at.checkouts.create(*it, cx),
        Command::RetrieveCheckoutSession { checkout_session_id } => {
            let begins = at.is_absent();
            at.checkouts.retrieve(checkout_session_id, begins, cx)
        }
        Command::RetrieveSubscription { subscription_id } => retrieve(at, subscription_id, cx),
        Command::CancelSubscription(it) => cancel(at, it, cx),
    }
}

fn retrieve(at: &mut Subscription, given: Option<SubscriptionId>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let have = at.standing.as_ref().map(|it| it.id.clone());
    let same = given.is_none() || have.is_none() || given == have;
    let id = have.or(given);
    cx.require(Kernel::NoEdge, id.is_some() && same).at("/subscription_id").met()?;
    cx.admitted()?;
    let Some(id) = id else { return Err(Stop::Refused) };
    let now = cx.now();
    at.standing.get_or_insert_with(|| Box::new(Standing::new(id, true, now))).look(cx);
    Ok(())
}

fn cancel(at: &mut Subscription, it: CancelSubscription, cx: &mut Context<'_>) -> Result<(), Stop> {
    cx.check(Rule::SubscriptionCancelExplicit, it.cancel_at_period_end.is_some()).at("/cancel_at_period_end");
    let given = it.refund_amount.is_none_or(|amount| it.refunds() && amount > Cents::ZERO);
    cx.check(Rule::SubscriptionCancelRefund, given).at("/refund_amount");
    cx.check_extra::<CancelSubscription>(&it.extra);
    cx.admitted()?;
    let Some(standing) = &mut at.standing else { return Err(Stop::Refused) };
    cx.owe(Call::CancelSubscription(standing.id.clone(), it.clone()));
    standing.ending = Some(Box::new(it));
    Ok(())
}

fn answered(at: &mut Subscription, call: &Call, event: &Event, cx: &mut Context<'_>) -> Result<(), Because> {
    match (call, event) {
        (Call::CreateCheckoutSession(_), Event::Session(seen)) => {
            let saw = at.checkouts.created(seen, How::Shown, cx)?;
            at.saw(saw, seen, cx);
        }
        (Call::FindCheckoutSession(_), Event::Sessions(list)) => {
            let saw = at.checkouts.found(list, cx)?;
            let current = at.checkouts.current().map(|it| it.id.clone());
            if let Some(seen) = list.iter().find(|it| Some(&it.checkout_session_id) == current.as_ref()) {
                at.saw(saw, seen, cx);
            }
        }
        (_, Event::Session(seen)) => {
            let saw = at.checkouts.shown(seen, cx)?;
            at.saw(saw, seen, cx);
        }
        (_, Event::Subscription(seen)) => at.shown(call, seen, cx)?,
        // The answer to a cancellation that says nothing: the look-up tells.
        (Call::CancelSubscription(..), _) => {
            if let Some(it) = &mut at.standing {
                it.ending = None;
                it.look(cx);
            }
        }
        _ => return Err(Because::Unrelated),
    }
    Ok(())
}

impl Subscription {
    /// What a session that was seen leads to: delivery, once, and the look at its subscription.
    fn saw(&mut self, saw: Saw, seen: &SessionSeen, cx: &mut Context<'_>) {
        let Saw::Settled(session) = saw else { return };
        let id = seen.subscription_id();
        if let Some(id) = id.filter(|_| self.standing.is_none()) {
            cx.learn(id.as_str());
            let mut standing = Standing::new(id, false, cx.now());
            standing.customer = seen.customer_id();
            standing.test_mode = session.test_mode;
            standing.look(cx);
            self.standing = Some(Box::new(standing));
        }
        let shown = seen.subscription_status();
        match (session.own, session.sound) {
            (false, _) => {}
            (true, false) => cx.review("not_as_asked", session.id.as_str(), &["fulfill", "refund"]),
            // It is paid for nothing that runs yet.
            (true, true) if shown.is_some_and(|status| !status.is_live()) => self.withheld = Some(session.id),
            (true, true) => cx.fulfill(session.id.as_str()),
        }
    }

    /// How the subscription stands, in an answer.
    fn shown(&mut self, call: &Call, seen: &SubscriptionSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        let Some(it) = &mut self.standing else { return Err(Because::Unrelated) };
        if matches!(call, Call::CancelSubscription(..)) {
            it.ending = None;
        }
        let same = seen.subscription_id == it.id;
        cx.check(Rule::InvoiceBelongs, same).at("/subscription/subscription_id");
        if !same {
            cx.review("other_subscription", it.id.as_str(), &["seen"]);
            return Ok(());
        }
        if matches!(call, Call::ConfirmSubscription(_)) {
            it.confirmed(seen, cx);
        }
        if it.shown(seen, cx)
            && let Some(session) = self.withheld.take()
        {
            cx.fulfill(session.as_str());
        }
        if self.standing.as_ref().is_some_and(|it| it.is_over()) {
            self.withheld = None;
        }
        Ok(())
    }
}

impl Standing {
    /// Whether a cancellation whose answer was lost was made, told from how the subscription stands.
    fn confirmed(&mut self, seen: &SubscriptionSeen, cx: &mut Context<'_>) {
        let Some(ending) = &self.ending else { return };
        let flagged = ending.cancel_at_period_end == Some(true) && seen.cancel_at_period_end == Some(true);
        let made = flagged || seen.status == Some(SubscriptionStatus::Canceled);
        let lease = cx.owed(|call| matches!(call, Call::CancelSubscription(..))).and_then(|it| it.lease);
        match lease.filter(|end| !made && !end.is_over(cx.now())) {
            // It may still be on its way.
            Some(end) => cx.look_up_from(Call::ConfirmSubscription(self.id.clone()), end),
            None => {
                cx.withdraw(|call| matches!(call, Call::CancelSubscription(..)));
                self.ending = None;
            }
        }
    }
}

fn refused(at: &mut Subscription, call: &Call, status: u16, cx: &mut Context<'_>) {
    match (call, &mut at.standing) {
        (Call::RetrieveSubscription(_), Some(it)) if it.adopted && it.status.is_none() => at.standing = None,
        (Call::RetrieveSubscription(_), Some(it)) => it.not_shown(status, cx),
        (Call::ConfirmSubscription(_), Some(it)) => {
            cx.review("outcome_unknown", it.id.as_str(), &["done", "not_done"]);
        }
        (Call::CancelSubscription(..), Some(it)) => it.ending = None,
        _ => at.checkouts.refused(call, status, cx),
    }
}

fn signalled(at: &mut Subscription, event: Event, origin: Origin, cx: &mut Context<'_>) -> Result<(), Because> {
    let Event::Signal(signal) = event else { return Err(Because::Unrelated) };
    cx.check(Rule::WebhookSignature, origin == Origin::Verified);
    if origin != Origin::Verified {
        return Err(Because::Unrelated);
    }
    let test_mode = signal.test_mode();
    match *signal {
        Signal::SessionCompleted(seen) => {
            let saw = at.checkouts.told(&seen, true, cx)?;
            at.saw(saw, &seen, cx);
        }
        Signal::SessionChanged(seen) => {
            let saw = at.checkouts.told(&seen, false, cx)?;
            at.saw(saw, &seen, cx);
        }
        Signal::InvoicePaid(invoice) => {
            let of = invoice.subscription.as_ref().and_then(|it| it.id("subscription_id"));
            at.owned(of, invoice.customer.as_ref(), test_mode, cx)?.paid(&invoice, cx)?;
        }
        Signal::InvoiceFailed(invoice) => {
            let of = invoice.subscription.as_ref().and_then(|it| it.id("subscription_id"));
            at.owned(of, invoice.customer.as_ref(), test_mode, cx)?.failed(&invoice, cx)?;
        }
        Signal::SubscriptionChanged(seen) => {
            let of = Some(seen.subscription_id.as_str());
            let it = at.owned(of, seen.customer.as_ref(), test_mode, cx)?;
            if it.is_over() {
                return Err(Because::Known);
            }
            it.look(cx);
        }
        Signal::SubscriptionDeleted(seen) => {
            let of = Some(seen.subscription_id.as_str());
            let it = at.owned(of, seen.customer.as_ref(), test_mode, cx)?;
            if it.is_over() {
                return Err(Because::Known);
            }
            it.end(SubscriptionStatus::Canceled, cx);
            at.withheld = None;
        }
        Signal::Refund(_) | Signal::Other => return Err(Because::Unrelated),
    }
    Ok(())
}

fn judged(at: &mut Subscription, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) {
    let own = at.standing.as_mut().filter(|it| it.id.as_str() == of);
    match (reason, verdict.name(), own) {
        ("not_as_asked", "fulfill", _) => cx.fulfill(of),
        ("no_signal", "stop_waiting", Some(it)) => it.stop(),
        ("outcome_unknown", _, Some(it)) => {
            cx.withdraw(|call| matches!(call, Call::CancelSubscription(..) | Call::ConfirmSubscription(_)));
            it.ending = None;
        }
        _ => at.checkouts.judged(reason, of, verdict, cx),
    }
}
