//! The rules of a session's wishes that its state decides.

use super::{Ending, Known, PaymentSession, Wish};
use crate::flow::Cx;
use crate::money::Cents;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{SESSION_COMPLETE, placed};
use crate::providers::truemed::wire::Status;
use crate::rule::{Kernel, Until};

pub(super) fn guard(at: &PaymentSession, wish: Wish, cx: &mut Cx<'_, PaymentSession>) {
    let status = match at {
        PaymentSession::Known(known) => Some(&known.session.status),
        _ => None,
    };
    // Until it is paid or dropped, a session moves on by Truemed's word alone.
    let open = at.is_open();
    let moves_on = |may: bool| (open && may).then_some(Until::Signal(SESSION_COMPLETE));
    match wish {
        Wish::Create => {
            placed(cx);
            let absent = matches!(at, PaymentSession::Absent) || cx.is_begin();
            // A command says itself whether it is another cart; one that is over is not begun again.
            if cx.is_offer() && open {
                cx.check(Rule::SessionIdempotencyNewCartNewKey, absent);
            }
            cx.check(Kernel::AlreadyBegun, absent || open);
        }
        Wish::Retrieve => {}
        Wish::Capture => {
            cx.check(Rule::CaptureOnlyAuthorization, is_held(at)).until(moves_on(!is_immediate(at)));
            alone(at, |it| matches!(it, Ending::Capture(..)), cx);
        }
        Wish::Void => {
            cx.check(Rule::VoidOnlyAuthorized, is_held(at)).until(moves_on(!is_immediate(at)));
            alone(at, |it| matches!(it, Ending::Void), cx);
        }
        Wish::Cancel => {
            cx.check(Rule::CancelOnlyPending, status == Some(&Status::Pending));
            alone(at, |it| matches!(it, Ending::Cancel), cx);
        }
        Wish::Refund => refund(at, status, open, cx),
    }
}

fn refund(at: &PaymentSession, status: Option<&Status>, open: bool, cx: &mut Cx<'_, PaymentSession>) {
    let captured = status == Some(&Status::Captured);
    let moves_on = open || status == Some(&Status::Authorized);
    cx.check(Rule::RefundAfterCapture, captured).until(moves_on.then_some(Until::Signal(SESSION_COMPLETE)));
    let PaymentSession::Known(known) = at else { return };
    let look = Until::wish("retrieve_payment_session");
    cx.check(Rule::RefundNoDispute, !known.disputed).until(look);
    let left = !cx.is_offer() || known.refundable().is_none_or(|left| left > Cents::ZERO);
    cx.check(Rule::RefundAmount, !captured || left);
}

/// Whether its money is held, as far as anybody knows.
fn is_held(at: &PaymentSession) -> bool {
    let known = |known: &Known| known.session.status == Status::Authorized && !known.session.ended;
    !is_immediate(at) && matches!(at, PaymentSession::Known(it) if known(it))
}

/// Whether the session is one whose money is taken at once.
fn is_immediate(at: &PaymentSession) -> bool {
    match at {
        PaymentSession::Requested(asked) => !asked.authorization,
        PaymentSession::Known(known) => known.session.asked.as_ref().is_some_and(|asked| !asked.authorization),
        _ => false,
    }
}

/// While one end is asked for, another waits for its answer.
fn alone(at: &PaymentSession, own: fn(&Ending) -> bool, cx: &mut Cx<'_, PaymentSession>) {
    if let PaymentSession::Known(known) = at
        && let Some(ending) = &known.ending
        && !(cx.is_begin() && own(ending))
    {
        cx.check(Kernel::OneAtATime, false).until(Until::Signal(SESSION_COMPLETE));
    }
}

impl PaymentSession {
    /// Whether it moves on by Truemed's word alone: it is neither held nor over.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Known(known) => {
                !known.session.ended && matches!(known.session.status, Status::Pending | Status::Processing)
            }
            _ => true,
        }
    }
}
