#![doc = include_str!("README.md")]

mod ask;
mod call;
mod ids;
mod intake;
mod pages;
mod request;
mod rules;
#[cfg(feature = "samples")]
mod samples;
mod settings;
pub mod subscription;
mod webhook;
mod wire;

use super::{Provider, all};

pub use call::Call;
pub use ids::{ConsentToken, SubscriptionId};
pub use request::{Component, Kind, TokenRequest};
pub use rules::Rule;
pub use settings::{ApiVersion, Host, Settings};
pub use subscription::Subscription;
pub use webhook::{Cancellation, Signal};
pub use wire::{PartnerSubscription, State, SubscriptionInfo, TokenIssued, TokenSeen};

const NAME: &str = "vend";

pub(crate) const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: intake::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::ACTIVATING,
    authenticate: |_secrets, _headers, _body, _now| intake::authenticate(),
    correlate: intake::correlate,
    questions: ask::QUESTIONS,
    keys: &["vend.subscription"],
};
