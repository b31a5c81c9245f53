//! What a customer does under a link: the survey, the card, or Cancel.

use serde_json::{Value, json};

use super::state::{Card, Purpose, Status, Step, Truemed, Visit};
use super::{REVIEW, events, qualify};
use crate::card::{EXPIRED, Entered};
use crate::world::Context;

/// A token that the customer must repair.
pub(super) struct Repair<'a> {
    pub(super) token: &'a str,
    pub(super) request: Option<String>,
    pub(super) failed: Option<String>,
    pub(super) items: Vec<Value>,
    pub(super) survey: bool,
    pub(super) addresses: (String, String),
}

/// Opens an action of a token, in place of an earlier one, and returns its link.
pub(super) fn open_repair(truemed: &mut Truemed, repair: Repair<'_>, context: &mut Context<'_>) -> String {
    let Repair { token, request, failed, items, survey, addresses } = repair;
    let cause = request.as_deref().or(failed.as_deref()).unwrap_or_default();
    let id = context.id("link", Some(cause)).hex(24);
    let purpose = Purpose::Repair { token: token.into(), request, failed, items: items.clone() };
    let visit = Visit {
        step: if survey { Step::Survey } else { Step::Card },
        wants_card: !survey,
        ..Visit::new(id.clone(), purpose, addresses, items)
    };
    truemed.visits.insert(id.clone(), visit);
    let earlier = truemed.tokens.get_mut(token).and_then(|token| token.action.replace(id.clone()));
    truemed.close(earlier.as_ref());
    id
}

/// Where the browser goes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The same page, with its next step.
    Stay,
    /// The same page, with this message.
    Again(&'static str),
    /// The merchant's page.
    Leave(String),
}

/// The link as it is now: a canceled session closes it.
pub(super) fn current(truemed: &mut Truemed, id: &str) -> Option<Visit> {
    let visit = truemed.visits.get_mut(id)?;
    if let Purpose::Session(session) = &visit.purpose
        && visit.step != Step::Done
        && truemed.sessions.get(session).is_none_or(|session| session.status != Status::Pending)
    {
        visit.step = Step::Closed;
    }
    Some(visit.clone())
}

/// The customer answers the survey. A letter will be issued, or not; the customer does not learn it here.
pub(super) fn survey(truemed: &mut Truemed, id: &str, letter: bool, context: &mut Context<'_>) -> Next {
    let Some(visit) = current(truemed, id).filter(|visit| visit.step == Step::Survey) else { return Next::Stay };
    if let Some(visit) = truemed.visits.get_mut(id) {
        (visit.letter, visit.step) = (letter, if visit.wants_card { Step::Card } else { Step::Done });
    }
    if visit.wants_card {
        return Next::Stay;
    }
    if let Purpose::Qualification(session) = &visit.purpose {
        qualify::process(truemed, session);
    }
    context.after(REVIEW, json!({"review": id}));
    Next::Leave(visit.success_url)
}

/// The customer enters a card.
pub(super) fn card(truemed: &mut Truemed, id: &str, number: &str, expiry: &str, context: &mut Context<'_>) -> Next {
    let Some(visit) = current(truemed, id).filter(|visit| visit.step == Step::Card) else { return Next::Stay };
    let card = match read_card(number, expiry, context) {
        Ok(card) => card,
        Err(message) => return Next::Again(message),
    };
    if let Some(visit) = truemed.visits.get_mut(id) {
        visit.step = Step::Done;
    }
    match &visit.purpose {
        Purpose::Session(session) => {
            let skips = context.reading("authorized-skips-processing") == "true";
            if let Some(session) = truemed.sessions.get_mut(session) {
                if skips && session.hold {
                    session.status = Status::Processing;
                } else {
                    session.become_status(Status::Processing, context);
                }
            }
            context.after(REVIEW, json!({"review": id, "card": card_json(&card)}));
        }
        // There is no card.
        Purpose::Qualification(_) => {}
        Purpose::Request(_) => context.after(REVIEW, json!({"review": id, "card": card_json(&card)})),
        Purpose::Repair { token, request, failed, .. } => {
            let metadata = request.as_ref().and_then(|request| truemed.requests.get_mut(request)).map(|request| {
                request.token = Some(token.clone());
                request.metadata.clone()
            });
            if let Some(token) = truemed.tokens.get_mut(token).filter(|token| !token.deleted) {
                token.card = card;
                token.action = token.action.take().filter(|action| action != id);
                let metadata = metadata.unwrap_or_else(|| token.metadata.clone());
                events::token(token, origin(request.as_ref(), failed.as_ref()), &metadata, 0, context);
            }
        }
    }
    Next::Leave(visit.success_url)
}

/// From where the webhook of a repaired token comes.
pub(super) fn origin<'a>(request: Option<&'a String>, failed: Option<&'a String>) -> events::Origin<'a> {
    match (request, failed) {
        (Some(request), _) => events::Origin::Request(request),
        (None, failed) => events::Origin::Failed(failed.map_or("", String::as_str)),
    }
}

/// The customer clicks Cancel. The link stays valid: the customer can come back.
pub(super) fn cancel(truemed: &mut Truemed, id: &str) -> Next {
    match current(truemed, id) {
        Some(visit) if visit.step == Step::Done => Next::Leave(visit.success_url),
        Some(visit) => Next::Leave(visit.failure_url),
        None => Next::Stay,
    }
}

/// Reads a card. `4000000000000002` is declined; `4000000000000341` is declined once the customer is absent.
fn read_card(number: &str, expiry: &str, context: &Context<'_>) -> Result<Card, &'static str> {
    let entered = Entered::read(number, expiry)?;
    let (brand, last4) = (entered.brand(), entered.last4());
    let Entered { digits, month, year } = entered;
    if digits == "4000000000000002" {
        return Err("Your card was declined. Try another card.");
    }
    let card = Card { brand, last4, month, year, declines_later: digits == "4000000000000341" };
    if card.expired(context.now) { Err(EXPIRED) } else { Ok(card) }
}

fn card_json(card: &Card) -> Value {
    json!({"brand": card.brand, "last4": card.last4, "month": card.month, "year": card.year,
        "declines_later": card.declines_later})
}

/// The card that [`card_json`] wrote.
pub(super) fn card_from(value: &Value) -> Card {
    Card {
        brand: if value["brand"] == "visa" { "visa" } else { "mastercard" },
        last4: value["last4"].as_str().unwrap_or_default().to_owned(),
        month: value["month"].as_i64().unwrap_or(1),
        year: value["year"].as_i64().unwrap_or(2_000),
        declines_later: value["declines_later"] == true,
    }
}
