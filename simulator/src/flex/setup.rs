//! A new card of a setup intent: from a session in `setup` mode, or from a page of its own.

use super::checkout::{DECLINED, Entry, Next, complete, read_card, success_url};
use super::state::{Card, Declines, Flex, Mode, Subscription};
use super::{billing, events};
use crate::world::Context;

/// A new card of a setup intent, which pays for subscriptions from now on.
pub(super) fn enter(flex: &mut Flex, id: &str, card: &str, context: &mut Context<'_>) -> Next {
    if flex.cards.get(card).is_some_and(|card| card.declines == Declines::Always) {
        return Next::Again(DECLINED);
    }
    let Some(setup) = flex.setups.get_mut(id).filter(|setup| setup.status != "succeeded") else { return Next::Stay };
    (setup.status, setup.card) = ("succeeded", Some(card.to_owned()));
    let (session, named, customer) = (setup.session.clone(), setup.subscription.clone(), setup.customer.clone());
    let every = context.reading("setup-card") == "every-subscription";
    let fits = |it: &&Subscription| {
        let own = every && customer.as_deref() == Some(it.customer.as_str());
        !it.ended() && named.as_ref().map_or(own, |named| *named == it.head.id)
    };
    let subscriptions: Vec<String> = flex.subscriptions.iter().filter(fits).map(|it| it.head.id.clone()).collect();
    if let ([one], Some(setup)) = (subscriptions.as_slice(), flex.setups.get_mut(id)) {
        setup.subscription = Some(one.clone());
    }
    for subscription in &subscriptions {
        let Some(known) = flex.subscriptions.get_mut(subscription) else { continue };
        known.card = Some(card.to_owned());
        if known.status == "incomplete" && known.trial.is_some() {
            known.status = "trialing";
        }
        let owed = known.latest_invoice.clone().filter(|_| matches!(known.status, "past_due" | "unpaid"));
        events::tell::<Subscription>(flex, "customer.subscription.updated", subscription, context);
        if let Some(invoice) = owed.filter(|_| context.reading("new-card-pays") == "at-once") {
            billing::collect(flex, &invoice, false, context);
        }
    }
    let open =
        session.filter(|id| flex.sessions.get(id).is_some_and(|it| it.status == "open" && it.mode == Mode::Setup));
    if let Some(session) = open {
        complete(flex, &session, customer.as_deref().unwrap_or_default(), context);
        return Next::Leave(success_url(flex, &session));
    }
    Next::Stay
}

/// The customer enters a card under a setup intent that belongs to no session.
pub(super) fn submit(flex: &mut Flex, id: &str, entry: &Entry, context: &mut Context<'_>) -> Next {
    let Some(setup) = flex.setups.get(id) else { return Next::Stay };
    let (account, customer) = (setup.head.account.clone(), setup.customer.clone().unwrap_or_default());
    match read_card(entry, &account, true, context) {
        Ok(card) => {
            let card = flex.cards.add(Card { customer, ..card });
            enter(flex, id, &card, context)
        }
        Err(message) => Next::Again(message),
    }
}
