//! `truemed.payment_token`: a stored payment method, from its request, through its changes and charges, to its
//! deletion.
//!
//! ```
//! use rulebound::time::Timestamp;
//! use rulebound::truemed::{CreatePaymentSession, OrderItem, PaymentToken, Token};
//! use rulebound::{Context, Key, Snapshot, money::Cents};
//!
//! let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
//! let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11").unwrap());
//!
//! // Without a token, a charge is rejected. The rejection says which action has to come first.
//! let mut charge = CreatePaymentSession::new(Cents::new(1500), vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))]);
//! charge.payment_token = Token::parse("pt_1").ok();
//! let rejected = token.handle(charge, &cx).unwrap_err();
//! let first = &rejected.violations()[0];
//! assert_eq!(first.rule.code, "truemed.provision.no-charge-before-webhook");
//! assert_eq!(first.unblocked_by.as_ref().unwrap().to_string(), "the action `create_payment_token`");
//! ```

mod across;
mod carts;
mod change;
mod charge;
mod command;
mod event;
mod history;
mod outcome;
mod rules;
mod status;
mod token;
mod webhook;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::Call;
use super::api::webhook::Signal;
use super::names::Review;
use super::rules::Rule;
use crate::config::truemed::Settings;
use crate::config::{Config, Context};
use crate::effect::Wait;
use crate::fact::FactError;
use crate::fact::IgnoredReason;
use crate::flow::{self, Facet, Flow, Input, IntentReport, Move, Reading, Refusal, Reply, Stop, Webhook, moves, typed};
use crate::id::TypedId;
use crate::providers::truemed::api::signature::correlate;
use crate::time::Timestamp;
use carts::Carts;
use change::{Change, PendingChange};
use charge::Charges;
use history::History;
use token::StoredToken;

pub use carts::CartLine;
pub use change::{CardState, ChangeState, ItemsState};
pub use charge::ChargeState;
pub use command::{Action, Command};
pub use event::{Event, Trigger};
pub use status::Status;
pub use token::TokenState;

type Rules<'a> = flow::Rules<'a, PaymentToken>;
type Cx<'a> = flow::Cx<'a, PaymentToken>;

/// A stored payment method, from its request to its deletion, with its changes and its charges.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenState"))]
#[serde(deny_unknown_fields)]
pub struct PaymentToken {
    /// Whether the token exists, and the attempts to get one.
    token: StoredToken,
    /// The latest change of the items.
    #[serde(default)]
    items: Change,
    /// The latest change of the card.
    #[serde(default)]
    card: Change,
    /// The current charge.
    #[serde(default)]
    charge: Charges,
    /// The order of our requests, and the ids that are settled. It is not a facet, because it only grows.
    #[serde(default)]
    history: History,
    /// The lines of the carts that the flow compares, for its status.
    #[serde(default, skip_serializing_if = "Carts::is_empty")]
    carts: Carts,
}

#[rustfmt::skip]
impl Facet for TokenState {
    type Trigger = Trigger;
    const NAME: &'static str = "token";
    const MOVES: &'static [Move<Self, Trigger>] = { use {TokenState::*, Trigger::*}; &[
        moves(Absent,    &[CreateToken, CreateSession],                      &[Requested]),
        moves(Absent,    &[Retrieve],                                        &[Adopting]),
        moves(Absent,    &[TokenUpdated],                                    &[Issued, Deleting]),
        // A person ended the checkout as not made, and Truemed had made it.
        moves(Absent,    &[SessionCreated],                                  &[Awaiting]),
        moves(Requested, &[TokenRequested, SessionCreated, SessionComplete], &[Awaiting]),
        moves(Requested, &[TokenUpdated],                                    &[Issued, Deleting]),
        moves(Requested, &[Refused, Delete],                                 &[Absent]),
        // A search in the list, a webhook or a person shows the outcome of a request that had no reply.
        moves(Requested, &[SessionFound, Reviewed],                          &[Awaiting, Absent]),
        // The host wants the token to be deleted once Truemed issues it.
        moves(Awaiting,  &[TokenUpdated, Found],                             &[Issued, Deleting]),
        // The host wants no token any more, and nobody has the page of the request.
        moves(Awaiting,  &[Refused, Reviewed, Delete],                       &[Absent]),
        moves(Adopting,  &[Found],                                           &[Issued]),
        moves(Adopting,  &[Refused, Reviewed],                               &[Absent]),
        moves(Issued,    &[Delete],                                          &[Deleting]),
        // A late reply may show a deletion that a person had denied.
        moves(Issued,    &[Reviewed, TokenDeleted],                          &[Deleted]),
        moves(Deleting,  &[TokenDeleted],                                    &[Deleted]),
        moves(Deleting,  &[Refused, Reviewed],                               &[Issued, Deleted]),
        moves(Deleting,  &[Found],                                           &[Issued]),
        // Truemed issues the token of another request of ours. The host wants no token any more.
        moves(Deleted,   &[TokenUpdated],                                    &[Deleting]),
    ] };
}

