//! Lookups of refunds: of those with a lost reply, and of those that Revup has not finished.

use super::super::Cx;
use super::super::ledger::Ledger;
use super::{Refunds, other_amount, restored};
use crate::effect::Call as _;
use crate::flow::{Cause, Outcome};
use crate::id::Intent;
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::calls::{Call, RefundPayment};
use crate::providers::revup::api::payments::{MadePayment, Tried};
use crate::providers::revup::api::replies::{Created, TransactionReply, TransactionStatus, TransactionsReply};
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
        self.ask_if_done(reply, cx);
        if self.is_unchecked(intent) {
            return self.on_payment_of_unchecked(intent, reply, cx);
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
        let tried = Tried::by(Some(reply.status.clone()));
        if let Some(amount) = reply.money.amount.filter(|_| tried != Tried::Unsaid) {
            let (transaction, currency) = (reply.id.clone(), reply.money.currency.clone());
            ledger.note(MadePayment { transaction, amount, currency, payment: None, tried }, true);
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
                self.close_shown(index, true, ledger, cx);
            }
            TransactionStatus::Failed if is_own => self.close_shown(index, false, ledger, cx),
            _ => {
                open.timer.looked(cx.leased_at());
                open.schedule_lookup(cx);
            }
        }
    }

    /// A lookup shows the transactions of the payment's order. Our refund is the new one with the requested amount. A new one
    /// that may be ours is never a denial.
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
        if self.is_unchecked(intent) {
            return self.on_list_of_unchecked(intent, list, ledger, cx);
        }
        let Some((first_at, refund)) = lost_refund(intent, cx) else { return ledger.note_shown(list, cx) };
        let since = first_at.before(SKEW);
        let (mut is_odd, mut is_unclear, mut found) = (list.is_odd, false, None);
        let is_refund = |it: &&TransactionReply| it.is_refund() && it.id != refund.transaction_id;
        for shown in list.all.iter().filter(is_refund).filter(|it| !ledger.is_known_refund(&it.id)) {
            match fit(shown, &refund, since) {
                Fit::Ours if found.is_some() => return ask_about_refund(intent, cx),
                Fit::Ours => found = Some(shown),
                Fit::Another => {}
                Fit::Unsaid => is_odd = true,
                Fit::Unclear => is_unclear = true,
            }
        }
        match found {
            // If the one that failed is another one, an entry that is not clear may be ours.
            Some(reply) if !(is_unclear || is_odd) || reply.status == TransactionStatus::Success => {
                self.prove(intent, reply, ledger, cx);
                ledger.note_shown(list, cx);
            }
            // The list may show the refund, so it is not denied.
            _ if is_unclear => cx.doubt(|call| call.is_refund(intent.as_str())),
            // A list that may lack an entry denies nothing. A list without the payment denies nothing either.
            _ if is_odd || !list.all.iter().any(|it| it.id == refund.transaction_id) => {
                cx.look_again(|call| call.is_refund(intent.as_str()));
            }
            _ => self.on_denied(intent, ledger, cx),
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
        if self.is_unchecked(intent) {
            return restored::ask_whether_made(intent, cx);
        }
        if let Some((id, call)) = cx.deny(|call| call.is_refund(intent.as_str()))
            && let Call::RefundPayment(refund) = &*call
        {
            self.end(id.intent(), refund, Outcome::Failed(Cause::NotMade), ledger, cx);
        }
    }

    /// A person gave up the lookup of a refund.
    pub(in super::super) fn on_lookup_given_up(&self, intent: &Intent, cx: &mut Cx<'_>) {
        match self.open.iter().find(|it| it.intent == *intent) {
            Some(open) => cx.ask(Review::RefundUnfinished, &open.request),
            None if self.is_unchecked(intent) => restored::ask_whether_made(intent, cx),
            None => ask_about_refund(intent, cx),
        }
    }
}

/// The reply to a refund proves nothing, but names its transaction. A lookup by its id shows more than the transactions
/// of the order.
pub(in super::super) fn on_named(refund: &RefundPayment, transaction: TransactionId, cx: &mut Cx<'_>) {
    let Some(intent) = refund.intent.clone() else { return };
    cx.learn(&transaction);
    let lookup = Call::RetrieveTransaction(transaction, intent.clone());
    // The same reply once more changes nothing.
    cx.withdraw(|call| call.is_refund_lookup(intent.as_str()) && *call != lookup);
    cx.look_up(lookup);
}

/// Whether a refund that no lookup had shown before the request was sent is the requested one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fit {
    /// It is the requested one.
    Ours,
    /// It is another one, because it has another amount.
    Another,
    /// Revup does not say the amount, or does not say the time. A later lookup may show it.
    Unsaid,
    /// Only a person can say it. A time never shows that a refund is another one: a clock can be wrong, and a date or a
    /// local time is no instant.
    Unclear,
}

/// Compares a shown refund with the requested one, which was first leased a little after `since`.
fn fit(shown: &TransactionReply, requested: &RefundPayment, since: Timestamp) -> Fit {
    let (Some(money), Some(wanted)) = (shown.amount(), requested.amount.decimal()) else { return Fit::Unsaid };
    if money.amount.is_none_or(Decimal::is_negative) {
        return Fit::Unsaid;
    }
    if !money.amount.is_some_and(|it| it.equals(wanted)) {
        // The money of an order may be that of the order, and not that of the refund.
        return if shown.has_own_amount() { Fit::Another } else { Fit::Unclear };
    }
    let is_currency = money.currency.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(&requested.currency));
    match shown.created {
        Created::At(at) if is_currency && at >= since => Fit::Ours,
        Created::Unsaid if is_currency => Fit::Unsaid,
        _ => Fit::Unclear,
    }
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
