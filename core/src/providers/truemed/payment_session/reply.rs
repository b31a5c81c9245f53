//! Replies to our requests, and what a person says has become of them.

use alloc::boxed::Box;

use super::step::{Context, Next};
use super::{Ending, Event, Known, PaymentSession, ends, refunds};
use crate::fact::{Because, Verdict};
use crate::flow::Outcome;
use crate::id::EffectId;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::found::{Find, Found, Sought, Wanted};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::replies::SessionCreated;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{Asked, OURS_OR_NOT, Session, UNPLACED};
use crate::providers::truemed::wire::SessionSeen;

pub(super) fn answered(at: PaymentSession, id: &EffectId, call: &Call, event: Event, cx: &mut Context<'_>) -> Next {
    match (at, event) {
        (PaymentSession::Requested(asked), Event::Created(reply)) => Ok(created(asked, reply, cx)),
        (PaymentSession::Requested(asked), Event::Found(page)) => match call {
            Call::FindPaymentSession(find) => Ok(found(asked, find, &page, cx)),
            _ => Err(Because::Unrelated.into()),
        },
        (PaymentSession::Adopting(session), Event::Seen(seen)) => {
            let known = Known::new(Session::new(session, None, cx.now()));
            Ok(seen_by_look_up(Box::new(known), &seen, cx))
        }
        (PaymentSession::Known(known), Event::Seen(seen)) => Ok(seen_by_look_up(known, &seen, cx)),
        (PaymentSession::Known(mut known), Event::Ended(_)) => {
            known.end_is_taken(cx);
            Ok(PaymentSession::Known(known))
        }
        (PaymentSession::Known(mut known), Event::Refunded(_)) => {
            if let Call::CreateRefund(_, refund) = call {
                known.settle_refund(id, refund.amount, Outcome::Done, cx);
            }
            Ok(PaymentSession::Known(known))
        }
        (_, _) => Err(Because::Unrelated.into()),
    }
}

pub(super) fn created(asked: Asked, reply: SessionCreated, cx: &mut Context<'_>) -> PaymentSession {
    cx.learn(reply.id.as_str());
    cx.withdraw(Call::is_find);
    cx.withdraw_word(UNPLACED, reply.id.as_str());
    cx.check(Rule::SessionRedirectUrlPresent, reply.redirect_url.is_some()).at("/redirect_url");
    let session = Session::created(reply, asked, cx.now());
    session.watch(cx);
    PaymentSession::Known(Box::new(Known::new(session)))
}

/// A session turns out to be the one that was asked for.
pub(super) fn bound(
    mut asked: Asked,
    id: PaymentSessionId,
    seen: Option<&SessionSeen>,
    cx: &mut Context<'_>,
) -> PaymentSession {
    cx.prove(Call::is_session, Some(id.as_str()));
    cx.withdraw(Call::is_find);
    cx.learn(id.as_str());
    cx.withdraw_word(UNPLACED, id.as_str());
    asked.candidates.clear();
    let session = Session::new(id, Some(asked), cx.now());
    let mut known = Box::new(Known::new(session));
    match seen {
        Some(seen) => {
            known.found_with(seen);
            see(known, seen, false, cx)
        }
        None => {
            known.session.watch(cx);
            cx.look_up(Call::RetrievePaymentSession(known.session.id.clone()));
            PaymentSession::Known(known)
        }
    }
}

/// A page of the list: it shows the session, denies it, or leaves it open.
fn found(mut asked: Asked, find: &Find, page: &Found, cx: &mut Context<'_>) -> PaymentSession {
    let Some(wanted) = Wanted::of(&asked, cx) else { return PaymentSession::Requested(asked) };
    match find.read(page, &wanted, |_| false) {
        Sought::One(id, seen) => return bound(asked, id, seen, cx),
        Sought::Several(all) => {
            all.iter().for_each(|id| cx.review(UNPLACED, id.as_str(), OURS_OR_NOT));
            asked.candidates = all;
            cx.look_again(Call::is_session);
        }
        Sought::Next(next) => cx.look_up(next),
        Sought::Unclear => cx.look_again(Call::is_session),
        Sought::None if cx.deny(Call::is_session).is_some() => return PaymentSession::Absent,
        Sought::None => {}
    }
    PaymentSession::Requested(asked)
}

fn seen_by_look_up(mut known: Box<Known>, seen: &SessionSeen, cx: &mut Context<'_>) -> PaymentSession {
    cx.learn(known.session.id.as_str());
    known.session.check_echo(seen, cx);
    if let Some(summary) = &seen.status_summary {
        known.disputed = summary.eq_ignore_ascii_case("disputed");
    }
    known.session.looked(cx.begun_at());
    see(known, seen, true, cx)
}

