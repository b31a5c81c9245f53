//! A session that Truemed knows, with its ending and its refunds: what each reply and report says of the three.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::ends::{Ending, capture_content, is_end};
use super::refunds::{RefundTotals, UncheckedRefund, is_end_or_refund, refund_content};
use super::{Command, Cx};
use crate::effect::Wait;
use crate::flow::{Cause, IntentStatus, Intents, Outcome};
use crate::id::{Digest, EffectId, Intent};
use crate::money::Cents;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::replies::CreateSessionReply;
use crate::providers::truemed::api::requests::CreateRefund;
use crate::providers::truemed::api::webhook::{SessionReport, Status};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::names::{Review, Verdict};
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{RequestedSession, Session};

/// How many sessions with a person's verdict are remembered.
const REMEMBERED: usize = 16;

/// A session that Truemed knows, and the requests about it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionKnown"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Known {
    /// The session.
    pub session: Session,
    /// The intents of captures.
    #[serde(default)]
    pub(super) ends: Intents,
    /// The capture, void or cancel that is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ending: Option<Ending>,
    /// The intents of refunds.
    #[serde(default)]
    pub(super) refunds: Intents,
    /// What our refunds have returned, in cents.
    #[serde(default)]
    pub refunded: Cents,
    /// The sum of the pending refunds, in cents.
    #[serde(default)]
    pub refunding: Cents,
    /// What lookups show of all refunds, by us and by others.
    #[serde(rename = "given_back", default, skip_serializing_if = "RefundTotals::is_empty")]
    pub refund_totals: RefundTotals,
    /// Whether the customer's bank has an open dispute.
    #[serde(default)]
    pub disputed: bool,
    /// The refunds that were requested after the row was restored from a backup, until a lookup or a person says that they were
    /// not made before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) unchecked: Vec<UncheckedRefund>,
    /// Whether Truemed refused a void or cancel in such a row, and no lookup has shown the session since.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) untold_refusal: bool,
    /// Other sessions with our key on which a person gave a verdict.
    #[serde(rename = "judged", default, skip_serializing_if = "Vec::is_empty")]
    reviewed_sessions: Vec<PaymentSessionId>,
}

impl Known {
    pub(super) const fn new(session: Session) -> Self {
        Self {
            session,
            ends: Intents::EMPTY,
            ending: None,
            refunds: Intents::EMPTY,
            refunded: Cents::ZERO,
            refunding: Cents::ZERO,
            refund_totals: RefundTotals::NOTHING,
            disputed: false,
            unchecked: Vec::new(),
            untold_refusal: false,
            reviewed_sessions: Vec::new(),
        }
    }

    /// The requested session. The person's verdicts on others are kept.
    fn requested(session: Session) -> Self {
        let mut known = Self::new(session);
        if let Some(requested) = &mut known.session.requested {
            known.reviewed_sessions = core::mem::take(&mut requested.not_ours);
        }
        known
    }

    /// The requested session, as the reply to its request names it.
    pub(super) fn created(requested: RequestedSession, reply: CreateSessionReply, cx: &mut Cx<'_>) -> Self {
        cx.learn(&reply.id);
        cx.withdraw(Call::is_find);
        // A webhook about it came before, and only a lookup shows that status again.
        let was_asked = cx.asks_about(Review::Unplaced.as_str(), reply.id.as_str());
        cx.withdraw_review(Review::Unplaced, reply.id.as_str());
        cx.check(Rule::SessionRedirectUrlPresent, reply.redirect_url.is_some()).at("/redirect_url");
        let session = Session::created(reply, requested, cx);
        if was_asked {
            cx.look_up(Call::RetrievePaymentSession(session.id.clone()));
        }
        Self::requested(session)
    }

    /// The requested session, as a lookup, a webhook or a person names it, because no reply did.
    pub(super) fn bound(
        mut requested: RequestedSession,
        id: PaymentSessionId,
        report: Option<&SessionReport>,
        cx: &mut Cx<'_>,
    ) -> Self {
        cx.prove(Call::is_session, Some(id.as_str()));
        cx.withdraw(Call::is_find);
        cx.learn(&id);
        cx.withdraw_review(Review::Unplaced, id.as_str());
        requested.candidates.clear();
        let mut known = Self::requested(Session::new(id, Some(requested), cx.now()));
        if let Some(report) = report {
            known.first_report(report);
            known.apply(report, false, cx);
        } else {
            known.session.schedule(cx);
            cx.look_up(Call::RetrievePaymentSession(known.session.id.clone()));
        }
        known
    }

