//! `revup.subscription`: a subscription on a stored card or begun in the form, from the wish to have it to its end.

mod command;
mod creation;
mod guard;
mod ledger;
mod lines;
mod name;
mod read;
mod refund;
mod reply;
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
use crate::encode::encode;
use crate::fact::Because;
use crate::flow::{Cx, Edge, Edged, Flow, Input, Places, Reading, Refusal, Reply, Standing, Stop, Webhook};
use crate::id::Digest;
use crate::policy::Env;
use crate::time::Timestamp;

pub use command::{At, Command, Event, On, Wish};
pub use state::{Payment, Place, Subscription};

/// The event that tells of a first charge that succeeded.
pub(crate) const CREATED: &str = "subscription.created";

/// The event that tells of a refund that is done.
const REFUNDED: &str = "subscription.payment.refunded";

type Context<'a> = Cx<'a, Subscription>;
type Next = Result<Subscription, Stop>;

impl crate::flow::sealed::Sealed for Subscription {}

const fn edge(from: At, on: On, to: At) -> Edge<At, On> {
    Edge::new(from, on, to)
}

impl Edged for Subscription {
    type At = At;
    const EDGES: &'static [Edge<At, On>] = &[
        edge(At::Absent, On::Create, At::Requested),
        edge(At::Absent, On::Retrieve, At::Adopting),
        edge(At::Absent, On::Told, At::Awaiting),
        edge(At::Absent, On::Judged, At::Attested),
        edge(At::Requested, On::Created, At::Awaiting),
        edge(At::Requested, On::Told, At::Awaiting),
        edge(At::Requested, On::Judged, At::Attested),
        edge(At::Requested, On::Judged, At::Absent),
        edge(At::Requested, On::Refused, At::Absent),
        edge(At::Requested, On::Found, At::Awaiting),
        edge(At::Requested, On::Found, At::Fulfilled),
        edge(At::Requested, On::Found, At::PastDue),
        edge(At::Requested, On::Found, At::Paused),
        edge(At::Requested, On::Found, At::Archived),
        edge(At::Requested, On::Found, At::Cancelled),
        edge(At::Adopting, On::Refused, At::Absent),
        edge(At::Adopting, On::Judged, At::Absent),
        edge(At::Adopting, On::Found, At::Unclear),
        edge(At::Adopting, On::Found, At::Fulfilled),
        edge(At::Adopting, On::Found, At::PastDue),
        edge(At::Adopting, On::Found, At::Paused),
        edge(At::Adopting, On::Found, At::Archived),
        edge(At::Adopting, On::Found, At::Cancelled),
        edge(At::Attested, On::Judged, At::Absent),
        edge(At::Attested, On::Found, At::Awaiting),
        edge(At::Attested, On::Found, At::Fulfilled),
        edge(At::Attested, On::Found, At::PastDue),
        edge(At::Attested, On::Found, At::Paused),
        edge(At::Attested, On::Found, At::Archived),
        edge(At::Attested, On::Found, At::Cancelled),
        edge(At::Awaiting, On::Found, At::Fulfilled),
        edge(At::Awaiting, On::Found, At::PastDue),
        edge(At::Awaiting, On::Found, At::Paused),
        edge(At::Awaiting, On::Found, At::Archived),
        edge(At::Awaiting, On::Found, At::Cancelled),
        edge(At::Awaiting, On::Told, At::Fulfilled),
        edge(At::Awaiting, On::Told, At::Archived),
        edge(At::Awaiting, On::Told, At::Cancelled),
        edge(At::Awaiting, On::Cancelled, At::Cancelled),
        // What can go both ways is the look-up's to say.
        edge(At::Fulfilled, On::Found, At::PastDue),
        edge(At::Fulfilled, On::Found, At::Paused),
        edge(At::Fulfilled, On::Found, At::Unclear),
        edge(At::PastDue, On::Found, At::Fulfilled),
        edge(At::PastDue, On::Found, At::Paused),
        edge(At::PastDue, On::Found, At::Unclear),
        edge(At::Paused, On::Found, At::Fulfilled),
        edge(At::Paused, On::Found, At::PastDue),
        edge(At::Paused, On::Found, At::Unclear),
        edge(At::Unclear, On::Found, At::Fulfilled),
        edge(At::Unclear, On::Found, At::PastDue),
        edge(At::Unclear, On::Found, At::Paused),
        // The end is told by a look-up, by an event with proof, or in answer to a cancellation.
        edge(At::Fulfilled, On::Found, At::Cancelled),
        edge(At::Fulfilled, On::Told, At::Cancelled),
        edge(At::Fulfilled, On::Cancelled, At::Cancelled),
        edge(At::PastDue, On::Found, At::Cancelled),
        edge(At::PastDue, On::Told, At::Cancelled),
        edge(At::PastDue, On::Cancelled, At::Cancelled),
        edge(At::Paused, On::Found, At::Cancelled),
        edge(At::Paused, On::Told, At::Cancelled),
        edge(At::Paused, On::Cancelled, At::Cancelled),
        edge(At::Unclear, On::Found, At::Cancelled),
        edge(At::Unclear, On::Told, At::Cancelled),
        edge(At::Unclear, On::Cancelled, At::Cancelled),
        // Or by a person, where nothing else tells.
        edge(At::Awaiting, On::Judged, At::Fulfilled),
        edge(At::Awaiting, On::Judged, At::Cancelled),
        edge(At::Fulfilled, On::Judged, At::Cancelled),
        edge(At::PastDue, On::Judged, At::Cancelled),
        edge(At::Paused, On::Judged, At::Cancelled),
        edge(At::Unclear, On::Judged, At::Fulfilled),
        edge(At::Unclear, On::Judged, At::Cancelled),
        // Contradictory: a first charge that succeeded and failed, or an end after the end. A person looks.
        edge(At::Fulfilled, On::Found, At::Archived),
        edge(At::Fulfilled, On::Told, At::Archived),
        edge(At::PastDue, On::Found, At::Archived),
        edge(At::PastDue, On::Told, At::Archived),
        edge(At::Paused, On::Found, At::Archived),
        edge(At::Paused, On::Told, At::Archived),
        edge(At::Unclear, On::Found, At::Archived),
        edge(At::Unclear, On::Told, At::Archived),
        edge(At::Archived, On::Found, At::Cancelled),
        edge(At::Archived, On::Told, At::Cancelled),
        // The first charge: what is known of it only moves up.
        edge(At::PaymentAbsent, On::Created, At::PaymentAwaited),
        edge(At::PaymentAbsent, On::Told, At::PaymentAwaited),
        edge(At::PaymentAbsent, On::Found, At::PaymentAwaited),
        edge(At::PaymentAbsent, On::Found, At::PaymentFailed),
        edge(At::PaymentAbsent, On::Found, At::PaymentAccepted),
        edge(At::PaymentAbsent, On::Told, At::PaymentFailed),
        edge(At::PaymentAbsent, On::Told, At::PaymentAccepted),
        edge(At::PaymentAwaited, On::Found, At::PaymentFailed),
        edge(At::PaymentAwaited, On::Told, At::PaymentFailed),
        edge(At::PaymentAwaited, On::Found, At::PaymentAccepted),
        edge(At::PaymentAwaited, On::Told, At::PaymentAccepted),
        edge(At::PaymentAbsent, On::Judged, At::PaymentAccepted),
        edge(At::PaymentAwaited, On::Judged, At::PaymentAccepted),
        edge(At::PaymentFailed, On::Told, At::PaymentAccepted),
    ];

    fn at(&self) -> impl IntoIterator<Item = At> {
        let subscription = match self.place {
            Place::Absent => At::Absent,
            Place::Requested => At::Requested,
            Place::Adopting => At::Adopting,
            Place::Attested => At::Attested,
            Place::Awaiting => At::Awaiting,
            Place::Fulfilled => At::Fulfilled,
            Place::PastDue => At::PastDue,
            Place::Paused => At::Paused,
            Place::Unclear => At::Unclear,
            Place::Archived => At::Archived,
            Place::Cancelled => At::Cancelled,
        };
        let payment = match self.payment {
            Payment::Absent => At::PaymentAbsent,
            Payment::Awaited => At::PaymentAwaited,
            Payment::Failed => At::PaymentFailed,
            Payment::Accepted => At::PaymentAccepted,
        };
        [subscription, payment]
    }
}

