//! The facet `qualification`: the session, from its request to its outcome, and when its letter expires.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::Cx;
use super::status::Status;
use crate::effect::Wait;
use crate::fact::{IgnoredReason, Origin};
use crate::flow::{PollTimer, Stop, states};
use crate::id::{Digest, TypedId};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::qualification::{
    CreateQualificationReply, QualificationReport, QualificationStatus,
};
use crate::providers::truemed::api::webhook::{NextAction, Signal};
use crate::providers::truemed::expiry::notify_before;
use crate::providers::truemed::ids::QualificationSessionId;
use crate::providers::truemed::names::{Notice, Review, SignalName, Verdict};
use crate::providers::truemed::rules::Rule;
use crate::time::Timestamp;

states! {
    /// The states of a qualification session.
    pub enum QualificationState ("TruemedQualificationPlace") {
        /// No session is known, and no request for one is pending.
        Absent = "absent",
        /// The host requested the session.
        Requested = "requested",
        /// The first lookup of a session that was created elsewhere is pending.
        Adopting = "adopting",
        /// Truemed reports a status that the documents do not list.
        Unclear = "unclear",
        /// The customer has not completed the survey.
        Pending = "pending",
        /// Truemed reviews the survey.
        Processing = "processing",
        /// The customer has a letter of medical necessity for the items.
        Approved = "approved",
        /// The customer cannot have a letter for the items.
        Rejected = "rejected",
    }
}

impl QualificationState {
    /// Whether the session has its outcome.
    const fn is_final(self) -> bool {
        matches!(self, Self::Approved | Self::Rejected)
    }

    /// Whether the flow waits for Truemed's report.
    const fn is_open(self) -> bool {
        matches!(self, Self::Unclear | Self::Pending | Self::Processing)
    }
}

/// The session, and what Truemed reports of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedQualification"))]
#[serde(deny_unknown_fields)]
pub(super) struct Qualification {
    /// The state of the session.
    state: QualificationState,
    /// The session, also while its first lookup is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<QualificationSessionId>,
    /// The fingerprint of the requested items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<Digest>,
    /// The page with the survey, exactly as Truemed returned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redirect_url: Option<String>,
    /// The status that the documents do not list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unlisted: Option<String>,
    /// The host's name for the customer, as requested or as Truemed reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// When the letter expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Schedules the lookups while the outcome is open.
    #[serde(rename = "watch", default, skip_serializing_if = "Option::is_none")]
    timer: Option<PollTimer>,
}

const fn is_lookup(call: &Call) -> bool {
    matches!(call, Call::RetrieveQualificationSession(_))
}

impl Qualification {
    pub(super) const fn state(&self) -> QualificationState {
        self.state
    }

    pub(super) const fn id(&self) -> Option<&QualificationSessionId> {
        self.id.as_ref()
    }

    pub(super) fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// When the letter expires.
    pub(super) const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Whether a session for these items is requested, and has no reply yet.
    pub(super) fn is_requested(&self, items: Digest) -> bool {
        self.state == QualificationState::Requested && self.items == Some(items)
    }

    /// The host requests a session for these items.
    pub(super) fn request(&mut self, items: Digest, user_id: Option<String>) {
        *self = Self { state: QualificationState::Requested, items: Some(items), user_id, ..Self::default() };
    }

    /// The host adopts a session, unless one is known.
    pub(super) fn adopt(&mut self, id: QualificationSessionId) {
        if self.state == QualificationState::Absent {
            *self = Self { state: QualificationState::Adopting, id: Some(id), ..Self::default() };
        }
    }

    /// Truemed created the session.
    pub(super) fn created(&mut self, reply: CreateQualificationReply, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if self.state != QualificationState::Requested {
            return Err(IgnoredReason::Unrelated);
        }
        cx.learn(&reply.qualification_session_id);
        cx.check(Rule::QualificationPagePresent, reply.redirect_url.is_some()).at("/redirect_url");
        self.id = Some(reply.qualification_session_id);
        self.redirect_url = reply.redirect_url;
        self.state = QualificationState::Pending;
        self.timer = Some(PollTimer::new(cx.now()));
        self.plan(cx);
        Ok(())
    }

