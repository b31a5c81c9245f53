//! Events: what they say, where they go, how they are signed, and how one is sent again.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::errors::{invalid, missing, not_found};
use super::state::{Event, Flex, Hook};
use super::store::{Head, Kept, text, unwrap, wrapped};
use super::{POST, source};
use crate::http::HttpReply;
use crate::provider::Reply;
use crate::time::{SECOND, iso};
use crate::world::{Call, Context, Endpoint, Sending};

/// How many events can be sent again.
const MAX_EVENTS: usize = 2_000;

/// Tells every endpoint what happened to an object.
pub(super) fn tell<T: Kept>(flex: &mut Flex, event: &str, id: &str, context: &mut Context<'_>) {
    let Some(it) = T::store(flex).get(id) else { return };
    let (head, shown) = (it.head().clone(), it.shown(flex, context));
    send(flex, event, T::KIND, &head, shown, context);
}

/// Sends an event about something that is no object of its own, such as a charge.
pub(super) fn send(flex: &mut Flex, event: &str, kind: &str, about: &Head, shown: Value, context: &mut Context<'_>) {
    let head = Head::new("fevt", &about.id, &about.account, context);
    let in_seconds = context.reading("event-time") != "milliseconds";
    let mut object = Map::new();
    object.insert(kind.to_owned(), shown);
    let mut data = json!({
        "event_id": head.id,
        "event_type": event,
        "event_dt": if in_seconds { head.created.div_euclid(SECOND) } else { head.created },
        "test_mode": head.test_mode,
        "created_at": iso(head.created),
    });
    data["object"] = Value::Object(object);
    let data = Arc::new(data);
    let own = flex.hooks.iter().filter(|hook| hook.head.account == head.account);
    let own: Vec<Endpoint> = own.filter(|hook| hook.wants(event)).map(Hook::endpoint).collect();
    let first = event == "checkout.session.completed" && context.reading("completed-first") == "true";
    let message = context.webhook_also(own, event, &data, if first { 0 } else { POST });
    flex.events.push_back(Event { id: head.id, account: head.account, message, data });
    if flex.events.len() > MAX_EVENTS {
        flex.events.pop_front();
    }
}

impl Hook {
    fn wants(&self, event: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|wanted| wanted == event || wanted == "*")
    }

    fn endpoint(&self) -> Endpoint {
        let (url, secret) = (self.url.clone(), self.secret.clone());
        Endpoint { url, provider: None, secret, auth: String::new() }
    }
}

pub(super) fn create_hook(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let made = unwrap(call, "webhook").and_then(|asked| {
        let url = text(asked, "url").filter(|url| url.starts_with("http://") || url.starts_with("https://"));
        let Some(url) = url else {
            return Err(missing("url", "flex.webhook.url", "A webhook must have an absolute url."));
        };
        Ok((url.to_owned(), events_of(asked.get("events"))?))
    });
    let (url, events) = match made {
        Ok(made) => made,
        Err(refused) => return refused,
    };
    let head = Head::new("fwh", "", &call.account, context);
    let secret = context.id("signing_secret", Some(&head.id)).hex(48);
    let secret = format!("fwhsec_{}", STANDARD.encode(secret));
    let id = flex.hooks.add(Hook { head, url, secret, events });
    wrapped::<Hook>(flex, &id, context)
}

fn events_of(value: Option<&Value>) -> Result<Vec<String>, Reply> {
    let names = |list: &Vec<Value>| list.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    let events: Option<Vec<String>> = value.and_then(Value::as_array).map_or(Some(Vec::new()), names);
    events.ok_or_else(|| invalid("events", "value_error", "flex.webhook.events", "events must be a list of names."))
}

pub(super) fn update_hook(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let checked = unwrap(call, "webhook").and_then(|asked| {
        flex.hooks.of(&call.account, &id)?;
        Ok((text(asked, "url"), asked.get("events").map(|events| events_of(Some(events))).transpose()?))
    });
    match checked {
        Ok((url, events)) => {
            if let Some(hook) = flex.hooks.get_mut(&id) {
                hook.url = url.map_or_else(|| hook.url.clone(), str::to_owned);
                hook.events = events.unwrap_or_else(|| hook.events.clone());
            }
            wrapped::<Hook>(flex, &id, context)
        }
        Err(refused) => refused,
    }
}

