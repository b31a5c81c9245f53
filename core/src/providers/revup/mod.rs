#![doc = include_str!("README.md")]

mod amount;
mod api;
mod ask;
pub mod callback;
mod ids;
mod names;
pub mod order;
mod pages;
mod rules;
pub mod subscription;
pub mod token_order;

use super::{Provider, all};
use crate::flow::Text;

pub use crate::config::revup::{Environment, Settings};
pub use amount::Amount;
pub use api::calls::{Call, CreateSubscription, Overwrite, RedirectUrl, RefundPayment};
pub use api::event::{EventType, EventWebhook, PaymentType};
pub use api::notification::{Notification, TransactionType};
pub use api::payments::PaymentsReply;
pub use api::replies::{
    CreatedReply, Event, Reason, Status, SubscriptionReply, TransactionReply, TransactionStatus, TransactionsReply,
};
pub use ids::{OrderId, SubscriptionId, Token, TransactionId};
pub use names::{Notice, Review, SignalName, Verdict};
pub use rules::Rule;
pub use subscription::Subscription;

const NAME: &str = "revup";

/// The provider, for a host that names it in its program.
pub const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: api::webhook::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::CREATE_SUBSCRIPTION,
    authenticate: |_| Ok(api::webhook::ORIGIN),
    correlate: api::webhook::correlate,
    notices: Text::all::<Notice>,
    signals: Text::all::<SignalName>,
    questions: ask::QUESTIONS,
    keys: &["revup.token"],
};
