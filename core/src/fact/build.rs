//! Facts as a Rust host builds them.

use alloc::borrow::Cow;
use alloc::string::String;

use super::{Fact, Headers, Origin};
use crate::id::EffectId;
use crate::time::Timestamp;

impl<'a> Fact<'a> {
    /// The reply to a request: its sending, as the request has it, the HTTP status, and the raw body.
    ///
    /// ```
    /// use rulebound::{EffectId, Fact};
    /// let effect = EffectId::parse("create_payment_token:1").unwrap();
    /// let reply = Fact::reply(&effect, 1, 200, br#"{"provision_token_request_id": "ptr_1"}"#.as_slice());
    /// assert!(matches!(reply, Fact::Reply { sending: Some(1), http_status: 200, .. }));
    /// ```
    pub fn reply(effect: &EffectId, sending: u32, http_status: u16, body: impl Into<Cow<'a, [u8]>>) -> Self {
        let (sending, headers, body) = (Some(sending), Headers::default(), body.into());
        Self::Reply { effect: owned(effect), sending, http_status, headers, body }
    }

    /// The same reply with its headers, of which `retry-after` counts. Other facts stay as they are.
    pub fn with_headers(mut self, all: Headers<'a>) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            *headers = all;
        }
        self
    }

    /// A request that may have been sent and got no reply, or any other effect that was not done.
    pub fn lost(effect: &EffectId, sending: u32) -> Self {
        Self::Lost { effect: owned(effect), sending: Some(sending) }
    }

    /// A request of which no byte was written.
    pub fn not_sent(effect: &EffectId, sending: u32) -> Self {
        Self::NotSent { effect: owned(effect), sending: Some(sending) }
    }

    /// A webhook whose origin the host has proved in another way than [`read_webhook`](crate::read_webhook).
    pub fn webhook(body: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::Webhook { body: body.into(), content_type: None, topic: None, origin: Origin::Verified, provider: None }
    }

    /// The same webhook with the name of its provider, so that no flow of another provider observes it. Other facts stay as
    /// they are.
    pub fn with_provider(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        if let Self::Webhook { provider, .. } = &mut self {
            *provider = Some(name.into());
        }
        self
    }

    /// The same webhook with its content type. Other facts stay as they are.
    pub fn with_content_type(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        if let Self::Webhook { content_type, .. } = &mut self {
            *content_type = Some(text.into());
        }
        self
    }

    /// The same webhook with what only its URL or a header says about it. Other facts stay as they are.
    pub fn with_topic(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        if let Self::Webhook { topic, .. } = &mut self {
            *topic = Some(text.into());
        }
        self
    }

    /// The same webhook, of which nobody has proved the origin. Other facts stay as they are.
    pub fn unverified(mut self) -> Self {
        if let Self::Webhook { origin, .. } = &mut self {
            *origin = Origin::Unverified;
        }
        self
    }

    /// The customer's browser returned. This proves nothing.
    pub const fn customer_returned() -> Self {
        Self::CustomerReturned {}
    }

    /// An effect that was done: a notice, a delivery, or access.
    pub fn done(effect: &EffectId) -> Self {
        Self::Done { effect: owned(effect) }
    }

    /// A person's verdict on a review, with the id that it names, if it names one.
    ///
    /// ```
    /// use rulebound::{EffectId, Fact, truemed::Verdict};
    /// let review = EffectId::parse("review:no_signal:ptr_1").unwrap();
    /// let fact = Fact::reviewed(&review, Verdict::KeepWaiting, None);
    /// assert_eq!(fact, Fact::reviewed(&review, "keep_waiting", None));
    /// ```
    pub fn reviewed(effect: &EffectId, verdict: impl AsRef<str>, id: Option<&str>) -> Self {
        Self::Reviewed { effect: owned(effect), verdict: verdict.as_ref().into(), id: id.map(String::from) }
    }

    /// The row was restored from a backup.
    pub const fn restored(taken_at: Timestamp) -> Self {
        Self::Restored { taken_at }
    }

    /// The same fact, which borrows nothing.
    pub fn into_owned(self) -> Fact<'static> {
        let text = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Reply { effect, sending, http_status, headers, body } => Fact::Reply {
                effect: text(effect),
                sending,
                http_status,
                headers: headers.into_owned(),
                body: Cow::Owned(body.into_owned()),
            },
            Self::Lost { effect, sending } => Fact::Lost { effect: text(effect), sending },
            Self::NotSent { effect, sending } => Fact::NotSent { effect: text(effect), sending },
            Self::Restored { taken_at } => Fact::Restored { taken_at },
            Self::Webhook { body, content_type, topic, origin, provider } => Fact::Webhook {
                body: Cow::Owned(body.into_owned()),
                content_type: content_type.map(text),
                topic: topic.map(text),
                origin,
                provider: provider.map(text),
            },
            Self::CustomerReturned {} => Fact::CustomerReturned {},
            Self::Done { effect } => Fact::Done { effect: text(effect) },
            Self::Reviewed { effect, verdict, id } => Fact::Reviewed { effect: text(effect), verdict, id },
        }
    }
}

fn owned<'a>(effect: &EffectId) -> Cow<'a, str> {
    Cow::Owned(effect.as_str().into())
}
