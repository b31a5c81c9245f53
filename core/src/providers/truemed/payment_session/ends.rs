//! Captures, voids and cancels: what the session itself shows of them.

use super::step::Context;
use super::{Ending, Known};
use crate::flow::Outcome;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::session::Session;
use crate::providers::truemed::wire::{SessionSeen, Status};

/// Whether a request ends a session.
pub(super) const fn is_end(call: &Call) -> bool {
    matches!(call, Call::CapturePaymentSession(..) | Call::VoidPaymentSession(_) | Call::CancelPaymentSession(_))
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
