//! What the host may wish of a subscription, and the names of its places and inputs.

use alloc::boxed::Box;

use serde::Deserialize;

use super::Subscription;
use crate::flow::named;
use crate::providers::flex::request::{CancelSubscription, UpdateSubscription};
use crate::providers::flex::ids::{CheckoutSessionId, SubscriptionId};
use crate::providers::flex::session_request::CreateCheckoutSession;

/// What the host may wish.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionCommand", tag = "type"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Begin the checkout of a subscription.
    CreateCheckoutSession(Box<CreateCheckoutSession>),
    /// Look at the session; the id is needed where the flow begins with it.
    RetrieveCheckoutSession {
        /// The session.
        #[serde(default)]
        checkout_session_id: Option<CheckoutSessionId>,
    },
    /// Look at the subscription; the id is needed where the flow begins with it.
    RetrieveSubscription {
        /// The subscription.
        #[serde(default)]
        subscription_id: Option<SubscriptionId>,
    },
    /// End it, at once or with its period.
    CancelSubscription(CancelSubscription),
    /// Have it end with its period, or not any more.
    UpdateSubscription(UpdateSubscription),
}

impl From<Command> for crate::snapshot::Command<Subscription> {
    fn from(command: Command) -> Self {
        Self::Wish(command)
    }
}

impl From<CreateCheckoutSession> for crate::snapshot::Command<Subscription> {
    fn from(command: CreateCheckoutSession) -> Self {
        Self::Wish(Command::CreateCheckoutSession(Box::new(command)))
    }
}

named! {
    /// What a button asks for.
    pub enum Wish {
        /// Begin the checkout.
        Create = "create_checkout_session",
        /// Look at its session.
        RetrieveSession = "retrieve_checkout_session",
        /// Look at the subscription.
        Retrieve = "retrieve_subscription",
        /// End it at once.
        Cancel = "cancel_subscription",
        /// End it with its period.
        EndWithPeriod = "update_subscription/end_with_period",
        /// Let it run on after its period.
        KeepRunning = "update_subscription/keep_running",
    }
}

named! {
    /// Where the session stands.
    pub enum SessionState {
        /// No session is asked for.
        Absent = "absent",
        /// One is asked for.
        Requested = "requested",
        /// One is looked up for the first time.
        Adopting = "adopting",
        /// The customer can pay.
        Open = "open",
        /// Nobody has paid in time.
        Expired = "expired",
        /// Paid.
        Complete = "complete",
    }
}

named! {
    /// Where the subscription stands.
    pub enum SubscriptionState {
        /// There is no subscription.
        Absent = "absent",
        /// Its id is known, and how it stands is not.
        Unconfirmed = "unconfirmed",
        /// It gives no access: not paid yet, paused, or given up on.
        Waiting = "waiting",
        /// Active, or in its trial.
        Live = "live",
        /// A renewal could not be paid.
        PastDue = "past_due",
        /// It has ended.
        Ended = "ended",
    }
}

named! {
    /// What can move a facet.
    pub enum On {
        /// The host asks for a session.
        Create = "create_checkout_session",
        /// The host adopts a session or a subscription.
        Retrieve = "retrieve",
        /// Flex says how a session stands: in an answer, or by an event.
        Session = "checkout.session",
        /// Flex says how the subscription stands, in an answer.
        Subscription = "subscription",
        /// Flex signals that it has ended.
        Deleted = "customer.subscription.deleted",
        /// Flex refuses.
        Refused = "refused",
        /// A person judges.
        Judged = "judged",
        /// Something that never moves a facet.
        Other = "other",
    }
}
