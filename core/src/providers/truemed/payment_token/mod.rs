//! `truemed.payment_token`: a stored payment method, from the wish to have one, through its changes and charges, to its
//! deletion.

mod after_all;
mod awaits;
mod charge;
mod command;
mod origin;
mod provision;
mod reply;
mod rules;
mod signal;
mod state;
mod update;
mod wish;

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::call::Call;
use super::found::Found;
use super::ids::PaymentSessionId;
use super::order::digest;
use super::replies::{self, UpdateAnswered};
use super::rules::Rule;
use super::settings::Settings;
use super::wire::Signal;
use crate::effect::Awaited;
use crate::flow::{self, Cx, Facet, Flow, Input, Move, Reading, Refusal, Reply, Standing, Stop, Untyped, Webhook, moves};
use crate::policy::Env;
use crate::time::Timestamp;

pub use command::{CardState, ChargeState, Command, Event, ItemsState, On, TokenState, Wish};
use origin::Origin;
pub use state::{Change, Charge, Failed, PaymentToken, Pending, Place};

/// The signal from whose receipt a token can be charged.
pub(crate) const TOKEN_UPDATED: &str = "payment_token_updated";

type Context<'a> = Cx<'a, PaymentToken>;
type Rules<'a> = flow::Rules<'a, PaymentToken>;
impl flow::sealed::Sealed for PaymentToken {}

impl Wish {
    pub(super) const ITEMS: &'static str = "update_payment_token/items";
    pub(super) const CARD: &'static str = "update_payment_token/card";
}

#[rustfmt::skip]
impl Facet for TokenState {
    type Trigger = On;
    const NAME: &'static str = "token";
    const MOVES: &'static [Move<Self, On>] = { use {TokenState::*, On::*}; &[
        moves(Absent,    &[CreateToken, CreateSession],                      &[Requested]),
        moves(Absent,    &[Retrieve],                                        &[Adopting]),
        moves(Absent,    &[TokenUpdated],                                    &[Issued]),
        moves(Requested, &[TokenRequested, SessionCreated, SessionComplete], &[Awaiting]),
        moves(Requested, &[TokenUpdated],                                    &[Issued]),
        moves(Requested, &[Refused],                                         &[Absent]),
        // A look-up in the list, a webhook or a person shows what became of a request that was never answered.
        moves(Requested, &[SessionFound, Judged],                            &[Awaiting, Absent]),
        moves(Awaiting,  &[TokenUpdated, Found],                             &[Issued]),
        moves(Awaiting,  &[Refused, Judged],                                 &[Absent]),
        moves(Adopting,  &[Found],                                           &[Issued]),
        moves(Adopting,  &[Refused, Judged],                                 &[Absent]),
        moves(Issued,    &[Delete],                                          &[Deleting]),
        moves(Issued,    &[Judged],                                          &[Deleted]),
        moves(Deleting,  &[TokenDeleted],                                    &[Deleted]),
        moves(Deleting,  &[Refused, Judged],                                 &[Issued, Deleted]),
        moves(Deleting,  &[Found],                                           &[Issued]),
    ] };
}

#[rustfmt::skip]
impl Facet for ItemsState {
    type Trigger = On;
    const NAME: &'static str = "change";
    const MOVES: &'static [Move<Self, On>] = { use {ItemsState::*, On::*}; &[
        moves(Settled,  &[Update],                          &[Updating]),
        moves(Updating, &[UpdateAnswered, Refused, Judged], &[Settled, Pending]),
        moves(Updating, &[TokenUpdated],                    &[Settled]),
        moves(Pending,  &[Update],                          &[Updating]),
        moves(Pending,  &[TokenUpdated, Judged],            &[Settled]),
    ] };
}

#[rustfmt::skip]
impl Facet for CardState {
    type Trigger = On;
    const NAME: &'static str = "card";
    const MOVES: &'static [Move<Self, On>] = { use {CardState::*, On::*}; &[
        moves(Settled,  &[Update],                          &[Updating]),
        moves(Updating, &[UpdateAnswered, Refused, Judged], &[Settled, Pending]),
        moves(Updating, &[TokenUpdated],                    &[Settled]),
        moves(Pending,  &[Update],                          &[Updating]),
        moves(Pending,  &[TokenUpdated, Judged],            &[Settled]),
    ] };
}

