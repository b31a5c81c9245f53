//! Webhooks as they come in: whether each is authentic, and which flows it belongs to.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::{Provider, named, names};
use crate::fact::{Fact, FactError, Headers};
use crate::flow::Webhook;
use crate::id::TypedId;
use crate::json::Malformed;
use crate::time::{Millis, Timestamp};
use crate::webhook::{Delivery, NotAuthentic, Secret};

/// An authentic webhook, with everything that a host needs to store and to acknowledge it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
#[must_use = "a webhook changes nothing until its fact is observed"]
pub struct ReceivedWebhook<'a> {
    /// The fact to observe, in every flow that the ids find.
    #[cfg_attr(feature = "schemas", schemars(with = "WebhookFact"))]
    pub fact: Fact<'a>,
    /// The ids that the webhook names. A snapshot matches if its own `ids` contain one of them.
    pub ids: Vec<TypedId>,
    /// The HTTP status to reply with, once the webhook is stored.
    pub acknowledge_with: u16,
    /// Why the webhook names no ids, if it is not readable; otherwise `null`.
    pub unreadable: Option<String>,
}

/// The ids by which a stored webhook finds its flows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WebhookIds {
    /// The ids that the webhook names. A snapshot matches if its own `ids` contain one of them.
    pub ids: Vec<TypedId>,
    /// Why the webhook names no ids, if it is not readable; otherwise `null`.
    pub unreadable: Option<String>,
}

/// The ids of a webhook that the host has received and stored: what [`read_webhook`] would find now.
///
/// A newer release may read a webhook that an older one could not. No origin is checked, because the fact has it.
///
/// ```
/// use rulebound::{Fact, webhook_ids};
/// let stored = Fact::webhook(br#"{"payment_token": "pt_1"}"#.as_slice());
/// assert_eq!(webhook_ids("truemed", &stored).unwrap().ids[0].as_str(), "pt_1");
/// assert_eq!(webhook_ids("truemed", &Fact::CustomerReturned {}).unwrap_err().pointer, "/fact/type");
/// ```
///
/// # Errors
///
/// If no provider has this name, or the fact is no webhook of this provider.
pub fn webhook_ids(provider: &str, fact: &Fact<'_>) -> Result<WebhookIds, Malformed> {
    let unknown = || Malformed::new("/provider", format!("there is no provider `{provider}`, only {}", names()));
    let provider = named(provider).ok_or_else(unknown)?;
    if let Fact::Webhook { provider: Some(other), .. } = fact
        && other != provider.name
    {
        return Err(Malformed::new("/fact/provider", format!("is `{other}`, not `{}`", provider.name)));
    }
    provider.webhook_ids(fact).ok_or_else(|| Malformed::new("/fact/type", "must be `webhook`"))
}

/// Reads a webhook: checks its origin from the raw body, and finds out which flows it belongs to.
///
/// Call this before anything else reads the body. The origin of a provider that signs nothing stays unverified.
///
/// ```
/// use rulebound::{Headers, Secret, read_webhook, time::Timestamp};
/// let headers: Headers<'_> = [("x-truemed-api-key", "whsec")].into_iter().collect();
/// let body = br#"{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}"#;
/// let received = read_webhook("truemed", &[Secret::new("whsec")], &headers, body, Timestamp::from_millis(0)).unwrap();
/// assert_eq!(received.acknowledge_with, 204);
/// assert_eq!(received.ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["ptr_1", "pt_1"]);
/// ```
///
/// # Errors
///
/// If the webhook is not authentic. Discard it, and reply with 401: it must change nothing.
pub fn read_webhook<'a>(
    provider: &str,
    secrets: &[Secret<'_>],
    headers: &Headers<'_>,
    raw_body: impl Into<Cow<'a, [u8]>>,
    now: Timestamp,
) -> Result<ReceivedWebhook<'a>, NotAuthentic> {
    read_webhook_with(provider, secrets, headers, raw_body, now, &WebhookOptions::default())
}

