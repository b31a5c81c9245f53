//! Effects: what the host must do in the world, as data. The library never does them itself.

mod delivery;
mod operation;
mod outbox;
mod past;
mod question;
mod resend;
mod sendings;

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Debug};
use core::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::{EffectId, Intent, Key, TypedId};
use crate::json::encode;
use crate::rule::Violation;
use crate::schema::Described;
use crate::time::Timestamp;

pub use delivery::{DeliveredItem, Delivery, Period};
pub use operation::{Choice, KeyLifetime, NamedId, Operation, Question, Retry};
pub(crate) use operation::{GIVE_UP, KEEP_TRYING, RETRY, Success};
pub(crate) use outbox::{Counter, Outbox, OutboxEntry, StoredEffect, ended};
pub(crate) use past::{End, Past};
pub(crate) use sendings::{BETWEEN_DENIALS, GoodReply};

/// Where a provider expects the host's secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Credential {
    /// The name of the header for the host's API key, or for the access token of the account.
    pub header: &'static str,
    /// The word before the secret in that header, such as `Bearer`, with a space between; `null` if there is none.
    pub scheme: Option<&'static str>,
}

impl Credential {
    /// `authorization: Bearer …`.
    pub(crate) const BEARER: Self = Self { header: "authorization", scheme: Some("Bearer") };

    /// A header that contains only the secret.
    pub(crate) const fn alone_in(header: &'static str) -> Self {
        Self { header, scheme: None }
    }

    /// The value of the header: the scheme, if there is one, and the secret.
    pub fn value(&self, secret: &str) -> String {
        match self.scheme {
            Some(scheme) => format!("{scheme} {secret}"),
            None => secret.into(),
        }
    }
}

/// One HTTP request. The host adds only its secret.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Request {
    /// The method, such as `POST`.
    pub method: &'static str,
    /// The absolute URL.
    pub url: String,
    /// The headers that are not secret.
    pub headers: BTreeMap<&'static str, Cow<'static, str>>,
    /// Where the host's secret goes.
    pub credential: Credential,
    /// The exact body; `null` if there is none.
    pub body: Option<String>,
    /// `{flow}:{key}:{effect id}`. If the provider takes an idempotency key, the request contains it already. It is empty
    /// for a request that no snapshot keeps.
    pub idempotency_key: String,
    /// What a worker can do while the outcome is unknown.
    pub retry: Retry,
    /// The number of this sending, from 1. Report it back with the reply, or with `lost` or `not_sent`. It is 0 for a
    /// request that no snapshot keeps: nothing is reported back, and whoever sends it counts.
    pub sending: u32,
}

/// Prints only the method and the key, because URLs and bodies contain tokens and personal data.
impl Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request {{ {}, {}, {:?} }}", self.method, self.idempotency_key, self.retry)
    }
}

impl Request {
    /// A request without a body.
    pub(crate) fn new(method: &'static str, url: String, credential: Credential) -> Self {
        let (headers, idempotency_key, retry, sending) = (BTreeMap::new(), String::new(), Retry::Lookup, 0);
        Self { method, url, headers, credential, body: None, idempotency_key, retry, sending }
    }

    /// The same request, which no snapshot keeps, with what its sender can do while the outcome is unknown.
    pub(crate) const fn alone(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The same request with a JSON body.
    pub(crate) fn with_json(self, body: &impl Serialize) -> Self {
        let body = Some(encode(body));
        Self { body, ..self.with_header("content-type", "application/json") }
    }

    /// The same request with a header that is not secret, such as one with an idempotency key.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.insert(name, value.into());
        self
    }
}

/// What a pending request does: one of the flow's operations, with everything that its request needs.
pub trait Call: Clone + Eq + Hash + Debug + Serialize + DeserializeOwned + Described {
    /// The settings of the provider.
    type Settings;

    /// Every operation of the provider.
    fn operations() -> &'static [&'static Operation];

    /// What the documents say about the operation.
    fn operation(&self) -> &'static Operation;

    /// The documented lookup that shows the outcome of the request.
    fn outcome_lookup(&self) -> Option<Self> {
        None
    }

    /// The HTTP request. The kernel adds the field `idempotency_key`, the retry class and the number of the sending.
    fn request(&self, idempotency_key: &str, settings: &Self::Settings) -> Request;
}

/// The idempotency key of a request: the same for as long as the request is pending.
pub(crate) fn idempotency_key(flow: &str, key: &Key, id: &EffectId) -> String {
    format!("{flow}:{}:{}", key.as_str(), id.as_str())
}