#[rustfmt::skip]
impl Facet for ChargeState {
    type Trigger = On;
    const NAME: &'static str = "charge";
    const MOVES: &'static [Move<Self, On>] = { use {ChargeState::*, On::*}; &[
        moves(Idle,      &[CreateSession],           &[Requested]),
        // A person had ended it, and it was made after all.
        moves(Idle,      &[SessionCreated],          &[Open]),
        moves(Requested, &[SessionCreated],          &[Open]),
        moves(Requested, &[ChargeFailed],            &[Failed]),
        moves(Requested, &[Refused],                 &[Idle, Failed, Repaired]),
        // A charge that is not sent, and that other items or another token have overtaken.
        moves(Requested, &[UpdateAnswered],          &[Repaired]),
        moves(Requested, &[TokenUpdated],            &[Repaired, Open]),
        moves(Requested, &[Judged],                  &[Repaired, Idle, Open, Failed]),
        moves(Requested, &[SessionComplete],         &[Idle, Open]),
        moves(Requested, &[TokenDeleted],            &[Idle]),
        moves(Requested, &[SessionFound],            &[Open, Idle, Failed]),
        moves(Open,      &[SessionComplete, Judged], &[Idle]),
        // The session of a charge that failed turns out captured.
        moves(Failed,    &[SessionComplete],         &[Idle]),
        moves(Failed,    &[TokenUpdated, Judged],    &[Repaired]),
        moves(Repaired,  &[CreateSession],           &[Requested]),
        moves(Repaired,  &[SessionComplete],         &[Idle]),
    ] };
}

impl Flow for PaymentToken {
    const ID: &'static str = "truemed.payment_token";
    const FORMAT: u32 = 1;

    type On = On;
    type Facets = (TokenState, ItemsState, CardState, ChargeState);
    type Wish = Wish;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Review = Untyped;
    type Rule = Rule;
    type Settings = Settings;

    fn facets(&self) -> Self::Facets {
        let token = match self.place {
            Place::Absent => TokenState::Absent,
            Place::Requested => TokenState::Requested,
            Place::Awaiting => TokenState::Awaiting,
            Place::Adopting => TokenState::Adopting,
            Place::Issued => TokenState::Issued,
            Place::Deleting => TokenState::Deleting,
            Place::Deleted => TokenState::Deleted,
        };
        let items = match self.items {
            Change::Settled => ItemsState::Settled,
            Change::Updating { .. } => ItemsState::Updating,
            Change::Pending(_) => ItemsState::Pending,
        };
        let card = match self.card {
            Change::Settled => CardState::Settled,
            Change::Updating { .. } => CardState::Updating,
            Change::Pending(_) => CardState::Pending,
        };
        let charge = match self.charge {
            Charge::Idle => ChargeState::Idle,
            Charge::Requested { .. } => ChargeState::Requested,
            Charge::Open { .. } => ChargeState::Open,
            Charge::Failed(_) => ChargeState::Failed,
            Charge::Repaired { .. } => ChargeState::Repaired,
        };
        (token, items, card, charge)
    }

    fn wish(command: &Command) -> Wish {
        match command {
            Command::CreatePaymentToken(_) => Wish::Create,
            Command::CreatePaymentSession(it) if it.is_charge() => Wish::Charge,
            Command::CreatePaymentSession(_) => Wish::Tokenize,
            Command::UpdatePaymentToken(it) if it.order_items.is_some() => Wish::Items,
            Command::UpdatePaymentToken(_) => Wish::Card,
            Command::RetrievePaymentToken { .. } => Wish::Retrieve,
            Command::RetrieveProvisionTokenRequest { .. } => Wish::RetrieveProvision,
            Command::RetrievePaymentSession { .. } => Wish::RetrieveSession,
            Command::DeletePaymentToken {} => Wish::Delete,
        }
    }

    fn wish_of(call: &Call) -> Wish {
        match call {
            Call::CreatePaymentToken(_) => Wish::Create,
            Call::CreatePaymentSession(it) if it.is_charge() => Wish::Charge,
            Call::CreatePaymentSession(_) => Wish::Tokenize,
            Call::UpdatePaymentToken(_, it) if it.order_items.is_some() => Wish::Items,
            Call::UpdatePaymentToken(..) => Wish::Card,
            Call::RetrieveProvisionTokenRequest(_) => Wish::RetrieveProvision,
            Call::RetrievePaymentSession(_) | Call::FindPaymentSession(_) => Wish::RetrieveSession,
            Call::DeletePaymentToken(_) => Wish::Delete,
            _ => Wish::Retrieve,
        }
    }

