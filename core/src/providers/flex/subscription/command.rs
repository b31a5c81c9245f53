//! The commands, actions and triggers of a subscription.

use alloc::boxed::Box;

use serde::Deserialize;

use crate::flow::named;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::request::{CancelSubscription, UpdateSubscription};
use crate::providers::flex::api::session_request::CreateCheckoutSession;
use crate::providers::flex::ids::{CheckoutSessionId, DisputeId, SubscriptionId};

/// A command of the host.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "FlexSubscriptionCommand", tag = "type")
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Create a checkout session that sells the subscription.
    CreateCheckoutSession(Box<CreateCheckoutSession>),
    /// Look up the session. The id is required if the flow starts with it.
    RetrieveCheckoutSession {
        /// The id of the session.
        #[serde(default)]
        checkout_session_id: Option<CheckoutSessionId>,
    },
    /// Look up the subscription. The id is required if the flow starts with it.
    RetrieveSubscription {
        /// The id of the subscription.
        #[serde(default)]
        subscription_id: Option<SubscriptionId>,
    },
    /// End the subscription, at once or with its period.
    CancelSubscription(CancelSubscription),
    /// Change whether the subscription ends with its period.
    UpdateSubscription(UpdateSubscription),
    /// Look up a dispute of a payment.
    RetrieveDispute {
        /// The id of the dispute.
        dispute_id: DisputeId,
    },
    /// Accept a dispute of a payment: the customer keeps the money for good.
    CloseDispute {
        /// The id of the dispute.
        dispute_id: DisputeId,
    },
}

impl From<CreateCheckoutSession> for Command {
    fn from(command: CreateCheckoutSession) -> Self {
        Self::CreateCheckoutSession(Box::new(command))
    }
}

named! {
    /// An action that a button offers.
    pub enum Action {
        /// Create the checkout session.
        Create = "create_checkout_session",
        /// Look up the session.
        RetrieveSession = "retrieve_checkout_session",
        /// Look up the subscription.
        Retrieve = "retrieve_subscription",
        /// End the subscription at once.
        Cancel = "cancel_subscription",
        /// End the subscription with its period.
        EndWithPeriod = "update_subscription/end_with_period",
        /// Keep the subscription running after its period.
        KeepRunning = "update_subscription/keep_running",
        /// Look up a dispute.
        RetrieveDispute = "retrieve_dispute",
        /// Accept a dispute.
        CloseDispute = "close_dispute",
    }
}

impl Action {
    /// The action of a command.
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::CreateCheckoutSession(_) => Self::Create,
            Command::RetrieveCheckoutSession { .. } => Self::RetrieveSession,
            Command::RetrieveSubscription { .. } => Self::Retrieve,
            Command::CancelSubscription(it) if it.cancel_at_period_end == Some(true) => Self::EndWithPeriod,
            Command::CancelSubscription(_) => Self::Cancel,
            Command::UpdateSubscription(it) if it.cancel_at_period_end => Self::EndWithPeriod,
            Command::UpdateSubscription(_) => Self::KeepRunning,
            Command::RetrieveDispute { .. } => Self::RetrieveDispute,
            Command::CloseDispute { .. } => Self::CloseDispute,
        }
    }

    /// The action that has caused a request.
    pub(super) const fn of_call(call: &Call) -> Self {
        match call {
            Call::CreateCheckoutSession(_) => Self::Create,
            Call::CancelSubscription(..) => Self::Cancel,
            Call::UpdateSubscription(_, it) if it.cancel_at_period_end => Self::EndWithPeriod,
            Call::UpdateSubscription(..) => Self::KeepRunning,
            Call::RetrieveDispute(_) => Self::RetrieveDispute,
            Call::CloseDispute(_) => Self::CloseDispute,
            Call::RetrieveSubscription(_)
            | Call::ConfirmSubscription(_)
            | Call::RetrieveInvoice(_)
            | Call::ListRefunds(_) => Self::Retrieve,
            _ => Self::RetrieveSession,
        }
    }
}

named! {
    /// A trigger that can move a facet.
    pub enum Trigger {
        /// The host creates a session.
        Create = "create_checkout_session",
        /// The host adopts a session or a subscription.
        Retrieve = "retrieve",
        /// A reply or a webhook of Flex shows a session.
        Session = "checkout.session",
        /// A reply of Flex shows the subscription.
        Subscription = "subscription",
        /// A webhook of Flex says that the subscription has ended.
        Deleted = "customer.subscription.deleted",
        /// Flex refuses a request.
        Refused = "refused",
        /// A person answers a review.
        Reviewed = "reviewed",
        /// An input that never moves a facet.
        Other = "other",
    }
}
