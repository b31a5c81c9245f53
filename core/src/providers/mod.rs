#![doc = include_str!("README.md")]

mod question;

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use crate::fact::{FactError, Headers, Origin};
use crate::id::{CorrelationId, Key};
use crate::json::{Malformed, listed};
use crate::rule::{Rule, RuleSet, Source};
use crate::time::{Millis, Timestamp};
use crate::webhook::{AuthError, Delivery, Secret};

pub use question::Question;

/// What the library knows of one provider, besides its flows.
#[non_exhaustive]
pub struct Provider {
    /// Its name, which begins the codes of its rules and the ids of its flows.
    pub name: &'static str,
    /// The HTTP status that it expects for a stored webhook.
    pub acknowledgement: u16,
    /// Its rules.
    pub rules: fn() -> Vec<&'static Rule>,
    /// Codes of former rules, which are never used again.
    pub retired: &'static [&'static str],
    /// The page that names its servers.
    pub settings: Source,
    /// The questions that it answers without a snapshot.
    pub questions: &'static [Question],
    /// The kinds of [`Key::of`] for flows that the provider itself identifies, for example by a token.
    pub keys: &'static [&'static str],
    pub(crate) authenticate: Authenticate,
    pub(crate) correlate: fn(&[u8]) -> Result<Vec<CorrelationId>, FactError>,
}

type Authenticate = fn(&Delivery<'_>) -> Result<Origin, AuthError>;

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The rules of a set, as the catalogue lists them.
pub(crate) fn all<R: RuleSet>() -> Vec<&'static Rule> {
    R::ALL.iter().map(|rule| rule.rule()).collect()
}

/// Registers the providers and their flows, one line for each provider.
macro_rules! providers {
    ($($provider:ident { $($module:ident::$flow:ident),+ })+) => {
        $(pub mod $provider;)+

        /// Every provider.
        pub static PROVIDERS: &[Provider] = &[$($provider::PROVIDER),+];

        /// Calls a macro with `provider::Flow` for every flow; `rulebound::provider::Flow` is its type.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! for_each_flow {
            ($visit:ident) => { $($( $visit!($provider::$flow); )+)+ };
        }
        pub(crate) use for_each_flow;

        /// Calls a macro with `provider { module::Flow, … }` for every provider.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! for_each_provider {
            ($visit:ident) => { $( $visit!($provider { $($module::$flow),+ }); )+ };
        }
    };
}

providers! {
    truemed { payment_token::PaymentToken, payment_session::PaymentSession }
    flex { checkout::Checkout, subscription::Subscription }
    vend { subscription::Subscription }
    revup { subscription::Subscription }
}

/// Proves the origin of a webhook from its raw body. Call this before anything else reads the body.
///
/// ```
/// use rulebound::{Headers, Origin, Secret, authenticate, time::Timestamp};
/// let headers: Headers<'_> = [("x-truemed-api-key", "whsec")].into_iter().collect();
/// let origin = authenticate("truemed", &[Secret::new("whsec")], &headers, b"{}", Timestamp::from_millis(0));
/// assert_eq!(origin, Ok(Origin::Verified));
/// ```
pub fn authenticate(
    provider: &str,
    secrets: &[Secret<'_>],
    headers: &Headers<'_>,
    raw_body: &[u8],
    now: Timestamp,
) -> Result<Origin, AuthError> {
    check_origin(provider, &Delivery { secrets, headers, body: raw_body, now, tolerance: None })
}

/// Does the same as [`authenticate`], with a limit for the age of a signature.
///
/// Without a limit, a signature of Flex may differ from now by 5 minutes, and the time of a signature of Truemed does
/// not count. Truemed retries a webhook for up to seven days, and no document says that it signs each retry anew. The
/// limit has no effect if a provider signs nothing.
///
/// ```
/// use rulebound::{AuthError, Headers, Secret, authenticate_within, time::{Millis, Timestamp}};
/// let hour = Millis::from_hours(1);
/// let (headers, now) = (Headers::default(), Timestamp::from_millis(1_700_000_000_000));
/// let origin = authenticate_within("truemed", &[Secret::new("whsec")], &headers, b"{}", now, hour);
/// assert!(matches!(origin, Err(AuthError::NoSignature(_))));
/// ```
pub fn authenticate_within(
    provider: &str,
    secrets: &[Secret<'_>],
    headers: &Headers<'_>,
    raw_body: &[u8],
    now: Timestamp,
    tolerance: Millis,
) -> Result<Origin, AuthError> {
    check_origin(provider, &Delivery { secrets, headers, body: raw_body, now, tolerance: Some(tolerance) })
}

/// Proves the origin of a webhook.
pub(crate) fn check_origin(provider: &str, delivery: &Delivery<'_>) -> Result<Origin, AuthError> {
    let provider = named(provider).ok_or(AuthError::UnknownProvider)?;
    (provider.authenticate)(delivery)
}

/// The ids by which a webhook finds its flows. A flow matches if [`Snapshot::ids`](crate::Snapshot::ids) contains one
/// of them.
///
/// ```
/// let ids = rulebound::correlate("truemed", br#"{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}"#);
/// assert_eq!(ids.unwrap().iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["ptr_1", "pt_1"]);
/// ```
pub fn correlate(provider: &str, raw_body: &[u8]) -> Result<Vec<CorrelationId>, FactError> {
    let unknown = || FactError::new("/provider", "must be a provider that this release knows");
    (named(provider).ok_or_else(unknown)?.correlate)(raw_body)
}

/// The HTTP status that the provider expects for a stored webhook, or `None` if the provider is unknown.
///
/// ```
/// assert_eq!(rulebound::acknowledgement("truemed"), Some(204));
/// ```
pub fn acknowledgement(provider: &str) -> Option<u16> {
    named(provider).map(|it| it.acknowledgement)
}

/// The key of a flow that the provider itself identifies, for example by a token that can be used once. It is
/// [`Key::of`] with a kind that the page of the provider names.
///
/// ```
/// let key = rulebound::key_for("revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c").unwrap();
/// assert_eq!(key, rulebound::Key::of("revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c"));
/// assert_eq!(rulebound::key_for("revup.tokn", "fc44c6f8").unwrap_err().pointer, "/kind");
/// ```
pub fn key_for(kind: &str, name: &str) -> Result<Key, Malformed> {
    let kinds: Vec<_> = PROVIDERS.iter().flat_map(|it| it.keys).copied().collect();
    match name {
        _ if !kinds.contains(&kind) => Err(Malformed::new("/kind", format!("must be one of {}", listed(&kinds)))),
        "" => Err(Malformed::new("/name", "is empty")),
        name => Ok(Key::of(kind, name)),
    }
}

/// The provider with that name.
pub(crate) fn named(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|it| it.name == name)
}
