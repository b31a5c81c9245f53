#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

// In the order of the layers: a module uses only those above it.
pub mod time;
pub mod money;
pub mod id;
mod url;
pub mod value;
mod decode;
pub mod rule;
pub mod policy;
pub mod effect;
pub mod fact;
pub mod intake;
pub mod flow;
pub mod snapshot;
pub mod providers;
pub mod catalogue;
pub mod json;

use alloc::vec::Vec;

pub use decode::Malformed;
pub use effect::{Awaited, Effect, Owed, Request, Retry};
pub use fact::{Because, Fact, FactError, Failure, Headers, Origin, Verdict, Via};
pub use flow::{Flow, Named, Offer};
pub use id::{CorrelationId, EffectId, IdError, Intent, Key};
pub use intake::{AuthError, Secret};
pub use policy::{Env, LookUps, Mode, Policy};
pub use providers::{PROVIDERS, Provider, truemed, vend};
pub use rule::{Basis, Guards, Kept, Level, Rule, RuleSet, Source, Until, Violation};
pub use snapshot::{Command, LoadError, Observation, Rejection, SaveError, Snapshot, Transition};

use time::Timestamp;

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
    let provider = providers::named(provider).ok_or(AuthError::UnknownProvider)?;
    (provider.authenticate)(secrets, headers, raw_body, now)
}

/// The ids by which a webhook finds its flows, among those that [`Snapshot::correlation_ids`] gave.
///
/// ```
/// let ids = rulebound::correlate("truemed", br#"{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}"#);
/// assert_eq!(ids.unwrap().iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["ptr_1", "pt_1"]);
/// ```
pub fn correlate(provider: &str, raw_body: &[u8]) -> Result<Vec<CorrelationId>, FactError> {
    let unknown = || FactError::new("/provider", "is not one that this release knows");
    (providers::named(provider).ok_or_else(unknown)?.correlate)(raw_body)
}

/// The status that the provider wants for a webhook that was stored; nothing if the provider is not known.
///
/// ```
/// assert_eq!(rulebound::acknowledgement("truemed"), Some(204));
/// ```
pub fn acknowledgement(provider: &str) -> Option<u16> {
    providers::named(provider).map(|it| it.acknowledgement)
}
