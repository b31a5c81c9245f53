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
    /// Its name, with which its rules' codes and its flows' ids begin.
    pub name: &'static str,
    /// The status that it wants for a stored webhook.
    pub acknowledgement: u16,
    /// Its rules.
    pub rules: fn() -> Vec<&'static Rule>,
    /// Codes that were rules once, and never come back.
    pub retired: &'static [&'static str],
    /// The page that says where its servers are.
    pub settings: Source,
    /// What can be asked of it besides.
    pub questions: &'static [Question],
    /// The kinds of [`Key::of`] that are the keys of flows whose identity is the provider's own thing.
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

/// Registers the providers and the flows of each: one line each.
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

/// Whether a webhook is the provider's, told from its raw body. Call it before anything else reads the body.
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
    deliver(provider, &Delivery { secrets, headers, body: raw_body, now, tolerance: None })
}

/// The same with the span by which the time of a signature may differ from now.
///
/// Flex's may differ by 5 minutes unless told. Truemed's is not looked at unless told: it tells a webhook again for up to
/// seven days, and no document says that each time it is signed anew. Where nothing is signed, nothing differs.
///
/// ```
/// use rulebound::{AuthError, Headers, Secret, authenticate_within, time::{Millis, Timestamp}};
/// let hour = Millis::from_hours(1);
/// let (headers, now) = (Headers::default(), Timestamp::from_millis(1_700_000_000_000));
/// let told = authenticate_within("truemed", &[Secret::new("whsec")], &headers, b"{}", now, hour);
/// assert!(matches!(told, Err(AuthError::NoSignature(_))));
/// ```
pub fn authenticate_within(
    provider: &str,
    secrets: &[Secret<'_>],
    headers: &Headers<'_>,
    raw_body: &[u8],
    now: Timestamp,
    tolerance: Millis,
) -> Result<Origin, AuthError> {
    deliver(provider, &Delivery { secrets, headers, body: raw_body, now, tolerance: Some(tolerance) })
}

/// Whether a webhook is the provider's.
pub(crate) fn deliver(provider: &str, delivery: &Delivery<'_>) -> Result<Origin, AuthError> {
    let provider = named(provider).ok_or(AuthError::UnknownProvider)?;
    (provider.authenticate)(delivery)
}

/// The ids by which a webhook finds its flows, among those that [`Snapshot::ids`](crate::Snapshot::ids) gave.
///
/// ```
/// let ids = rulebound::correlate("truemed", br#"{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}"#);
/// assert_eq!(ids.unwrap().iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["ptr_1", "pt_1"]);
/// ```
pub fn correlate(provider: &str, raw_body: &[u8]) -> Result<Vec<CorrelationId>, FactError> {
    let unknown = || FactError::new("/provider", "is not one that this release knows");
    (named(provider).ok_or_else(unknown)?.correlate)(raw_body)
}

/// The status that the provider wants for a webhook that was stored; nothing if the provider is not known.
///
/// ```
/// assert_eq!(rulebound::acknowledgement("truemed"), Some(204));
/// ```
pub fn acknowledgement(provider: &str) -> Option<u16> {
    named(provider).map(|it| it.acknowledgement)
}

/// The key of a flow whose identity is the provider's own thing, such as a token that can be used once: [`Key::of`] of a kind
/// that a provider's page names.
///
/// ```
/// let key = rulebound::key_for("revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c").unwrap();
/// assert_eq!(key, rulebound::Key::of("revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c"));
/// assert_eq!(rulebound::key_for("revup.tokn", "fc44c6f8").unwrap_err().pointer, "/kind");
/// ```
pub fn key_for(kind: &str, name: &str) -> Result<Key, Malformed> {
    let kinds: Vec<_> = PROVIDERS.iter().flat_map(|it| it.keys).copied().collect();
    match name {
        _ if !kinds.contains(&kind) => Err(Malformed::new("/kind", format!("is none of {}", listed(&kinds)))),
        "" => Err(Malformed::new("/name", "is empty")),
        name => Ok(Key::of(kind, name)),
    }
}

/// The provider of that name.
pub(crate) fn named(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|it| it.name == name)
}
