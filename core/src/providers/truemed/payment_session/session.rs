//! The facet `session`: from the request, or the adoption, to the status that Truemed names.

use alloc::boxed::Box;

use super::event::DISPUTED;
use super::known::Known;
use super::{Cx, Event, PaymentSession};
use crate::fact::{IgnoredReason, Origin};
use crate::flow::{AfterAll, Reviews, Stop, named};
use crate::id::EffectId;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::found::{Found, Sought, Wanted};
use crate::providers::truemed::api::replies::SessionCreated;
use crate::providers::truemed::api::webhook::{SessionSeen, Signal, Status};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::names::{Review, Verdict};
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{Asked, Session};
use crate::value::echoed;

named! {
    /// Where the session stands.
    pub enum SessionState {
        /// Not asked for.
        Absent = "absent",
        /// Asked for.
        Requested = "requested",
        /// Looked up for the first time.
        Adopting = "adopting",
        /// The customer has not paid yet.
        Pending = "pending",
        /// Under review.
        Processing = "processing",
        /// Held.
        Authorized = "authorized",
        /// Refused by the review.
        Rejected = "rejected",
        /// Dropped unpaid.
        Canceled = "canceled",
        /// The hold was released.
        Voided = "voided",
        /// The hold lapsed.
        Expired = "expired",
        /// Paid.
        Captured = "captured",
    }
}

impl PaymentSession {
    pub(super) fn state(&self) -> SessionState {
        match self {
            Self::Absent => SessionState::Absent,
            Self::Requested(_) => SessionState::Requested,
            Self::Adopting(_) => SessionState::Adopting,
            Self::Known(known) => match known.session.status {
                Status::Pending | Status::Unknown(_) => SessionState::Pending,
                Status::Processing => SessionState::Processing,
                Status::Authorized => SessionState::Authorized,
                Status::Rejected => SessionState::Rejected,
                Status::Canceled => SessionState::Canceled,
                Status::AuthorizationVoided => SessionState::Voided,
                Status::AuthorizationExpired => SessionState::Expired,
                Status::Captured => SessionState::Captured,
            },
        }
    }

    /// The session that Truemed knows, or why nothing can be done without one.
    pub(super) fn known_or<E>(&mut self, otherwise: E) -> Result<&mut Known, E> {
        match self {
            Self::Known(known) => Ok(known),
            Self::Absent | Self::Requested(_) | Self::Adopting(_) => Err(otherwise),
        }
    }

    /// Its id, once it is known.
    pub(super) const fn id(&self) -> Option<&PaymentSessionId> {
        match self {
            Self::Known(known) => Some(&known.session.id),
            Self::Adopting(id) => Some(id),
            Self::Absent | Self::Requested(_) => None,
        }
    }

    /// Truemed has created the session.
    pub(super) fn created(&mut self, reply: SessionCreated, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let Self::Requested(asked) = core::mem::take(self) else { return Err(IgnoredReason::Unrelated) };
        *self = Self::Known(Box::new(Known::created(asked, reply, cx)));
        Ok(())
    }

    /// A session turns out to be the one that was asked for.
    fn bind(&mut self, asked: Asked, id: PaymentSessionId, seen: Option<&SessionSeen>, cx: &mut Cx<'_>) {
        *self = Self::Known(Box::new(Known::bound(asked, id, seen, cx)));
    }

    /// A page of the list: it shows the session, denies it, or leaves it open.
    pub(super) fn found(&mut self, call: &Call, page: &Found, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let (Self::Requested(asked), Call::FindPaymentSession(find)) = (&mut *self, call) else {
            return Err(IgnoredReason::Unrelated);
        };
        let Some(wanted) = Wanted::of(asked, cx) else { return Ok(()) };
        match find.read(page, &wanted, |_| false) {
            Sought::One(id, seen) => {
                let asked = asked.clone();
                self.bind(asked, id, seen, cx);
            }
            Sought::Several(all) => {
                all.iter().for_each(|id| cx.ask(Review::Unplaced.only(Verdict::OURS_OR_NOT), id.as_str()));
                asked.candidates = all;
                cx.look_again(Call::is_session);
            }
            Sought::Next(next) => cx.look_up(next),
            Sought::Unclear => cx.look_again(Call::is_session),
            Sought::None => {
                if cx.deny(Call::is_session).is_some() {
                    *self = Self::Absent;
                }
            }
        }
        Ok(())
    }

