//! Lookups of the subscription: when they are due, and what their replies show.

use super::super::Cx;
use super::super::payment::Payment;
use super::super::terms::Terms;
use super::{Status, SubscriptionState};
use crate::flow::PollTimer;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::replies::{self, SubscriptionReply};
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::Review;
use crate::providers::revup::rules::Rule;
use crate::time::{Millis, Timestamp};

/// The time of the next lookup of a state that may change any day.
fn soon(cx: &Cx<'_>) -> Timestamp {
    cx.now().after(cx.config().lookups.while_waiting_ms.first().copied().unwrap_or(Millis::from_hours(24)))
}

/// The time of the next lookup of a state that rarely changes.
fn later(cx: &Cx<'_>) -> Timestamp {
    cx.now().after(cx.config().lookups.while_waiting_ms.last().copied().unwrap_or(Millis::from_hours(24)))
}

impl Status {
    /// Looks up the subscription now.
    pub(in super::super) fn look_up(&self, cx: &mut Cx<'_>) {
        if let Some(id) = &self.id {
            cx.look_up(Call::RetrieveSubscription(id.clone()));
        }
    }

    /// A hint came. The subscription is looked up at once, again after a leased lookup, and then often until a reply is
    /// conclusive.
    pub(in super::super) fn look_up_on_hint(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        self.timer.get_or_insert_with(|| PollTimer::new(now)).returned(now);
        self.schedule_lookup(cx);
        self.look_up(cx);
    }

    /// The host or the customer needs the state. The subscription is looked up at once, unless a lookup is already
    /// sent.
    pub(in super::super) fn look_up_on_request(&mut self, cx: &mut Cx<'_>) {
        if !cx.sent(Call::is_status_lookup) {
            self.look_up_on_hint(cx);
        }
    }

    /// A lookup proved nothing. The next one follows on the schedule, and a review at its end.
    fn on_inconclusive(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        let mut timer = self.timer.take().unwrap_or_else(|| {
            let mut timer = PollTimer::new(now);
            timer.returned(now);
            timer
        });
        timer.looked(cx.leased_at());
        self.timer = Some(timer);
        self.schedule_lookup(cx);
    }

    /// Schedules the next lookup of a wait, and a review for the end of the schedule.
    pub(super) fn schedule_lookup(&self, cx: &mut Cx<'_>) {
        let (Some(id), Some(timer)) = (&self.id, &self.timer) else { return };
        let call = Call::RetrieveSubscription(id.clone());
        match self.state {
            _ if timer.is_stopped() => {}
            SubscriptionState::Awaiting => cx.poll_then_ask(call, timer, Review::NoSignal, id),
            // The known state holds until a lookup shows another one.
            _ => {
                let next = timer.next(&cx.config().lookups);
                cx.look_up_from(call, next.unwrap_or_else(|| later(cx)));
            }
        }
    }

    /// The wait is over. The next lookup comes when the state may change without an event that reaches the host.
    pub(in super::super) fn settle(&mut self, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.timer = None;
        if self.state != SubscriptionState::Fulfilled {
            // The end of the period is looked up again once the subscription is paid for.
            payment.stop_period_lookups(self.id.as_ref(), cx);
            cx.withdraw_unsent(Call::is_payments_lookup);
        }
        if let Some(id) = &self.id {
            cx.withdraw_review(Review::NoSignal, id.as_str());
        }
        self.schedule_next(payment, cx);
    }

    /// Schedules the next lookup of a state that may change without an event that reaches the host.
    fn schedule_next(&self, payment: &Payment, cx: &mut Cx<'_>) {
        let Some(id) = &self.id else { return };
        let next = match self.state {
            SubscriptionState::Fulfilled => payment.paid_until(cx.now()).unwrap_or_else(|| later(cx)),
            SubscriptionState::PastDue | SubscriptionState::Unclear => soon(cx),
            SubscriptionState::Paused => later(cx),
            _ => return,
        };
        cx.look_up_from(Call::RetrieveSubscription(id.clone()), next);
    }

    /// A lookup shows the subscription.
    pub(in super::super) fn on_lookup(
        &mut self,
        reply: &SubscriptionReply,
        terms: &mut Terms,
        payment: &mut Payment,
        cx: &mut Cx<'_>,
    ) {
        if self.id.as_ref().is_some_and(|id| *id != reply.id) {
            return;
        }
        if self.fresh_from.is_some_and(|from| cx.leased_at() < from) {
            // The lookup is older than the newest evidence.
            match &self.timer {
                Some(_) => self.schedule_lookup(cx),
                None => self.schedule_next(payment, cx),
            }
            return;
        }
        self.fresh_from = Some(cx.leased_at());
        if self.state == SubscriptionState::Requested && !self.is_created(reply, terms, payment, cx) {
            return;
        }
        if self.state == SubscriptionState::Attested && terms.differ_from(reply) {
            return self.ask_again(Review::OtherPlan, cx);
        }
        if self.state == SubscriptionState::Adopting {
            cx.learn(&reply.id);
        }
        terms.learn_plan(reply.plan_id.as_ref());
        self.apply_status(reply, payment, cx);
    }

    /// Applies the status that a lookup shows.
    fn apply_status(&mut self, reply: &SubscriptionReply, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.learn_reason(reply.reason.clone(), cx);
        self.unlisted = None;
        if let Some(id) = &self.id {
            for review in [Review::NotFound, Review::OtherPlan, Review::StatusUnknown] {
                cx.withdraw_review(review, id.as_str());
            }
        }
        match &reply.status {
            replies::Status::Fulfilled => self.become_live(SubscriptionState::Fulfilled, payment, cx),
            replies::Status::PastDue => self.become_live(SubscriptionState::PastDue, payment, cx),
            replies::Status::Paused => self.become_live(SubscriptionState::Paused, payment, cx),
            replies::Status::Archived => self.end(SubscriptionState::Archived, payment, cx),
            replies::Status::Cancelled => self.end(SubscriptionState::Cancelled, payment, cx),
            replies::Status::Unknown(status) if self.lives_as.as_ref() == Some(status) => {
                self.unlisted = Some(status.clone());
                self.become_live(SubscriptionState::Fulfilled, payment, cx);
            }
            replies::Status::Unknown(status) => self.on_unknown_status(status, payment, cx),
        }
    }

    /// A status that no document lists counts neither as paid nor as over.
    fn on_unknown_status(&mut self, status: &str, payment: &mut Payment, cx: &mut Cx<'_>) {
        if self.state.is_final() {
            return;
        }
        cx.check(Rule::StatusKnown, false);
        self.unlisted = Some(status.into());
        match self.state {
            // The status before the result of the first charge has no documented name.
            SubscriptionState::Awaiting => self.on_inconclusive(cx),
            SubscriptionState::Attested => self.begin_wait(payment, cx),
            _ => {
                self.state = SubscriptionState::Unclear;
                if let Some(id) = &self.id {
                    cx.ask(Review::StatusUnknown, id);
                }
                self.settle(payment, cx);
            }
        }
    }

    /// Revup does not know a known subscription. A person is asked, and the lookups continue.
    pub(in super::super) fn on_not_found(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        if !self.state.is_final() {
            cx.ask(Review::NotFound, id);
            self.on_inconclusive(cx);
        }
    }
}