#[rustfmt::skip]
impl<const CARD: bool> Facet for ChangeState<CARD> {
    type Trigger = Trigger;
    const NAME: &'static str = if CARD { "card" } else { "items" };
    const MOVES: &'static [Move<Self, Trigger>] = { use {ChangeState::*, Trigger::*}; &[
        moves(Settled,  &[Update],                            &[Updating]),
        // A person ended the update as not made, and the late reply asks the customer to act.
        moves(Settled,  &[UpdateAnswered],                    &[Pending]),
        moves(Updating, &[UpdateAnswered, Refused, Reviewed], &[Settled, Pending]),
        moves(Updating, &[TokenUpdated],                      &[Settled]),
        moves(Pending,  &[Update],                            &[Updating]),
        moves(Pending,  &[TokenUpdated, Reviewed],            &[Settled]),
    ] };
}

#[rustfmt::skip]
impl Facet for ChargeState {
    type Trigger = Trigger;
    const NAME: &'static str = "charge";
    const MOVES: &'static [Move<Self, Trigger>] = { use {ChargeState::*, Trigger::*}; &[
        moves(Idle,      &[CreateSession],             &[Requested]),
        // A person ended the request as not done, and Truemed had made the session.
        moves(Idle,      &[SessionCreated],            &[Open]),
        moves(Requested, &[SessionCreated],            &[Open]),
        moves(Requested, &[ChargeFailed],              &[Failed]),
        moves(Requested, &[Refused],                   &[Idle, Failed, Repaired]),
        // A charge that was not sent, and whose items or token are out of date.
        moves(Requested, &[UpdateAnswered],            &[Repaired]),
        moves(Requested, &[TokenUpdated],              &[Repaired, Open]),
        moves(Requested, &[Reviewed],                  &[Repaired, Idle, Open, Failed]),
        moves(Requested, &[SessionComplete],           &[Idle, Open]),
        moves(Requested, &[TokenDeleted, Delete],      &[Idle]),
        moves(Requested, &[SessionFound],              &[Open, Idle, Failed]),
        moves(Open,      &[SessionComplete, Reviewed], &[Idle]),
        // Truemed captures the session of a failed charge, or the list of a restored row shows that its repetition is paid.
        moves(Failed,    &[SessionComplete, SessionFound], &[Idle]),
        moves(Failed,    &[TokenUpdated, Reviewed],    &[Repaired]),
        moves(Repaired,  &[CreateSession],             &[Requested]),
        moves(Repaired,  &[SessionComplete],           &[Idle]),
    ] };
}

