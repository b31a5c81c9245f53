//! Replies as Revup words them: whether what proves a success is there, and what a refusal says.

use alloc::boxed::Box;

use super::replies::Event;
use crate::flow::{Reading, Refusal, Reply};
use crate::json::read_body;
use crate::providers::revup::api::calls::{Call, NO_SUBSCRIPTION, NO_TRANSACTION};
use crate::providers::revup::api::event::EventSeen;
use crate::providers::revup::api::notification::{Notification, TransactionType};
use crate::providers::revup::api::payments::PaymentsSeen;
use crate::providers::revup::api::refusal::{Beside, predicted, refusal};
use crate::providers::revup::api::replies::{
    Created, CreatedBody, Status, SubscriptionSeen, TransactionBody, TransactionsSeen,
};
use crate::providers::revup::callback::Callback;
use crate::providers::revup::ids::{SubscriptionId, TransactionId};
use crate::providers::revup::rules::Rule;

/// Reads a good reply.
pub(crate) fn reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
    let body = reply.body;
    match call {
        Call::CreateSubscription(request) => created(body, request.is_on_token()),
        Call::RetrieveSubscription(id) => Reading::of(SubscriptionSeen::read(body, id).map(Event::Seen)),
        Call::RetrievePayments(..) => {
            let seen = read_body::<PaymentsSeen>(body);
            Reading::of(seen.map(Event::Payments).ok_or("/payments"))
        }
        Call::CancelSubscription(id, _) => cancelled(body, id),
        Call::RefundPayment(refund) => refunded(body, &refund.transaction_id),
        Call::RetrieveTransaction(id, _) => transaction(body, id),
        Call::FindTransactions(_) | Call::FindRefund(..) => {
            Reading::of(TransactionsSeen::read(body).map(Event::Transactions))
        }
    }
}

fn created(body: &[u8], on_token: bool) -> Reading<Event> {
    let seen = read_body::<CreatedBody>(body).unwrap_or_default();
    match (seen.subscription(), seen.order()) {
        (None, _) => Reading::missing("/subscriptionId"),
        (Some(subscription_id), Some(order_id)) => Reading::Done(Event::Created(Created { order_id, subscription_id })),
        // A form without its order cannot be shown, so it is asked for again.
        (Some(id), None) => Reading::Missing { pointer: "/orderId", hint: on_token.then_some(Event::Named(id)) },
    }
}

fn cancelled(body: &[u8], id: &SubscriptionId) -> Reading<Event> {
    match SubscriptionSeen::read(body, id) {
        Ok(seen) if seen.status == Status::Cancelled => Reading::Done(Event::Cancelled(seen)),
        Ok(_) => Reading::Missing { pointer: "/status", hint: Some(Event::NotCancelled) },
        Err(pointer) => Reading::Missing { pointer, hint: Some(Event::NotCancelled) },
    }
}

/// The transaction of a refund: never the payment's own, nor one that does something else.
fn refunded(body: &[u8], payment: &TransactionId) -> Reading<Event> {
    let Some(body) = read_body::<TransactionBody>(body) else { return Reading::missing("") };
    let (id, kind) = (body.id(), body.kind());
    if id.as_ref() == Some(payment) {
        return Reading::missing("/transactionId");
    }
    if kind.is_some_and(|it| it != TransactionType::Refund) {
        return Reading::missing("/transactionType");
    }
    match body.seen() {
        Ok(seen) => Reading::Done(Event::Transaction(seen)),
        Err(pointer) => Reading::Missing { pointer, hint: id.map(Event::Made) },
    }
}

/// The transaction that was asked for.
fn transaction(body: &[u8], asked: &TransactionId) -> Reading<Event> {
    let Some(body) = read_body::<TransactionBody>(body) else { return Reading::missing("") };
    Reading::of(
        body.seen().and_then(|it| if it.id == *asked { Ok(it) } else { Err("/transactionId") }).map(Event::Transaction),
    )
}

/// The subscription that a reply to its creation on a token names. A form changes nothing before it is paid.
fn named(call: &Call, body: &[u8]) -> Option<Event> {
    match call {
        Call::CreateSubscription(request) if request.is_on_token() => {
            read_body::<CreatedBody>(body)?.subscription().map(Event::Named)
        }
        _ => None,
    }
}

/// Reads a refusal; nothing if it is not worded as Revup words them.
pub(crate) fn refused(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
    let named = named(call, reply.body);
    let (mut refusal, transaction) = match refusal(reply, beside(call)) {
        None if named.is_some() => (Refusal::new(None, None), None),
        worded => worded?,
    };
    let is = |wanted: &str| refusal.code.as_deref() == Some(wanted);
    let rules: &[_] = match call {
        Call::CreateSubscription(_) => &[("0151", Rule::TokenNotDisabled), ("0307", Rule::CreateCurrencyRequired)],
        Call::CancelSubscription(..) => &[(NO_SUBSCRIPTION, Rule::Cancel404)],
        Call::RefundPayment(_) => &[("0207", Rule::RefundCurrency), ("0307", Rule::RefundCurrency)],
        _ => &[],
    };
    match call {
        Call::CreateSubscription(_) => {
            refusal.undecided |= named.is_some();
            refusal.event = named;
        }
        Call::CancelSubscription(..) if is(NO_SUBSCRIPTION) => refusal.event = Some(Event::NotCancelled),
        Call::RefundPayment(refund) => {
            refusal.event = transaction.filter(|id| *id != refund.transaction_id).map(Event::Made);
        }
        // Only these say that there is no such thing.
        Call::RetrieveSubscription(_) => refusal.undecided |= !(reply.status == 404 && is(NO_SUBSCRIPTION)),
        Call::RetrieveTransaction(..) | Call::FindTransactions(_) | Call::FindRefund(..) => {
            refusal.undecided |= !is(NO_TRANSACTION);
        }
        _ => {}
    }
    Some(predicted(refusal, rules))
}

/// What counts beside a refusal: everything where it frees money to be moved again, or denies that it was.
fn beside(call: &Call) -> Beside {
    match call {
        Call::CreateSubscription(request) if !request.is_on_token() => Beside::Transactions,
        Call::CancelSubscription(..) => Beside::Transactions,
        _ => Beside::Everything,
    }
}

/// Reads what Revup posts: an event, a notification, or the callback of a payment.
pub(crate) fn webhook(body: &[u8]) -> Option<Event> {
    let event = || EventSeen::read(body).map(|it| Event::Webhook(Box::new(it)));
    let notified = || Notification::read(body).map(|it| Event::Notified(Box::new(it)));
    let callback = || Callback::read(body).map(|it| Event::Callback(Box::new(it)));
    event().or_else(notified).or_else(callback)
}
