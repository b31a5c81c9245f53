//! `revup.subscription`: a subscription on a stored card or begun in the form, from the wish to have it to its end.

mod command;
mod creation;
mod ledger;
mod lines;
mod name;
mod read;
mod refund;
mod reply;
mod rules;
mod signal;
mod state;
mod verdict;
mod wish;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::amount::Amount;
use super::call::{Call, RefundPayment};
use super::ids::SubscriptionId;
use super::order::expires_at;
use super::rules::Rule;
use super::settings::Settings;
use crate::effect::Awaited;
use crate::json::encode;
use crate::fact::Because;
use crate::flow::{self, Cx, Facet, Flow, Input, Move, Reading, Refusal, Reply, Standing, Stop, Untyped, Webhook, moves};
use crate::id::Digest;
use crate::policy::Env;
use crate::time::Timestamp;

pub use command::{Command, Event, On, PaymentState, SubscriptionState, Wish};
pub use state::{Payment, Place, Subscription};

/// The event that tells of a first charge that succeeded.
pub(crate) const CREATED: &str = "subscription.created";

/// The event that tells of a refund that is done.
const REFUNDED: &str = "subscription.payment.refunded";

type Context<'a> = Cx<'a, Subscription>;
type Rules<'a> = flow::Rules<'a, Subscription>;
impl flow::sealed::Sealed for Subscription {}

#[rustfmt::skip]
impl Facet for SubscriptionState {
    type Trigger = On;
    const NAME: &'static str = "subscription";
    const MOVES: &'static [Move<Self, On>] = { use {SubscriptionState::*, On::*}; &[
        moves(Absent,    &[Create],                 &[Requested]),
        moves(Absent,    &[Retrieve],               &[Adopting]),
        moves(Absent,    &[Told],                   &[Awaiting]),
        moves(Absent,    &[Judged],                 &[Attested]),
        moves(Requested, &[Created, Told],          &[Awaiting]),
        moves(Requested, &[Judged],                 &[Attested, Absent]),
        moves(Requested, &[Refused],                &[Absent]),
        moves(Requested, &[Found],                  &[Awaiting, Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Adopting,  &[Refused, Judged],        &[Absent]),
        moves(Adopting,  &[Found],                  &[Unclear, Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Attested,  &[Judged],                 &[Absent]),
        moves(Attested,  &[Found],                  &[Awaiting, Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Awaiting,  &[Found],                  &[Fulfilled, PastDue, Paused, Archived, Cancelled]),
        moves(Awaiting,  &[Told],                   &[Fulfilled, Archived, Cancelled]),
        moves(Awaiting,  &[CancelAnswered],         &[Cancelled]),
        // Or by a person, where nothing else tells.
        moves(Awaiting,  &[Judged],                 &[Fulfilled, Cancelled]),
        // What can go both ways is the look-up's to say.
        // The end is told by a look-up, by an event with proof, or in answer to a cancellation.
        // Contradictory: a first charge that succeeded and failed, or an end after the end. A person looks.
        moves(Fulfilled, &[Found],                  &[PastDue, Paused, Unclear, Cancelled, Archived]),
        moves(Fulfilled, &[Told],                   &[Cancelled, Archived]),
        moves(Fulfilled, &[CancelAnswered, Judged], &[Cancelled]),
        moves(PastDue,   &[Found],                  &[Fulfilled, Paused, Unclear, Cancelled, Archived]),
        moves(PastDue,   &[Told],                   &[Cancelled, Archived]),
        moves(PastDue,   &[CancelAnswered, Judged], &[Cancelled]),
        moves(Paused,    &[Found],                  &[Fulfilled, PastDue, Unclear, Cancelled, Archived]),
        moves(Paused,    &[Told],                   &[Cancelled, Archived]),
        moves(Paused,    &[CancelAnswered, Judged], &[Cancelled]),
        moves(Unclear,   &[Found],                  &[Fulfilled, PastDue, Paused, Cancelled, Archived]),
        moves(Unclear,   &[Told],                   &[Cancelled, Archived]),
        moves(Unclear,   &[CancelAnswered],         &[Cancelled]),
        moves(Unclear,   &[Judged],                 &[Fulfilled, Cancelled]),
        moves(Archived,  &[Found, Told],            &[Cancelled]),
    ] };
}

#[rustfmt::skip]
impl Facet for PaymentState {
    type Trigger = On;
    const NAME: &'static str = "payment";
    const MOVES: &'static [Move<Self, On>] = { use {PaymentState::*, On::*}; &[
        // The first charge: what is known of it only moves up.
        moves(Absent,  &[Created],     &[Awaited]),
        moves(Absent,  &[Told, Found], &[Awaited, Failed, Accepted]),
        moves(Absent,  &[Judged],      &[Accepted]),
        moves(Awaited, &[Found, Told], &[Failed, Accepted]),
        moves(Awaited, &[Judged],      &[Accepted]),
        moves(Failed,  &[Told],        &[Accepted]),
    ] };
}

