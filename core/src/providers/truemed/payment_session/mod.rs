//! `truemed.payment_session`: one checkout, from its creation or its adoption by a lookup, to its refunds.

mod command;
mod ends;
mod event;
mod known;
mod refunds;
mod rules;
mod session;
mod status;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::Call;
use super::api::webhook::Signal;
use super::ids::PaymentSessionId;
use super::names::Review;
use super::rules::Rule;
use super::session::RequestedSession;
use crate::config::truemed::Settings;
use crate::config::{Config, Context};
use crate::effect::Wait;
use crate::fact::FactError;
use crate::fact::IgnoredReason;
use crate::flow::{
    self, Facet, Flow, Input, IntentReport, Move, Outcome, Reading, Refusal, Reply, Stop, Webhook, moves, typed,
};
use crate::id::TypedId;
use crate::providers::truemed::api::signature::correlate;

pub use command::{Action, Command};
pub use event::{Event, Trigger};
pub use known::Known;
pub use refunds::RefundTotals;
pub use session::SessionState;
pub use status::Status;

type Rules<'a> = flow::Rules<'a, PaymentSession>;
type Cx<'a> = flow::Cx<'a, PaymentSession>;

/// One checkout with the customer present, or a session that was created elsewhere and is adopted.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionState"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum PaymentSession {
    /// No session is known, and no request for one is pending.
    #[default]
    Absent,
    /// The host requested the session.
    Requested(RequestedSession),
    /// The first lookup of a session that was created elsewhere is pending.
    Adopting(PaymentSessionId),
    /// Truemed knows the session.
    Known(Box<Known>),
}

