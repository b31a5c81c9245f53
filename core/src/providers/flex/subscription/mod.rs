//! `flex.subscription`: a subscription, from its session (or its adoption by a look-up), through its invoices, to its end.

mod command;
mod judged;
mod other;
mod rules;
mod signal;
mod standing;
mod step;
mod wish;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::call::Call;
use super::checkouts::{Checkouts, Place};
use super::event::{Event, read_refusal, read_reply};
use super::ids::CheckoutSessionId;
use super::request::CancelSubscription;
use super::rules::Rule;
use super::session_request::Belongs;
use super::settings::Settings;
use super::signal::Signal;
use super::wire::SubscriptionStatus;
use crate::effect::Awaited;
use crate::flow::{self, Cx, Facet, Flow, Input, Move, Reading, Refusal, Reply, Stop, Untyped, Webhook, moves};
use crate::policy::Env;

pub use command::{Command, On, SessionState, SubscriptionState, Wish};
pub use other::Other;
pub use standing::{Ending, Paid, Span, Standing};

type Context<'a> = Cx<'a, Subscription>;
type Rules<'a> = flow::Rules<'a, Subscription>;

/// One subscription, and the sessions that sell it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionState"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Subscription {
    /// Its sessions.
    pub checkouts: Checkouts,
    /// The subscription, once its id is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Box<Standing>>,
    /// Subscriptions that were paid for besides it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Other>,
}

impl flow::sealed::Sealed for Subscription {}

impl Flex for Subscription {
    const BELONGS: Belongs = Belongs::ToSubscription;
    const SUBSCRIBES: bool = true;
}

#[rustfmt::skip]
impl Facet for SessionState {
    type Trigger = On;
    const NAME: &'static str = "session";
    const MOVES: &'static [Move<Self, On>] = { use {SessionState::*, On::*}; &[
        moves(Absent,    &[Create],          &[Requested]),
        moves(Absent,    &[Retrieve],        &[Adopting]),
        // Somebody has paid under our reference.
        moves(Absent,    &[Session],         &[Complete]),
        moves(Requested, &[Session],         &[Open, Expired, Complete]),
        moves(Requested, &[Refused, Judged], &[Absent, Open, Expired]),
        // It is one of the other flow's.
        moves(Adopting,  &[Session],         &[Open, Expired, Complete, Absent]),
        // A person says what no lookup tells.
        moves(Adopting,  &[Judged],          &[Absent]),
        moves(Open,      &[Create],          &[Requested]),
        // How a session stands is learnt in any order: a status only moves up its rank.
        moves(Open,      &[Session],         &[Expired, Complete]),
        moves(Open,      &[Judged],          &[Expired]),
        moves(Expired,   &[Create],          &[Requested]),
        moves(Expired,   &[Session],         &[Complete]),
    ] };
}

#[rustfmt::skip]
impl Facet for SubscriptionState {
    type Trigger = On;
    const NAME: &'static str = "subscription";
    const MOVES: &'static [Move<Self, On>] = { use {SubscriptionState::*, On::*}; &[
        moves(Absent,      &[Session, Retrieve, Judged], &[Unconfirmed]),
        moves(Unconfirmed, &[Refused],                   &[Absent]),
        // How a subscription stands can go both ways: it is what the last look has shown. Only its end is final.
        moves(Unconfirmed, &[Subscription],              &[Waiting, Live, PastDue, Ended]),
        moves(Unconfirmed, &[Deleted],                   &[Ended]),
        moves(Unconfirmed, &[Judged],                    &[Absent, Ended]),
        moves(Waiting,     &[Subscription],              &[Live, PastDue, Ended]),
        moves(Waiting,     &[Deleted],                   &[Ended]),
        moves(Waiting,     &[Judged],                    &[Live, Ended]),
        moves(Live,        &[Subscription],              &[Waiting, PastDue, Ended]),
        moves(Live,        &[Deleted, Judged],           &[Ended]),
        moves(PastDue,     &[Subscription],              &[Waiting, Live, Ended]),
        moves(PastDue,     &[Deleted, Judged],           &[Ended]),
    ] };
}

impl Flow for Subscription {
    const ID: &'static str = "flex.subscription";
    const FORMAT: u32 = 1;

    type On = On;
    type Facets = (SessionState, SubscriptionState);
    type Wish = Wish;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Review = Untyped;
    type Rule = Rule;
    type Settings = Settings;

    fn facets(&self) -> Self::Facets {
        let session = match self.checkouts.place() {
            Place::Absent => SessionState::Absent,
            Place::Requested => SessionState::Requested,
            Place::Adopting => SessionState::Adopting,
            Place::Open => SessionState::Open,
            Place::Expired => SessionState::Expired,
            Place::Complete => SessionState::Complete,
        };
        let subscription = match self.standing.as_deref() {
            None => SubscriptionState::Absent,
            Some(it) if it.status.is_none() => SubscriptionState::Unconfirmed,
            Some(it) if it.is_over() => SubscriptionState::Ended,
            Some(it) if it.runs() => SubscriptionState::Live,
            Some(it) if it.status == Some(SubscriptionStatus::PastDue) => SubscriptionState::PastDue,
            Some(_) => SubscriptionState::Waiting,
        };
        (session, subscription)
    }

