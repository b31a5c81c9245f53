//! A charge that the stored payment method could not pay: what the customer must do, and the end of the repair.

use crate::flow::{Cause, ToDo};
use crate::id::TypedId;
use alloc::format;

use super::{
    Call, Cents, Charge, Charges, Cx, EffectId, FailedChargeReply, History, IgnoredReason, Intent, NextAction, Notice,
    Origin, Outcome, PaymentSessionId, PollTimer, Review, SessionReport, SignalName, Status, String, Token, Wait,
};
use serde::{Deserialize, Serialize};

/// The notices and reviews about a failed charge.
pub(super) const FAILURE_EFFECTS: &[&str] = &[Notice::PaymentFailed.as_str(), Review::RepairUnconfirmed.as_str()];

/// Parts of a failure code that show that the customer must qualify again.
const SURVEY_WORDS: [&str; 6] = ["qualif", "survey", "eligib", "lmn", "letter", "medical"];

/// A charge that failed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenFailed"))]
#[serde(deny_unknown_fields)]
pub(in super::super) struct FailedCharge {
    /// The position in the order of our requests.
    seq: u32,
    /// The request that Truemed refused.
    of: EffectId,
    /// The host's name for the charge.
    intent: Option<Intent>,
    /// The session that failed, if the reply had it.
    session: Option<PaymentSessionId>,
    /// Truemed's code for the failure.
    code: Option<String>,
    /// What the customer must do, if the reply says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<NextAction>,
    /// The total amount, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<Cents>,
    /// The page where the customer repairs the payment method, exactly as Truemed returned it.
    redirect_url: Option<String>,
    /// How often another page replaced the one in the notice.
    #[serde(default, skip_serializing_if = "is_none")]
    turn: u32,
    /// Whether the row was restored from a backup, and the list has not yet shown if a repeated charge was paid meanwhile.
    /// The customer is not notified before: the page may be of a repair that was made.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) unchecked: bool,
    /// Schedules the review of the repair.
    #[serde(rename = "watch")]
    timer: PollTimer,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_none(turn: &u32) -> bool {
    *turn == 0
}

impl FailedCharge {
    /// The session that failed, if it is known.
    pub(in super::super) const fn session(&self) -> Option<&PaymentSessionId> {
        self.session.as_ref()
    }

    pub(super) const fn total(&self) -> Option<Cents> {
        self.total
    }

    /// Whether the customer must qualify again. A new card does not do that.
    pub(in super::super) fn needs_survey(&self) -> bool {
        let name = match &self.action {
            Some(NextAction::HealthSurvey) => return true,
            Some(NextAction::UpdatePaymentMethod) => return false,
            Some(NextAction::Unknown(name)) => Some(name),
            None => self.code.as_ref(),
        };
        let name = name.map(|it| it.to_ascii_lowercase()).unwrap_or_default();
        SURVEY_WORDS.into_iter().any(|part| name.contains(part))
    }

    /// What the flow waits for: the customer's repair.
    pub(super) fn wait(&self) -> Wait {
        let mut wait = Wait::new(SignalName::TokenUpdated.as_str(), self.timer.since());
        wait.about = self.session.as_ref().map(TypedId::from);
        let action = self.action.as_ref().map(|it| it.as_str().into());
        wait.customer_action = action.or_else(|| self.code.clone());
        wait.customer_url = self.redirect_url.clone().filter(|_| !self.unchecked);
        wait
    }

    /// What the failure is about: its session, or the request if the session is not known.
    fn subject(&self) -> TypedId {
        self.session.as_ref().map_or_else(|| TypedId::from(&self.of), TypedId::from)
    }

    /// The customer is notified of the failure.
    pub(super) fn tell(&mut self, cx: &mut Cx<'_>) {
        self.unchecked = false;
        let action = self.action.as_ref().map(NextAction::as_str).or(self.code.as_deref());
        cx.notify(Notice::PaymentFailed, self.subject(), ToDo::at(self.redirect_url.as_deref(), action));
    }

