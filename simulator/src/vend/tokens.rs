//! Tokens: what the partner asks for, and whether the retailer has agreed.

use serde_json::{Value, json};

use super::access::admit;
use super::errors::{invalid, refuse};
use super::state::{Component, Kind, Token, Vend};
use super::{LIFETIME, body, page};
use crate::provider::Reply;
use crate::time::{SECOND, iso};
use crate::world::{Call, Context};

pub(super) fn create(vend: &mut Vend, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    ask(vend, Kind::Create, call, context).unwrap_or_else(|refused| refused)
}

pub(super) fn update(vend: &mut Vend, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    ask(vend, Kind::Update, call, context).unwrap_or_else(|refused| refused)
}

fn ask(vend: &mut Vend, kind: Kind, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    admit(vend, call, "write", context)?;
    let (change, return_url) = body::read(kind, &call.json, &vend.catalogue, context)?;
    let live = vend.live(false).is_some();
    if kind == Kind::Update && !live && context.reading("update-without-subscription") == "token-refused" {
        let message = "This retailer has no subscription to this application that could be updated.";
        return Err(invalid("vend.update.requires-existing", message, context).source(page::UPDATING));
    }
    if kind == Kind::Create && live && context.reading("second-create") == "token-refused" {
        let message = "This retailer has a subscription to this application. Update it.";
        return Err(invalid("vend.create.not-when-active", message, context));
    }
    if context.reading("older-token") == "withdrawn" {
        vend.tokens.values_mut().for_each(|token| token.withdrawn |= token.used.is_none());
    }
    let id = context.id("token", None).hex(32);
    let (nth, created) = (vend.next_number(), context.now);
    let token = Token { nth, id: id.clone(), kind, change, return_url, created, used: None, withdrawn: false };
    vend.tokens.insert(id.clone(), token);
    let expires_at = match context.reading("expires-at") {
        "placeholder" => "expires_at".to_owned(),
        _ => iso(created.saturating_add(LIFETIME)),
    };
    let expires_in = LIFETIME.div_euclid(SECOND).to_string();
    let reply = json!({"token": id, "expires_in": expires_in, "expires_at": expires_at});
    Ok(Reply::json(200, &if context.reading("token-envelope") == "data" { json!({"data": reply}) } else { reply }))
}

pub(super) fn retrieve(vend: &mut Vend, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    if let Err(refused) = admit(vend, call, "read", context) {
        return refused;
    }
    let expired = |token: &Token| {
        token.used.is_none() && token.expired(context.now) && context.reading("expired-token-lookup") == "404"
    };
    match vend.tokens.get(call.parameter("token")).filter(|token| !expired(token)) {
        Some(token) => Reply::json(200, &json!({"data": shown(token, context)})),
        None => refuse(404, "vend.token.exists", "There is no such token."),
    }
}

fn shown(token: &Token, context: &mut Context<'_>) -> Value {
    let (retailer, application) = (super::retailer_id(context), super::application_id(context));
    let plan = token.change.plan.clone().map(|(product, price)| (json!(product), json!(price)));
    let (product, price) = plan.unwrap_or_default();
    let (used_at, subscription) = match &token.used {
        Some((at, id)) => (json!(iso(*at)), number(id, context)),
        None => (Value::Null, Value::Null),
    };
    let members = [
        ("token", json!(token.id)),
        ("retailer_id", json!(retailer)),
        ("vend_application_id", json!(application)),
        ("product_handle", product),
        ("product_price_point_handle", price),
        ("components", components(&token.change.components, context)),
        ("return_url", json!(token.return_url)),
        ("created_at", json!(iso(token.created))),
        ("is_used", json!(token.used.is_some())),
        ("used_at", used_at),
        ("subscription_id", subscription),
    ];
    let nulls = context.reading("unset-members") == "null";
    let shown = members.into_iter().filter(|(_, value)| nulls || !value.is_null());
    Value::Object(shown.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The id is an integer beyond 2^53 here, and a text everywhere else.
fn number(id: &str, context: &Context<'_>) -> Value {
    match id.parse::<i64>() {
        Ok(number) if context.reading("token-subscription-id") == "integer" => json!(number),
        _ => json!(id),
    }
}

/// The components are a text that holds JSON. The documents print it without quotes around its first name.
fn components(components: &[Component], context: &Context<'_>) -> Value {
    if components.is_empty() {
        return Value::Null;
    }
    let one = |it: &Component| {
        let price = it.price_handle.as_ref().map(|price| ("component_price_point_handle", json!(price)));
        let first = [("component_handle", json!(it.handle))];
        let members = first.into_iter().chain(price).chain([("quantity", json!(it.quantity))]);
        let members: Vec<String> = members.map(|(name, value)| format!("\"{name}\": {value}")).collect();
        format!("{{{}}}", members.join(", "))
    };
    let list = components.iter().map(one).collect::<Vec<_>>().join(", ");
    match context.reading("token-components") {
        "as-printed" => json!(format!("{{components: [{list}]}}")),
        _ => json!(format!("{{\"components\": [{list}]}}")),
    }
}