    /// Plans the next lookup, and the question for a person at the end of the schedule.
    fn plan(&self, cx: &mut Cx<'_>) {
        if let (Some(id), Some(timer)) = (&self.id, self.timer.as_ref().filter(|it| !it.is_stopped())) {
            cx.poll_then_ask(Call::RetrieveQualificationSession(id.clone()), timer, Review::NoSignal, id);
        }
    }

    /// Truemed updated the session. The status in the reply is only a reason for a lookup, because the reply has no
    /// letter.
    pub(super) fn updated(&mut self, call: &Call, report: &QualificationReport, cx: &mut Cx<'_>) {
        if let Call::UpdateQualificationSession(id, fields) = call {
            self.user_id = fields.user_id.clone().or(self.user_id.take());
            if self.state.is_open() && state_of(&report.status) != self.state {
                cx.look_up(Call::RetrieveQualificationSession(id.clone()));
            }
        }
    }

    /// A lookup shows the session as it is.
    pub(super) fn found(&mut self, report: &QualificationReport, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if self.id.as_ref() != Some(&report.qualification_session_id) {
            return Err(IgnoredReason::Unrelated);
        }
        let next = state_of(&report.status);
        if self.is_moved_by(next) || (self.state.is_final() && next.is_final()) {
            self.apply(report, next, cx);
        } else if let Some(timer) = self.timer.as_mut().filter(|_| self.state.is_open()) {
            // The lookup shows nothing new, and the next one is planned.
            timer.looked(cx.leased_at());
            self.plan(cx);
        }
        Ok(())
    }

    /// Truemed sent a webhook.
    pub(super) fn on_webhook(&mut self, signal: Signal, proof: Origin, cx: &mut Cx<'_>) -> Result<(), Stop> {
        cx.check(Rule::WebhookAuthenticateFirst, proof == Origin::Verified);
        match signal {
            _ if proof != Origin::Verified => Err(IgnoredReason::Unrelated.into()),
            Signal::Qualification(report) => {
                if self.id.as_ref() != Some(&report.qualification_session_id) {
                    let may_be_ours = cx.sent(|call| matches!(call, Call::CreateQualificationSession(_)));
                    return Err(if may_be_ours { IgnoredReason::Early } else { IgnoredReason::Unrelated }.into());
                }
                self.reported(&report, cx)
            }
            Signal::Unlisted(webhook) => webhook.ignore(cx),
            Signal::TokenUpdated(_) | Signal::SessionComplete(_) | Signal::Other => {
                Err(IgnoredReason::Unrelated.into())
            }
        }
    }

    /// A webhook reports the session. Webhooks come in any order, so a status only moves on.
    fn reported(&mut self, report: &QualificationReport, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let next = state_of(&report.status);
        if next == QualificationState::Unclear && !self.state.is_final() {
            // A webhook may be late. Only a lookup shows if the session still has this status.
            cx.check(Rule::QualificationUnknownStatus, false).at("/status");
            cx.look_up(Call::RetrieveQualificationSession(report.qualification_session_id.clone()));
            return Ok(());
        }
        // Of two outcomes that contradict each other `rejected` counts, until a lookup shows the session as it is.
        let contradicts = self.state.is_final() && next.is_final() && next != self.state;
        if contradicts {
            cx.look_up(Call::RetrieveQualificationSession(report.qualification_session_id.clone()));
        }
        if self.is_moved_by(next) {
            self.apply(report, next, cx);
        } else if contradicts {
            self.user_id = self.user_id.take().or(report.user_id.clone());
        } else {
            return Err(IgnoredReason::Duplicate.into());
        }
        Ok(())
    }

    /// Whether a report with this state is later than the last one.
    fn is_moved_by(&self, next: QualificationState) -> bool {
        if self.state == QualificationState::Unclear || next == QualificationState::Unclear {
            !self.state.is_final() && next != self.state
        } else {
            next > self.state
        }
    }

