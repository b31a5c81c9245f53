//! Every reader of a reply, through `observe`.

use std::sync::LazyLock;

use rulebound::ffi::{AnyStep, read_fact};
use rulebound::json::write;
use serde_json::json;

use crate::chance::Chance;
use crate::hold::fault;
use crate::places::{PLACES, Place};

/// The statuses that a reply may have: those that mean something, and one of each other kind.
const STATUSES: [u16; 24] = [
    200, 201, 202, 204, 206, 302, 400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 422, 425, 429, 499, 500, 502, 503,
    599,
];

/// Statuses that say nothing of the outcome: a request that got one is still owed.
const OPEN: [u16; 7] = [302, 408, 499, 500, 502, 503, 599];

/// A request that was begun, and where.
struct Begun {
    place: &'static Place,
    id: &'static str,
    operation: &'static str,
}

static BEGUN: LazyLock<Vec<Begun>> = LazyLock::new(|| {
    let of = |place: &'static Place| {
        place.begun.iter().map(move |(id, operation)| Begun { place, id, operation: operation.as_str() })
    };
    PLACES.all.iter().flat_map(of).collect()
});

/// The first three bytes choose the place and the status; the rest is the body.
pub(super) fn run(data: &[u8]) {
    let mut chance = Chance::new(data);
    let Some(Begun { place, id, .. }) = chance.one(&BEGUN) else { return };
    let status = *chance.one(&STATUSES).unwrap_or(&200);
    let (at, around, body) = (&place.at, place.around(), chance.rest());
    let text = json!({"type": "reply", "effect": id, "http_status": status}).to_string();
    let fact = || read_fact(&text).unwrap_or_else(|why| panic!("{why}: {text}")).with_body(body);
    let Ok(moved @ AnyStep { ignored: None, .. }) = at.observe(fact(), &around) else { return };
    assert!(moved.next.revision() > at.revision(), "what was applied has no later revision");
    let saved = moved.next.save();
    let told = || format!("{status} {}\nat {}\nto {saved}", write(&*String::from_utf8_lossy(body)), at.save());
    if let Some(fault) = fault(moved.next.as_ref(), &around) {
        panic!("{fault}\nafter {}", told());
    }
    let is_open = saved.contains(&format!("\"{id}\""));
    assert!(is_open || !OPEN.contains(&status), "{id} is over after {}", told());
    if let Ok(again @ AnyStep { ignored: None, .. }) = moved.next.observe(fact(), &around) {
        panic!("the same reply counts twice: {}\nto {}", told(), again.next.save());
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, it) in BEGUN.iter().enumerate() {
        let provider = it.place.at.flow().split('.').next().unwrap_or_default();
        let Some(replies) = PLACES.replies.get(&(provider.to_owned(), it.operation.to_owned())) else { continue };
        // Each place gets some of them, and each of them some places.
        for (_, (status, body)) in replies.iter().enumerate().filter(|(number, _)| (number + index) % 15 == 0) {
            let status = STATUSES.iter().position(|have| have == status).unwrap_or_default();
            let mut seed = choice(index, BEGUN.len());
            seed.push(u8::try_from(status).unwrap_or_default());
            seed.extend(body.as_bytes());
            seeds.push(seed);
        }
    }
    seeds
}

/// The bytes by which [`Chance::one`] chooses this one of so many.
pub(super) fn choice(index: usize, of: usize) -> Vec<u8> {
    let index = u16::try_from(index).unwrap_or_default();
    match of {
        0 | 1 => Vec::new(),
        2..=256 => vec![index.to_be_bytes()[1]],
        _ => index.to_be_bytes().into(),
    }
}
