//! A session that Truemed knows, with its ends and its refunds: what it shows, and what each reply says of all three.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::ends::{Ending, capture_content, is_end};
use super::refunds::{RefundTotals, is_end_or_refund, refund_content};
use super::{Command, Cx};
use crate::effect::Wait;
use crate::flow::{IntentStatus, Intents, Outcome};
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

/// How many sessions are remembered that a person has judged.
const REMEMBERED: usize = 16;

/// A session that Truemed knows, and what is done with it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionKnown"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Known {
    /// The session.
    pub session: Session,
    /// Captures, voids and cancels that were asked for.
    #[serde(default)]
    pub(super) ends: Intents,
    /// The end that is asked for and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ending: Option<Ending>,
    /// Refunds that were asked for.
    #[serde(default)]
    pub(super) refunds: Intents,
    /// What our refunds have given back, in cents.
    #[serde(default)]
    pub refunded: Cents,
    /// What is asked to be given back and not answered, in cents.
    #[serde(default)]
    pub refunding: Cents,
    /// What lookups have told of all that was given back, by whomever.
    #[serde(rename = "given_back", default, skip_serializing_if = "RefundTotals::is_empty")]
    pub refund_totals: RefundTotals,
    /// Whether the customer's bank has an open dispute.
    #[serde(default)]
    pub disputed: bool,
    /// Other sessions with our key that a person has judged.
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
            reviewed_sessions: Vec::new(),
        }
    }

    /// The session that was asked for, as the reply to its request names it.
    pub(super) fn created(requested: RequestedSession, reply: CreateSessionReply, cx: &mut Cx<'_>) -> Self {
        cx.learn(reply.id.as_str());
        cx.withdraw(Call::is_find);
        cx.withdraw_review(Review::Unplaced, reply.id.as_str());
        cx.check(Rule::SessionRedirectUrlPresent, reply.redirect_url.is_some()).at("/redirect_url");
        let session = Session::created(reply, requested, cx.now());
        session.schedule(cx);
        Self::new(session)
    }

    /// The same, where no reply names it: a lookup, a webhook or a person does.
    pub(super) fn bound(
        mut requested: RequestedSession,
        id: PaymentSessionId,
        report: Option<&SessionReport>,
        cx: &mut Cx<'_>,
    ) -> Self {
        cx.prove(Call::is_session, Some(id.as_str()));
        cx.withdraw(Call::is_find);
        cx.learn(id.as_str());
        cx.withdraw_review(Review::Unplaced, id.as_str());
        requested.candidates.clear();
        let mut known = Self::new(Session::new(id, Some(requested), cx.now()));
        if let Some(report) = report {
            known.first_report(report);
            known.apply(report, false, cx);
        } else {
            known.session.schedule(cx);
            cx.look_up(Call::RetrievePaymentSession(known.session.id.clone()));
        }
        known
    }

    /// A session that a person calls ours, although every sending of its request was refused.
    pub(super) fn claimed(id: PaymentSessionId, cx: &mut Cx<'_>) -> Self {
        cx.look_up(Call::RetrievePaymentSession(id.clone()));
        let session = Session::claimed(id, cx.now());
        session.schedule(cx);
        Self::new(session)
    }

    /// Whether the same command is open or fulfilled already.
    pub(super) fn is_duplicate(&self, command: &Command) -> bool {
        let content = content(command);
        match command {
            Command::CreatePaymentSession(command) => {
                let lives = !self.session.is_over() || self.session.status == Status::Captured;
                lives && self.session.requested.as_ref().is_some_and(|requested| requested.cart == command.content())
            }
            Command::RetrievePaymentSession { .. } => false,
            Command::CapturePaymentSession { intent, .. } => content.is_some_and(|content| {
                is_same(&self.ends, intent.as_ref(), content)
                    || self.ending == Some(Ending::Capture(intent.clone(), content))
            }),
            Command::VoidPaymentSession {} => self.ending == Some(Ending::Void),
            Command::CancelPaymentSession {} => self.is_dropped(),
            Command::CreateRefund { intent, .. } => {
                content.is_some_and(|content| is_same(&self.refunds, intent.as_ref(), content))
            }
        }
    }

    /// What is awaited of it.
    pub(super) fn wait(&self) -> Option<Wait> {
        let wait = self.session.wait()?;
        Some(Wait { customer_url: wait.customer_url.filter(|_| !self.is_dropped()), ..wait })
    }

    /// Takes in how the session stands, and what that says of the requests that are open.
    pub(super) fn apply(&mut self, report: &SessionReport, by_lookup: bool, cx: &mut Cx<'_>) {
        self.session.apply(report, by_lookup, cx);
        self.compare_end(report, by_lookup, cx);
        if by_lookup {
            self.compare_refunds(report, cx);
        }
        self.session.schedule(cx);
        self.wait_for_dispute(cx);
    }

    /// A lookup shows how it stands.
    pub(super) fn on_lookup(&mut self, report: &SessionReport, cx: &mut Cx<'_>) {
        cx.learn(self.session.id.as_str());
        self.session.check_echo(report, cx);
        if let Some(summary) = &report.status_summary {
            self.disputed = summary.eq_ignore_ascii_case("disputed");
        }
        self.session.looked_up(cx.leased_at());
        self.apply(report, true, cx);
    }

    /// Truemed refuses a request about it.
    pub(super) fn refused(&mut self, id: &EffectId, call: &Call, (status, disputed): (u16, bool), cx: &mut Cx<'_>) {
        match call {
            Call::CreateRefund(session, refund) => {
                self.settle_refund(id, refund.amount, Outcome::Failed, cx);
                self.disputed |= disputed;
                cx.look_up(Call::ConfirmPaymentSession(session.clone()));
            }
            Call::RetrievePaymentSession(_) | Call::ConfirmPaymentSession(_) => {
                if status == 404 {
                    self.session.not_found(cx);
                    cx.look_again(is_end_or_refund);
                }
            }
            _ => self.end_refused(cx),
        }
    }

    /// A person says what has become of a request about it.
    pub(super) fn resolved(&mut self, id: &EffectId, call: &Call, verdict: Option<Verdict>, cx: &mut Cx<'_>) {
        match call {
            Call::CreateRefund(_, CreateRefund { amount, .. }) => {
                let made = verdict == Some(Verdict::Refunded);
                self.settle_refund(id, *amount, if made { Outcome::Done } else { Outcome::Failed }, cx);
            }
            Call::RetrievePaymentSession(_) => self.session.schedule(cx),
            call if is_end(call) => self.end_resolved(call, verdict, cx),
            _ => {}
        }
    }

    /// A request that had been ended as not done was done after all.
    pub(super) fn done_after_all(&mut self, id: &EffectId, call: &Call, is_refunded: bool, cx: &mut Cx<'_>) {
        match call {
            Call::CreateRefund(_, refund) if is_refunded => self.refunded_after_all(id, refund.amount, cx),
            call if is_end(call) => {}
            _ => return,
        }
        cx.look_up(Call::ConfirmPaymentSession(self.session.id.clone()));
    }

    /// The customer came back. Says whether a look may pay: not after Cancel.
    pub(super) fn returned(&mut self, cx: &mut Cx<'_>) -> bool {
        let hinted = self.session.wait().is_some();
        if hinted {
            self.session.returned(cx.now());
            self.session.schedule(cx);
        }
        hinted
    }

    /// A person answers a question about the session itself.
    pub(super) fn reviewed(&mut self, verdict: Verdict, named: Option<&str>, cx: &mut Cx<'_>) {
        if self.session.reviewed(verdict, named, cx) {
            self.drop_end(cx);
        }
    }

    /// A person says whose another session is.
    pub(super) fn other_session_reviewed(&mut self, id: PaymentSessionId, ours: bool, cx: &mut Cx<'_>) {
        if ours && self.session.status != Status::Captured {
            cx.fulfill(id.as_str());
        }
        if self.reviewed_sessions.len() >= REMEMBERED {
            self.reviewed_sessions.remove(0);
        }
        self.reviewed_sessions.push(id);
    }

    /// Whether a person has said whose another session is.
    pub(super) fn has_reviewed(&self, id: &PaymentSessionId) -> bool {
        self.reviewed_sessions.contains(id)
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        let negative = self.refunded < Cents::ZERO || self.refunding < Cents::ZERO;
        match () {
            () if !self.session.status.is_known() => Some("a session never stands at a status that is not documented"),
            () if negative => Some("less than nothing was given back"),
            () if self.refunded > Cents::ZERO && self.session.status != Status::Captured => {
                Some("money was given back that was never captured")
            }
            () => None,
        }
    }
}

/// The fingerprint of what a command with an intent asks for.
pub(super) fn content(command: &Command) -> Option<Digest> {
    match command {
        Command::CapturePaymentSession { total_amount, .. } => Some(capture_content(*total_amount)),
        Command::CreateRefund { amount, reason, item_details, extra, .. } => {
            let (amount, reason) = (*amount, reason.clone());
            let refund = CreateRefund { amount, reason, item_details: item_details.clone(), extra: extra.clone() };
            Some(refund_content(&refund))
        }
        _ => None,
    }
}

fn is_same(intents: &Intents, intent: Option<&Intent>, content: Digest) -> bool {
    intent.is_some_and(|it| intents.status_of(it, content) == IntentStatus::Same)
}
