//! What every call is checked for: its version, the granted scope and the rate limit.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::Vend;
use super::errors::refuse;
use super::page;
use crate::provider::{Provider as _, Reply};
use crate::time::{Millis, SECOND};
use crate::world::{Call, Context};

/// The span over which requests are counted.
const WINDOW: Millis = 300 * SECOND;

/// Checks a call before anything else is done.
pub(super) fn admit(vend: &mut Vend, call: &Call<'_>, scope: &str, context: &Context<'_>) -> Result<(), Reply> {
    let version = call.parameter("version");
    if version != "2.0" && !dated(version) {
        let message = format!("The simulator has the versions 2.0 and YYYY-MM of this call, not {version}.");
        return Err(Reply::from(Vend::error(501, &message)).inferred("no document describes this version"));
    }
    let scope = format!("billing:partner_subscription:{scope}");
    if vend.scopes.as_ref().is_some_and(|granted| !granted.contains(&scope)) {
        let message = format!("The application needs the scope {scope}.");
        return Err(refuse(403, "vend.auth.scope", message).source(page::REFERENCE));
    }
    limit(vend, context.now)
}

fn dated(version: &str) -> bool {
    let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    version.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2))
}

/// At most 300 requests for each register and 50 more in 5 minutes.
fn limit(vend: &mut Vend, now: Millis) -> Result<(), Reply> {
    let Some(registers) = vend.registers else { return Ok(()) };
    let most = registers.saturating_mul(300).saturating_add(50);
    let until = |at: Millis| at.saturating_add(WINDOW);
    vend.served.retain(|at| until(*at) > now);
    if vend.served.len() < most {
        vend.served.push_back(now);
        return Ok(());
    }
    let free = vend.served.front().map_or(now, |at| until(*at));
    let message = "Rate limiting enforced";
    let mut reply = Reply::from(Vend::error(429, message)).source(page::LIMITS).broke("vend.rate.429", message);
    let header = |name, value: &str| (String::from(name), String::from(value));
    reply.http.headers.extend([
        header("retry-after", &http_date(free)),
        header("x-ratelimit-limit", &most.to_string()),
        header("x-ratelimit-remaining", "0"),
    ]);
    Err(reply)
}

/// A date of HTTP, such as `Thu, 01 Jan 2026 00:05:00 GMT`.
pub(super) fn http_date(at: Millis) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}
