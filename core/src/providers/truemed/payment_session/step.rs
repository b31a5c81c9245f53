//! What moves a session, and what it owes then.

use alloc::boxed::Box;
use alloc::format;

use super::{Command, Ending, Event, Known, PaymentSession, capture_content, refund_content};
use crate::fact::{Because, Origin, Verdict};
use crate::flow::{Cx, Input, Outcome, Stop};
use crate::id::{EffectId, Intent};
use crate::money::Cents;
use crate::providers::truemed::call::{Call, Capture, CreateRefund};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{Asked, Session};
use crate::providers::truemed::session_request::CreatePaymentSession;
use crate::providers::truemed::wire::{SessionCreated, SessionSeen, Signal, Status};
use crate::rule::{Kernel, Until};
use crate::value::echoed;

type Context<'a> = Cx<'a, PaymentSession>;
type Next = Result<PaymentSession, Stop>;

pub(super) fn step(at: PaymentSession, input: Input<PaymentSession>, cx: &mut Context<'_>) -> Next {
    match input {
        Input::Command(command) => wish(at, command, cx),
        Input::Answered { id, call, event } => answered(at, &id, &call, event, cx),
        Input::Refused { id, call, status, code } => Ok(refused(at, &id, &call, (status, code.as_deref()), cx)),
        Input::Missed(call) => missed(at, call, cx),
        Input::Signalled(event, origin) => signalled(at, event, origin, cx),
        Input::Returned(_) => returned(at, cx),
        Input::Judged { reason, verdict, .. } => Ok(judged(at, &reason, &verdict)),
    }
}

fn wish(at: PaymentSession, command: Command, cx: &mut Context<'_>) -> Next {
    match (at, command) {
        (at, Command::CreatePaymentSession(it)) => create(at, *it, cx),
        (at, Command::RetrievePaymentSession { payment_session_id }) => retrieve(at, payment_session_id, cx),
        (PaymentSession::Known(known), Command::CapturePaymentSession { total_amount, intent, extra }) => {
            capture(known, intent, Capture { total_amount, extra }, cx)
        }
        (PaymentSession::Known(mut known), Command::VoidPaymentSession {}) => {
            cx.owe(Call::VoidPaymentSession(known.session.id.clone()));
            known.ending = Some(Ending::Void);
            Ok(PaymentSession::Known(known))
        }
        (PaymentSession::Known(mut known), Command::CancelPaymentSession {}) => {
            cx.owe(Call::CancelPaymentSession(known.session.id.clone()));
            known.ending = Some(Ending::Cancel);
            Ok(PaymentSession::Known(known))
        }
        (PaymentSession::Known(known), Command::CreateRefund { intent, amount, reason, item_details, extra }) => {
            refund(known, intent, CreateRefund { amount, reason, item_details, extra }, cx)
        }
        // The guard has named the rule.
        (_, _) => Err(Stop::Refused),
    }
}

fn create(at: PaymentSession, mut command: CreatePaymentSession, cx: &mut Context<'_>) -> Next {
    let own = Until::Wish { command: "create_payment_session", flow: Some("truemed.payment_token") };
    let at_field = if command.is_charge() { "/payment_token" } else { "/tokenize" };
    cx.require(Rule::SessionUnattendedNeedsActiveToken, !command.is_of_a_token()).at(at_field).until(own).met()?;
    cx.check(Rule::SessionIdempotencyNewCartNewKey, matches!(at, PaymentSession::Absent) || !at.is_open());
    command.check(cx);
    cx.admitted()?;
    if !matches!(at, PaymentSession::Absent) {
        return Err(Stop::Refused);
    }
    let content = command.content();
    let metadata = echoed(&mut command.metadata, cx.key());
    let asked = Asked::of(&command, content, &metadata);
    match command.intent.clone() {
        Some(intent) => cx.owe_next(Call::CreatePaymentSession(Box::new(command)), &intent),
        None => cx.owe(Call::CreatePaymentSession(Box::new(command))),
    };
    Ok(PaymentSession::Requested(asked))
}

fn retrieve(at: PaymentSession, given: Option<PaymentSessionId>, cx: &mut Context<'_>) -> Next {
    let known = match &at {
        PaymentSession::Known(known) => Some(known.session.id.clone()),
        PaymentSession::Adopting(id) => Some(id.clone()),
        PaymentSession::Absent => given.clone(),
        PaymentSession::Requested(_) => None,
    };
    let same = given.is_none() || given == known;
    cx.require(Kernel::NoEdge, known.is_some() && same).at("/payment_session_id").met()?;
    let Some(id) = known else { return Err(Stop::Refused) };
    cx.look_up(Call::RetrievePaymentSession(id.clone()));
    Ok(if matches!(at, PaymentSession::Absent) { PaymentSession::Adopting(id) } else { at })
}

