//! The dispatch of replies to our requests.

use super::command::Trigger;
use super::refunds;
use super::status::SubscriptionState;
use super::{Cx, Subscription};
use crate::fact::IgnoredReason;
use crate::flow::{AfterAll, Cause, Outcome, Stop};
use crate::id::EffectId;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::replies::{CreatedReply, Event, Reason, TransactionsReply};
use crate::providers::revup::names::Review;
use crate::providers::revup::rules::Rule;

impl Subscription {
    /// A reply proves the success of a request, which ends.
    pub(super) fn on_reply(
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
            (Event::Subscription(reply), _) => {
                status.on_lookup(&reply, terms, payment, cx);
                return Ok(Trigger::Found);
            }
            (Event::Cancelled(reply), _) => {
                cx.check(Rule::CancelResponse, reply.reason == Some(Reason::MerchantApi));
                status.become_cancelled(reply.reason, payment, cx);
                status.stop_cancelling();
                return Ok(Trigger::CancelAnswered);
            }
            (Event::Payments(reply), Call::RetrievePayments(_, page)) => {
                let before = payment.state();
                if payment.on_payments(&reply, *page, (status, terms), ledger, cx) {
                    status.settle(payment, cx);
                }
                if payment.state() != before {
                    return Ok(Trigger::Found);
                }
            }
            (Event::Transaction(reply), Call::RefundPayment(refund)) => {
                refunds.on_transaction(id, refund, &reply, ledger, cx)
            }
            (Event::Transaction(reply), Call::RetrieveTransaction(_, intent)) => {
                refunds.on_lookup(intent, &reply, ledger, cx);
            }
            (Event::Transaction(reply), Call::RetrieveRefund(_)) => self.listed(&TransactionsReply::part(reply), cx),
            (Event::Transactions(list), Call::FindTransactions(_)) if status.state().is_known() => {
                self.listed(&list, cx)
            }
            (Event::Transactions(_), Call::FindTransactions(_)) => ask_about_creation(cx),
            (Event::Transactions(list), Call::FindRefund(_, intent)) => refunds.on_list(intent, &list, ledger, cx),
            _ => return Err(IgnoredReason::Unrelated.into()),
        }
        Ok(Trigger::Other)
    }

    /// A lookup shows transactions of an order, after a message told about a refund.
    fn listed(&mut self, list: &TransactionsReply, cx: &mut Cx<'_>) {
        self.refunds.on_listed(list, &mut self.ledger, cx);
        self.ledger.count_transactions(list);
        self.ledger.note_shown(list, cx);
    }

    /// The reply to the creation.
    fn created(&mut self, reply: CreatedReply, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if self.status.state() != SubscriptionState::Requested {
            return Err(IgnoredReason::Unrelated.into());
        }
        cx.withdraw(Call::is_status_lookup);
        let is_echo = !self.terms.is_on_token() || self.terms.order() == Some(&reply.order_id);
        cx.check(Rule::CreateOrderIdEcho, is_echo);
        if !is_echo {
            self.status.withhold(&reply.subscription_id, cx);
        }
        if !self.terms.is_on_token() {
            cx.learn(&reply.order_id);
            self.terms.learn_order(reply.order_id);
        }
        self.status.bind(reply.subscription_id, &mut self.payment, cx);
        Ok(())
    }

    /// A reply proves nothing, but contains a hint.
    pub(super) fn on_hint(&mut self, call: &Call, event: Event, cx: &mut Cx<'_>) {
        match (event, call) {
            (Event::SubscriptionNamed(id), Call::CreateSubscription(_)) => self.status.on_named(id, cx),
            (Event::TransactionNamed(transaction), Call::RefundPayment(refund)) => {
                refunds::on_named(refund, transaction, cx)
            }
            (Event::NotCancelled, _) if !self.status.state().is_final() => {
                cx.check(Rule::CancelResponse, false);
                self.status.look_up_on_hint(cx);
            }
            _ => {}
        }
    }

    /// A request was done, although it had ended as not done. A new request for the same thing ends. For a creation, a
    /// person says whether it is ours.
    pub(super) fn made_after_all(&mut self, made: &AfterAll<Call>, event: Event, cx: &mut Cx<'_>) {
        match made.again.as_ref().map(|(id, call)| (id, &**call)) {
            Some((_, Call::CreateSubscription(_))) => self.not_created(cx),
            Some((id, Call::RefundPayment(refund))) => {
                self.refunds.end(id.intent(), refund, Outcome::Failed(Cause::Dropped), &mut self.ledger, cx);
            }
            _ => {}
        }
        if let (Event::Transaction(reply), Call::RefundPayment(refund)) = (event, &*made.call) {
            self.refunds.made_after_all(&made.id, refund, &reply, &mut self.ledger, cx);
        }
    }

    /// One sending of a request was refused, but another one may have succeeded.
    pub(super) fn on_one_refusal(&mut self, call: &Call, cx: &mut Cx<'_>) {
        if call.is_cancel() && !self.status.state().is_final() {
            self.status.look_up_on_hint(cx);
        }
    }

    /// A request was not done so far. It stays pending, unless it is no longer needed.
    pub(super) fn on_not_sent(&self, call: &Call, cx: &mut Cx<'_>) {
        if call.is_cancel() && self.status.state().is_final() {
            cx.withdraw(Call::is_cancel);
        }
    }

    /// Every sending of a request was refused, or a lookup denies the thing.
    pub(super) fn on_refusal(&mut self, id: &EffectId, call: &Call, cx: &mut Cx<'_>) {
        let Self { status, payment, refunds, ledger, .. } = self;
        match call {
            Call::CreateSubscription(_) => self.not_created(cx),
            Call::RetrieveSubscription(subscription) => match status.state() {
                SubscriptionState::Adopting => self.reset(cx),
                SubscriptionState::Requested => {
                    // A lookup denies the subscription that a reply has named.
                    if cx.deny(Call::is_create).is_some() {
                        self.not_created(cx);
                    }
                }
                SubscriptionState::Attested => status.ask_again(Review::GivenNotFound, cx),
                _ => status.on_not_found(subscription, cx),
            },
            Call::CancelSubscription(..) => {
                status.not_cancelled(cx);
                status.tell_of_refusal(cx);
            }
            Call::RefundPayment(refund) => {
                refunds.end(id.intent(), refund, Outcome::Failed(Cause::Refused), ledger, cx);
            }
            Call::FindTransactions(_) => ask_about_creation(cx),
            // Who told about that refund was wrong.
            Call::RetrieveRefund(_) => {}
            Call::RetrieveTransaction(_, intent) | Call::FindRefund(_, intent) => refunds.on_denied(intent, ledger, cx),
            Call::RetrievePayments(..) => payment.on_no_period(status.id(), cx),
        }
    }
}

/// The transactions of the order neither show nor deny a subscription. A person is asked at once, and can find it in
/// the back office.
fn ask_about_creation(cx: &mut Cx<'_>) {
    cx.ask_about(Call::is_create);
    cx.look_again(Call::is_create);
}
