//! Between a host and the simulator: requests, replies and what a client makes of a broken connection.

use rulebound::Request;
use rulebound_simulator::{HttpReply, HttpRequest, Outcome};

/// The API key of the host, in a form that every provider takes.
pub(crate) const API_KEY: &str = "fsk_test_journey";

/// The request as it goes over the wire. `base` is the address of the world.
pub(crate) fn request(request: &Request, base: &str) -> HttpRequest {
    let path = request.url.strip_prefix(base).unwrap_or_else(|| panic!("a foreign address: {}", request.url));
    let credential = &request.credential;
    let mut sent = HttpRequest::new(request.method, path).header(credential.header, &credential.value(API_KEY));
    for (name, value) in &request.headers {
        sent = sent.header(name, value);
    }
    sent.body = request.body.clone().unwrap_or_default().into_bytes();
    sent
}

/// What a worker gets after it has sent a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A reply.
    Reply(HttpReply),
    /// No reply, or none that can be read to its end.
    Lost,
    /// No reply before the worker's timeout. It arrives afterwards.
    Late(HttpReply),
}

/// What a client makes of an outcome. `reads_cut` is whether it hands out a body that was cut off.
pub(crate) fn answer(outcome: Outcome, reads_cut: bool) -> Answer {
    match outcome {
        Outcome::Reply(reply) | Outcome::DeliverFirst(reply) => Answer::Reply(reply),
        Outcome::Delay(reply, _) => Answer::Late(reply),
        Outcome::Truncate(mut reply, length) if reads_cut => {
            reply.body.truncate(length);
            Answer::Reply(reply)
        }
        _ => Answer::Lost,
    }
}

/// A reply in one line.
pub(crate) fn shown(reply: &HttpReply) -> String {
    format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body))
}
