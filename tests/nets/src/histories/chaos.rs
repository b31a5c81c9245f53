//! What can happen to a request on its way, at any provider.

use super::provider::{Provider, SentRequest};
use crate::chance::Chance;

/// What a worker gets after it has sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SendResult {
    /// A reply.
    Reply { status: u16, body: String },
    /// No reply came.
    Nothing,
    /// The host knows that no byte was written.
    NotSent,
}

fn reply(status: u16, body: impl Into<String>) -> SendResult {
    SendResult::Reply { status, body: body.into() }
}

/// Sends a request. One byte decides what goes wrong, and zero is the best.
pub(super) fn send(
    provider: &mut dyn Provider,
    request: &SentRequest,
    chance: &mut Chance<'_>,
    now: i64,
) -> SendResult {
    let luck = chance.byte();
    match luck {
        1..=5 => return SendResult::Nothing,
        6..=9 => return SendResult::NotSent,
        10..=13 => return reply(429, r#"{"error":"Too Many Requests","message":"wait"}"#),
        14..=17 => return reply(401, r#"{"error":"Unauthorized","message":"Missing or invalid key"}"#),
        18 | 19 => return reply(403, r#"{"error":{"code":"forbidden","message":"not yours"}}"#),
        20 | 21 => return reply(403, "<html>blocked</html>"),
        22..=24 => return reply(503, "<html>down</html>"),
        25 => return reply(302, ""),
        26 => return reply(404, "<html>no such route</html>"),
        27 => return reply(409, r#"{"error":"conflict","message":"in progress"}"#),
        28 => return reply(200, r#"{"error":"MaintenanceMode","message":"try later"}"#),
        29 => return reply(407, ""),
        _ => {}
    }
    let (status, body) = provider.perform(request, chance, now);
    match luck {
        30..=37 => SendResult::Nothing,
        38..=41 => reply(500, r#"{"error":"ServerError","message":"oops"}"#),
        42 | 43 => reply(200, "<html>welcome to the hotel</html>"),
        44 | 45 => reply(200, "{}"),
        46 | 47 => reply(status, body.get(..body.len() / 2).unwrap_or_default()),
        48 => reply(408, ""),
        49 => reply(499, ""),
        50 => reply(200, "null"),
        51 => reply(201, "[]"),
        52 => reply(status, format!("\u{feff}{body}")),
        _ => reply(status, body),
    }
}
