//! Events: a hint that makes the look-up owed, and evidence of what is final where their origin is proved.

use super::state::{Payment, Place, Subscription};
use super::{Context, refund};
use crate::fact::{Because, Origin};
use crate::id::Digest;
use crate::providers::revup::call::Call;
use crate::providers::revup::callback::Callback;
use crate::providers::revup::event::{EventSeen, EventType, PaymentType};
use crate::providers::revup::notification::{Notification, TransactionType};
use crate::providers::revup::rules::Rule;
use crate::providers::revup::wire::Status;
use crate::flow::Stop;
use crate::time::Timestamp;

pub(super) fn signalled(at: &mut Subscription, event: &EventSeen, origin: Origin, cx: &mut Context<'_>) -> Result<(), Stop> {
    let named = at.id.as_ref() == Some(event.subscription());
    match at.place {
        Place::Absent | Place::Requested if origin == Origin::Verified && answers(at, event, cx) => {
            proves(at, event, cx);
            return Ok(());
        }
        Place::Absent if answers(at, event, cx) => return after_all(at, event, cx),
        Place::Absent => return Err(Because::Unrelated.into()),
        Place::Requested => return Err(Because::Early.into()),
        _ if !named && origin == Origin::Verified && answers(at, event, cx) => return twice(at, event, cx),
        _ if !named => return Err(Because::Unrelated.into()),
        _ => {}
    }
    if at.remember(event.stamp()) {
        return Err(Because::Known.into());
    }
    check(at, event, cx);
    for made in event.made() {
        at.ledger.note(made, origin == Origin::Verified);
    }
    refund::listed_by(at, event, origin, cx);
    if origin == Origin::Verified {
        proved(at, event, cx);
    }
    if !at.place.is_known() || origin != Origin::Verified && revives(at, event) {
        at.confirm(cx);
    } else if !(at.place.is_final() || origin == Origin::Verified && is_settled(at, event)) {
        at.hint(cx);
    }
    match event.kind() {
        EventType::Refunded => {
            refund::told(at, cx);
        }
        EventType::Disputed => disputed(at, cx),
        _ => {}
    }
    Ok(())
}

/// An event names our order, and nobody else can have sent it: it stands in for the reply to the creation.
fn proves(at: &mut Subscription, event: &EventSeen, cx: &mut Context<'_>) {
    let id = event.subscription();
    if cx.prove(Call::is_create, Some(id.as_str())).is_none() {
        // A person has said that nothing was created.
        let _ = cx.after_all(Call::is_create, id.as_str(), &["seen"]);
    }
    cx.withdraw(Call::is_of_status);
    at.bind(id.clone(), cx);
    at.remember(event.stamp());
    at.hint(cx);
}

/// Another subscription is told of on the order of ours: the token was used twice, and a person looks.
fn twice(at: &mut Subscription, event: &EventSeen, cx: &mut Context<'_>) -> Result<(), Stop> {
    if at.remember(event.stamp()) {
        return Err(Because::Known.into());
    }
    cx.review("made_twice", event.subscription().as_str(), &["seen"]);
    Ok(())
}

/// A person said that nothing was created, and an event names our order: a person looks again.
fn after_all(at: &mut Subscription, event: &EventSeen, cx: &mut Context<'_>) -> Result<(), Stop> {
    if at.remember(event.stamp()) {
        return Err(Because::Known.into());
    }
    let id = event.subscription();
    cx.review("made_after_all", id.as_str(), &["ours", "not_ours"]);
    at.named = Some(id.clone());
    Ok(())
}

/// Goes on only if a message is about this subscription, which is known, and was not told before.
fn is_news(at: &mut Subscription, ours: bool, stamp: (Timestamp, Digest)) -> Result<(), Because> {
    let place = at.place;
    match place {
        Place::Requested if ours => Err(Because::Early),
        _ if !ours || !place.is_known() => Err(Because::Unrelated),
        _ if at.remember(stamp) => Err(Because::Known),
        _ => Ok(()),
    }
}

/// A callback comes through the customer's hands: it is a hint whoever vouches for it.
pub(super) fn called_back(at: &mut Subscription, seen: &Callback, cx: &mut Context<'_>) -> Result<(), Stop> {
    let ours = at.order.is_some() && at.order == seen.order;
    is_news(at, ours, seen.stamp())?;
    if !at.place.is_final() {
        at.ask(cx);
    }
    Ok(())
}

