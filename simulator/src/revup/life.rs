//! A subscription's life after its creation.

use serde_json::{Value, json};

use super::card::Behavior;
use super::create::renewal_price;
use super::pay::{self, Payer};
use super::state::{Cancellation, Order, Payment, PaymentOf, Revup, Status, Subscription};
use super::{events, money};
use crate::calendar::later;
use crate::world::Context;

/// Does what was planned.
pub(super) fn due(revup: &mut Revup, what: &Value, context: &mut Context<'_>) {
    if let Some(id) = what["settle"].as_str() {
        pay::settle(revup, id, true, context);
    } else if let Some(id) = what["initial"].as_str() {
        initial(revup, id, context);
    } else if let (Some(id), Some(payment)) = (what["renew"].as_str(), what["payment"].as_str()) {
        let of = PaymentOf { subscription: id.into(), payment: payment.into() };
        let live = |it: &&Subscription| matches!(it.status, Status::Fulfilled | Status::PastDue);
        let scheduled = revup.subscriptions.get(id).filter(live).and_then(Subscription::scheduled);
        if scheduled.is_some_and(|it| it.id == of.payment && what["at"] == json!(it.due)) {
            charge(revup, &of, context);
        }
    }
}

/// Revup makes the initial payment by token, once.
fn initial(revup: &mut Revup, id: &str, context: &mut Context<'_>) {
    let Some(subscription) = revup.subscriptions.get(id).filter(|it| it.status == Status::Pending) else { return };
    let Some(payment) = subscription.payments.first() else { return };
    let of = PaymentOf { subscription: id.to_owned(), payment: payment.id.clone() };
    charge(revup, &of, context);
}

/// Tries to make a payment while the customer is absent.
fn charge(revup: &mut Revup, of: &PaymentOf, context: &mut Context<'_>) {
    let card = revup.subscriptions.get(&of.subscription).and_then(|it| it.card.clone());
    let Some(payment) = revup.payment_mut(of) else { return };
    payment.status = "paying";
    let order = payment.order.clone();
    let Some(card) = card else { return };
    let transactions = pay::attempt(revup, &order, Some(of), &Payer { card, absent: true }, context);
    pay::conclude(revup, &transactions, true, context);
}

/// An attempt of a payment has this result.
pub(super) fn attempted(revup: &mut Revup, of: &PaymentOf, status: &str, context: &mut Context<'_>) {
    let Some(payment) = revup.payment_mut(of) else { return };
    payment.status = match status {
        "success" => "accepted",
        "failed" => "failed",
        _ => "paying",
    };
    if payment.status == "paying" {
        return;
    }
    let (paid, kind) = (payment.status == "accepted", payment.kind);
    let Some(subscription) = revup.subscriptions.get_mut(&of.subscription) else { return };
    subscription.modified = context.now;
    match (kind, subscription.status) {
        ("initial", Status::Pending) => began(revup, of, paid, context),
        ("renewal", Status::Fulfilled | Status::PastDue) => renewed(revup, of, paid, context),
        ("renewal", Status::Paused) => renewed_in_pause(revup, of, paid, context),
        // The subscription ended while the payment was under way.
        _ => events::payment(revup, of, "subscription.updated", context),
    }
}

/// The initial payment decides whether there is a subscription.
fn began(revup: &mut Revup, of: &PaymentOf, paid: bool, context: &mut Context<'_>) {
    let Some(subscription) = revup.subscriptions.get_mut(&of.subscription) else { return };
    if !paid {
        subscription.status = Status::Archived;
        return events::payment(revup, of, "subscription.archived", context);
    }
    subscription.status = Status::Fulfilled;
    subscription.anchor = context.now;
    schedule(revup, &of.subscription, context);
    events::payment(revup, of, "subscription.created", context);
    if context.reading("updated-for-initial") == "true" {
        events::payment(revup, of, "subscription.updated", context);
    }
}

