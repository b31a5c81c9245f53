//! Facts: what has happened. They are the same for every provider, and no rule rejects one.

mod build;
mod headers;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::fmt;

use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::id::{EffectId, Intent, Text};
use crate::time::Timestamp;
pub use headers::Headers;

/// The largest body that is read: 1 MiB.
pub const LARGEST_BODY: usize = 1 << 20;

/// Something that has happened.
///
/// A `body` is the raw string or bytes as they came, never a parsed object. Parsing would lose digits of long ids and
/// turn decimal amounts into binary ones.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(tag = "type"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
#[must_use = "a fact changes nothing until a snapshot observes it"]
pub enum Fact<'a> {
    /// The provider replied to a request.
    Reply {
        /// The id of the request.
        #[serde(borrow)]
        #[cfg_attr(feature = "schemas", schemars(with = "EffectId"))]
        effect: Cow<'a, str>,
        /// The number of the sending, as its request has it. Without it, a reply to a request that was leased again counts
        /// only if it proves the success.
        #[serde(default)]
        sending: Option<u32>,
        /// The HTTP status.
        http_status: u16,
        /// The reply's headers.
        #[serde(borrow, default)]
        headers: Headers<'a>,
        /// The raw body.
        #[serde(borrow, default, deserialize_with = "text")]
        #[cfg_attr(feature = "schemas", schemars(with = "String", length(max = LARGEST_BODY)))]
        body: Cow<'a, [u8]>,
    },
    /// A worker sent a request, or may have sent it, and got no reply. For any other effect: the worker did not do it.
    Lost {
        /// The id of the effect.
        #[serde(borrow)]
        #[cfg_attr(feature = "schemas", schemars(with = "EffectId"))]
        effect: Cow<'a, str>,
        /// The number of the sending, as its request has it.
        #[serde(default)]
        sending: Option<u32>,
    },
    /// A worker did not send a request: the host knows that it wrote no byte of it.
    NotSent {
        /// The id of the request.
        #[serde(borrow)]
        #[cfg_attr(feature = "schemas", schemars(with = "EffectId"))]
        effect: Cow<'a, str>,
        /// The number of the sending, as its request has it.
        #[serde(default)]
        sending: Option<u32>,
    },
    /// The host restored the row from a backup. A worker may have sent any pending request after the backup.
    Restored {
        /// When the backup was taken.
        taken_at: Timestamp,
    },
    /// The provider sent a webhook.
    Webhook {
        /// The raw body.
        #[serde(borrow, deserialize_with = "text")]
        #[cfg_attr(feature = "schemas", schemars(with = "String", length(max = LARGEST_BODY)))]
        body: Cow<'a, [u8]>,
        /// The content type.
        #[serde(borrow, default)]
        content_type: Option<Cow<'a, str>>,
        /// What only the URL or a header says about it, such as the event's name.
        #[serde(borrow, default)]
        topic: Option<Cow<'a, str>>,
        /// Whether `read_webhook` verified its origin.
        origin: Origin,
        /// The provider whose webhook it is, as `read_webhook` says. A flow of another provider ignores it.
        #[serde(borrow, default)]
        provider: Option<Cow<'a, str>>,
    },
    /// The customer's browser returned to the success URL, or to the only return URL. This proves nothing.
    CustomerReturned {},
    /// A worker did an effect that is neither a request nor a review.
    Done {
        /// The id of the effect.
        #[serde(borrow)]
        #[cfg_attr(feature = "schemas", schemars(with = "EffectId"))]
        effect: Cow<'a, str>,
    },
    /// A person answered a review.
    Reviewed {
        /// The id of the review.
        #[serde(borrow)]
        #[cfg_attr(feature = "schemas", schemars(with = "EffectId"))]
        effect: Cow<'a, str>,
        /// The verdict.
        verdict: String,
        /// The provider's id that the verdict names, if it needs one.
        #[serde(default)]
        id: Option<String>,
    },
}