/// A notification tells how one transaction stands: a hint, and with proof the end of the refund that it names.
pub(super) fn notified(at: &mut Subscription, seen: &Notification, origin: Origin, cx: &mut Context<'_>) -> Result<(), Stop> {
    let of_refund = at.open_refunds.iter().any(|it| [&it.transaction, &it.payment].contains(&&seen.transaction));
    let ours = of_refund || (at.order.is_some() && at.order.as_ref() == Some(&seen.order));
    is_news(at, ours, seen.stamp())?;
    cx.check(Rule::EventTypeKnown, seen.kind.is_known()).at("/transactionType");
    let handled = seen.kind == TransactionType::Refund && refund::notified(at, seen, origin, cx);
    if matches!(seen.kind, TransactionType::Chargeback | TransactionType::Rdr | TransactionType::InformationRequested) {
        disputed(at, cx);
    }
    if !(handled || at.place.is_final()) {
        at.hint(cx);
    }
    Ok(())
}

/// Money that goes back by a dispute ends nothing by itself: a person is told.
fn disputed(at: &Subscription, cx: &mut Context<'_>) {
    if let Some(id) = &at.id {
        cx.review("disputed", id.as_str(), &["seen"]);
    }
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
    let plan = at.plan.is_none()
        || event.plan().is_none()
        || event.plan().is_some_and(|plan| at.plan.as_deref().is_some_and(|ours| ours.eq_ignore_ascii_case(plan)));
    cx.check(Rule::EventMatchSubscription, plan).at("/data/planId");
    let agrees = match kind {
        EventType::Created => *status == Status::Fulfilled && !event.is_unpaid(),
        EventType::Archived => *status == Status::Archived,
        EventType::Cancelled => *status == Status::Cancelled && event.has_cancellation(),
        EventType::Paused => *status == Status::Paused,
        _ => true,
    };
    cx.check(Rule::EventStatusConsistency, agrees).at("/data/status");
    cx.check(Rule::RefundSum, *kind != EventType::Refunded || event.refunds_fit()).at("/originator/data/transactions");
    let rebill = matches!(event.payment_type(), Some(PaymentType::Renewal | PaymentType::Maintenance));
    cx.check(Rule::RebillOnlyAfterInitial, !(rebill && at.place == Place::Archived)).at("/originator/data/type");
    let paused = *kind != EventType::Paused || at.place != Place::Awaiting;
    cx.check(Rule::PauseFromLive, paused).at("/eventType");
    let resumed = *kind != EventType::Resumed || !matches!(at.place, Place::Fulfilled | Place::PastDue);
    cx.check(Rule::ResumeOnlyFromPaused, resumed).at("/eventType");
    let moves = matches!(kind, EventType::Updated | EventType::Paused | EventType::Resumed);
    cx.check(Rule::CancelledTerminal, !(moves && at.place == Place::Cancelled)).at("/eventType");
    let archived = at.place == Place::Archived && (moves || *kind == EventType::Created);
    cx.check(Rule::ArchivedTerminal, !archived).at("/eventType");
}

/// Whether an event tells of a paid subscription, where the first charge is known to have failed.
fn revives(at: &Subscription, event: &EventSeen) -> bool {
    let lives = matches!(event.kind(), EventType::Created | EventType::Updated | EventType::Resumed);
    at.place == Place::Archived && lives && *event.status() == Status::Fulfilled
}

/// Takes what is final from an event whose origin is proved; what can go both ways is the look-up's to say.
fn proved(at: &mut Subscription, event: &EventSeen, cx: &mut Context<'_>) {
    match event.kind() {
        _ if !at.place.is_known() => return,
        // The payment that it comes from decides, and the look-up where that was not made.
        EventType::Created if event.is_unpaid() => {}
        EventType::Created => {
            at.accept(cx);
            if at.place == Place::Awaiting && *event.status() == Status::Fulfilled {
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
        EventType::Created => at.place.is_live() && !event.is_unpaid(),
        EventType::Refunded | EventType::Disputed => true,
        _ => false,
    }
}
