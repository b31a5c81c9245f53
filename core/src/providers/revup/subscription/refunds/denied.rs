//! Refunds that ended as not done, and that Revup shows as done all the same.

use super::super::Cx;
use super::super::ledger::Ledger;
use super::{OpenRefund, Refunds, requested_amount};
use crate::flow::{Cause, Outcome, Reviews};
use crate::id::Intent;
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::calls::{Call, RefundPayment};
use crate::providers::revup::api::replies::{TransactionReply, TransactionStatus, TransactionsReply};
use crate::providers::revup::ids::TransactionId;
use crate::providers::revup::names::{Review, Verdict};

/// How many refunds that a person denied are kept with their transactions.
const REMEMBERED: usize = 8;

impl Refunds {
    /// A person says that an accepted refund did not happen. Revup may still show its transaction as done.
    pub(super) fn deny(&mut self, open: OpenRefund) {
        if self.denied.len() >= REMEMBERED {
            self.denied.remove(0);
        }
        self.denied.push(open);
    }

    /// Whether there is such a refund.
    pub(in super::super) const fn has_denied(&self) -> bool {
        !self.denied.is_empty()
    }

    /// A lookup shows the transactions of an order. One of them may be a refund that ended as not done.
    pub(in super::super) fn on_listed(&mut self, list: &TransactionsReply, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        self.ask_about_all_done(list, cx);
        let is_done = |it: &&TransactionReply| it.is_refund() && it.status == TransactionStatus::Success;
        for shown in list.all.iter().filter(is_done) {
            self.on_shown(&shown.id, shown.amount().and_then(|it| it.amount), ledger, cx);
        }
    }

    /// Revup shows a refund as done: by its transaction, and mostly with its amount.
    pub(in super::super) fn on_shown(
        &mut self,
        transaction: &TransactionId,
        amount: Option<Decimal>,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        if let Some(index) = self.denied.iter().position(|it| it.transaction == *transaction) {
            let denied = self.denied.remove(index);
            ledger.reserve(&denied.payment, denied.amount);
            self.take_back_new_try(&denied.intent, ledger, cx);
            self.intents.settle(denied.intent.as_str(), Outcome::Done);
            cx.ask(Review::MadeAfterAll.only(&[Verdict::Seen]), transaction);
            return self.keep_done(denied);
        }
        if let Some(amount) = amount
            && !(ledger.is_our_refund(transaction) || ledger.is_counted(transaction))
        {
            self.on_shown_amount(transaction, amount, ledger, cx);
        }
    }

    /// An unknown refund is done. It may be one that was sent and ended as not done, if the amount is the same.
    fn on_shown_amount(&mut self, transaction: &TransactionId, amount: Decimal, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        let has_amount = |refund: &RefundPayment| requested_amount(refund).equals(amount);
        let is_it = |call: &Call| matches!(call, Call::RefundPayment(refund) if has_amount(refund));
        // The lookup of a refund with an unknown outcome decides about that one.
        if cx.sent(is_it) {
            return;
        }
        // A person has said that the refund was done, and did not name its transaction.
        if cx.name_made(is_it, transaction.as_str()) {
            return ledger.note_our_refund(transaction);
        }
        let ask = Review::MadeAfterAll.only(&[Verdict::Seen]);
        let Ok(Some(made)) = cx.after_all(is_it, transaction, ask) else { return };
        let Call::RefundPayment(refund) = &*made.call else { return };
        if let Some((id, again)) = &made.again
            && let Call::RefundPayment(again) = &**again
        {
            self.end(id.intent(), again, Outcome::Failed(Cause::Dropped), ledger, cx);
        }
        ledger.note_our_refund(transaction);
        ledger.reserve(&refund.transaction_id, requested_amount(refund));
        self.intents.settle(made.id.intent(), Outcome::Done);
    }

    /// Withdraws the new try of a refund, unless a worker has sent it.
    fn take_back_new_try(&mut self, intent: &Intent, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        let is_again = |call: &Call| call.is_refund(intent.as_str());
        let again = cx.pending(is_again).filter(|it| !it.sent).map(|it| it.call.clone());
        if let Some(Call::RefundPayment(refund)) = again {
            cx.withdraw(is_again);
            self.end(intent.as_str(), &refund, Outcome::Failed(Cause::Dropped), ledger, cx);
        }
    }
}
