//! `revup.subscription`: a subscription on a stored card or from the payment form, from its request to its end.
//!
//! Two facets: the subscription, and its first charge. Nothing that Revup posts is signed, so a message only makes a
//! lookup due. A message is evidence only if the host has other proof of its origin.

mod command;
mod disputes;
mod events;
mod ledger;
mod overview;
mod payment;
mod refunds;
mod reply;
mod rules;
mod status;
mod terms;
mod verdict;
mod webhook;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::Call;
use super::api::read;
use super::api::replies::Event;
use super::names::Review;
use super::rules::Rule;
use crate::config::revup::Settings;
use crate::config::{Config, Context};
use crate::effect::Wait;
use crate::fact::FactError;
use crate::fact::IgnoredReason;
use crate::flow::{
    self, Facet, Flow, Input, IntentReport, IntentStatus, Move, Reading, Refusal, Reply, Stop, Webhook, moves, typed,
};
use crate::id::TypedId;
use crate::providers::revup::api::webhook::correlate;
use disputes::Disputes;
use events::Events;
use ledger::Ledger;
use payment::Payment;
use refunds::Refunds;
use terms::Terms;

pub use command::{Action, Command, Trigger};
pub use overview::{DisputeReport, PaymentReport, RefundReport, Status};
pub use payment::PaymentState;
pub use status::SubscriptionState;

type Rules<'a> = flow::Rules<'a, Subscription>;
type Cx<'a> = flow::Cx<'a, Subscription>;

/// One subscription, from its request to its end, with its first charge.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionState"))]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// The requested terms, with the plan and the order.
    terms: Terms,
    /// The facet `subscription`.
    status: status::Status,
    /// The facet `payment`.
    payment: Payment,
    /// The refunds that the host has requested.
    refunds: Refunds,
    /// The refunds of each payment.
    #[serde(skip_serializing_if = "Ledger::is_empty")]
    ledger: Ledger,
    /// The events that were applied.
    #[serde(skip_serializing_if = "Events::is_empty")]
    events: Events,
    /// The disputes of its payments.
    #[serde(skip_serializing_if = "Disputes::is_empty")]
    disputes: Disputes,
}

