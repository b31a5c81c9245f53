//! Idempotency: one key is one request, and gets one reply.

use serde_json::{Map, Value};

use super::errors::guess;
use super::state::Truemed;
use super::{charge, page};
use crate::provider::Reply;
use crate::world::{Call, Context, Earlier};

/// Does a request once per `idempotency_key`. `of` divides the keys, for example by session.
pub(super) fn once(
    truemed: &mut Truemed,
    call: &Call<'_>,
    context: &mut Context<'_>,
    of: &str,
    run: impl FnOnce(&mut Truemed, &mut Context<'_>, Option<&str>) -> Reply,
) -> Reply {
    let Some(key) = text(&call.json, "idempotency_key") else { return run(truemed, context, None) };
    let of = format!("{} {of}", call.account);
    match context.earlier(&of, key, &call.json) {
        Earlier::None => {}
        Earlier::Same(reply) => return reply,
        Earlier::Other(reply) if context.reading("key-with-other-cart") == "same-session" => return reply,
        Earlier::Other(_) => {
            let message = "This idempotency_key was used with other content. Use a new key.";
            return guess(400, "IdempotencyKeyReused", "truemed.session.idempotency-new-cart-new-key", message)
                .source(page::CANCEL);
        }
    }
    let unique = format!("{} {key}", call.account);
    let reply = run(truemed, context, Some(&unique));
    // A refusal changed nothing, so that the same key can be used again. A failed charge is an attempt of its own.
    let failed_charge = reply.inferred == Some(charge::WHY);
    if reply.http.status < 300 || failed_charge {
        context.keep(&of, key, &call.json, &reply);
    }
    reply
}

/// A member that is a text and not empty.
pub(super) fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
