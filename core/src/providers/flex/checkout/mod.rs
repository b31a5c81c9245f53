//! `flex.checkout`: one purchase, from its session (or its adoption by a lookup) to its captures and refunds.

mod command;
mod dispatch;
mod ledger;
mod payment;
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
use crate::flow::{
    self, Facet, Flow, Input, IntentReport, IntentStatus, Move, Reading, Refusal, Reply, Stop, Webhook, moves, typed,
};
use crate::id::TypedId;
use crate::money::Money;
use crate::providers::flex::api::signature::correlate;
use crate::time::Timestamp;
use ledger::OtherPayment;
use payment::Payment;

pub use command::{Action, Command, Trigger};
pub use status::Status;

type Cx<'a> = flow::Cx<'a, Checkout>;
type Rules<'a> = flow::Rules<'a, Checkout>;

/// The progress of the checkout through its sessions.
pub type SessionState = sessions::SessionState<{ Checkout::SUBSCRIBES }>;

/// One purchase that is not a subscription.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutState"))]
#[serde(deny_unknown_fields)]
pub struct Checkout {
    /// Its sessions.
    sessions: Sessions,
    /// The money of the session that settles the checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<Box<Payment>>,
    /// The money of the other sessions, by session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<OtherPayment>,
}

impl flow::sealed::Sealed for Checkout {}

impl Flex for Checkout {
    const SUBSCRIBES: bool = false;
    const OTHER: &'static str = super::Subscription::ID;
}

#[rustfmt::skip]
impl Facet for SessionState {
    type Trigger = Trigger;
    const NAME: &'static str = "session";
    const MOVES: &'static [Move<Self, Trigger>] = { use {super::sessions::SessionState::*, Trigger::*}; &[
        moves(Absent,    &[Create],       &[Requested]),
        moves(Absent,    &[Retrieve],     &[Adopting]),
        // A session with our reference was paid, or a late reply shows the session of a request that was ended.
        moves(Absent,    &[Session],         &[Open, Expired, Complete]),
        // The lookup shows that the session was never created.
        moves(Requested, &[Session, Reviewed], &[Open, Expired, Complete, Absent]),
        moves(Requested, &[Refused],      &[Absent, Open, Expired]),
        // The session belongs to the other flow.
        moves(Adopting,  &[Session],         &[Open, Expired, Complete, Absent]),
        moves(Adopting,  &[Reviewed],       &[Absent]),
        moves(Open,      &[Create],       &[Requested]),
        // Statuses arrive in any order, and a session only moves up. A person decides about a session that Flex does
        // not find, or an undocumented status.
        moves(Open,      &[Session, Reviewed], &[Expired, Complete]),
        moves(Expired,   &[Create],       &[Requested]),
        moves(Expired,   &[Session],         &[Complete]),
    ] };
}

impl Flow for Checkout {
    const ID: &'static str = "flex.checkout";
    const FORMAT: u32 = 1;

    type Trigger = Trigger;
    type Facets = (SessionState,);
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
        (self.sessions.state(),)
    }

    /// The dispatch: applies an input, and names its trigger.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        match input {
            Input::Command(command) => return self.command(command, cx),
            Input::Succeeded { id, call, event } => self.on_reply(&id, &call, &event, cx)?,
            Input::AfterAll(made, event) => self.after_all(&made, &event, cx),
            Input::Webhook(event, origin) => self.on_webhook(event, origin, cx)?,
            Input::Refused { id, call, .. } => {
                self.refused(&id, &call, cx);
                return Ok(Trigger::Refused);
            }
            Input::Resolved { id, call, verdict } => {
                let (verdict, made_id) = typed::<Review>(verdict);
                self.resolved(&id, &call, verdict, made_id.as_deref(), cx);
                return Ok(Trigger::Reviewed);
            }
            Input::Reviewed { review, about, verdict, .. } => {
                self.reviewed(review, &about, verdict, cx);
                return Ok(Trigger::Reviewed);
            }
            Input::Hinted { call, event: Event::Session(object), .. } if is_create(&call) => {
                self.sessions.hinted(&object, cx);
                return Ok(Trigger::Other);
            }
            Input::NotSent { call, .. } => {
                self.not_sent(&call, cx);
                return Ok(Trigger::Other);
            }
            Input::Returned => {
                self.sessions.returned(cx)?;
                return Ok(Trigger::Other);
            }
            Input::Accepted { .. } | Input::Hinted { .. } | Input::RefusedOnce { .. } => return Ok(Trigger::Other),
        }
        Ok(Trigger::Session)
    }

    fn action_of(command: &Command) -> Action {
        Action::of(command)
    }

    fn action_of_call(call: &Call) -> Action {
        Action::of_call(call)
    }

    fn is_duplicate(&self, command: &Command) -> bool {
        let payment = self.payment.as_ref();
        let status = match command {
            Command::CreateCheckoutSession(request) => return self.sessions.is_requested(request),
            Command::CreateRefund(refund) => self.refund_status(refund),
            Command::CapturePayment(capture) => payment.and_then(|payment| payment.capture_status(capture)),
            Command::CloseDispute { dispute_id } => {
                return self.watches().any(|it| it.is_accepted(dispute_id));
            }
            Command::RetrieveCheckoutSession { .. } | Command::RetrieveDispute { .. } => None,
        };
        status == Some(IntentStatus::Same)
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
        self.sessions.waits(context.now)
    }

    fn status(&self, _view: &Rules<'_>) -> Status {
        self.own_status()
    }

    fn intents(&self, _view: &Rules<'_>) -> Vec<IntentReport<Self>> {
        self.named_requests()
    }

    const WITHHOLD_PAGE: &'static [&'static str] = &[Review::SessionDiffers.as_str()];

    fn decides_page(&self, call: &Call, _context: &Context) -> bool {
        self.sessions.settled().is_none() && call.may_open_page()
    }

    fn delivery(&self, about: &TypedId) -> Delivery {
        let session = self.sessions.settled().filter(|it| it.id().as_str() == about.as_str());
        let received = session.zip(self.payment.as_ref()).map(|(it, payment)| payment.shown(it.is_manual()).received);
        Delivery { paid: received.map(Money::unnamed), ..self.sessions.delivery(about) }
    }

    fn ids(&self) -> Vec<TypedId> {
        self.sessions.ids().chain(self.ledgers().flat_map(|(payment, _)| payment.ids())).collect()
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
        let of = match call {
            Call::CreateRefund(id, ..) | Call::CapturePayment(id, ..) => self.ledger(id),
            _ => None,
        };
        match of {
            Some((payment, session)) => payment.compare_reply(call, event, since, session.test_mode()),
            None => Reading::Done(event),
        }
    }

    fn made(event: &Event) -> Option<TypedId> {
        event.made()
    }

    fn is_of_another(&self, id: &str) -> bool {
        self.sessions.has_created(id)
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        Signal::read(webhook).map(|signal| Event::Signal(Box::new(signal)))
    }

    fn impossible(&self) -> Option<&'static str> {
        let paid = self.payment.is_some() == self.sessions.settled().is_some();
        self.sessions
            .impossible()
            .or_else(|| self.impossible_ledger())
            .or((!paid).then_some("only a checkout with a settled session has a payment"))
    }
}
