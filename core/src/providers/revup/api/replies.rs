//! The replies of Revup, read tolerantly. If a required field is missing, the reply cannot be read.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::event::EventWebhook;
use super::notification::{Notification, TransactionType};
use super::payments::PaymentsReply;
use crate::json::{lenient, lenient_text, read_body};
use crate::providers::revup::amount::{Decimal, decimal_if_any};
use crate::providers::revup::callback::Callback;
use crate::providers::revup::ids::{OrderId, SubscriptionId, TransactionId, is_uuid};
use crate::time::Timestamp;
use crate::value::open_enum;

/// The contents of a reply or of a message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The reply to a creation.
    Created(CreatedReply),
    /// The reply to a creation is incomplete, but names the subscription.
    SubscriptionNamed(SubscriptionId),
    /// A lookup shows the subscription.
    Subscription(SubscriptionReply),
    /// A lookup shows a page of the payments.
    Payments(PaymentsReply),
    /// The reply to a cancellation shows the subscription as canceled.
    Cancelled(SubscriptionReply),
    /// The reply to a cancellation does not show the subscription as canceled.
    NotCancelled,
    /// A reply or a lookup shows a transaction, such as a refund.
    Transaction(TransactionReply),
    /// The reply to a refund is incomplete, but names its transaction.
    TransactionNamed(TransactionId),
    /// A lookup shows the transactions of an order.
    Transactions(TransactionsReply),
    /// An event of the subscription.
    Webhook(Box<EventWebhook>),
    /// The callback of the payment of an order.
    Callback(Box<Callback>),
    /// A notification about a transaction.
    Notification(Box<Notification>),
}

open_enum! {
    /// The status of a subscription. The list in the documents could not be read, so these five come from samples.
    pub enum Status {
        /// The subscription is paid, and Revup renews it.
        Fulfilled = "fulfilled",
        /// A renewal failed, and Revup retries it.
        PastDue = "past_due",
        /// The merchant or the back office has paused the subscription.
        Paused = "paused",
        /// The subscription is over.
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
        /// The bank refused the card for good.
        HardDecline = "hard_decline",
        /// The merchant requested it.
        MerchantApi = "merchant_api",
        /// A person in the back office did it.
        BackofficeApi = "backoffice_api",
        /// The customer's bank disputed a payment.
        Dispute = "dispute",
    }
}

open_enum! {
    /// The status of a transaction. Only the first two are final.
    pub enum TransactionStatus {
        /// The transaction succeeded.
        Success = "success",
        /// The transaction failed.
        Failed = "failed",
        /// The transaction is not finished.
        InProcess = "in_process",
        /// The transaction waits for the customer.
        WaitingUserInteraction = "waiting_user_interaction",
    }
}

/// The reply to `create_subscription`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CreatedReply {
    /// The order of the first charge. With a token, it is the parent order.
    pub order_id: OrderId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// The reply to `create_subscription`, before its ids are checked.
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
        self.order_id.as_deref().filter(|it| is_uuid(it)).and_then(OrderId::read)
    }

    /// The subscription, if it is a UUID.
    pub(crate) fn subscription(&self) -> Option<SubscriptionId> {
        self.subscription_id.as_deref().filter(|it| is_uuid(it)).and_then(SubscriptionId::read)
    }
}

/// A subscription, as a lookup or the reply to a cancellation shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SubscriptionReply {
    /// Its id.
    pub id: SubscriptionId,
    /// The status.
    pub status: Status,
    /// The plan.
    pub plan_id: Option<String>,
    /// The reason of its cancellation, if it was canceled.
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

impl SubscriptionReply {
    /// Reads the subscription with the requested id. The error is the pointer to the member that is missing or wrong.
    pub(crate) fn read(body: &[u8], requested: &SubscriptionId) -> Result<Self, &'static str> {
        let body: SubscriptionBody = read_body(body).ok_or("")?;
        let id = body.id.as_deref().and_then(SubscriptionId::read).filter(|id| id == requested).ok_or("/id")?;
        let status = Status::from(body.status.ok_or("/status")?);
        Ok(Self { id, status, plan_id: body.plan_id, reason: body.cancellation.and_then(|it| it.reason()) })
    }
}

/// The details of a cancellation.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Cancellation {
    #[serde(default, deserialize_with = "lenient_text")]
    reason: Option<String>,
}

