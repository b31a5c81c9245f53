//! What Revup sends, read tolerantly. A field that must not be missing makes a reply unreadable.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::event::EventSeen;
use super::notification::{Notification, TransactionType};
use super::payments::PaymentsSeen;
use crate::json::{lenient, lenient_text, read_body};
use crate::providers::revup::amount::{Decimal, told};
use crate::providers::revup::callback::Callback;
use crate::providers::revup::ids::{OrderId, SubscriptionId, TransactionId, is_uuid};
use crate::time::Timestamp;
use crate::value::open_enum;

/// What a reply or a webhook says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The subscription was created.
    Created(Created),
    /// The reply to a creation is not whole, and still names the subscription.
    Named(SubscriptionId),
    /// The subscription stands thus.
    Seen(SubscriptionSeen),
    /// Its payments.
    Payments(PaymentsSeen),
    /// The subscription is cancelled.
    Cancelled(SubscriptionSeen),
    /// The reply to a cancellation does not say that.
    NotCancelled,
    /// A refund, or its transaction, stands thus.
    Transaction(TransactionSeen),
    /// The reply to a refund does not say how it stands, and still names its transaction.
    Made(TransactionId),
    /// The transactions of an order.
    Transactions(TransactionsSeen),
    /// An event.
    Webhook(Box<EventSeen>),
    /// The callback of the payment of an order.
    Callback(Box<Callback>),
    /// A notification about a transaction.
    Notified(Box<Notification>),
}

open_enum! {
    /// The status of a subscription. The list of the documents could not be read: these five are seen in samples.
    pub enum Status {
        /// Paid, and renewed by Revup.
        Fulfilled = "fulfilled",
        /// A renewal failed, and Revup tries again.
        PastDue = "past_due",
        /// Paused by the merchant or in the back office.
        Paused = "paused",
        /// Over.
        Cancelled = "cancelled",
        /// The first charge failed.
        Archived = "archived",
    }
}

open_enum! {
    /// Why a subscription was cancelled.
    pub enum Reason {
        /// The plan has ended.
        EndPlan = "end_plan",
        /// The card was refused for good.
        HardDecline = "hard_decline",
        /// The merchant's own request.
        MerchantApi = "merchant_api",
        /// Somebody in the back office.
        BackofficeApi = "backoffice_api",
        /// The customer's bank.
        Dispute = "dispute",
    }
}

open_enum! {
    /// The status of a transaction; only the first two are final.
    pub enum TransactionStatus {
        /// Done.
        Success = "success",
        /// Not done.
        Failed = "failed",
        /// Under way.
        InProcess = "in_process",
        /// Waiting for the customer.
        WaitingUserInteraction = "waiting_user_interaction",
    }
}

/// The reply to `create_subscription`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Created {
    /// The order of the first charge: with a token, the parent order.
    pub order_id: OrderId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// The same as it comes.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedBody {
    #[serde(default, deserialize_with = "lenient_text")]
    order_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    subscription_id: Option<String>,
}

impl CreatedBody {
    /// The order, if it is a UUID.
    pub(crate) fn order(&self) -> Option<OrderId> {
        self.order_id.as_deref().filter(|it| is_uuid(it)).and_then(OrderId::told)
    }

    /// The subscription, if it is a UUID.
    pub(crate) fn subscription(&self) -> Option<SubscriptionId> {
        self.subscription_id.as_deref().filter(|it| is_uuid(it)).and_then(SubscriptionId::told)
    }
}

/// A subscription as a lookup or the reply to a cancellation shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SubscriptionSeen {
    /// Which one.
    pub id: SubscriptionId,
    /// How it stands.
    pub status: Status,
    /// Its plan.
    pub plan_id: Option<String>,
    /// Why it was cancelled, if it was.
    pub reason: Option<Reason>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionBody {
    #[serde(default, deserialize_with = "lenient_text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    plan_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    cancellation: Option<Cancellation>,
}