#[rustfmt::skip]
impl Facet for SubscriptionState {
    type Trigger = Trigger;
    const NAME: &'static str = "subscription";
    const MOVES: &'static [Move<Self, Trigger>] = { use {SubscriptionState::*, Trigger::*}; &[
        moves(Absent,    &[Create],                   &[Requested]),
        moves(Absent,    &[Retrieve],                 &[Adopting]),
        moves(Absent,    &[Event],                    &[Awaiting]),
        moves(Absent,    &[Reviewed],                 &[Attested]),
        moves(Requested, &[Created, Event],           &[Awaiting]),
        moves(Requested, &[Reviewed],                 &[Attested, Absent]),
        // An event may show an earlier creation that ended as not done. A person reviews it.
        moves(Requested, &[Refused, Event],           &[Absent]),
        moves(Requested, &[Found],                    &[Awaiting, Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Adopting,  &[Refused, Reviewed],        &[Absent]),
        moves(Adopting,  &[Found],                    &[Unclear, Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Attested,  &[Reviewed],                 &[Absent]),
        moves(Attested,  &[Found],                    &[Awaiting, Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Awaiting,  &[Found],                    &[Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Awaiting,  &[Event],                    &[Fulfilled, Archived, Cancelled]),
        moves(Awaiting,  &[CancelAnswered],           &[Cancelled]),
        // A person decides if no message and no lookup does.
        moves(Awaiting,  &[Reviewed],                 &[Fulfilled, Cancelled]),
        // The reply to the creation named another order, and a person says that the subscription is not ours.
        moves(Awaiting,  &[Reviewed],                 &[Absent]),
        moves(Fulfilled, &[Reviewed],                 &[Absent]),
        moves(PastDue,   &[Reviewed],                 &[Absent]),
        moves(Paused,    &[Reviewed],                 &[Absent]),
        moves(Unclear,   &[Reviewed],                 &[Absent]),
        moves(Archived,  &[Reviewed],                 &[Absent]),
        moves(Cancelled, &[Reviewed],                 &[Absent]),
        // Only a lookup shows a change that can go both ways. A lookup, an event with proof, or the reply to a
        // cancellation shows the end. A first charge that both succeeded and failed is a contradiction, and so is an
        // end after the end. A person reviews it.
        moves(Fulfilled, &[Found],                    &[PastDue, Paused, Unclear, Cancelled, Archived]),
        moves(Fulfilled, &[Event],                    &[Cancelled, Archived]),
        moves(Fulfilled, &[CancelAnswered, Reviewed], &[Cancelled]),
        moves(PastDue,   &[Found],                    &[Fulfilled, Paused, Unclear, Cancelled, Archived]),
        moves(PastDue,   &[Event],                    &[Cancelled, Archived]),
        moves(PastDue,   &[CancelAnswered, Reviewed], &[Cancelled]),
        moves(Paused,    &[Found],                    &[Fulfilled, PastDue, Unclear, Cancelled, Archived]),
        moves(Paused,    &[Event],                    &[Cancelled, Archived]),
        moves(Paused,    &[CancelAnswered, Reviewed], &[Cancelled]),
        moves(Unclear,   &[Found],                    &[Fulfilled, PastDue, Paused, Cancelled, Archived]),
        moves(Unclear,   &[Event],                    &[Cancelled, Archived]),
        moves(Unclear,   &[CancelAnswered],           &[Cancelled]),
        moves(Unclear,   &[Reviewed],                 &[Fulfilled, Cancelled]),
        // A lenient host may cancel what Revup has archived.
        moves(Archived,  &[Found, Event, CancelAnswered], &[Cancelled]),
    ] };
}

#[rustfmt::skip]
impl Facet for PaymentState {
    type Trigger = Trigger;
    const NAME: &'static str = "payment";
    const MOVES: &'static [Move<Self, Trigger>] = { use {PaymentState::*, Trigger::*}; &[
        // The knowledge about the first charge only moves forward.
        moves(Absent,  &[Created],      &[Awaited]),
        moves(Absent,  &[Event, Found], &[Awaited, Failed, Accepted]),
        moves(Absent,  &[Reviewed],     &[Accepted]),
        moves(Awaited, &[Found, Event], &[Failed, Accepted]),
        moves(Awaited, &[Reviewed],     &[Accepted]),
        moves(Failed,  &[Event],        &[Accepted]),
        // The charge was for a subscription that a person says is not ours.
        moves(Awaited,  &[Reviewed],    &[Absent]),
        moves(Failed,   &[Reviewed],    &[Absent]),
        moves(Accepted, &[Reviewed],    &[Absent]),
    ] };
}

impl Subscription {
    /// There is no subscription, and nothing is requested any more.
    fn reset(&mut self, cx: &mut Cx<'_>) {
        cx.withdraw(|_| true);
        self.status.withdraw_questions(cx);
        *self = Self::default();
    }

    /// The customer returned. The return proves nothing, so it only makes a lookup due.
    fn on_return(&mut self, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if self.status.state() != SubscriptionState::Awaiting {
            return Err(IgnoredReason::Unrelated.into());
        }
        self.status.look_up_on_request(cx);
        Ok(())
    }
}

impl flow::sealed::Sealed for Subscription {}

impl Flow for Subscription {
    const ID: &'static str = "revup.subscription";
    const FORMAT: u32 = 1;

    type Trigger = Trigger;
    type Facets = (SubscriptionState, PaymentState);
    type Action = Action;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Review = Review;
    type Rule = Rule;
    type Status = Status;
    type Settings = Settings;

    fn settings(config: &Config) -> &Settings {
        &config.revup
    }

    fn facets(&self) -> Self::Facets {
        (self.status.state(), self.payment.state())
    }

