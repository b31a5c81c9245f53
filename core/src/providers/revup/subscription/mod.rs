//! `revup.subscription`: a subscription on a stored card or begun in the form, from the request for it to its end.
//!
//! Two facets: the subscription, and its first charge. Nothing that Revup posts is signed, so a message makes a lookup owed,
//! and counts as evidence only where the host has other proof of its origin.

mod command;
mod events;
mod ledger;
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
use crate::fact::IgnoredReason;
use crate::flow::{self, Facet, Flow, Input, IntentStatus, Move, Reading, Refusal, Reply, Stop, Webhook, moves, typed};
use events::Events;
use ledger::Ledger;
use payment::Payment;
use refunds::Refunds;
use status::Status;
use terms::Terms;

pub use command::{Action, Command, Trigger};
pub use payment::PaymentState;
pub use status::SubscriptionState;

type Rules<'a> = flow::Rules<'a, Subscription>;
type Cx<'a> = flow::Cx<'a, Subscription>;

/// One subscription, from the request for it to its end, with its first charge.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionState"))]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// What was asked for, and the plan and order that it names.
    terms: Terms,
    /// The facet `subscription`.
    status: Status,
    /// The facet `payment`.
    payment: Payment,
    /// The refunds that the host has asked for.
    refunds: Refunds,
    /// What was given back of each payment.
    #[serde(skip_serializing_if = "Ledger::is_empty")]
    ledger: Ledger,
    /// The events that were applied.
    #[serde(skip_serializing_if = "Events::is_empty")]
    events: Events,
}

#[rustfmt::skip]
impl Facet for SubscriptionState {
    type Trigger = Trigger;
    const NAME: &'static str = "subscription";
    const MOVES: &'static [Move<Self, Trigger>] = { use {SubscriptionState::*, Trigger::*}; &[
        moves(Absent,    &[Create],                 &[Requested]),
        moves(Absent,    &[Retrieve],               &[Adopting]),
        moves(Absent,    &[Told],                   &[Awaiting]),
        moves(Absent,    &[Reviewed],                 &[Attested]),
        moves(Requested, &[Created, Told],          &[Awaiting]),
        moves(Requested, &[Reviewed],                 &[Attested, Absent]),
        moves(Requested, &[Refused],                &[Absent]),
        moves(Requested, &[Found],                  &[Awaiting, Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Adopting,  &[Refused, Reviewed],        &[Absent]),
        moves(Adopting,  &[Found],                  &[Unclear, Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Attested,  &[Reviewed],                 &[Absent]),
        moves(Attested,  &[Found],                  &[Awaiting, Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Awaiting,  &[Found],                  &[Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Awaiting,  &[Told],                   &[Fulfilled, Archived, Cancelled]),
        moves(Awaiting,  &[CancelAnswered],         &[Cancelled]),
        // Or by a person, where nothing else tells.
        moves(Awaiting,  &[Reviewed],                 &[Fulfilled, Cancelled]),
        // What can go both ways is the lookup's to say.
        // The end is told by a lookup, by an event with proof, or in answer to a cancellation.
        // Contradictory: a first charge that succeeded and failed, or an end after the end. A person looks.
        moves(Fulfilled, &[Found],                  &[PastDue, Paused, Unclear, Cancelled, Archived]),
        moves(Fulfilled, &[Told],                   &[Cancelled, Archived]),
        moves(Fulfilled, &[CancelAnswered, Reviewed], &[Cancelled]),
        moves(PastDue,   &[Found],                  &[Fulfilled, Paused, Unclear, Cancelled, Archived]),
        moves(PastDue,   &[Told],                   &[Cancelled, Archived]),
        moves(PastDue,   &[CancelAnswered, Reviewed], &[Cancelled]),
        moves(Paused,    &[Found],                  &[Fulfilled, PastDue, Unclear, Cancelled, Archived]),
        moves(Paused,    &[Told],                   &[Cancelled, Archived]),
        moves(Paused,    &[CancelAnswered, Reviewed], &[Cancelled]),
        moves(Unclear,   &[Found],                  &[Fulfilled, PastDue, Paused, Cancelled, Archived]),
        moves(Unclear,   &[Told],                   &[Cancelled, Archived]),
        moves(Unclear,   &[CancelAnswered],         &[Cancelled]),
        moves(Unclear,   &[Reviewed],                 &[Fulfilled, Cancelled]),
        moves(Archived,  &[Found, Told],            &[Cancelled]),
    ] };
}

#[rustfmt::skip]
impl Facet for PaymentState {
    type Trigger = Trigger;
    const NAME: &'static str = "payment";
    const MOVES: &'static [Move<Self, Trigger>] = { use {PaymentState::*, Trigger::*}; &[
        // The first charge: what is known of it only moves up.
        moves(Absent,  &[Created],     &[Awaited]),
        moves(Absent,  &[Told, Found], &[Awaited, Failed, Accepted]),
        moves(Absent,  &[Reviewed],      &[Accepted]),
        moves(Awaited, &[Found, Told], &[Failed, Accepted]),
        moves(Awaited, &[Reviewed],      &[Accepted]),
        moves(Failed,  &[Told],        &[Accepted]),
    ] };
}

