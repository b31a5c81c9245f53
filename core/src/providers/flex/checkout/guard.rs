//! The rules of a checkout's wishes that its state decides.

use super::{Checkout, Context, Wish};
use crate::money::Cents;
use crate::providers::flex::checkouts::Place;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::signal::SESSION_COMPLETED;
use crate::rule::{Kernel, Until};

pub(super) fn guard(at: &Checkout, wish: Wish, cx: &mut Context<'_>) {
    match wish {
        Wish::Create => at.checkouts.guard_create(cx),
        Wish::Retrieve => at.checkouts.guard_retrieve(at.checkouts.place() == Place::Absent, cx),
        Wish::Refund => refund(at, cx),
        Wish::Capture => capture(at, cx),
    }
}

fn refund(at: &Checkout, cx: &mut Context<'_>) {
    let completes = at.checkouts.place() != Place::Absent;
    cx.check(Rule::RefundOnlyComplete, at.payment.is_some()).until(completes.then_some(Until::Signal(SESSION_COMPLETED)));
    let Some(payment) = &at.payment else { return };
    let manual = at.is_manual();
    let left = payment.refundable(manual) > Cents::ZERO || cx.is_begin();
    cx.check(Rule::RefundNotAboveReceived, left);
    // What is about to be sent counts as on its way already.
    let free = payment.undisputed(manual);
    let disputed = payment.refundable(manual) != free;
    let fits = if cx.is_begin() { free >= Cents::ZERO } else { free > Cents::ZERO || !left };
    cx.check(Rule::RefundNotDisputed, !disputed || fits);
}

fn capture(at: &Checkout, cx: &mut Context<'_>) {
    if at.checkouts.current().is_some() {
        cx.check(Rule::CaptureOnlyManual, at.is_manual());
    }
    let Some(payment) = &at.payment else {
        if at.is_manual() || at.checkouts.current().is_none() {
            cx.check(Kernel::NoEdge, false).until(Until::Signal(SESSION_COMPLETED));
        }
        return;
    };
    let left = payment.capturable() > Cents::ZERO || cx.is_begin();
    cx.check(Rule::CaptureNotAboveAuthorised, left || !at.is_manual());
}