    /// A lookup shows how the session stands.
    pub(super) fn looked_up(&mut self, seen: &SessionSeen, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if let Self::Adopting(id) = self {
            *self = Self::Known(Box::new(Known::new(Session::new(id.clone(), None, cx.now()))));
        }
        self.known_or(IgnoredReason::Unrelated)?.looked_up(seen, cx);
        Ok(())
    }

    /// Truemed refuses a request.
    pub(super) fn refused(&mut self, id: &EffectId, call: &Call, (status, code): (u16, Option<&str>), cx: &mut Cx<'_>) {
        match self {
            Self::Requested(_) if call.is_session() => self.not_made(cx),
            Self::Adopting(_) => *self = Self::Absent,
            Self::Known(known) => known.refused(id, call, (status, code == Some(DISPUTED)), cx),
            Self::Absent | Self::Requested(_) => {}
        }
    }

    /// One sending was refused while another may have come true.
    pub(super) fn refused_once(&mut self, code: Option<&str>) {
        if let Self::Known(known) = self {
            known.disputed |= code == Some(DISPUTED);
        }
    }

    /// A person says what has become of a request, or gives it up. A verdict that names a session says that it was made.
    pub(super) fn resolved(
        &mut self,
        id: &EffectId,
        call: &Call,
        (verdict, named): (Option<Verdict>, Option<&str>),
        cx: &mut Cx<'_>,
    ) {
        match self {
            Self::Requested(asked) if let Some(named) = named => {
                if let Ok(id) = PaymentSessionId::parse(named) {
                    let asked = asked.clone();
                    self.bind(asked, id, None, cx);
                }
            }
            Self::Requested(_) if call.is_session() => self.not_made(cx),
            Self::Adopting(_) => *self = Self::Absent,
            Self::Known(known) => known.resolved(id, call, verdict, cx),
            Self::Absent | Self::Requested(_) => {}
        }
    }

    fn not_made(&mut self, cx: &mut Cx<'_>) {
        cx.withdraw(Call::is_find);
        *self = Self::Absent;
    }

    /// The late reply to a request that had been ended as not done.
    pub(super) fn done_after_all(&mut self, done: &AfterAll<Call>, event: Event, cx: &mut Cx<'_>) {
        self.drop_new_try(done, cx);
        match (self, &*done.call, event) {
            (session @ Self::Absent, Call::CreatePaymentSession(command), Event::Created(reply)) => {
                let metadata = echoed(&mut command.metadata.clone(), cx.key());
                let asked = Asked::of(command, command.content(), &metadata);
                *session = Self::Known(Box::new(Known::created(asked, reply, cx)));
            }
            (Self::Known(known), call, event) => {
                known.done_after_all(&done.id, call, matches!(event, Event::Refunded(_)), cx);
            }
            _ => {}
        }
    }

    /// The new try that nobody has sent came to nothing.
    fn drop_new_try(&mut self, done: &AfterAll<Call>, cx: &mut Cx<'_>) {
        if let Some((id, call)) = &done.again {
            self.resolved(id, call, (Some(Verdict::NotMade), None), cx);
        }
    }