impl Subscription {
    /// There is none, and nothing is asked for.
    fn vanish(&mut self, cx: &mut Cx<'_>) {
        cx.withdraw(|_| true);
        self.status.withdraw_questions(cx);
        *self = Self::default();
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
    type Settings = Settings;

    fn settings(config: &Config) -> &Settings {
        &config.revup
    }

    fn facets(&self) -> Self::Facets {
        (self.status.state(), self.payment.state())
    }

    /// The one dispatch: what each input counts as. What it does stands in `command.rs`, `reply.rs`, `webhook.rs` and
    /// `verdict.rs`, which alone let one room act on another.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        Ok(match input {
            Input::Command(command) => self.command(command, cx)?,
            Input::Succeeded { id, call, event } => self.answered(&id, &call, event, cx)?,
            Input::Hinted { call, event, .. } => {
                self.hinted(&call, event, cx);
                Trigger::Other
            }
            Input::AfterAll(made, event) => {
                self.made_after_all(&made, event, cx);
                Trigger::Reviewed
            }
            Input::Refused { id, call, .. } => {
                self.refused(&id, &call, cx);
                Trigger::Refused
            }
            // One sending was refused, and another may have come true.
            Input::RefusedOnce { call, .. } => {
                if call.is_cancel() && !self.status.state().is_final() {
                    self.status.hint(cx);
                }
                Trigger::Other
            }
            // Nothing came of it so far: it stays owed, unless it has become moot.
            Input::NotSent { call, .. } => {
                if call.is_cancel() && self.status.state().is_final() {
                    cx.withdraw(Call::is_cancel);
                }
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
            // The customer came back: a hint that a lookup may pay, and proof of nothing.
            Input::Returned => {
                if self.status.state() != SubscriptionState::Awaiting {
                    return Err(IgnoredReason::Unrelated.into());
                }
                self.status.ask(cx);
                Trigger::Other
            }
            Input::Webhook(event, origin) => {
                match event {
                    Event::Webhook(event) => self.event(&event, origin, cx)?,
                    Event::Notified(notification) => self.notified(&notification, origin, cx)?,
                    Event::Callback(callback) => self.called_back(&callback, cx)?,
                    _ => return Err(IgnoredReason::Unrelated.into()),
                }
                Trigger::Told
            } // Every question is typed.
        })
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

    fn waits(&self, _env: &Context) -> Vec<Wait> {
        self.status.wait_for_charge(&self.terms).into_iter().chain(self.refunds.waits()).collect()
    }

    fn ids(&self) -> Vec<&str> {
        let id = self.status.id().map(|it| it.as_str());
        let order = self.terms.order().map(|it| it.as_str());
        id.into_iter().chain(order).chain(self.refunds.ids()).collect()
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        read::reply(call, reply)
    }

    fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        read::refused(call, reply)
    }

    fn made(event: &Event) -> Option<&str> {
        match event {
            Event::Created(reply) => Some(reply.subscription_id.as_str()),
            Event::Transaction(reply) => Some(reply.id.as_str()),
            _ => None,
        }
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        read::webhook(webhook.body)
    }

    fn impossible(&self) -> Option<&'static str> {
        self.status.impossible(&self.terms, &self.payment).or_else(|| self.events.impossible())
    }
}
