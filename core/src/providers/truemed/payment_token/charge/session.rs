//! The session of a charge: Truemed's reports, its end, and a person's verdicts.

use super::{
    Call, Charge, Charges, Cx, History, IgnoredReason, Intent, Notice, Outcome, PaymentSessionId, Review,
    SessionReport, Status, Verdict,
};
use crate::flow::ToDo;
use crate::id::TypedId;
use crate::providers::truemed::session::cause_of;

impl Charges {
    /// A lookup of the open session had a reply: the schedule goes on, and the metadata is compared.
    pub(in super::super) fn on_lookup(&mut self, id: &PaymentSessionId, report: &SessionReport, cx: &mut Cx<'_>) {
        if let Some(session) = self.session_mut(id.as_str()) {
            session.looked_up(cx.leased_at());
            session.check_echo(report, cx);
        }
    }

    /// Truemed does not find the session, so a person is asked where it is.
    pub(in super::super) fn not_found(&mut self, id: &PaymentSessionId, cx: &mut Cx<'_>) {
        if let Some(session) = self.session_mut(id.as_str()) {
            session.not_found(cx);
        }
    }

    /// A webhook or a lookup reports a session: the open one, or one that is over. Returns whether the open one has
    /// ended.
    pub(in super::super) fn on_report(
        &mut self,
        id: &str,
        report: &SessionReport,
        by_lookup: bool,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Result<bool, IgnoredReason> {
        if let Some(session) = self.session_mut(id) {
            session.apply(report, by_lookup, cx);
            session.schedule(cx);
            return Ok(self.close(history));
        }
        if let Some((before, intent)) = history.contradict(id, &report.status) {
            self.on_late_status(id, (&before, &report.status), intent.as_ref(), cx);
            return Ok(false);
        }
        if report.status == Status::Captured && self.failed_charge_paid(id, history, cx) {
            return Ok(false);
        }
        Err(if history.has_id(id) { IgnoredReason::Duplicate } else { IgnoredReason::Unrelated })
    }

    /// Closes the session of the charge if it is over, so that the next charge is possible.
    fn close(&mut self, history: &mut History) -> bool {
        let Charge::Open { seq, session } = &self.current else { return false };
        if !session.is_over() {
            return false;
        }
        if let Some(intent) = session.requested.as_ref().and_then(|it| it.intent.as_ref()) {
            self.intents.settle(intent.as_str(), session.outcome());
        }
        history.add_session(*seq, session);
        self.current = Charge::Idle;
        true
    }

    /// A session that is over, or that the flow waits for no longer, has another status than before.
    fn on_late_status(
        &mut self,
        id: &str,
        (before, now): (&Status, &Status),
        intent: Option<&Intent>,
        cx: &mut Cx<'_>,
    ) {
        if before.is_final() {
            cx.ask(Review::Contradiction, TypedId::new("payment_session", id));
        }
        if *now == Status::Captured && *before != Status::Captured {
            cx.withdraw_notice(Notice::Rejected, id);
            cx.fulfill_charge(TypedId::new("payment_session", id), intent, None);
            let was_paid = intent.is_some_and(|it| self.intents.outcome(it) == Some(Outcome::Done));
            self.paid_after_all(intent, cx);
            if was_paid || intent.is_some_and(|it| self.current_intent() == Some(it)) {
                // The host has requested the charge again, and the customer may pay twice.
                cx.ask(Review::Contradiction, TypedId::new("payment_session", id));
            }
        } else if let (false, Some(intent)) = (before.is_final(), intent) {
            self.settle(Some(intent), Outcome::Failed(cause_of(now)));
            if *now == Status::Rejected {
                cx.notify(Notice::Rejected, TypedId::new("payment_session", id), ToDo::NOTHING);
            }
        }
    }

    /// The intent of the requested or open charge.
    fn current_intent(&self) -> Option<&Intent> {
        let requested = self.session().and_then(|it| it.requested.as_ref());
        requested.or(self.requested())?.intent.as_ref()
    }

    /// A charge that counted as failed is paid. It is not repeated, and a new try that was not sent is dropped.
    pub(super) fn paid_after_all(&mut self, intent: Option<&Intent>, cx: &mut Cx<'_>) {
        let Some(intent) = intent else { return };
        self.intents.settle(intent.as_str(), Outcome::Done);
        let again = |call: &Call| matches!(call, Call::CreatePaymentSession(it) if it.intent.as_ref() == Some(intent));
        if self.requested().is_some() && cx.pending(again).is_some_and(|it| !it.sent) {
            cx.withdraw(again);
            self.current = Charge::Idle;
        }
    }

    /// Schedules the next lookup of the open session.
    pub(in super::super) fn schedule(&self, cx: &mut Cx<'_>) {
        if let Some(session) = self.session() {
            session.schedule(cx);
        }
    }

    /// The customer came back. Returns whether a lookup of the session can show something new.
    pub(in super::super) fn returned(&mut self, cx: &mut Cx<'_>) -> bool {
        let Charge::Open { session, .. } = &mut self.current else { return false };
        let can_still_pay = session.wait().is_some_and(|it| it.customer_url.is_some());
        if can_still_pay {
            session.returned(cx.now());
            session.schedule(cx);
        }
        can_still_pay
    }

    /// A person gave a verdict on the open session. Returns its id, which the person may have changed.
    ///
    /// A session that the flow waits for no longer does not block another charge. Its own intent stays in use.
    pub(in super::super) fn session_reviewed(
        &mut self,
        about: &str,
        (verdict, named): (Verdict, Option<&str>),
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Option<PaymentSessionId> {
        let session = self.session_mut(about)?;
        let is_given_up = session.reviewed(verdict, named, cx);
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

    /// A person decided whose a payment is. Returns whether it is the requested charge.
    pub(in super::super) fn payment_reviewed(
        &mut self,
        id: &PaymentSessionId,
        ours: bool,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> bool {
        if let Charge::Requested { requested, .. } = &mut self.current
            && requested.candidates.contains(id)
        {
            requested.candidates.retain(|it| it != id);
            if ours {
                return true;
            }
        } else if ours && !history.has_id(id.as_str()) {
            cx.fulfill(id);
        }
        history.add_reviewed(history.last(), id.clone());
        false
    }
}