    /// A webhook says how a session stands.
    pub(super) fn signalled(&mut self, signal: Signal, origin: Origin, cx: &mut Cx<'_>) -> Result<(), Stop> {
        cx.check(Rule::WebhookAuthenticateFirst, origin == Origin::Verified);
        let seen = match signal {
            _ if origin != Origin::Verified => return Err(IgnoredReason::Unrelated.into()),
            Signal::SessionComplete(seen) => seen,
            Signal::Unlisted(it) => return it.report(cx),
            Signal::TokenUpdated(_) | Signal::Other => return Err(IgnoredReason::Unrelated.into()),
        };
        let id = seen.session().cloned().ok_or(IgnoredReason::Unrelated)?;
        match self {
            Self::Known(known) if id == known.session.id => {
                known.session.check(&seen, cx);
                known.see(&seen, false, cx);
            }
            Self::Requested(asked) => {
                let (ours, other) = match Wanted::of(asked, cx) {
                    Some(wanted) => (wanted.is_named_by(&seen, cx.key()), wanted.excludes(&seen)),
                    None => (false, true),
                };
                match (ours, other) {
                    (true, _) => {
                        let asked = asked.clone();
                        self.bind(asked, id, Some(&seen), cx);
                        self.known_or(IgnoredReason::Unrelated)?.session.check(&seen, cx);
                    }
                    (false, true) => self.unplaced(&id, &seen, cx)?,
                    (false, false) => return Err(IgnoredReason::Early.into()),
                }
            }
            Self::Adopting(_) => return Err(IgnoredReason::Early.into()),
            Self::Absent | Self::Known(_) => self.unplaced(&id, &seen, cx)?,
        }
        Ok(())
    }

    /// Money with our key that no request of ours accounts for: a person is asked, once for each session.
    fn unplaced(&mut self, id: &PaymentSessionId, seen: &SessionSeen, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if seen.metadata.as_deref() != Some(cx.key().as_str()) {
            return Err(IgnoredReason::Unrelated);
        }
        if let Self::Known(known) = self
            && known.has_judged(id)
        {
            return Err(IgnoredReason::Duplicate);
        }
        // What is only held may still come to nothing.
        if seen.status == Status::Captured
            && let Some(done) =
                cx.after_all(Call::is_session, id.as_str(), Review::MadeAfterAll.only(Verdict::OURS_OR_NOT))?
        {
            self.drop_new_try(&done, cx);
            return Ok(());
        }
        match (&seen.status, &self) {
            (Status::Captured, _) | (Status::Authorized, Self::Absent) => {
                cx.ask(Review::Unplaced.only(Verdict::OURS_OR_NOT), id.as_str());
            }
            // It is only held, beside another: whoever looks releases it, or takes it by hand.
            (Status::Authorized, _) => cx.ask(Review::Unplaced.only(&[Verdict::Seen]), id.as_str()),
            (_, Self::Requested(_)) => return Err(IgnoredReason::Early),
            _ => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// A person answers a question: whose a payment is, or how the session stands.
    pub(super) fn reviewed(
        &mut self,
        (review, about): (Review, &str),
        (verdict, named): (Verdict, Option<&str>),
        cx: &mut Cx<'_>,
    ) {
        let ours = verdict == Verdict::Ours;
        let id = PaymentSessionId::parse(about).ok();
        let other = id.filter(|_| matches!(review, Review::Unplaced | Review::MadeAfterAll));
        match (self, other) {
            // The money is only held: what becomes of it comes as another status of the session.
            (_, Some(_)) if review == Review::Unplaced && verdict == Verdict::Seen => {}
            (session @ Self::Requested(_), Some(id)) if review == Review::Unplaced => session.placed(id, ours, cx),
            // Every sending was refused, and a person says that it was made even so.
            (session @ Self::Absent, Some(id)) if ours => *session = Self::Known(Box::new(Known::claimed(id, cx))),
            (Self::Known(known), Some(id)) => known.other_is_judged(id, ours, cx),
            (Self::Known(known), None) if known.session.id.as_str() == about && review != Review::Contradiction => {
                known.judged(verdict, named, cx);
            }
            _ => {}
        }
    }

    /// A person says of one of several sessions whether it is the one that was asked for.
    fn placed(&mut self, id: PaymentSessionId, ours: bool, cx: &mut Cx<'_>) {
        let Self::Requested(asked) = self else { return };
        let is_candidate = asked.candidates.contains(&id);
        asked.candidates.retain(|it| *it != id);
        if is_candidate && ours {
            let asked = asked.clone();
            self.bind(asked, id, None, cx);
        }
    }
}
