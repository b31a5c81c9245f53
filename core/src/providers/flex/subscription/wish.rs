//! What the host wishes of a subscription.

use alloc::boxed::Box;

use super::standing::Standing;
use super::{Command, Context, Subscription};
use crate::flow::Stop;
use crate::providers::flex::ids::SubscriptionId;
use crate::providers::flex::request::{CancelSubscription, UpdateSubscription};

pub(super) fn wish(at: &mut Subscription, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    match command {
        Command::CreateCheckoutSession(it) => {
            at.checkouts.create(*it, cx);
            Ok(())
        },
        Command::RetrieveCheckoutSession { checkout_session_id } => {
            at.checkouts.retrieve(checkout_session_id, cx)
        }
        Command::RetrieveSubscription { subscription_id } => retrieve(at, subscription_id, cx),
        Command::CancelSubscription(it) => cancel(at, it, cx),
        Command::UpdateSubscription(it) => update(at, it, cx),
    }
}

fn retrieve(at: &mut Subscription, given: Option<SubscriptionId>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let have = at.standing.as_ref().map(|it| it.id.clone());
    let id = have.or(given).ok_or(Stop::NotNow)?;
    if at.standing.is_none() {
        // What was asked for before and not found is asked for no more.
        cx.withdraw_words(&["not_found"], |_| true);
    }
    let now = cx.now();
    at.standing.get_or_insert_with(|| Box::new(Standing::adopted(id, now))).look(cx);
    Ok(())
}

fn cancel(at: &mut Subscription, mut it: CancelSubscription, cx: &mut Context<'_>) -> Result<(), Stop> {
    let named = it.subscription_id.take();
    let is_main = named.is_none() || at.standing.as_ref().is_some_and(|it| Some(&it.id) == named.as_ref());
    if !is_main {
        return cancel_other(at, named, it, cx);
    }
    let running = at.standing.as_mut().filter(|it| it.status.is_some() && !it.is_over());
    let Some(standing) = running else { return Err(Stop::NotNow) };
    match it.cancel_at_period_end {
        Some(true) => {
            let update = UpdateSubscription { extra: it.extra, ..UpdateSubscription::new(true) };
            standing.update(update, cx);
        }
        _ => standing.cancel(it, cx),
    }
    Ok(())
}

fn cancel_other(
    at: &mut Subscription,
    named: Option<SubscriptionId>,
    it: CancelSubscription,
    cx: &mut Context<'_>,
) -> Result<(), Stop> {
    let other = at.other(named.as_ref().map(|it| it.as_str())).filter(|other| !other.ended);
    let Some(other) = other else { return Err(Stop::NotNow) };
    other.cancel(it, cx);
    Ok(())
}

fn update(at: &mut Subscription, it: UpdateSubscription, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Some(standing) = &mut at.standing else { return Err(Stop::NotNow) };
    standing.update(it, cx);
    Ok(())
}