impl PaymentToken {
    /// The one dispatch: it applies each input, and names the trigger for the tables.
    fn apply(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        Ok(match input {
            Input::Command(command) => self.act(command, cx)?,
            Input::Succeeded { id, call, event } => self.on_reply(&id, &call, event, cx)?,
            Input::AfterAll(made, Event::SessionCreated(reply)) => {
                self.made_after_all(&made, reply, cx)?;
                Trigger::SessionCreated
            }
            Input::AfterAll(made, Event::UpdateReply(reply)) => {
                self.updated_after_all(&made, reply, cx)?;
                Trigger::UpdateAnswered
            }
            Input::AfterAll(_, Event::Deleted) => {
                self.deleted(cx);
                Trigger::TokenDeleted
            }
            Input::Accepted { call, .. } => {
                self.update_accepted(&call, cx);
                Trigger::UpdateAnswered
            }
            Input::Refused { id, event: Some(Event::ChargeFailed(reply, code)), .. } => {
                self.charge.failed(id, (reply, code), true, self.token.payment_token(), cx)?;
                Trigger::ChargeFailed
            }
            Input::RefusedOnce { id, event: Some(Event::ChargeFailed(reply, code)), .. } => {
                self.charge.refused_once(cx);
                self.charge.failed(id, (reply, code), false, self.token.payment_token(), cx)?;
                Trigger::ChargeFailed
            }
            Input::Hinted { id, event: Event::ChargeFailed(reply, code), .. } => {
                self.charge.failed(id, (reply, code), false, self.token.payment_token(), cx)?;
                Trigger::ChargeFailed
            }
            Input::Hinted { event: Event::TokenRequested(reply), .. } => {
                self.token.hinted(reply, cx);
                Trigger::TokenRequested
            }
            Input::Refused { id, call, status, code, .. } => {
                self.refused(&id, &call, (status, code.as_deref()), cx);
                Trigger::Refused
            }
            Input::RefusedOnce { call, status, code, .. } => {
                self.refused_once(&call, (status, code.as_deref()), cx);
                Trigger::Refused
            }
            Input::NotSent { id, call } => {
                self.not_sent(&id, &call, cx);
                Trigger::Refused
            }
            Input::Webhook(Event::Signal(signal), origin) => self.on_webhook(*signal, origin, cx)?,
            Input::Returned => {
                self.returned(cx)?;
                Trigger::Other
            }
            Input::Resolved { id, call, verdict } => {
                let (verdict, named) = typed::<Review>(verdict);
                self.resolved(&id, &call, (verdict, named.as_deref()), cx)?;
                Trigger::Reviewed
            }
            Input::Reviewed { review, about, verdict, id } => {
                self.reviewed((review, &about), (verdict, id.as_deref()), cx)?;
                Trigger::Reviewed
            }
            Input::AfterAll(..) | Input::Hinted { .. } => Trigger::Other,
            Input::Webhook(..) => return Err(IgnoredReason::Unrelated.into()),
        })
    }
}

impl flow::sealed::Sealed for PaymentToken {}

impl Flow for PaymentToken {
    const ID: &'static str = "truemed.payment_token";
    const FORMAT: u32 = 1;

    type Trigger = Trigger;
    type Facets = (TokenState, ItemsState, CardState, ChargeState);
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
        (self.token.state(), (&self.items).into(), (&self.card).into(), self.charge.state())
    }

    /// Applies an input. Many inputs withdraw the search of the list, which a charge of a restored row may still need.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let trigger = self.apply(input, cx)?;
        self.charge.keep_searching(cx);
        Ok(trigger)
    }

    fn action_of(command: &Command) -> Action {
        Action::of(command)
    }

    fn action_of_call(call: &Call) -> Action {
        Action::of_call(call)
    }

    fn is_duplicate(&self, command: &Command) -> bool {
        self.is_duplicate(command)
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

    /// A deleted token waits only for the session of its open charge.
    fn waits(&self, _context: &Context) -> Vec<Wait> {
        let is_deleted = self.token.is(TokenState::Deleted);
        let of_changes = self.pending().filter(|_| !is_deleted).map(PendingChange::wait);
        self.token.waits(self.charge.payable()).chain(of_changes).chain(self.charge.wait(is_deleted)).collect()
    }

    fn status(&self, view: &Rules<'_>) -> Status {
        self.own_status(view.restored_last())
    }

    fn intents(&self, _view: &Rules<'_>) -> Vec<IntentReport<Self>> {
        self.named_charges()
    }

    fn decides_page(&self, call: &Call, _context: &Context) -> bool {
        self.decides_page_by(call)
    }

    fn timers(&self, context: &Context) -> Vec<Timestamp> {
        let next_lookup = self.token.polled_before(&context.config.lookups);
        self.token.expiries().chain(next_lookup).collect()
    }

    fn ids(&self) -> Vec<TypedId> {
        let token = self.token.payment_token().map(TypedId::from).into_iter().chain(self.token.other_ids());
        let changes = self.pending().filter_map(|it| it.origin.as_ref()).map(TypedId::from);
        let session = self.charge.session_id().map(TypedId::from);
        let known = token.chain(self.token.provision_ids());
        known.chain(changes).chain(session).chain(self.history.ids()).collect()
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

    fn is_of_another(&self, id: &str) -> bool {
        self.history.has_id(id)
    }

    fn impossible(&self) -> Option<&'static str> {
        let is_changing = !self.items.is_settled() || !self.card.is_settled();
        let is_charged = matches!(self.charge.state(), ChargeState::Failed | ChargeState::Repaired);
        self.token.impossible().or(match self.token.has_existed() {
            false if is_changing => Some("only a token that exists can be changed"),
            false if is_charged => Some("only a token that exists can be charged"),
            _ => None,
        })
    }
}
