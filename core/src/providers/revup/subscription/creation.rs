//! What becomes of a creation: done, refused, unknown, or as a person says.

use super::state::{CREATED_OR_NOT, Payment, Place, Subscription};
use super::Context;
use crate::fact::Because;
use crate::flow::{Stop, Watch};
use crate::providers::revup::call::Call;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::rules::Rule;
use crate::providers::revup::wire::{Created, SubscriptionSeen};

pub(super) fn created(at: &mut Subscription, reply: Created, cx: &mut Context<'_>) -> Result<(), Stop> {
    if at.place != Place::Requested {
        return Err(Because::Unrelated.into());
    }
    cx.withdraw(Call::is_of_status);
    let echoed = !at.on_token || at.order.as_ref() == Some(&reply.order_id);
    cx.check(Rule::CreateOrderIdEcho, echoed);
    if !echoed {
        // It adds a review and replaces no state; but nothing is opened before a person has looked.
        cx.review("order_mismatch", reply.subscription_id.as_str(), &["ours", "not_ours"]);
        at.held = true;
    }
    if !at.on_token {
        cx.learn(reply.order_id.as_str());
        at.order = Some(reply.order_id);
    }
    at.bind(reply.subscription_id, cx);
    Ok(())
}

/// The reply to a creation is not whole, and still names the subscription: a look-up by its id tells more than a search.
pub(super) fn named(at: &mut Subscription, id: SubscriptionId, cx: &mut Context<'_>) {
    if at.place == Place::Requested {
        cx.withdraw(|call| matches!(call, Call::FindTransactions(_)));
        cx.look_up(Call::RetrieveSubscription(id.clone()));
        at.named = Some(id);
    }
}

/// A look-up shows the subscription that a reply has named: the creation was done. Whether that is the one asked for.
pub(super) fn shown(at: &mut Subscription, seen: &SubscriptionSeen, cx: &mut Context<'_>) -> bool {
    if at.named.as_ref() != Some(&seen.id) {
        return false;
    }
    if is_another(at, seen) {
        cx.ask_about(Call::is_create);
        return false;
    }
    let _ = cx.prove(Call::is_create, Some(seen.id.as_str()));
    cx.withdraw(Call::is_of_status);
    at.bind(seen.id.clone(), cx);
    true
}

/// A look-up denies the subscription that a reply has named.
pub(super) fn denied(at: &mut Subscription, cx: &mut Context<'_>) {
    if cx.deny(Call::is_create).is_some() {
        vanish(at, cx);
    }
}

/// No transaction of the order shows or denies a subscription: a person is asked at once, who finds it in the back office.
pub(super) fn undecided(cx: &mut Context<'_>) {
    cx.ask_about(Call::is_create);
    cx.look_again(Call::is_create);
}

/// Whether a subscription is to another plan than the one that was asked for.
pub(super) fn is_another(at: &Subscription, seen: &SubscriptionSeen) -> bool {
    match (&at.plan, &seen.plan_id) {
        (Some(asked), Some(shown)) => !asked.eq_ignore_ascii_case(shown),
        _ => false,
    }
}

/// The subscription that a person has named is none, or another: the person is asked again.
pub(super) fn doubted(at: &Subscription, why: &'static str, cx: &mut Context<'_>) {
    if let Some(id) = &at.id {
        cx.review(why, id.as_str(), CREATED_OR_NOT);
    }
}

/// A person says that there is a subscription of that id: a look-up confirms it.
pub(super) fn attested(at: &mut Subscription, id: &str, cx: &mut Context<'_>) {
    let Some(id) = SubscriptionId::told(id) else { return };
    cx.withdraw(Call::is_of_status);
    cx.learn(id.as_str());
    (at.id, at.named) = (Some(id), None);
    at.place = Place::Attested;
    at.confirm(cx);
}

/// A person says that there is no subscription.
pub(super) fn none(at: &mut Subscription, cx: &mut Context<'_>) {
    let Subscription { order, asked, plan, currency, on_token, .. } = at.clone();
    vanish(at, cx);
    // An event that names the order can still tell otherwise.
    *at = Subscription { order, asked, plan, currency, on_token, ..at.clone() };
}

/// There is none, and nothing is asked for.
pub(super) fn vanish(at: &mut Subscription, cx: &mut Context<'_>) {
    cx.withdraw(|_| true);
    if let Some(id) = &at.id {
        for word in ["no_signal", "not_found", "other_plan", "order_mismatch"] {
            cx.withdraw_word(word, id.as_str());
        }
    }
    *at = Subscription::default();
}

impl Subscription {
    /// Revup's name for it is known.
    pub(super) fn bind(&mut self, id: SubscriptionId, cx: &mut Context<'_>) {
        cx.learn(id.as_str());
        (self.id, self.named) = (Some(id), None);
        self.wait(cx);
    }

    /// The wait for its first charge begins.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>) {
        self.place = Place::Awaiting;
        self.payment = Payment::Awaited;
        self.watch = Some(Watch::new(cx.now()));
        self.watch(cx);
    }
}
