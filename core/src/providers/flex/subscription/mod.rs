//! `flex.subscription`: a subscription, from its session (or its adoption by a lookup), through its invoices, to its
//! end.

mod command;
mod dispatch;
mod disputes;
mod others;
mod record;
mod rules;
mod status;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::api::calls::Call;
use super::api::replies::{Event, read_refusal, read_reply};
use super::api::webhook::Signal;
use super::names::Review;
use super::rules::Rule;
use super::sessions::{self, Sessions, is_create};
use crate::config::flex::Settings;
use crate::config::{Config, Context};
use crate::effect::Delivery;
use crate::effect::Wait;
use crate::fact::FactError;
use crate::flow::{self, Facet, Flow, Input, Move, Reading, Refusal, Reply, Stop, Webhook, moves, typed};
use crate::id::TypedId;
use crate::money::Money;
use crate::providers::flex::api::signature::correlate;
use others::Others;
use record::SubscriptionRecord;

pub use command::{Action, Command, Trigger};
pub use record::SubscriptionState;
pub use status::Status;

type Cx<'a> = flow::Cx<'a, Subscription>;
type Rules<'a> = flow::Rules<'a, Subscription>;

/// The progress of the purchase through its sessions.
pub type SessionState = sessions::SessionState<{ Subscription::SUBSCRIBES }>;

/// One subscription, and the sessions that sell it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionState"))]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Its sessions.
    sessions: Sessions,
    /// The subscription, once its id is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<Box<SubscriptionRecord>>,
    /// The subscriptions that were paid for besides it.
    #[serde(default, skip_serializing_if = "Others::is_empty")]
    others: Others,
}

impl flow::sealed::Sealed for Subscription {}

impl Flex for Subscription {
    const SUBSCRIBES: bool = true;
    const OTHER: &'static str = super::Checkout::ID;
}

#[rustfmt::skip]
impl Facet for SessionState {
    type Trigger = Trigger;
    const NAME: &'static str = "session";
    const MOVES: &'static [Move<Self, Trigger>] = { use {super::sessions::SessionState::*, Trigger::*}; &[
        moves(Absent,    &[Create],          &[Requested]),
        moves(Absent,    &[Retrieve],        &[Adopting]),
        // A session with our reference was paid. A lookup shows what it has sold, if the event does not.
        moves(Absent,    &[Session],         &[Open, Complete]),
        moves(Requested, &[Session],         &[Open, Expired, Complete]),
        moves(Requested, &[Refused, Reviewed], &[Absent, Open, Expired]),
        // The session belongs to the other flow.
        moves(Adopting,  &[Session],         &[Open, Expired, Complete, Absent]),
        // A person decides if no lookup shows the session.
        moves(Adopting,  &[Reviewed],          &[Absent]),
        moves(Open,      &[Create],          &[Requested]),
        // Statuses arrive in any order, and a session only moves up.
        moves(Open,      &[Session],         &[Expired, Complete]),
        moves(Open,      &[Reviewed],          &[Expired]),
        moves(Expired,   &[Create],          &[Requested]),
        moves(Expired,   &[Session],         &[Complete]),
    ] };
}

#[rustfmt::skip]
impl Facet for SubscriptionState {
    type Trigger = Trigger;
    const NAME: &'static str = "subscription";
    const MOVES: &'static [Move<Self, Trigger>] = { use {SubscriptionState::*, Trigger::*}; &[
        moves(Absent,      &[Session, Retrieve, Reviewed], &[Unconfirmed]),
        moves(Unconfirmed, &[Refused],                   &[Absent]),
        // The status is what the last lookup has shown, so it can change both ways. Only the end is final.
        moves(Unconfirmed, &[Subscription],              &[Waiting, Live, PastDue, Ended]),
        moves(Unconfirmed, &[Deleted],                   &[Ended]),
        moves(Unconfirmed, &[Reviewed],                    &[Absent, Ended]),
        moves(Waiting,     &[Subscription],              &[Live, PastDue, Ended]),
        moves(Waiting,     &[Deleted],                   &[Ended]),
        moves(Waiting,     &[Reviewed],                    &[Live, Ended]),
        moves(Live,        &[Subscription],              &[Waiting, PastDue, Ended]),
        moves(Live,        &[Deleted, Reviewed],           &[Ended]),
        moves(PastDue,     &[Subscription],              &[Waiting, Live, Ended]),
        moves(PastDue,     &[Deleted, Reviewed],           &[Ended]),
    ] };
}

impl Flow for Subscription {
    const ID: &'static str = "flex.subscription";
    const FORMAT: u32 = 1;

