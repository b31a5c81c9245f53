//! What a reply or a webhook contains, once read. Both flows share it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::Deserialize;

use super::calls::Call;
use super::objects::{
    CaptureObject, DisputeObject, DisputeStatus, Entries, InvoiceObject, RefundObject, SessionObject,
    SetupIntentObject, SubscriptionObject, SubscriptionStatus, listed, refusal, unwrapped,
};
use super::request::RefundPayment;
use super::session_request::{CreateCheckoutSession, echoed_key};
use super::webhook::Signal;
use crate::flow::{Reading, Refusal, Reply};
use crate::id::TypedId;
use crate::providers::flex::ids::{CaptureId, DisputeId, RefundId};
use crate::providers::flex::rules::Rule;
use crate::rule::RuleSet;

/// What a reply or a webhook contains.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// One session.
    Session(Box<SessionObject>),
    /// Sessions that may carry our reference.
    Sessions(Entries<SessionObject>),
    /// A session that shows the requested refund. A split cart has one refund for each payment.
    Refunded(Box<SessionObject>, Vec<RefundId>),
    /// One refund.
    Refund(Box<RefundObject>),
    /// A list of refunds.
    Refunds(Entries<RefundObject>),
    /// A session that shows the requested capture, by its id if Flex shows one.
    Captured(Box<SessionObject>, Option<CaptureId>),
    /// One capture.
    Capture(Box<CaptureObject>),
    /// A list of captures.
    Captures(Entries<CaptureObject>),
    /// One subscription.
    Subscription(Box<SubscriptionObject>),
    /// One setup intent.
    SetupIntent(Box<SetupIntentObject>),
    /// One invoice.
    Invoice(Box<InvoiceObject>),
    /// One dispute.
    Dispute(Box<DisputeObject>),
    /// A list of disputes.
    Disputes(Entries<DisputeObject>),
    /// A webhook.
    Signal(Box<Signal>),
}

impl Event {
    /// The id of the object that a request has created.
    pub(crate) fn made(&self) -> Option<TypedId> {
        match self {
            Self::Session(it) => Some(TypedId::from(&it.checkout_session_id)),
            Self::Refunded(_, ids) => ids.first().map(TypedId::from),
            Self::Refund(it) => Some(TypedId::from(&it.refund_id)),
            Self::Captured(_, id) => id.as_ref().map(TypedId::from),
            Self::Capture(it) => Some(TypedId::from(&it.capture_id)),
            _ => None,
        }
    }
}

const SESSION_ID: &str = "/checkout_session/checkout_session_id";

/// Reads a successful reply: whether it has the members that prove the success of this request. Only the flow knows the
/// earlier refunds and captures, so only the flow can tell whether the session shows a new one.
pub(crate) fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
    match call {
        Call::CreateCheckoutSession(requested) | Call::SetUpPaymentMethod(requested) => read_created(requested, reply),
        Call::RetrieveCheckoutSession(id) | Call::ConfirmCheckoutSession(id, _) | Call::CreateRefund(id, ..) => {
            let must_list = matches!(call, Call::CreateRefund(..));
            Reading::of(read_session(reply).and_then(|session| {
                require(session.checkout_session_id == *id, SESSION_ID)?;
                require(session.status.is_some(), "/checkout_session/status")?;
                require(session.refunds.is_some() || !must_list, "/checkout_session/refunds")?;
                Ok(Event::Session(session))
            }))
        }
        Call::FindCheckoutSession(_) => read_list(reply, "checkout_sessions", "/checkout_sessions", Event::Sessions),
        Call::RefundPayment(_, requested) => Reading::of(read_refund(requested, reply).map(Event::Refund)),
        Call::ListRefunds(_) | Call::ConfirmRefund(..) => read_list(reply, "refunds", "/refunds", Event::Refunds),
        Call::ListCaptures(_) => read_list(reply, "captures", "/captures", Event::Captures),
        Call::CapturePayment(id, ..) => {
            let capture = read_object::<CaptureObject>(reply, "capture").filter(|it| it.amount_captured.is_some());
            let object = read_session(reply).ok().filter(|it| it.checkout_session_id == *id);
            let event = capture.map(Event::Capture).or_else(|| object.map(Event::Session));
            Reading::of(event.ok_or("/capture"))
        }
        Call::RetrieveSubscription(id) | Call::ConfirmSubscription(id) => {
            Reading::of(read_subscription(reply, id.as_str()))
        }
        Call::CancelSubscription(id, _) => {
            let ended = |it: &SubscriptionObject| it.status == Some(SubscriptionStatus::Canceled);
            read_changed(read_subscription(reply, id.as_str()), ended, "/subscription/status")
        }
        Call::UpdateSubscription(id, requested) => {
            let set = |it: &SubscriptionObject| requested.is_shown_by(it);
            read_changed(read_subscription(reply, id.as_str()), set, "/subscription/cancel_at_period_end")
        }
        Call::ChangeSubscription(id, requested) => {
            let shown = |it: &SubscriptionObject| requested.is_shown_by(it);
            read_changed(read_subscription(reply, id.as_str()), shown, "/subscription/items")
        }
        Call::RetrieveSetupIntent(id) => {
            let object = read_object::<SetupIntentObject>(reply, "setup_intent").filter(|it| it.setup_intent_id == *id);
            Reading::of(object.ok_or("/setup_intent/setup_intent_id").and_then(|object| {
                require(object.status.is_some(), "/setup_intent/status")?;
                Ok(Event::SetupIntent(object))
            }))
        }
        Call::FindDisputes(_) => read_list(reply, "disputes", "/disputes", Event::Disputes),
        Call::RetrieveDispute(id) => Reading::of(read_dispute(reply, id).map(Event::Dispute)),
        // Flex shows an accepted dispute as lost.
        Call::CloseDispute(id) => match read_dispute(reply, id) {
            Ok(object) if object.status != Some(DisputeStatus::Lost) => hint("/dispute/status", Event::Dispute(object)),
            other => Reading::of(other.map(Event::Dispute)),
        },
        Call::RetrieveInvoice(id) => {
            let invoice = read_object::<InvoiceObject>(reply, "invoice").filter(|it| it.invoice_id == *id);
            Reading::of(invoice.ok_or("/invoice/invoice_id").and_then(|invoice| {
                require(invoice.status.is_some(), "/invoice/status")?;
                Ok(Event::Invoice(invoice))
            }))
        }
    }
}

