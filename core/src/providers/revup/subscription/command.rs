//! The commands of a subscription, and the triggers that move it.

use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserialize;

use super::status::{Status, SubscriptionState};
use super::terms::Terms;
use super::{Cx, Subscription};
use crate::flow::{Stop, named};
use crate::providers::revup::api::calls::{Call, CreateSubscription, RefundPayment};
use crate::providers::revup::ids::SubscriptionId;
use crate::value::from_fields;

/// A command from the host.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "RevupSubscriptionCommand", tag = "type")
)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Subscribes a customer.
    CreateSubscription(Box<CreateSubscription>),
    /// Looks up the subscription. The id is required if the flow begins with this command.
    RetrieveSubscription {
        /// The subscription.
        #[serde(default)]
        subscription_id: Option<SubscriptionId>,
    },
    /// Looks up the payments, for the end of the paid period.
    RetrievePayments {},
    /// Cancels the subscription at once.
    CancelSubscription {
        /// The reason, in at most 25 characters.
        #[serde(default)]
        cancellation_detail: Option<String>,
    },
    /// Refunds some or all of a payment.
    RefundPayment(Box<RefundPayment>),
}

from_fields!(Command: CreateSubscription, RefundPayment);

named! {
    /// An action, as a button has it.
    pub enum Action {
        /// Subscribes a customer. Revup makes the first charge, and then renews by itself.
        Create = "create_subscription",
        /// Looks up the subscription, to see whether it is paid, past due, paused or over.
        Retrieve = "retrieve_subscription",
        /// Looks up the payments, to see until when the customer has paid and what can be refunded.
        RetrievePayments = "retrieve_payments",
        /// Cancels the subscription at once. Revup charges nothing any more, and gives no money back by itself.
        Cancel = "cancel_subscription",
        /// Refunds some or all of a payment. The subscription goes on.
        Refund = "refund_payment",
    }
}

named! {
    /// A trigger: what can move a facet.
    pub enum Trigger {
        /// The host subscribes a customer.
        Create = "create_subscription",
        /// The host adopts a subscription.
        Retrieve = "retrieve_subscription",
        /// Revup replies to the creation.
        Created = "created",
        /// A lookup shows the subscription.
        Found = "found",
        /// Revup replies to a cancellation.
        CancelAnswered = "cancel_answered",
        /// An event with proof of its origin.
        Event = "event",
        /// Revup refuses a request.
        Refused = "refused",
        /// A person answers a review.
        Reviewed = "reviewed",
        /// Something that never moves a facet.
        Other = "other",
    }
}

impl Action {
    /// The action of a command.
    pub(super) const fn of(command: &Command) -> Self {
        match command {
            Command::CreateSubscription(_) => Self::Create,
            Command::RetrieveSubscription { .. } => Self::Retrieve,
            Command::RetrievePayments {} => Self::RetrievePayments,
            Command::CancelSubscription { .. } => Self::Cancel,
            Command::RefundPayment(_) => Self::Refund,
        }
    }

    /// The action that a request comes from.
    pub(super) const fn of_call(call: &Call) -> Self {
        match call {
            Call::CreateSubscription(_) => Self::Create,
            Call::CancelSubscription(..) => Self::Cancel,
            Call::RefundPayment(_) => Self::Refund,
            Call::RetrievePayments(..) => Self::RetrievePayments,
            Call::FindTransactions(_)
            | Call::FindRefund(..)
            | Call::RetrieveRefund(_)
            | Call::RetrieveSubscription(_)
            | Call::RetrieveTransaction(..) => Self::Retrieve,
        }
    }
}

impl Subscription {
    /// The dispatch of commands, after no rule has rejected them.
    pub(super) fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        match command {
            Command::CreateSubscription(request) => {
                self.create(request, cx)?;
                return Ok(Trigger::Create);
            }
            Command::RetrieveSubscription { subscription_id } => {
                self.retrieve(subscription_id, cx)?;
                return Ok(Trigger::Retrieve);
            }
            Command::RetrievePayments {} => {
                let id = self.status.id().filter(|_| self.status.state().is_known()).ok_or(Stop::NotNow)?;
                if !cx.is_leased(Call::is_payments_lookup) {
                    cx.look_up(Call::RetrievePayments(id.clone(), 1));
                }
            }
            Command::CancelSubscription { cancellation_detail } => self.status.cancel(cancellation_detail, cx)?,
            Command::RefundPayment(refund) => {
                if self.status.id().is_none() {
                    return Err(Stop::NotNow);
                }
                self.refunds.request(refund, &mut self.ledger, cx)?;
            }
        }
        Ok(Trigger::Other)
    }

    fn create(&mut self, request: Box<CreateSubscription>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if self.status.state() != SubscriptionState::Absent {
            return Err(Stop::NotNow);
        }
        let terms = Terms::of(&request).after(&mut self.terms);
        let terms = terms.requested_by(cx.request(Call::CreateSubscription(request)));
        *self = Self { terms, status: Status::requested(), ..Self::default() };
        Ok(())
    }

    fn retrieve(&mut self, given: Option<SubscriptionId>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        match self.status.state() {
            SubscriptionState::Requested => return Err(Stop::NotNow),
            SubscriptionState::Absent => {
                *self = Self { status: Status::adopting(given), ..Self::default() };
                self.status.look_up(cx);
            }
            // These states have no schedule, so the lookup is due at once.
            SubscriptionState::Adopting
            | SubscriptionState::Attested
            | SubscriptionState::Archived
            | SubscriptionState::Cancelled => {
                if !cx.is_leased(Call::is_status_lookup) {
                    self.status.look_up(cx);
                }
            }
            _ => self.status.look_up_on_request(cx),
        }
        Ok(())
    }
}