/// Takes in how the session stands, and what that says of the requests that are open.
pub(super) fn see(mut known: Box<Known>, seen: &SessionSeen, by_look_up: bool, cx: &mut Context<'_>) -> PaymentSession {
    known.session.see(seen, by_look_up, cx);
    ends::shown(&mut known, seen, by_look_up, cx);
    if by_look_up {
        refunds::shown(&mut known, seen, cx);
    }
    known.session.watch(cx);
    known.wait_for_dispute(cx);
    PaymentSession::Known(known)
}

pub(super) fn refused(
    at: PaymentSession,
    id: &EffectId,
    call: &Call,
    status: u16,
    code: Option<&str>,
    cx: &mut Context<'_>,
) -> PaymentSession {
    match (at, call) {
        (PaymentSession::Requested(_), call) if call.is_session() => {
            cx.withdraw(Call::is_find);
            PaymentSession::Absent
        }
        (PaymentSession::Adopting(_), _) => PaymentSession::Absent,
        (PaymentSession::Known(mut known), Call::CreateRefund(session, refund)) => {
            known.settle_refund(id, refund.amount, Outcome::Failed, cx);
            known.disputed |= code == Some("ChargeDisputed");
            cx.look_up(Call::ConfirmPaymentSession(session.clone()));
            PaymentSession::Known(known)
        }
        (PaymentSession::Known(mut known), Call::RetrievePaymentSession(_) | Call::ConfirmPaymentSession(_)) => {
            if status == 404 {
                known.session.is_not_found(cx);
                cx.look_again(refunds::is_end_or_refund);
            }
            PaymentSession::Known(known)
        }
        (PaymentSession::Known(mut known), _) => {
            known.settle_end(Outcome::Failed);
            // A refusal can say that the money moved already.
            cx.look_up(Call::ConfirmPaymentSession(known.session.id.clone()));
            PaymentSession::Known(known)
        }
        (at, _) => at,
    }
}

/// One sending was refused while another may have come true.
pub(super) fn refused_once(mut at: PaymentSession, code: Option<&str>) -> PaymentSession {
    if let PaymentSession::Known(known) = &mut at {
        known.disputed |= code == Some("ChargeDisputed");
    }
    at
}

/// A person said what has become of a request.
pub(super) fn resolved(
    at: PaymentSession,
    id: &EffectId,
    call: &Call,
    verdict: &Verdict,
    cx: &mut Context<'_>,
) -> PaymentSession {
    match (at, verdict) {
        (PaymentSession::Requested(asked), Verdict::About { id, .. }) => match PaymentSessionId::parse(id) {
            Ok(id) => bound(asked, id, None, cx),
            Err(_) => PaymentSession::Requested(asked),
        },
        (PaymentSession::Requested(_), _) if call.is_session() => {
            cx.withdraw(Call::is_find);
            PaymentSession::Absent
        }
        (PaymentSession::Adopting(_), _) => PaymentSession::Absent,
        (PaymentSession::Known(mut known), verdict) => {
            match (call, verdict.name()) {
                (Call::CreateRefund(_, refund), "refunded") => {
                    known.settle_refund(id, refund.amount, Outcome::Done, cx);
                }
                (Call::CreateRefund(_, refund), _) => known.settle_refund(id, refund.amount, Outcome::Failed, cx),
                (Call::RetrievePaymentSession(_), _) => known.session.watch(cx),
                (Call::CapturePaymentSession(..), "captured")
                | (Call::VoidPaymentSession(_), "voided")
                | (Call::CancelPaymentSession(_), "canceled") => known.end_is_taken(cx),
                (call, verdict) if ends::is_end(call) => {
                    known.settle_end(Outcome::Failed);
                    known.session.ended |= verdict == "ended";
                    known.session.watch(cx);
                    cx.look_up(Call::ConfirmPaymentSession(known.session.id.clone()));
                }
                _ => {}
            }
            PaymentSession::Known(known)
        }
        (at, _) => at,
    }
}

impl Known {
    /// An end was taken: the session shows its outcome, which a webhook tells, or the look-ups do.
    fn end_is_taken(&mut self, cx: &mut Context<'_>) {
        if self.ending.is_none() {
            return;
        }
        self.settle_end(Outcome::Done);
        self.session.ending = true;
        self.session.wait_on(cx);
    }

    /// Whether an end of it is asked for and not known to be over.
    pub(super) const fn is_ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }
}
