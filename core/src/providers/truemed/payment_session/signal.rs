//! Webhooks, the customer's return, and the reviews of a session itself.

use alloc::boxed::Box;

use super::after_all::without_new_try;
use super::reply::{bound, see};
use super::step::{Context, Next};
use super::{Event, Known, PaymentSession};
use crate::fact::{Because, Origin, Verdict, Via};
use crate::flow::{MADE_AFTER_ALL, Outcome};
use crate::providers::truemed::call::Call;
use crate::providers::truemed::found::Wanted;
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{OURS_OR_NOT, Session, UNPLACED};
use crate::providers::truemed::wire::{SessionSeen, Signal, Status};

/// How many sessions are remembered that a person has judged.
const REMEMBERED: usize = 16;

pub(super) fn signalled(at: PaymentSession, event: Event, origin: Origin, cx: &mut Context<'_>) -> Next {
    let Event::Signal(signal) = event else { return Err(Because::Unrelated.into()) };
    cx.check(Rule::WebhookAuthenticateFirst, origin == Origin::Verified);
    let seen = match *signal {
        _ if origin != Origin::Verified => return Err(Because::Unrelated.into()),
        Signal::SessionComplete(seen) => seen,
        Signal::Unlisted(it) => return it.report(cx),
        Signal::TokenUpdated(_) | Signal::Other => return Err(Because::Unrelated.into()),
    };
    let id = seen.session().cloned().ok_or(Because::Unrelated)?;
    match at {
        PaymentSession::Known(known) if id == known.session.id => {
            known.session.check(&seen, cx);
            Ok(see(known, &seen, false, cx))
        }
        PaymentSession::Requested(asked)
            if Wanted::of(&asked, cx).is_some_and(|it| it.is_named_by(&seen, cx.key())) =>
        {
            let at = bound(asked, id, Some(&seen), cx);
            if let PaymentSession::Known(known) = &at {
                known.session.check(&seen, cx);
            }
            Ok(at)
        }
        PaymentSession::Requested(asked) => {
            let other = Wanted::of(&asked, cx).is_none_or(|it| it.excludes(&seen));
            let at = PaymentSession::Requested(asked);
            if other { unplaced(at, &id, &seen, cx) } else { Err(Because::Early.into()) }
        }
        PaymentSession::Adopting(_) => Err(Because::Early.into()),
        at => unplaced(at, &id, &seen, cx),
    }
}

/// Money with our key that no request of ours accounts for: a person is asked, once for each session.
fn unplaced(at: PaymentSession, id: &PaymentSessionId, seen: &SessionSeen, cx: &mut Context<'_>) -> Next {
    if seen.metadata.as_deref() != Some(cx.key().as_str()) {
        return Err(Because::Unrelated.into());
    }
    if let PaymentSession::Known(known) = &at
        && known.judged.contains(id)
    {
        return Err(Because::Known.into());
    }
    // What is only held may still come to nothing.
    if seen.status == Status::Captured
        && let Some(it) = cx.after_all(Call::is_session, id.as_str(), OURS_OR_NOT)?
    {
        return Ok(without_new_try(at, &it, cx));
    }
    match seen.status {
        Status::Captured => cx.review(UNPLACED, id.as_str(), OURS_OR_NOT),
        Status::Authorized if matches!(at, PaymentSession::Absent) => cx.review(UNPLACED, id.as_str(), OURS_OR_NOT),
        // It is only held, beside another: whoever looks releases it, or takes it by hand.
        Status::Authorized => cx.review(UNPLACED, id.as_str(), &["seen"]),
        _ if matches!(at, PaymentSession::Requested(_)) => return Err(Because::Early.into()),
        _ => return Err(Because::Unrelated.into()),
    }
    Ok(at)
}

/// The customer came back: a hint that a look may pay, unless it was by Cancel.
pub(super) fn returned(at: PaymentSession, via: Via, cx: &mut Context<'_>) -> Next {
    match at {
        PaymentSession::Known(mut known) if via != Via::FailureUrl && known.session.awaited().is_some() => {
            known.session.returned(cx.now());
            known.session.watch(cx);
            Ok(PaymentSession::Known(known))
        }
        _ => Err(Because::Unrelated.into()),
    }
}

pub(super) fn judged(
    at: PaymentSession,
    reason: &str,
    of: &str,
    verdict: &Verdict,
    cx: &mut Context<'_>,
) -> PaymentSession {
    let ours = verdict.name() == "ours";
    let is_whose = [UNPLACED, MADE_AFTER_ALL].contains(&reason);
    match (at, PaymentSessionId::parse(of)) {
        (PaymentSession::Requested(mut asked), Ok(id)) if reason == UNPLACED => {
            let is_it = asked.candidates.contains(&id);
            asked.candidates.retain(|it| *it != id);
            if is_it && ours { bound(asked, id, None, cx) } else { PaymentSession::Requested(asked) }
        }
        (PaymentSession::Absent, Ok(id)) if is_whose && ours => {
            // Every sending was refused, and a person says that it was made even so.
            cx.look_up(Call::RetrievePaymentSession(id.clone()));
            let session = Session::claimed(id, cx.now());
            session.watch(cx);
            PaymentSession::Known(Box::new(Known::new(session)))
        }
        (PaymentSession::Known(mut known), Ok(id)) if is_whose => {
            if ours && known.session.status != Status::Captured {
                cx.fulfill(id.as_str());
            }
            if known.judged.len() >= REMEMBERED {
                known.judged.remove(0);
            }
            known.judged.push(id);
            PaymentSession::Known(known)
        }
        (PaymentSession::Known(mut known), _) if known.session.id.as_str() == of && reason != "contradiction" => {
            if known.session.judged(verdict, cx) && known.ending.is_some() {
                // What is waited for no longer stands in nobody's way.
                if !cx.sent(super::ends::is_end) {
                    cx.withdraw(super::ends::is_end);
                    known.settle_end(Outcome::Failed);
                    known.ending = None;
                    known.session.ending = false;
                }
            }
            PaymentSession::Known(known)
        }
        (at, _) => at,
    }
}