    /// The host's name for the charge, and its position in the order of our requests.
    pub(super) fn charge(&self) -> (Option<Intent>, u32) {
        (self.intent.clone(), self.seq)
    }
}

impl Charges {
    /// Truemed refused a sending with a page for the customer. `over` says that no other sending can have succeeded.
    /// `token` is the known token.
    pub(in super::super) fn failed(
        &mut self,
        of: EffectId,
        (reply, code): (FailedChargeReply, Option<String>),
        over: bool,
        token: Option<&Token>,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let Charge::Requested { seq, requested, failed: last } = &mut self.current else {
            return Err(IgnoredReason::Unrelated);
        };
        let (seq, intent, action) = (*seq, requested.intent.clone(), reply.next_action());
        let total = Some(requested.total);
        let session = reply.session().cloned();
        // The webhook may have come meanwhile. Without a session in the reply, it is found by the token.
        if let Some(id) = session.as_ref().map(TypedId::from).or(token.map(TypedId::from)) {
            cx.learn(id);
        }
        let redirect_url = reply.redirect_url;
        let subject = session.as_ref().map_or_else(|| TypedId::from(&of), TypedId::from);
        let wanted = action.as_ref().map(NextAction::as_str).or(code.as_deref());
        let to_do = ToDo::at(redirect_url.as_deref(), wanted);
        let unchecked =
            self.searched < cx.restored_last() && intent.is_some() && last.as_ref().is_none_or(|it| it.unchecked);
        let turn = match last {
            None if unchecked => 0,
            Some(last) if unchecked => last.turn,
            None => {
                cx.notify(Notice::PaymentFailed, subject, to_do);
                0
            }
            // Another page needs another notice.
            Some(last) if last.redirect_url != redirect_url => {
                let turn = last.turn.saturating_add(1);
                cx.withdraw_all_about(&[Notice::PaymentFailed.as_str()], |_| true);
                let name = format!("{}:{turn}", subject.as_str());
                cx.notify_as(&name, Notice::PaymentFailed, subject, to_do, None);
                turn
            }
            Some(last) => last.turn,
        };
        let timer = PollTimer::new(cx.now());
        cx.ask_on_schedule(Review::RepairUnconfirmed, &of, &timer);
        let failed =
            FailedCharge { seq, of, intent, session, code, action, total, redirect_url, turn, unchecked, timer };
        if over {
            cx.withdraw(Call::is_find);
            self.settle(failed.intent.as_ref(), Outcome::Failed(Cause::Declined));
            self.current = Charge::Failed(failed);
            self.look_for_repeated(cx);
        } else {
            *last = Some(failed);
        }
        Ok(())
    }

    /// The list shows the requested charge as a session that has failed, and another sending's reply has said what the
    /// customer must do about it. Whether that is so: otherwise the session is one like any other.
    pub(in super::super) fn found_failed(
        &mut self,
        id: &PaymentSessionId,
        report: Option<&SessionReport>,
        cx: &mut Cx<'_>,
    ) -> bool {
        let Charge::Requested { failed, .. } = &mut self.current else { return false };
        let status = report.map(|it| &it.status);
        let has_ended = matches!(status, Some(Status::Rejected | Status::Canceled));
        let Some(mut found) = failed.take_if(|it| match &it.session {
            Some(named) => named == id && (has_ended || status.is_none_or(|it| *it == Status::Pending)),
            None => has_ended,
        }) else {
            return false;
        };
        // A later reply with another session would show that Truemed made a second one.
        cx.prove(Call::is_session, Some(id.as_str()));
        cx.withdraw(Call::is_find);
        cx.learn(id);
        if status.is_none() {
            cx.look_up(Call::RetrievePaymentSession(id.clone()));
        }
        found.session = Some(id.clone());
        self.settle(found.intent.as_ref(), Outcome::Failed(Cause::Declined));
        self.current = Charge::Failed(found);
        self.look_for_repeated(cx);
        true
    }