    /// A session that a person says is ours, although Truemed refused every sending of its request.
    pub(super) fn claimed(id: PaymentSessionId, cx: &mut Cx<'_>) -> Self {
        cx.look_up(Call::RetrievePaymentSession(id.clone()));
        let session = Session::claimed(id, cx.now());
        session.schedule(cx);
        Self::new(session)
    }

    /// Whether the same command is pending or was carried out before.
    pub(super) fn is_duplicate(&self, command: &Command) -> bool {
        let content = content(command);
        match command {
            Command::CreatePaymentSession(command) => {
                let is_current = !self.session.is_over() || self.session.status == Status::Captured;
                is_current
                    && self.session.requested.as_ref().is_some_and(|requested| requested.cart == command.content())
            }
            Command::RetrievePaymentSession { .. } => false,
            Command::CapturePaymentSession(capture) => content.is_some_and(|content| {
                is_same(&self.ends, capture.intent.as_ref(), content)
                    || self.ending == Some(Ending::Capture(capture.intent.clone(), content))
            }),
            Command::VoidPaymentSession {} => self.ending == Some(Ending::Void),
            Command::CancelPaymentSession {} => self.is_dropped(),
            Command::CreateRefund(refund) => {
                content.is_some_and(|content| is_same(&self.refunds, refund.intent.as_ref(), content))
            }
        }
    }

    /// What the session waits for, if Truemed or the customer has to act.
    pub(super) fn wait(&self) -> Option<Wait> {
        let wait = self.session.wait()?;
        Some(Wait { customer_url: wait.customer_url.filter(|_| !self.is_dropped()), ..wait })
    }

    /// Applies a report to the session, and to the pending requests about it.
    pub(super) fn apply(&mut self, report: &SessionReport, by_lookup: bool, cx: &mut Cx<'_>) {
        self.session.apply(report, by_lookup, cx);
        self.compare_end(report, by_lookup, cx);
        if by_lookup {
            self.compare_refunds(report, cx);
        }
        self.session.schedule(cx);
        self.wait_for_dispute(cx);
    }

    /// A lookup shows the session.
    pub(super) fn on_lookup(&mut self, report: &SessionReport, cx: &mut Cx<'_>) {
        cx.learn(&self.session.id);
        self.session.check_echo(report, cx);
        if report.status_summary.is_some() {
            self.is_disputed(report.is_summary("disputed"), cx);
        }
        self.check_refunds_before_restore(report, cx);
        self.session.looked_up(cx.leased_at());
        self.apply(report, true, cx);
    }

    /// Truemed refused a request about the session.
    pub(super) fn refused(&mut self, id: &EffectId, call: &Call, (status, disputed): (u16, bool), cx: &mut Cx<'_>) {
        match call {
            Call::CreateRefund(session, refund) => {
                self.settle_refund(id, refund.amount, Outcome::Failed(Cause::Refused), cx);
                self.refused_for_dispute(disputed, cx);
                cx.look_up(Call::ConfirmPaymentSession(session.clone()));
            }
            Call::RetrievePaymentSession(_) | Call::ConfirmPaymentSession(_) => {
                if status == 404 {
                    self.session.not_found(cx);
                    self.ask_about_unchecked(cx);
                    cx.look_again(is_end_or_refund);
                }
            }
            _ => self.end_refused(call, cx),
        }
    }

    /// Truemed says whether the customer's bank has an open dispute. A person is asked once for each dispute.
    fn is_disputed(&mut self, disputed: bool, cx: &mut Cx<'_>) {
        match (self.disputed, disputed) {
            (false, true) => cx.ask(Review::Disputed, &self.session.id),
            (true, false) => cx.withdraw_review(Review::Disputed, self.session.id.as_str()),
            _ => {}
        }
        self.disputed = disputed;
    }

