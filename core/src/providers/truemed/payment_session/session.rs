//! The facet `session`: from the request, or the adoption, to the status that Truemed reports.

use alloc::boxed::Box;

use super::event::DISPUTED;
use super::known::{Known, remember};
use super::{Cx, Event, PaymentSession};
use crate::fact::{IgnoredReason, Origin};
use crate::flow::{AfterAll, Reviews, Stop, named};
use crate::id::EffectId;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::find::{Search, SessionPage, Wanted};
use crate::providers::truemed::api::replies::CreateSessionReply;
use crate::providers::truemed::api::webhook::{SessionReport, Signal, Status};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::names::{Review, Verdict};
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{RequestedSession, Session};
use crate::value::echoed;

named! {
    /// The states of the session.
    pub enum SessionState {
        /// No session is known, and no request for one is pending.
        Absent = "absent",
        /// A checkout is requested, and Truemed has not replied. The customer has no page yet.
        Requested = "requested",
        /// The first lookup of an adopted session is pending.
        Adopting = "adopting",
        /// The customer has not paid yet.
        Pending = "pending",
        /// The customer has paid, and Truemed reviews the order. Nothing is delivered yet.
        Processing = "processing",
        /// The money is held on the customer's card, and not taken yet.
        Authorized = "authorized",
        /// Truemed rejected the order, and its money was not captured. Nothing is delivered.
        Rejected = "rejected",
        /// The checkout was canceled before the customer paid. The customer pays nothing.
        Canceled = "canceled",
        /// The held money was released. The customer pays nothing.
        Voided = "voided",
        /// The hold expired, and its money was not taken. Nothing can be captured any more.
        Expired = "expired",
        /// The customer has paid, and the order can be delivered.
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

    /// The session that Truemed knows, or the given reason why nothing can be done without one.
    pub(super) fn known_or<E>(&mut self, otherwise: E) -> Result<&mut Known, E> {
        match self {
            Self::Known(known) => Ok(known),
            Self::Absent | Self::Requested(_) | Self::Adopting(_) => Err(otherwise),
        }
    }

    /// The id of the session, if it is known.
    pub(super) const fn id(&self) -> Option<&PaymentSessionId> {
        match self {
            Self::Known(known) => Some(&known.session.id),
            Self::Adopting(id) => Some(id),
            Self::Absent | Self::Requested(_) => None,
        }
    }

    /// Truemed has created the session.
    pub(super) fn on_session_created(
        &mut self,
        reply: CreateSessionReply,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let Self::Requested(requested) = core::mem::take(self) else { return Err(IgnoredReason::Unrelated) };
        *self = Self::Known(Box::new(Known::created(requested, reply, cx)));
        Ok(())
    }

    /// A session turns out to be the requested one.
    fn bind(
        &mut self,
        requested: RequestedSession,
        id: PaymentSessionId,
        report: Option<&SessionReport>,
        cx: &mut Cx<'_>,
    ) {
        *self = Self::Known(Box::new(Known::bound(requested, id, report, cx)));
    }

    /// A page of the list shows the session, denies it, or leaves it open.
    pub(super) fn on_session_page(
        &mut self,
        call: &Call,
        page: &SessionPage,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let (Self::Requested(requested), Call::FindPaymentSession(find)) = (&mut *self, call) else {
            return Err(IgnoredReason::Unrelated);
        };
        let Some(wanted) = Wanted::of(requested, cx) else { return Ok(()) };
        match find.read(page, &wanted, |id| requested.not_ours.contains(id)) {
            Search::One(id, report) => {
                let requested = requested.clone();
                self.bind(requested, id, report, cx);
            }
            Search::Several(all) => {
                all.iter().for_each(|id| cx.ask(Review::Unplaced.only(Verdict::OURS_OR_NOT), id));
                requested.candidates = all;
                cx.look_again(Call::is_session);
            }
            Search::NextPage(next) => cx.look_up(next),
            Search::Unclear => cx.look_again(Call::is_session),
            Search::None if !requested.can_be_denied(cx) => cx.look_again(Call::is_session),
            Search::None => {
                if cx.deny(Call::is_session).is_some() {
                    *self = Self::Absent;
                }
            }
        }
        Ok(())
    }

    /// A lookup shows the session.
    pub(super) fn on_lookup(&mut self, report: &SessionReport, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if let Self::Adopting(id) = self {
            *self = Self::Known(Box::new(Known::new(Session::new(id.clone(), None, cx.now()))));
        }
        self.known_or(IgnoredReason::Unrelated)?.on_lookup(report, cx);
        Ok(())
    }

    /// Truemed refused a request.
    pub(super) fn refused(&mut self, id: &EffectId, call: &Call, (status, code): (u16, Option<&str>), cx: &mut Cx<'_>) {
        match self {
            Self::Requested(_) if call.is_session() => self.not_made(cx),
            Self::Adopting(_) => *self = Self::Absent,
            Self::Known(known) => known.refused(id, call, (status, code == Some(DISPUTED)), cx),
            Self::Absent | Self::Requested(_) => {}
        }
    }

    /// Truemed refused one sending, and may have carried out another.
    pub(super) fn refused_once(&mut self, call: &Call, code: Option<&str>, cx: &mut Cx<'_>) {
        match self {
            Self::Known(known) => known.refused_for_dispute(code == Some(DISPUTED), cx),
            Self::Requested(requested) if call.is_session() => requested.refused_once(cx),
            _ => {}
        }
    }

    /// A person decided what became of a request, or gave it up. An id in the verdict says that Truemed made the
    /// session.
    pub(super) fn resolved(
        &mut self,
        id: &EffectId,
        call: &Call,
        (verdict, named): (Option<Verdict>, Option<&str>),
        cx: &mut Cx<'_>,
    ) {
        match self {
            Self::Requested(requested) if let Some(named) = named => {
                if let Ok(id) = PaymentSessionId::parse(named) {
                    let requested = requested.clone();
                    self.bind(requested, id, None, cx);
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

    /// The late reply to a request that had ended as not done.
    pub(super) fn done_after_all(&mut self, done: &AfterAll<Call>, event: Event, cx: &mut Cx<'_>) {
        self.drop_new_try(done, cx);
        match (self, &*done.call, event) {
            (session @ Self::Absent, Call::CreatePaymentSession(command), Event::SessionCreated(reply)) => {
                let metadata = echoed(&mut command.metadata.clone(), cx.key());
                let requested = RequestedSession::of(command, command.content(), &metadata, cx.now());
                *session = Self::Known(Box::new(Known::created(requested, reply, cx)));
            }
            (Self::Known(known), call, event) => {
                known.done_after_all(&done.id, call, matches!(event, Event::Refunded(_)), cx);
            }
            _ => {}
        }
    }

    /// Drops the new try of the request, which was never sent.
    fn drop_new_try(&mut self, done: &AfterAll<Call>, cx: &mut Cx<'_>) {
        if let Some((id, call)) = &done.again {
            self.resolved(id, call, (Some(Verdict::NotMade), None), cx);
        }
    }

    /// A webhook reports a session.
    pub(super) fn on_webhook(&mut self, signal: Signal, origin: Origin, cx: &mut Cx<'_>) -> Result<(), Stop> {
        cx.check(Rule::WebhookAuthenticateFirst, origin == Origin::Verified);
        let report = match signal {
            _ if origin != Origin::Verified => return Err(IgnoredReason::Unrelated.into()),
            Signal::SessionComplete(report) => report,
            Signal::Unlisted(it) => return it.ignore(cx),
            Signal::TokenUpdated(_) | Signal::Qualification(_) | Signal::Other => {
                return Err(IgnoredReason::Unrelated.into());
            }
        };
        let id = report.session().cloned().ok_or(IgnoredReason::Unrelated)?;
        match self {
            Self::Known(known) if id == known.session.id => {
                known.session.check(&report, cx);
                known.apply(&report, false, cx);
            }
            Self::Requested(requested) if requested.not_ours.contains(&id) => {
                return Err(IgnoredReason::Duplicate.into());
            }
            Self::Requested(requested) => {
                let (ours, other) = match Wanted::of(requested, cx) {
                    Some(wanted) => (wanted.is_named_by(&report, cx.key()), wanted.excludes(&report)),
                    None => (false, true),
                };
                match (ours, other) {
                    (true, _) => {
                        let requested = requested.clone();
                        self.bind(requested, id, Some(&report), cx);
                        self.known_or(IgnoredReason::Unrelated)?.session.check(&report, cx);
                    }
                    (false, true) => self.unplaced(&id, &report, cx)?,
                    (false, false) => return Err(IgnoredReason::Early.into()),
                }
            }
            Self::Adopting(_) => return Err(IgnoredReason::Early.into()),
            Self::Absent | Self::Known(_) => self.unplaced(&id, &report, cx)?,
        }
        Ok(())
    }

    /// A session with our key that no known request explains. Asks a person, once for each session.
    fn unplaced(
        &mut self,
        id: &PaymentSessionId,
        report: &SessionReport,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        if report.metadata.as_deref() != Some(cx.key().as_str()) {
            return Err(IgnoredReason::Unrelated);
        }
        if let Self::Known(known) = self
            && known.has_reviewed(id)
        {
            return Err(IgnoredReason::Duplicate);
        }
        // A hold may still be released, so it does not prove the request.
        if report.status == Status::Captured
            && let Some(done) = cx.after_all(Call::is_session, id, Review::MadeAfterAll.only(Verdict::OURS_OR_NOT))?
        {
            self.drop_new_try(&done, cx);
            return Ok(());
        }
        match (&report.status, &self) {
            (Status::Captured, _) | (Status::Authorized, Self::Absent) => {
                cx.ask(Review::Unplaced.only(Verdict::OURS_OR_NOT), id);
            }
            // The money is only held, beside another session. The person releases or captures it in Truemed's
            // dashboard.
            (Status::Authorized, _) => cx.ask(Review::Unplaced.only(&[Verdict::Seen]), id),
            (_, Self::Requested(_)) => return Err(IgnoredReason::Early),
            _ => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// A person gave a verdict: whose a payment is, or how the session is.
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
            (Self::Known(known), _) if review == Review::RefundBeforeRestore => {
                known.refund_before_restore_reviewed(about, verdict, cx);
            }
            // The money is only held. Truemed reports what becomes of it as another status of the session.
            (_, Some(_)) if review == Review::Unplaced && verdict == Verdict::Seen => {}
            (session @ Self::Requested(_), Some(id)) => session.candidate_reviewed(id, ours, cx),
            // Truemed refused every sending, and a person says that it made the session all the same.
            (session @ Self::Absent, Some(id)) if ours => *session = Self::Known(Box::new(Known::claimed(id, cx))),
            (Self::Known(known), Some(id)) => known.other_session_reviewed(id, ours, cx),
            (Self::Known(known), None) if known.session.id.as_str() == about && !is_only_read(review) => {
                known.reviewed(verdict, named, cx);
            }
            _ => {}
        }
    }

    /// A person decided whether a session is the requested one.
    fn candidate_reviewed(&mut self, id: PaymentSessionId, ours: bool, cx: &mut Cx<'_>) {
        let Self::Requested(requested) = self else { return };
        requested.candidates.retain(|it| *it != id);
        if ours {
            let requested = requested.clone();
            self.bind(requested, id, None, cx);
        } else {
            remember(&mut requested.not_ours, id);
        }
    }
}

/// Whether the verdict on a review changes nothing here.
const fn is_only_read(review: Review) -> bool {
    matches!(review, Review::Contradiction | Review::Disputed)
}
