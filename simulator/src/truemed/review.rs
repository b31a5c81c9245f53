//! What Truemed does without the customer: the review of a survey, and the processing of a charge.

use serde_json::Value;

use super::state::{Card, Purpose, Status, Step, Token, Truemed, Visit};
use super::visit::{card_from, origin};
use super::{LETTER, cart, catalog, events, qualify};
use crate::time::SECOND;
use crate::world::Context;

pub(super) fn due(truemed: &mut Truemed, what: &Value, context: &mut Context<'_>) {
    if let Some(session) = what["charge"].as_str() {
        settle(truemed, session, context);
    }
    if what["classify"].is_string() {
        catalog::review(truemed, what, context);
    }
    let visit = what["review"].as_str().and_then(|id| truemed.visits.get(id)).cloned();
    if let Some(visit) = visit {
        review(truemed, &visit, &what["card"], context);
    }
}

/// Takes the money of a session, or holds it.
fn settle(truemed: &mut Truemed, id: &str, context: &mut Context<'_>) {
    let Some(session) = truemed.sessions.get_mut(id) else { return };
    if session.hold {
        session.authorized = Some(context.now);
        session.become_status(Status::Authorized, context);
    } else {
        session.take(session.total, context.now);
        session.become_status(Status::Captured, context);
    }
}

/// Decides on a letter. Without one, no token is ever issued, and no webhook says so.
fn review(truemed: &mut Truemed, visit: &Visit, card: &Value, context: &mut Context<'_>) {
    match &visit.purpose {
        Purpose::Session(id) if visit.letter => {
            let first = context.reading("token-before-session") == "true";
            settle(truemed, id, context);
            provision_of_session(truemed, visit, id, card_from(card), first, context);
        }
        Purpose::Session(id) => {
            if let Some(session) = truemed.sessions.get_mut(id) {
                session.become_status(Status::Rejected, context);
            }
        }
        Purpose::Request(id) if visit.letter => provision(truemed, visit, id, card_from(card), context),
        Purpose::Repair { token, request, failed, items } if visit.letter => {
            let names = items.iter().map(cart::name);
            let Some(token) = truemed.tokens.get_mut(token).filter(|token| !token.deleted) else { return };
            if token.action.as_ref() != Some(&visit.id) {
                return;
            }
            token.covered.extend(names.clone());
            if request.is_some() {
                token.items = names.collect();
            } else {
                token.items.extend(names);
            }
            (token.action, token.wants_survey) = (None, false);
            token.letter_until = context.now.saturating_add(LETTER);
            let request_of = request.as_ref().and_then(|request| truemed.requests.get_mut(request));
            let metadata = request_of.map(|request| {
                request.token = Some(token.id.clone());
                request.metadata.clone()
            });
            let metadata = metadata.unwrap_or_else(|| token.metadata.clone());
            events::token(token, origin(request.as_ref(), failed.as_ref()), &metadata, 0, context);
        }
        // The customer can take the survey again under the same link.
        Purpose::Repair { .. } => {
            if let Some(visit) = truemed.visits.get_mut(&visit.id).filter(|visit| visit.step == Step::Done) {
                visit.step = Step::Survey;
            }
        }
        Purpose::Qualification(id) => qualify::decide(truemed, id, visit.letter, context),
        Purpose::Request(_) => {}
    }
}

/// Provisions the token of a session with `tokenize`.
fn provision_of_session(
    truemed: &mut Truemed,
    visit: &Visit,
    id: &str,
    card: Card,
    first: bool,
    context: &mut Context<'_>,
) {
    let nth = truemed.next_number();
    let Some(session) = truemed.sessions.get_mut(id).filter(|session| session.tokenize) else { return };
    let key = format!("of session {id}");
    let member = |name: &str| session.cart.get(name).cloned().unwrap_or_default();
    let (email, name, metadata) = (member("customer_email"), member("customer_name"), session.metadata());
    let account = session.account.clone();
    let token = Draft { nth, key, account, email, name, metadata, card }.token(visit, context);
    session.payment_token = Some(token.id.clone());
    // Two webhooks of one instant arrive in the order in which they were planned, unless one waits longer.
    let wait = if first { -SECOND } else { SECOND };
    events::token(&token, events::Origin::Session(id), &token.metadata, wait, context);
    truemed.tokens.insert(token.id.clone(), token);
}

/// Provisions the token of `create_payment_token`.
fn provision(truemed: &mut Truemed, visit: &Visit, id: &str, card: Card, context: &mut Context<'_>) {
    let nth = truemed.next_number();
    let Some(request) = truemed.requests.get_mut(id) else { return };
    let key = format!("of request {id}");
    let member = |name: &str| request.cart.get(name).cloned().unwrap_or_default();
    let (email, name, metadata) = (member("customer_email"), member("customer_name"), request.metadata.clone());
    let account = request.account.clone();
    let token = Draft { nth, key, account, email, name, metadata, card }.token(visit, context);
    request.token = Some(token.id.clone());
    events::token(&token, events::Origin::Request(id), &token.metadata, 0, context);
    truemed.tokens.insert(token.id.clone(), token);
}

struct Draft {
    nth: u64,
    key: String,
    account: String,
    email: Value,
    name: Value,
    metadata: Value,
    card: Card,
}

impl Draft {
    fn token(self, visit: &Visit, context: &mut Context<'_>) -> Token {
        let Self { nth, key, account, email, name, metadata, card } = self;
        let items: std::collections::BTreeSet<String> = visit.items.iter().map(cart::name).collect();
        Token {
            nth,
            id: context.id("payment_token", Some(&key)).uuid(),
            account,
            created: context.now,
            email,
            name,
            metadata,
            success_url: visit.success_url.clone(),
            failure_url: visit.failure_url.clone(),
            letter_until: context.now.saturating_add(LETTER),
            card,
            covered: items.clone(),
            items,
            action: None,
            wants_survey: false,
            deleted: false,
        }
    }
}
