//! The facet `subscription`: what Revup's status of the subscription is, as replies, events and persons show.

mod creation;
mod lookup;

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::Cx;
use super::payment::Payment;
use super::terms::Terms;
use crate::effect::Wait;
use crate::flow::{PollTimer, Stop, states};
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::replies::Reason;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::{Notice, Review, SignalName, Verdict};
use crate::providers::revup::order::expires_at;
use crate::time::Timestamp;

states! {
    /// What is known of the subscription.
    pub enum SubscriptionState ("RevupSubscriptionStatusState") {
        /// Not asked for.
        #[default]
        Absent = "absent",
        /// Asked for.
        Requested = "requested",
        /// Looked up for the first time.
        Adopting = "adopting",
        /// A person says that it was created, and no lookup has confirmed it.
        Attested = "attested",
        /// Revup knows it, and nothing proves its first charge.
        Awaiting = "awaiting",
        /// Paid, and renewed by Revup.
        Fulfilled = "fulfilled",
        /// A renewal failed, and Revup tries again.
        PastDue = "past_due",
        /// Paused.
        Paused = "paused",
        /// Of a status that no document lists.
        Unclear = "unclear",
        /// The first charge failed.
        Archived = "archived",
        /// Over.
        Cancelled = "cancelled",
    }
}

impl SubscriptionState {
    /// Whether Revup is known to know it.
    pub(super) fn is_known(self) -> bool {
        self >= Self::Awaiting
    }

    /// Whether nothing comes after it.
    pub(super) const fn is_final(self) -> bool {
        matches!(self, Self::Archived | Self::Cancelled)
    }

    /// Whether its first charge is proved and it is not over.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Fulfilled | Self::PastDue | Self::Paused)
    }
}

/// The subscription at Revup, as far as it is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionStatus"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Status {
    /// Where it is, by the last evidence.
    state: SubscriptionState,
    /// What Revup calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<SubscriptionId>,
    /// What Revup may call it: a reply that proved nothing has named it, or an event after a person denied the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    named: Option<SubscriptionId>,
    /// Whether the reply named another order and no person has looked, or one has said that it is not ours.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    withheld: bool,
    /// Whether its cancellation is asked for.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    cancelling: bool,
    /// Why it was cancelled, where that was told with proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// The wait for the lookup that tells its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    watch: Option<PollTimer>,
    /// When the newest lookup was begun that showed it, or when it ended: one begun before shows nothing new.
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_from: Option<Timestamp>,
    /// The status that no document lists and that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    unlisted: Option<String>,
    /// The same, of which a person says that it is paid and runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    lives_as: Option<String>,
}

impl Status {
    pub(super) const fn state(&self) -> SubscriptionState {
        self.state
    }

    pub(super) const fn id(&self) -> Option<&SubscriptionId> {
        self.id.as_ref()
    }

    pub(super) const fn is_withheld(&self) -> bool {
        self.withheld
    }

    pub(super) const fn is_cancelling(&self) -> bool {
        self.cancelling
    }

    /// Whether Revup may have given it a name that nothing has proved.
    pub(super) const fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// Whether it is paid, and no lookup is waited for that may show otherwise.
    pub(super) fn is_plainly_fulfilled(&self) -> bool {
        self.state == SubscriptionState::Fulfilled && self.watch.is_none()
    }

