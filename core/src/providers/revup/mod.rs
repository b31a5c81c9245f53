#![doc = include_str!("README.md")]

mod amount;
mod ask;
mod call;
pub mod callback;
mod event;
mod ids;
mod intake;
pub mod order;
mod pages;
mod rules;
#[cfg(feature = "samples")]
mod samples;
mod settings;
pub mod subscription;
mod wire;

use super::{Provider, all};

pub use amount::Amount;
pub use call::{Call, CreateSubscription, Overwrite, RedirectUrl, RefundPayment};
pub use event::{EventSeen, EventType, PaymentType};
pub use ids::{OrderId, SubscriptionId, Token, TransactionId};
pub use rules::Rule;
pub use settings::Settings;
pub use subscription::Subscription;
pub use wire::{Created, PaymentsSeen, Reason, Status, SubscriptionSeen, TransactionSeen, TransactionStatus};

const NAME: &str = "revup";

pub(crate) const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: intake::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::CREATE_SUBSCRIPTION,
    authenticate: |_secrets, _headers, _body, _now| Ok(intake::ORIGIN),
    correlate: intake::correlate,
    questions: ask::QUESTIONS,
    keys: &["revup.token"],
};
