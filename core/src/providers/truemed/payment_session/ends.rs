//! Captures, voids, cancels and refunds: what the session itself shows of them.

use alloc::vec::Vec;

use super::step::Context;
use super::{Ending, Known};
use crate::flow::Outcome;
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::session::Session;
use crate::providers::truemed::wire::{SessionSeen, Status};
use crate::time::Millis;

/// Whether a request ends a session.
pub(super) const fn is_end(call: &Call) -> bool {
    matches!(call, Call::CapturePaymentSession(..) | Call::VoidPaymentSession(_) | Call::CancelPaymentSession(_))
}

const fn is_refund(call: &Call) -> bool {
    matches!(call, Call::CreateRefund(..))
}

pub(super) const fn is_end_or_refund(call: &Call) -> bool {
    is_end(call) || is_refund(call)
}

/// What a status says of the end that is asked for: it is over, or a look-up of its own time denies it.
pub(super) fn shown(known: &mut Known, seen: &SessionSeen, by_look_up: bool, cx: &mut Context<'_>) {
    let Some(ending) = known.is_ending() else { return };
    let Session { status, .. } = &known.session;
    let (is_over, is_as_before) = match ending {
        Ending::Cancel => (*status != Status::Pending, seen.status == Status::Pending),
        Ending::Capture(..) | Ending::Void => (status.is_final(), seen.status == Status::Authorized),
    };
    if is_over {
        let captured = *status == Status::Captured;
        // An end that Truemed took, or that a person has seen, and another one than the session shows: both cannot be true.
        if known.session.ending && !ending.leads_to(status) {
            known.session.contradict(cx);
        }
        // What is not sent yet goes, and what is sent shows its outcome here.
        cx.prove(is_end, None);
        known.settle_end(if captured { Outcome::Done } else { Outcome::Failed });
        known.ending = None;
        known.session.ending = false;
    } else if by_look_up && is_as_before {
        if cx.deny(is_end).is_some() {
            known.settle_end(Outcome::Failed);
        }
    } else if by_look_up {
        cx.look_again(is_end);
    }
}

/// What a look-up says of the refunds that are open: the whole was given back, or as much as one of them is about.
pub(super) fn refunds_shown(known: &mut Known, seen: &SessionSeen, cx: &mut Context<'_>) {
    let asked = known.session.asked.as_ref().map(|it| it.total);
    let whole = known.session.captured.or(seen.amount()).or(asked).unwrap_or_default();
    let summary = seen.status_summary.as_deref().unwrap_or_default();
    let all_back = summary.eq_ignore_ascii_case("refunded") || (seen.refund_amount == Some(whole) && whole > Cents::ZERO);
    let open = sent_refunds(cx);
    let sum = open.iter().fold(Cents::ZERO, |sum, amount| sum.plus(*amount));
    let before = known.refunded;
    match open.as_slice() {
        [] => {}
        _ if all_back && before.plus(sum) == whole => while known.refund_is_shown(cx) {},
        [amount] if seen.refund_amount == Some(before.plus(*amount)) => {
            known.refund_is_shown(cx);
        }
        [_] if seen.refund_amount == Some(before) => {
            if let Some((id, Call::CreateRefund(_, refund))) = cx.deny(is_refund) {
                known.settle_refund(&id, refund.amount, Outcome::Failed, cx);
            }
        }
        _ => cx.look_again(is_refund),
    }
    if all_back {
        known.refunded = known.refunded.max(whole.minus(known.refunding));
    }
}

/// The amounts of the refunds that may have been made.
fn sent_refunds(cx: &Context<'_>) -> Vec<Cents> {
    let amounts = cx.all_sent(is_refund).into_iter().filter_map(|call| match call {
        Call::CreateRefund(_, refund) => Some(refund.amount),
        _ => None,
    });
    amounts.collect()
}

impl Ending {
    /// Whether a session stands so once this end was taken. A hold can lapse in spite of its capture.
    fn leads_to(&self, status: &Status) -> bool {
        match self {
            Self::Capture(..) => matches!(status, Status::Captured | Status::AuthorizationExpired),
            Self::Void => *status == Status::AuthorizationVoided,
            Self::Cancel => *status == Status::Canceled,
        }
    }
}

impl Known {
    /// A look-up shows a refund. Says whether there was one that may have been made.
    fn refund_is_shown(&mut self, cx: &mut Context<'_>) -> bool {
        if !cx.sent(is_refund) {
            return false;
        }
        if let Some((id, Call::CreateRefund(_, refund))) = cx.prove(is_refund, None) {
            self.settle_refund(&id, refund.amount, Outcome::Done, cx);
        }
        true
    }

    /// A refund that the customer's dispute holds up waits for its end, which only a look-up shows.
    pub(super) fn wait_for_dispute(&self, cx: &mut Context<'_>) {
        if self.disputed && cx.owed(is_refund).is_some() {
            let soon = cx.policy().look_ups.waiting.first().copied().unwrap_or(Millis::from_hours(24));
            cx.look_up_from(Call::RetrievePaymentSession(self.session.id.clone()), cx.now().after(soon));
        }
    }

    /// A refund is over.
    pub(super) fn settle_refund(&mut self, id: &EffectId, amount: Cents, outcome: Outcome, cx: &mut Context<'_>) {
        self.refunding = self.refunding.minus(amount).max(Cents::ZERO);
        if outcome == Outcome::Done {
            self.refunded = self.refunded.plus(amount);
        }
        self.refunds.settle(id.intent(), outcome);
        // The look-up for this one stood in for the others as well.
        cx.look_again(is_refund);
    }
}
