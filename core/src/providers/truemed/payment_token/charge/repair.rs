//! A charge that the stored method could not pay: what the customer has to do, and that it was done.

use alloc::format;

use super::{
    Call, Charge, Charges, Cx, EffectId, FailedChargeReply, History, IgnoredReason, Intent, NextAction, Notice, Origin,
    Outcome, PaymentSessionId, PollTimer, Review, SignalName, String, Token, Wait,
};
use serde::{Deserialize, Serialize};

/// What is said of a charge that failed.
pub(super) const FAILURE_EFFECTS: &[&str] = &[Notice::PaymentFailed.as_str(), Review::RepairUnconfirmed.as_str()];

/// What a failure's word has in it where the customer has to qualify anew.
const SURVEY_WORDS: [&str; 6] = ["qualif", "survey", "eligib", "lmn", "letter", "medical"];

/// A charge that failed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenFailed"))]
#[serde(deny_unknown_fields)]
pub(in super::super) struct FailedCharge {
    /// Its place in the order of our requests.
    seq: u32,
    /// The request that was answered so.
    of: EffectId,
    /// The host's name for the charge.
    intent: Option<Intent>,
    /// The session that failed, if the answer named it.
    session: Option<PaymentSessionId>,
    /// Truemed's word for the failure, as it came.
    code: Option<String>,
    /// What the customer must do, where the refusal says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<NextAction>,
    /// Where the customer repairs it, exactly as Truemed gave it.
    redirect_url: Option<String>,
    /// How often another page took the place of the one that the customer was told of.
    #[serde(default, skip_serializing_if = "is_none")]
    turn: u32,
    /// The wait for its repair.
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

    /// Whether the customer has to qualify anew, which no change of the card does.
    pub(in super::super) fn needs_survey(&self) -> bool {
        let word = match &self.action {
            Some(NextAction::HealthSurvey) => return true,
            Some(NextAction::UpdatePaymentMethod) => return false,
            Some(NextAction::Unknown(word)) => Some(word),
            None => self.code.as_ref(),
        };
        let word = word.map(|it| it.to_ascii_lowercase()).unwrap_or_default();
        SURVEY_WORDS.into_iter().any(|part| word.contains(part))
    }

    /// What the customer has to do.
    pub(super) fn wait(&self) -> Wait {
        let mut wait = Wait::new(SignalName::TokenUpdated.as_str(), self.timer.since());
        wait.about = self.session.as_ref().map(|id| id.as_str().into());
        let action = self.action.as_ref().map(|it| it.as_str().into());
        wait.customer_action = action.or_else(|| self.code.clone());
        wait.customer_url.clone_from(&self.redirect_url);
        wait
    }
}

impl Charges {
    /// A refusal sends the customer to a page; `over` is whether no other sending may have come true, and `token` the one that
    /// is known.
    pub(in super::super) fn failed(
        &mut self,
        of: EffectId,
        (reply, code): (FailedChargeReply, Option<String>),
        over: bool,
        token: Option<&Token>,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let Charge::Requested { seq, requested, failed: before } = &mut self.current else {
            return Err(IgnoredReason::Unrelated);
        };
        let (seq, intent, action) = (*seq, requested.intent.clone(), reply.next_action());
        let session = reply.session().cloned();
        // A webhook that came meanwhile is found by the token where the reply names no session.
        if let Some(id) = session.as_ref().map(PaymentSessionId::as_str).or(token.map(Token::as_str)) {
            cx.learn(id);
        }
        let redirect_url = reply.redirect_url;
        let subject = session.as_ref().map_or(of.as_str(), PaymentSessionId::as_str);
        let turn = match before {
            None => {
                cx.notify(Notice::PaymentFailed, subject, redirect_url.as_deref());
                0
            }
            // Another page than the customer was told of is another notice.
            Some(before) if before.redirect_url != redirect_url => {
                let turn = before.turn.saturating_add(1);
                cx.withdraw_all_about(&[Notice::PaymentFailed.as_str()], |_| true);
                cx.notify(Notice::PaymentFailed, &format!("{subject}:{turn}"), redirect_url.as_deref());
                turn
            }
            Some(before) => before.turn,
        };
        let timer = PollTimer::new(cx.now());
        cx.ask_on_schedule(Review::RepairUnconfirmed, of.as_str(), &timer);
        let failed = FailedCharge { seq, of, intent, session, code, action, redirect_url, turn, timer };
        if over {
            cx.withdraw(Call::is_find);
            self.settle(failed.intent.as_ref(), Outcome::Failed);
            self.current = Charge::Failed(failed);
        } else {
            *before = Some(failed);
        }
        Ok(())
    }

