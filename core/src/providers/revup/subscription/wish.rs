//! Commands: what becomes of a subscription when the host wants something of it, once no rule stands in the way.

use alloc::boxed::Box;
use alloc::string::String;

use super::command::Command;
use super::state::{Place, Subscription};
use super::{Context, refund_content};
use crate::flow::Stop;
use crate::providers::revup::call::{Call, CreateSubscription, RefundPayment};
use crate::providers::revup::ids::SubscriptionId;

pub(super) fn wish(at: &mut Subscription, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    match command {
        Command::CreateSubscription(it) => create(at, it, cx),
        Command::RetrieveSubscription { subscription_id } => retrieve(at, subscription_id, cx),
        Command::RetrievePayments {} => payments(at, cx),
        Command::CancelSubscription { cancellation_detail } => cancel(at, cancellation_detail, cx),
        Command::RefundPayment(it) => refund(at, it, cx),
    }
}

fn create(at: &mut Subscription, command: Box<CreateSubscription>, cx: &mut Context<'_>) -> Result<(), Stop> {
    if at.place != Place::Absent {
        return Err(Stop::NotNow);
    }
    *at = Subscription {
        place: Place::Requested,
        on_token: command.is_on_token(),
        order: command.parent_order_id.clone(),
        plan: command.plan_id.clone(),
        currency: command.currency.clone(),
        ..Subscription::default()
    };
    at.asked = Some(cx.owe(Call::CreateSubscription(command)));
    Ok(())
}

fn retrieve(at: &mut Subscription, given: Option<SubscriptionId>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let known = at.id.clone().or_else(|| given.clone());
    match at.place {
        Place::Requested => return Err(Stop::NotNow),
        Place::Absent => {
            *at = Subscription { place: Place::Adopting, id: known, ..Subscription::default() };
            at.confirm(cx);
        }
        // What is over, or looked up already, needs no schedule.
        Place::Adopting | Place::Attested | Place::Archived | Place::Cancelled => {
            if !cx.in_hand(Call::is_of_status) {
                at.confirm(cx);
            }
        }
        _ => at.ask(cx),
    }
    Ok(())
}

fn payments(at: &mut Subscription, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Some(id) = at.id.clone().filter(|_| at.place.is_known()) else { return Err(Stop::NotNow) };
    if !cx.in_hand(Call::is_of_period) {
        cx.look_up(Call::RetrievePayments(id, 1));
    }
    Ok(())
}

fn cancel(at: &mut Subscription, detail: Option<String>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Some(id) = at.id.clone().filter(|_| at.place.is_known()) else { return Err(Stop::NotNow) };
    cx.owe(Call::CancelSubscription(id, detail));
    at.cancelling = true;
    Ok(())
}

fn refund(at: &mut Subscription, command: Box<RefundPayment>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Some(intent) = command.intent.clone() else { return Err(Stop::NotNow) };
    if at.id.is_none() {
        return Err(Stop::NotNow);
    }
    let content = refund_content(&command);
    let ordinal = at.refunds.standing(&intent, content).ordinal()?;
    if let Some(amount) = command.amount.decimal() {
        at.ledger.give(&command.transaction_id, amount);
    }
    at.refunds.open(intent.clone(), content, ordinal);
    cx.owe_as(Call::RefundPayment(command), &intent, ordinal);
    Ok(())
}

