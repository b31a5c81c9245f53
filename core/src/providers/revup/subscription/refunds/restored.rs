//! Refunds that were requested after the row was restored from a backup. The same refund may have been made after the
//! backup was taken, and only the order's list of transactions shows it.

use super::super::ledger::Ledger;
use super::super::{Cx, Rules};
use super::{Refunds, requested_amount};
use crate::flow::Outcome;
use crate::id::{EffectId, Intent};
use crate::providers::revup::api::calls::{Call, REFUND, RefundPayment};
use crate::providers::revup::api::replies::{TransactionReply, TransactionStatus, TransactionsReply};
use crate::providers::revup::names::{Review, Verdict};

impl Refunds {
    /// After a backup was restored, the first try of a refund waits until the list of the order has been looked up.
    pub(super) fn check_first(&mut self, refund: &RefundPayment, intent: &Intent, number: u32, cx: &mut Cx<'_>) {
        if cx.is_restored() && number == 1 {
            self.unchecked.push(intent.clone());
            cx.look_up(Call::RetrieveTransaction(refund.transaction_id.clone(), intent.clone()));
        }
    }

    /// The refund that waits for the list of its order, or for a person.
    pub(in super::super) fn unchecked(&self, rules: &Rules<'_>) -> Option<&Intent> {
        self.unchecked.iter().find(|it| rules.pending(|call| call.is_refund(it.as_str())).is_some())
    }

    /// Whether the refund with that intent waits for the list of its order.
    pub(super) fn is_unchecked(&self, intent: &Intent) -> bool {
        self.unchecked.contains(intent)
    }

    /// A lookup shows the payment of such a refund. Its order leads to the list.
    pub(super) fn on_payment_of_unchecked(&self, intent: &Intent, reply: &TransactionReply, cx: &mut Cx<'_>) {
        match &reply.order {
            Some(order) => cx.look_up(Call::FindRefund(order.clone(), intent.clone())),
            None => ask_whether_made(intent, cx),
        }
    }

    /// The list of the order shows every refund of its payments. One of the same amount that the row does not know may be the
    /// requested one.
    pub(super) fn on_list_of_unchecked(
        &mut self,
        intent: &Intent,
        list: &TransactionsReply,
        ledger: &Ledger,
        cx: &mut Cx<'_>,
    ) {
        let is_it = |call: &Call| call.is_refund(intent.as_str());
        let Some(Call::RefundPayment(refund)) = cx.pending(is_it).map(|it| it.call.clone()) else { return };
        let is_unknown = |it: &&TransactionReply| it.is_refund() && !ledger.is_known_refund(&it.id);
        let may_be_it = |it: &TransactionReply| {
            let amount = it.amount().and_then(|money| money.amount).filter(|_| it.has_own_amount());
            it.status != TransactionStatus::Failed && amount.is_none_or(|it| it.equals(requested_amount(&refund)))
        };
        let has_payment = list.all.iter().any(|it| it.id == refund.transaction_id);
        if list.is_odd || !has_payment || list.all.iter().filter(is_unknown).any(may_be_it) {
            ask_whether_made(intent, cx);
        } else {
            self.unchecked.retain(|it| it != intent);
        }
    }

    /// A person says whether such a refund was made after the backup was taken.
    pub(in super::super) fn reviewed_unchecked(
        &mut self,
        about: &str,
        verdict: Verdict,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        let Some(intent) = self.unchecked.iter().find(|it| effect_of(it).as_str() == about).cloned() else { return };
        self.unchecked.retain(|it| *it != intent);
        let is_it = |call: &Call| call.is_refund(intent.as_str());
        let Some(Call::RefundPayment(refund)) = cx.pending(is_it).map(|it| it.call.clone()) else { return };
        if verdict == Verdict::Refunded {
            cx.withdraw(is_it);
            self.end(intent.as_str(), &refund, Outcome::Done, ledger, cx);
            self.claim(&effect_of(&intent), &refund, ledger, cx);
        }
    }
}

/// The effect of the first try of a refund.
fn effect_of(intent: &Intent) -> EffectId {
    EffectId::of_intent(REFUND.name, intent, 1)
}

/// Nothing shows whether the refund was made after the backup was taken, so a person is asked.
pub(super) fn ask_whether_made(intent: &Intent, cx: &mut Cx<'_>) {
    cx.ask(Review::RefundBeforeRestore, &effect_of(intent));
}
