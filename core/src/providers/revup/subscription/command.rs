//! What the host may ask of a subscription, and what moves one.

use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserialize;

use super::status::{Status, SubscriptionState};
use super::terms::Terms;
use super::{Cx, Subscription};
use crate::flow::{Stop, named};
use crate::providers::revup::api::calls::{Call, CreateSubscription, RefundPayment};
use crate::providers::revup::ids::SubscriptionId;

/// What the host may ask.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "RevupSubscriptionCommand", tag = "type")
)]
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

impl From<CreateSubscription> for Command {
    fn from(command: CreateSubscription) -> Self {
        Self::CreateSubscription(Box::new(command))
    }
}

named! {
    /// What a button asks for.
    pub enum Action {
        /// Subscribe a customer.
        Create = "create_subscription",
        /// Look at the subscription.
        Retrieve = "retrieve_subscription",
        /// Look at its payments.
        RetrievePayments = "retrieve_payments",
        /// Cancel it.
        Cancel = "cancel_subscription",
        /// Give money back.
        Refund = "refund_payment",
    }
}

named! {
    /// What can move a facet.
    pub enum Trigger {
        /// The host subscribes a customer.
        Create = "create_subscription",
        /// The host adopts a subscription.
        Retrieve = "retrieve_subscription",
        /// Revup answers the creation.
        Created = "created",
        /// A lookup shows how the subscription stands.
        Found = "found",
        /// Revup answers a cancellation.
        CancelAnswered = "cancel_answered",
        /// An event whose origin is proved.
        Told = "event",
        /// Revup refuses.
        Refused = "refused",
        /// A person answers a question.
        Reviewed = "reviewed",
        /// Something that never moves it.
        Other = "other",
    }
}

impl Action {
    /// What the command asks for.
    pub(super) const fn of(command: &Command) -> Self {
        match command {
            Command::CreateSubscription(_) => Self::Create,
            Command::RetrieveSubscription { .. } => Self::Retrieve,
            Command::RetrievePayments {} => Self::RetrievePayments,
            Command::CancelSubscription { .. } => Self::Cancel,
            Command::RefundPayment(_) => Self::Refund,
        }
    }

    /// What the request came of.
    pub(super) const fn of_call(call: &Call) -> Self {
        match call {
            Call::CreateSubscription(_) => Self::Create,
            Call::CancelSubscription(..) => Self::Cancel,
            Call::RefundPayment(_) => Self::Refund,
            Call::RetrievePayments(..) => Self::RetrievePayments,
            Call::FindTransactions(_)
            | Call::FindRefund(..)
            | Call::RetrieveSubscription(_)
            | Call::RetrieveTransaction(..) => Self::Retrieve,
        }
    }
}

impl Subscription {
    /// The dispatch of commands, once no rule rejects them.
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
                if !cx.is_leased(Call::is_of_period) {
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
        let terms = Terms::of(&request);
        let terms = terms.requested_by(cx.request(Call::CreateSubscription(request)));
        *self = Self { terms, status: Status::requested(), ..Self::default() };
        Ok(())
    }

    fn retrieve(&mut self, given: Option<SubscriptionId>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        match self.status.state() {
            SubscriptionState::Requested => return Err(Stop::NotNow),
            SubscriptionState::Absent => {
                *self = Self { status: Status::adopting(given), ..Self::default() };
                self.status.confirm(cx);
            }
            // What is over, or looked up already, needs no schedule.
            SubscriptionState::Adopting
            | SubscriptionState::Attested
            | SubscriptionState::Archived
            | SubscriptionState::Cancelled => {
                if !cx.is_leased(Call::is_of_status) {
                    self.status.confirm(cx);
                }
            }
            _ => self.status.ask(cx),
        }
        Ok(())
    }
}