pub(super) fn delete_hook(flex: &mut Flex, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    if let Err(refused) = flex.hooks.of(&call.account, call.parameter("id")) {
        return refused;
    }
    flex.hooks.remove(call.parameter("id"));
    HttpReply::empty(204).into()
}

/// `POST /v1/events/{id}/retry`: sends an event again to one registered webhook.
pub(super) fn retry(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let asked = match unwrap(call, "event") {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let id = call.parameter("id");
    let event = flex.events.iter().find(|event| event.id == id && event.account == call.account);
    let Some(event) = event else { return not_found("event", id) };
    let Some(wanted) = text(asked, "webhook_id") else {
        return missing("webhook_id", "flex.event.retry-webhook", "webhook_id must name the webhook to send to.");
    };
    let name = event.data["event_type"].as_str().unwrap_or_default();
    match flex.hooks.of(&call.account, wanted) {
        Ok(hook) => context.webhook_again(&event.message, hook.endpoint(), name, &event.data),
        // The addresses of the world itself have no id at Flex: together they are one webhook.
        Err(_) if wanted == "fwh_world" => {
            for endpoint in context.endpoints() {
                context.webhook_again(&event.message, endpoint, name, &event.data);
            }
        }
        Err(refused) => return refused,
    }
    let mut shown = Value::clone(&event.data);
    shown.as_object_mut().map(|shown| shown.remove("event_dt"));
    Reply::json(200, &json!({"event": shown})).source(source::RETRY)
}

/// The body of an event and the headers of its family.
pub(super) fn sign(sending: &Sending<'_>, endpoint: &Endpoint) -> (Vec<(String, String)>, Vec<u8>) {
    let reading = |name: &str| sending.readings.get(name).map_or("", String::as_str);
    let mut body = Cow::Borrowed(sending.data);
    if reading("flex.event-object") == "bare" {
        let inner = body["object"].as_object().and_then(|object| object.values().next()).cloned();
        body.to_mut()["object"] = inner.unwrap_or_default();
    }
    if reading("flex.completed-name") == "underscore" && sending.event == "checkout.session.completed" {
        body.to_mut()["event_type"] = json!("checkout_session.completed");
    }
    let mut body = body.to_string();
    if reading("flex.event-wrapper") == "event" {
        body = format!("{{\"event\":{body}}}");
    }
    let family = if endpoint.auth.is_empty() { reading("flex.webhook-headers") } else { endpoint.auth.as_str() };
    let id = format!("msg_{}", sending.id.replace('-', ""));
    let at = sending.now.div_euclid(SECOND).to_string();
    let signatures: Vec<String> = endpoint.secret.split(',').map(|secret| signature(secret, &id, &at, &body)).collect();
    let versioned = signatures.iter().map(|it| format!("v1,{it}")).collect::<Vec<_>>().join(" ");
    let bare = signatures.first().cloned().unwrap_or_default();
    let mut headers = Vec::new();
    let mut family_of = |names: [&str; 3], signature: &str| {
        let values = [id.as_str(), at.as_str(), signature];
        headers.extend(names.into_iter().zip(values).map(|(name, value)| (name.to_owned(), value.to_owned())));
    };
    if !matches!(family, "webhook" | "flex") {
        family_of(["svix-id", "svix-timestamp", "svix-signature"], &versioned);
    }
    if matches!(family, "webhook" | "all") {
        family_of(["webhook-id", "webhook-timestamp", "webhook-signature"], &versioned);
    }
    if matches!(family, "flex" | "all") {
        family_of(["flex-event-id", "flex-timestamp", "flex-signature"], &bare);
    }
    (headers, body.into_bytes())
}

/// HMAC-SHA256 over `id.timestamp.body`; the key is what the secret has after its `_`, in base64.
fn signature(secret: &str, id: &str, at: &str, body: &str) -> String {
    let text = secret.split_once('_').map_or(secret, |(_, text)| text);
    let key = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    [id, ".", at, ".", body].iter().for_each(|part| mac.update(part.as_bytes()));
    STANDARD.encode(mac.finalize().into_bytes())
}
