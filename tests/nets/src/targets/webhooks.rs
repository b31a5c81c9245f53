//! Every reader of a webhook, through `observe` and `read_webhook`.

use rulebound::ffi::{AnyStep, read_fact};
use rulebound::json::write;
use rulebound::time::Timestamp;
use rulebound::{Headers, PROVIDERS, Secret, read_webhook};
use serde_json::json;

use super::replies::choice;
use crate::chance::Chance;
use crate::hold::fault;
use crate::places::PLACES;

const TYPES: [Option<&str>; 4] =
    [None, Some("application/json"), Some("application/x-www-form-urlencoded"), Some("text/plain; charset=utf-8")];
const TOPICS: [Option<&str>; 7] = [
    None,
    Some("payment_token_updated"),
    Some("payment_session_complete"),
    Some("partner.cancellation"),
    Some("callback"),
    Some("notification"),
    Some("x"),
];

/// The first bytes choose the place, the content type, the topic and the origin. The rest is the body.
pub(super) fn run(data: &[u8]) {
    let mut chance = Chance::new(data);
    let Some(place) = chance.one(&PLACES.all) else { return };
    let (kind, topic) = (TYPES[chance.below(TYPES.len())], TOPICS[chance.below(TOPICS.len())]);
    let origin = ["verified", "unverified"][chance.below(2)];
    let (snapshot, context, body) = (&place.snapshot, place.context(), chance.rest());
    // Truemed accepts its shared secret in a header, so that the body is read.
    let headers: Headers<'_> = [("x-truemed-api-key", "s")].into_iter().collect();
    for provider in PROVIDERS {
        let _ = read_webhook(provider.name, &[Secret::new("s")], &headers, body, Timestamp::default());
    }
    let text =
        json!({"type": "webhook", "content_type": kind, "topic": topic, "origin": origin, "body": ""}).to_string();
    let fact = || read_fact(&text).unwrap_or_else(|why| panic!("{why}: {text}")).with_body(body);
    let Ok(step @ AnyStep { ignored: None, .. }) = snapshot.observe(fact(), &context) else { return };
    assert!(step.next.revision() > snapshot.revision(), "an applied fact does not raise the revision");
    if let Some(fault) = fault(step.next.as_ref(), &context) {
        panic!("{fault}\nafter {} {text}\nfrom {}", write(&*String::from_utf8_lossy(body)), snapshot.save());
    }
    if let Ok(again @ AnyStep { ignored: None, .. }) = step.next.observe(fact(), &context) {
        let body = write(&*String::from_utf8_lossy(body));
        let (before, first, second) = (snapshot.save(), step.next.save(), again.next.save());
        panic!("the same webhook counts twice: {body} {text}\nfrom {before}\nto {first}\nto {second}");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, place) in PLACES.all.iter().enumerate() {
        let provider = place.snapshot.flow().split('.').next().unwrap_or_default();
        let webhooks = PLACES.webhooks.get(provider).into_iter().flatten().enumerate();
        // Each place gets some of the webhooks, and each webhook some places.
        for (_, (body, kind, topic)) in webhooks.filter(|(number, _)| (number + index) % 96 == 0) {
            let position = |all: &[Option<&str>], it: &Option<String>| {
                u8::try_from(all.iter().position(|have| *have == it.as_deref()).unwrap_or_default()).unwrap_or_default()
            };
            let mut seed = choice(index, PLACES.all.len());
            seed.extend([position(&TYPES, kind), position(&TOPICS, topic), 0]);
            seed.extend(body.as_bytes());
            seeds.push(seed);
        }
    }
    seeds
}
