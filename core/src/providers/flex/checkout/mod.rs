//! `flex.checkout`: one purchase, from its session (or its adoption by a look-up) to its captures and refunds.

mod capturing;
mod command;
mod dispute;
mod moving;
mod payment;
mod refund;
mod rules;
mod settle;
mod step;
mod wish;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::call::Call;
use super::checkouts::{Checkouts, How, Place};
use super::event::{Event, read_refusal, read_reply};
use super::ids::{CaptureId, CheckoutSessionId, RefundId};
use super::rules::Rule;
use super::session_request::Belongs;
use super::settings::Settings;
use super::signal::Signal;
use crate::effect::Awaited;
use crate::flow::{self, Cx, Facet, Flow, Input, Move, Reading, Refusal, Reply, Standing, Stop, Untyped, Webhook, moves};
use crate::policy::Env;
use crate::time::Timestamp;

pub use command::{Command, On, SessionState, Wish};
pub use dispute::{Dispute, Disputes};
pub use moving::Moving;
pub use payment::Payment;
pub use refund::Refund;

type Context<'a> = Cx<'a, Checkout>;
type Rules<'a> = flow::Rules<'a, Checkout>;

const SHOWN: How = How::Shown;

/// One purchase that is no subscription.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutState"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Checkout {
    /// Its sessions.
    pub checkouts: Checkouts,
    /// Its money, once one of them is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Box<Payment>>,
}

impl flow::sealed::Sealed for Checkout {}

impl Flex for Checkout {
    const BELONGS: Belongs = Belongs::ToCheckout;
    const SUBSCRIBES: bool = false;
}

#[rustfmt::skip]
impl Facet for SessionState {
    type Trigger = On;
    const NAME: &'static str = "session";
    const MOVES: &'static [Move<Self, On>] = { use {SessionState::*, On::*}; &[
        moves(Absent,    &[Create],       &[Requested]),
        moves(Absent,    &[Retrieve],     &[Adopting]),
        // Somebody has paid under our reference.
        moves(Absent,    &[Seen],         &[Complete]),
        // Its look-up finds that it was never made.
        moves(Requested, &[Seen, Judged], &[Open, Expired, Complete, Absent]),
        moves(Requested, &[Refused],      &[Absent, Open, Expired]),
        // It is one of the other flow's.
        moves(Adopting,  &[Seen],         &[Open, Expired, Complete, Absent]),
        moves(Adopting,  &[Judged],       &[Absent]),
        moves(Open,      &[Create],       &[Requested]),
        // How a session stands is learnt in any order: a status only moves up its rank.
        // A person knows of one that Flex does not find, or what a status means that no document lists.
        moves(Open,      &[Seen, Judged], &[Expired, Complete]),
        moves(Expired,   &[Create],       &[Requested]),
        moves(Expired,   &[Seen],         &[Complete]),
    ] };
}

impl Flow for Checkout {
    const ID: &'static str = "flex.checkout";
    const FORMAT: u32 = 1;

    type On = On;
    type Facets = (SessionState,);
    type Wish = Wish;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Review = Untyped;
    type Rule = Rule;
    type Settings = Settings;

    fn facets(&self) -> Self::Facets {
        (match self.checkouts.place() {
            Place::Absent => SessionState::Absent,
            Place::Requested => SessionState::Requested,
            Place::Adopting => SessionState::Adopting,
            Place::Open => SessionState::Open,
            Place::Expired => SessionState::Expired,
            Place::Complete => SessionState::Complete,
        },)
    }

    fn wish(command: &Command) -> Wish {
        match command {
            Command::CreateCheckoutSession(_) => Wish::Create,
            Command::RetrieveCheckoutSession { .. } => Wish::Retrieve,
            Command::CreateRefund(_) => Wish::Refund,
            Command::CapturePayment(_) => Wish::Capture,
        }
    }

    fn wish_of(call: &Call) -> Wish {
        match call {
            Call::CreateCheckoutSession(_) => Wish::Create,
            Call::CreateRefund(..) => Wish::Refund,
            Call::CapturePayment(..) => Wish::Capture,
            _ => Wish::Retrieve,
        }
    }

    fn stands(&self, command: &Command) -> bool {
        let same = |standing: Option<Standing>| standing == Some(Standing::Same);
        let payment = self.payment.as_ref();
        match command {
            Command::CreateCheckoutSession(it) => self.checkouts.stands(it),
            Command::CreateRefund(it) => same(
                it.intent.as_ref().and_then(|intent| Some(payment?.returns.standing(intent, payment::of_refund(it)))),
            ),
            Command::CapturePayment(it) => same(
                it.intent.as_ref().and_then(|intent| Some(payment?.captures.standing(intent, payment::of_capture(it)))),
            ),
            Command::RetrieveCheckoutSession { .. } => false,
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
        self.checkouts.awaited(env.now)
    }

    fn correlation_ids(&self) -> Vec<&str> {
        let refunds = self.payment.iter().flat_map(|it| it.refunds.iter()).map(|it| it.id.as_str());
        let disputes = self.payment.iter().flat_map(|it| it.disputes.seen.iter()).map(|it| it.id.as_str());
        self.checkouts.ids().chain(refunds).chain(disputes).collect()
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        read_reply(call, reply)
    }

    fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        read_refusal(call, reply)
    }

    fn weigh(&self, call: &Call, event: Event, since: Timestamp) -> Reading<Event> {
        self.weighed(call, event, since)
    }

    fn made(event: &Event) -> Option<&str> {
        event.made()
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        Signal::read(webhook).map(|signal| Event::Signal(Box::new(signal)))
    }

    fn id_of(reason: &str, verdict: &str) -> Option<fn(&str) -> bool> {
        match (reason, verdict) {
            ("create_ambiguous", "created") => Some(|id| CheckoutSessionId::parse(id).is_ok()),
            ("outcome_unknown", "refunded") => Some(|id| RefundId::parse(id).is_ok()),
            ("outcome_unknown", "captured") => Some(|id| CaptureId::parse(id).is_ok()),
            _ => None,
        }
    }

    fn impossible(&self) -> Option<&'static str> {
        let paid = self.payment.is_some() == self.checkouts.settled.is_some();
        self.checkouts.impossible().or((!paid).then_some("money belongs to a session that counts, and to no other"))
    }
}

impl Checkout {
    /// Whether the money of the session that counts, or of the newest, is only held.
    fn is_manual(&self) -> bool {
        self.checkouts.current().is_some_and(|it| it.manual)
    }
}

impl Checkout {
    /// What an input counts as in the tables.
    fn trigger(input: &Input<Self>) -> On {
        match input {
            Input::Command(Command::CreateCheckoutSession(_)) => On::Create,
            Input::Command(Command::RetrieveCheckoutSession { .. }) => On::Retrieve,
            Input::Answered { .. } | Input::AfterAll(..) | Input::Signalled(..) => On::Seen,
            Input::Refused { .. } => On::Refused,
            Input::Reviewed { .. } | Input::Judged { .. } | Input::Resolved { .. } => On::Judged,
            _ => On::Other,
        }
    }

    fn take_in(&mut self, input: Input<Self>, cx: &mut Context<'_>) -> Result<(), Stop> {
        step::step(self, input, cx)
    }
}