impl Cancellation {
    /// The reason of the cancellation.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.reason.clone().map(Reason::from)
    }
}

/// An entry of an array. If it cannot be read, the other entries still count.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(bound(deserialize = "T: serde::de::DeserializeOwned"))]
pub(crate) struct Entry<T>(#[serde(deserialize_with = "lenient")] pub(crate) Option<T>);

/// An amount of money, as far as it can be read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub(crate) struct Money {
    #[serde(default, deserialize_with = "decimal_if_any")]
    pub(crate) amount: Option<Decimal>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub(crate) currency: Option<String>,
}

/// A transaction, as a lookup or the reply to a refund shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TransactionReply {
    /// Its id. For a refund, this is the id of the refund itself.
    pub id: TransactionId,
    /// The status.
    pub status: TransactionStatus,
    /// The type, if Revup says so.
    pub kind: Option<TransactionType>,
    /// The order, if Revup says so.
    pub order: Option<OrderId>,
    pub(crate) money: Money,
    /// The money in the order. The documents show neither the place of the amount nor whose amount this one is.
    pub(crate) order_money: Option<Money>,
    pub(crate) created: Created,
}

/// When a transaction was made, as far as Revup says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Created {
    /// Revup does not say it.
    Unsaid,
    /// Revup names no instant, but a date, a local time or an unreadable text.
    Unclear,
    /// Revup names this instant.
    At(Timestamp),
}

impl Created {
    fn read(text: Option<&str>) -> Self {
        text.map_or(Self::Unsaid, |text| Timestamp::parse_instant(text).map_or(Self::Unclear, Self::At))
    }
}

impl TransactionReply {
    /// Whether Revup says that the transaction is a refund.
    pub(crate) fn is_refund(&self) -> bool {
        self.kind == Some(TransactionType::Refund)
    }

    /// The amount, wherever it stands.
    pub(crate) fn amount(&self) -> Option<&Money> {
        if self.has_own_amount() { Some(&self.money) } else { self.order_money.as_ref() }
    }

    /// Whether the transaction shows an amount that surely is its own.
    pub(crate) const fn has_own_amount(&self) -> bool {
        self.money.amount.is_some()
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
    #[serde(default, deserialize_with = "lenient")]
    money: Option<Money>,
}

impl TransactionBody {
    /// The id of the transaction.
    pub(crate) fn id(&self) -> Option<TransactionId> {
        self.transaction_id.as_deref().and_then(TransactionId::read)
    }

    /// The type, if Revup says so.
    pub(crate) fn kind(&self) -> Option<TransactionType> {
        self.transaction_type.clone().map(TransactionType::from)
    }

    /// Reads the transaction. The error is the pointer to the member that is missing or wrong.
    pub(crate) fn transaction(self) -> Result<TransactionReply, &'static str> {
        let id = self.id().ok_or("/transactionId")?;
        let status = TransactionStatus::from(self.transaction_status.ok_or("/transactionStatus")?);
        let (named, order_money) = self.order.map_or((None, None), |it| (it.order_id.or(it.id), it.money));
        let order = self.order_id.or(named);
        Ok(TransactionReply {
            id,
            status,
            kind: self.transaction_type.map(TransactionType::from),
            order: order.and_then(|it| OrderId::read(&it)),
            money: self.money.unwrap_or_default(),
            order_money,
            created: Created::read(self.creation_date.as_deref()),
        })
    }
}

/// The transactions of an order, as far as they can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TransactionsReply {
    /// The transactions that can be read.
    pub all: Vec<TransactionReply>,
    /// Whether a transaction could not be read. It may be the one that the flow looks for.
    pub(crate) is_odd: bool,
}

impl TransactionsReply {
    /// One transaction of an order, whose others are not known.
    pub(crate) fn part(transaction: TransactionReply) -> Self {
        Self { all: Vec::from([transaction]), is_odd: true }
    }

    pub(crate) fn read(body: &[u8]) -> Result<Self, &'static str> {
        let entries: Vec<Entry<TransactionBody>> = read_body(body).ok_or("")?;
        let count = entries.len();
        let all: Vec<_> = entries.into_iter().filter_map(|it| it.0?.transaction().ok()).collect();
        let is_odd = all.len() < count || all.iter().any(|it| !it.kind.as_ref().is_some_and(TransactionType::is_known));
        Ok(Self { all, is_odd })
    }
}