impl Flow for Subscription {
    const ID: &'static str = "revup.subscription";
    const FORMAT: u32 = 1;

    type On = On;
    type Facets = (SubscriptionState, PaymentState);
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
            Place::Requested => SubscriptionState::Requested,
            Place::Adopting => SubscriptionState::Adopting,
            Place::Attested => SubscriptionState::Attested,
            Place::Awaiting => SubscriptionState::Awaiting,
            Place::Fulfilled => SubscriptionState::Fulfilled,
            Place::PastDue => SubscriptionState::PastDue,
            Place::Paused => SubscriptionState::Paused,
            Place::Unclear => SubscriptionState::Unclear,
            Place::Archived => SubscriptionState::Archived,
            Place::Cancelled => SubscriptionState::Cancelled,
        };
        let payment = match self.payment {
            Payment::Absent => PaymentState::Absent,
            Payment::Awaited => PaymentState::Awaited,
            Payment::Failed => PaymentState::Failed,
            Payment::Accepted => PaymentState::Accepted,
        };
        (subscription, payment)
    }

    fn wish(command: &Command) -> Wish {
        match command {
            Command::CreateSubscription(_) => Wish::Create,
            Command::RetrieveSubscription { .. } => Wish::Retrieve,
            Command::RetrievePayments {} => Wish::Payments,
            Command::CancelSubscription { .. } => Wish::Cancel,
            Command::RefundPayment(_) => Wish::Refund,
        }
    }

    fn wish_of(call: &Call) -> Wish {
        match call {
            Call::CreateSubscription(_) => Wish::Create,
            Call::CancelSubscription(..) => Wish::Cancel,
            Call::RefundPayment(_) => Wish::Refund,
            Call::RetrievePayments(..) => Wish::Payments,
            Call::FindTransactions(_)
            | Call::FindRefund(..)
            | Call::RetrieveSubscription(_)
            | Call::RetrieveTransaction(..) => Wish::Retrieve,
        }
    }

    fn stands(&self, command: &Command) -> bool {
        match command {
            Command::CancelSubscription { .. } => self.cancelling,
            Command::RefundPayment(it) => {
                let standing = |intent| self.refunds.standing(intent, refund_content(it));
                it.intent.as_ref().is_some_and(|intent| standing(intent) == Standing::Same)
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

    fn awaits(&self, _env: &Env<Settings>) -> Vec<Awaited> {
        self.awaited()
    }

    fn correlation_ids(&self) -> Vec<&str> {
        let order = self.order.iter().map(|it| it.as_str());
        // A notification names the refund's own transaction, and one of a chargeback the payment's.
        let refunds = self.open_refunds.iter().flat_map(|it| [it.transaction.as_str(), it.payment.as_str()]);
        self.id.iter().map(|it| it.as_str()).chain(order).chain(refunds).collect()
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        read::reply(call, reply)
    }

    fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        read::refused(call, reply)
    }

    fn made(event: &Event) -> Option<&str> {
        match event {
            Event::Created(it) => Some(it.subscription_id.as_str()),
            Event::Transaction(it) => Some(it.id.as_str()),
            _ => None,
        }
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        read::webhook(webhook.body)
    }

    fn id_of(_reason: &str, verdict: &str) -> Option<fn(&str) -> bool> {
        match verdict {
            "created" => Some(|id| SubscriptionId::parse(id).is_ok()),
            "period_end" => Some(|until| Timestamp::parse_iso(until).is_some()),
            _ => None,
        }
    }

    fn impossible(&self) -> Option<&'static str> {
        let named = self.place > Place::Requested;
        match () {
            () if named != self.id.is_some() => {
                Some("a subscription has an id exactly when Revup or a person named it")
            }
            () if self.place == Place::Requested && self.asked.is_none() => Some("nobody asked for the subscription"),
            () if self.place == Place::Awaiting && self.watch.is_none() => {
                Some("a first charge is waited for since never")
            }
            () if self.place.is_live() && self.payment != Payment::Accepted => {
                Some("a subscription that lives was paid once")
            }
            () if self.events.len() > state::REMEMBERED => Some("more events are remembered than there is room for"),
            () => None,
        }
    }
}

