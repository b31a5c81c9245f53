#![doc = include_str!("README.md")]

mod amount;
mod ask;
mod body;
mod call;
pub mod callback;
mod event;
mod ids;
mod intake;
mod notification;
pub mod order;
mod pages;
mod payments;
mod refusal;
mod rules;
mod settings;
pub mod subscription;
mod wire;

use super::{Provider, all};

pub use amount::Amount;
pub use call::{Call, CreateSubscription, Overwrite, RedirectUrl, RefundPayment};
pub use event::{EventSeen, EventType, PaymentType};
pub use notification::{Notification, TransactionType};
pub use ids::{OrderId, SubscriptionId, Token, TransactionId};
pub use rules::Rule;
pub use settings::Settings;
pub use subscription::Subscription;
pub use payments::PaymentsSeen;
pub use wire::{Created, Reason, Status, SubscriptionSeen, TransactionSeen, TransactionStatus, TransactionsSeen};

const NAME: &str = "revup";

pub(crate) const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: intake::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::CREATE_SUBSCRIPTION,
    authenticate: |_| Ok(intake::ORIGIN),
    correlate: intake::correlate,
    questions: ask::QUESTIONS,
    keys: &["revup.token"],
};
