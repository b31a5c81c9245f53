//! How a subscription becomes known: by its creation, by an id from a reply or a person, or by adoption.

use super::super::Cx;
use super::super::payment::Payment;
use super::super::terms::Terms;
use super::{Status, SubscriptionState};
use crate::flow::{PollTimer, Reviews};
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::replies::SubscriptionReply;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::{Notice, Review, Verdict};

impl Status {
    /// The state after a request for the subscription.
    pub(in super::super) fn requested() -> Self {
        Self { state: SubscriptionState::Requested, ..Self::default() }
    }

    /// The state after a command that adopts another subscription.
    pub(in super::super) fn adopting(id: Option<SubscriptionId>) -> Self {
        Self { state: SubscriptionState::Adopting, id, ..Self::default() }
    }

    /// The reply to the creation names another order. The flow opens a review, keeps its state, and grants no access
    /// before the verdict.
    pub(in super::super) fn withhold(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        cx.ask(Review::OrderMismatch, id);
        self.withheld = true;
    }

    /// A person says that the subscription is ours.
    pub(in super::super) const fn release(&mut self) {
        self.withheld = false;
    }

    /// The id of the subscription is known.
    pub(in super::super) fn bind(&mut self, id: SubscriptionId, payment: &mut Payment, cx: &mut Cx<'_>) {
        cx.learn(&id);
        (self.id, self.named) = (Some(id), None);
        self.begin_wait(payment, cx);
    }

    /// The wait for the first charge begins.
    pub(super) fn begin_wait(&mut self, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.state = SubscriptionState::Awaiting;
        payment.wait_for_first();
        self.timer = Some(PollTimer::new(cx.now()));
        self.schedule_lookup(cx);
    }

    /// The reply to a creation is incomplete, but names the subscription. A lookup by its id shows more than the
    /// transactions of the order.
    pub(in super::super) fn on_named(&mut self, id: SubscriptionId, cx: &mut Cx<'_>) {
        if self.state == SubscriptionState::Requested {
            cx.withdraw(|call| matches!(call, Call::FindTransactions(_)));
            cx.look_up(Call::RetrieveSubscription(id.clone()));
            self.named = Some(id);
        }
    }

    /// A lookup shows the subscription that a reply has named, so the creation was done. Returns whether it is the
    /// requested subscription.
    pub(super) fn is_created(
        &mut self,
        reply: &SubscriptionReply,
        terms: &Terms,
        payment: &mut Payment,
        cx: &mut Cx<'_>,
    ) -> bool {
        if self.named.as_ref() != Some(&reply.id) {
            return false;
        }
        if terms.differ_from(reply) {
            cx.ask_about(Call::is_create);
            return false;
        }
        let _ = cx.prove(Call::is_create, Some(reply.id.as_str()));
        cx.withdraw(Call::is_status_lookup);
        self.bind(reply.id.clone(), payment, cx);
        true
    }

    /// An event names our order, although a person has said that nothing was created. The person is asked again.
    pub(in super::super) fn named_after_all(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        cx.ask(Review::MadeAfterAll.only(&[Verdict::Ours, Verdict::NotOurs]), id);
        self.named = Some(id.clone());
    }

    /// A person says that the named subscription is not ours.
    pub(in super::super) fn forget_named(&mut self) {
        self.named = None;
    }

    /// A person names the id of the subscription. A lookup confirms it.
    pub(in super::super) fn attest(&mut self, id: &str, cx: &mut Cx<'_>) {
        let Some(id) = SubscriptionId::read(id) else { return };
        cx.withdraw(Call::is_status_lookup);
        cx.learn(&id);
        (self.id, self.named) = (Some(id), None);
        self.state = SubscriptionState::Attested;
        self.look_up(cx);
    }

    /// The id from a person is unknown, or belongs to another plan. The person is asked again.
    pub(in super::super) fn ask_again(&self, review: Review, cx: &mut Cx<'_>) {
        if let Some(id) = &self.id {
            cx.ask(review, id);
        }
    }

    /// There is no subscription, so every review and notice about it is withdrawn.
    pub(in super::super) fn withdraw_questions(&self, cx: &mut Cx<'_>) {
        const ABOUT_IT: [&str; 9] = [
            Review::NoSignal.as_str(),
            Review::NotFound.as_str(),
            Review::OtherPlan.as_str(),
            Review::OrderMismatch.as_str(),
            Review::StatusUnknown.as_str(),
            Review::NoPeriodEnd.as_str(),
            Review::Contradiction.as_str(),
            Review::Disputed.as_str(),
            Notice::PaymentFailed.as_str(),
        ];
        if let Some(id) = &self.id {
            cx.withdraw_all_about(&ABOUT_IT, |about| about == id.as_str());
        }
    }
}
