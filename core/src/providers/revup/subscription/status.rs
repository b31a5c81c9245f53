//! The facet `subscription`: the status of the subscription at Revup, as replies, events and verdicts show it.

mod creation;
mod lookup;

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::Cx;
use super::payment::{Payment, PaymentState};
use super::terms::Terms;
use crate::effect::Wait;
use crate::flow::ToDo;
use crate::flow::{PollTimer, Stop, states};
use crate::id::TypedId;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::replies::Reason;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::{Notice, Review, SignalName, Verdict};
use crate::providers::revup::order::expires_at;
use crate::time::Timestamp;

states! {
    /// What is known about the subscription.
    pub enum SubscriptionState ("RevupSubscriptionStatusState") {
        /// No subscription is known, and no request for one is pending.
        Absent = "absent",
        /// The subscription is requested, and Revup has not replied. The card may have been charged.
        Requested = "requested",
        /// The subscription is looked up for the first time.
        Adopting = "adopting",
        /// A person says that the subscription was created, and no lookup has confirmed it.
        Attested = "attested",
        /// Revup knows the subscription, and nothing proves its first charge. It gives no access yet.
        Awaiting = "awaiting",
        /// The subscription is paid, and Revup renews it.
        Fulfilled = "fulfilled",
        /// A renewal failed, and Revup tries it again. Access lasts as long as it is paid, and for the grace period
        /// after.
        PastDue = "past_due",
        /// The subscription is paused, and Revup charges nothing until it goes on.
        Paused = "paused",
        /// The status of the subscription is not documented.
        Unclear = "unclear",
        /// The first charge failed, so the subscription never began. The customer must pay a new order.
        Archived = "archived",
        /// The subscription is over, and Revup charges nothing any more.
        Cancelled = "cancelled",
    }
}

impl SubscriptionState {
    /// Whether Revup surely knows the subscription.
    pub(super) fn is_known(self) -> bool {
        self >= Self::Awaiting
    }

    /// Whether the state is final.
    pub(super) const fn is_final(self) -> bool {
        matches!(self, Self::Archived | Self::Cancelled)
    }

    /// Whether the first charge is proved and the subscription is not over.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Fulfilled | Self::PastDue | Self::Paused)
    }
}

