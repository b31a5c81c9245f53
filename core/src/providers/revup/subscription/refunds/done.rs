//! Refunds that Revup has shown as done, and that it shows as failed later: the customer has not got the money.

use super::super::Cx;
use super::super::ledger::Ledger;
use super::{OpenRefund, Refunds, attested, requested_amount};
use crate::fact::Origin;
use crate::id::EffectId;
use crate::providers::revup::api::calls::{Call, RefundPayment};
use crate::providers::revup::api::notification::Notification;
use crate::providers::revup::api::replies::{TransactionReply, TransactionStatus, TransactionsReply};
use crate::providers::revup::ids::TransactionId;
use crate::providers::revup::names::{Review, Verdict};

/// How many done refunds are kept with their transactions.
const REMEMBERED: usize = 4;

impl Refunds {
    /// Revup has shown a refund of ours as done. It may still show its transaction as failed.
    pub(super) fn keep_done(&mut self, done: OpenRefund) {
        self.done.retain(|it| it.transaction != done.transaction);
        if self.done.len() >= REMEMBERED {
            self.done.remove(0);
        }
        self.done.push(done);
    }

    /// A person says that a refund of ours is done, and names its transaction.
    pub(super) fn keep_named(
        &mut self,
        id: &EffectId,
        refund: &RefundPayment,
        transaction: TransactionId,
        cx: &mut Cx<'_>,
    ) {
        cx.learn(&transaction);
        let done = OpenRefund::of(id, refund, transaction, requested_amount(refund), cx);
        done.into_iter().for_each(|it| self.keep_done(it));
    }

    /// A person says that a refund of ours is done, and names no transaction. A shown one may be it.
    pub(super) fn claim(&mut self, id: &EffectId, refund: &RefundPayment, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        if let Some(transaction) = ledger.claim(&refund.transaction_id, requested_amount(refund)) {
            self.keep_named(id, refund, transaction, cx);
        }
    }

    /// Evidence shows a done refund as failed, so a person says which is true.
    pub(super) fn ask_if_done(&self, shown: &TransactionReply, cx: &mut Cx<'_>) {
        let done = self.done.iter().find(|it| it.transaction == shown.id);
        if let Some(done) = done.filter(|_| shown.status == TransactionStatus::Failed) {
            cx.ask(Review::RefundContradiction, &done.request);
        }
    }

    /// The same for each transaction of an order.
    pub(super) fn ask_about_all_done(&self, list: &TransactionsReply, cx: &mut Cx<'_>) {
        for shown in &list.all {
            self.ask_if_done(shown, cx);
        }
    }

    /// A notification says that a done refund has failed. Without proof, the transaction is looked up. Returns whether the
    /// notification is about such a refund.
    pub(super) fn on_late_failure(&self, notification: &Notification, origin: Origin, cx: &mut Cx<'_>) -> bool {
        let Some(done) = self.done.iter().find(|it| it.transaction == notification.transaction) else { return false };
        if notification.status != TransactionStatus::Failed {
            return false;
        }
        match origin {
            Origin::Verified => cx.ask(Review::RefundContradiction, &done.request),
            _ => cx.look_up(Call::RetrieveTransaction(done.transaction.clone(), done.intent.clone())),
        }
        true
    }

    /// A person says whether the money of a done refund went back. If not, the refund can be requested again, and Revup may
    /// still show it as done.
    pub(in super::super) fn reviewed_done(&mut self, about: &str, verdict: Verdict, ledger: &mut Ledger) {
        let Some(index) = self.done.iter().position(|it| it.request.as_str() == about) else { return };
        let done = self.done.remove(index);
        if verdict != Verdict::Refunded {
            self.intents.settle(done.intent.as_str(), attested(false));
            ledger.release(&done.payment, done.amount);
            self.deny(done);
        }
    }
}
