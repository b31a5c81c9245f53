//! What the host wishes of a subscription.

use alloc::boxed::Box;

use super::standing::{Standing, check_cancellation};
use super::{Command, Context, Subscription};
use crate::flow::Stop;
use crate::providers::flex::call::Call;
use crate::providers::flex::ids::SubscriptionId;
use crate::providers::flex::request::{CancelSubscription, UpdateSubscription};
use crate::providers::flex::rules::Rule;
use crate::rule::{Kernel, Until};

pub(super) fn wish(at: &mut Subscription, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    match command {
        Command::CreateCheckoutSession(it) => at.checkouts.create(*it, cx),
        Command::RetrieveCheckoutSession { checkout_session_id } => {
            let begins = at.is_absent();
            at.checkouts.retrieve(checkout_session_id, begins, cx)
        }
        Command::RetrieveSubscription { subscription_id } => retrieve(at, subscription_id, cx),
        Command::CancelSubscription(it) => cancel(at, it, cx),
        Command::UpdateSubscription(it) => update(at, it, cx),
    }
}

fn retrieve(at: &mut Subscription, given: Option<SubscriptionId>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let have = at.standing.as_ref().map(|it| it.id.clone());
    let same = given.is_none() || have.is_none() || given == have;
    let id = have.or(given);
    cx.check(Kernel::NoEdge, id.is_some() && same).at("/subscription_id");
    cx.finish()?;
    cx.finish()?;
    let Some(id) = id else { return Err(Stop::Refused) };
    if at.standing.is_none() {
        // What was asked for before and not found is asked for no more.
        cx.withdraw_words(&["not_found"], |_| true);
    }
    let now = cx.now();
    at.standing.get_or_insert_with(|| Box::new(Standing::adopted(id, now))).look(cx);
    Ok(())
}

fn cancel(at: &mut Subscription, mut it: CancelSubscription, cx: &mut Context<'_>) -> Result<(), Stop> {
    check_cancellation(&it, cx)?;
    let named = it.subscription_id.take();
    let is_main = named.is_none() || at.standing.as_ref().is_some_and(|it| Some(&it.id) == named.as_ref());
    if !is_main {
        return cancel_other(at, named, it, cx);
    }
    let running = at.standing.as_mut().filter(|it| it.status.is_some() && !it.is_over());
    cx.check(Kernel::NoEdge, running.is_some());
    cx.finish()?;
    let Some(standing) = running else { return Err(Stop::Refused) };
    one_at_a_time(&standing.id, cx)?;
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
    let at_once = it.cancel_at_period_end == Some(false);
    cx.check(Rule::SubscriptionCancelRefund, !it.refunds()).at("/refund");
    cx.check(Kernel::NoEdge, other.is_some() && at_once).at("/subscription_id");
    cx.finish()?;
    cx.finish()?;
    let Some(other) = other else { return Err(Stop::Refused) };
    one_at_a_time(&other.id, cx)?;
    other.cancel(it, cx);
    Ok(())
}

fn update(at: &mut Subscription, it: UpdateSubscription, cx: &mut Context<'_>) -> Result<(), Stop> {
    cx.check_extra::<UpdateSubscription>(&it.extra);
    cx.finish()?;
    let Some(standing) = &mut at.standing else { return Err(Stop::Refused) };
    one_at_a_time(&standing.id, cx)?;
    standing.update(it, cx);
    Ok(())
}

/// One request about an end is answered before the next is made; but one about the flag may take another's place outside
/// of its lease.
fn one_at_a_time(of: &SubscriptionId, cx: &mut Context<'_>) -> Result<(), Stop> {
    let cancels = |call: &Call| matches!(call, Call::CancelSubscription(id, _) if id == of);
    let updates = |call: &Call| matches!(call, Call::UpdateSubscription(id, _) if id == of);
    let open = cx.owed(cancels).map(|it| it.id.clone());
    let in_hand = cx.in_hand(updates).then(|| cx.owed(updates).map(|it| it.id.clone())).flatten();
    let Some(id) = open.or(in_hand) else { return Ok(()) };
    cx.check(Kernel::OneAtATime, false).until(Until::Reply(id));
    cx.finish()
}