    /// The failure that waits for the customer.
    pub(in super::super) const fn failure(&self) -> Option<&FailedCharge> {
        match &self.current {
            Charge::Failed(failed) => Some(failed),
            Charge::Requested { failed, .. } => failed.as_ref(),
            _ => None,
        }
    }

    /// A person decided to wait longer for a repair.
    pub(in super::super) fn wait_for_repair(&mut self, cx: &mut Cx<'_>) {
        if let Charge::Failed(failed) | Charge::Requested { failed: Some(failed), .. } = &mut self.current {
            failed.timer = PollTimer::new(cx.now());
            cx.ask_on_schedule(Review::RepairUnconfirmed, &failed.of, &failed.timer);
        }
    }

    /// The customer repaired a failed charge.
    ///
    /// `by` is the origin that Truemed's webhook names. Without it, a change of the card or of the items made the
    /// repair. Only an origin ends a request that may have another successful sending. Returns the position of the
    /// charge in the order of our requests.
    pub(in super::super) fn repaired(
        &mut self,
        by: Option<&Origin>,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Option<u32> {
        let failed = match &mut self.current {
            Charge::Failed(failed) => failed.clone(),
            Charge::Requested { failed, .. } => {
                let failed = failed.take()?;
                let Some(origin) = by else {
                    cx.withdraw_all_about(FAILURE_EFFECTS, |_| true);
                    return None;
                };
                // A later reply with a session would show that Truemed made a second one.
                cx.prove(Call::is_session, Some(origin.id()));
                cx.withdraw(Call::is_find);
                self.intents.settle(failed.of.intent(), Outcome::Failed(Cause::Declined));
                failed
            }
            _ => return None,
        };
        cx.withdraw(Call::is_find);
        let session = by.map_or(failed.session, |origin| PaymentSessionId::parse(origin.id()).ok());
        cx.withdraw_all_about(FAILURE_EFFECTS, |_| true);
        if let Some(id) = &session {
            history.add_failed(failed.seq, id.clone(), failed.intent.clone());
        }
        let FailedCharge { seq, intent, total, .. } = failed;
        self.current = Charge::Repaired { seq, intent, session, total };
        Some(seq)
    }

    /// Adds the session to a repaired charge. Returns whether there was one without a session.
    pub(in super::super) fn name_repaired(&mut self, id: &PaymentSessionId, history: &mut History) -> bool {
        let Charge::Repaired { seq, intent, session: session @ None, .. } = &mut self.current else { return false };
        *session = Some(id.clone());
        history.add_failed(*seq, id.clone(), intent.clone());
        true
    }

    /// Truemed captured the session of a failed charge. The charge is paid, and is not repeated.
    pub(super) fn failed_charge_paid(&mut self, id: &str, history: &mut History, cx: &mut Cx<'_>) -> bool {
        let is_it = |session: &Option<PaymentSessionId>| session.as_ref().is_some_and(|it| it.as_str() == id);
        if let Some(failed) = self.failure().filter(|it| is_it(&it.session)) {
            let (seq, intent) = (failed.seq, failed.intent.clone());
            if self.requested().is_some() {
                cx.prove(Call::is_session, Some(id));
            }
            cx.withdraw(Call::is_find);
            cx.withdraw_all_about(FAILURE_EFFECTS, |_| true);
            self.current = Charge::Idle;
            if let Ok(id) = PaymentSessionId::parse(id) {
                history.add_reviewed(seq, id);
            }
            cx.fulfill_charge(TypedId::new("payment_session", id), intent.as_ref(), None);
            self.paid_after_all(intent.as_ref(), cx);
            return true;
        }
        let Some(intent) = history.capture_failed_session(id) else { return false };
        cx.fulfill_charge(TypedId::new("payment_session", id), intent.as_ref(), None);
        match &self.current {
            Charge::Repaired { session, .. } if is_it(session) => self.current = Charge::Idle,
            // The host has requested the charge again since, and the customer may pay twice.
            _ => cx.ask(Review::Contradiction, TypedId::new("payment_session", id)),
        }
        self.paid_after_all(intent.as_ref(), cx);
        true
    }
}
