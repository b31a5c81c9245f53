//! Replies to our requests about the subscription itself: how it stands, until when it is paid, and that it is over.

use super::command::Event;
use super::state::{Place, Subscription};
use super::{Context, creation, refund};
use crate::fact::Because;
use crate::flow::{AfterAll, Stop};
use crate::id::EffectId;
use crate::providers::revup::call::{Call, PAGE_SIZE};
use crate::providers::revup::payments::PaymentsSeen;
use crate::providers::revup::rules::Rule;
use crate::providers::revup::wire::{Reason, Status, SubscriptionSeen};

/// A reply proves the success of a request, which is over.
pub(super) fn answered(at: &mut Subscription, id: &EffectId, call: &Call, event: Event, cx: &mut Context<'_>) -> Result<(), Stop> {
    match (event, call) {
        (Event::Created(reply), _) => creation::created(at, reply, cx)?,
        (Event::Seen(seen), _) => looked(at, &seen, cx),
        (Event::Payments(seen), Call::RetrievePayments(_, page)) => measured(at, &seen, *page, cx),
        (Event::Cancelled(seen), _) => cancelled(at, &seen, cx),
        (Event::Transaction(seen), Call::RefundPayment(of)) => refund::made(at, id, of, &seen, cx),
        (Event::Transaction(seen), Call::RetrieveTransaction(_, intent)) => refund::looked(at, intent, &seen, cx),
        (Event::Transactions(seen), Call::FindTransactions(_)) if at.place.is_known() => refund::counted(at, &seen),
        (Event::Transactions(_), Call::FindTransactions(_)) => creation::undecided(cx),
        (Event::Transactions(seen), Call::FindRefund(_, intent)) => refund::listed(at, intent, &seen, cx),
        _ => return Err(Because::Unrelated.into()),
    }
    Ok(())
}

/// A request was done that had been ended as not done: the new try is none. Of a creation a person says whether it is ours.
pub(super) fn after_all(at: &mut Subscription, it: &AfterAll<Call>, event: Event, cx: &mut Context<'_>) {
    match it.again.as_ref().map(|(id, call)| (id, &**call)) {
        Some((_, Call::CreateSubscription(_))) => creation::vanish(at, cx),
        Some((id, Call::RefundPayment(of))) => refund::ends(at, id.intent(), of, false, cx),
        _ => {}
    }
    if let (Event::Transaction(seen), Call::RefundPayment(of)) = (event, &*it.call) {
        refund::made_after_all(at, &it.id, of, &seen, cx);
    }
}

/// A reply proves nothing, and still says something.
pub(super) fn hinted(at: &mut Subscription, call: &Call, event: Event, cx: &mut Context<'_>) -> Result<(), Stop> {
    match (event, call) {
        (Event::Named(id), Call::CreateSubscription(_)) => creation::named(at, id, cx),
        (Event::Made(id), Call::RefundPayment(of)) => refund::named(of, id, cx),
        (Event::NotCancelled, _) if !at.place.is_final() => {
            cx.check(Rule::CancelResponse, false);
            at.hint(cx);
        }
        _ => {}
    }
    Ok(())
}

/// A look-up shows the subscription.
fn looked(at: &mut Subscription, seen: &SubscriptionSeen, cx: &mut Context<'_>) {
    if at.id.as_ref().is_some_and(|id| *id != seen.id) {
        return;
    }
    if at.seen_at.is_some_and(|newest| cx.begun_at() < newest) {
        // What it shows was seen before what is known.
        match &at.watch {
            Some(_) => at.watch(cx),
            None => at.look_again(cx),
        }
        return;
    }
    at.seen_at = Some(cx.begun_at());
    if at.place == Place::Requested && !creation::shown(at, seen, cx) {
        return;
    }
    if at.place == Place::Attested && creation::is_another(at, seen) {
        creation::doubted(at, "other_plan", cx);
        return;
    }
    if at.place == Place::Adopting {
        cx.learn(seen.id.as_str());
    }
    found(at, seen, cx)
}

/// Takes in how the subscription stands.
fn found(at: &mut Subscription, seen: &SubscriptionSeen, cx: &mut Context<'_>) {
    at.plan = at.plan.take().or_else(|| seen.plan_id.clone());
    if let Some(reason) = &seen.reason {
        at.reason = Some(reason.clone());
    }
    at.unlisted = None;
    if let Some(id) = &at.id {
        for word in ["not_found", "other_plan", "status_unknown"] {
            cx.withdraw_word(word, id.as_str());
        }
    }
    match &seen.status {
        Status::Fulfilled => live(at, Place::Fulfilled, cx),
        Status::PastDue => live(at, Place::PastDue, cx),
        Status::Paused => live(at, Place::Paused, cx),
        Status::Archived => at.end(Place::Archived, cx),
        Status::Cancelled => at.end(Place::Cancelled, cx),
        Status::Unknown(status) if at.lives_as.as_ref() == Some(status) => live(at, Place::Fulfilled, cx),
        Status::Unknown(status) => unclear(at, status, cx),
    }
}