fn capture(mut known: Box<Known>, intent: Option<Intent>, capture: Capture, cx: &mut Context<'_>) -> Next {
    let session = &mut known.session;
    let total = session.asked.as_ref().map(|it| it.total).or(session.authorized);
    let positive = capture.total_amount > Cents::ZERO;
    let within = positive && total.is_none_or(|total| capture.total_amount <= total);
    cx.check(Rule::CaptureAmount, within).at("/total_amount");
    let items = session.asked.as_ref().map(|it| it.items);
    let covers = items.is_none_or(|items| capture.total_amount >= items);
    cx.check(Rule::CaptureAmountVsItems, covers).at("/total_amount");
    cx.check_extra::<Capture>(&capture.extra);
    let content = capture_content(capture.total_amount);
    session.capture_asked = true;
    let call = Call::CapturePaymentSession(session.id.clone(), capture);
    match &intent {
        None => cx.owe(call),
        Some(name) => {
            let ordinal = known.ends.standing(name, content).ordinal(Rule::RefundKeyUnique, cx)?;
            known.ends.open(name.clone(), content, ordinal);
            cx.owe_as(call, name, ordinal)
        }
    };
    known.ending = Some(Ending::Capture(intent, content));
    Ok(PaymentSession::Known(known))
}

fn refund(mut known: Box<Known>, intent: Option<Intent>, refund: CreateRefund, cx: &mut Context<'_>) -> Next {
    cx.check(Rule::RefundReason, refund.reason.is_known()).at("/reason");
    cx.check_extra::<CreateRefund>(&refund.extra);
    if known.session.status == Status::Captured {
        let left = known.refundable();
        let within = refund.amount > Cents::ZERO && left.is_none_or(|left| refund.amount <= left);
        cx.check(Rule::RefundAmount, within).at("/amount").because(|| match left {
            Some(left) => format!("{left} of what was captured is left."),
            None => "It is not positive.".into(),
        });
    }
    cx.require(Kernel::IntentRequired, intent.is_some()).at("/intent").met()?;
    let Some(name) = intent else { return Err(Stop::Refused) };
    let content = refund_content(&refund);
    let ordinal = known.refunds.standing(&name, content).ordinal(Rule::RefundKeyUnique, cx)?;
    known.refunding = known.refunding.plus(refund.amount);
    known.refunds.open(name.clone(), content, ordinal);
    cx.owe_as(Call::CreateRefund(known.session.id.clone(), refund), &name, ordinal);
    Ok(PaymentSession::Known(known))
}

fn answered(at: PaymentSession, effect: &EffectId, call: &Call, event: Event, cx: &mut Context<'_>) -> Next {
    match (at, event) {
        (PaymentSession::Requested(asked), Event::Created(reply)) => Ok(created(asked, reply, cx)),
        (PaymentSession::Adopting(id), Event::Seen(seen)) => {
            let session = Session::new(id, None, cx.now());
            Ok(seen_by_look_up(Box::new(Known::new(session)), &seen, cx))
        }
        (PaymentSession::Known(known), Event::Seen(seen)) => Ok(seen_by_look_up(known, &seen, cx)),
        (PaymentSession::Known(mut known), Event::Accepted) => {
            match call {
                Call::CreateRefund(_, refund) => {
                    known.refunding = known.refunding.minus(refund.amount);
                    known.refunded = known.refunded.plus(refund.amount);
                    known.refunds.settle(effect.intent(), Outcome::Done);
                }
                _ => {
                    // The session shows the outcome; a webhook says so, or the look-ups do.
                    known.settle_end(Outcome::Done);
                    known.session.ending = true;
                    known.session.watch = crate::flow::Watch::new(cx.now());
                    known.session.watch(cx);
                }
            }
            Ok(PaymentSession::Known(known))
        }
        (_, _) => Err(Because::Unrelated.into()),
    }
}

fn created(asked: Asked, reply: SessionCreated, cx: &mut Context<'_>) -> PaymentSession {
    cx.learn(reply.id.as_str());
    let session = Session::created(reply, asked, cx.now());
    session.watch(cx);
    PaymentSession::Known(Box::new(Known::new(session)))
}

fn seen_by_look_up(mut known: Box<Known>, seen: &SessionSeen, cx: &mut Context<'_>) -> PaymentSession {
    cx.learn(known.session.id.as_str());
    if let Some(summary) = &seen.status_summary {
        known.disputed = summary == "Disputed";
    }
    if seen.status_summary.as_deref() == Some("Refunded") {
        let whole = known.session.captured.or(seen.capture_amount).or(seen.total_amount);
        known.refunded = known.refunded.max(whole.unwrap_or_default());
    }
    known.session.watch.looked();
    see(known, seen, cx)
}

