//! The dispatch of verdicts: what a person says of a request, of a subscription, or of a wait.

use super::status::SubscriptionState;
use super::{Cx, Subscription};
use crate::id::EffectId;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::names::{Review, Verdict};
use crate::time::Timestamp;

impl Subscription {
    /// A person said what has become of a request, or gave it up: it is over. `named` is the id that the verdict names.
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
                (Some(Verdict::Created), Some(named)) => status.attest(named, cx),
                (Some(Verdict::NotCreated), _) => self.not_created(cx),
                _ => self.vanish(cx),
            },
            Call::CancelSubscription(..) if verdict == Some(Verdict::Cancelled) => {
                status.end(SubscriptionState::Cancelled, payment, cx);
                // A lookup would show otherwise.
                status.confirm(cx);
            }
            Call::CancelSubscription(..) => status.not_cancelled(cx),
            Call::RefundPayment(refund) => {
                let is_done = verdict == Some(Verdict::Refunded);
                refunds.attest(id.intent(), refund, is_done, named, ledger, cx);
            }
            Call::RetrieveSubscription(_) => self.unanswered(cx),
            Call::RetrievePayments(..) => {
                payment.stop_measuring(status.id(), cx);
                status.settle(payment, cx);
            }
            Call::FindTransactions(_) => cx.ask_about(Call::is_create),
            Call::RetrieveTransaction(_, intent) | Call::FindRefund(_, intent) => refunds.given_up(intent, cx),
        }
    }

    /// Nobody answers the lookup of the subscription, and a person waits no longer.
    fn unanswered(&mut self, cx: &mut Cx<'_>) {
        match self.status.state() {
            SubscriptionState::Adopting => self.vanish(cx),
            SubscriptionState::Requested => cx.ask_about(Call::is_create),
            SubscriptionState::Attested => self.status.doubt(Review::GivenNotFound, cx),
            SubscriptionState::Awaiting => self.status.stop_waiting(cx),
            _ => self.status.settle(&mut self.payment, cx),
        }
    }

    /// A person answers a question of the flow's own; `named` is the id that the verdict names.
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
                payment.attest_period(named.and_then(Timestamp::parse_iso), status, cx);
                if status.is_plainly_fulfilled() {
                    status.settle(payment, cx);
                }
            }
            (Review::RefundUnfinished, _) => refunds.unfinished(about, verdict, ledger, cx),
            // Somebody has seen it: what an event or a late reply has named is confirmed like any other's word.
            (Review::MadeAfterAll, Verdict::Ours | Verdict::Seen)
                if status.state() == SubscriptionState::Absent && terms.is_on_token() =>
            {
                status.attest(about, cx);
            }
            (Review::MadeAfterAll, _) => status.forget_named(),
            (Review::OrderMismatch, Verdict::Ours) => {
                status.release();
                payment.grant(status, cx);
                payment.measure(status, cx);
            }
            (_, Verdict::Created) => {
                if let Some(named) = named {
                    status.attest(named, cx);
                }
            }
            (_, Verdict::NotCreated) => self.not_created(cx),
            (_, Verdict::Ended) => status.end(SubscriptionState::Cancelled, payment, cx),
            (_, Verdict::Live) => status.attest_live(payment, cx),
            (Review::NoSignal, Verdict::KeepWaiting | Verdict::StopWaiting) => status.wait_or_stop(verdict, cx),
            // What is known stays.
            _ => {}
        }
    }

    /// A person says that there is no subscription. An event that names the order can still tell otherwise.
    fn not_created(&mut self, cx: &mut Cx<'_>) {
        let terms = self.terms.clone();
        self.vanish(cx);
        self.terms = terms;
    }
}
