//! What happens at Truemed without the merchant: by the customer, the bank or Truemed's own choice.

use serde_json::{Value, json};

use super::catalog;
use super::state::{Dispute, Purpose, Step, Truemed};
use super::visit::{self, Next};
use crate::world::Context;

const ACTS: &str = "`do` must be finish, answer_survey, enter_card, cancel, dispute, close_dispute, expire_card, decline_card, \
    expire_letter, require_survey, qualify or classify.";

pub(super) fn act(truemed: &mut Truemed, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
    let what = act["do"].as_str().unwrap_or_default();
    match what {
        "finish" | "answer_survey" | "enter_card" | "cancel" => customer(truemed, what, act, context),
        "dispute" | "close_dispute" => {
            let id = act["id"].as_str().unwrap_or_default();
            let session = truemed.sessions.get_mut(id).filter(|session| session.captured.is_some());
            let session = session.ok_or("`id` must name a captured payment session.")?;
            match (what, session.dispute()) {
                ("dispute", None) => {
                    let amount = session.refundable();
                    session.disputes.push(Dispute { amount, at: context.now, closed: None });
                }
                ("close_dispute", Some(dispute)) => dispute.closed = Some(context.now),
                _ => {}
            }
            Ok(done(what))
        }
        "expire_card" | "decline_card" | "expire_letter" | "require_survey" | "qualify" => {
            token(truemed, what, act, context)
        }
        "classify" => catalog::classify(truemed, act, context).map(|()| done(what)),
        _ => Err(ACTS.into()),
    }
}

/// The customer uses a link, named by its address, or by the session, request or token that it belongs to.
fn customer(truemed: &mut Truemed, what: &str, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
    let link = link(truemed, act)?;
    let letter = act["letter"].as_bool().unwrap_or(true);
    let number = act["card"].as_str().unwrap_or("4242424242424242");
    let expiry = act["expiry"].as_str().unwrap_or("12/30");
    let before = visit::current(truemed, &link).map(|visit| visit.step).ok_or("There is no such link.")?;
    let mut next = Next::Stay;
    match (what, before) {
        (_, Step::Done | Step::Closed) => return Err("This link is used or closed.".into()),
        ("cancel", _) => next = visit::cancel(truemed, &link),
        (what, step) => {
            if what != "enter_card" && step == Step::Survey {
                next = visit::survey(truemed, &link, letter, context);
            }
            if what != "answer_survey" && next == Next::Stay {
                next = visit::card(truemed, &link, number, expiry, context);
            }
        }
    }
    match next {
        Next::Stay => Ok(json!({"done": what, "url": null})),
        Next::Again(message) => Ok(json!({"done": what, "url": null, "message": message})),
        Next::Leave(url) => Ok(json!({"done": what, "url": url})),
    }
}

fn link(truemed: &Truemed, act: &Value) -> Result<String, String> {
    let known = |id: &str| truemed.visits.contains_key(id).then(|| id.to_owned());
    if let Some(url) = act["url"].as_str() {
        let path = url.split('?').next().unwrap_or_default();
        return path
            .rsplit('/')
            .next()
            .and_then(known)
            .ok_or_else(|| "`url` must be a redirect_url that this world returned.".into());
    }
    let id = act["id"].as_str().unwrap_or_default();
    let of = |purpose: &Purpose| match purpose {
        Purpose::Session(session) => session == id,
        Purpose::Request(request) => request == id,
        Purpose::Qualification(session) => session == id,
        Purpose::Repair { token, request, failed, .. } => {
            token == id || request.as_deref() == Some(id) || failed.as_deref() == Some(id)
        }
    };
    let open = truemed.tokens.get(id).and_then(|token| token.action.clone());
    let found = || truemed.visits.values().find(|visit| of(&visit.purpose)).map(|visit| visit.id.clone());
    open.or_else(found).ok_or_else(|| {
        "Name the link by `url`, or by the `id` of its session, provision_token_request, qualification session or token.".into()
    })
}

/// Something happens to a token.
fn token(truemed: &mut Truemed, what: &str, act: &Value, context: &Context<'_>) -> Result<Value, String> {
    let id = act["id"].as_str().unwrap_or_default();
    let token = truemed.tokens.get_mut(id).ok_or("`id` must name a payment_token.")?;
    match what {
        "expire_card" => (token.card.month, token.card.year) = (1, 2_000),
        "decline_card" => token.card.declines_later = act["declines"].as_bool().unwrap_or(true),
        "expire_letter" => token.letter_until = context.now,
        "require_survey" => token.wants_survey = true,
        _ => {
            let skus = act["skus"].as_array().ok_or("`skus` must list the SKUs that need no new survey.")?;
            token.covered.extend(skus.iter().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    Ok(done(what))
}

fn done(what: &str) -> Value {
    json!({"done": what})
}
