//! Every reader of a reply, through `observe`.

use std::sync::LazyLock;

use rulebound::ffi::{AnyStep, read_fact};
use rulebound::json::write;
use serde_json::json;

use crate::chance::Chance;
use crate::hold::fault;
use crate::places::{PLACES, Place};

/// The statuses of the replies: those with a meaning, and one of each other kind.
const STATUSES: [u16; 24] = [
    200, 201, 202, 204, 206, 302, 400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 422, 425, 429, 499, 500, 502, 503,
    599,
];

/// Statuses that leave the outcome unknown: a request with such a reply is still pending.
const OPEN: [u16; 7] = [302, 408, 499, 500, 502, 503, 599];

/// A leased request, and its place.
struct Leased {
    place: &'static Place,
    id: &'static str,
    operation: &'static str,
}

static LEASED: LazyLock<Vec<Leased>> = LazyLock::new(|| {
    let of = |place: &'static Place| {
        place.leased.iter().map(move |(id, operation)| Leased { place, id, operation: operation.as_str() })
    };
    PLACES.all.iter().flat_map(of).collect()
});

/// The first three bytes choose the place and the status. The rest is the body.
pub(super) fn run(data: &[u8]) {
    let mut chance = Chance::new(data);
    let Some(Leased { place, id, .. }) = chance.one(&LEASED) else { return };
    let status = *chance.one(&STATUSES).unwrap_or(&200);
    let (snapshot, context, body) = (&place.snapshot, place.context(), chance.rest());
    let text = json!({"type": "reply", "effect": id, "http_status": status}).to_string();
    let fact = || read_fact(&text).unwrap_or_else(|why| panic!("{why}: {text}")).with_body(body);
    let Ok(step @ AnyStep { ignored: None, .. }) = snapshot.observe(fact(), &context) else { return };
    assert!(step.next.revision() > snapshot.revision(), "an applied fact does not raise the revision");
    let saved = step.next.save();
    let message =
        || format!("{status} {}\nfrom {}\nto {saved}", write(&*String::from_utf8_lossy(body)), snapshot.save());
    if let Some(fault) = fault(step.next.as_ref(), &context) {
        panic!("{fault}\nafter {}", message());
    }
    let is_open = saved.contains(&format!("\"{id}\""));
    assert!(is_open || !OPEN.contains(&status), "{id} is over after {}", message());
    if let Ok(again @ AnyStep { ignored: None, .. }) = step.next.observe(fact(), &context) {
        panic!("the same reply counts twice: {}\nto {}", message(), again.next.save());
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, leased) in LEASED.iter().enumerate() {
        let provider = leased.place.snapshot.flow().split('.').next().unwrap_or_default();
        let Some(replies) = PLACES.replies.get(&(provider.to_owned(), leased.operation.to_owned())) else { continue };
        // Each place gets some of the replies, and each reply some places.
        for (_, (status, body)) in replies.iter().enumerate().filter(|(number, _)| (number + index) % 15 == 0) {
            let status = STATUSES.iter().position(|have| have == status).unwrap_or_default();
            let mut seed = choice(index, LEASED.len());
            seed.push(u8::try_from(status).unwrap_or_default());
            seed.extend(body.as_bytes());
            seeds.push(seed);
        }
    }
    seeds
}

/// The bytes by which [`Chance::one`] chooses this index.
pub(super) fn choice(index: usize, count: usize) -> Vec<u8> {
    let index = u16::try_from(index).unwrap_or_default();
    match count {
        0 | 1 => Vec::new(),
        2..=256 => vec![index.to_be_bytes()[1]],
        _ => index.to_be_bytes().into(),
    }
}
