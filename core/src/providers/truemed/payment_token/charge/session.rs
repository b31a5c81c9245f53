//! The session of a charge: how it stands, when it is over, and what a person says of it.

use super::{
    Call, Charge, Charges, Cx, History, IgnoredReason, Intent, Notice, Outcome, PaymentSessionId, Review, SessionSeen,
    Status, Verdict,
};

impl Charges {
    /// A lookup of the open session was answered: the schedule goes on, and what it echoes is held against what was given.
    pub(in super::super) fn looked_up(&mut self, id: &PaymentSessionId, seen: &SessionSeen, cx: &mut Cx<'_>) {
        if let Some(session) = self.session_mut(id.as_str()) {
            session.looked(cx.leased_at());
            session.check_echo(seen, cx);
        }
    }

    /// Truemed finds no such session: a person is asked where it is.
    pub(in super::super) fn not_found(&mut self, id: &PaymentSessionId, cx: &mut Cx<'_>) {
        if let Some(session) = self.session_mut(id.as_str()) {
            session.is_not_found(cx);
        }
    }

    /// A session is said to stand somewhere: the open one, or one that is over and turns out otherwise. Says whether the open
    /// one is over now.
    pub(in super::super) fn stands(
        &mut self,
        id: &str,
        seen: &SessionSeen,
        by_look_up: bool,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Result<bool, IgnoredReason> {
        if let Some(session) = self.session_mut(id) {
            session.see(seen, by_look_up, cx);
            session.watch(cx);
            return Ok(self.close(history));
        }
        if let Some((before, intent)) = history.contradict(id, &seen.status) {
            self.turned_out(id, (&before, &seen.status), intent.as_ref(), cx);
            return Ok(false);
        }
        if seen.status == Status::Captured && self.failure_is_paid(id, history, cx) {
            return Ok(false);
        }
        Err(if history.has_id(id) { IgnoredReason::Duplicate } else { IgnoredReason::Unrelated })
    }

    /// The open session leaves the way to the next charge, if it is over.
    fn close(&mut self, history: &mut History) -> bool {
        let Charge::Open { seq, session } = &self.current else { return false };
        if !session.is_over() {
            return false;
        }
        let outcome = if session.status == Status::Captured { Outcome::Done } else { Outcome::Failed };
        if let Some(intent) = session.asked.as_ref().and_then(|it| it.intent.as_ref()) {
            self.intents.settle(intent.as_str(), outcome);
        }
        history.add_session(*seq, session);
        self.current = Charge::Idle;
        true
    }

    /// A session that is over, or waited for no longer, stands otherwise than it was taken for.
    fn turned_out(&mut self, id: &str, (before, now): (&Status, &Status), intent: Option<&Intent>, cx: &mut Cx<'_>) {
        if before.is_final() {
            cx.ask(Review::Contradiction, id);
        }
        if *now == Status::Captured && *before != Status::Captured {
            cx.withdraw_notice(Notice::Rejected, id);
            cx.fulfill(id);
            self.paid_after_all(intent, cx);
        } else if let (false, Some(intent)) = (before.is_final(), intent) {
            self.settle(Some(intent), Outcome::Failed);
            if *now == Status::Rejected {
                cx.notify(Notice::Rejected, id, None);
            }
        }
    }

    /// A charge that was taken for failed is paid: it is not asked for again, and a new try that is not sent is dropped.
    pub(super) fn paid_after_all(&mut self, intent: Option<&Intent>, cx: &mut Cx<'_>) {
        let Some(intent) = intent else { return };
        self.intents.settle(intent.as_str(), Outcome::Done);
        let again = |call: &Call| matches!(call, Call::CreatePaymentSession(it) if it.intent.as_ref() == Some(intent));
        if self.asked().is_some() && cx.pending(again).is_some_and(|it| !it.sent) {
            cx.withdraw(again);
            self.current = Charge::Idle;
        }
    }

    /// Plans the next look at the open session.
    pub(in super::super) fn watch(&self, cx: &mut Cx<'_>) {
        if let Some(session) = self.session() {
            session.watch(cx);
        }
    }

    /// The customer came back. Says whether a look at the session may pay.
    pub(in super::super) fn returned(&mut self, cx: &mut Cx<'_>) -> bool {
        let Charge::Open { session, .. } = &mut self.current else { return false };
        let hinted = session.awaited().is_some_and(|it| it.customer_url.is_some());
        if hinted {
            session.returned(cx.now());
            session.watch(cx);
        }
        hinted
    }

    /// What a person says of the open session: its id, which the person may have named. One that is waited for no longer
    /// stands in no other charge's way, and its own intent stays taken.
    pub(in super::super) fn session_judged(
        &mut self,
        about: &str,
        (verdict, named): (Verdict, Option<&str>),
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Option<PaymentSessionId> {
        let session = self.session_mut(about)?;
        let is_given_up = session.judged(verdict, named, cx);
        let id = session.id.clone();
        self.close(history);
        if let Charge::Open { seq, session } = &self.current
            && is_given_up
        {
            history.add_session(*seq, session);
            self.current = Charge::Idle;
        }
        Some(id)
    }

    /// A person says whose a payment is. Says whether it is the charge that is asked for.
    pub(in super::super) fn placed(
        &mut self,
        id: &PaymentSessionId,
        ours: bool,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> bool {
        if let Charge::Requested { asked, .. } = &mut self.current
            && asked.candidates.contains(id)
        {
            asked.candidates.retain(|it| it != id);
            if ours {
                return true;
            }
        } else if ours && !history.has_id(id.as_str()) {
            cx.fulfill(id.as_str());
        }
        history.add_judged(history.last(), id.clone());
        false
    }
}