/// Prints only what a fact is about, because bodies and headers contain secrets and personal data.
impl fmt::Debug for Fact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { effect, http_status, body, .. } => {
                write!(f, "Reply {{ {effect}, {http_status}, {} bytes }}", body.len())
            }
            Self::Lost { effect, .. } => write!(f, "Lost {{ {effect} }}"),
            Self::NotSent { effect, .. } => write!(f, "NotSent {{ {effect} }}"),
            Self::Restored { taken_at } => write!(f, "Restored {{ taken_at: {taken_at} }}"),
            Self::Webhook { body, origin, .. } => write!(f, "Webhook {{ {origin:?}, {} bytes }}", body.len()),
            Self::CustomerReturned {} => f.write_str("CustomerReturned"),
            Self::Done { effect } => write!(f, "Done {{ {effect} }}"),
            Self::Reviewed { effect, verdict, .. } => write!(f, "Reviewed {{ {effect}, {verdict} }}"),
        }
    }
}

impl<'a> Fact<'a> {
    /// The same reply or webhook with this raw body, so that a host can pass bytes.
    ///
    /// The other facts have no body, and stay as they are.
    pub fn with_body(mut self, raw: impl Into<Cow<'a, [u8]>>) -> Self {
        if let Self::Reply { body, .. } | Self::Webhook { body, .. } = &mut self {
            *body = raw.into();
        }
        self
    }
}

/// A fact on the wire: an object with a `type`.
impl Serialize for Fact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Reply { effect, sending, http_status, headers, body } => {
                map.serialize_entry("type", "reply")?;
                map.serialize_entry("effect", effect)?;
                map.serialize_entry("sending", sending)?;
                map.serialize_entry("http_status", http_status)?;
                map.serialize_entry("headers", headers)?;
                map.serialize_entry("body", str::from_utf8(body).map_err(S::Error::custom)?)?;
            }
            Self::Lost { effect, sending } => {
                map.serialize_entry("type", "lost")?;
                map.serialize_entry("effect", effect)?;
                map.serialize_entry("sending", sending)?;
            }
            Self::NotSent { effect, sending } => {
                map.serialize_entry("type", "not_sent")?;
                map.serialize_entry("effect", effect)?;
                map.serialize_entry("sending", sending)?;
            }
            Self::Restored { taken_at } => {
                map.serialize_entry("type", "restored")?;
                map.serialize_entry("taken_at", taken_at)?;
            }
            Self::Webhook { body, content_type, topic, origin, provider } => {
                map.serialize_entry("type", "webhook")?;
                map.serialize_entry("origin", origin)?;
                map.serialize_entry("provider", provider)?;
                map.serialize_entry("content_type", content_type)?;
                map.serialize_entry("topic", topic)?;
                map.serialize_entry("body", str::from_utf8(body).map_err(S::Error::custom)?)?;
            }
            Self::CustomerReturned {} => map.serialize_entry("type", "customer_returned")?,
            Self::Done { effect } => {
                map.serialize_entry("type", "done")?;
                map.serialize_entry("effect", effect)?;
            }
            Self::Reviewed { effect, verdict, id } => {
                map.serialize_entry("type", "reviewed")?;
                map.serialize_entry("effect", effect)?;
                map.serialize_entry("verdict", verdict)?;
                map.serialize_entry("id", id)?;
            }
        }
        map.end()
    }
}

/// Whether the origin of a webhook is verified.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// `read_webhook` verified it, or the host has other proof.
    Verified,
    /// Anyone may have sent it.
    Unverified,
}

/// A person's verdict on a review: a name, and for some verdicts an id of the provider.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Such as `stop_waiting`.
    Plain(String),
    /// Such as `{"verdict": "created", "id": "sub_1"}`.
    #[non_exhaustive]
    About {
        /// The verdict's name.
        verdict: String,
        /// The provider's id that it names.
        id: String,
    },
}

impl Verdict {
    /// A verdict, with an id if it names one.
    pub(crate) fn new(verdict: String, id: Option<String>) -> Self {
        match id {
            None => Self::Plain(verdict),
            Some(id) => Self::About { verdict, id },
        }
    }

    /// A verdict that names an id of the provider.
    pub fn about(verdict: impl Into<String>, id: impl Into<String>) -> Self {
        Self::About { verdict: verdict.into(), id: id.into() }
    }

    /// The verdict's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Plain(name) | Self::About { verdict: name, .. } => name,
        }
    }
}

fn text<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, [u8]>, D::Error> {
    Ok(match Text::deserialize(deserializer)?.0 {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    })
}

