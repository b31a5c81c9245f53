//! Requests that were done although they had been ended as not done.

use super::reply::{created, resolved};
use super::step::Context;
use super::{Event, PaymentSession};
use crate::fact::Verdict;
use crate::flow::AfterAll;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::session::Asked;
use crate::value::echoed;

/// The late reply to one of them.
pub(super) fn after_all(at: PaymentSession, it: &AfterAll<Call>, event: Event, cx: &mut Context<'_>) -> PaymentSession {
    let at = without_new_try(at, it, cx);
    match (at, &*it.call, event) {
        (PaymentSession::Absent, call, Event::Created(reply)) => match asked(call, cx) {
            Some(asked) => created(asked, reply, cx),
            None => PaymentSession::Absent,
        },
        (PaymentSession::Known(mut known), Call::CreateRefund(_, refund), Event::Refunded(_)) => {
            known.refunded_after_all(&it.id, refund.amount, cx);
            cx.look_up(Call::ConfirmPaymentSession(known.session.id.clone()));
            PaymentSession::Known(known)
        }
        (PaymentSession::Known(known), call, _) if super::ends::is_end(call) => {
            cx.look_up(Call::ConfirmPaymentSession(known.session.id.clone()));
            PaymentSession::Known(known)
        }
        (at, ..) => at,
    }
}

/// The new try that nobody has sent came to nothing.
pub(super) fn without_new_try(at: PaymentSession, it: &AfterAll<Call>, cx: &mut Context<'_>) -> PaymentSession {
    match &it.again {
        Some((id, call)) => resolved(at, id, call, &Verdict::Plain("not_made".into()), cx),
        None => at,
    }
}

fn asked(call: &Call, cx: &Context<'_>) -> Option<Asked> {
    let Call::CreatePaymentSession(command) = call else { return None };
    let metadata = echoed(&mut command.metadata.clone(), cx.key());
    Some(Asked::of(command, command.content(), &metadata))
}
