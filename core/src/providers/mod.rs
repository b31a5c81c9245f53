#![doc = include_str!("README.md")]

mod checked;
mod question;
mod receive;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::fact::{FactError, Origin};
use crate::flow::{Text, Webhook};
use crate::id::{Key, TypedId};
use crate::json::{Malformed, listed};
use crate::rule::{Rule, RuleSet, Source};

use crate::webhook::{Delivery, NotAuthentic};

pub use checked::Checked;
pub use question::Question;
pub use receive::{ReceivedWebhook, WebhookIds, WebhookOptions, read_webhook, read_webhook_with, webhook_ids};

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
    /// The notices to a customer.
    pub(crate) notices: fn() -> Vec<Text>,
    /// The signals that its flows wait for.
    pub(crate) signals: fn() -> Vec<Text>,
    pub(crate) authenticate: Authenticate,
    pub(crate) correlate: fn(&Webhook<'_>) -> Result<Vec<TypedId>, FactError>,
}

type Authenticate = fn(&Delivery<'_>) -> Result<Origin, NotAuthentic>;

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The rules of a set, as the catalogue lists them.
pub(crate) fn all<R: RuleSet>() -> Vec<&'static Rule> {
    R::ALL.iter().map(|rule| rule.rule()).collect()
}

/// Registers the providers and their flows, one line for each provider. The feature has the provider's name.
macro_rules! providers {
    ($($feature:literal $provider:ident { $($module:ident::$flow:ident),+ })+) => {
        $(#[cfg(feature = $feature)] pub mod $provider;)+

        #[cfg(not(any($(feature = $feature),+)))]
        compile_error!(concat!("rulebound needs a provider: enable at least one of the features", $(" ", $feature),+));

        /// Every provider that is compiled in.
        pub static PROVIDERS: &[Provider] = &[$(#[cfg(feature = $feature)] $provider::PROVIDER),+];

        /// Calls a macro with `provider::Flow` for every flow that is compiled in.
        macro_rules! for_each_known_flow {
            ($visit:ident) => { $($( #[cfg(feature = $feature)] $visit!($provider::$flow); )+)+ };
        }
        pub(crate) use for_each_known_flow;

        /// Calls a macro with `provider::Flow` for every flow; `rulebound::provider::Flow` is its type. Every provider
        /// must be compiled in.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! for_each_flow {
            ($visit:ident) => { $($( $visit!($provider::$flow); )+)+ };
        }

        /// Calls a macro with `provider { module::Flow, … }` for every provider, each of which must be compiled in.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! for_each_provider {
            ($visit:ident) => { $( $visit!($provider { $($module::$flow),+ }); )+ };
        }
    };
}

providers! {
    "truemed" truemed { payment_token::PaymentToken, payment_session::PaymentSession, qualification_session::QualificationSession }
    "flex" flex { checkout::Checkout, subscription::Subscription }
    "vend" vend { subscription::Subscription }
    "revup" revup { subscription::Subscription }
}

/// The key of a flow that the provider itself identifies, for example by a token that can be used once. It is
/// [`Key::of`] with a kind that the page of the provider names.
///
/// ```
/// let key = rulebound::key_for("revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c").unwrap();
/// assert_eq!(key, rulebound::Key::of("revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c"));
/// assert_eq!(rulebound::key_for("revup.tokn", "fc44c6f8").unwrap_err().pointer, "/kind");
/// ```
///
/// # Errors
///
/// If no provider has keys of this kind, or the name is empty.
pub fn key_for(kind: &str, name: &str) -> Result<Key, Malformed> {
    let kinds: Vec<_> = PROVIDERS.iter().flat_map(|it| it.keys).copied().collect();
    match name {
        _ if !kinds.contains(&kind) => Err(Malformed::new("/kind", format!("must be one of {}", listed(&kinds)))),
        "" => Err(Malformed::new("/name", "is empty")),
        name => Ok(Key::of(kind, name)),
    }
}

/// The names of the providers, as a message lists them.
pub(crate) fn names() -> String {
    listed(&PROVIDERS.iter().map(|it| it.name).collect::<Vec<_>>())
}

/// The provider with that name.
pub(crate) fn named(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|it| it.name == name)
}
