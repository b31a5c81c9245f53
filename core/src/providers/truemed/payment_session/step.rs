//! What moves a session, and what it owes then.

use alloc::boxed::Box;
use alloc::format;

use super::after_all::after_all;
use super::known::{capture_content, refund_content};
use super::{Command, Ending, Known, PaymentSession, reply, signal};
use crate::flow::{Cx, Input, Stop};
use crate::id::Intent;
use crate::money::Cents;
use crate::providers::truemed::call::{Call, Capture, CreateRefund};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::Asked;
use crate::providers::truemed::session_request::CreatePaymentSession;
use crate::providers::truemed::wire::Status;
use crate::rule::{Kernel, Until};
use crate::value::echoed;

pub(super) type Context<'a> = Cx<'a, PaymentSession>;
pub(super) type Next = Result<PaymentSession, Stop>;

pub(super) fn step(at: PaymentSession, input: Input<PaymentSession>, cx: &mut Context<'_>) -> Next {
    match input {
        Input::Command(command) => wish(at, command, cx),
        Input::Answered { id, call, event } => reply::answered(at, &id, &call, event, cx),
        Input::AfterAll(it, event) => Ok(after_all(at, &it, event, cx)),
        Input::Refused { id, call, status, code, .. } => {
            Ok(reply::refused(at, &id, &call, status, code.as_deref(), cx))
        }
        Input::RefusedOnce { code, .. } => Ok(reply::refused_once(at, code.as_deref())),
        Input::Resolved { id, call, verdict } => Ok(reply::resolved(at, &id, &call, &verdict, cx)),
        Input::Accepted { .. } | Input::Hinted { .. } | Input::NotSent { .. } => Ok(at),
        Input::Signalled(event, origin) => signal::signalled(at, event, origin, cx),
        Input::Returned(via) => signal::returned(at, via, cx),
        Input::Judged { reason, of, verdict } => Ok(signal::judged(at, &reason, &of, &verdict, cx)),
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
    cx.check(Rule::SessionUnattendedNeedsActiveToken, !command.is_of_a_token()).at(at_field).until(own);
    cx.finish()?;
    cx.check(Rule::SessionIdempotencyNewCartNewKey, matches!(at, PaymentSession::Absent) || !at.is_open());
    command.check(cx);
    cx.finish()?;
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
    cx.check(Kernel::NoEdge, known.is_some() && same).at("/payment_session_id");
    cx.finish()?;
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
    session.capturing = Some(capture.total_amount);
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
    cx.check(Kernel::IntentRequired, intent.is_some()).at("/intent");
    cx.finish()?;
    let Some(name) = intent else { return Err(Stop::Refused) };
    let content = refund_content(&refund);
    let ordinal = known.refunds.standing(&name, content).ordinal(Rule::RefundKeyUnique, cx)?;
    known.refunding = known.refunding.plus(refund.amount);
    known.refunds.open(name.clone(), content, ordinal);
    cx.owe_as(Call::CreateRefund(known.session.id.clone(), refund), &name, ordinal);
    Ok(PaymentSession::Known(known))
}
