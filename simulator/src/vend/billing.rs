//! A subscription's life: it begins, is billed, changes, ends and begins again.

use serde_json::{Value, json};

use super::events;
use super::state::{Change, Charge, Subscription, Vend};
use crate::calendar::later;
use crate::time::{MINUTE, Millis};
use crate::world::Context;

/// How long Vend keeps the addresses of webhooks in its cache.
const CACHE: Millis = 30 * MINUTE;

/// Begins a subscription and bills its first period. Returns its id.
pub(super) fn begin(vend: &mut Vend, change: &Change, context: &mut Context<'_>) -> String {
    let plan = change.plan.clone().unwrap_or_default();
    let full = vend.catalogue.total(&plan, &change.components);
    let percent = change.coupon.as_ref().and_then(|code| vend.catalogue.coupon(code)).unwrap_or(0);
    let cents = full.saturating_mul(100_i64.saturating_sub(percent)).div_euclid(100);
    let id = snowflake(context);
    let subscription = Subscription {
        nth: vend.next_number(),
        id: id.clone(),
        state: "active",
        plan,
        components: change.components.clone(),
        coupon: change.coupon.clone(),
        created: context.now,
        canceled: None,
        ends: false,
        anchor: context.now,
        periods: 0,
        addresses: context.addresses(),
        next: context.now,
        charges: vec![Charge { at: context.now, cents, paid: true }],
    };
    vend.subscriptions.insert(id.clone(), subscription);
    plan_next(vend, &id, context);
    id
}

/// An id of 19 digits, beyond what a float can hold.
fn snowflake(context: &mut Context<'_>) -> String {
    let digits = context.id("subscription", None).hex(15);
    let number = i64::from_str_radix(&digits, 16).unwrap_or_default();
    // An odd number cannot be rounded without being noticed.
    (number.saturating_add(1_000_000_000_000_000_000) | 1).to_string()
}

/// Plans the bill of the next period.
fn plan_next(vend: &mut Vend, id: &str, context: &mut Context<'_>) {
    let (interval, unit) = (vend.catalogue.interval, vend.catalogue.unit);
    let Some(subscription) = vend.subscriptions.get_mut(id) else { return };
    subscription.periods = subscription.periods.saturating_add(1);
    let next = later(subscription.anchor, subscription.periods.saturating_mul(interval), unit);
    let moves = next > context.now;
    subscription.next = next;
    if moves {
        context.at(next, json!({"bill": id, "at": next}));
    }
}

/// Does what was planned: the bill of a period.
pub(super) fn due(vend: &mut Vend, what: &Value, context: &mut Context<'_>) {
    let id = what["bill"].as_str().unwrap_or_default().to_owned();
    let fails = vend.bill_fails;
    let Some(subscription) = vend.subscriptions.get(&id).filter(|it| what["at"] == json!(it.next)) else { return };
    let cents = vend.catalogue.total(&subscription.plan, &subscription.components);
    let Some(subscription) = vend.subscriptions.get_mut(&id) else { return };
    if subscription.ends {
        subscription.state = "canceled";
        return;
    }
    if !subscription.live() {
        return;
    }
    if matches!(subscription.state, "active" | "trialing" | "assessing" | "soft_failure" | "past_due" | "unpaid") {
        subscription.charges.push(Charge { at: context.now, cents, paid: !fails });
        subscription.state = if fails { "past_due" } else { "active" };
    }
    plan_next(vend, &id, context);
}

/// The retailer cancels in Vend's own pages. Says whether a webhook is sent.
pub(super) fn cancel(vend: &mut Vend, id: &str, context: &mut Context<'_>) -> Result<bool, String> {
    let at_end = context.reading("cancel-takes-effect") == "period-end";
    let subscription = vend.subscriptions.get_mut(id).filter(|it| it.live() && !it.ends);
    let subscription = subscription.ok_or("There is no live subscription with this id.")?;
    subscription.canceled = Some(context.now);
    if at_end {
        subscription.ends = true;
    } else {
        subscription.state = "canceled";
    }
    // The subscription's address for webhooks may not have left the cache yet.
    let early = subscription.created.saturating_add(CACHE) > context.now;
    if early && context.reading("early-cancel-webhook") == "lost" {
        return Ok(false);
    }
    events::cancellation(subscription, context);
    Ok(true)
}

/// Vend's support takes a cancellation back. A new period begins.
pub(super) fn reactivate(vend: &mut Vend, id: &str, context: &mut Context<'_>) -> Result<(), String> {
    let subscription = vend.subscriptions.get(id).filter(|it| !it.live() || it.ends);
    let subscription = subscription.ok_or("There is no canceled subscription with this id.")?;
    let (cents, ended) = (vend.catalogue.total(&subscription.plan, &subscription.components), !subscription.live());
    let Some(subscription) = vend.subscriptions.get_mut(id) else { return Ok(()) };
    (subscription.canceled, subscription.ends) = (None, false);
    if ended {
        subscription.state = "active";
        (subscription.anchor, subscription.periods) = (context.now, 0);
        subscription.charges.push(Charge { at: context.now, cents, paid: true });
        plan_next(vend, id, context);
    }
    Ok(())
}

/// Vend changes a subscription's state for its own reasons.
pub(super) fn set_state(
    vend: &mut Vend,
    id: &str,
    state: &'static str,
    context: &mut Context<'_>,
) -> Result<(), String> {
    let subscription = vend.subscriptions.get_mut(id).ok_or("There is no subscription with this id.")?;
    let before = subscription.live();
    subscription.state = state;
    let after = subscription.live();
    match (before, after) {
        (_, false) if state == "canceled" => subscription.canceled = Some(context.now),
        (false, true) => (subscription.canceled, subscription.ends) = (None, false),
        _ => {}
    }
    if before && !after && context.reading("other-ends-send-webhook") == "true" {
        events::cancellation(subscription, context);
    }
    if !before && after && subscription.next <= context.now {
        (subscription.anchor, subscription.periods) = (context.now, 0);
        plan_next(vend, id, context);
    }
    Ok(())
}
