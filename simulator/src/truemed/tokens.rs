//! Payment tokens: create, look up, retrieve, list and delete.

use serde_json::{Value, json};

use super::charge::token_of;
use super::errors::{not_found, refuse};
use super::keys::once;
use super::sessions::paginate;
use super::state::{Card, Purpose, Request, Token, Truemed, Visit};
use super::{cart, page};
use crate::http::HttpReply;
use crate::provider::Reply;
use crate::time::{date, iso};
use crate::world::{Call, Context};

pub(super) fn create(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    once(truemed, call, context, "token", |truemed, context, key| {
        create_once(truemed, call, context, key).unwrap_or_else(|refused| refused)
    })
}

fn create_once(
    truemed: &mut Truemed,
    call: &Call<'_>,
    context: &mut Context<'_>,
    key: Option<&str>,
) -> Result<Reply, Reply> {
    let body = &call.json;
    let addresses = cart::addresses(body)?;
    let metadata = cart::metadata(body)?;
    let items = cart::items(body, context, "draft")?;
    let id = context.id("provision_token_request", key).uuid();
    let link = context.id("link", Some(&id)).hex(24);
    let visit = Visit::new(link, Purpose::Request(id.clone()), addresses, items.clone());
    let redirect_url = context.url(&format!("/checkout/{}", visit.id));
    let (account, cart) = (call.account.clone(), body.clone());
    let request = Request { id: id.clone(), account, metadata, token: None, updates: None, cart, items };
    truemed.visits.insert(visit.id.clone(), visit);
    truemed.requests.insert(id.clone(), request);
    Ok(Reply::json(200, &json!({"provision_token_request_id": id, "redirect_url": redirect_url})))
}

pub(super) fn retrieve_request(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let Some(request) = truemed.requests.get(call.parameter("id")).filter(|it| it.account == call.account) else {
        return not_found("This provision_token_request");
    };
    let always = context.reading("update-request-shows-token") == "always";
    let token = request.token.as_ref().or(request.updates.as_ref().filter(|_| always));
    let reply = Reply::json(200, &json!({"payment_token": token, "metadata": request.metadata}));
    if request.updates.is_some() {
        return reply.inferred("what the lookup of an update's request shows before it is done is not said");
    }
    reply
}

pub(super) fn retrieve(truemed: &mut Truemed, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    match token_of(truemed, call) {
        Ok(token) => Reply::json(200, &shown(token)),
        Err(refused) => refused,
    }
}

/// A token as Truemed shows it. The members of a payment method come from a third party.
fn shown(token: &Token) -> Value {
    let Card { brand, last4, month, year, .. } = &token.card;
    json!({
        "payment_token": token.id,
        "created_at": iso(token.created),
        "customer_email": token.email,
        "customer_name": token.name,
        "lmn_expires_at": iso(token.letter_until),
        "payment_methods": [{"brand": brand, "last4": last4, "exp_month": month, "exp_year": year}],
        "metadata": token.metadata,
    })
}

/// Lists tokens by substring of email and name, and by what expires on or before a date.
pub(super) fn list(truemed: &mut Truemed, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    let query = call.query();
    let part = |name: &str, value: &Value| {
        query.get(name).is_none_or(|wanted| value.as_str().is_some_and(|it| it.contains(wanted.as_str())))
    };
    let before = |name: &str, date: &str| query.get(name).is_none_or(|limit| date <= limit.as_str());
    let fits = |token: &&Token| {
        let card = format!("{:04}-{:02}", token.card.year, token.card.month);
        token.account == call.account
            && !token.deleted
            && part("email", &token.email)
            && part("name", &token.name)
            && before("card_expires_before", &card)
            && before("lmn_expires_before", &date(token.letter_until))
    };
    let mut tokens: Vec<&Token> = truemed.tokens.values().filter(fits).collect();
    tokens.sort_by_key(|token| core::cmp::Reverse(token.nth));
    let (page, pagination) = paginate(&tokens, call);
    let tokens: Vec<Value> = page.iter().map(|token| shown(token)).collect();
    Reply::json(200, &json!({"payment_tokens": tokens, "pagination": pagination}))
}

pub(super) fn delete(truemed: &mut Truemed, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    if !call.json.is_empty() {
        let refused = refuse(400, "BadRequest", "truemed.token.delete-body", "The body must be empty.");
        return refused.inferred("the reply to a body is not said");
    }
    let action = match token_of(truemed, call) {
        Ok(token) => {
            token.deleted = true;
            token.action.take()
        }
        Err(refused) => return refused.source(page::DELETE),
    };
    truemed.close(action.as_ref());
    HttpReply::empty(204).into()
}