fn renewed(revup: &mut Revup, of: &PaymentOf, paid: bool, context: &mut Context<'_>) {
    let Some(subscription) = revup.subscriptions.get_mut(&of.subscription) else { return };
    let plan = revup.plans.get(&subscription.plan).cloned().unwrap_or_default();
    let for_good = subscription.card.as_ref().is_some_and(|card| card.behavior == Behavior::HardDeclineLater);
    let Some(payment) = subscription.payments.iter_mut().find(|it| it.id == of.payment) else { return };
    if paid {
        (subscription.cycle, subscription.status) = (payment.cycle, Status::Fulfilled);
        if plan.renewals.is_some_and(|most| subscription.cycle >= most) {
            events::payment(revup, of, "subscription.updated", context);
            return end(revup, of, "end_plan", context);
        }
        schedule(revup, &of.subscription, context);
        return events::payment(revup, of, "subscription.updated", context);
    }
    subscription.status = Status::PastDue;
    if !for_good && payment.attempt < plan.retries {
        // The event shows the attempt that failed, and the next one.
        let (attempt, retry) = (payment.attempt, context.now.saturating_add(plan.retry_after));
        (payment.status, payment.due) = ("scheduled", retry);
        context.at(retry, json!({"renew": of.subscription, "payment": of.payment, "at": retry}));
        events::payment(revup, of, "subscription.updated", context);
        if let Some(payment) = revup.payment_mut(of) {
            payment.attempt = attempt.saturating_add(1);
        }
        return;
    }
    let cancels = for_good || context.reading("retries-exhausted") == "cancelled";
    if !cancels || context.reading("updated-before-cancelled") == "true" {
        events::payment(revup, of, "subscription.updated", context);
    }
    if cancels {
        end(revup, of, "hard_decline", context);
    }
}

/// A renewal that was under way when the subscription was paused: what follows it waits for the resumption.
fn renewed_in_pause(revup: &mut Revup, of: &PaymentOf, paid: bool, context: &mut Context<'_>) {
    let Some(subscription) = revup.subscriptions.get_mut(&of.subscription) else { return };
    subscription.status = subscription.before_pause.take().unwrap_or(Status::Fulfilled);
    renewed(revup, of, paid, context);
    if let Some(subscription) = revup.subscriptions.get_mut(&of.subscription) {
        hold(subscription);
    }
}

/// Pauses a subscription that goes on, and its next payment.
fn hold(subscription: &mut Subscription) -> bool {
    if !matches!(subscription.status, Status::Fulfilled | Status::PastDue) {
        return false;
    }
    subscription.before_pause = Some(subscription.status);
    subscription.status = Status::Paused;
    let scheduled = |it: &&mut Payment| it.status == "scheduled";
    subscription.payments.iter_mut().filter(scheduled).for_each(|payment| payment.status = "paused");
    true
}

/// A payment ends the subscription.
fn end(revup: &mut Revup, of: &PaymentOf, reason: &'static str, context: &mut Context<'_>) {
    cancel(revup, &of.subscription, reason, json!(null), context);
    events::payment(revup, of, "subscription.cancelled", context);
}

/// Plans the next renewal.
fn schedule(revup: &mut Revup, id: &str, context: &mut Context<'_>) {
    let Some(subscription) = revup.subscriptions.get_mut(id) else { return };
    let plan = revup.plans.get(&subscription.plan).cloned().unwrap_or_default();
    let cycle = subscription.cycle.saturating_add(1);
    let due = later(subscription.anchor, cycle.saturating_mul(plan.interval), plan.unit).max(context.now);
    let minor = renewal_price(&plan, &subscription.currency);
    let of = add_payment(subscription, &mut revup.orders, ("renewal", cycle, due, minor), context);
    context.at(due, json!({"renew": of.subscription, "payment": of.payment, "at": due}));
}

type Orders = std::collections::BTreeMap<String, Order>;

