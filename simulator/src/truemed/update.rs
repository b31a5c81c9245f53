//! `update_payment_token`: another card or other items, never both.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::cart;
use super::charge::token_of;
use super::errors::guess;
use super::keys::{once, text};
use super::state::{Purpose, Request, Truemed};
use super::visit::{self, Repair};
use crate::provider::Reply;
use crate::world::{Call, Context};

pub(super) fn update(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let of = format!("update {}", call.parameter("token"));
    once(truemed, call, context, &of, |truemed, context, key| {
        update_once(truemed, call, context, key).unwrap_or_else(|refused| refused)
    })
}

/// What an update asks for.
enum Change {
    Card,
    Items(Vec<Value>),
}

fn change(body: &Map<String, Value>, context: &mut Context<'_>) -> Result<Change, Reply> {
    let card = match body.get("update_card_info") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(card)) => *card,
        Some(_) => {
            let message = "update_card_info must be true or false.";
            return Err(guess(400, "FieldInvalid", "truemed.update.card-xor-items", message));
        }
    };
    match (card, body.get("order_items").is_some_and(|items| !items.is_null())) {
        (true, true) => {
            let message = "update_card_info cannot be true when order_items are sent.";
            Err(guess(400, "FieldInvalid", "truemed.update.card-xor-items", message))
        }
        (false, false) => {
            let message = "Send order_items, or update_card_info as true.";
            Err(guess(400, "MissingField", "truemed.update.nothing-to-do", message))
        }
        (true, false) => Ok(Change::Card),
        (false, true) => Ok(Change::Items(cart::items(body, context, "draft")?)),
    }
}

fn update_once(
    truemed: &mut Truemed,
    call: &Call<'_>,
    context: &mut Context<'_>,
    key: Option<&str>,
) -> Result<Reply, Reply> {
    let change = change(&call.json, context)?;
    let given = cart::metadata(&call.json)?;
    let survey_action = context.reading("survey-action").to_owned();
    let token = token_of(truemed, call)?;
    let id = context.id("provision_token_request", key).uuid();
    let address = |name: &str, stored: &str| text(&call.json, name).unwrap_or(stored).to_owned();
    let addresses = (address("success_url", &token.success_url), address("failure_url", &token.failure_url));
    let metadata = if given.is_null() { token.metadata.clone() } else { given };
    let (action, items) = match change {
        Change::Card => (Some("UpdatePaymentMethod"), Vec::new()),
        Change::Items(items) => {
            let names: BTreeSet<String> = items.iter().map(cart::name).collect();
            let old = token.letter_until <= context.now || token.wants_survey;
            let action = if old || !names.is_subset(&token.covered) {
                Some(survey_action.as_str())
            } else if token.card.expired(context.now) || token.card.declines_later {
                Some("UpdatePaymentMethod")
            } else {
                token.items = names;
                None
            };
            (action, items)
        }
    };
    let (account, cart, token) = (call.account.clone(), call.json.clone(), token.id.clone());
    let done = action.is_none().then(|| token.clone());
    let request = Request { id: id.clone(), account, metadata, token: done, updates: Some(token.clone()), cart, items };
    let items = request.items.clone();
    truemed.requests.insert(id.clone(), request);
    let Some(action) = action else {
        revert(truemed, &token);
        return Ok(reply_without_action(&id, context));
    };
    let survey = action != "UpdatePaymentMethod";
    let repair = Repair { token: &token, request: Some(id.clone()), failed: None, items, survey, addresses };
    let link = visit::open_repair(truemed, repair, context);
    let redirect_url = context.url(&format!("/checkout/{link}"));
    let body = json!({"next_action": action, "redirect_url": redirect_url, "provision_token_request_id": id});
    Ok(Reply::json(200, &body))
}

/// Closes the open survey of an earlier change of items, which the new items replace.
fn revert(truemed: &mut Truemed, token: &str) {
    let Some(link) = truemed.tokens.get(token).and_then(|token| token.action.clone()) else { return };
    let replaced = truemed.visits.get(&link).is_some_and(
        |visit| matches!(&visit.purpose, Purpose::Repair { failed: None, items, .. } if !items.is_empty()),
    );
    if replaced {
        truemed.close(Some(&link));
        truemed.tokens.get_mut(token).map(|token| token.action.take());
    }
}

fn reply_without_action(id: &str, context: &Context<'_>) -> Reply {
    let mut body = json!({"provision_token_request_id": id});
    match context.reading("none-as") {
        "absent" => {}
        "None" => body["next_action"] = json!("None"),
        _ => {
            body["next_action"] = Value::Null;
            body["redirect_url"] = Value::Null;
        }
    }
    Reply::json(200, &body)
}
