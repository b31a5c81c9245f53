//! `vend.subscription`: a retailer's subscription, from the token of a new one to its cancellation.
//!
//! Two facets: the subscription, and the changes that wait for the retailer's consent. Nothing that Vend sends is
//! signed, so a return and a webhook only make look-ups owed; their answers are the evidence. A change that is
//! confirmed owes `fulfill` of the request that asked for it, and a cancellation a notice.
//!
//! One retailer has one subscription to one application: `Key::of("vend.subscription", …)` of both makes the host's
//! primary key say so.

mod command;
mod consent;
mod look;
mod reply;
mod rules;
mod signal;
mod state;
mod token;
mod undecided;
mod wish;

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::call::Call;
use super::ids::SubscriptionId;
use super::rules::Rule;
use super::settings::Settings;
use super::webhook::Signal;
use super::wire::refusal;
use super::{partner, token as consent_token};
use crate::effect::Awaited;
use crate::fact::Because;
use crate::flow::{self, Cx, Facet, Flow, Input, Move, Reading, Refusal, Reply, Stop, Untyped, Webhook, moves};
use crate::policy::Env;

pub use command::{ChangeState, Command, Event, On, SubscriptionState, Wish};
pub use state::{Place, Subscription};

/// The retailer's consent, which only a look-up of its token shows.
const CONSENT: &str = "consent";

type Context<'a> = Cx<'a, Subscription>;
type Rules<'a> = flow::Rules<'a, Subscription>;
impl flow::sealed::Sealed for Subscription {}

#[rustfmt::skip]
impl Facet for SubscriptionState {
    type Trigger = On;
    const NAME: &'static str = "subscription";
    const MOVES: &'static [Move<Self, On>] = { use {SubscriptionState::*, On::*}; &[
        moves(Absent,   &[TokenSeen],                           &[Live, Unclear]),
        moves(Absent,   &[SubscriptionSeen, Judged],            &[Live, Canceled, Unclear]),
        moves(Live,     &[SubscriptionSeen, Judged],            &[Canceled, Unclear]),
        moves(Live,     &[TokenSeen],                           &[Unclear]),
        moves(Canceled, &[SubscriptionSeen, TokenSeen, Judged], &[Live, Unclear]),
        moves(Unclear,  &[SubscriptionSeen],                    &[Live, Canceled]),
        moves(Unclear,  &[Judged],                              &[Absent, Live, Canceled]),
    ] };
}

#[rustfmt::skip]
impl Facet for ChangeState {
    type Trigger = On;
    const NAME: &'static str = "change";
    const MOVES: &'static [Move<Self, On>] = { use {ChangeState::*, On::*}; &[
        moves(Settled,   &[Create, Update],                    &[Requested]),
        moves(Requested, &[TokenIssued],                       &[Awaiting, Settled]),
        moves(Requested, &[Refused, SubscriptionSeen, Judged], &[Settled]),
        moves(Awaiting,  &[TokenSeen, Judged],                 &[Settled, Requested]),
    ] };
}

impl Flow for Subscription {
    const ID: &'static str = "vend.subscription";
    const FORMAT: u32 = 1;

    type On = On;
    type Facets = (SubscriptionState, ChangeState);
    type Wish = Wish;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Review = Untyped;
    type Rule = Rule;
    type Settings = Settings;

    fn facets(&self) -> Self::Facets {
        let subscription = match self.place {
            Place::Absent => SubscriptionState::Absent,
            Place::Live => SubscriptionState::Live,
            Place::Canceled => SubscriptionState::Canceled,
            Place::Unclear => SubscriptionState::Unclear,
        };
        let change = match &self.requested {
            _ if self.is_awaiting() => ChangeState::Awaiting,
            Some(_) => ChangeState::Requested,
            None => ChangeState::Settled,
        };
        (subscription, change)
    }

    fn wish(command: &Command) -> Wish {
        match command {
            Command::CreateSubscriptionToken(_) => Wish::Create,
            Command::UpdateSubscriptionToken(it) if it.names_a_plan() => Wish::Plan,
            Command::UpdateSubscriptionToken(_) => Wish::Components,
            Command::RetrieveToken { .. } => Wish::RetrieveToken,
            Command::RetrieveSubscription { .. } => Wish::Retrieve,
            Command::CancelSubscription {} => Wish::Cancel,
        }
    }