/// Why a fact is not one that the host can report, such as an unknown effect.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{pointer}`: {reason}")]
#[non_exhaustive]
pub struct FactError {
    /// A JSON Pointer into the fact.
    pub pointer: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl FactError {
    pub(crate) fn new(pointer: &'static str, reason: impl Into<String>) -> Self {
        Self { pointer, reason: reason.into() }
    }

    /// An effect that the flow cannot have had.
    pub(crate) fn never_had(effect: &str) -> Self {
        Self::new("/effect", format!("is `{effect}`, which this flow has never had"))
    }

    /// Rejects a body that is longer than any that a provider sends.
    pub(crate) fn bounded(body: &[u8]) -> Result<(), Self> {
        if is_too_long(body) { Err(Self::new("/body", "is longer than 1 MiB")) } else { Ok(()) }
    }
}

/// Whether a body is longer than any that a provider sends.
pub(crate) const fn is_too_long(body: &[u8]) -> bool {
    body.len() > LARGEST_BODY
}

/// Why a fact changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IgnoredReason {
    /// The flow applied it before.
    Duplicate,
    /// It names an id that the flow does not know yet. Keep it, and report it again when a step lists the id in `new_ids`.
    Early,
    /// It is not about this flow.
    Unrelated,
    /// It is about this flow, and proves nothing that the flow acts on.
    Inconclusive,
    /// It is not readable.
    Unreadable,
}

impl IgnoredReason {
    /// What to say where nothing more is known.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Duplicate => "The flow has applied this before, or what it reports on is over.",
            Self::Early => "It names an id that the flow does not know yet. Report it again when a step lists the id.",
            Self::Unrelated => "It is not about this flow.",
            Self::Inconclusive => "It is about this flow, and proves nothing that the flow acts on.",
            Self::Unreadable => "It is not readable as a message of the provider.",
        }
    }
}

/// The kind of a report that proves no success.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The provider refused the request in its own words. This sending did nothing.
    Refused,
    /// The provider rejected the API key. This sending did nothing, and the request stays pending.
    NotAdmitted,
    /// The provider asks to wait. This sending did nothing, and the request stays pending.
    Throttled,
    /// The reply proves neither a success nor a refusal, so the outcome is unknown.
    Unreadable,
    /// No reply arrived, so the outcome is unknown.
    NoReply,
    /// A later command or signal made the request moot before any sending could have done anything. It is not pending any
    /// more, and nothing has happened.
    Dropped,
    /// A lookup shows that the request, whose outcome was unknown, has done nothing. It is not pending any more.
    NotMade,
}

/// A reply to a request that proves no success, a request that got no reply, or a request that ended without doing anything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Failure {
    /// The id of the request.
    pub effect: EffectId,
    /// The action that the request came from.
    pub action: Cow<'static, str>,
    /// The host's name for the charge, capture or refund.
    pub intent: Option<Intent>,
    /// When the host reported it.
    pub at: Timestamp,
    /// The kind of the report.
    pub kind: FailureKind,
    /// The HTTP status; `null` without a reply.
    pub http_status: Option<u16>,
    /// A JSON Pointer to the member of a good reply that is missing or wrong.
    pub pointer: Option<Cow<'static, str>>,
    /// The provider's error code, as written.
    pub code: Option<String>,
    /// The provider's message, or our own if the provider has not refused the request.
    pub message: Option<String>,
    /// The code of our rule that predicts this refusal.
    #[cfg_attr(feature = "schemas", schemars(with = "Option<crate::schema::Code>"))]
    pub rule: Option<Cow<'static, str>>,
    /// Whether the request only reads.
    #[serde(skip)]
    pub(crate) is_lookup: bool,
}

impl Failure {
    /// A failure of a request, of which nothing else is known.
    pub(crate) fn new(effect: &EffectId, action: &'static str, at: Timestamp, kind: FailureKind) -> Self {
        Self {
            effect: effect.clone(),
            action: Cow::Borrowed(action),
            intent: effect.try_of_intent().map(|(intent, _)| intent),
            at,
            kind,
            http_status: None,
            pointer: None,
            code: None,
            message: None,
            rule: None,
            is_lookup: false,
        }
    }
}