impl Flow for Subscription {
    const ID: &'static str = "revup.subscription";
    const FORMAT: u32 = 1;

    type On = On;
    type Facets = Places<Self>;
    type Wish = Wish;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Rule = Rule;
    type Settings = Settings;

    fn facets(&self) -> Places<Self> {
        Places::of(self)
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

    fn on(input: &Input<Self>) -> On {
        match input {
            Input::Command(Command::CreateSubscription(_)) => On::Create,
            Input::Command(Command::RetrieveSubscription { .. }) => On::Retrieve,
            Input::Answered { event, .. } => match event {
                Event::Created(_) => On::Created,
                Event::Seen(_) => On::Found,
                Event::Cancelled(_) => On::Cancelled,
                _ => On::Other,
            },
            Input::Signalled(..) => On::Told,
            Input::Refused { .. } => On::Refused,
            Input::Judged { .. } | Input::Resolved { .. } | Input::AfterAll(..) => On::Judged,
            _ => On::Other,
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

    fn guard(&self, wish: Wish, cx: &mut Context<'_>) {
        guard::guard(self, wish, cx);
    }

    fn step(self, input: Input<Self>, cx: &mut Context<'_>) -> Next {
        match input {
            Input::Command(command) => wish::wish(self, command, cx),
            Input::Answered { id, call, event } => reply::answered(self, &id, &call, event, cx),
            Input::Hinted { call, event, .. } => reply::hinted(self, &call, event, cx),
            Input::AfterAll(it, event) => Ok(reply::after_all(self, &it, event, cx)),
            Input::Refused { id, call, .. } => reply::refused(self, &id, &call, cx),
            Input::RefusedOnce { call, .. } => Ok(self.refused_once(&call, cx)),
            Input::NotSent { call, .. } => Ok(self.not_sent(&call, cx)),
            Input::Accepted { .. } => Ok(self),
            Input::Resolved { id, call, verdict } => verdict::resolved(self, &id, &call, &verdict, cx),
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

    #[cfg(feature = "samples")]
    fn samples() -> crate::flow::Samples<Self> {
        super::samples::subscription()
    }

    #[cfg(feature = "samples")]
    fn sample_key() -> crate::id::Key {
        super::samples::key()
    }
}

impl Subscription {
    /// The customer came back: a hint that a look may pay, and proof of nothing.
    fn returned(mut self, cx: &mut Context<'_>) -> Next {
        if self.place != Place::Awaiting {
            return Err(Because::Unrelated.into());
        }
        self.ask(cx);
        Ok(self)
    }

    /// One sending was refused, and another may have come true.
    fn refused_once(mut self, call: &Call, cx: &mut Context<'_>) -> Self {
        if call.is_cancel() && !self.place.is_final() {
            self.hint(cx);
        }
        self
    }

    /// Nothing came of a request so far: it stays owed, unless it has become moot.
    fn not_sent(self, call: &Call, cx: &mut Context<'_>) -> Self {
        if call.is_cancel() && self.place.is_final() {
            cx.withdraw(Call::is_cancel);
        }
        self
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