    pub(super) fn impossible(&self, terms: &Terms, payment: &Payment) -> Option<&'static str> {
        let is_named = self.state > SubscriptionState::Requested;
        match self.state {
            _ if is_named != self.id.is_some() => {
                Some("a subscription has an id exactly when Revup or a person named it")
            }
            SubscriptionState::Requested if !terms.is_requested() => Some("nobody asked for the subscription"),
            SubscriptionState::Awaiting if self.watch.is_none() => Some("a first charge is waited for since never"),
            state if state.is_live() && !payment.is_accepted() => Some("a subscription that lives was paid once"),
            _ => None,
        }
    }

    /// The wait for the first charge.
    pub(super) fn wait_for_charge(&self, terms: &Terms) -> Option<Wait> {
        let (SubscriptionState::Awaiting, Some(watch), Some(id)) = (self.state, &self.watch, &self.id) else {
            return None;
        };
        if watch.is_stopped() {
            return None;
        }
        let mut wait = Wait::new(SignalName::Created.as_str(), watch.since());
        wait.about = Some(id.as_str().into());
        // The order of the form is gone after an hour; a stored card has been charged or not by then.
        wait.expires_at = (!terms.is_on_token() && terms.order().is_some()).then(|| expires_at(watch.since()));
        Some(wait)
    }

    /// The host asks for a cancellation.
    pub(super) fn cancel(&mut self, detail: Option<String>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let id = self.id.clone().filter(|_| self.state.is_known()).ok_or(Stop::NotNow)?;
        cx.request(Call::CancelSubscription(id, detail));
        self.cancelling = true;
        Ok(())
    }

    /// The reply to a cancellation, or an event with proof, says that it is over, and why.
    pub(super) fn cancelled(&mut self, reason: Option<Reason>, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.reason = reason.or(self.reason.take());
        self.end(SubscriptionState::Cancelled, payment, cx);
    }

    /// The reply to a cancellation says nothing of another one.
    pub(super) const fn stop_cancelling(&mut self) {
        self.cancelling = false;
    }

    /// A cancellation did nothing, as far as is known: the status is looked up.
    pub(super) fn not_cancelled(&mut self, cx: &mut Cx<'_>) {
        self.cancelling = false;
        if !self.state.is_final() {
            self.hint(cx);
        }
    }

    /// What is known contradicts what is said now: the higher is kept, and a person looks.
    pub(super) fn contradict(&self, cx: &mut Cx<'_>) {
        if let Some(id) = &self.id {
            cx.ask(Review::Contradiction, id.as_str());
        }
    }

    /// It is over, by evidence. A cancellation outranks a first charge that failed.
    pub(super) fn end(&mut self, to: SubscriptionState, payment: &mut Payment, cx: &mut Cx<'_>) {
        use SubscriptionState::{Adopting, Archived, Cancelled};
        if self.state == to {
            return;
        }
        if self.state.is_final() || (to == Archived && payment.is_accepted()) {
            self.contradict(cx);
        }
        if to == Archived {
            payment.fail();
        }
        if self.state == Cancelled {
            return;
        }
        let was_adopted = self.state == Adopting;
        self.state = to;
        self.cancelling = false;
        self.watch = None;
        payment.stop_measuring(self.id.as_ref(), cx);
        self.fresh_from = Some(cx.now());
        cx.withdraw_unsent(Call::is_of_status);
        cx.withdraw(Call::is_of_period);
        // Whoever has ended it, a cancellation asks for nothing more.
        cx.withdraw_unsent(Call::is_cancel);
        let _ = cx.prove(Call::is_cancel, None);
        let Some(id) = &self.id else { return };
        for review in [Review::NoSignal, Review::StatusUnknown, Review::NotFound] {
            cx.withdraw_review(review, id.as_str());
        }
        cx.withdraw_notice(Notice::PaymentFailed, id.as_str());
        if to == Archived && !was_adopted {
            cx.notify(Notice::PaymentFailed, id.as_str(), None);
        }
    }

    /// It is paid, past due or paused, by evidence.
    pub(super) fn live(&mut self, to: SubscriptionState, payment: &mut Payment, cx: &mut Cx<'_>) {
        if self.state.is_final() {
            self.contradict(cx);
            return;
        }
        let (came, was_adopted) = (self.state != to, self.state == SubscriptionState::Adopting);
        payment.accept(self, cx);
        self.state = to;
        self.settle(payment, cx);
        let Some(id) = &self.id else { return };
        match to {
            SubscriptionState::PastDue if came && !was_adopted => {
                cx.notify(Notice::PaymentFailed, id.as_str(), None);
            }
            SubscriptionState::Fulfilled => cx.withdraw_notice(Notice::PaymentFailed, id.as_str()),
            _ => {}
        }
        if came {
            payment.grant(self, cx);
        }
        payment.measure(self, cx);
    }

    /// An event with proof says that the first charge succeeded. A hint that came before is still looked into, as one that
    /// comes after it would be.
    pub(super) fn fulfilled(&mut self, payment: &mut Payment, cx: &mut Cx<'_>) {
        if self.state == SubscriptionState::Awaiting {
            let was_hinted = self.watch.as_ref().is_some_and(|it| !it.is_fresh());
            self.state = SubscriptionState::Fulfilled;
            self.settle(payment, cx);
            if was_hinted {
                self.hint(cx);
            }
        }
    }

    /// Money goes back by a dispute, which ends nothing by itself: a person is told.
    pub(super) fn disputed(&self, cx: &mut Cx<'_>) {
        if let Some(id) = &self.id {
            cx.ask(Review::Disputed, id.as_str());
        }
    }

    /// A person says that it is paid and runs, whatever its status is called.
    pub(super) fn attest_live(&mut self, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.lives_as = self.unlisted.take();
        self.live(SubscriptionState::Fulfilled, payment, cx);
    }

    /// A person says whether to wait on for the first charge.
    pub(super) fn wait_or_stop(&mut self, verdict: Verdict, cx: &mut Cx<'_>) {
        if verdict == Verdict::KeepWaiting {
            self.watch = Some(PollTimer::new(cx.now()));
            self.plan(cx);
        } else {
            self.stop_waiting(cx);
        }
    }

    /// A person waits no longer; a late signal still wins.
    pub(super) fn stop_waiting(&mut self, cx: &mut Cx<'_>) {
        cx.withdraw(Call::is_of_status);
        if let Some(id) = &self.id {
            cx.withdraw_review(Review::NoSignal, id.as_str());
        }
        if let Some(watch) = &mut self.watch {
            watch.stop();
        }
    }
}
