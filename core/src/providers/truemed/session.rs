//! A payment session: one checkout or charge, from its creation to its final status.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::Call;
use super::api::order::price_of;
use super::api::replies::SessionCreated;
use super::api::session_request::{CreatePaymentSession, Kind};
use super::api::webhook::{SessionSeen, Status};
use super::ids::PaymentSessionId;
use super::names::{Notice, Review, SignalName, Verdict};
use super::rules::Rule;
use crate::effect::Wait;
use crate::flow::{Cx, PollTimer, Rules};
use crate::id::{Digest, Intent};
use crate::money::Cents;
use crate::providers::truemed::Truemed;
use crate::rule::{CoreRule, UnblockedBy};
use crate::time::Timestamp;

/// While nobody knows whose a payment is, nothing is charged anew: it may be this very charge.
pub(crate) fn placed<F: Truemed>(rules: &mut Rules<'_, F>) {
    if let Some(id) = rules.open_review(Review::Unplaced.as_str()).filter(|_| !rules.is_resend()) {
        rules.check(CoreRule::OneAtATime, false).unblocked_by(UnblockedBy::reply(id));
    }
}

/// What was asked for when a session was created.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedAsked"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Asked {
    /// The host's name for the charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The fingerprint of the cart; of everything that is asked for, in a flow of its own.
    pub cart: Digest,
    /// What it costs in all, in cents.
    pub total: Cents,
    /// What its items cost without charges and discounts, in cents.
    pub items: Cents,
    /// Whether the money is only held.
    #[serde(default)]
    pub authorization: bool,
    /// Whether a token is made or charged.
    #[serde(default)]
    pub of_a_token: bool,
    /// Whether the customer is present.
    pub attended: bool,
    /// The fingerprint of the metadata that must come back.
    pub metadata: Digest,
    /// The sessions of which a lookup cannot tell which one it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) candidates: Vec<PaymentSessionId>,
}

impl Asked {
    pub(crate) fn of(command: &CreatePaymentSession, cart: Digest, metadata: &str) -> Self {
        Self {
            intent: command.intent.clone(),
            cart,
            total: command.total_amount,
            items: i64::try_from(price_of(&command.order_items)).map_or(Cents::new(i64::MAX), Cents::new),
            authorization: command.kind == Some(Kind::Authorization),
            of_a_token: command.is_of_a_token(),
            attended: !command.is_charge(),
            metadata: Digest::of([metadata.as_bytes()]),
            candidates: Vec::new(),
        }
    }
}

/// A session that Truemed knows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedSession"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: PaymentSessionId,
    /// The highest status that was seen.
    pub status: Status,
    /// What was asked for; nothing is known of a session that began with a lookup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Whether a person says that it is ours, although nothing is known of what was asked for.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    claimed: bool,
    /// Where the customer pays, exactly as Truemed gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// The largest captured amount that was seen, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Cents>,
    /// Whether two final statuses were seen that cannot both be true.
    #[serde(default)]
    pub contradicted: bool,
    /// What is held, in cents, where Truemed said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized: Option<Cents>,
    /// Whether a capture was ever asked for.
    #[serde(default)]
    pub capture_asked: bool,
    /// What the capture is to take that is asked for, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) capturing: Option<Cents>,
    /// Whether Truemed accepted an end of it, whose outcome is still to show.
    #[serde(default)]
    pub ending: bool,
    /// A status that the documents do not list, never taken for a good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<String>,
    /// The wait for one that the documents list, since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unlisted_watch: Option<PollTimer>,
    /// Whether a person said that it is over, of one that Truemed never said it of.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub ended: bool,
    /// The wait for its next status.
    pub watch: PollTimer,
}

impl Status {
    /// How far a session has come; a status only ever moves up, and money stands above everything.
    const fn rank(&self) -> u8 {
        match self {
            Self::Pending | Self::Unknown(_) => 0,
            Self::Processing => 1,
            Self::Authorized => 2,
            Self::Rejected | Self::Canceled | Self::AuthorizationVoided | Self::AuthorizationExpired => 3,
            Self::Captured => 4,
        }
    }