    fn stands(&self, command: &Command) -> bool {
        match command {
            Command::CreatePaymentToken(it) => {
                let unanswered = self.provisions.last().filter(|it| it.origin.is_none());
                self.place < Place::Adopting && unanswered.is_some_and(|last| last.items == digest(&it.order_items))
            }
            Command::CreatePaymentSession(it) => match (&it.intent, &self.charge) {
                // A new intent need not be fingerprinted.
                (Some(intent), _) if self.intents.outcome(intent).is_none() => false,
                (Some(intent), _) => self.intents.standing(intent, it.cart(it.items())) == Standing::Same,
                (None, Charge::Requested { asked, .. }) => !it.is_charge() && asked.cart == it.cart(it.items()),
                (None, _) => false,
            },
            Command::UpdatePaymentToken(it) => {
                let change = if it.order_items.is_some() { &self.items } else { &self.card };
                let Change::Updating { items: asked, .. } = change else { return false };
                let card = it.update_card_info == Some(true);
                card != it.order_items.is_some() && *asked == it.order_items.as_deref().map(digest)
            }
            Command::DeletePaymentToken {} => self.place == Place::Deleting,
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

    fn awaits(&self, _env: &Env<Settings>) -> Vec<Awaited> {
        self.awaited()
    }

    fn turns(&self, env: &Env<Settings>) -> Vec<Timestamp> {
        let unpolled = self.polled().and_then(|it| it.watch.next(&env.policy.look_ups));
        self.lmn_expires_at.into_iter().chain(unpolled).collect()
    }

    fn correlation_ids(&self) -> Vec<&str> {
        let provisions = self.provisions.iter().filter_map(|it| it.origin.as_ref()).map(Origin::id);
        let pending = self.pending().filter_map(|it| it.origin.as_ref()).map(|id| id.as_str());
        let charge = match &self.charge {
            Charge::Open { session, .. } => Some(session.id.as_str()),
            _ => self.failure().and_then(|it| it.session.as_ref()).map(PaymentSessionId::as_str),
        };
        let token = self.token.iter().map(|token| token.as_str());
        token.chain(provisions).chain(pending).chain(charge).chain(self.closed.ids()).collect()
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        match call {
            Call::CreatePaymentToken(_) => replies::token_requested(reply, Event::TokenRequested),
            Call::UpdatePaymentToken(token, _) => UpdateAnswered::read(reply, token, Event::UpdateAnswered),
            Call::CreatePaymentSession(_) => replies::session_created(reply, Event::SessionCreated),
            Call::FindPaymentSession(_) => Found::read(reply, Event::SessionFound),
            Call::RetrieveProvisionTokenRequest(id) => replies::provision(reply, id, Event::ProvisionRetrieved),
            Call::RetrievePaymentToken(token) => replies::token(reply, token, Event::TokenRetrieved),
            Call::RetrievePaymentSession(id) => replies::session(reply, id, |it| Event::SessionSeen(Box::new(it))),
            // Only an empty body is documented as its success.
            Call::DeletePaymentToken(_) if reply.body.trim_ascii().is_empty() => Reading::Done(Event::Deleted),
            _ => Reading::missing(""),
        }
    }

    fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        match call {
            Call::CreatePaymentSession(it) if it.is_charge() => replies::charge_refusal(reply, Event::ChargeFailed),
            _ => replies::refusal(reply, &[]),
        }
    }

    fn made(event: &Event) -> Option<&str> {
        match event {
            Event::SessionCreated(it) => Some(it.id.as_str()),
            _ => None,
        }
    }

    fn id_of(_reason: &str, verdict: &str) -> Option<fn(&str) -> bool> {
        super::session::id_of(verdict)
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        Signal::read(webhook).map(|signal| Event::Signal(Box::new(signal)))
    }

    fn is_of_another(&self, id: &str) -> bool {
        self.closed.has_id(id)
    }

    fn impossible(&self) -> Option<&'static str> {
        let exists = matches!(self.place, Place::Issued | Place::Deleting | Place::Deleted);
        let changing = [&self.items, &self.card].into_iter().any(|it| *it != Change::Settled);
        match () {
            () if (exists || self.place == Place::Adopting) != self.token.is_some() => {
                Some("a token has a text exactly when it exists or is looked up")
            }
            () if changing && !exists => Some("only a token that exists can be changed"),
            () if matches!(self.charge, Charge::Failed(_) | Charge::Repaired { .. }) && !exists => {
                Some("only a token that exists can be charged")
            }
            () if self.place == Place::Awaiting && self.provisions.is_empty() => {
                Some("a token is awaited that nobody asked for")
            }
            () => None,
        }
    }
}

