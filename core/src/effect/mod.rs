//! Effects: what the host must do in the world, as data. The library asks for them and never does them.

mod operation;
mod outbox;
mod past;
mod question;
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

use crate::id::{EffectId, Key};
use crate::json::encode;
use crate::schema::Described;
use crate::time::Timestamp;

pub use operation::{Choice, NamedId, Operation, Question, Retry};
pub(crate) use operation::{GIVE_UP, KEEP_TRYING, RETRY, Success};
pub(crate) use outbox::{Counter, Outbox, OutboxEntry, StoredEffect};
pub(crate) use past::{End, Past};
pub(crate) use sendings::{Answered, BETWEEN_DENIALS};

/// Where a provider wants the host's secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Credential {
    /// The name of the header that the host fills with its API key, or with the access token of the account.
    pub header: &'static str,
    /// What stands before the secret in that header, with a space between: `Bearer`; `null` where the header holds it alone.
    pub scheme: Option<&'static str>,
}

impl Credential {
    /// `authorization: Bearer …`.
    pub(crate) const BEARER: Self = Self { header: "authorization", scheme: Some("Bearer") };

    /// Alone, in a header of that name.
    pub(crate) const fn alone_in(header: &'static str) -> Self {
        Self { header, scheme: None }
    }
}

/// One HTTP request, complete but for the secret that the host adds.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Request {
    /// `GET`, `POST`…
    pub method: &'static str,
    /// The absolute URL.
    pub url: String,
    /// The headers that are not secret.
    pub headers: BTreeMap<&'static str, &'static str>,
    /// Where the host's secret goes.
    pub credential: Credential,
    /// The body's exact text; `null` where there is none.
    pub body: Option<String>,
    /// `{flow}:{key}:{effect id}`, already in its place where the provider takes one.
    pub idempotency_key: String,
    /// What may be done if its outcome stays unknown.
    pub retry: Retry,
    /// Which sending of the request this is, from 1: what is told of it carries the number back.
    pub sending: u32,
}

/// URLs and bodies hold tokens and customers: only the method and the key are printed.
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

    /// The same request with a JSON body.
    pub(crate) fn with_json(mut self, body: &impl Serialize) -> Self {
        self.headers.insert("content-type", "application/json");
        self.body = Some(encode(body));
        self
    }
}

/// What an owed request will do: a flow's own operations, with everything that their requests need.
pub trait Call: Clone + Eq + Hash + Debug + Serialize + DeserializeOwned + Described {
    /// The settings of the provider.
    type Settings;

    /// Every operation of the provider.
    fn operations() -> &'static [&'static Operation];

    /// What the documents say of the operation.
    fn operation(&self) -> &'static Operation;

    /// The documented lookup that tells the outcome of a request.
    fn outcome_lookup(&self) -> Option<Self> {
        None
    }

    /// The request itself; the kernel adds the idempotency key's field, the retry class and the sending's number.
    fn request(&self, idempotency_key: &str, settings: &Self::Settings) -> Request;
}

/// The idempotency key of an obligation: the same for as long as it is owed.
pub(crate) fn idempotency_key(flow: &str, key: &Key, id: &EffectId) -> String {
    format!("{flow}:{}:{}", key.as_str(), id.as_str())
}

/// The id of the effect whose idempotency key a text is, if it is one of this flow's.
pub(crate) fn effect_of_key<'t>(flow: &str, key: &Key, text: &'t str) -> Option<&'t str> {
    let of_key = text.strip_prefix(flow)?.strip_prefix(':')?;
    of_key.strip_prefix(key.as_str())?.strip_prefix(':')
}

/// Something that the host has to carry out.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Send a request; its lease hands it out.
    Request {
        /// The provider's name of the operation.
        operation: &'static str,
        /// What may be done if its outcome stays unknown.
        retry: Retry,
    },
    /// Notify the customer.
    Notify {
        /// Of what, such as `action_required`.
        reason: Cow<'static, str>,
        /// What it is about: a provider's id, or an effect's.
        about: String,
        /// Where the customer can act on it.
        customer_url: Option<String>,
    },
    /// Deliver what was paid.
    Fulfill {
        /// The provider's id of the payment.
        about: String,
    },
    /// Give the customer access until an instant; a level, which replaces the one before it.
    Access {
        /// The provider's id of the subscription.
        about: String,
        /// When access ends, with the grace of the policy.
        access_until: Timestamp,
    },
    /// Ask a person, who chooses one of the verdicts.
    Review {
        /// Why it is asked.
        reason: Cow<'static, str>,
        /// What it is about: a provider's id, or an effect's.
        about: String,
        /// The verdicts, one of which `reviewed` names.
        verdicts: Vec<Cow<'static, str>>,
        /// Those of them that have to name an id of the provider too.
        needs_id: Vec<Cow<'static, str>>,
    },
}

/// An effect that has to be carried out, as a worker sees it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PendingEffect {
    /// Its id: the same for as long as it is pending, and after a restart.
    pub id: EffectId,
    /// What to do.
    #[serde(flatten)]
    pub effect: Effect,
    /// Whether it can be leased now; of a review, whether a verdict is accepted.
    pub ready: bool,
    /// How often it was leased.
    pub attempts: u32,
    /// When its lease ends.
    pub leased_until: Option<Timestamp>,
    /// The instant before which it cannot be leased.
    pub not_before: Option<Timestamp>,
}

/// Something that the provider or the customer has to do.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Wait"))]
#[non_exhaustive]
pub struct Wait {
    /// The signal of the provider that ends the wait.
    pub signal: &'static str,
    /// What it is about: the provider's id of a request, or the host's intent.
    pub about: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When the signal cannot come any more, where the provider says so.
    pub expires_at: Option<Timestamp>,
    /// What the customer must do, in the provider's own word.
    pub customer_action: Option<String>,
    /// The URL at which the customer can end the wait, exactly as the provider gave it.
    pub customer_url: Option<String>,
}

impl Wait {
    /// A wait for a signal since an instant.
    pub(crate) const fn new(signal: &'static str, started_at: Timestamp) -> Self {
        Self { signal, about: None, started_at, expires_at: None, customer_action: None, customer_url: None }
    }
}