    fn wish(command: &Command) -> Wish {
        match command {
            Command::CreateCheckoutSession(_) => Wish::Create,
            Command::RetrieveCheckoutSession { .. } => Wish::RetrieveSession,
            Command::RetrieveSubscription { .. } => Wish::Retrieve,
            Command::CancelSubscription(it) if it.cancel_at_period_end == Some(true) => Wish::EndWithPeriod,
            Command::CancelSubscription(_) => Wish::Cancel,
            Command::UpdateSubscription(it) if it.cancel_at_period_end => Wish::EndWithPeriod,
            Command::UpdateSubscription(_) => Wish::KeepRunning,
        }
    }

    fn wish_of(call: &Call) -> Wish {
        match call {
            Call::CreateCheckoutSession(_) => Wish::Create,
            Call::CancelSubscription(..) => Wish::Cancel,
            Call::UpdateSubscription(_, it) if it.cancel_at_period_end => Wish::EndWithPeriod,
            Call::UpdateSubscription(..) => Wish::KeepRunning,
            Call::RetrieveSubscription(_)
            | Call::ConfirmSubscription(_)
            | Call::RetrieveInvoice(_)
            | Call::ListRefunds(_) => Wish::Retrieve,
            _ => Wish::RetrieveSession,
        }
    }

    fn stands(&self, command: &Command) -> bool {
        match command {
            Command::CreateCheckoutSession(it) => self.checkouts.stands(it),
            Command::CancelSubscription(it) => self.is_asked(it),
            Command::UpdateSubscription(it) if it.extra.is_empty() => {
                self.standing.as_ref().is_some_and(|at| at.is_to_end(it.cancel_at_period_end))
            }
            _ => false,
        }
    }

    fn permits(&self, wish: Wish, rules: &mut Rules<'_>) {
        rules::permits(self, wish, rules);
    }

    fn accepts(&self, wish: Wish, rules: &mut Rules<'_>) {
        rules::accepts(self, wish, rules);
    }

    fn check(&self, command: &Command, rules: &mut Rules<'_>) {
        rules::check(self, command, rules);
    }

    fn step(&mut self, input: Input<Self>, cx: &mut Context<'_>) -> Result<On, Stop> {
        let on = Self::trigger(&input);
        self.take_in(input, cx)?;
        Ok(on)
    }

    fn awaits(&self, env: &Env<Settings>) -> Vec<Awaited> {
        let mut awaited = self.checkouts.awaited(env.now);
        awaited.extend(self.standing.as_ref().and_then(|it| it.awaited()));
        awaited
    }

    fn correlation_ids(&self) -> Vec<&str> {
        let subscription = self.standing.iter().flat_map(|it| it.ids());
        self.checkouts.ids().chain(subscription).chain(self.others.iter().map(|it| it.id.as_str())).collect()
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

    fn id_of(_reason: &str, verdict: &str) -> Option<fn(&str) -> bool> {
        (verdict == "created").then_some(|id| CheckoutSessionId::parse(id).is_ok())
    }

    fn impossible(&self) -> Option<&'static str> {
        let sold = self.checkouts.settled.is_none() || self.standing.is_some();
        if sold { self.checkouts.impossible() } else { Some("a session that counts has a subscription") }
    }
}

impl Subscription {
    /// Whether the same end is asked for already, or is set.
    fn is_asked(&self, it: &CancelSubscription) -> bool {
        let named = |at: &Standing| it.subscription_id.as_ref().is_none_or(|id| *id == at.id);
        self.standing.as_deref().filter(|at| named(at)).is_some_and(|at| match (&at.ending, it.cancel_at_period_end) {
            (_, Some(true)) => !it.refunds() && it.refund_amount.is_none() && it.extra.is_empty() && at.is_to_end(true),
            (Some(Ending::AtOnce(asked)), _) => asked.is_same_as(it),
            _ => false,
        })
    }

    /// Whether nothing was asked for, and nothing adopted.
    fn is_absent(&self) -> bool {
        self.standing.is_none() && self.checkouts.place() == Place::Absent
    }
}

impl Subscription {
    /// What an input counts as in the tables.
    fn trigger(input: &Input<Self>) -> On {
        match input {
            Input::Command(Command::CreateCheckoutSession(_)) => On::Create,
            Input::Command(Command::RetrieveCheckoutSession { .. } | Command::RetrieveSubscription { .. }) => {
                On::Retrieve
            }
            Input::Answered { event, .. } | Input::AfterAll(_, event) => match event {
                Event::Subscription(_) => On::Subscription,
                _ => On::Session,
            },
            Input::Signalled(Event::Signal(signal), _) => match **signal {
                Signal::SubscriptionDeleted(_) => On::Deleted,
                _ => On::Session,
            },
            Input::Refused { .. } => On::Refused,
            Input::Reviewed { .. } | Input::Judged { .. } | Input::Resolved { .. } => On::Judged,
            _ => On::Other,
        }
    }

    fn take_in(&mut self, input: Input<Self>, cx: &mut Context<'_>) -> Result<(), Stop> {
        step::step(self, input, cx)
    }
}