impl PaymentToken {
    /// What an input counts as in the tables.
    fn trigger(input: &Input<Self>) -> On {
        match input {
            Input::Command(command) => match command {
                Command::CreatePaymentToken(_) => On::CreateToken,
                Command::CreatePaymentSession(_) => On::CreateSession,
                Command::UpdatePaymentToken(_) => On::Update,
                Command::RetrievePaymentToken { .. } => On::Retrieve,
                Command::DeletePaymentToken {} => On::Delete,
                _ => On::Other,
            },
            Input::Answered { event, .. }
            | Input::AfterAll(_, event)
            | Input::Signalled(event, _)
            | Input::Hinted { event, .. } => match event {
                Event::TokenRequested(_) => On::TokenRequested,
                Event::UpdateAnswered(_) => On::UpdateAnswered,
                Event::SessionCreated(_) => On::SessionCreated,
                Event::SessionFound(_) => On::SessionFound,
                Event::ChargeFailed(..) => On::ChargeFailed,
                Event::ProvisionRetrieved(_) | Event::TokenRetrieved(_) => On::Found,
                Event::Deleted => On::TokenDeleted,
                Event::SessionSeen(_) => On::SessionComplete,
                Event::Signal(signal) => match **signal {
                    Signal::TokenUpdated(_) => On::TokenUpdated,
                    Signal::SessionComplete(_) | Signal::Other | Signal::Unlisted(_) => On::SessionComplete,
                },
            },
            Input::Accepted { .. } => On::UpdateAnswered,
            Input::Refused { event: Some(Event::ChargeFailed(..)), .. } => On::ChargeFailed,
            Input::Refused { .. } | Input::RefusedOnce { .. } | Input::NotSent { .. } => On::Refused,
            Input::Reviewed { .. } | Input::Judged { .. } | Input::Resolved { .. } => On::Judged,
            Input::Returned(_) => On::Other,
        }
    }

    fn take_in(&mut self, input: Input<Self>, cx: &mut Context<'_>) -> Result<(), Stop> {
        match input {
            Input::Command(command) => wish::wish(self, command, cx),
            Input::Answered { id, call, event } => reply::answered(self, &id, &call, event, cx),
            Input::AfterAll(it, event) => reply::after_all(self, &it, event, cx),
            Input::Accepted { call, .. } => {
                self.update_is_accepted(&call, cx);
                Ok(())
            }
            Input::Refused { id, event: Some(Event::ChargeFailed(reply, code)), .. } => {
                self.failed(id, reply, code, true, cx)?;
                Ok(())
            }
            Input::RefusedOnce { id, event: Some(Event::ChargeFailed(reply, code)), .. }
            | Input::Hinted { id, event: Event::ChargeFailed(reply, code), .. } => {
                self.failed(id, reply, code, false, cx)?;
                Ok(())
            }
            Input::Hinted { event: Event::TokenRequested(reply), .. } => {
                self.hinted(reply, cx);
                Ok(())
            }
            Input::Hinted { .. } => Ok(()),
            Input::Refused { id, call, status, code, .. } => {
                reply::refused(self, &id, &call, (status, code.as_deref()), cx);
                Ok(())
            }
            Input::RefusedOnce { call, status, code, .. } => {
                reply::refused_once(self, &call, (status, code.as_deref()), cx);
                Ok(())
            }
            Input::NotSent { id, call } => {
                reply::not_sent(self, &id, &call, cx);
                Ok(())
            }
            Input::Resolved { id, call, verdict } => reply::resolved(self, &id, &call, &verdict, cx),
            Input::Signalled(event, proof) => signal::signalled(self, event, proof, cx),
            Input::Returned(via) => self.returned(via, cx),
            Input::Reviewed { .. } => Ok(()),
            Input::Judged { reason, of, verdict } => reply::judged(self, &reason, &of, &verdict, cx),
        }
    }
}