pub(super) fn live(at: &mut Subscription, to: Place, cx: &mut Context<'_>) {
    if at.place.is_final() {
        at.contradict(cx);
        return;
    }
    let (came, adopted) = (at.place != to, at.place == Place::Adopting);
    at.accept(cx);
    at.place = to;
    at.settle(cx);
    let Some(id) = &at.id else { return };
    match to {
        Place::PastDue if came && !adopted => cx.notify("payment_failed", id.as_str(), None),
        Place::Fulfilled => cx.withdraw_word("payment_failed", id.as_str()),
        _ => {}
    }
    if came {
        at.grant(cx);
    }
    at.measure(cx);
}

/// A status that no document lists is taken neither for paid nor for over.
fn unclear(at: &mut Subscription, status: &str, cx: &mut Context<'_>) {
    if at.place.is_final() {
        return;
    }
    cx.check(Rule::StatusKnown, false);
    at.unlisted = Some(status.into());
    match at.place {
        // The status before the first charge is settled has no documented name.
        Place::Awaiting => at.inconclusive(cx),
        Place::Attested => at.wait(cx),
        _ => {
            at.place = Place::Unclear;
            if let Some(id) = &at.id {
                cx.review("status_unknown", id.as_str(), &["live", "ended"]);
            }
            at.settle(cx);
        }
    }
}

/// Takes in until when the customer has paid, unless what stands is in doubt, and how much each payment was.
fn measured(at: &mut Subscription, seen: &PaymentsSeen, page: u32, cx: &mut Context<'_>) {
    for made in seen.made() {
        at.ledger.note(made, true);
    }
    let unpaid_before = at.unpaid_before && page > 1;
    at.unpaid_before = seen.ends_unpaid().unwrap_or(unpaid_before);
    if at.place != Place::Fulfilled || at.watch.is_some() {
        at.stop_measuring(cx);
        return;
    }
    match seen.paid_until(unpaid_before) {
        Some(until) if !until.is_over(cx.now()) => {
            at.stop_measuring(cx);
            at.paid(until, cx);
            at.settle(cx);
        }
        None if seen.goes_on_after(page, PAGE_SIZE) => {
            if let Some(id) = at.id.clone() {
                cx.look_up(Call::RetrievePayments(id, page.saturating_add(1)));
            }
        }
        _ => unmeasured(at, cx),
    }
}

fn unmeasured(at: &mut Subscription, cx: &mut Context<'_>) {
    if let Some(watch) = &mut at.period {
        watch.looked(cx.begun_at());
        at.measure_on(cx);
    }
}

fn cancelled(at: &mut Subscription, seen: &SubscriptionSeen, cx: &mut Context<'_>) {
    cx.check(Rule::CancelResponse, seen.reason == Some(Reason::MerchantApi));
    at.reason = seen.reason.clone().or(at.reason.take());
    at.end(Place::Cancelled, cx);
    at.cancelling = false;
}

/// Every sending of a request was refused, or a look-up says that there is no such thing.
pub(super) fn refused(at: &mut Subscription, id: &EffectId, call: &Call, cx: &mut Context<'_>) {
    match call {
        Call::CreateSubscription(_) => creation::vanish(at, cx),
        Call::RetrieveSubscription(of) => match at.place {
            Place::Adopting => creation::vanish(at, cx),
            Place::Requested => creation::denied(at, cx),
            Place::Attested => creation::doubted(at, "not_found", cx),
            _ if at.place.is_final() => {}
            _ => {
                cx.review("not_found", of.as_str(), &["ended", "keep"]);
                at.inconclusive(cx);
            }
        },
        Call::CancelSubscription(..) => not_cancelled(at, cx),
        Call::RefundPayment(of) => refund::ends(at, id.intent(), of, false, cx),
        Call::FindTransactions(_) => creation::undecided(cx),
        Call::RetrieveTransaction(_, intent) | Call::FindRefund(_, intent) => refund::denied(at, intent, cx),
        Call::RetrievePayments(..) => unmeasured(at, cx),
    }
}

/// A cancellation did nothing, as far as is known: how the subscription stands is looked up.
pub(super) fn not_cancelled(at: &mut Subscription, cx: &mut Context<'_>) {
    at.cancelling = false;
    if !at.place.is_final() {
        at.hint(cx);
    }
}
