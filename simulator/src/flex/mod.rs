//! Flex: checkout sessions, subscriptions and what follows from them, from <https://docs.withflex.com>.
//!
//! Flex runs on Stripe. Where Flex's documents are silent, Stripe's behaviour is the guess.

mod act;
mod billing;
mod captures;
mod cart;
mod catalog;
mod checkout;
mod disputes;
mod errors;
mod events;
mod ledger;
mod offers;
mod operations;
mod pages;
mod payments;
mod period;
mod readings;
mod refunds;
mod sessions;
mod setup;
mod shown;
mod state;
mod store;
mod subscribe;
mod subscriptions;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::http::{HttpReply, HttpRequest};
use crate::provider::{Operation, Provider, Reading, Reply};
use crate::time::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::world::{Context, Endpoint, Sending};

pub(crate) use state::Flex;

/// How long a webhook is under way before its first attempt.
const POST: Millis = SECOND;
/// How long a renewal's invoice is a draft: about an hour, as at Stripe.
const DRAFT: Millis = HOUR;
/// How long after each failure an invoice is tried again.
const RETRIES: &[Millis] = &[3 * DAY, 5 * DAY, 7 * DAY];
/// In what time the first payment of an incomplete subscription must succeed, as at Stripe.
const FIRST_PAYMENT: Millis = 23 * HOUR;
/// How long a bank takes to confirm a refund.
const REFUND: Millis = MINUTE;
/// How long an authorization lasts.
const HOLD: Millis = 7 * DAY;
/// How long a Letter of Medical Necessity is valid: 12 months.
const LETTER: Millis = 365 * DAY;
/// How long a consultation without a payment is reviewed.
const REVIEW: Millis = 30 * MINUTE;
/// Until when evidence against a dispute must come.
const EVIDENCE: Millis = 7 * DAY;

/// The pages of Flex that are quoted.
mod source {
    pub(super) const SEED: &str = "https://docs.withflex.com/subscription/quickstart";
    pub(super) const INTRODUCTION: &str = "https://docs.withflex.com/api-reference/introduction";
    pub(super) const GUIDES: &str = "https://docs.withflex.com/integration/checkout/guides";
    pub(super) const FULFILLMENT: &str = "https://docs.withflex.com/developer-guides/integration/checkout/fulfillment";
    pub(super) const OFF_SESSION: &str =
        "https://docs.withflex.com/developer-guides/integration/checkout/off-session-checkouts";
    pub(super) const REFUND_GUIDE: &str = "https://docs.withflex.com/api-refund-best-practices";
    pub(super) const INVOICE: &str = "https://docs.withflex.com/api-reference/invoices/get-invoice";
    pub(super) const DISPUTES: &str = "https://docs.withflex.com/disputes-api-guide";
    pub(super) const RETRY: &str = "https://docs.withflex.com/api-reference/events/retry-event";
    pub(super) const PLUGIN: &str = "https://github.com/JoinFlexHealth/woocommerce";
}

impl Provider for Flex {
    const NAME: &'static str = "flex";
    const OPERATIONS: &'static [Operation<Self>] = operations::ALL;
    const READINGS: &'static [Reading] = readings::ALL;
    const AUTHS: &'static [&'static str] = &["svix", "webhook", "flex", "all"];

    /// `Authorization: Bearer fsk_…`. A key that begins with `fsk_test_` sees test objects only.
    fn account(request: &HttpRequest) -> Result<String, Reply> {
        let header = request.get("authorization").unwrap_or_default();
        let (scheme, key) = header.split_once(' ').unwrap_or_default();
        if scheme.eq_ignore_ascii_case("bearer") && key.starts_with("fsk_") && key.len() > 4 {
            return Ok(key.to_owned());
        }
        let message = "Send an API key that begins with fsk_ as Authorization: Bearer.";
        let refused = Reply::from(Self::error(401, message)).broke("flex.auth.key-format", message);
        Err(refused.source(source::INTRODUCTION).inferred("no document shows the reply to a wrong key"))
    }

    fn error(status: u16, message: &str) -> HttpReply {
        let code = match status {
            401 => "unauthorized",
            404 => "not_found",
            429 => "rate_limited",
            501 => "not_implemented",
            500.. => "internal_error",
            _ => "invalid_request",
        };
        HttpReply::json(status, &json!({"error": {"code": code, "message": message}}))
    }

    fn due(&mut self, what: &Value, context: &mut Context<'_>) {
        if let Some(session) = what["expire"].as_str() {
            sessions::expire(self, session, context);
        } else if let Some(session) = what["consultation"].as_str() {
            checkout::consultation(self, session, what["granted"] == true, context);
        } else if let Some(refund) = what["refund"].as_str() {
            refunds::settle(self, refund, true, context);
        } else if what["hold"].is_string() {
            payments::hold_ends(self, what, context);
        } else {
            billing::due(self, what, context);
        }
    }

    fn act(&mut self, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
        act::act(self, act, context)
    }

    fn sign(sending: &Sending<'_>, endpoint: &Endpoint) -> (Vec<(String, String)>, Vec<u8>) {
        events::sign(sending, endpoint)
    }

    fn acknowledged(status: u16) -> bool {
        (200..300).contains(&status)
    }

    /// The schedule of Svix, whose headers Flex sends; Flex's documents say none.
    fn retry(attempts: u32, _: Millis) -> Option<Millis> {
        match attempts {
            0 | 1 => Some(5 * SECOND),
            2 => Some(5 * MINUTE),
            3 => Some(30 * MINUTE),
            4 => Some(2 * HOUR),
            5 => Some(5 * HOUR),
            6 | 7 => Some(10 * HOUR),
            _ => None,
        }
    }

    fn ledger(&self) -> Value {
        self.ledger()
    }
}
