//! A payment session: one checkout or charge, from its creation to its final status. Both flows use it.

mod requested;

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::api::calls::Call;
use super::api::replies::CreateSessionReply;
use super::api::webhook::{SessionReport, Status};
use super::ids::PaymentSessionId;
use super::names::{Notice, Review, SignalName, Verdict};
use super::rules::Rule;
use crate::effect::Wait;
use crate::flow::{Cause, Cx, Outcome, PollTimer, Rules, ToDo};
use crate::id::TypedId;
use crate::money::Cents;
use crate::providers::truemed::Truemed;
use crate::rule::{CoreRule, UnblockedBy};
use crate::time::Timestamp;

pub use requested::RequestedSession;

/// Rejects a new session while a person has to answer one of these reviews: the answer decides about the session.
pub(crate) fn check_no_open_review<F: Truemed>(reviews: &[Review], rules: &mut Rules<'_, F>) {
    if rules.is_resend() {
        return;
    }
    for review in reviews {
        if let Some(id) = rules.open_review(review.as_str()) {
            rules.check(CoreRule::OneAtATime, false).unblocked_by(UnblockedBy::reply(id));
        }
    }
}

/// A session that Truemed knows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedSession"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Session {
    /// The id of the session.
    pub id: PaymentSessionId,
    /// The highest status that Truemed reported.
    pub status: Status,
    /// What the host requested. A session that the host adopted by a lookup has none.
    #[serde(rename = "asked", default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<RequestedSession>,
    /// Whether a person says that the session is ours, although no request of ours is known.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    claimed: bool,
    /// Whether a person says that another session pays for the same. This one must not be paid as well.
    #[serde(rename = "paid_by_another", default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) is_paid_by_another: bool,
    /// Where the customer pays, exactly as Truemed returned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// The largest captured amount that Truemed reported, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Cents>,
    /// Whether Truemed reported two final statuses that cannot both be true.
    #[serde(default)]
    pub contradicted: bool,
    /// The held amount in cents, if Truemed reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized: Option<Cents>,
    /// Whether the host ever requested a capture.
    #[serde(rename = "capture_asked", default)]
    pub capture_requested: bool,
    /// The amount of the pending capture, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) capturing: Option<Cents>,
    /// Whether Truemed accepted a capture, void or cancel whose outcome is still open.
    #[serde(default)]
    pub ending: bool,
    /// A status that the documents do not list. It never counts as a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<String>,
    /// Schedules the lookups for a listed status, since Truemed reported an unlisted one.
    #[serde(rename = "unlisted_watch", default, skip_serializing_if = "Option::is_none")]
    unlisted_timer: Option<PollTimer>,
    /// Whether a person said that the session has ended, without a final status from Truemed.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub ended: bool,
    /// Whether the row was restored from a backup, and no lookup has shown the session since. The reply that named it may be
    /// an old one, so the customer is not sent to its page before.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) unchecked: bool,
    /// Schedules the lookups for the next status.
    #[serde(rename = "watch")]
    pub timer: PollTimer,
}

impl Status {
    /// How far a session has come. A status only moves up, and `captured` is above all others.
    const fn rank(&self) -> u8 {
        match self {
            Self::Pending | Self::Unknown(_) => 0,
            Self::Processing => 1,
            Self::Authorized => 2,
            Self::Rejected | Self::Canceled | Self::AuthorizationVoided | Self::AuthorizationExpired => 3,
            Self::Captured => 4,
        }
    }

    /// Whether no other status can follow.
    pub const fn is_final(&self) -> bool {
        self.rank() >= 3
    }
}

impl Session {
    /// The session that Truemed's reply to `create_payment_session` names. In a row from a backup the key may have brought an
    /// old reply, about a session that is over. So the session is looked up at once.
    pub(crate) fn created<F: Truemed>(
        reply: CreateSessionReply,
        requested: RequestedSession,
        cx: &mut Cx<'_, F>,
    ) -> Self {
        let new = Self::new(reply.id, Some(requested), cx.now());
        let session = Self { redirect_url: reply.redirect_url, unchecked: cx.is_restored(), ..new };
        session.schedule(cx);
        if session.unchecked {
            cx.look_up(Call::RetrievePaymentSession(session.id.clone()));
        }
        session
    }

    /// A session of which only the id is known.
    pub(crate) const fn new(id: PaymentSessionId, requested: Option<RequestedSession>, now: Timestamp) -> Self {
        Self {
            id,
            status: Status::Pending,
            requested,
            claimed: false,
            is_paid_by_another: false,
            redirect_url: None,
            captured: None,
            contradicted: false,
            authorized: None,
            capture_requested: false,
            capturing: None,
            ending: false,
            unlisted: None,
            unlisted_timer: None,
            ended: false,
            unchecked: false,
            timer: PollTimer::new(now),
        }
    }