/// Reads a refusal. Flex refuses the refund of an incomplete session with 422.
pub(crate) fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
    let mut refusal = refusal(reply)?;
    if reply.status == 422 && matches!(call, Call::CreateRefund(..)) {
        refusal.rule = Some(Rule::RefundOnlyComplete.rule());
    }
    Some(refusal)
}

/// Reads the reply to the refund of a payment: whether it shows a refund of that payment, with our key or our amount.
fn read_refund(requested: &RefundPayment, reply: &Reply<'_>) -> Result<Box<RefundObject>, &'static str> {
    let object = read_object::<RefundObject>(reply, "refund").ok_or("/refund/refund_id")?;
    require(object.status.is_some(), "/refund/status")?;
    let payment = object.payment_intent();
    require(payment.is_none() || payment == requested.payment_intent_id.as_deref(), "/refund/payment_intent_id")?;
    let key = echoed_key(requested.metadata.as_ref());
    require(object.echo.is_none() || object.echo == key, "/refund/metadata")?;
    require(object.echo.is_some() || object.amount == requested.amount, "/refund/amount")?;
    Ok(object)
}

fn require(holds: bool, pointer: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(pointer) }
}

/// A reply that proves nothing, but whose object is useful.
const fn hint(pointer: &'static str, hint: Event) -> Reading<Event> {
    Reading::Missing { pointer, hint: Some(hint) }
}

fn read_object<T: for<'a> Deserialize<'a>>(reply: &Reply<'_>, kind: &str) -> Option<Box<T>> {
    unwrapped(reply.body, kind).map(Box::new)
}

fn read_session(reply: &Reply<'_>) -> Result<Box<SessionObject>, &'static str> {
    read_object(reply, "checkout_session").ok_or(SESSION_ID)
}

fn read_list<T: for<'a> Deserialize<'a>>(
    reply: &Reply<'_>,
    kind: &str,
    pointer: &'static str,
    event: fn(Entries<T>) -> Event,
) -> Reading<Event> {
    Reading::of(listed(reply.body, kind).map(event).ok_or(pointer))
}

/// Reads the reply to a create request: whether it shows the requested session.
fn read_created(requested: &CreateCheckoutSession, reply: &Reply<'_>) -> Reading<Event> {
    let object = match read_session(reply) {
        Ok(object) => object,
        Err(pointer) => return Reading::missing(pointer),
    };
    let same_mode = object.mode.as_ref().is_none_or(|mode| *mode == requested.mode);
    let same_reference =
        object.client_reference_id.is_none() || object.client_reference_id == requested.client_reference_id;
    if !same_mode {
        hint("/checkout_session/mode", Event::Session(object))
    } else if !same_reference {
        hint("/checkout_session/client_reference_id", Event::Session(object))
    } else if object.status.is_none() {
        // The id alone replaces the search for the session.
        hint("/checkout_session/status", Event::Session(object))
    } else {
        Reading::Done(Event::Session(object))
    }
}

fn read_dispute(reply: &Reply<'_>, id: &DisputeId) -> Result<Box<DisputeObject>, &'static str> {
    let object = read_object::<DisputeObject>(reply, "dispute");
    let object = object.filter(|it| it.dispute_id == *id).ok_or("/dispute/dispute_id")?;
    require(object.status.is_some(), "/dispute/status")?;
    Ok(object)
}

fn read_subscription(reply: &Reply<'_>, id: &str) -> Result<Event, &'static str> {
    let object = read_object::<SubscriptionObject>(reply, "subscription");
    let object = object.filter(|it| it.subscription_id.as_str() == id).ok_or("/subscription/subscription_id")?;
    require(object.status.is_some(), "/subscription/status")?;
    Ok(Event::Subscription(object))
}

/// Reads the reply to a change: whether the subscription shows the change. Otherwise the subscription is a hint.
fn read_changed(
    event: Result<Event, &'static str>,
    as_requested: impl Fn(&SubscriptionObject) -> bool,
    pointer: &'static str,
) -> Reading<Event> {
    match event {
        Ok(Event::Subscription(object)) if !as_requested(&object) => hint(pointer, Event::Subscription(object)),
        other => Reading::of(other),
    }
}