impl Subscription {
    /// The customer came back: a hint that a look may pay, and proof of nothing.
    fn returned(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        if self.place != Place::Awaiting {
            return Err(Because::Unrelated.into());
        }
        self.ask(cx);
        Ok(())
    }

    /// One sending was refused, and another may have come true.
    fn refused_once(&mut self, call: &Call, cx: &mut Context<'_>) {
        if call.is_cancel() && !self.place.is_final() {
            self.hint(cx);
        }
    }

    fn awaited(&self) -> Vec<Awaited> {
        let mut awaited = Vec::new();
        if let (Place::Awaiting, Some(watch), Some(id)) = (self.place, &self.watch, &self.id)
            && !watch.is_stopped()
        {
            let mut wait = Awaited::new(CREATED, watch.since());
            wait.of = Some(id.as_str().into());
            // The order of the form is gone after an hour; a stored card has been charged or not by then.
            wait.by = (!self.on_token && self.order.is_some()).then(|| expires_at(watch.since()));
            awaited.push(wait);
        }
        awaited.extend(self.open_refunds.iter().map(|open| {
            let mut wait = Awaited::new(REFUNDED, open.watch.since());
            wait.of = Some(open.intent.as_str().into());
            wait
        }));
        awaited
    }
}

/// What a refund asks for, however its amount is written.
fn refund_content(refund: &RefundPayment) -> Digest {
    let amount = refund.amount.decimal().map_or_else(String::new, |it| it.plain().to_string());
    let plain = RefundPayment { amount: Amount::new(amount), ..refund.clone() };
    Digest::of([encode(&plain).as_bytes()])
}

impl Subscription {
    /// What an input counts as in the tables.
    fn trigger(input: &Input<Self>) -> On {
        match input {
            Input::Command(Command::CreateSubscription(_)) => On::Create,
            Input::Command(Command::RetrieveSubscription { .. }) => On::Retrieve,
            Input::Answered { event, .. } => match event {
                Event::Created(_) => On::Created,
                Event::Seen(_) => On::Found,
                Event::Cancelled(_) => On::CancelAnswered,
                _ => On::Other,
            },
            Input::Signalled(..) => On::Told,
            Input::Refused { .. } => On::Refused,
            Input::Reviewed { .. } | Input::Judged { .. } | Input::Resolved { .. } | Input::AfterAll(..) => On::Judged,
            _ => On::Other,
        }
    }

    fn take_in(&mut self, input: Input<Self>, cx: &mut Context<'_>) -> Result<(), Stop> {
        match input {
            Input::Command(command) => wish::wish(self, command, cx),
            Input::Answered { id, call, event } => reply::answered(self, &id, &call, event, cx),
            Input::Hinted { call, event, .. } => reply::hinted(self, &call, event, cx),
            Input::AfterAll(it, event) => {
                reply::after_all(self, &it, event, cx);
                Ok(())
            }
            Input::Refused { id, call, .. } => {
                reply::refused(self, &id, &call, cx);
                Ok(())
            }
            Input::RefusedOnce { call, .. } => {
                self.refused_once(&call, cx);
                Ok(())
            }
            // Nothing came of it so far: it stays owed, unless it has become moot.
            Input::NotSent { call, .. } => {
                if call.is_cancel() && self.place.is_final() {
                    cx.withdraw(Call::is_cancel);
                }
                Ok(())
            }
            Input::Accepted { .. } => Ok(()),
            Input::Resolved { id, call, verdict } => verdict::resolved(self, &id, &call, &verdict, cx),
            Input::Reviewed { .. } => Ok(()),
            Input::Judged { reason, of, verdict } => verdict::judged(self, &reason, &of, &verdict, cx),
            Input::Returned(_) => self.returned(cx),
            Input::Signalled(event, origin) => match event {
                Event::Signal(event) => signal::signalled(self, &event, origin, cx),
                Event::Notified(seen) => signal::notified(self, &seen, origin, cx),
                Event::Callback(seen) => signal::called_back(self, &seen, cx),
                _ => Err(Because::Unrelated.into()),
            },
        }
    }
}
