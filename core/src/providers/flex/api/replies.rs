//! What a reply or a webhook says, once read: the same for both flows.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::Deserialize;

use super::calls::Call;
use super::objects::{
    CaptureSeen, Entries, InvoiceSeen, RefundSeen, SessionSeen, SubscriptionSeen, SubscriptionStatus, listed, refusal,
    unwrapped,
};
use super::session_request::CreateCheckoutSession;
use super::webhook::Signal;
use crate::flow::{Reading, Refusal, Reply};
use crate::providers::flex::ids::{CaptureId, RefundId};
use crate::providers::flex::rules::Rule;
use crate::rule::RuleSet;

/// What a reply or a webhook says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A session.
    Session(Box<SessionSeen>),
    /// These sessions carry our reference, or may.
    Sessions(Entries<SessionSeen>),
    /// A session shows the refund that was asked for: one for each payment of a split cart.
    Refunded(Box<SessionSeen>, Vec<RefundId>),
    /// These refunds were made.
    Refunds(Entries<RefundSeen>),
    /// A session shows the capture that was asked for; by its id, where it has one.
    Captured(Box<SessionSeen>, Option<CaptureId>),
    /// A capture was made.
    Capture(Box<CaptureSeen>),
    /// These captures were made.
    Captures(Entries<CaptureSeen>),
    /// A subscription.
    Subscription(Box<SubscriptionSeen>),
    /// An invoice.
    Invoice(Box<InvoiceSeen>),
    /// A webhook.
    Signal(Box<Signal>),
}

impl Event {
    /// The id of what a request has made.
    pub(crate) fn made(&self) -> Option<&str> {
        match self {
            Self::Session(it) => Some(it.checkout_session_id.as_str()),
            Self::Refunded(_, ids) => ids.first().map(RefundId::as_str),
            Self::Captured(_, id) => id.as_ref().map(CaptureId::as_str),
            Self::Capture(it) => Some(it.capture_id.as_str()),
            _ => None,
        }
    }
}

const SESSION_ID: &str = "/checkout_session/checkout_session_id";

/// Reads a good reply: whether the members are there that prove the success of that very request. Whether a session shows
/// a new refund or capture only the flow can tell, which knows the others.
pub(crate) fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
    match call {
        Call::CreateCheckoutSession(asked) => created(asked, reply),
        Call::RetrieveCheckoutSession(id) | Call::ConfirmCheckoutSession(id, _) | Call::CreateRefund(id, ..) => {
            Reading::of(session(reply).and_then(|it| {
                let same = it.checkout_session_id == *id;
                kept(same, SESSION_ID)?;
                kept(it.status.is_some(), "/checkout_session/status")?;
                let listed = !matches!(call, Call::CreateRefund(..)) || it.refunds.is_some();
                kept(listed, "/checkout_session/refunds")?;
                Ok(Event::Session(it))
            }))
        }
        Call::FindCheckoutSession(_) => list(reply, "checkout_sessions", "/checkout_sessions", Event::Sessions),
        Call::ListRefunds(_) => list(reply, "refunds", "/refunds", Event::Refunds),
        Call::ListCaptures(_) => list(reply, "captures", "/captures", Event::Captures),
        Call::CapturePayment(id, ..) => {
            let capture = object::<CaptureSeen>(reply, "capture").filter(|it| it.amount_captured.is_some());
            let seen = session(reply).ok().filter(|it| it.checkout_session_id == *id);
            let event = capture.map(Event::Capture).or_else(|| seen.map(Event::Session));
            Reading::of(event.ok_or("/capture"))
        }
        Call::RetrieveSubscription(id) | Call::ConfirmSubscription(id) => Reading::of(subscription(reply, id.as_str())),
        Call::CancelSubscription(id, _) => {
            let ended = |it: &SubscriptionSeen| it.status == Some(SubscriptionStatus::Canceled);
            changed(subscription(reply, id.as_str()), ended, "/subscription/status")
        }
        Call::UpdateSubscription(id, asked) => {
            let set = |it: &SubscriptionSeen| it.cancel_at_period_end == Some(asked.cancel_at_period_end);
            changed(subscription(reply, id.as_str()), set, "/subscription/cancel_at_period_end")
        }
        Call::RetrieveInvoice(id) => {
            let seen = object::<InvoiceSeen>(reply, "invoice").filter(|it| it.invoice_id == *id);
            let seen = seen.ok_or("/invoice/invoice_id");
            Reading::of(seen.and_then(|it| kept(it.status.is_some(), "/invoice/status").map(|()| Event::Invoice(it))))
        }
    }
}

/// Reads a refusal. Flex answers 422 to the refund of a session that is not complete.
pub(crate) fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
    let mut refusal = refusal(reply)?;
    if reply.status == 422 && matches!(call, Call::CreateRefund(..)) {
        refusal.rule = Some(Rule::RefundOnlyComplete.rule());
    }
    Some(refusal)
}

fn kept(holds: bool, pointer: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(pointer) }
}

/// What proves nothing and can be learnt from even so.
const fn hinted(pointer: &'static str, hint: Event) -> Reading<Event> {
    Reading::Missing { pointer, hint: Some(hint) }
}

fn object<T: for<'a> Deserialize<'a>>(reply: &Reply<'_>, kind: &str) -> Option<Box<T>> {
    unwrapped(reply.body, kind).map(Box::new)
}

fn session(reply: &Reply<'_>) -> Result<Box<SessionSeen>, &'static str> {
    object(reply, "checkout_session").ok_or(SESSION_ID)
}

fn list<T: for<'a> Deserialize<'a>>(
    reply: &Reply<'_>,
    kind: &str,
    pointer: &'static str,
    event: fn(Entries<T>) -> Event,
) -> Reading<Event> {
    Reading::of(listed(reply.body, kind).map(event).ok_or(pointer))
}

/// The session that a request has made: the one that was asked for.
fn created(asked: &CreateCheckoutSession, reply: &Reply<'_>) -> Reading<Event> {
    let seen = match session(reply) {
        Ok(seen) => seen,
        Err(pointer) => return Reading::missing(pointer),
    };
    let same_mode = seen.mode.as_ref().is_none_or(|mode| *mode == asked.mode);
    let same_reference = seen.client_reference_id.is_none() || seen.client_reference_id == asked.client_reference_id;
    match () {
        () if !same_mode => hinted("/checkout_session/mode", Event::Session(seen)),
        () if !same_reference => hinted("/checkout_session/client_reference_id", Event::Session(seen)),
        // Its id alone replaces the search.
        () if seen.status.is_none() => hinted("/checkout_session/status", Event::Session(seen)),
        () => Reading::Done(Event::Session(seen)),
    }
}

fn subscription(reply: &Reply<'_>, id: &str) -> Result<Event, &'static str> {
    let it = object::<SubscriptionSeen>(reply, "subscription").filter(|it| it.subscription_id.as_str() == id);
    let it = it.ok_or("/subscription/subscription_id")?;
    kept(it.status.is_some(), "/subscription/status")?;
    Ok(Event::Subscription(it))
}

/// A subscription that is as it was asked to be; as another it is a hint.
fn changed(
    seen: Result<Event, &'static str>,
    as_asked: impl Fn(&SubscriptionSeen) -> bool,
    pointer: &'static str,
) -> Reading<Event> {
    match seen {
        Ok(Event::Subscription(it)) if !as_asked(&it) => hinted(pointer, Event::Subscription(it)),
        other => Reading::of(other),
    }
}