    /// A session that a person says is ours, although Truemed refused every sending of its request.
    pub(crate) const fn claimed(id: PaymentSessionId, now: Timestamp) -> Self {
        let mut session = Self::new(id, None, now);
        session.claimed = true;
        session
    }

    /// Truemed's own word for the status, listed or not.
    pub(crate) fn provider_status(&self) -> String {
        self.unlisted.clone().unwrap_or_else(|| self.status.as_str().into())
    }

    /// A person says that an adopted session is ours, so it is delivered once it is captured.
    pub(crate) fn claim<F: Truemed>(&mut self, cx: &mut Cx<'_, F>) {
        let is_new = self.requested.is_none() && !self.claimed;
        self.claimed |= is_new;
        if is_new && self.status == Status::Captured {
            self.fulfill(cx);
        }
    }

    /// What the session waits for, if Truemed or the customer has to act.
    pub(crate) fn wait(&self) -> Option<Wait> {
        // A held session waits for the host, and any other session waits for Truemed to capture it. The flow of a
        // token cannot end a hold. A hold that the config lets through there waits until a person decides.
        let is_hold = self.requested.as_ref().is_none_or(|it| it.authorization && !it.of_a_token);
        let waits_for_host = self.status == Status::Authorized && is_hold && !self.ending && self.unlisted.is_none();
        if self.is_over() || waits_for_host || self.timer().is_stopped() {
            return None;
        }
        let mut wait = Wait::new(SignalName::SessionComplete.as_str(), self.timer().since());
        wait.about = Some(TypedId::from(&self.id));
        let is_payable = self.status == Status::Pending && !self.ending && !self.is_paid_by_another;
        if is_payable && !self.unchecked && self.requested.as_ref().is_some_and(|it| it.attended) {
            wait.customer_url.clone_from(&self.redirect_url);
        }
        Some(wait)
    }

    /// Whether no other status is expected, according to Truemed or to a person.
    pub(crate) const fn is_over(&self) -> bool {
        self.status.is_final() || self.ended
    }

    /// What became of the payment.
    pub(crate) fn outcome(&self) -> Outcome {
        match &self.status {
            Status::Captured => Outcome::Done,
            status if status.is_final() => Outcome::Failed(cause_of(status)),
            _ if self.ended => Outcome::Failed(Cause::Reviewed),
            _ => Outcome::Open,
        }
    }

    /// The timer of the current wait.
    const fn timer(&self) -> &PollTimer {
        match &self.unlisted_timer {
            Some(timer) => timer,
            None => &self.timer,
        }
    }

    const fn timer_mut(&mut self) -> &mut PollTimer {
        match &mut self.unlisted_timer {
            Some(timer) => timer,
            None => &mut self.timer,
        }
    }

    /// Schedules the next lookup, and a review for when the schedule ends.
    pub(crate) fn schedule<F: Truemed>(&self, cx: &mut Cx<'_, F>) {
        let id = self.id.as_str();
        let (review, other) = match self.unlisted {
            Some(_) => (Review::UnknownStatus, Review::NoSignal),
            None => (Review::NoSignal, Review::UnknownStatus),
        };
        cx.withdraw_review(other, id);
        if self.wait().is_none() {
            cx.withdraw(|call| call.looks_at(&self.id));
            cx.withdraw_review(review, id);
        } else {
            cx.poll_then_ask(Call::RetrievePaymentSession(self.id.clone()), self.timer(), review, &self.id);
        }
    }

    /// Starts the lookup schedule again, from now on.
    pub(crate) fn restart_wait<F: Truemed>(&mut self, cx: &mut Cx<'_, F>) {
        *self.timer_mut() = PollTimer::new(cx.now());
        self.schedule(cx);
    }

    /// Notes that a lookup that was leased at this time had a reply.
    pub(crate) fn looked_up(&mut self, at: Timestamp) {
        self.timer_mut().looked(at);
    }

    /// Starts the schedule again, with its first short intervals, because the customer came back.
    pub(crate) fn returned(&mut self, now: Timestamp) {
        self.timer_mut().returned(now);
    }

    /// Asks a person where the session is. That Truemed does not find it proves nothing.
    pub(crate) fn not_found<F: Truemed>(&mut self, cx: &mut Cx<'_, F>) {
        cx.ask(Review::NotFound, &self.id);
        self.looked_up(cx.leased_at());
        self.schedule(cx);
    }

    /// Applies a person's verdict, which can name the session that was meant. Returns whether the wait is over.
    pub(crate) fn reviewed<F: Truemed>(&mut self, verdict: Verdict, named: Option<&str>, cx: &mut Cx<'_, F>) -> bool {
        match verdict {
            Verdict::MadeElsewhere => {
                if let Some(id) = named.and_then(|id| PaymentSessionId::parse(id).ok()) {
                    self.rename(id, cx);
                }
            }
            Verdict::StopWaiting => self.timer_mut().stop(),
            Verdict::Ended => self.ended = true,
            Verdict::Fulfill => self.fulfill(cx),
            Verdict::KeepWaiting | Verdict::Live => *self.timer_mut() = PollTimer::new(cx.now()),
            _ => {}
        }
        self.schedule(cx);
        self.ended || self.timer().is_stopped()
    }