impl Provider {
    /// Does the same as [`read_webhook`] for a provider that the program names, so that the compiler checks the name.
    ///
    /// ```
    /// use rulebound::{Headers, NotAuthentic, Secret, WebhookOptions, time::Timestamp, truemed};
    /// let (headers, now) = (Headers::default(), Timestamp::from_millis(1_700_000_000_000));
    /// let received =
    ///     truemed::PROVIDER.read_webhook(&[Secret::new("whsec")], &headers, b"{}", now, &WebhookOptions::default());
    /// assert!(matches!(received, Err(NotAuthentic::NoSignature(_))));
    /// ```
    ///
    /// # Errors
    ///
    /// If the webhook is not authentic. Discard it, and reply with 401: it must change nothing.
    pub fn read_webhook<'a>(
        &self,
        secrets: &[Secret<'_>],
        headers: &Headers<'_>,
        raw_body: impl Into<Cow<'a, [u8]>>,
        now: Timestamp,
        options: &WebhookOptions<'_>,
    ) -> Result<ReceivedWebhook<'a>, NotAuthentic> {
        if now.looks_like_seconds() {
            return Err(NotAuthentic::NowInSeconds);
        }
        let (body, topic, tolerance) = (raw_body.into(), options.topic, options.tolerance);
        let origin = (self.authenticate)(&Delivery { secrets, headers, body: &body, now, tolerance })?;
        let content_type = headers.get("content-type");
        let WebhookIds { ids, unreadable } = self.ids_of(&Webhook { body: &body, content_type, topic });
        let owned = |text: &str| Cow::Owned(String::from(text));
        let (content_type, topic) = (content_type.map(owned), topic.map(owned));
        let fact = Fact::Webhook { body, content_type, topic, origin, provider: Some(Cow::Borrowed(self.name)) };
        Ok(ReceivedWebhook { fact, ids, acknowledge_with: self.acknowledgement, unreadable })
    }

    /// Does the same as [`webhook_ids`] for a provider that the program names. `None` if the fact is no webhook.
    pub fn webhook_ids(&self, fact: &Fact<'_>) -> Option<WebhookIds> {
        let Fact::Webhook { body, content_type, topic, .. } = fact else { return None };
        Some(self.ids_of(&Webhook { body, content_type: content_type.as_deref(), topic: topic.as_deref() }))
    }

    fn ids_of(&self, webhook: &Webhook<'_>) -> WebhookIds {
        match (self.correlate)(webhook) {
            Ok(ids) => WebhookIds { ids, unreadable: None },
            Err(FactError { reason, .. }) => {
                WebhookIds { ids: Vec::new(), unreadable: Some(format!("The body {reason}.")) }
            }
        }
    }
}

/// What a host can say of a webhook besides its headers and its body.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct WebhookOptions<'a> {
    /// What only the URL or a header says about it, such as the event's name.
    pub topic: Option<&'a str>,
    /// How far the time of the signature can be from now, at least 1 second.
    ///
    /// Without it, a signature of Flex may differ from now by 5 minutes, and the time of a signature of Truemed does not
    /// count. Truemed retries a webhook for up to seven days, and no document says that it signs each retry anew. It has
    /// no effect if a provider signs nothing.
    pub tolerance: Option<Millis>,
}

impl<'a> WebhookOptions<'a> {
    /// Sets what only the URL or a header says about the webhook.
    pub const fn topic(self, topic: &'a str) -> Self {
        Self { topic: Some(topic), ..self }
    }

    /// Sets how far the time of the signature can be from now.
    pub const fn tolerance(self, tolerance: Millis) -> Self {
        Self { tolerance: Some(tolerance), ..self }
    }
}

/// Does the same as [`read_webhook`], with options.
///
/// ```
/// use rulebound::{Headers, NotAuthentic, Secret, WebhookOptions, read_webhook_with, time::{Millis, Timestamp}};
/// let options = WebhookOptions::default().tolerance(Millis::from_hours(1));
/// let (headers, now) = (Headers::default(), Timestamp::from_millis(1_700_000_000_000));
/// let received = read_webhook_with("truemed", &[Secret::new("whsec")], &headers, b"{}", now, &options);
/// assert!(matches!(received, Err(NotAuthentic::NoSignature(_))));
/// ```
///
/// # Errors
///
/// If the webhook is not authentic, or the signature is older or newer than the limit.
pub fn read_webhook_with<'a>(
    provider: &str,
    secrets: &[Secret<'_>],
    headers: &Headers<'_>,
    raw_body: impl Into<Cow<'a, [u8]>>,
    now: Timestamp,
    options: &WebhookOptions<'_>,
) -> Result<ReceivedWebhook<'a>, NotAuthentic> {
    let provider = named(provider).ok_or(NotAuthentic::UnknownProvider)?;
    provider.read_webhook(secrets, headers, raw_body, now, options)
}

/// The fact of a webhook, as `observe` takes it.
#[cfg(feature = "schemas")]
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct WebhookFact {
    /// `webhook`.
    #[schemars(extend("const" = "webhook"))]
    r#type: String,
    /// Whether the origin is verified.
    origin: crate::fact::Origin,
    /// The provider whose webhook it is.
    provider: Option<String>,
    /// The content type.
    content_type: Option<String>,
    /// What only the URL or a header says about it.
    topic: Option<String>,
    /// The raw body.
    body: String,
}
