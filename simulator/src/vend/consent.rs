//! The retailer's consent: what a token asks for, and what accepting or declining it does.

use super::billing;
use super::state::{Change, Component, Kind, Subscription, Token, Vend};
use crate::time::Millis;
use crate::world::Context;

/// What can be done with a token.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    Unknown,
    Used(Token),
    Expired(Token),
    Withdrawn(Token),
    /// It can be accepted. For an update: the subscription that it changes.
    Open(Token, Option<Box<Subscription>>),
    /// It cannot be accepted, for this reason.
    Blocked(Token, &'static str),
}

impl Token {
    pub(super) fn expired(&self, now: Millis) -> bool {
        self.created.saturating_add(super::LIFETIME) <= now
    }
}

pub(super) fn standing(vend: &Vend, id: &str, context: &Context<'_>) -> Standing {
    let Some(token) = vend.tokens.get(id).cloned() else { return Standing::Unknown };
    if token.used.is_some() {
        return Standing::Used(token);
    }
    if token.expired(context.now) {
        return Standing::Expired(token);
    }
    if token.withdrawn {
        return Standing::Withdrawn(token);
    }
    let live = vend.live(context.reading("update-changes") == "oldest");
    let target = live.and_then(|id| vend.subscriptions.get(&id).cloned().map(Box::new));
    match (token.kind, target) {
        (Kind::Update, None) => Standing::Blocked(token, "There is no subscription that could be updated."),
        (Kind::Update, target) => Standing::Open(token, target),
        (Kind::Create, Some(_)) if context.reading("second-create") != "accepted" => {
            Standing::Blocked(token, "You have a subscription to this application already.")
        }
        (Kind::Create, _) => Standing::Open(token, None),
    }
}

/// The retailer accepts. Returns where the browser goes, or why nothing was changed.
pub(super) fn accept(vend: &mut Vend, id: &str, context: &mut Context<'_>) -> Result<String, &'static str> {
    let (token, target) = match standing(vend, id, context) {
        Standing::Open(token, target) => (token, target),
        Standing::Blocked(_, why) => return Err(why),
        _ => return Err("This link cannot be used."),
    };
    if vend.bill_fails {
        return Err("Your bill could not be changed. Check your payment details in Vend and try again.");
    }
    let subscription = match target {
        None => billing::begin(vend, &token.change, context),
        Some(target) => {
            let changed = change(*target, &token.change, context);
            let id = changed.id.clone();
            vend.subscriptions.insert(id.clone(), changed);
            id
        }
    };
    if let Some(token) = vend.tokens.get_mut(id) {
        token.used = Some((context.now, subscription));
    }
    Ok(token.return_url)
}

/// The subscription after a change. Quantities are totals, and a total of 0 removes the component.
fn change(mut subscription: Subscription, change: &Change, context: &Context<'_>) -> Subscription {
    if let Some(plan) = &change.plan {
        subscription.plan = plan.clone();
        if context.reading("plan-move-keeps-components") == "false" {
            subscription.components.clear();
        }
    }
    for component in &change.components {
        match subscription.components.iter_mut().find(|it| it.handle == component.handle) {
            Some(existing) => {
                existing.quantity = component.quantity;
                existing.price_handle = component.price_handle.clone().or_else(|| existing.price_handle.take());
            }
            None => subscription.components.push(component.clone()),
        }
    }
    subscription.components.retain(|component: &Component| component.quantity > 0);
    subscription
}

/// The subscription as it would be after a token.
pub(super) fn preview(token: &Token, target: Option<&Subscription>, context: &Context<'_>) -> Change {
    match target {
        None => token.change.clone(),
        Some(target) => {
            let changed = change(target.clone(), &token.change, context);
            Change { plan: Some(changed.plan), components: changed.components, coupon: None }
        }
    }
}

/// The retailer declines. Returns where the browser goes, or nothing where it stays.
pub(super) fn decline(vend: &mut Vend, id: &str, context: &Context<'_>) -> Option<String> {
    let (Standing::Open(token, _) | Standing::Blocked(token, _)) = standing(vend, id, context) else { return None };
    if context.reading("decline-withdraws-token") == "true"
        && let Some(token) = vend.tokens.get_mut(id)
    {
        token.withdrawn = true;
    }
    (context.reading("decline-leads-to") == "return-url").then_some(token.return_url)
}