    /// Truemed refused a refund, perhaps for a dispute. In a row from a backup that may be an old reply, and only the lookup that
    /// follows counts.
    pub(super) fn refused_for_dispute(&mut self, disputed: bool, cx: &mut Cx<'_>) {
        if disputed && !cx.is_restored() {
            self.is_disputed(true, cx);
        }
    }

    /// A person decided what became of a request about the session.
    pub(super) fn resolved(&mut self, id: &EffectId, call: &Call, verdict: Option<Verdict>, cx: &mut Cx<'_>) {
        match call {
            Call::CreateRefund(_, CreateRefund { amount, .. }) => {
                let made = verdict == Some(Verdict::Refunded);
                let outcome = if made { Outcome::Done } else { Outcome::Failed(Cause::Reviewed) };
                self.settle_refund(id, *amount, outcome, cx);
                self.wait_for_dispute(cx);
            }
            Call::RetrievePaymentSession(_) => {
                self.session.schedule(cx);
                self.ask_about_unchecked(cx);
            }
            call if is_end(call) => self.end_resolved(call, verdict, cx),
            _ => {}
        }
    }

    /// Truemed carried out a request that had ended as not done.
    pub(super) fn done_after_all(&mut self, id: &EffectId, call: &Call, is_refunded: bool, cx: &mut Cx<'_>) {
        match call {
            Call::CreateRefund(_, refund) if is_refunded => self.refunded_after_all(id, refund.amount, cx),
            call if is_end(call) => {}
            _ => return,
        }
        cx.look_up(Call::ConfirmPaymentSession(self.session.id.clone()));
    }

    /// The customer came back. Returns whether a lookup can show something new: not after Cancel.
    pub(super) fn returned(&mut self, cx: &mut Cx<'_>) -> bool {
        let is_waiting = self.session.wait().is_some();
        if is_waiting {
            self.session.returned(cx.now());
            self.session.schedule(cx);
        }
        is_waiting
    }

    /// A person gave a verdict on the session itself.
    pub(super) fn reviewed(&mut self, verdict: Verdict, named: Option<&str>, cx: &mut Cx<'_>) {
        if self.session.reviewed(verdict, named, cx) {
            self.drop_end(cx);
        }
    }

    /// A person decided whether another session is ours.
    pub(super) fn other_session_reviewed(&mut self, id: PaymentSessionId, ours: bool, cx: &mut Cx<'_>) {
        if id == self.session.id {
            // The host has adopted it meanwhile.
            if ours {
                self.session.claim(cx);
            }
        } else if ours && self.session.status == Status::Captured {
            cx.ask(Review::MadeTwice, &id);
        } else if ours {
            self.session.is_paid_by_another = true;
            cx.fulfill(&id);
        }
        remember(&mut self.reviewed_sessions, id);
    }

    /// Whether a person has decided on another session.
    pub(super) fn has_reviewed(&self, id: &PaymentSessionId) -> bool {
        self.reviewed_sessions.contains(id)
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        let negative = self.refunded < Cents::ZERO || self.refunding < Cents::ZERO;
        match () {
            () if !self.session.status.is_known() => Some("the status of a session is not a documented one"),
            () if negative => Some("an amount of refunds is negative"),
            () if self.refunded > Cents::ZERO && self.session.status != Status::Captured => {
                Some("money was refunded that was never captured")
            }
            () => None,
        }
    }
}

/// Adds a session on which a person gave a verdict, and drops the oldest if there are too many.
pub(super) fn remember(reviewed: &mut Vec<PaymentSessionId>, id: PaymentSessionId) {
    if reviewed.len() >= REMEMBERED {
        reviewed.remove(0);
    }
    reviewed.push(id);
}

/// The fingerprint of a command that can have an intent.
pub(super) fn content(command: &Command) -> Option<Digest> {
    match command {
        Command::CapturePaymentSession(capture) => Some(capture_content(capture.total_amount)),
        Command::CreateRefund(refund) => Some(refund_content(refund)),
        _ => None,
    }
}

fn is_same(intents: &Intents, intent: Option<&Intent>, content: Digest) -> bool {
    intent.is_some_and(|it| intents.status_of(it, content) == IntentStatus::Same)
}
