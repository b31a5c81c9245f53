//! What an answer or a webhook says, once read: the same for both flows.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::call::Call;
use super::rules::Rule;
use super::signal::Signal;
use super::wire::{SessionSeen, SubscriptionSeen, says, sessions, unwrapped};
use crate::effect::Call as _;
use crate::flow::{Answer, Reply};
use crate::rule::RuleSet;

/// What an answer or a webhook says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A session stands thus.
    Session(Box<SessionSeen>),
    /// These sessions carry our reference, or may.
    Sessions(Vec<SessionSeen>),
    /// A subscription stands thus.
    Subscription(Box<SubscriptionSeen>),
    /// What was asked for was done, and nothing more is said.
    Accepted,
    /// A webhook.
    Signal(Box<Signal>),
}

/// Reads the answer to a request.
pub(crate) fn read_reply(call: &Call, reply: &Reply<'_>) -> Answer<Event> {
    let session = |body: &[u8]| {
        let seen: SessionSeen = unwrapped(body, "checkout_session")?;
        seen.status.is_some().then(|| Event::Session(Box::new(seen)))
    };
    let subscription = |body: &[u8]| {
        let seen: SubscriptionSeen = unwrapped(body, "subscription")?;
        seen.status.is_some().then(|| Event::Subscription(Box::new(seen)))
    };
    match call {
        Call::CreateCheckoutSession(_) | Call::RetrieveCheckoutSession(_) | Call::ConfirmCheckoutSession(..) => {
            says(reply, session)
        }
        Call::FindCheckoutSession(_) => says(reply, |body| sessions(body).map(Event::Sessions)),
        Call::RetrieveSubscription(_) | Call::ConfirmSubscription(_) => says(reply, subscription),
        Call::CancelSubscription(..) => says(reply, |body| subscription(body).or(Some(Event::Accepted))),
        Call::CreateRefund(..) | Call::CapturePayment(..) => {
            predicted(call, says(reply, |body| session(body).or(Some(Event::Accepted))), reply.status)
        }
    }
}

/// Flex answers 422 to the refund of a session that is not complete.
fn predicted(call: &Call, answer: Answer<Event>, status: u16) -> Answer<Event> {
    match answer {
        Answer::Refuses(mut refusal, event) if status == 422 && call.operation() == "create_refund" => {
            refusal.rule = Some(Rule::RefundOnlyComplete.rule());
            Answer::Refuses(refusal, event)
        }
        other => other,
    }
}
