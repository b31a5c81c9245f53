//! Lookups of the subscription: when one is made, and what its reply shows.

use super::super::Cx;
use super::super::payment::Payment;
use super::super::terms::Terms;
use super::{Status, SubscriptionState};
use crate::flow::PollTimer;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::replies::{self, SubscriptionSeen};
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::Review;
use crate::providers::revup::rules::Rule;
use crate::time::{Millis, Timestamp};

/// When something that may change any day is looked at again.
fn soon(cx: &Cx<'_>) -> Timestamp {
    cx.now().after(cx.config().lookups.while_waiting_ms.first().copied().unwrap_or(Millis::from_hours(24)))
}

/// When something that rarely changes is looked at again.
fn later(cx: &Cx<'_>) -> Timestamp {
    cx.now().after(cx.config().lookups.while_waiting_ms.last().copied().unwrap_or(Millis::from_hours(24)))
}

impl Status {
    /// Looks it up now.
    pub(in super::super) fn confirm(&self, cx: &mut Cx<'_>) {
        if let Some(id) = &self.id {
            cx.look_up(Call::RetrieveSubscription(id.clone()));
        }
    }

    /// Something has happened: it is looked up at once, again if a lookup is leased, and densely until one tells.
    pub(in super::super) fn hint(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        self.watch.get_or_insert_with(|| PollTimer::new(now)).returned(now);
        self.plan(cx);
        self.confirm(cx);
    }

    /// Somebody wants to know: it is looked up at once, unless a lookup is under way, or is made again.
    pub(in super::super) fn ask(&mut self, cx: &mut Cx<'_>) {
        if !cx.sent(Call::is_of_status) {
            self.hint(cx);
        }
    }

    /// A lookup proved nothing: another follows on the schedule, and then a person.
    fn inconclusive(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        let mut watch = self.watch.take().unwrap_or_else(|| {
            let mut watch = PollTimer::new(now);
            watch.returned(now);
            watch
        });
        watch.looked(cx.leased_at());
        self.watch = Some(watch);
        self.plan(cx);
    }

    /// Plans the next lookup of a wait, and asks a person at the end of its schedule.
    pub(super) fn plan(&self, cx: &mut Cx<'_>) {
        let (Some(id), Some(watch)) = (&self.id, &self.watch) else { return };
        let call = Call::RetrieveSubscription(id.clone());
        match self.state {
            _ if watch.is_stopped() => {}
            SubscriptionState::Awaiting => cx.poll_then_ask(call, watch, Review::NoSignal, id.as_str()),
            // What is known once stands until a lookup shows otherwise.
            _ => {
                let next = watch.next(&cx.config().lookups);
                cx.look_up_from(call, next.unwrap_or_else(|| later(cx)));
            }
        }
    }

    /// The wait is over: it is looked up again when it may change without an event that reaches us.
    pub(in super::super) fn settle(&mut self, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.watch = None;
        if self.state != SubscriptionState::Fulfilled {
            // What is not paid for now is measured again once it is.
            payment.stop_measuring(self.id.as_ref(), cx);
            cx.withdraw_unsent(Call::is_of_period);
        }
        if let Some(id) = &self.id {
            cx.withdraw_review(Review::NoSignal, id.as_str());
        }
        self.look_again(payment, cx);
    }

    /// Plans the next lookup of what may change without an event that reaches us.
    fn look_again(&self, payment: &Payment, cx: &mut Cx<'_>) {
        let Some(id) = &self.id else { return };
        let due = match self.state {
            SubscriptionState::Fulfilled => payment.paid_from(cx.now()).unwrap_or_else(|| later(cx)),
            SubscriptionState::PastDue | SubscriptionState::Unclear => soon(cx),
            SubscriptionState::Paused => later(cx),
            _ => return,
        };
        cx.look_up_from(Call::RetrieveSubscription(id.clone()), due);
    }

    /// A lookup shows it.
    pub(in super::super) fn read(
        &mut self,
        reply: &SubscriptionSeen,
        terms: &mut Terms,
        payment: &mut Payment,
        cx: &mut Cx<'_>,
    ) {
        if self.id.as_ref().is_some_and(|id| *id != reply.id) {
            return;
        }
        if self.fresh_from.is_some_and(|newest| cx.leased_at() < newest) {
            // What it shows was seen before what is known.
            match &self.watch {
                Some(_) => self.plan(cx),
                None => self.look_again(payment, cx),
            }
            return;
        }
        self.fresh_from = Some(cx.leased_at());
        if self.state == SubscriptionState::Requested && !self.is_created(reply, terms, payment, cx) {
            return;
        }
        if self.state == SubscriptionState::Attested && terms.differ_from(reply) {
            return self.doubt(Review::OtherPlan, cx);
        }
        if self.state == SubscriptionState::Adopting {
            cx.learn(reply.id.as_str());
        }
        terms.learn_plan(reply.plan_id.as_ref());
        self.found(reply, payment, cx);
    }

    /// Takes in its status.
    fn found(&mut self, reply: &SubscriptionSeen, payment: &mut Payment, cx: &mut Cx<'_>) {
        if let Some(reason) = &reply.reason {
            self.reason = Some(reason.clone());
        }
        self.unlisted = None;
        if let Some(id) = &self.id {
            for review in [Review::NotFound, Review::OtherPlan, Review::StatusUnknown] {
                cx.withdraw_review(review, id.as_str());
            }
        }
        match &reply.status {
            replies::Status::Fulfilled => self.live(SubscriptionState::Fulfilled, payment, cx),
            replies::Status::PastDue => self.live(SubscriptionState::PastDue, payment, cx),
            replies::Status::Paused => self.live(SubscriptionState::Paused, payment, cx),
            replies::Status::Archived => self.end(SubscriptionState::Archived, payment, cx),
            replies::Status::Cancelled => self.end(SubscriptionState::Cancelled, payment, cx),
            replies::Status::Unknown(status) if self.lives_as.as_ref() == Some(status) => {
                self.live(SubscriptionState::Fulfilled, payment, cx);
            }
            replies::Status::Unknown(status) => self.unclear(status, payment, cx),
        }
    }

    /// A status that no document lists is taken neither for paid nor for over.
    fn unclear(&mut self, status: &str, payment: &mut Payment, cx: &mut Cx<'_>) {
        if self.state.is_final() {
            return;
        }
        cx.check(Rule::StatusKnown, false);
        self.unlisted = Some(status.into());
        match self.state {
            // The status before the first charge is settled has no documented name.
            SubscriptionState::Awaiting => self.inconclusive(cx),
            SubscriptionState::Attested => self.wait(payment, cx),
            _ => {
                self.state = SubscriptionState::Unclear;
                if let Some(id) = &self.id {
                    cx.ask(Review::StatusUnknown, id.as_str());
                }
                self.settle(payment, cx);
            }
        }
    }

    /// Revup does not know what was known: a person looks, and it is looked up on.
    pub(in super::super) fn not_found(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        if !self.state.is_final() {
            cx.ask(Review::NotFound, id.as_str());
            self.inconclusive(cx);
        }
    }
}
