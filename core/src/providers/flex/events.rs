//! Checked requests about events: Flex sends one again that was lost. They need no snapshot, because the event comes as a
//! webhook.

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::catalog::post;
use super::ids::EventId;
use super::rules::Rule;
use crate::config::flex::Settings;
use crate::effect::Retry;
use crate::providers::checked::{Checked, Violations};
use crate::snapshot::Rejection;
use crate::url::escaped;
use crate::value::{Extra, body};

/// `retry_event`: have an event sent again to one of your webhook endpoints.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryEvent {
    /// The endpoint that gets the event, by the `webhook_id` that Flex has given it.
    pub webhook_id: String,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl RetryEvent {
    /// An event for this endpoint.
    pub fn new(webhook_id: &str) -> Self {
        Self { webhook_id: webhook_id.into(), extra: Extra::default() }
    }

    /// Checks the fields, and builds the request. Sending it twice is harmless: the event counts once.
    ///
    /// # Errors
    ///
    /// [`Rejection`] with every rule that the request would break.
    pub fn request(&self, event_id: &EventId, settings: &Settings) -> Result<Checked, Rejection> {
        let mut violations = Violations::default();
        violations.check(!self.webhook_id.trim().is_empty(), Rule::EventRetryNamesWebhook, "/webhook_id");
        let path = format!("/events/{}/retry", escaped(event_id.as_str()));
        violations.finish(post(settings, &path, "event", body(self, &self.extra, None)).alone(Retry::Harmless))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_sent_again_to_one_endpoint() {
        let id = EventId::parse("fevt_01EXAMPLE").unwrap();
        let made = RetryEvent::new("fwh_01EXAMPLE").request(&id, &Settings::default()).unwrap();
        assert_eq!((made.request.method, made.request.retry), ("POST", Retry::Harmless));
        assert_eq!(made.request.url, "https://api.withflex.com/v1/events/fevt_01EXAMPLE/retry");
        assert_eq!(made.request.body.as_deref(), Some(r#"{"event":{"webhook_id":"fwh_01EXAMPLE"}}"#));
        let rejected = RetryEvent::new(" ").request(&id, &Settings::default()).unwrap_err();
        assert_eq!(rejected.violations[0].rule.code, "flex.event.retry-names-webhook");
        assert_eq!(rejected.violations[0].pointer, "/webhook_id");
    }
}
