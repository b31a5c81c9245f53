//! The webhooks, and how they are authenticated.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::POST;
use super::qualify::Qualification;
use super::state::{Session, Token};
use crate::time::{Millis, SECOND, iso};
use crate::world::{Context, Endpoint, Sending, hex};

const SESSION: &str = "payment_session_complete";
const TOKEN: &str = "payment_token_updated";
const QUALIFICATION: &str = "qualification_session_complete";
const ELIGIBILITY: &str = "product_catalog_item_eligibility_updated";
const ELIGIBILITY_TYPE: &str = "product_catalog.item.eligibility_updated";

/// Truemed sends `payment_session_complete` once for every change of the status.
pub(super) fn session(session: &Session, context: &mut Context<'_>) {
    let mut data = Map::new();
    data.insert(context.reading("webhook-session-key").to_owned(), json!(session.id));
    data.insert("status".into(), json!(session.status.name()));
    data.insert("created_at".into(), json!(iso(session.created)));
    data.insert("order_items".into(), json!(session.items));
    data.insert("metadata".into(), session.metadata());
    data.insert("authorize_amount".into(), json!(session.total));
    match session.captured {
        Some((_, amount)) => data.insert("capture_amount".into(), json!(amount)),
        None if session.hold => None,
        None => data.insert("capture_amount".into(), json!(session.total)),
    };
    if session.payment_token.is_some() || session.tokenize {
        data.insert("payment_token".into(), json!(session.payment_token));
    }
    context.webhook(SESSION, Value::Object(data), POST);
}

/// Truemed sends `qualification_session_complete` once, with the outcome.
pub(super) fn qualification(session: &Qualification, context: &mut Context<'_>) {
    context.webhook(QUALIFICATION, session.shown(), POST);
}

/// Truemed sends `product_catalog_item_eligibility_updated` when an item was reviewed. It has an envelope in any case.
pub(super) fn eligibility(item: &Value, context: &mut Context<'_>) {
    let data = json!({"event_type": ELIGIBILITY_TYPE, "timestamp": iso(context.now), "data": {"object": item}});
    context.webhook(ELIGIBILITY, data, POST);
}

/// From where a token's webhook comes. Exactly one of its ids is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    Session(&'a str),
    Failed(&'a str),
    Request(&'a str),
}

/// Truemed sends `payment_token_updated` when a token can be used, for the first time or again.
pub(super) fn token(token: &Token, origin: Origin<'_>, metadata: &Value, wait: Millis, context: &mut Context<'_>) {
    let (name, id) = match origin {
        Origin::Session(id) => ("payment_session_id", id),
        Origin::Failed(id) => ("failed_payment_session_id", id),
        Origin::Request(id) => ("provision_token_request_id", id),
    };
    let mut data = json!({"payment_token": token.id, "lmn_expires_at": iso(token.letter_until)});
    data[name] = json!(id);
    if !metadata.is_null() {
        data["metadata"] = metadata.clone();
    }
    context.webhook(TOKEN, data, POST.saturating_add(wait));
}

/// Signed webhooks have an envelope and a signature; unsigned ones the bare data and the secret.
pub(super) fn sign(sending: &Sending<'_>, endpoint: &Endpoint) -> (Vec<(String, String)>, Vec<u8>) {
    if endpoint.auth == "unsigned" {
        let headers = vec![("x-truemed-api-key".to_owned(), endpoint.secret.clone())];
        return (headers, sending.data.to_string().into_bytes());
    }
    let complete = sending.readings.get("truemed.event-names").is_some_and(|names| names == "complete");
    let event = match sending.event {
        SESSION if complete => "payment_session.complete",
        SESSION => "payment_session.completed",
        TOKEN => "payment_token.updated",
        QUALIFICATION if complete => "qualification_session.complete",
        QUALIFICATION => "qualification_session.completed",
        other => other,
    };
    let body = if event == ELIGIBILITY {
        let mut envelope = sending.data.clone();
        envelope["webhook_delivery_id"] = json!(sending.id);
        envelope.to_string()
    } else {
        json!({"webhook_delivery_id": sending.id, "event_type": event, "data": sending.data}).to_string()
    };
    let at = sending.now.div_euclid(SECOND);
    // While a secret is exchanged, both sign: `old,new`.
    let signatures = endpoint.secret.split(',').map(|secret| format!(",v1={}", signature(secret, at, &body)));
    let header = format!("t={at}{}", signatures.collect::<String>());
    (vec![("x-truemed-signature".to_owned(), header)], body.into_bytes())
}

fn signature(secret: &str, at: i64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{at}.{body}").as_bytes());
    hex(&mac.finalize().into_bytes())
}
