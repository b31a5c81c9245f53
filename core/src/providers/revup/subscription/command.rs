//! What the host may wish of a subscription, and the names of its places and inputs.

use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserialize;

use super::Subscription;
use crate::flow::named;
use crate::providers::revup::call::{CreateSubscription, RefundPayment};
use crate::providers::revup::event::EventSeen;
use crate::providers::revup::callback::Callback;
use crate::providers::revup::ids::{SubscriptionId, TransactionId};
use crate::providers::revup::notification::Notification;
use crate::providers::revup::payments::PaymentsSeen;
use crate::providers::revup::wire::{Created, SubscriptionSeen, TransactionSeen, TransactionsSeen};

/// What the host may wish.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionCommand", tag = "type"))]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Subscribe a customer.
    CreateSubscription(Box<CreateSubscription>),
    /// Look at the subscription; the id is needed where the flow begins with it.
    RetrieveSubscription {
        /// The subscription.
        #[serde(default)]
        subscription_id: Option<SubscriptionId>,
    },
    /// Look at its payments, for the end of the period.
    RetrievePayments {},
    /// Cancel it at once.
    CancelSubscription {
        /// A word on why, of at most 25 characters.
        #[serde(default)]
        cancellation_detail: Option<String>,
    },
    /// Give some or all of a payment back.
    RefundPayment(Box<RefundPayment>),
}

impl From<Command> for crate::snapshot::Command<Subscription> {
    fn from(command: Command) -> Self {
        Self::Wish(command)
    }
}

impl From<CreateSubscription> for crate::snapshot::Command<Subscription> {
    fn from(command: CreateSubscription) -> Self {
        Self::Wish(Command::CreateSubscription(Box::new(command)))
    }
}

named! {
    /// What a button asks for.
    pub enum Wish {
        /// Subscribe a customer.
        Create = "create_subscription",
        /// Look at the subscription.
        Retrieve = "retrieve_subscription",
        /// Look at its payments.
        Payments = "retrieve_payments",
        /// Cancel it.
        Cancel = "cancel_subscription",
        /// Give money back.
        Refund = "refund_payment",
    }
}

named! {
    /// Where the subscription stands.
    pub enum SubscriptionState {
        /// Not asked for.
        Absent = "absent",
        /// Asked for.
        Requested = "requested",
        /// Looked up for the first time.
        Adopting = "adopting",
        /// A person says that it was created, and no look-up has confirmed it.
        Attested = "attested",
        /// Revup knows it, and nothing proves its first charge.
        Awaiting = "awaiting",
        /// Paid, and renewed by Revup.
        Fulfilled = "fulfilled",
        /// A renewal failed, and Revup tries again.
        PastDue = "past_due",
        /// Paused.
        Paused = "paused",
        /// Of a status that no document lists.
        Unclear = "unclear",
        /// The first charge failed.
        Archived = "archived",
        /// Over.
        Cancelled = "cancelled",
    }
}

named! {
    /// Where the first charge stands.
    pub enum PaymentState {
        /// Nothing is known of a first charge.
        Absent = "absent",
        /// Revup makes the first charge, or the customer does in the form.
        Awaited = "awaited",
        /// The first charge failed.
        Failed = "failed",
        /// The first charge succeeded.
        Accepted = "accepted",
    }
}

named! {
    /// What can move a facet.
    pub enum On {
        /// The host subscribes a customer.
        Create = "create_subscription",
        /// The host adopts a subscription.
        Retrieve = "retrieve_subscription",
        /// Revup answers the creation.
        Created = "created",
        /// A look-up shows how the subscription stands.
        Found = "found",
        /// Revup answers a cancellation.
        CancelAnswered = "cancel_answered",
        /// An event whose origin is proved.
        Told = "event",
        /// Revup refuses.
        Refused = "refused",
        /// A person judges.
        Judged = "judged",

        /// Something that never moves it.
        Other = "other",
    }
}

/// What a reply or a signal says.
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
    Signal(Box<EventSeen>),
    /// The callback of the payment of an order.
    Callback(Box<Callback>),
    /// A notification about a transaction.
    Notified(Box<Notification>),
}