#[rustfmt::skip]
impl Facet for SessionState {
    type Trigger = Trigger;
    const NAME: &'static str = "session";
    const MOVES: &'static [Move<Self, Trigger>] = { use {SessionState::*, Trigger::*}; &[
        moves(Absent,     &[Create],                   &[Requested]),
        moves(Absent,     &[Retrieve],                 &[Adopting]),
        // A person ended the request as not done, and Truemed had made the session.
        moves(Absent,     &[Reviewed, SessionCreated], &[Pending]),
        moves(Requested,  &[SessionCreated],           &[Pending]),
        // A webhook with our key replaces the reply that was lost.
        moves(Requested,  &[SessionComplete],          &[Absent, Processing, Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Requested,  &[Refused],                  &[Absent]),
        // A search in the list, or a person, shows the outcome of a creation that had no reply.
        moves(Requested,  &[SessionFound],             &[Absent, Pending, Processing, Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Requested,  &[Reviewed],                 &[Pending, Absent]),
        moves(Adopting,   &[Refused, Reviewed],        &[Absent]),
        // Reports come in any order, so a status only moves up its rank.
        moves(Adopting,   &[SessionComplete],          &[Pending, Processing, Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Pending,    &[SessionComplete],          &[Processing, Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Processing, &[SessionComplete],          &[Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Authorized, &[SessionComplete],          &[Rejected, Canceled, Voided, Expired, Captured]),
        // Of two final statuses that contradict each other the higher one counts. The order is fixed, and `captured`
        // is the highest.
        moves(Rejected,   &[SessionComplete],          &[Canceled, Voided, Expired, Captured]),
        moves(Canceled,   &[SessionComplete],          &[Voided, Expired, Captured]),
        moves(Voided,     &[SessionComplete],          &[Expired, Captured]),
        moves(Expired,    &[SessionComplete],          &[Captured]),
    ] };
}

impl PaymentSession {
    /// The one dispatch: it applies each input, and names the trigger for the table.
    fn apply(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        Ok(match input {
            Input::Command(command) => self.act(command, cx)?,
            Input::Succeeded { id, call, event } => match event {
                Event::SessionCreated(reply) => {
                    self.on_session_created(reply, cx)?;
                    Trigger::SessionCreated
                }
                Event::SessionPage(page) => {
                    self.on_session_page(&call, &page, cx)?;
                    Trigger::SessionFound
                }
                Event::SessionRetrieved(report) => {
                    self.on_lookup(&report, cx)?;
                    Trigger::SessionComplete
                }
                Event::Ended(_) => {
                    self.known_or(IgnoredReason::Unrelated)?.end_accepted(cx);
                    Trigger::Other
                }
                Event::Refunded(_) => {
                    let known = self.known_or(IgnoredReason::Unrelated)?;
                    if let Call::CreateRefund(_, refund) = &*call {
                        known.settle_refund(&id, refund.amount, Outcome::Done, cx);
                        // The lookup of this refund is gone, and another refund may still need one.
                        known.wait_for_dispute(cx);
                    }
                    Trigger::Other
                }
                Event::Signal(_) => return Err(IgnoredReason::Unrelated.into()),
            },
            Input::AfterAll(done, event) => {
                self.done_after_all(&done, event, cx);
                Trigger::SessionCreated
            }
            Input::Refused { id, call, status, code, .. } => {
                self.refused(&id, &call, (status, code.as_deref()), cx);
                Trigger::Refused
            }
            Input::RefusedOnce { call, code, .. } => {
                self.refused_once(&call, code.as_deref(), cx);
                Trigger::Other
            }
            Input::NotSent { .. } => {
                if let Self::Known(known) = self {
                    // The lookup of this request is gone, and a refund that a dispute blocks still needs one.
                    known.wait_for_dispute(cx);
                }
                Trigger::Other
            }
            Input::Accepted { .. } | Input::Hinted { .. } => Trigger::Other,
            Input::Webhook(Event::Signal(signal), origin) => {
                self.on_webhook(*signal, origin, cx)?;
                Trigger::SessionComplete
            }
            Input::Returned => {
                if !self.known_or(IgnoredReason::Unrelated)?.returned(cx) {
                    return Err(IgnoredReason::Unrelated.into());
                }
                Trigger::Other
            }
            Input::Resolved { id, call, verdict } => {
                let (verdict, named) = typed::<Review>(verdict);
                self.resolved(&id, &call, (verdict, named.as_deref()), cx);
                Trigger::Reviewed
            }
            Input::Reviewed { review, about, verdict, id } => {
                self.reviewed((review, &about), (verdict, id.as_deref()), cx);
                Trigger::Reviewed
            }
            Input::Webhook(..) => return Err(IgnoredReason::Unrelated.into()),
        })
    }
}

impl flow::sealed::Sealed for PaymentSession {}

impl Flow for PaymentSession {
    const ID: &'static str = "truemed.payment_session";
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
        &config.truemed
    }

    fn facets(&self) -> Self::Facets {
        (self.state(),)
    }

    /// Applies an input. Many inputs withdraw the lookup of the session, which a refund of a restored row may still need.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let trigger = self.apply(input, cx)?;
        if let Self::Known(known) = self {
            known.keep_checking(cx);
        }
        Ok(trigger)
    }

    fn action_of(command: &Command) -> Action {
        Action::of(command)
    }

    fn action_of_call(call: &Call) -> Action {
        Action::of_call(call)
    }

    fn is_duplicate(&self, command: &Command) -> bool {
        match (self, command) {
            (Self::Requested(requested), Command::CreatePaymentSession(command)) => requested.cart == command.content(),
            (Self::Known(known), command) => known.is_duplicate(command),
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

    fn waits(&self, _context: &Context) -> Vec<Wait> {
        match self {
            Self::Known(known) => known.wait().into_iter().collect(),
            Self::Absent | Self::Requested(_) | Self::Adopting(_) => Vec::new(),
        }
    }

    fn status(&self, _view: &Rules<'_>) -> Status {
        self.own_status()
    }

    fn intents(&self, view: &Rules<'_>) -> Vec<IntentReport<Self>> {
        self.named_requests(view)
    }

    /// The customer has a page once the session is created, and none while a cancellation is pending.
    fn decides_page(&self, call: &Call, _context: &Context) -> bool {
        let is_unchecked = matches!(self, Self::Known(known) if known.session.unchecked);
        (is_unchecked && matches!(call, Call::RetrievePaymentSession(_)))
            || matches!(call, Call::CreatePaymentSession(_) | Call::CancelPaymentSession(_))
    }

    fn ids(&self) -> Vec<TypedId> {
        self.id().map(TypedId::from).into_iter().collect()
    }

    fn ids_of_webhook(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
        correlate(webhook)
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        Event::of_reply(call, reply)
    }

    fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        Event::of_refusal(call, reply)
    }

    fn made(event: &Event) -> Option<TypedId> {
        event.made()
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        Signal::read(webhook).map(|signal| Event::Signal(Box::new(signal)))
    }

    fn impossible(&self) -> Option<&'static str> {
        match self {
            Self::Known(known) => known.impossible(),
            Self::Absent | Self::Requested(_) | Self::Adopting(_) => None,
        }
    }
}