    /// Changes the id of the session to the one that a person named.
    fn rename<F: Truemed>(&mut self, id: PaymentSessionId, cx: &mut Cx<'_, F>) {
        cx.withdraw(|call| call.looks_at(&self.id));
        cx.withdraw_review(Review::NoSignal, self.id.as_str());
        cx.withdraw_review(Review::UnknownStatus, self.id.as_str());
        cx.learn(&id);
        cx.correct(Call::is_session, Some(self.id.as_str()), Some(id.as_str()));
        self.id = id;
        self.restart_wait(cx);
        cx.look_up(Call::RetrievePaymentSession(self.id.clone()));
    }

    /// Applies a report from a webhook or a lookup. Reports can come in any order.
    pub(crate) fn apply<F: Truemed>(&mut self, report: &SessionReport, by_lookup: bool, cx: &mut Cx<'_, F>) {
        self.unchecked &= !by_lookup;
        let held = report.authorize_amount.or(report.total_amount.filter(|_| report.status == Status::Authorized));
        self.authorized = self.authorized.max(held);
        let captured_total =
            report.total_amount.filter(|_| self.requested.is_none() && report.status == Status::Captured);
        let (captured_before, before) = (self.captured, self.status.clone());
        self.captured = captured_before.max(report.capture_amount.or(captured_total));
        self.apply_unlisted_status(report, by_lookup, cx);
        let contradiction = before.is_final() && report.status.is_final() && before != report.status;
        self.status = core::cmp::max_by_key(before.clone(), report.status.clone(), |it| (it.rank(), it.clone()));
        if !self.status.is_known() {
            self.status = before.clone();
        }
        if contradiction {
            self.contradict(cx);
        }
        if report.status == Status::Captured {
            self.check_captured(report, self.status != before || self.captured != captured_before, cx);
        }
        if self.status != before {
            self.on_status_change(report, cx);
        }
    }

    /// Notes an unlisted status. It changes no state, and lookups go on until a person says what the status means.
    fn apply_unlisted_status<F: Truemed>(&mut self, report: &SessionReport, by_lookup: bool, cx: &mut Cx<'_, F>) {
        match &report.status {
            Status::Unknown(text) => {
                cx.check(Rule::SessionUnknownStatus, false)
                    .at("/status")
                    .because(|| format!("The status is `{text}`."));
                if self.is_over() {
                    return;
                }
                self.unlisted_timer.get_or_insert_with(|| PollTimer::new(cx.now()));
                self.unlisted = self.unlisted.take().max(Some(text.clone()));
            }
            // Only a lookup shows the current status. A webhook may be an older one that Truemed delivers again.
            status if status.is_final() || by_lookup => (self.unlisted, self.unlisted_timer) = (None, None),
            _ => {}
        }
    }

    /// Makes the delivery pending, with what the host requested.
    fn fulfill<F: Truemed>(&self, cx: &mut Cx<'_, F>) {
        let requested = self.requested.as_ref();
        let intent = requested.and_then(|it| it.intent.as_ref());
        cx.fulfill_charge(&self.id, intent, self.captured.or(requested.map(|it| it.total)));
    }

    fn on_status_change<F: Truemed>(&self, report: &SessionReport, cx: &mut Cx<'_, F>) {
        let (id, attended) = (self.id.as_str(), self.requested.as_ref().is_some_and(|it| it.attended));
        if self.status == Status::Processing && attended {
            cx.notify(Notice::OrderPlaced, &self.id, ToDo::NOTHING);
        }
        if self.status.is_final() {
            cx.withdraw_notice(Notice::OrderPlaced, id);
            cx.withdraw_notice(Notice::Rejected, id);
            for review in [Review::NoSignal, Review::UnknownStatus, Review::NotFound] {
                cx.withdraw_review(review, id);
            }
        }
        if self.status == Status::Rejected {
            cx.withdraw_all_about(&[Notice::Rejected.as_str()], |_| true);
            cx.notify(Notice::Rejected, &self.id, ToDo::NOTHING);
        }
        if self.status == Status::Captured && report.is_summary("disputed") {
            cx.ask(Review::Disputed, &self.id);
        }
        // Whoever created an adopted session has fulfilled it.
        if self.status == Status::Captured && (self.requested.is_some() || self.claimed) {
            match self.is_paid_by_another {
                true => cx.ask(Review::MadeTwice, &self.id),
                false if report.is_summary("refunded") => cx.ask(Review::RefundedUndelivered, &self.id),
                false => self.fulfill(cx),
            }
        }
    }
}

/// Why a payment failed whose session has another status than captured.
pub(crate) fn cause_of(status: &Status) -> Cause {
    if *status == Status::Rejected { Cause::Declined } else { Cause::Ended }
}
