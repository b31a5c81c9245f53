//! How a subscription comes to be known: by its creation, by a lookup of what a reply or a person has named, or adopted.

use super::super::Cx;
use super::super::payment::Payment;
use super::super::terms::Terms;
use super::{Status, SubscriptionState};
use crate::flow::{PollTimer, Reviews};
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::replies::SubscriptionSeen;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::{Review, Verdict};

impl Status {
    /// It is asked for.
    pub(in super::super) fn requested() -> Self {
        Self { state: SubscriptionState::Requested, ..Self::default() }
    }

    /// One of another origin is looked up.
    pub(in super::super) fn adopting(id: Option<SubscriptionId>) -> Self {
        Self { state: SubscriptionState::Adopting, id, ..Self::default() }
    }

    /// The reply to the creation names another order: it adds a review and replaces no state; but nothing is opened before a
    /// person has looked.
    pub(in super::super) fn withhold(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        cx.ask(Review::OrderMismatch, id.as_str());
        self.withheld = true;
    }

    /// A person says that it is ours.
    pub(in super::super) const fn release(&mut self) {
        self.withheld = false;
    }

    /// Revup's name for it is known.
    pub(in super::super) fn bind(&mut self, id: SubscriptionId, payment: &mut Payment, cx: &mut Cx<'_>) {
        cx.learn(id.as_str());
        (self.id, self.named) = (Some(id), None);
        self.wait(payment, cx);
    }

    /// The wait for its first charge begins.
    pub(super) fn wait(&mut self, payment: &mut Payment, cx: &mut Cx<'_>) {
        self.state = SubscriptionState::Awaiting;
        payment.await_first();
        self.watch = Some(PollTimer::new(cx.now()));
        self.plan(cx);
    }

    /// The reply to a creation is not whole, and still names it: a lookup by its id tells more than a search.
    pub(in super::super) fn name(&mut self, id: SubscriptionId, cx: &mut Cx<'_>) {
        if self.state == SubscriptionState::Requested {
            cx.withdraw(|call| matches!(call, Call::FindTransactions(_)));
            cx.look_up(Call::RetrieveSubscription(id.clone()));
            self.named = Some(id);
        }
    }

    /// A lookup shows what a reply has named: the creation was done. Says whether that is the one asked for.
    pub(super) fn is_created(
        &mut self,
        reply: &SubscriptionSeen,
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
        cx.withdraw(Call::is_of_status);
        self.bind(reply.id.clone(), payment, cx);
        true
    }

    /// An event names our order, and a person had said that nothing was created: a person looks again.
    pub(in super::super) fn named_after_all(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        cx.ask(Review::MadeAfterAll.only(&[Verdict::Ours, Verdict::NotOurs]), id.as_str());
        self.named = Some(id.clone());
    }

    /// A person says that what was named is not ours.
    pub(in super::super) fn forget_named(&mut self) {
        self.named = None;
    }

    /// A person says that there is a subscription of that id: a lookup confirms it.
    pub(in super::super) fn attest(&mut self, id: &str, cx: &mut Cx<'_>) {
        let Some(id) = SubscriptionId::told(id) else { return };
        cx.withdraw(Call::is_of_status);
        cx.learn(id.as_str());
        (self.id, self.named) = (Some(id), None);
        self.state = SubscriptionState::Attested;
        self.confirm(cx);
    }

    /// What a person has named is none, or another: the person is asked again.
    pub(in super::super) fn doubt(&self, why: Review, cx: &mut Cx<'_>) {
        if let Some(id) = &self.id {
            cx.ask(why, id.as_str());
        }
    }

    /// There is none: no question about it is open any more.
    pub(in super::super) fn withdraw_questions(&self, cx: &mut Cx<'_>) {
        if let Some(id) = &self.id {
            for review in [Review::NoSignal, Review::NotFound, Review::OtherPlan, Review::OrderMismatch] {
                cx.withdraw_review(review, id.as_str());
            }
        }
    }
}
