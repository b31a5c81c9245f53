//! What the host may do with a subscription, and what moves it.

use alloc::boxed::Box;

use serde::Deserialize;

use crate::flow::named;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::request::{CancelSubscription, UpdateSubscription};
use crate::providers::flex::api::session_request::CreateCheckoutSession;
use crate::providers::flex::ids::{CheckoutSessionId, SubscriptionId};

/// What the host may wish.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "FlexSubscriptionCommand", tag = "type")
)]
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

impl From<CreateCheckoutSession> for Command {
    fn from(command: CreateCheckoutSession) -> Self {
        Self::CreateCheckoutSession(Box::new(command))
    }
}

named! {
    /// What a button asks for.
    pub enum Action {
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

impl Action {
    /// The action that a command expresses.
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::CreateCheckoutSession(_) => Self::Create,
            Command::RetrieveCheckoutSession { .. } => Self::RetrieveSession,
            Command::RetrieveSubscription { .. } => Self::Retrieve,
            Command::CancelSubscription(it) if it.cancel_at_period_end == Some(true) => Self::EndWithPeriod,
            Command::CancelSubscription(_) => Self::Cancel,
            Command::UpdateSubscription(it) if it.cancel_at_period_end => Self::EndWithPeriod,
            Command::UpdateSubscription(_) => Self::KeepRunning,
        }
    }

    /// The action that a request came from.
    pub(super) const fn of_call(call: &Call) -> Self {
        match call {
            Call::CreateCheckoutSession(_) => Self::Create,
            Call::CancelSubscription(..) => Self::Cancel,
            Call::UpdateSubscription(_, it) if it.cancel_at_period_end => Self::EndWithPeriod,
            Call::UpdateSubscription(..) => Self::KeepRunning,
            Call::RetrieveSubscription(_)
            | Call::ConfirmSubscription(_)
            | Call::RetrieveInvoice(_)
            | Call::ListRefunds(_) => Self::Retrieve,
            _ => Self::RetrieveSession,
        }
    }
}

named! {
    /// What can move a facet.
    pub enum Trigger {
        /// The host asks for a session.
        Create = "create_checkout_session",
        /// The host adopts a session or a subscription.
        Retrieve = "retrieve",
        /// Flex shows a session: in a reply, or by a webhook.
        Session = "checkout.session",
        /// Flex shows the subscription in a reply.
        Subscription = "subscription",
        /// Flex signals that it has ended.
        Deleted = "customer.subscription.deleted",
        /// Flex refuses.
        Refused = "refused",
        /// A person answers a question.
        Reviewed = "reviewed",
        /// Something that never moves a facet.
        Other = "other",
    }
}