    /// Applies a report.
    fn apply(&mut self, report: &QualificationReport, next: QualificationState, cx: &mut Cx<'_>) {
        let was_final = self.state.is_final();
        self.user_id = report.user_id.clone().or(self.user_id.take());
        self.state = next;
        self.unlisted = (!report.status.is_known()).then(|| report.status.as_str().into());
        let id = report.qualification_session_id.clone();
        cx.check(Rule::QualificationUnknownStatus, self.unlisted.is_none()).at("/status");
        if next.is_final() {
            // A lookup that is to decide between two outcomes stays.
            if !was_final {
                cx.withdraw(is_lookup);
            }
            cx.withdraw_review(Review::NoSignal, id.as_str());
            (self.timer, self.redirect_url) = (None, None);
        } else {
            self.timer = self.timer.take().or_else(|| Some(PollTimer::new(cx.now())));
            self.plan(cx);
        }
        let expires_at = report.expiry().filter(|_| next == QualificationState::Approved);
        if core::mem::replace(&mut self.expires_at, expires_at) != expires_at {
            let to_do = (Notice::LetterExpires, &NextAction::HealthSurvey);
            notify_before(to_do, TypedId::from(&id), expires_at, cx);
        }
    }

    /// Truemed refused a request, or does not find the session.
    pub(super) fn refused(&mut self, call: &Call, cx: &mut Cx<'_>) {
        self.given_up(call);
        if let (true, Some(id)) = (is_lookup(call) && self.state.is_open(), &self.id) {
            cx.ask(Review::NoSignal, id);
        }
    }

    /// A request of the host is over without a success.
    pub(super) fn given_up(&mut self, call: &Call) {
        let is_over = match self.state {
            QualificationState::Requested => matches!(call, Call::CreateQualificationSession(_)),
            QualificationState::Adopting => is_lookup(call),
            _ => false,
        };
        if is_over {
            *self = Self::default();
        }
    }

    /// A person gave a verdict on the wait.
    pub(super) fn reviewed(&mut self, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        let Some(timer) = self.timer.as_mut().filter(|_| self.id.as_ref().is_some_and(|id| id.as_str() == about))
        else {
            return;
        };
        match verdict {
            Verdict::StopWaiting => timer.stop(),
            _ => *timer = PollTimer::new(cx.now()),
        }
        self.plan(cx);
    }

    /// The customer came back, which proves nothing and makes a lookup due.
    pub(super) fn returned(&mut self, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Some(timer) = self.timer.as_mut().filter(|_| self.state.is_open()) else {
            return Err(IgnoredReason::Unrelated.into());
        };
        timer.returned(cx.now());
        self.plan(cx);
        Ok(())
    }

    /// What the flow waits for: the customer's survey, and Truemed's outcome.
    pub(super) fn wait(&self) -> Option<Wait> {
        let timer = self.timer.as_ref().filter(|it| !it.is_stopped())?;
        let mut wait = Wait::new(SignalName::QualificationComplete.as_str(), timer.since());
        wait.about = self.id.as_ref().map(TypedId::from);
        wait.customer_url = self.redirect_url.clone().filter(|_| self.state == QualificationState::Pending);
        Some(wait)
    }

    /// What only a qualification session has.
    pub(super) fn own_status(&self) -> Status {
        let reported = match self.state {
            QualificationState::Absent | QualificationState::Requested | QualificationState::Adopting => None,
            QualificationState::Unclear => self.unlisted.clone(),
            state => Some(state.as_str().into()),
        };
        Status {
            qualification_session_id: self.id.clone(),
            provider_status: reported,
            user_id: self.user_id.clone(),
            expires_at: self.expires_at,
        }
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        let has_id = !matches!(self.state, QualificationState::Absent | QualificationState::Requested);
        match () {
            () if has_id != self.id.is_some() => Some("an id is there exactly when the session is known or looked up"),
            () if self.state.is_open() != self.timer.is_some() => {
                Some("lookups are scheduled exactly while the outcome is open")
            }
            () if (self.state == QualificationState::Unclear) != self.unlisted.is_some() => {
                Some("a status that is not listed is kept exactly while it is the newest")
            }
            () if self.expires_at.is_some() && self.state != QualificationState::Approved => {
                Some("only an approved session has a letter")
            }
            () => None,
        }
    }
}

fn state_of(status: &QualificationStatus) -> QualificationState {
    match status {
        QualificationStatus::Pending => QualificationState::Pending,
        QualificationStatus::Processing => QualificationState::Processing,
        QualificationStatus::Approved => QualificationState::Approved,
        QualificationStatus::Rejected => QualificationState::Rejected,
        QualificationStatus::Unknown(_) => QualificationState::Unclear,
    }
}
