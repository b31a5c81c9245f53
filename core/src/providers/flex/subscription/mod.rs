//! `flex.subscription`: a subscription, from its session (or its adoption by a lookup), through its invoices, to its
//! end.

mod command;
mod commanded;
mod dispatch;
mod disputes;
mod money;
mod others;
mod record;
mod refunding;
mod rules;
mod status;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::api::calls::Call;
use super::api::replies::{Event, read_refusal, read_reply};
use super::api::webhook::Signal;
use super::ids::CheckoutSessionId;
use super::names::Review;
use super::rules::Rule;
use super::sessions::{self, Sessions, is_create};
use crate::config::flex::Settings;
use crate::config::{Config, Context};
use crate::effect::Wait;
use crate::effect::{DeliveredItem, Delivery};
use crate::fact::FactError;
use crate::flow::{
    self, Facet, Flow, Input, IntentReport, IntentStatus, Move, Reading, Refusal, Reply, Stop, Webhook, moves, typed,
};
use crate::id::TypedId;
use crate::money::Money;
use crate::providers::flex::api::signature::correlate;
use crate::time::Timestamp;
use others::Others;
use record::{SubscriptionRecord, is_setup};
use refunding::Refunding;

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
    /// The refunds of all payments.
    #[serde(default, skip_serializing_if = "Refunding::is_nothing")]
    refunding: Refunding,
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
            // Flex shows something else than was requested. A repetition could add to it.
            Input::Hinted { call, .. } if matches!(*call, Call::ChangeSubscription(..)) => {
                cx.ask_about(|open| *open == *call);
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
            Command::RefundPayment(refund) => self.refunding.status_of(refund) == Some(IntentStatus::Same),
            Command::UpdateSubscription(requested) if requested.extra.is_empty() => {
                record.is_some_and(|record| match requested.cancel_at_period_end {
                    Some(flag) => !requested.changes() && record.has_flag(flag),
                    None => record.is_changing(requested),
                })
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
        waits.extend(self.record.as_ref().and_then(|record| record.page_wait(context.now)));
        waits.extend(self.record.as_ref().and_then(|record| record.wait()));
        waits
    }

    fn status(&self, _view: &Rules<'_>) -> Status {
        self.own_status()
    }

    fn intents(&self, _view: &Rules<'_>) -> Vec<IntentReport<Self>> {
        self.refunding.named().collect()
    }

    const WITHHOLD_PAGE: &'static [&'static str] = &[Review::SessionDiffers.as_str()];

    fn decides_page(&self, call: &Call, _context: &Context) -> bool {
        call.may_open_page() && (self.sessions.settled().is_none() || is_setup(call))
    }

    fn delivery(&self, about: &TypedId) -> Delivery {
        let sold = self.sessions.delivery(about);
        let Some(record) = &self.record else { return sold };
        let (paid, period) = record.paid_for(about.as_str());
        // The session was sold with its own items. A later period has those that the subscription has now.
        let of_session = CheckoutSessionId::parse(about.as_str()).is_ok_and(|id| self.sessions.find(&id).is_some());
        let items = record.items_of(about.as_str()).filter(|_| !of_session);
        let items = items.map(|all| all.into_iter().map(DeliveredItem::from).collect());
        let items = items.or_else(|| sold.items.clone());
        Delivery { paid: paid.map(Money::unnamed).or(sold.paid), period, items, ..sold }
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

    fn compare_reply(&self, call: &Call, event: Event, since: Timestamp) -> Reading<Event> {
        match (call, &event) {
            (Call::RefundPayment(..), Event::Refund(it)) if !it.test_mode.fits(self.test_mode()) => {
                Reading::missing("/refund/test_mode")
            }
            (Call::RefundPayment(effect, _), _) => self.refunding.compare(effect, event, since),
            _ => Reading::Done(event),
        }
    }

    fn made(event: &Event) -> Option<TypedId> {
        // A repeated creation of a session is harmless.
        event.made().filter(|_| matches!(event, Event::Refund(_)))
    }

    fn is_of_another(&self, id: &str) -> bool {
        self.refunding.is_ours(id)
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

    /// Whether the subscription is in test mode, if that is known.
    fn test_mode(&self) -> Option<bool> {
        self.record.as_ref().and_then(|record| record.test_mode()).or_else(|| self.sessions.test_mode())
    }
}
