//! What moves a session, and what it owes then.

use alloc::boxed::Box;

use super::after_all::after_all;
use super::known::{capture_content, refund_content};
use super::{Command, Ending, Known, PaymentSession, reply, signal};
use crate::flow::{Cx, Input, Stop};
use crate::id::Intent;
use crate::providers::truemed::call::{Call, Capture, CreateRefund};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::session::Asked;
use crate::providers::truemed::session_request::CreatePaymentSession;
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
        Input::Reviewed { .. } => Ok(at),
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
        (_, _) => Err(Stop::NotNow),
    }
}

fn create(at: PaymentSession, mut command: CreatePaymentSession, cx: &mut Context<'_>) -> Next {
    if !matches!(at, PaymentSession::Absent) {
        return Err(Stop::NotNow);
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
    let Some(id) = at.id().cloned().or(given) else { return Err(Stop::NotNow) };
    cx.look_up(Call::RetrievePaymentSession(id.clone()));
    Ok(if matches!(at, PaymentSession::Absent) { PaymentSession::Adopting(id) } else { at })
}

fn capture(mut known: Box<Known>, intent: Option<Intent>, capture: Capture, cx: &mut Context<'_>) -> Next {
    let session = &mut known.session;
    let content = capture_content(capture.total_amount);
    session.capture_asked = true;
    session.capturing = Some(capture.total_amount);
    let call = Call::CapturePaymentSession(session.id.clone(), capture);
    match &intent {
        None => cx.owe(call),
        Some(name) => {
            let ordinal = known.ends.standing(name, content).ordinal()?;
            known.ends.open(name.clone(), content, ordinal);
            cx.owe_as(call, name, ordinal)
        }
    };
    known.ending = Some(Ending::Capture(intent, content));
    Ok(PaymentSession::Known(known))
}

fn refund(mut known: Box<Known>, intent: Option<Intent>, refund: CreateRefund, cx: &mut Context<'_>) -> Next {
    let Some(name) = intent else { return Err(Stop::NotNow) };
    let content = refund_content(&refund);
    let ordinal = known.refunds.standing(&name, content).ordinal()?;
    known.refunding = known.refunding.plus(refund.amount);
    known.refunds.open(name.clone(), content, ordinal);
    cx.owe_as(Call::CreateRefund(known.session.id.clone(), refund), &name, ordinal);
    Ok(PaymentSession::Known(known))
}
