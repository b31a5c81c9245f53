//! Replies as Revup words them: whether what proves a success is there, and what a refusal says.

use alloc::boxed::Box;

use super::command::Event;
use crate::decode::read;
use crate::flow::{Reading, Refusal, Reply};
use crate::providers::revup::call::{Call, NO_SUBSCRIPTION, NO_TRANSACTION};
use crate::providers::revup::callback::Callback;
use crate::providers::revup::event::EventSeen;
use crate::providers::revup::ids::{SubscriptionId, TransactionId};
use crate::providers::revup::notification::Notification;
use crate::providers::revup::rules::Rule;
use crate::providers::revup::wire::{
    Created, CreatedBody, PaymentsSeen, Status, SubscriptionSeen, TransactionBody, TransactionsSeen, predicted, refusal,
};

/// Reads a good reply.
pub(super) fn reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
    let body = reply.body;
    match call {
        Call::CreateSubscription(it) => created(body, it.is_on_token()),
        Call::RetrieveSubscription(id) => Reading::of(SubscriptionSeen::read(body, id).map(Event::Seen)),
        Call::RetrievePayments(..) => {
            let seen = read::<PaymentsSeen>(body);
            Reading::of(seen.map(Event::Payments).ok_or("/payments"))
        }
        Call::CancelSubscription(id, _) => cancelled(body, id),
        Call::RefundPayment(it) => transaction(body, None, &it.transaction_id),
        Call::RetrieveTransaction(id, _) => transaction(body, Some(id), id),
        Call::FindTransactions(_) | Call::FindRefund(..) => {
            Reading::of(TransactionsSeen::read(body).map(Event::Transactions))
        }
    }
}

fn created(body: &[u8], on_token: bool) -> Reading<Event> {
    let seen = read::<CreatedBody>(body).unwrap_or_default();
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

/// A transaction, and the one that was asked for where one was; the payment's own is no hint at its refund.
fn transaction(body: &[u8], asked: Option<&TransactionId>, payment: &TransactionId) -> Reading<Event> {
    let Some(seen) = read::<TransactionBody>(body) else { return Reading::missing("") };
    let id = seen.id();
    let hint = || id.clone().filter(|id| asked.is_none() && id != payment).map(Event::Made);
    match seen.seen() {
        Ok(seen) if asked.is_none_or(|asked| seen.id == *asked) => Reading::Done(Event::Transaction(seen)),
        Ok(_) => Reading::missing("/transactionId"),
        Err(pointer) => Reading::Missing { pointer, hint: hint() },
    }
}

/// Reads a refusal; nothing if it is not worded as Revup words them.
pub(super) fn refused(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
    let (mut refusal, transaction) = refusal(reply)?;
    let is = |wanted: &str| refusal.code.as_deref() == Some(wanted);
    let rules: &[_] = match call {
        Call::CreateSubscription(_) => &[("0151", Rule::TokenNotDisabled), ("0307", Rule::CreateCurrencyRequired)],
        Call::CancelSubscription(..) => &[(NO_SUBSCRIPTION, Rule::Cancel404)],
        Call::RefundPayment(_) => &[("0207", Rule::RefundCurrency), ("0307", Rule::RefundCurrency)],
        _ => &[],
    };
    match call {
        Call::CancelSubscription(..) if is(NO_SUBSCRIPTION) => refusal.event = Some(Event::NotCancelled),
        Call::RefundPayment(it) => {
            refusal.event = transaction.filter(|id| *id != it.transaction_id).map(Event::Made);
        }
        // Only these say that there is no such thing.
        Call::RetrieveSubscription(_) => refusal.undecided = !(reply.status == 404 && is(NO_SUBSCRIPTION)),
        Call::RetrieveTransaction(..) | Call::FindTransactions(_) | Call::FindRefund(..) => {
            refusal.undecided = !is(NO_TRANSACTION);
        }
        _ => {}
    }
    Some(predicted(refusal, rules))
}

/// Reads what Revup posts: an event, a notification, or the callback of a payment.
pub(super) fn webhook(body: &[u8]) -> Option<Event> {
    let event = || EventSeen::read(body).map(|it| Event::Signal(Box::new(it)));
    let notified = || Notification::read(body).map(|it| Event::Notified(Box::new(it)));
    let callback = || Callback::read(body).map(|it| Event::Callback(Box::new(it)));
    event().or_else(notified).or_else(callback)
}
