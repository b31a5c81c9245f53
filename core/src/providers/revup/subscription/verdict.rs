//! The dispatch of verdicts: about a request, about the subscription, or about a wait.

use super::status::SubscriptionState;
use super::{Cx, Subscription};
use crate::id::EffectId;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::{Review, Verdict};
use crate::time::Timestamp;

impl Subscription {
    /// A person says what has become of a request, or gives the request up. The request is over. `named` is the id that
    /// the verdict names.
    pub(super) fn resolved(
        &mut self,
        id: &EffectId,
        call: &Call,
        verdict: Option<Verdict>,
        named: Option<&str>,
        cx: &mut Cx<'_>,
    ) {
        let Self { status, payment, refunds, ledger, .. } = self;
        match call {
            Call::CreateSubscription(_) => match (verdict, named) {
                (Some(Verdict::Created), Some(id)) => status.attest(id, cx),
                (Some(Verdict::NotCreated), _) => self.not_created(cx),
                _ => self.reset(cx),
            },
            Call::CancelSubscription(..) if verdict == Some(Verdict::Cancelled) => {
                status.end(SubscriptionState::Cancelled, payment, cx);
                // A lookup shows whether that is wrong.
                status.look_up(cx);
            }
            Call::CancelSubscription(..) => {
                status.not_cancelled(cx);
                status.tell_of_refusal(cx);
            }
            Call::RefundPayment(refund) => {
                let is_done = verdict == Some(Verdict::Refunded);
                refunds.attest(id, refund, is_done, named, ledger, cx);
            }
            Call::RetrieveSubscription(_) => self.lookup_given_up(cx),
            Call::RetrievePayments(..) => {
                payment.stop_period_lookups(status.id(), cx);
                status.settle(payment, cx);
            }
            Call::FindTransactions(_) => cx.ask_about(Call::is_create),
            Call::RetrieveRefund(_) => {}
            Call::RetrieveTransaction(_, intent) | Call::FindRefund(_, intent) => {
                refunds.on_lookup_given_up(intent, cx)
            }
        }
    }

    /// A person gave up the lookup of the subscription.
    fn lookup_given_up(&mut self, cx: &mut Cx<'_>) {
        match self.status.state() {
            SubscriptionState::Adopting => self.reset(cx),
            SubscriptionState::Requested => cx.ask_about(Call::is_create),
            SubscriptionState::Attested => self.status.ask_again(Review::GivenNotFound, cx),
            SubscriptionState::Awaiting => self.status.stop_waiting(cx),
            _ => self.status.settle(&mut self.payment, cx),
        }
    }

    /// A person answers a review of the flow. `named` is the id that the verdict names.
    pub(super) fn reviewed(
        &mut self,
        review: Review,
        verdict: Verdict,
        about: &str,
        named: Option<&str>,
        cx: &mut Cx<'_>,
    ) {
        let Self { terms, status, payment, refunds, ledger, .. } = self;
        match (review, verdict) {
            (Review::NoPeriodEnd, _) => {
                payment.attest_period(named.and_then(Timestamp::parse_iso_end), status, cx);
                if status.is_plainly_fulfilled() {
                    status.settle(payment, cx);
                }
            }
            (Review::RefundBeforeRestore, _) => refunds.reviewed_unchecked(about, verdict, ledger, cx),
            (Review::Disputed | Review::Refunded, Verdict::EndAccess) => payment.end_access(status, cx),
            (Review::RefundContradiction, _) => refunds.reviewed_done(about, verdict, ledger),
            (Review::RefundUnfinished, _) => refunds.reviewed_unfinished(about, verdict, ledger, cx),
            // The person has seen the event or the late reply. A lookup confirms the id in it, as for any id from a
            // verdict.
            (Review::MadeAfterAll, Verdict::Ours | Verdict::Seen)
                if status.state() == SubscriptionState::Absent && terms.is_on_token() =>
            {
                cx.correct(Call::is_create, None, Some(about));
                status.attest(about, cx);
            }
            (Review::MadeAfterAll, verdict) => {
                status.forget_named();
                if let (Verdict::NotOurs, Ok(id)) = (verdict, SubscriptionId::parse(about)) {
                    terms.disown(id);
                }
            }
            (Review::OrderMismatch, Verdict::Ours) => {
                status.release();
                payment.grant_access(status, cx);
                payment.look_up_period(status, cx);
            }
            (Review::OrderMismatch, Verdict::NotOurs) => {
                if let Some(id) = status.id().cloned().filter(|id| id.as_str() == about) {
                    cx.correct(Call::is_create, Some(about), None);
                    terms.disown(id);
                    self.not_created(cx);
                }
            }
            (_, Verdict::Created) => {
                if let Some(id) = named {
                    cx.correct(Call::is_create, Some(about), Some(id));
                    status.attest(id, cx);
                }
            }
            (_, Verdict::NotCreated) => {
                cx.correct(Call::is_create, Some(about), None);
                self.not_created(cx);
            }
            // The person has looked at the charges.
            (_, Verdict::Ended) => status.end_as_attested(payment, cx),
            (_, Verdict::Live) => status.attest_live(payment, cx),
            (Review::NoSignal, Verdict::KeepWaiting | Verdict::StopWaiting) => status.wait_or_stop(verdict, cx),
            // The state does not change.
            _ => {}
        }
    }

    /// Revup, a lookup or a person says that there is no subscription. A message that names the order, or a late reply, can
    /// still show the opposite.
    pub(super) fn not_created(&mut self, cx: &mut Cx<'_>) {
        let terms = self.terms.clone();
        self.reset(cx);
        self.terms = terms;
    }
}