    fn wish_of(call: &Call) -> Wish {
        match call {
            Call::CreateSubscriptionToken(_) => Wish::Create,
            Call::UpdateSubscriptionToken(it) if it.names_a_plan() => Wish::Plan,
            Call::UpdateSubscriptionToken(_) => Wish::Components,
            Call::RetrieveToken(_) => Wish::RetrieveToken,
            Call::RetrieveSubscription(_) | Call::ListSubscriptions => Wish::Retrieve,
        }
    }

    fn stands(&self, command: &Command) -> bool {
        let (kind, it) = match command {
            Command::CreateSubscriptionToken(it) => (super::Kind::Create, it),
            Command::UpdateSubscriptionToken(it) => (super::Kind::Update, it),
            _ => return false,
        };
        let open = self.requested.as_ref().filter(|open| open.of.0 == kind);
        open.is_some_and(|open| open.content == it.content())
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
        let settings = &env.settings;
        let ours = self.domain_prefix.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(&settings.domain_prefix));
        let offered = self.offered(env.now).filter(|_| ours && settings.names_a_retailer());
        let open = self.tokens.iter().filter(|it| it.disputed.is_none());
        let wait = |token: &token::Token| {
            let mut wait = Awaited::new(CONSENT, token.awaited_since());
            wait.of = Some(token.of.id().as_str().into());
            wait.by = Some(token.dies_at());
            let is_offered = offered.is_some_and(|it| it.of == token.of);
            wait.customer_at = is_offered.then(|| settings.consent_page(token.text.as_str()));
            wait
        };
        open.map(wait).collect()
    }

    fn correlation_ids(&self) -> Vec<&str> {
        self.id.iter().map(|id| id.as_str()).collect()
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        match call {
            Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => {
                consent_token::issued(reply).map(Event::TokenIssued)
            }
            Call::RetrieveToken(token) => consent_token::seen(token, reply).map(|it| Event::TokenSeen(Box::new(it))),
            Call::RetrieveSubscription(id) => partner::shown(id, reply).map(Event::SubscriptionSeen),
            Call::ListSubscriptions => partner::listed(reply).map(Event::Listed),
        }
    }

    fn read_refusal(_call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        refusal(reply)
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        Signal::read(webhook).map(Event::Signal)
    }

    fn id_of(_reason: &str, verdict: &str) -> Option<fn(&str) -> bool> {
        (verdict == "ours").then_some(|id| SubscriptionId::parse(id).is_ok())
    }

    fn impossible(&self) -> Option<&'static str> {
        self.contradiction()
    }
}

impl Subscription {
    /// The retailer came back: a hint that a look at every outstanding token may pay, and proof of nothing.
    fn returned(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        if !self.is_awaiting() {
            return Err(Because::Unrelated.into());
        }
        for token in &mut self.tokens {
            token.returned(cx.now());
            token.plan(cx);
        }
        Ok(())
    }
}

impl Subscription {
    /// What an input counts as in the tables.
    fn trigger(input: &Input<Self>) -> On {
        match input {
            Input::Command(Command::CreateSubscriptionToken(_)) => On::Create,
            Input::Command(Command::UpdateSubscriptionToken(_)) => On::Update,
            Input::Answered { event, .. } => match event {
                Event::TokenIssued(_) => On::TokenIssued,
                Event::TokenSeen(_) => On::TokenSeen,
                Event::SubscriptionSeen(_) | Event::Listed(_) => On::SubscriptionSeen,
                Event::Signal(_) => On::Other,
            },
            Input::Refused { .. } | Input::Resolved { .. } => On::Refused,
            Input::Reviewed { .. } | Input::Judged { .. } => On::Judged,
            _ => On::Other,
        }
    }

    fn take_in(&mut self, input: Input<Self>, cx: &mut Context<'_>) -> Result<(), Stop> {
        match input {
            Input::Command(command) => wish::wish(self, command, cx),
            Input::Answered { id, call, event } => reply::answered(self, &id, &call, event, cx),
            Input::Refused { id, call, .. } => {
                reply::refused(self, &id, &call, cx);
                Ok(())
            }
            Input::Resolved { id, call, .. } => {
                reply::given_up(self, &id, &call, cx);
                Ok(())
            }
            Input::Accepted { .. }
            | Input::AfterAll(..)
            | Input::Hinted { .. }
            | Input::RefusedOnce { .. }
            | Input::NotSent { .. } => Ok(()),
            Input::Signalled(event, _) => signal::signalled(self, event, cx),
            Input::Returned(_) => self.returned(cx),
            Input::Reviewed { .. } => Ok(()),
            Input::Judged { reason, of, verdict } => {
                reply::judged(self, &reason, &of, &verdict, cx);
                Ok(())
            }
        }
    }
}
