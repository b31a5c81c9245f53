//! What happens at Flex without the merchant: by the customer, the bank or Flex's own choice.

use serde_json::{Value, json};

use super::checkout::{self, Entry, Next};
use super::state::{Declines, Flex, Step};
use super::{billing, disputes, refunds, setup, subscribe};
use crate::world::Context;

const ACTS: &str = "`do` must be finish, answer_letter, enter_card, cancel, decline_card, accept_card, expire_card, \
    expire_letter, dispute, close_dispute, fail_refund or retry_invoice.";

pub(super) fn act(flex: &mut Flex, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
    let what = act["do"].as_str().unwrap_or_default();
    let id = act["id"].as_str().unwrap_or_default();
    match what {
        "finish" | "answer_letter" | "enter_card" | "cancel" => customer(flex, what, act, context),
        "decline_card" | "accept_card" | "expire_card" => card(flex, what, id),
        "expire_letter" => {
            let customer = flex.customers.get_mut(id).ok_or("`id` must name a customer.")?;
            customer.letter_until = None;
            Ok(json!({"done": what}))
        }
        "dispute" => {
            let intent =
                payment(flex, id).ok_or("`id` must name a payment intent, a session, an invoice or a subscription.")?;
            let reason = act["reason"].as_str().unwrap_or("fraudulent");
            let id = disputes::open(flex, &intent, reason, context)?;
            Ok(json!({"done": what, "id": id}))
        }
        "close_dispute" => {
            let open = flex.disputes.get(id).filter(|dispute| !matches!(dispute.status, "won" | "lost"));
            let id = open.map(|dispute| dispute.head.id.clone()).ok_or("`id` must name an open dispute.")?;
            disputes::close(flex, &id, act["won"].as_bool().unwrap_or(false), context);
            Ok(json!({"done": what}))
        }
        "fail_refund" => {
            let known = flex.refunds.get(id).map(|refund| refund.head.id.clone()).ok_or("`id` must name a refund.")?;
            refunds::settle(flex, &known, false, context);
            Ok(json!({"done": what}))
        }
        "retry_invoice" => {
            let open = flex.invoices.get(id).filter(|invoice| invoice.status == "open");
            let id = open.map(|invoice| invoice.head.id.clone()).ok_or("`id` must name an open invoice.")?;
            billing::collect(flex, &id, false, context);
            Ok(json!({"done": what}))
        }
        _ => Err(ACTS.into()),
    }
}

/// The latest payment of what an id names.
fn payment(flex: &Flex, id: &str) -> Option<String> {
    if flex.intents.get(id).is_some() {
        return Some(id.to_owned());
    }
    if let Some(session) = flex.sessions.get(id) {
        return session.intents.first().cloned();
    }
    let invoice = flex.subscriptions.get(id).and_then(|subscription| subscription.latest_invoice.as_deref());
    flex.invoices.get(invoice.unwrap_or(id))?.intent.clone()
}

/// The customer uses the page of a session or of a setup intent, named by its address or its id.
fn customer(flex: &mut Flex, what: &str, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
    let url = act["url"].as_str().map(|url| url.split('?').next().unwrap_or_default());
    let id = url.and_then(|url| url.rsplit('/').next()).or(act["id"].as_str()).unwrap_or_default().to_owned();
    let text = |name: &str, default: &str| act[name].as_str().unwrap_or(default).to_owned();
    let entry = Entry {
        number: text("card", "4242424242424242"),
        expiry: text("expiry", "12/30"),
        hsa: act["hsa"].as_bool().unwrap_or(act["letter"] != false),
        email: text("email", "customer@example.com"),
        code: text("code", ""),
    };
    let subscription = flex.subscriptions.get(&id).filter(|_| what == "finish");
    if let Some(account) = subscription.map(|it| it.head.account.clone()) {
        let card = checkout::read_card(&entry, &account, true, context)?;
        subscribe::finish(flex, &id, card, context)?;
        return Ok(json!({"done": what, "url": null}));
    }
    let next = if flex.setups.get(&id).is_some() && what != "cancel" {
        setup::submit(flex, &id, &entry, context)
    } else {
        let session = flex
            .sessions
            .get(&id)
            .ok_or("Name a session, a setup intent or an incomplete subscription by `url` or `id`.")?;
        if what != "cancel" && matches!(session.step(), Step::Done | Step::Closed) {
            return Err("This link is used or expired.".into());
        }
        steps(flex, what, &id, (act["letter"] != false, entry), context)
    };
    Ok(match next {
        Next::Stay => json!({"done": what, "url": null}),
        Next::Again(message) => json!({"done": what, "url": null, "message": message}),
        Next::Leave(url) => json!({"done": what, "url": url}),
    })
}

/// The steps of a session, as far as the act goes.
fn steps(flex: &mut Flex, what: &str, id: &str, (letter, entry): (bool, Entry), context: &mut Context<'_>) -> Next {
    if what == "cancel" {
        return checkout::cancel(flex, id);
    }
    let mut next = Next::Stay;
    let step = |flex: &Flex| flex.sessions.get(id).map(super::state::Session::step);
    if what != "enter_card" && step(flex) == Some(Step::Letter) {
        next = checkout::letter(flex, id, letter, context);
    }
    if what != "answer_letter" && next == Next::Stay && step(flex) == Some(Step::Card) {
        next = checkout::card(flex, id, &entry, context);
    }
    if what != "answer_letter" && next == Next::Stay && step(flex) == Some(Step::SecondCard) {
        let entry = Entry { hsa: false, ..entry };
        next = checkout::card(flex, id, &entry, context);
    }
    next
}

/// Something happens to a stored card, named by its id or by a subscription that it pays for.
fn card(flex: &mut Flex, what: &str, id: &str) -> Result<Value, String> {
    let of = flex.subscriptions.get(id).and_then(|subscription| subscription.card.clone());
    let id = of.unwrap_or_else(|| id.to_owned());
    let card = flex.cards.get_mut(&id).ok_or("`id` must name a payment method or a subscription.")?;
    match what {
        "decline_card" => card.declines = Declines::Absent,
        "accept_card" => card.declines = Declines::Never,
        _ => (card.month, card.year) = (1, 2_000),
    }
    Ok(json!({"done": what, "payment_method": id}))
}