    /// The customer's action that a refused charge opened.
    pub(in super::super) const fn failure(&self) -> Option<&FailedCharge> {
        match &self.current {
            Charge::Failed(failed) => Some(failed),
            Charge::Requested { failed, .. } => failed.as_ref(),
            _ => None,
        }
    }

    /// A person wants to wait on for a repair.
    pub(in super::super) fn wait_for_repair(&mut self, cx: &mut Cx<'_>) {
        if let Charge::Failed(failed) | Charge::Requested { failed: Some(failed), .. } = &mut self.current {
            failed.timer = PollTimer::new(cx.now());
            cx.ask_on_schedule(Review::RepairUnconfirmed, failed.of.as_str(), &failed.timer);
        }
    }

    /// The customer has done what a failed charge asked for: Truemed says so and names its session, or the card or the
    /// survey was settled. Only the former ends a request of which another sending may have come true. Says which place the
    /// charge has in the order of our requests.
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
                // A reply that still names a session says that another one was made.
                cx.prove(Call::is_session, Some(origin.id()));
                cx.withdraw(Call::is_find);
                self.intents.settle(failed.of.intent(), Outcome::Failed);
                failed
            }
            _ => return None,
        };
        let session = by.map_or(failed.session, |origin| PaymentSessionId::parse(origin.id()).ok());
        cx.withdraw_all_about(FAILURE_EFFECTS, |_| true);
        if let Some(id) = &session {
            history.add_failed(failed.seq, id.clone(), failed.intent.clone());
        }
        self.current = Charge::Repaired { seq: failed.seq, intent: failed.intent, session, since: cx.now() };
        Some(failed.seq)
    }

    /// Truemed names the session of a charge that was repaired already. Says whether there is one without a session.
    pub(in super::super) fn name_repaired(&mut self, id: &PaymentSessionId, history: &mut History) -> bool {
        let Charge::Repaired { seq, intent, session: session @ None, .. } = &mut self.current else { return false };
        *session = Some(id.clone());
        history.add_failed(*seq, id.clone(), intent.clone());
        true
    }

    /// The session of a charge that failed is captured: it is paid, and not asked for again.
    pub(super) fn failed_charge_paid(&mut self, id: &str, history: &mut History, cx: &mut Cx<'_>) -> bool {
        let is_it = |session: &Option<PaymentSessionId>| session.as_ref().is_some_and(|it| it.as_str() == id);
        if let Some(failed) = self.failure().filter(|it| is_it(&it.session)) {
            let (seq, intent) = (failed.seq, failed.intent.clone());
            if self.requested().is_some() {
                cx.prove(Call::is_session, Some(id));
                cx.withdraw(Call::is_find);
            }
            cx.withdraw_all_about(FAILURE_EFFECTS, |_| true);
            self.current = Charge::Idle;
            if let Ok(id) = PaymentSessionId::parse(id) {
                history.add_reviewed(seq, id);
            }
            cx.fulfill(id);
            self.paid_after_all(intent.as_ref(), cx);
            return true;
        }
        let Some(intent) = history.pay_failed(id) else { return false };
        cx.fulfill(id);
        match &self.current {
            Charge::Repaired { session, .. } if is_it(session) => self.current = Charge::Idle,
            // It has been asked for again since, and may be paid twice.
            _ => cx.ask(Review::Contradiction, id),
        }
        self.paid_after_all(intent.as_ref(), cx);
        true
    }
}
