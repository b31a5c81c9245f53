//! The rules of a subscription's actions: what its state decides, and what a command's contents do.

use super::standing::{Ending, check_cancellation};
use super::{Command, Rules, Subscription, Wish};
use crate::providers::flex::call::Call;
use crate::providers::flex::ids::SubscriptionId;
use crate::providers::flex::request::{CancelSubscription, UpdateSubscription};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::signal::SESSION_COMPLETED;
use crate::rule::{CoreRule, Until};

/// What an action of the subscription's needs, and again the request that came of it when it is leased.
pub(super) fn permits(at: &Subscription, action: Wish, rules: &mut Rules<'_>) {
    match action {
        Wish::Create => {
            at.checkouts.permits_create(rules);
            // What is settled has said so already.
            rules.check(CoreRule::AlreadyStarted, at.standing.is_none() || at.checkouts.settled.is_some());
        }
        Wish::RetrieveSession | Wish::Retrieve => {}
        // Another that was paid for may be ended after the one that counts.
        Wish::Cancel if at.has_other() => {}
        Wish::Cancel => running(at, rules),
        Wish::EndWithPeriod => flag(at, true, rules),
        Wish::KeepRunning => flag(at, false, rules),
    }
}

/// What a new command needs besides.
pub(super) fn accepts(at: &Subscription, action: Wish, rules: &mut Rules<'_>) {
    match action {
        Wish::Create => at.checkouts.accepts_create(rules),
        Wish::RetrieveSession => at.checkouts.accepts_retrieve(at.is_absent(), rules),
        Wish::Retrieve => {
            let known = at.standing.is_some() || at.is_absent();
            rules.check(CoreRule::NothingKnown, known).until(Until::Signal(SESSION_COMPLETED));
        }
        Wish::Cancel | Wish::EndWithPeriod | Wish::KeepRunning => {}
    }
}

/// The rules that the contents of a command decide.
pub(super) fn check(at: &Subscription, command: &Command, rules: &mut Rules<'_>) {
    match command {
        Command::CreateCheckoutSession(it) => it.check::<Subscription>(rules),
        Command::RetrieveCheckoutSession { checkout_session_id } => {
            at.checkouts.check_retrieve(checkout_session_id.as_ref(), at.is_absent(), rules);
        }
        Command::RetrieveSubscription { subscription_id: given } => {
            let have = at.standing.as_ref().map(|it| &it.id);
            let same = given.is_none() || have.is_none() || given.as_ref() == have;
            // That there is nothing to look up has been said already.
            let some = given.is_some() || have.is_some() || !at.is_absent();
            rules.check(CoreRule::NothingKnown, some).at("/subscription_id");
            rules.check(CoreRule::UnknownId, same).at("/subscription_id");
        }
        Command::CancelSubscription(it) => check_cancel(at, it, rules),
        Command::UpdateSubscription(it) => {
            rules.check_extra::<UpdateSubscription>(&it.extra);
            if let Some(standing) = &at.standing {
                one_at_a_time(&standing.id, rules);
            }
        }
    }
}

fn check_cancel(at: &Subscription, it: &CancelSubscription, rules: &mut Rules<'_>) {
    check_cancellation(it, rules);
    let main = at.standing.as_ref();
    if let Some(named) = it.subscription_id.as_ref().filter(|named| main.is_none_or(|it| it.id != **named)) {
        let other = at.others.iter().any(|other| !other.ended && other.id.as_str() == named.as_str());
        let at_once = it.cancel_at_period_end == Some(false);
        rules.check(Rule::SubscriptionCancelRefund, !it.refunds()).at("/refund");
        rules.check(CoreRule::UnknownId, other && at_once).at("/subscription_id");
        one_at_a_time(named, rules);
        return;
    }
    let running = main.is_some_and(|it| it.status.is_some() && !it.is_over());
    // Where there is no other, this has been said already.
    rules.check(CoreRule::NotNow, running || !at.has_other()).at("/subscription_id");
    if let Some(standing) = main {
        one_at_a_time(&standing.id, rules);
    }
}

/// One request about an end is answered before the next is made; but one about the flag may take another's place outside
/// of its lease.
fn one_at_a_time(of: &SubscriptionId, rules: &mut Rules<'_>) {
    let cancels = |call: &Call| matches!(call, Call::CancelSubscription(id, _) if id == of);
    let updates = |call: &Call| matches!(call, Call::UpdateSubscription(id, _) if id == of);
    let leased = || rules.in_hand(updates).then(|| rules.until_reply(updates)).flatten();
    let answered = rules.until_reply(cancels).or_else(leased);
    rules.check(CoreRule::OneAtATime, answered.is_none()).until(answered);
}

/// Of two changes of the flag only the newer is sent: the older would take it back.
fn flag(at: &Subscription, with_period: bool, rules: &mut Rules<'_>) {
    running(at, rules);
    if rules.is_lease() {
        let newest = at.standing.as_ref().and_then(|it| it.ending.as_ref()) == Some(&Ending::WithPeriod(with_period));
        rules.check(CoreRule::NotNow, newest);
    }
}

fn running(at: &Subscription, rules: &mut Rules<'_>) {
    let Some(standing) = &at.standing else {
        rules.check(CoreRule::NotNow, false).until(match at.is_absent() {
            true => Until::wish("create_checkout_session"),
            false => Until::Signal(SESSION_COMPLETED),
        });
        return;
    };
    let looked = rules.until_reply(|call| matches!(call, Call::RetrieveSubscription(_)));
    rules.check(CoreRule::NotNow, standing.status.is_some() && !standing.is_over()).until(looked);
}
