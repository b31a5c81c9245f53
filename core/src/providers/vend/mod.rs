#![doc = include_str!("README.md")]

mod ask;
mod call;
mod components;
mod ids;
mod intake;
mod pages;
mod partner;
mod request;
mod rules;
mod settings;
pub mod subscription;
mod token;
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
pub use partner::{Listed, PartnerSubscription, State, SubscriptionInfo};
pub use token::{TokenIssued, TokenSeen};

const NAME: &str = "vend";

pub(crate) const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: intake::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::ACTIVATING,
    authenticate: |_| intake::authenticate(),
    correlate: intake::correlate,
    questions: ask::QUESTIONS,
    keys: &["vend.subscription"],
};