/// Takes in how the session stands, and withdraws what that makes moot.
fn see(mut known: Box<Known>, seen: &SessionSeen, cx: &mut Context<'_>) -> PaymentSession {
    known.session.see(seen, cx);
    let moot = match &known.ending {
        Some(Ending::Cancel) => known.session.status != Status::Pending,
        Some(Ending::Capture(..) | Ending::Void) => known.session.status.is_final(),
        None => false,
    };
    if moot {
        let is_end = |call: &Call| !matches!(call, Call::RetrievePaymentSession(_) | Call::CreateRefund(..));
        cx.withdraw(is_end);
        let captured = known.session.status == Status::Captured;
        known.settle_end(if captured { Outcome::Done } else { Outcome::Failed });
        known.ending = None;
        known.session.ending = false;
    }
    known.session.watch(cx);
    PaymentSession::Known(known)
}

fn refused(
    at: PaymentSession,
    effect: &EffectId,
    call: &Call,
    (status, code): (u16, Option<&str>),
    cx: &mut Context<'_>,
) -> PaymentSession {
    match (at, call) {
        (PaymentSession::Requested(_) | PaymentSession::Adopting(_), _) => PaymentSession::Absent,
        (PaymentSession::Known(mut known), Call::CreateRefund(_, refund)) => {
            known.refunding = known.refunding.minus(refund.amount);
            known.refunds.settle(effect.intent(), Outcome::Failed);
            known.disputed |= code == Some("ChargeDisputed");
            PaymentSession::Known(known)
        }
        (PaymentSession::Known(mut known), Call::RetrievePaymentSession(id)) => {
            if status == 404 {
                cx.review("not_found", id.as_str(), &["seen"]);
            }
            known.session.watch.looked();
            known.session.watch(cx);
            PaymentSession::Known(known)
        }
        (PaymentSession::Known(mut known), _) => {
            known.settle_end(Outcome::Failed);
            PaymentSession::Known(known)
        }
        (at, _) => at,
    }
}

fn missed(mut at: PaymentSession, call: Call, cx: &mut Context<'_>) -> Next {
    match &mut at {
        PaymentSession::Known(known) if known.session.awaited().is_some() => {
            known.session.watch.looked();
            known.session.watch(cx);
        }
        _ => cx.look_up(call),
    }
    Ok(at)
}

fn signalled(at: PaymentSession, event: Event, origin: Origin, cx: &mut Context<'_>) -> Next {
    let Event::Signal(signal) = event else { return Err(Because::Unrelated.into()) };
    cx.check(Rule::WebhookAuthenticateFirst, origin == Origin::Verified);
    let Signal::SessionComplete(seen) = *signal else { return Err(Because::Unrelated.into()) };
    if origin != Origin::Verified {
        return Err(Because::Unrelated.into());
    }
    match at {
        PaymentSession::Known(known) if seen.session() == Some(&known.session.id) => {
            known.session.check(&seen, cx);
            Ok(see(known, &seen, cx))
        }
        PaymentSession::Requested(asked) if answers(&seen, cx) => {
            let id = seen.session().cloned().ok_or(Because::Unrelated)?;
            let session = Session::new(id, Some(asked), cx.now());
            cx.learn(session.id.as_str());
            cx.withdraw(|call| matches!(call, Call::CreatePaymentSession(_)));
            session.check(&seen, cx);
            Ok(see(Box::new(Known::new(session)), &seen, cx))
        }
        PaymentSession::Requested(_) | PaymentSession::Adopting(_) => Err(Because::Early.into()),
        _ => Err(Because::Unrelated.into()),
    }
}

/// Whether a webhook stands in for the answer to our request: it echoes our key, and the customer has been there, so
/// that the redirect URL of the answer is not needed any more.
fn answers(seen: &SessionSeen, cx: &Context<'_>) -> bool {
    let sent = cx.sent(|call| matches!(call, Call::CreatePaymentSession(_)));
    sent && seen.status.is_known()
        && seen.status != Status::Pending
        && seen.metadata.as_deref() == Some(cx.key().as_str())
}

fn returned(at: PaymentSession, cx: &mut Context<'_>) -> Next {
    match at {
        PaymentSession::Known(mut known) if known.session.awaited().is_some() => {
            known.session.watch.returned(cx.now());
            known.session.watch(cx);
            Ok(PaymentSession::Known(known))
        }
        _ => Err(Because::Unrelated.into()),
    }
}

fn judged(mut at: PaymentSession, reason: &str, verdict: &Verdict) -> PaymentSession {
    if let PaymentSession::Known(known) = &mut at
        && reason == "no_signal"
        && verdict.name() == "stop_waiting"
    {
        known.session.watch.stop();
    }
    at
}
