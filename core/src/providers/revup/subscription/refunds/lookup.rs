//! Lookups of refunds: of those with a lost reply, and of those that Revup has not finished.

use super::super::Cx;
use super::super::ledger::Ledger;
use super::{Refunds, other_amount};
use crate::effect::Call as _;
use crate::id::Intent;
use crate::providers::revup::api::calls::{Call, RefundPayment};
use crate::providers::revup::api::payments::MadePayment;
use crate::providers::revup::api::replies::{TransactionReply, TransactionStatus, TransactionsReply};
use crate::providers::revup::ids::TransactionId;
use crate::providers::revup::names::Review;
use crate::time::{Millis, Timestamp};

/// How far Revup's clock may be behind ours.
const SKEW: Millis = Millis::from_minutes(5);

impl Refunds {
    /// A message reports a refund, so every refund that is not over is looked up. Returns whether there is one.
    pub(in super::super) fn look_up_all(&mut self, cx: &mut Cx<'_>) -> bool {
        let now = cx.now();
        for open in &mut self.open {
            open.timer.returned(now);
            open.schedule_lookup(cx);
        }
        let pending = cx.all_sent(|call| matches!(call, Call::RefundPayment(_)));
        for call in &pending {
            if let Some(lookup) = call.outcome_lookup() {
                cx.look_up(lookup);
            }
        }
        !(pending.is_empty() && self.open.is_empty())
    }

    /// A lookup shows a transaction: the one of the refund, or the one of the payment, whose order lists the refunds.
    pub(in super::super) fn on_lookup(
        &mut self,
        intent: &Intent,
        reply: &TransactionReply,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        if let Some(index) = self.open.iter().position(|it| it.intent == *intent) {
            return self.update_open(index, reply, ledger, cx);
        }
        let Some((_, refund)) = lost_refund(intent, cx) else { return };
        if reply.id != refund.transaction_id {
            // The id came from a reply that proved nothing.
            return if reply.is_refund() {
                self.prove(intent, reply, ledger, cx)
            } else {
                ask_about_refund(intent, cx)
            };
        }
        if let Some(amount) = reply.money.amount.filter(|_| reply.status == TransactionStatus::Success) {
            let (transaction, currency) = (reply.id.clone(), reply.money.currency.clone());
            ledger.note(MadePayment { transaction, amount, currency, payment: None }, true);
        }
        match &reply.order {
            Some(order) => cx.look_up(Call::FindRefund(order.clone(), intent.clone())),
            // Without the order, no lookup leads from the payment to its refunds.
            None => ask_about_refund(intent, cx),
        }
    }

    /// A lookup shows the transaction of an unfinished refund.
    fn update_open(&mut self, index: usize, reply: &TransactionReply, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        let Some(open) = self.open.get_mut(index) else { return };
        let is_own =
            reply.id == open.transaction && (reply.is_refund() || reply.id != open.payment && reply.kind.is_none());
        match reply.status {
            TransactionStatus::Success if is_own => {
                let (payment, requested) = (open.payment.clone(), open.amount);
                if reply.money.amount.and_then(|it| it.at_most(requested)) == Some(false) {
                    other_amount(&payment, requested, reply, ledger, cx);
                }
                self.close(index, true, ledger, cx);
            }
            TransactionStatus::Failed if is_own => {
                self.close(index, false, ledger, cx);
            }
            _ => {
                open.timer.looked(cx.leased_at());
                open.schedule_lookup(cx);
            }
        }
    }

