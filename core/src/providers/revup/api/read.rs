//! Reads the replies of Revup: whether the members that prove a success are there, and what a refusal says.

use alloc::boxed::Box;

use super::replies::Event;
use crate::flow::{Reading, Refusal, Reply};
use crate::json::read_body;
use crate::providers::revup::api::calls::{Call, NO_SUBSCRIPTION, NO_TRANSACTION};
use crate::providers::revup::api::event::EventWebhook;
use crate::providers::revup::api::notification::{Notification, TransactionType};
use crate::providers::revup::api::payments::PaymentsReply;
use crate::providers::revup::api::refusal::{OtherMembers, refusal, with_rule};
use crate::providers::revup::api::replies::{
    CreatedBody, CreatedReply, Status, SubscriptionReply, TransactionBody, TransactionsReply,
};
use crate::providers::revup::callback::Callback;
use crate::providers::revup::ids::{SubscriptionId, TransactionId};
use crate::providers::revup::rules::Rule;
use crate::rule::RuleSet;

/// Reads a successful reply.
pub(crate) fn reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
    let body = reply.body;
    match call {
        Call::CreateSubscription(request) => created(body, request.is_on_token()),
        Call::RetrieveSubscription(id) => Reading::of(SubscriptionReply::read(body, id).map(Event::Subscription)),
        Call::RetrievePayments(..) => {
            let payments = read_body::<PaymentsReply>(body);
            Reading::of(payments.map(Event::Payments).ok_or("/payments"))
        }
        Call::CancelSubscription(id, _) => cancelled(body, id),
        Call::RefundPayment(refund) => refunded(body, &refund.transaction_id),
        Call::RetrieveTransaction(id, _) | Call::RetrieveRefund(id) => transaction(body, id),
        Call::FindTransactions(_) | Call::FindRefund(..) => {
            Reading::of(TransactionsReply::read(body).map(Event::Transactions))
        }
    }
}

fn created(body: &[u8], on_token: bool) -> Reading<Event> {
    let created = read_body::<CreatedBody>(body).unwrap_or_default();
    match (created.subscription(), created.order()) {
        (None, _) => Reading::missing("/subscriptionId"),
        (Some(subscription_id), Some(order_id)) => {
            Reading::Done(Event::Created(CreatedReply { order_id, subscription_id }))
        }
        // The form cannot be shown without its order, so the request is sent again.
        (Some(id), None) => {
            Reading::Missing { pointer: "/orderId", hint: on_token.then_some(Event::SubscriptionNamed(id)) }
        }
    }
}

fn cancelled(body: &[u8], id: &SubscriptionId) -> Reading<Event> {
    match SubscriptionReply::read(body, id) {
        Ok(reply) if reply.status == Status::Cancelled => Reading::Done(Event::Cancelled(reply)),
        Ok(_) => Reading::Missing { pointer: "/status", hint: Some(Event::NotCancelled) },
        Err(pointer) => Reading::Missing { pointer, hint: Some(Event::NotCancelled) },
    }
}

/// Reads the transaction of a refund. The transaction of the payment itself, or one of another type, is not a refund.
fn refunded(body: &[u8], payment: &TransactionId) -> Reading<Event> {
    let Some(body) = read_body::<TransactionBody>(body) else { return Reading::missing("") };
    let (id, kind) = (body.id(), body.kind());
    if id.as_ref() == Some(payment) {
        return Reading::missing("/transactionId");
    }
    if kind.is_some_and(|it| it != TransactionType::Refund) {
        return Reading::missing("/transactionType");
    }
    match body.transaction() {
        Ok(transaction) => Reading::Done(Event::Transaction(transaction)),
        Err(pointer) => Reading::Missing { pointer, hint: id.map(Event::TransactionNamed) },
    }
}

/// Reads the requested transaction.
fn transaction(body: &[u8], requested: &TransactionId) -> Reading<Event> {
    let Some(body) = read_body::<TransactionBody>(body) else { return Reading::missing("") };
    let transaction = body.transaction();
    let is_requested = transaction.and_then(|it| if it.id == *requested { Ok(it) } else { Err("/transactionId") });
    Reading::of(is_requested.map(Event::Transaction))
}