/// The subscription at Revup, as far as it is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionRoom"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Status {
    /// The state, from the last evidence.
    state: SubscriptionState,
    /// The id of the subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<SubscriptionId>,
    /// An id without proof: from an incomplete reply, or from an event after a person denied the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    named: Option<SubscriptionId>,
    /// Whether access is withheld. The reply named another order, and no person has said that the subscription is ours.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    withheld: bool,
    /// Whether a cancellation is requested.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    cancelling: bool,
    /// The reason of the cancellation, if evidence has shown it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// The wait for a lookup that shows the status.
    #[serde(rename = "watch", skip_serializing_if = "Option::is_none")]
    timer: Option<PollTimer>,
    /// When the newest lookup with a result was leased, or when the subscription ended. A lookup that was leased before
    /// proves nothing new.
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_from: Option<Timestamp>,
    /// The current status, if no document lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unlisted: Option<String>,
    /// The undocumented status that means "paid and running", as a person says.
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

    /// Revup's word for the status. Before the result of the first charge, it is known only if no document lists it.
    pub(super) fn provider_status(&self) -> Option<&str> {
        use SubscriptionState::{Archived, Cancelled, Fulfilled, PastDue, Paused};
        let listed = matches!(self.state, Archived | Cancelled | Fulfilled | Paused | PastDue);
        self.unlisted.as_deref().or(listed.then(|| self.state.as_str()))
    }

    /// The reason of the cancellation, in Revup's word.
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_ref().map(Reason::as_str)
    }

    pub(super) const fn is_withheld(&self) -> bool {
        self.withheld
    }

    pub(super) const fn is_cancelling(&self) -> bool {
        self.cancelling
    }

    /// Whether an id without proof is known.
    pub(super) const fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// Whether the subscription is paid, and no pending lookup may show otherwise.
    pub(super) fn is_plainly_fulfilled(&self) -> bool {
        self.state == SubscriptionState::Fulfilled && self.timer.is_none()
    }

    pub(super) fn impossible(&self, terms: &Terms, payment: &Payment) -> Option<&'static str> {
        let is_named = self.state > SubscriptionState::Requested;
        match self.state {
            _ if is_named != self.id.is_some() => {
                Some("a subscription must have an id exactly if Revup or a person has named it")
            }
            state if !state.is_known() && payment.state() != PaymentState::Absent => {
                Some("only a subscription that Revup knows can have a payment")
            }
            SubscriptionState::Requested if !terms.is_requested() => {
                Some("a requested subscription must have a request")
            }
            SubscriptionState::Awaiting if self.timer.is_none() => {
                Some("the wait for a first charge must have a beginning")
            }
            state if state.is_live() && !payment.is_accepted() => {
                Some("the first charge of a live subscription must have succeeded")
            }
            _ => None,
        }
    }

    /// The wait for the first charge.
    pub(super) fn wait_for_charge(&self, terms: &Terms) -> Option<Wait> {
        let (SubscriptionState::Awaiting, Some(timer), Some(id)) = (self.state, &self.timer, &self.id) else {
            return None;
        };
        if timer.is_stopped() {
            return None;
        }
        let mut wait = Wait::new(SignalName::Created.as_str(), timer.since());
        wait.about = Some(TypedId::from(id));
        // The order of the form expires after an hour. A stored card has been charged or not by then.
        wait.expires_at = (!terms.is_on_token() && terms.order().is_some()).then(|| expires_at(timer.since()));
        Some(wait)
    }

    /// The host requests a cancellation.
    pub(super) fn cancel(&mut self, detail: Option<String>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let id = self.id.clone().filter(|_| self.state.is_known()).ok_or(Stop::NotNow)?;
        cx.withdraw_notice(Notice::CancellationRefused, id.as_str());
        cx.request(Call::CancelSubscription(id, detail));
        self.cancelling = true;
        Ok(())
    }

    /// The reply to a cancellation, or an event with proof, shows the end and its reason.
    pub(super) fn become_cancelled(&mut self, reason: Option<Reason>, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.learn_reason(reason, cx);
        self.end(SubscriptionState::Cancelled, payment, cx);
    }

    /// The reason of the end is shown. On a plan that ends at a dispute, no other message tells about the dispute.
    fn learn_reason(&mut self, reason: Option<Reason>, cx: &mut Cx<'_>) {
        let Some(reason) = reason else { return };
        if reason == Reason::Dispute && self.reason.as_ref() != Some(&reason) {
            self.ask_about_dispute(cx);
        }
        self.reason = Some(reason);
    }

    /// The reply to a cancellation has come. Another cancellation may follow.
    pub(super) const fn stop_cancelling(&mut self) {
        self.cancelling = false;
    }

    /// A cancellation had no known result, so the status is looked up.
    pub(super) fn not_cancelled(&mut self, cx: &mut Cx<'_>) {
        self.cancelling = false;
        if !self.state.is_final() {
            self.look_up_on_hint(cx);
        }
    }

    /// Revup refused the cancellation. The customer is charged further, so the host has to act.
    pub(super) fn tell_of_refusal(&self, cx: &mut Cx<'_>) {
        if let Some(id) = self.id.as_ref().filter(|_| !self.state.is_final()) {
            cx.notify(Notice::CancellationRefused, id, ToDo::NOTHING);
        }
    }

    /// New evidence contradicts the known state. The state that comes later in the list is kept, and a person reviews
    /// it.
    pub(super) fn ask_about_contradiction(&self, cx: &mut Cx<'_>) {
        if let Some(id) = &self.id {
            cx.ask(Review::Contradiction, id);
        }
    }

    /// Evidence shows that the subscription is over. A cancellation outranks a failed first charge.
    pub(super) fn end(&mut self, to: SubscriptionState, payment: &mut Payment, cx: &mut Cx<'_>) {
        let was_adopted = self.state == SubscriptionState::Adopting;
        let is_end = to == SubscriptionState::Cancelled && !self.state.is_final();
        self.become_final(to, payment, cx);
        let Some(id) = self.id.as_ref().filter(|_| is_end) else { return };
        if was_adopted {
            // The payments may show that the customer has paid until a later date. If they do not, nobody is asked.
            cx.look_up(Call::RetrievePayments(id.clone(), 1));
        } else if payment.may_be_charged(cx.now()) {
            payment.look_up_after_end(id, cx);
        }
    }

    /// A person says that the subscription is over.
    pub(super) fn end_as_attested(&mut self, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.become_final(SubscriptionState::Cancelled, payment, cx);
    }

    fn become_final(&mut self, to: SubscriptionState, payment: &mut Payment, cx: &mut Cx<'_>) {
        use SubscriptionState::{Adopting, Archived, Cancelled};
        if self.state == to {
            return;
        }
        if self.state.is_final() || (to == Archived && payment.is_accepted()) {
            self.ask_about_contradiction(cx);
        }
        if to == Archived {
            payment.fail();
        }
        if self.state == Cancelled {
            // The first charge has a result now, so it is no longer looked for.
            if payment.state() == PaymentState::Failed {
                payment.stop_period_lookups(self.id.as_ref(), cx);
                cx.withdraw(Call::is_payments_lookup);
            }
            return;
        }
        let was_adopted = self.state == Adopting;
        self.state = to;
        self.cancelling = false;
        self.timer = None;
        payment.stop_period_lookups(self.id.as_ref(), cx);
        self.fresh_from = Some(cx.now());
        cx.withdraw_unsent(Call::is_status_lookup);
        cx.withdraw(Call::is_payments_lookup);
        // The subscription is over, so a cancellation has nothing left to do.
        cx.withdraw_unsent(Call::is_cancel);
        let _ = cx.prove(Call::is_cancel, None);
        let Some(id) = &self.id else { return };
        for review in [Review::NoSignal, Review::StatusUnknown, Review::NotFound] {
            cx.withdraw_review(review, id.as_str());
        }
        cx.withdraw_notice(Notice::CancellationRefused, id.as_str());
        cx.withdraw_notice(Notice::PaymentFailed, id.as_str());
        if to == Archived && !was_adopted {
            cx.notify(Notice::PaymentFailed, id, ToDo::NOTHING);
        }
    }

    /// Evidence shows that the subscription is paid, past due or paused.
    pub(super) fn become_live(&mut self, to: SubscriptionState, payment: &mut Payment, cx: &mut Cx<'_>) {
        if self.state.is_final() {
            self.ask_about_contradiction(cx);
            return;
        }
        let (is_new, was_adopted) = (self.state != to, self.state == SubscriptionState::Adopting);
        payment.accept(self, cx);
        self.state = to;
        self.settle(payment, cx);
        let Some(id) = &self.id else { return };
        match to {
            SubscriptionState::PastDue if is_new && !was_adopted => {
                cx.notify(Notice::PaymentFailed, id, ToDo::NOTHING);
            }
            SubscriptionState::Fulfilled => cx.withdraw_notice(Notice::PaymentFailed, id.as_str()),
            _ => {}
        }
        if is_new {
            payment.grant_access(self, cx);
        }
        payment.look_up_period(self, cx);
    }

    /// An event with proof shows that the first charge succeeded. An earlier hint still causes a lookup, as a later one
    /// would.
    pub(super) fn become_fulfilled(&mut self, payment: &mut Payment, cx: &mut Cx<'_>) {
        if self.state == SubscriptionState::Awaiting {
            let was_hinted = self.timer.as_ref().is_some_and(|it| !it.is_fresh());
            self.state = SubscriptionState::Fulfilled;
            self.settle(payment, cx);
            if was_hinted {
                self.look_up_on_hint(cx);
            }
        }
    }

    /// The bank disputes a payment. This does not end the subscription, so a person reviews it.
    pub(super) fn ask_about_dispute(&self, cx: &mut Cx<'_>) {
        if let Some(id) = &self.id {
            cx.ask(Review::Disputed, id);
        }
    }

    /// A person says that the subscription is paid and runs, whatever its status is called.
    pub(super) fn attest_live(&mut self, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.lives_as = self.unlisted.clone();
        self.become_live(SubscriptionState::Fulfilled, payment, cx);
    }

    /// A person says whether to wait further for the first charge.
    pub(super) fn wait_or_stop(&mut self, verdict: Verdict, cx: &mut Cx<'_>) {
        if verdict == Verdict::KeepWaiting {
            self.timer = Some(PollTimer::new(cx.now()));
            self.schedule_lookup(cx);
        } else {
            self.stop_waiting(cx);
        }
    }

    /// The wait for the first charge ends. A late signal still counts.
    pub(super) fn stop_waiting(&mut self, cx: &mut Cx<'_>) {
        cx.withdraw(Call::is_status_lookup);
        if let Some(id) = &self.id {
            cx.withdraw_review(Review::NoSignal, id.as_str());
        }
        if let Some(timer) = &mut self.timer {
            timer.stop();
        }
    }
}