    /// The one dispatch: what each input does. The details are in `command.rs`, `reply.rs`, `webhook.rs` and
    /// `verdict.rs`. Only these files let one room act on another.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let trigger = match input {
            Input::Command(command) => self.command(command, cx)?,
            Input::Succeeded { id, call, event } => self.on_reply(&id, &call, event, cx)?,
            Input::Hinted { call, event, .. } => {
                self.on_hint(&call, event, cx);
                Trigger::Other
            }
            Input::AfterAll(made, event) => {
                self.made_after_all(&made, event, cx);
                Trigger::Reviewed
            }
            Input::Refused { id, call, .. } => {
                self.on_refusal(&id, &call, cx);
                Trigger::Refused
            }
            Input::RefusedOnce { call, .. } => {
                self.on_one_refusal(&call, cx);
                Trigger::Other
            }
            Input::NotSent { call, .. } => {
                self.on_not_sent(&call, cx);
                Trigger::Other
            }
            Input::Accepted { .. } => Trigger::Other,
            Input::Resolved { id, call, verdict } => {
                let (verdict, named) = typed::<Review>(verdict);
                self.resolved(&id, &call, verdict, named.as_deref(), cx);
                Trigger::Reviewed
            }
            Input::Reviewed { review, about, verdict, id } => {
                self.reviewed(review, verdict, &about, id.as_deref(), cx);
                Trigger::Reviewed
            }
            Input::Returned => {
                self.on_return(cx)?;
                Trigger::Other
            }
            Input::Webhook(event, origin) => {
                self.on_webhook(event, origin, cx)?;
                Trigger::Event
            }
        };
        self.refunds.ask_about_others(&mut self.ledger, cx);
        Ok(trigger)
    }

    fn action_of(command: &Command) -> Action {
        Action::of(command)
    }

    fn action_of_call(call: &Call) -> Action {
        Action::of_call(call)
    }

    fn is_duplicate(&self, command: &Command) -> bool {
        match command {
            Command::CancelSubscription { .. } => self.status.is_cancelling(),
            Command::RefundPayment(refund) => {
                let is_same = |intent| self.refunds.status_of(intent, refund) == IntentStatus::Same;
                refund.intent.as_ref().is_some_and(is_same)
            }
            _ => false,
        }
    }

    fn permits(&self, action: Action, rules: &mut Rules<'_>) {
        self.check_permitted(action, rules);
    }

    fn accepts(&self, action: Action, rules: &mut Rules<'_>) {
        self.check_accepted(action, rules);
    }

    fn check(&self, command: &Command, rules: &mut Rules<'_>) {
        self.check_command(command, rules);
    }

    fn waits(&self, _context: &Context) -> Vec<Wait> {
        self.status.wait_for_charge(&self.terms).into_iter().chain(self.refunds.waits()).collect()
    }

    fn status(&self, view: &Rules<'_>) -> Status {
        self.own_status(view)
    }

    fn intents(&self, _view: &Rules<'_>) -> Vec<IntentReport<Self>> {
        self.named_refunds()
    }

    fn ids(&self) -> Vec<TypedId> {
        let id = self.status.id().map(TypedId::from);
        let order = self.terms.order().map(TypedId::from);
        id.into_iter().chain(order).chain(self.refunds.ids()).collect()
    }

    fn ids_of_webhook(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
        correlate(webhook)
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        read::reply(call, reply)
    }

    fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        read::refused(call, reply)
    }

    fn made(event: &Event) -> Option<TypedId> {
        match event {
            Event::Created(reply) => Some(TypedId::from(&reply.subscription_id)),
            Event::Transaction(reply) => Some(TypedId::from(&reply.id)),
            _ => None,
        }
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        read::webhook(webhook.body)
    }

    fn impossible(&self) -> Option<&'static str> {
        self.status
            .impossible(&self.terms, &self.payment)
            .or_else(|| self.events.impossible())
            .or_else(|| self.disputes.impossible())
    }

    fn impossible_beside(&self, pending: &flow::Pending<'_, Self>) -> Option<&'static str> {
        let is_absent = self.status.state() == SubscriptionState::Absent;
        (is_absent && pending.has_request(|_| true)).then_some("an absent subscription cannot have a pending request")
    }
}
