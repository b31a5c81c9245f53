//! The dispatch of replies to our requests.

use super::command::Trigger;
use super::refunds;
use super::status::SubscriptionState;
use super::{Cx, Subscription};
use crate::fact::IgnoredReason;
use crate::flow::{AfterAll, Stop};
use crate::id::EffectId;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::replies::{Created, Event, Reason};
use crate::providers::revup::names::Review;
use crate::providers::revup::rules::Rule;

impl Subscription {
    /// A reply proves the success of a request, which is over.
    pub(super) fn answered(
        &mut self,
        id: &EffectId,
        call: &Call,
        event: Event,
        cx: &mut Cx<'_>,
    ) -> Result<Trigger, Stop> {
        let Self { terms, status, payment, refunds, ledger, .. } = self;
        match (event, call) {
            (Event::Created(reply), _) => {
                self.created(reply, cx)?;
                return Ok(Trigger::Created);
            }
            (Event::Seen(reply), _) => {
                status.read(&reply, terms, payment, cx);
                return Ok(Trigger::Found);
            }
            (Event::Cancelled(reply), _) => {
                cx.check(Rule::CancelResponse, reply.reason == Some(Reason::MerchantApi));
                status.cancelled(reply.reason, payment, cx);
                status.stop_cancelling();
                return Ok(Trigger::CancelAnswered);
            }
            (Event::Payments(reply), Call::RetrievePayments(_, page)) => {
                if payment.read(&reply, *page, status, ledger, cx) {
                    status.settle(payment, cx);
                }
            }
            (Event::Transaction(reply), Call::RefundPayment(refund)) => refunds.made(id, refund, &reply, ledger, cx),
            (Event::Transaction(reply), Call::RetrieveTransaction(_, intent)) => {
                refunds.read(intent, &reply, ledger, cx);
            }
            (Event::Transactions(list), Call::FindTransactions(_)) if status.state().is_known() => {
                ledger.count(&list);
            }
            (Event::Transactions(_), Call::FindTransactions(_)) => undecided(cx),
            (Event::Transactions(list), Call::FindRefund(_, intent)) => refunds.listed(intent, &list, ledger, cx),
            _ => return Err(IgnoredReason::Unrelated.into()),
        }
        Ok(Trigger::Other)
    }

    /// The reply to the creation.
    fn created(&mut self, reply: Created, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if self.status.state() != SubscriptionState::Requested {
            return Err(IgnoredReason::Unrelated.into());
        }
        cx.withdraw(Call::is_of_status);
        let is_echo = !self.terms.is_on_token() || self.terms.order() == Some(&reply.order_id);
        cx.check(Rule::CreateOrderIdEcho, is_echo);
        if !is_echo {
            self.status.withhold(&reply.subscription_id, cx);
        }
        if !self.terms.is_on_token() {
            cx.learn(reply.order_id.as_str());
            self.terms.learn_order(reply.order_id);
        }
        self.status.bind(reply.subscription_id, &mut self.payment, cx);
        Ok(())
    }

    /// A reply proves nothing, and still says something.
    pub(super) fn hinted(&mut self, call: &Call, event: Event, cx: &mut Cx<'_>) {
        match (event, call) {
            (Event::Named(id), Call::CreateSubscription(_)) => self.status.name(id, cx),
            (Event::Made(transaction), Call::RefundPayment(refund)) => refunds::named(refund, transaction, cx),
            (Event::NotCancelled, _) if !self.status.state().is_final() => {
                cx.check(Rule::CancelResponse, false);
                self.status.hint(cx);
            }
            _ => {}
        }
    }

    /// A request was done that had been ended as not done: the new try is none. Of a creation a person says whether it is
    /// ours.
    pub(super) fn made_after_all(&mut self, made: &AfterAll<Call>, event: Event, cx: &mut Cx<'_>) {
        match made.again.as_ref().map(|(id, call)| (id, &**call)) {
            Some((_, Call::CreateSubscription(_))) => self.vanish(cx),
            Some((id, Call::RefundPayment(refund))) => {
                self.refunds.end(id.intent(), refund, false, &mut self.ledger, cx);
            }
            _ => {}
        }
        if let (Event::Transaction(reply), Call::RefundPayment(refund)) = (event, &*made.call) {
            self.refunds.made_after_all(&made.id, refund, &reply, &mut self.ledger, cx);
        }
    }

    /// Every sending of a request was refused, or a lookup says that there is no such thing.
    pub(super) fn refused(&mut self, id: &EffectId, call: &Call, cx: &mut Cx<'_>) {
        let Self { status, payment, refunds, ledger, .. } = self;
        match call {
            Call::CreateSubscription(_) => self.vanish(cx),
            Call::RetrieveSubscription(of) => match status.state() {
                SubscriptionState::Adopting => self.vanish(cx),
                SubscriptionState::Requested => {
                    // A lookup denies the subscription that a reply has named.
                    if cx.deny(Call::is_create).is_some() {
                        self.vanish(cx);
                    }
                }
                SubscriptionState::Attested => status.doubt(Review::GivenNotFound, cx),
                _ => status.not_found(of, cx),
            },
            Call::CancelSubscription(..) => status.not_cancelled(cx),
            Call::RefundPayment(refund) => refunds.end(id.intent(), refund, false, ledger, cx),
            Call::FindTransactions(_) => undecided(cx),
            Call::RetrieveTransaction(_, intent) | Call::FindRefund(_, intent) => refunds.denied(intent, ledger, cx),
            Call::RetrievePayments(..) => payment.unmeasured(status.id(), cx),
        }
    }
}

/// No transaction of the order shows or denies a subscription: a person is asked at once, who finds it in the back office.
fn undecided(cx: &mut Cx<'_>) {
    cx.ask_about(Call::is_create);
    cx.look_again(Call::is_create);
}
