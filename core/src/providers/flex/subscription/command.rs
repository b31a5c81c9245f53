//! The commands, actions and triggers of a subscription.

use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserialize;

use crate::flow::named;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::request::{CancelSubscription, RefundPayment, UpdateSubscription};
use crate::providers::flex::api::session_request::{CreateCheckoutSession, Mode};
use crate::providers::flex::ids::{CheckoutSessionId, DisputeId, InvoiceId, SubscriptionId};
use crate::value::from_fields;

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
    /// Create a checkout session that sells the subscription, or with `mode=setup` takes another payment method for it.
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
    /// Look up an invoice, such as a paid one whose payment is to be refunded.
    RetrieveInvoice {
        /// The id of the invoice.
        invoice_id: InvoiceId,
    },
    /// End the subscription, at once or with its period.
    CancelSubscription(CancelSubscription),
    /// Change whether the subscription ends with its period, or change its plan.
    UpdateSubscription(UpdateSubscription),
    /// Refund a payment of the subscription, or a part of it.
    RefundPayment(Box<RefundPayment>),
    /// Look up the disputes of a payment, such as those whose webhooks were lost.
    FindDisputes {
        /// The payment, as the list of disputes or an invoice names it.
        payment_intent_id: String,
    },
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

from_fields!(Command: CreateCheckoutSession, CancelSubscription, UpdateSubscription, RefundPayment);

named! {
    /// An action that a button offers.
    pub enum Action {
        /// Start a checkout for the subscription. The customer pays on Flex's page, and nothing is paid before that.
        Create = "create_checkout_session",
        /// Make a page on which the customer gives another payment method for the renewals. Nothing is paid there.
        SetUp = "create_checkout_session/setup",
        /// Look up whether the checkout is finished. It changes nothing.
        RetrieveSession = "retrieve_checkout_session",
        /// Look up whether the subscription is paid, past due or over, and until when. It changes nothing.
        Retrieve = "retrieve_subscription",
        /// Look up whether an invoice is paid. It changes nothing.
        RetrieveInvoice = "retrieve_invoice",
        /// End the subscription at once. Flex charges nothing more, and gives money back only if you ask for it.
        Cancel = "cancel_subscription",
        /// End the subscription when the paid period ends. The customer keeps access until then, and is not charged
        /// again.
        EndWithPeriod = "update_subscription/end_with_period",
        /// Keep the subscription running after its period. The customer is charged again then.
        KeepRunning = "update_subscription/keep_running",
        /// Change the items, the coupon or the trial. The next charges change with them.
        Change = "update_subscription/plan",
        /// Give the customer some or all of a payment back. The subscription goes on.
        Refund = "refund_payment",
        /// Look up the disputes of a payment. It changes nothing.
        FindDisputes = "find_disputes",
        /// Look up how a dispute with the customer's bank stands. It changes nothing.
        RetrieveDispute = "retrieve_dispute",
        /// Accept a dispute. The customer keeps the disputed money for good.
        CloseDispute = "close_dispute",
    }
}

impl Action {
    /// The action of a command.
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::CreateCheckoutSession(it) if it.mode == Mode::Setup => Self::SetUp,
            Command::CreateCheckoutSession(_) => Self::Create,
            Command::RetrieveCheckoutSession { .. } => Self::RetrieveSession,
            Command::RetrieveSubscription { .. } => Self::Retrieve,
            Command::RetrieveInvoice { .. } => Self::RetrieveInvoice,
            Command::CancelSubscription(it) if it.cancel_at_period_end == Some(true) => Self::EndWithPeriod,
            Command::CancelSubscription(_) => Self::Cancel,
            Command::UpdateSubscription(it) => match it.cancel_at_period_end {
                Some(true) => Self::EndWithPeriod,
                Some(false) => Self::KeepRunning,
                None => Self::Change,
            },
            Command::RefundPayment(_) => Self::Refund,
            Command::FindDisputes { .. } => Self::FindDisputes,
            Command::RetrieveDispute { .. } => Self::RetrieveDispute,
            Command::CloseDispute { .. } => Self::CloseDispute,
        }
    }

    /// The action that has caused a request.
    pub(super) const fn of_call(call: &Call) -> Self {
        match call {
            Call::CreateCheckoutSession(_) => Self::Create,
            Call::SetUpPaymentMethod(_) => Self::SetUp,
            Call::CancelSubscription(..) => Self::Cancel,
            Call::UpdateSubscription(_, it) if it.cancel_at_period_end => Self::EndWithPeriod,
            Call::UpdateSubscription(..) => Self::KeepRunning,
            Call::ChangeSubscription(..) => Self::Change,
            Call::RefundPayment(..) => Self::Refund,
            Call::FindDisputes(_) => Self::FindDisputes,
            Call::RetrieveDispute(_) => Self::RetrieveDispute,
            Call::CloseDispute(_) => Self::CloseDispute,
            Call::RetrieveSubscription(_)
            | Call::ConfirmSubscription(_)
            | Call::RetrieveInvoice(_)
            | Call::ListRefunds(_)
            | Call::ConfirmRefund(..) => Self::Retrieve,
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