    /// A lookup shows the transactions of the payment's order. Our refund is the new one with the requested amount.
    pub(in super::super) fn on_list(
        &mut self,
        intent: &Intent,
        list: &TransactionsReply,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        self.on_listed(list, ledger, cx);
        // A refund that turns out to be ours is removed again once its transaction is known.
        ledger.count_transactions(list);
        let Some((first_at, refund)) = lost_refund(intent, cx) else { return };
        let since = first_at.as_millis().saturating_sub(SKEW.as_u64().cast_signed());
        let (mut is_odd, mut found) = (list.is_odd, None);
        let is_refund = |it: &&TransactionReply| it.is_refund() && it.id != refund.transaction_id;
        for refund_shown in list.all.iter().filter(is_refund).filter(|it| !ledger.is_our_refund(&it.id)) {
            match fits(refund_shown, &refund, since) {
                Some(true) if found.is_some() => return ask_about_refund(intent, cx),
                Some(true) => found = Some(refund_shown),
                Some(false) => {}
                None => is_odd = true,
            }
        }
        match found {
            Some(reply) => self.prove(intent, reply, ledger, cx),
            // A list that may lack an entry denies nothing. A list without the payment denies nothing either.
            None if is_odd || !list.all.iter().any(|it| it.id == refund.transaction_id) => {
                cx.look_again(|call| call.is_refund(intent.as_str()));
            }
            None => self.on_denied(intent, ledger, cx),
        }
    }

    /// A lookup shows the refund, so its request was done. The refund itself may have failed.
    fn prove(&mut self, intent: &Intent, reply: &TransactionReply, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        if let Some((id, call)) = cx.prove(|call| call.is_refund(intent.as_str()), Some(reply.id.as_str()))
            && let Call::RefundPayment(refund) = &*call
        {
            self.on_transaction(&id, refund, reply, ledger, cx);
        }
    }

    /// A lookup denies the refund or its transaction.
    pub(in super::super) fn on_denied(&mut self, intent: &Intent, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        if let Some(open) = self.open.iter_mut().find(|it| it.intent == *intent) {
            // Revup has named the transaction before, so the denial does not count.
            open.timer.looked(cx.leased_at());
            open.schedule_lookup(cx);
            return;
        }
        if let Some((id, call)) = cx.deny(|call| call.is_refund(intent.as_str()))
            && let Call::RefundPayment(refund) = &*call
        {
            self.end(id.intent(), refund, false, ledger, cx);
        }
    }

    /// A person gave up the lookup of a refund.
    pub(in super::super) fn on_lookup_given_up(&self, intent: &Intent, cx: &mut Cx<'_>) {
        match self.open.iter().find(|it| it.intent == *intent) {
            Some(open) => cx.ask(Review::RefundUnfinished, &open.request),
            None => ask_about_refund(intent, cx),
        }
    }
}

/// The reply to a refund proves nothing, but names its transaction. A lookup by its id shows more than the transactions
/// of the order.
pub(in super::super) fn on_named(refund: &RefundPayment, transaction: TransactionId, cx: &mut Cx<'_>) {
    let Some(intent) = refund.intent.clone() else { return };
    cx.withdraw(|call| call.is_refund_lookup(intent.as_str()));
    cx.learn(&transaction);
    cx.look_up(Call::RetrieveTransaction(transaction, intent));
}

/// Whether the shown refund has the requested amount and was made after the request. The result is `None` if Revup does
/// not say.
fn fits(shown: &TransactionReply, requested: &RefundPayment, since: i64) -> Option<bool> {
    let is_amount = shown.money.amount?.equals(requested.amount.decimal()?);
    let is_currency = shown.money.currency.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(&requested.currency));
    if !is_amount || !is_currency {
        return Some(false);
    }
    Some(shown.created?.as_millis() >= since)
}

/// No lookup can show more about a refund, so a person is asked.
fn ask_about_refund(intent: &Intent, cx: &mut Cx<'_>) {
    cx.ask_about(|call| call.is_refund(intent.as_str()));
}

/// A sent refund without a known outcome, and when it was first leased.
fn lost_refund(intent: &Intent, cx: &Cx<'_>) -> Option<(Timestamp, RefundPayment)> {
    let pending = cx.pending(|call| call.is_refund(intent.as_str())).filter(|it| it.sent)?;
    match pending.call {
        Call::RefundPayment(refund) => Some((pending.first_at?, (**refund).clone())),
        _ => None,
    }
}
