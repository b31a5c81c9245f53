#![doc = include_str!("README.md")]

mod api;
mod ask;
mod ids;
mod names;
mod rules;
pub mod subscription;

use super::{Provider, all};
use crate::flow::Text;

pub use crate::config::vend::{ApiVersion, Host, Settings};
pub use api::calls::{Call, Component, Kind, TokenRequest};
pub use api::partner::{PartnerSubscription, State, SubscriptionInfo, SubscriptionsReply};
pub use api::plan::{Plan, ShownComponent};
pub use api::replies::Event;
pub use api::token::{IssuedTokenReply, TokenReply};
pub use api::webhook::{CancellationWebhook, PartnerWebhook};
pub use ids::{ConsentToken, SubscriptionId};
pub use names::{Notice, Review, SignalName, Verdict};
pub use rules::Rule;
pub use subscription::Subscription;

const NAME: &str = "vend";

/// The provider, for a host that names it in its program.
pub const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: api::webhook::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: rules::page::ACTIVATING,
    authenticate: |_| api::webhook::authenticate(),
    correlate: api::webhook::correlate,
    notices: Text::all::<Notice>,
    signals: Text::all::<SignalName>,
    questions: ask::QUESTIONS,
    keys: &["vend.subscription"],
};