    type Trigger = Trigger;
    type Facets = (SessionState, SubscriptionState);
    type Action = Action;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Review = Review;
    type Rule = Rule;
    type Status = Status;
    type Settings = Settings;

    fn settings(config: &Config) -> &Settings {
        &config.flex
    }

    fn facets(&self) -> Self::Facets {
        (self.sessions.state(), SubscriptionRecord::state(self.record.as_deref()))
    }

    /// The dispatch: applies an input, and names its trigger.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        Ok(match input {
            Input::Command(command) => self.command(command, cx)?,
            Input::Succeeded { call, event, .. } => {
                self.on_reply(&call, &event, cx)?;
                Trigger::of(&event)
            }
            Input::AfterAll(made, event) => {
                self.after_all(&made, &event, cx);
                Trigger::of(&event)
            }
            Input::Webhook(event, origin) => self.on_webhook(event, origin, cx)?,
            Input::Refused { call, .. } => {
                self.refused(&call, cx);
                Trigger::Refused
            }
            Input::Resolved { call, verdict, .. } => {
                let (verdict, named) = typed::<Review>(verdict);
                self.resolved(&call, verdict, named.as_deref(), cx);
                Trigger::Reviewed
            }
            Input::Reviewed { review, about, verdict, .. } => {
                self.reviewed(review, &about, verdict, cx);
                Trigger::Reviewed
            }
            Input::Hinted { call, event: Event::Session(object), .. } if is_create(&call) => {
                self.sessions.hinted(&object, cx);
                Trigger::Other
            }
            Input::NotSent { call, .. } => {
                self.not_sent(&call, cx);
                Trigger::Other
            }
            Input::Returned => {
                self.sessions.returned(cx)?;
                Trigger::Other
            }
            Input::Accepted { .. } | Input::Hinted { .. } | Input::RefusedOnce { .. } => Trigger::Other,
        })
    }

    fn action_of(command: &Command) -> Action {
        Action::of(command)
    }

    fn action_of_call(call: &Call) -> Action {
        Action::of_call(call)
    }

    fn is_duplicate(&self, command: &Command) -> bool {
        let record = self.record.as_deref();
        match command {
            Command::CreateCheckoutSession(request) => self.sessions.is_requested(request),
            Command::CloseDispute { dispute_id } => {
                record.is_some_and(|record| record.watched().is_accepted(dispute_id))
            }
            Command::CancelSubscription(requested) => record.is_some_and(|record| record.is_ending(requested)),
            Command::UpdateSubscription(requested) if requested.extra.is_empty() => {
                record.is_some_and(|record| record.has_flag(requested.cancel_at_period_end))
            }
            _ => false,
        }
    }

    fn permits(&self, action: Action, rules: &mut Rules<'_>) {
        rules::permits(self, action, rules);
    }

    fn accepts(&self, action: Action, rules: &mut Rules<'_>) {
        rules::accepts(self, action, rules);
    }

    fn check(&self, command: &Command, rules: &mut Rules<'_>) {
        rules::check(self, command, rules);
    }

    fn waits(&self, context: &Context) -> Vec<Wait> {
        let mut waits = self.sessions.waits(context.now);
        waits.extend(self.record.as_ref().and_then(|record| record.wait()));
        waits
    }

    fn status(&self, _view: &Rules<'_>) -> Status {
        self.own_status()
    }

    fn decides_page(&self, call: &Call, _context: &Context) -> bool {
        self.sessions.settled().is_none() && call.may_open_page()
    }

    fn delivery(&self, about: &TypedId) -> Delivery {
        let sold = self.sessions.delivery(about);
        let Some(record) = &self.record else { return sold };
        let (paid, period) = record.paid_for(about.as_str());
        Delivery { paid: paid.map(Money::unnamed).or(sold.paid), period, ..sold }
    }

    fn ids(&self) -> Vec<TypedId> {
        let record = self.record.iter().flat_map(|record| record.ids());
        self.sessions.ids().chain(record).chain(self.others.ids()).collect()
    }

    fn ids_of_webhook(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
        correlate(webhook)
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        read_reply(call, reply)
    }

    fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        read_refusal(call, reply)
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        Signal::read(webhook).map(|signal| Event::Signal(Box::new(signal)))
    }

    fn impossible(&self) -> Option<&'static str> {
        let sold = self.sessions.settled().is_none() || self.record.is_some();
        let of_record = || self.record.as_ref().and_then(|record| record.impossible());
        if sold {
            self.sessions.impossible().or_else(of_record)
        } else {
            Some("the settled session has no subscription")
        }
    }
}

impl Subscription {
    /// Whether nothing was requested or adopted.
    fn is_absent(&self) -> bool {
        self.record.is_none() && self.sessions.is_absent()
    }
}