/// The effect id in an idempotency key, if the key belongs to this flow.
pub(crate) fn effect_of_key<'t>(flow: &str, key: &Key, idempotency_key: &'t str) -> Option<&'t str> {
    let after_flow = idempotency_key.strip_prefix(flow)?.strip_prefix(':')?;
    after_flow.strip_prefix(key.as_str())?.strip_prefix(':')
}

/// Something that the host must do in the world.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Send a request, which the lease hands out.
    Request {
        /// The provider's name of the operation.
        operation: &'static str,
        /// The action that it came from, as `actions` lists it.
        action: &'static str,
        /// The host's name for the charge, capture or refund; `null` if it carries none.
        intent: Option<Intent>,
        /// The number of the try under the intent, from 1; `null` without an intent.
        attempt: Option<u32>,
        /// What a worker can do while the outcome is unknown.
        retry: Retry,
    },
    /// Notify the customer.
    Notify {
        /// The reason, such as `action_required`.
        reason: Cow<'static, str>,
        /// What it is about: a provider's id, or an effect's.
        about: TypedId,
        /// What the customer must do, in the provider's own word.
        customer_action: Option<String>,
        /// Where the customer can act on it.
        customer_url: Option<String>,
    },
    /// Deliver what was paid.
    Fulfill {
        /// The provider's id of the payment.
        about: TypedId,
        /// What was paid, as far as it is known.
        #[serde(flatten)]
        delivery: Delivery,
    },
    /// Give the customer access until an instant. It replaces the access before.
    Access {
        /// The provider's id of the subscription.
        about: TypedId,
        /// The instant until which the customer has paid; `null` if it is not known.
        paid_until: Option<Timestamp>,
        /// When access ends, with the grace of the config.
        access_until: Timestamp,
    },
    /// Ask a person, who chooses one of the verdicts.
    Review {
        /// The reason for the question.
        reason: Cow<'static, str>,
        /// What it is about: a provider's id, or an effect's.
        about: TypedId,
        /// The question, in words for the person.
        question: &'static str,
        /// The verdicts. `reviewed` reports one of them.
        verdicts: Vec<VerdictChoice>,
    },
}

/// One verdict that a person can choose.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct VerdictChoice {
    /// The verdict, as `reviewed` reports it.
    pub verdict: &'static str,
    /// The label of its button.
    pub label: &'static str,
    /// The kind of the provider's id that the verdict must name; `null` if it needs none.
    pub needs_id: Option<&'static str>,
    /// The kind of the provider's id that the verdict can name; `null` if it takes none.
    pub takes_id: Option<&'static str>,
}

impl From<Choice> for VerdictChoice {
    fn from(Choice { verdict, label, named }: Choice) -> Self {
        let needs_id = named.filter(|it| it.is_required).map(|it| it.kind);
        Self { verdict, label, needs_id, takes_id: named.map(|it| it.kind) }
    }
}

/// A pending effect, as a worker sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PendingEffect {
    /// Its id. It stays the same for as long as the effect is pending.
    pub id: EffectId,
    /// What to do.
    #[serde(flatten)]
    pub effect: Effect,
    /// Whether a worker can lease it now; for a review, whether it accepts a verdict.
    pub ready: bool,
    /// The rules that a lease would break now. If there are none, the effect is ready.
    pub blocked_by: Vec<Violation>,
    /// How often it was leased.
    pub attempts: u32,
    /// When its lease ends.
    pub leased_until: Option<Timestamp>,
    /// The instant before which no worker can lease it.
    pub not_before: Option<Timestamp>,
}

/// Something that the provider or the customer must do.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Wait"))]
#[non_exhaustive]
pub struct Wait {
    /// The signal of the provider that ends the wait.
    pub signal: &'static str,
    /// What it is about: the provider's id of a request, or the host's intent.
    pub about: Option<TypedId>,
    /// When it began.
    pub started_at: Timestamp,
    /// From when the signal cannot come any more, if the provider says so.
    pub expires_at: Option<Timestamp>,
    /// From when the next lookup can be leased, in case the signal is missed; `null` if no lookup is planned.
    pub next_lookup_at: Option<Timestamp>,
    /// What the customer must do, in the provider's own word.
    pub customer_action: Option<String>,
    /// The URL at which the customer can end the wait, exactly as the provider gave it.
    pub customer_url: Option<String>,
}

impl Wait {
    /// A wait for a signal since an instant.
    pub(crate) const fn new(signal: &'static str, started_at: Timestamp) -> Self {
        Self {
            signal,
            about: None,
            started_at,
            expires_at: None,
            next_lookup_at: None,
            customer_action: None,
            customer_url: None,
        }
    }
}