impl SubscriptionSeen {
    /// Reads what is shown of the subscription that was asked for; otherwise what is missing or wrong.
    pub(crate) fn read(body: &[u8], asked: &SubscriptionId) -> Result<Self, &'static str> {
        let body: SubscriptionBody = read_body(body).ok_or("")?;
        let id = body.id.as_deref().and_then(SubscriptionId::told).filter(|id| id == asked).ok_or("/id")?;
        let status = Status::from(body.status.ok_or("/status")?);
        Ok(Self { id, status, plan_id: body.plan_id, reason: body.cancellation.and_then(|it| it.reason()) })
    }
}

/// What is said of a cancellation.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Cancellation {
    #[serde(default, deserialize_with = "lenient_text")]
    reason: Option<String>,
}

impl Cancellation {
    /// Why.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.reason.clone().map(Reason::from)
    }
}

/// An entry of a list that is read as far as it can be: one odd entry drops no other.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(bound(deserialize = "T: serde::de::DeserializeOwned"))]
pub(crate) struct Entry<T>(#[serde(deserialize_with = "lenient")] pub(crate) Option<T>);

/// A sum of money, as far as it can be read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub(crate) struct Money {
    #[serde(default, deserialize_with = "told")]
    pub(crate) amount: Option<Decimal>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub(crate) currency: Option<String>,
}

/// A transaction as a lookup or the reply to a refund shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TransactionSeen {
    /// Which one: of a refund, the refund's own.
    pub id: TransactionId,
    /// How it stands.
    pub status: TransactionStatus,
    /// What it does, where that is said.
    pub kind: Option<TransactionType>,
    /// Its order, where that is said.
    pub order: Option<OrderId>,
    pub(crate) money: Money,
    pub(crate) created: Option<Timestamp>,
}

impl TransactionSeen {
    /// Whether it is said to give money back.
    pub(crate) fn is_a_refund(&self) -> bool {
        self.kind == Some(TransactionType::Refund)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionBody {
    #[serde(default, deserialize_with = "lenient_text")]
    transaction_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    transaction_status: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    transaction_type: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    creation_date: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    order_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    order: Option<OrderBody>,
    #[serde(default, deserialize_with = "lenient")]
    money: Option<Money>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderBody {
    #[serde(default, deserialize_with = "lenient_text")]
    order_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    id: Option<String>,
}

impl TransactionBody {
    /// Which one it is.
    pub(crate) fn id(&self) -> Option<TransactionId> {
        self.transaction_id.as_deref().and_then(TransactionId::told)
    }

    /// What it does, where that is said.
    pub(crate) fn kind(&self) -> Option<TransactionType> {
        self.transaction_type.clone().map(TransactionType::from)
    }

    /// What is shown of it; otherwise what is missing or wrong.
    pub(crate) fn seen(self) -> Result<TransactionSeen, &'static str> {
        let id = self.id().ok_or("/transactionId")?;
        let status = TransactionStatus::from(self.transaction_status.ok_or("/transactionStatus")?);
        let order = self.order_id.or_else(|| self.order.and_then(|it| it.order_id.or(it.id)));
        Ok(TransactionSeen {
            id,
            status,
            kind: self.transaction_type.map(TransactionType::from),
            order: order.and_then(|it| OrderId::told(&it)),
            money: self.money.unwrap_or_default(),
            created: self.creation_date.and_then(|it| Timestamp::parse_iso(&it)),
        })
    }
}

/// The transactions of an order, as far as they can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TransactionsSeen {
    /// Those that can be read.
    pub all: Vec<TransactionSeen>,
    /// Whether one could not be: it may be the one that is looked for.
    pub(crate) odd: bool,
}

impl TransactionsSeen {
    pub(crate) fn read(body: &[u8]) -> Result<Self, &'static str> {
        let entries: Vec<Entry<TransactionBody>> = read_body(body).ok_or("")?;
        let count = entries.len();
        let all: Vec<_> = entries.into_iter().filter_map(|it| it.0?.seen().ok()).collect();
        let odd = all.len() < count || all.iter().any(|it| it.kind.is_none());
        Ok(Self { all, odd })
    }
}