/// Adds a payment with an order of its own.
fn add_payment(
    subscription: &mut Subscription,
    orders: &mut Orders,
    (kind, cycle, due, minor): (&'static str, i64, i64, i64),
    context: &mut Context<'_>,
) -> PaymentOf {
    let nth = subscription.payments.len();
    let name = format!("{} {nth}", subscription.id);
    let payment = context.id("payment", Some(&name)).uuid();
    let order = context.id("renewal order", Some(&name)).uuid();
    let of = PaymentOf { subscription: subscription.id.clone(), payment: payment.clone() };
    let new = Order {
        account: subscription.account.clone(),
        minor,
        currency: subscription.currency.clone(),
        body: serde_json::Map::new(),
        created: context.now,
        makes_token: false,
        payment: Some(of.clone()),
        transactions: Vec::new(),
    };
    orders.insert(order.clone(), new);
    subscription.payments.push(Payment {
        id: payment,
        kind,
        cycle,
        attempt: 0,
        status: "scheduled",
        due,
        reference: due,
        minor,
        order,
        transactions: Vec::new(),
    });
    of
}

/// Cancels without an event, and says whether it did.
pub(super) fn cancel(revup: &mut Revup, id: &str, reason: &'static str, detail: Value, context: &Context<'_>) -> bool {
    let open = |it: &&mut Subscription| !matches!(it.status, Status::Cancelled | Status::Archived);
    let Some(subscription) = revup.subscriptions.get_mut(id).filter(open) else { return false };
    subscription.status = Status::Cancelled;
    subscription.modified = context.now;
    subscription.cancellation = Some(Cancellation { reason, detail, at: context.now });
    let waiting = |it: &&mut Payment| matches!(it.status, "scheduled" | "paused");
    subscription.payments.iter_mut().filter(waiting).for_each(|payment| payment.status = "archived");
    true
}

/// The merchant or the back office pauses a subscription.
pub(super) fn pause(revup: &mut Revup, id: &str, by: &str, context: &mut Context<'_>) -> Result<(), String> {
    let message = "`id` must name a subscription that is fulfilled or past_due.";
    let subscription = revup.subscriptions.get_mut(id).ok_or(message)?;
    if !hold(subscription) {
        return Err(message.into());
    }
    subscription.modified = context.now;
    events::plain(revup, id, "subscription.paused", by, context);
    Ok(())
}

/// A paused subscription gets its former status. A payment that fell due meanwhile is made now.
pub(super) fn resume(revup: &mut Revup, id: &str, by: &str, context: &mut Context<'_>) -> Result<(), String> {
    let paused = |it: &&mut Subscription| it.status == Status::Paused;
    let subscription = revup.subscriptions.get_mut(id).filter(paused);
    let subscription = subscription.ok_or("`id` must name a paused subscription.")?;
    subscription.status = subscription.before_pause.take().unwrap_or(Status::Fulfilled);
    subscription.modified = context.now;
    for payment in subscription.payments.iter_mut().filter(|it| it.status == "paused") {
        (payment.status, payment.due) = ("scheduled", payment.due.max(context.now));
        context.at(payment.due, json!({"renew": id, "payment": payment.id, "at": payment.due}));
    }
    events::plain(revup, id, "subscription.resumed", by, context);
    Ok(())
}

/// Revup charges a fee of the plan.
pub(super) fn fee(revup: &mut Revup, id: &str, amount: &Value, context: &mut Context<'_>) -> Result<(), String> {
    let live = |it: &&mut Subscription| matches!(it.status, Status::Fulfilled | Status::PastDue);
    let subscription = revup.subscriptions.get_mut(id).filter(live);
    let subscription = subscription.ok_or("`id` must name a subscription that is fulfilled or past_due.")?;
    let minor = money::read(amount, &subscription.currency).ok_or("`amount` must be a number in this currency.")?;
    let fee = ("maintenance", subscription.cycle, context.now, minor);
    let of = add_payment(subscription, &mut revup.orders, fee, context);
    charge(revup, &of, context);
    Ok(())
}