    /// Whether no other status may follow.
    pub const fn is_final(&self) -> bool {
        self.rank() >= 3
    }
}

impl Session {
    /// The session that an answer to `create_payment_session` names.
    pub(crate) fn created(reply: SessionCreated, asked: Asked, now: Timestamp) -> Self {
        Self { redirect_url: reply.redirect_url, ..Self::new(reply.id, Some(asked), now) }
    }

    /// A session of which only the id is known.
    pub(crate) const fn new(id: PaymentSessionId, asked: Option<Asked>, now: Timestamp) -> Self {
        Self {
            id,
            status: Status::Pending,
            asked,
            claimed: false,
            redirect_url: None,
            captured: None,
            contradicted: false,
            authorized: None,
            capture_asked: false,
            capturing: None,
            ending: false,
            unlisted: None,
            unlisted_watch: None,
            ended: false,
            watch: PollTimer::new(now),
        }
    }

    /// A session that a person calls ours, although every sending of its request was refused.
    pub(crate) const fn claimed(id: PaymentSessionId, now: Timestamp) -> Self {
        let mut session = Self::new(id, None, now);
        session.claimed = true;
        session
    }

    /// What is awaited of it.
    pub(crate) fn awaited(&self) -> Option<Wait> {
        // What was to be held rests until the host ends it; of anything else the capture is still to come. The flow of a
        // token ends no hold: one that a policy lets through there is awaited until a person says what became of it.
        let is_hold = self.asked.as_ref().is_none_or(|it| it.authorization && !it.of_a_token);
        let rests = self.status == Status::Authorized && is_hold && !self.ending && self.unlisted.is_none();
        if self.is_over() || rests || self.wait().is_stopped() {
            return None;
        }
        let mut awaited = Wait::new(SignalName::SessionComplete.as_str(), self.wait().since());
        awaited.about = Some(self.id.as_str().into());
        if self.status == Status::Pending && !self.ending && self.asked.as_ref().is_some_and(|it| it.attended) {
            awaited.customer_url.clone_from(&self.redirect_url);
        }
        Some(awaited)
    }

    /// Whether no other status is expected: Truemed said so, or a person did.
    pub(crate) const fn is_over(&self) -> bool {
        self.status.is_final() || self.ended
    }

    /// The wait for its next status.
    const fn wait(&self) -> &PollTimer {
        match &self.unlisted_watch {
            Some(watch) => watch,
            None => &self.watch,
        }
    }

    const fn wait_mut(&mut self) -> &mut PollTimer {
        match &mut self.unlisted_watch {
            Some(watch) => watch,
            None => &mut self.watch,
        }
    }

    /// Plans the next look at it, and has a person look once the schedule is over.
    pub(crate) fn watch<F: Truemed>(&self, cx: &mut Cx<'_, F>) {
        let id = self.id.as_str();
        let (review, other) = match self.unlisted {
            Some(_) => (Review::UnknownStatus, Review::NoSignal),
            None => (Review::NoSignal, Review::UnknownStatus),
        };
        cx.withdraw_review(other, id);
        if self.awaited().is_none() {
            cx.withdraw(|call| call.looks_at(&self.id));
            cx.withdraw_review(review, id);
        } else {
            cx.poll_then_ask(Call::RetrievePaymentSession(self.id.clone()), self.wait(), review, id);
        }
    }

    /// Waits for it anew, from now on.
    pub(crate) fn wait_on<F: Truemed>(&mut self, cx: &mut Cx<'_, F>) {
        *self.wait_mut() = PollTimer::new(cx.now());
        self.watch(cx);
    }

    /// A lookup that was begun then was answered.
    pub(crate) fn looked(&mut self, at: Timestamp) {
        self.wait_mut().looked(at);
    }

    /// The customer came back: the schedule begins anew, and dense.
    pub(crate) fn returned(&mut self, now: Timestamp) {
        self.wait_mut().returned(now);
    }

    /// Truemed says that there is no such session: that denies nothing, and a person is asked where it is.
    pub(crate) fn is_not_found<F: Truemed>(&mut self, cx: &mut Cx<'_, F>) {
        cx.ask(Review::NotFound, self.id.as_str());
        self.looked(cx.leased_at());
        self.watch(cx);
    }

