//! Events: a hint that makes the look-up owed, and evidence of what is final where their origin is proved.

use super::reply::OUTCOME_UNKNOWN;
use super::state::{Payment, Place, Subscription};
use super::{Context, Next};
use crate::fact::{Because, Origin};
use crate::providers::revup::call::Call;
use crate::providers::revup::event::{EventSeen, EventType, PaymentType};
use crate::providers::revup::rules::Rule;
use crate::providers::revup::wire::Status;

pub(super) fn signalled(mut at: Subscription, event: &EventSeen, origin: Origin, cx: &mut Context<'_>) -> Next {
    let named = at.id.as_ref() == Some(event.subscription());
    match at.place {
        Place::Absent | Place::Requested if origin == Origin::Verified && answers(&at, event, cx) => {
            // The event names our order, and nobody else can have sent it: it stands in for the answer.
            cx.withdraw(|call| call.is_create() || matches!(call, Call::FindTransactions(_)));
            if let Some(asked) = &at.asked {
                cx.withdraw_word(OUTCOME_UNKNOWN, asked.as_str());
            }
            at.bind(event.subscription().clone(), cx);
            at.remember(event.stamp());
            at.hint(cx);
            return Ok(at);
        }
        Place::Absent if answers(&at, event, cx) => {
            // A person said that nothing was created, and an event names our order: a person looks again.
            at.place = Place::Requested;
            return Ok(at.unknown(cx));
        }
        Place::Absent => return Err(Because::Unrelated.into()),
        Place::Requested => return Err(Because::Early.into()),
        _ if !named => return Err(Because::Unrelated.into()),
        _ => {}
    }
    if at.remember(event.stamp()) {
        return Err(Because::Known.into());
    }
    check(&at, event, cx);
    if origin == Origin::Verified {
        proved(&mut at, event, cx);
    }
    if !at.place.is_known() {
        at.confirm(cx);
    } else if !(at.place.is_final() || origin == Origin::Verified && is_settled(&at, event)) {
        at.hint(cx);
    }
    review_money(&mut at, event, cx);
    Ok(at)
}

/// Whether an event answers our creation, if it is genuine: it names the order of the token that we have sent.
fn answers(at: &Subscription, event: &EventSeen, cx: &Context<'_>) -> bool {
    let unsent = cx.owed(Call::is_create).is_some_and(|it| !it.sent);
    !unsent && at.on_token && at.order.is_some() && at.order == event.order()
}

/// What is odd about an event, whatever it moves.
fn check(at: &Subscription, event: &EventSeen, cx: &mut Context<'_>) {
    let (kind, status) = (event.kind(), event.status());
    cx.check(Rule::EventTypeKnown, kind.is_known()).at("/eventType");
    cx.check(Rule::EventOccurredAtAlias, event.has_one_time()).at("/ocurredAt");
    let plan = at.plan.is_none() || event.plan().is_none() || at.plan.as_deref() == event.plan();
    cx.check(Rule::EventMatchSubscription, plan).at("/data/planId");
    let agrees = match kind {
        EventType::Created => status == Status::Fulfilled,
        EventType::Archived => status == Status::Archived,
        EventType::Cancelled => status == Status::Cancelled && event.has_cancellation(),
        EventType::Paused => status == Status::Paused,
        _ => true,
    };
    cx.check(Rule::EventStatusConsistency, agrees).at("/data/status");
    cx.check(Rule::RefundSum, kind != EventType::Refunded || event.refunds_fit()).at("/originator/data/transactions");
    let rebill = matches!(event.payment_type(), Some(PaymentType::Renewal | PaymentType::Maintenance));
    cx.check(Rule::RebillOnlyAfterInitial, !(rebill && at.place == Place::Archived)).at("/originator/data/type");
    let paused = kind != EventType::Paused || at.place != Place::Awaiting;
    cx.check(Rule::PauseFromLive, paused).at("/eventType");
    let resumed = kind != EventType::Resumed || !matches!(at.place, Place::Fulfilled | Place::PastDue);
    cx.check(Rule::ResumeOnlyFromPaused, resumed).at("/eventType");
    let moves = matches!(kind, EventType::Updated | EventType::Paused | EventType::Resumed);
    cx.check(Rule::CancelledTerminal, !(moves && at.place == Place::Cancelled)).at("/eventType");
    cx.check(Rule::ArchivedTerminal, !(moves && at.place == Place::Archived)).at("/eventType");
}

/// Takes what is final from an event whose origin is proved; what can go both ways is the look-up's to say.
fn proved(at: &mut Subscription, event: &EventSeen, cx: &mut Context<'_>) {
    match event.kind() {
        _ if !at.place.is_known() => return,
        EventType::Created => {
            at.accept(cx);
            if at.place == Place::Awaiting && event.status() == Status::Fulfilled {
                // A hint that came before it is still looked into, as one that comes after it would be.
                let hinted = at.watch.as_ref().is_some_and(|it| !it.is_fresh());
                at.place = Place::Fulfilled;
                at.settle(cx);
                if hinted {
                    at.hint(cx);
                }
            }
        }
        EventType::Archived => at.end(Place::Archived, cx),
        EventType::Cancelled => {
            at.reason = event.reason().or(at.reason.take());
            at.end(Place::Cancelled, cx);
        }
        _ => {}
    }
    if let Some(until) = event.paid_until().filter(|_| at.payment == Payment::Accepted && !at.place.is_final()) {
        at.paid(until, cx);
        at.grant(cx);
    }
    at.measure(cx);
}

/// Whether an event leaves nothing to be looked up.
fn is_settled(at: &Subscription, event: &EventSeen) -> bool {
    match event.kind() {
        EventType::Created => at.place.is_live(),
        EventType::Refunded | EventType::Disputed => true,
        _ => false,
    }
}

/// Money that goes back ends nothing: refunds under way are looked at, and of a dispute a person is told.
fn review_money(at: &mut Subscription, event: &EventSeen, cx: &mut Context<'_>) {
    match event.kind() {
        EventType::Refunded => {
            for open in &mut at.open_refunds {
                open.watch.returned(cx.now());
                open.look(cx);
            }
        }
        EventType::Disputed => cx.review("disputed", event.subscription().as_str(), &["seen"]),
        _ => {}
    }
}