/// The subscription that the reply to its creation on a token names. A form changes nothing before the customer pays.
fn named_subscription(call: &Call, body: &[u8]) -> Option<Event> {
    match call {
        Call::CreateSubscription(request) if request.is_on_token() => {
            read_body::<CreatedBody>(body)?.subscription().map(Event::SubscriptionNamed)
        }
        _ => None,
    }
}

/// Reads a refusal. The result is `None` if the reply is not in a form that Revup documents.
pub(crate) fn refused(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
    let named = named_subscription(call, reply.body);
    let (mut refusal, transaction) = match refusal(reply, other_members(call)) {
        None if named.is_some() => (Refusal::new(None, None), None),
        refusal => refusal?,
    };
    let has_code = |wanted: &str| refusal.code.as_deref() == Some(wanted);
    let rules: &[_] = match call {
        Call::CreateSubscription(_) => &[("0151", Rule::TokenNotDisabled), ("0307", Rule::CreateCurrencyRequired)],
        Call::CancelSubscription(..) => &[(NO_SUBSCRIPTION, Rule::Cancel404)],
        Call::RefundPayment(_) => &[("0207", Rule::RefundOnlySuccessfulPayment), ("0307", Rule::RefundCurrency)],
        _ => &[],
    };
    match call {
        Call::CreateSubscription(_) => {
            refusal.undecided |= named.is_some();
            refusal.event = named;
            if says_token_is_used(call, &refusal) {
                refusal.undecided = true;
                return Some(Refusal { rule: Some(Rule::TokenOneSubscription.rule()), ..refusal });
            }
        }
        Call::CancelSubscription(..) if has_code(NO_SUBSCRIPTION) => refusal.event = Some(Event::NotCancelled),
        Call::RefundPayment(refund) => {
            refusal.event = transaction.filter(|id| *id != refund.transaction_id).map(Event::TransactionNamed);
        }
        // Only these refusals deny that the thing exists.
        Call::RetrieveSubscription(_) => refusal.undecided |= !(reply.status == 404 && has_code(NO_SUBSCRIPTION)),
        Call::RetrieveTransaction(..) | Call::RetrieveRefund(_) | Call::FindTransactions(_) | Call::FindRefund(..) => {
            refusal.undecided |= !has_code(NO_TRANSACTION);
        }
        _ => {}
    }
    Some(with_rule(refusal, rules))
}

/// Whether a refusal says that the token has made a subscription before. The row of the token knows none, so a subscription
/// exists that it has to find: the row was restored from a backup, or somebody else used the token. No document shows the
/// words, and the code alone says no more than "invalid request".
fn says_token_is_used(call: &Call, refusal: &Refusal<Event>) -> bool {
    let is_on_token = matches!(call, Call::CreateSubscription(request) if request.is_on_token());
    let text = refusal.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let says_used = ["one subscription", "already", "exists", "used"].into_iter().any(|it| text.contains(it));
    is_on_token && says_used && (text.contains("subscription") || text.contains("token"))
}

/// Which other members of a refusal count: all of them, if the refusal allows a second charge or denies a refund.
fn other_members(call: &Call) -> OtherMembers {
    match call {
        Call::CreateSubscription(request) if !request.is_on_token() => OtherMembers::Transactions,
        Call::CancelSubscription(..) => OtherMembers::Transactions,
        _ => OtherMembers::Everything,
    }
}

/// Reads a message that Revup posts: an event, a notification or a callback.
pub(crate) fn webhook(body: &[u8]) -> Option<Event> {
    let event = || EventWebhook::read(body).map(|it| Event::Webhook(Box::new(it)));
    let notification = || Notification::read(body).map(|it| Event::Notification(Box::new(it)));
    let callback = || Callback::read(body).map(|it| Event::Callback(Box::new(it)));
    event().or_else(notification).or_else(callback)
}