    /// A person answers a question about it, and may name the session that was meant. Says whether it is waited for no
    /// longer.
    pub(crate) fn judged<F: Truemed>(&mut self, verdict: Verdict, named: Option<&str>, cx: &mut Cx<'_, F>) -> bool {
        match verdict {
            Verdict::MadeElsewhere => {
                if let Some(id) = named.and_then(|id| PaymentSessionId::parse(id).ok()) {
                    self.is_another(id, cx);
                }
            }
            Verdict::StopWaiting => self.wait_mut().stop(),
            Verdict::Ended => self.ended = true,
            Verdict::KeepWaiting | Verdict::Live => *self.wait_mut() = PollTimer::new(cx.now()),
            _ => {}
        }
        self.watch(cx);
        self.ended || self.wait().is_stopped()
    }

    /// Its id turns out to be another one.
    fn is_another<F: Truemed>(&mut self, id: PaymentSessionId, cx: &mut Cx<'_, F>) {
        cx.withdraw(|call| call.looks_at(&self.id));
        cx.withdraw_review(Review::NoSignal, self.id.as_str());
        cx.withdraw_review(Review::UnknownStatus, self.id.as_str());
        cx.learn(id.as_str());
        self.id = id;
        self.wait_on(cx);
        cx.look_up(Call::RetrievePaymentSession(self.id.clone()));
    }

    /// Takes in how it stands, from a webhook or a lookup; the order in which statuses come does not matter.
    pub(crate) fn see<F: Truemed>(&mut self, seen: &SessionSeen, by_look_up: bool, cx: &mut Cx<'_, F>) {
        let held = seen.authorize_amount.or(seen.total_amount.filter(|_| seen.status == Status::Authorized));
        self.authorized = self.authorized.max(held);
        let whole = seen.total_amount.filter(|_| self.asked.is_none() && seen.status == Status::Captured);
        let (captured, before) = (self.captured, self.status.clone());
        self.captured = captured.max(seen.capture_amount.or(whole));
        self.see_unlisted(seen, by_look_up, cx);
        let contradiction = before.is_final() && seen.status.is_final() && before != seen.status;
        self.status = core::cmp::max_by_key(before.clone(), seen.status.clone(), |it| (it.rank(), it.clone()));
        if !self.status.is_known() {
            self.status = before.clone();
        }
        if contradiction {
            self.contradict(cx);
        }
        if seen.status == Status::Captured {
            self.check_captured(seen, self.status != before || self.captured != captured, cx);
        }
        if self.status != before {
            self.moved(cx);
        }
    }

    /// A status that nobody knows grants nothing and takes nothing away: it is watched until a person says what it means.
    fn see_unlisted<F: Truemed>(&mut self, seen: &SessionSeen, by_look_up: bool, cx: &mut Cx<'_, F>) {
        match &seen.status {
            Status::Unknown(text) => {
                cx.check(Rule::SessionUnknownStatus, false).at("/status").because(|| format!("It is `{text}`."));
                if self.is_over() {
                    return;
                }
                self.unlisted_watch.get_or_insert_with(|| PollTimer::new(cx.now()));
                self.unlisted = self.unlisted.take().max(Some(text.clone()));
            }
            // Only a lookup says how it stands now; a webhook may be one that is told again.
            status if status.is_final() || by_look_up => (self.unlisted, self.unlisted_watch) = (None, None),
            _ => {}
        }
    }

    fn moved<F: Truemed>(&self, cx: &mut Cx<'_, F>) {
        let (id, attended) = (self.id.as_str(), self.asked.as_ref().is_some_and(|it| it.attended));
        if self.status == Status::Processing && attended {
            cx.notify(Notice::OrderPlaced, id, None);
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
            cx.notify(Notice::Rejected, id, None);
        }
        // A session that began with a lookup was fulfilled by whoever created it.
        if self.status == Status::Captured && (self.asked.is_some() || self.claimed) {
            cx.fulfill(id);
        }
    }
}
