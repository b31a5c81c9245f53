//! Lookups of refunds: of those whose reply was lost, and of those that Revup has not finished.

use super::super::Cx;
use super::super::ledger::Ledger;
use super::{Refunds, other_amount};
use crate::effect::Call as _;
use crate::id::Intent;
use crate::providers::revup::api::calls::{Call, RefundPayment};
use crate::providers::revup::api::payments::Made;
use crate::providers::revup::api::replies::{TransactionSeen, TransactionStatus, TransactionsSeen};
use crate::providers::revup::ids::TransactionId;
use crate::providers::revup::names::Review;
use crate::time::{Millis, Timestamp};

/// By how much Revup's clock may be behind ours.
const SKEW: Millis = Millis::from_minutes(5);

impl Refunds {
    /// Money is told to go back: every refund that is not over is looked up. Whether there is any.
    pub(in super::super) fn look_at_all(&mut self, cx: &mut Cx<'_>) -> bool {
        let now = cx.now();
        for open in &mut self.open {
            open.watch.returned(now);
            open.plan(cx);
        }
        let lost = cx.all_sent(|call| matches!(call, Call::RefundPayment(_)));
        for call in &lost {
            if let Some(look_up) = call.outcome_lookup() {
                cx.look_up(look_up);
            }
        }
        !(lost.is_empty() && self.open.is_empty())
    }

    /// A lookup shows a transaction: the refund's own, or the payment's, whose order lists its refunds.
    pub(in super::super) fn read(
        &mut self,
        of: &Intent,
        reply: &TransactionSeen,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        if let Some(index) = self.open.iter().position(|it| it.intent == *of) {
            return self.follow(index, reply, ledger, cx);
        }
        let Some((_, refund)) = lost(of, cx) else { return };
        if reply.id != refund.transaction_id {
            // Its own id came with a reply that proved nothing.
            return if reply.is_a_refund() { self.found(of, reply, ledger, cx) } else { ask(of, cx) };
        }
        if let Some(amount) = reply.money.amount.filter(|_| reply.status == TransactionStatus::Success) {
            let (transaction, currency) = (reply.id.clone(), reply.money.currency.clone());
            ledger.note(Made { transaction, amount, currency, payment: None }, true);
        }
        match &reply.order {
            Some(order) => cx.look_up(Call::FindRefund(order.clone(), of.clone())),
            // Nothing leads from the payment to its refunds.
            None => ask(of, cx),
        }
    }

    /// A lookup shows the transaction of a refund that is under way.
    fn follow(&mut self, index: usize, reply: &TransactionSeen, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        let Some(open) = self.open.get_mut(index) else { return };
        let is_own =
            reply.id == open.transaction && (reply.is_a_refund() || reply.id != open.payment && reply.kind.is_none());
        match reply.status {
            TransactionStatus::Success if is_own => {
                let (payment, asked) = (open.payment.clone(), open.amount);
                if reply.money.amount.and_then(|it| it.at_most(asked)) == Some(false) {
                    other_amount(&payment, asked, reply, ledger, cx);
                }
                self.close(index, true, ledger, cx);
            }
            TransactionStatus::Failed if is_own => self.close(index, false, ledger, cx),
            _ => {
                open.watch.looked(cx.leased_at());
                open.plan(cx);
            }
        }
    }

    /// A lookup shows the transactions of the payment's order: the refund is the new one that gives back what was asked for.
    pub(in super::super) fn listed(
        &mut self,
        of: &Intent,
        list: &TransactionsSeen,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        // What turns out to be ours is taken out again once it is known by its transaction.
        ledger.count(list);
        let Some((first_at, refund)) = lost(of, cx) else { return };
        let since = first_at.as_millis().saturating_sub(SKEW.as_u64().cast_signed());
        let (mut is_odd, mut found) = (list.odd, None);
        let others = |it: &&TransactionSeen| it.is_a_refund() && it.id != refund.transaction_id;
        for other in list.all.iter().filter(others).filter(|it| !ledger.knows(&it.id)) {
            match fits(other, &refund, since) {
                Some(true) if found.is_some() => return ask(of, cx),
                Some(true) => found = Some(other),
                Some(false) => {}
                None => is_odd = true,
            }
        }
        match found {
            Some(reply) => self.found(of, reply, ledger, cx),
            // A list that may lack an entry denies nothing, nor does one without the payment itself.
            None if is_odd || !list.all.iter().any(|it| it.id == refund.transaction_id) => {
                cx.look_again(|call| call.is_refund(of.as_str()));
            }
            None => self.denied(of, ledger, cx),
        }
    }

    /// A lookup shows the refund: the request was done, whatever has become of the money.
    fn found(&mut self, of: &Intent, reply: &TransactionSeen, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        if let Some((id, call)) = cx.prove(|call| call.is_refund(of.as_str()), Some(reply.id.as_str()))
            && let Call::RefundPayment(refund) = &*call
        {
            self.made(&id, refund, reply, ledger, cx);
        }
    }

    /// A lookup denies the refund, or its transaction.
    pub(in super::super) fn denied(&mut self, of: &Intent, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        if let Some(open) = self.open.iter_mut().find(|it| it.intent == *of) {
            // Revup has named it before.
            open.watch.looked(cx.leased_at());
            open.plan(cx);
            return;
        }
        if let Some((id, call)) = cx.deny(|call| call.is_refund(of.as_str()))
            && let Call::RefundPayment(refund) = &*call
        {
            self.end(id.intent(), refund, false, ledger, cx);
        }
    }

    /// A person gave a lookup for a refund up.
    pub(in super::super) fn given_up(&self, of: &Intent, cx: &mut Cx<'_>) {
        match self.open.iter().find(|it| it.intent == *of) {
            Some(open) => cx.ask(Review::RefundUnfinished, open.of.as_str()),
            None => ask(of, cx),
        }
    }
}

/// The reply to a refund proves nothing, and still names its transaction: a lookup by its id tells more than a search.
pub(in super::super) fn named(refund: &RefundPayment, transaction: TransactionId, cx: &mut Cx<'_>) {
    let Some(intent) = refund.intent.clone() else { return };
    cx.withdraw(|call| call.is_of_refund(intent.as_str()));
    cx.learn(transaction.as_str());
    cx.look_up(Call::RetrieveTransaction(transaction, intent));
}

/// Whether a refund gives back what was asked for, and was made since; nothing where it does not say.
fn fits(shown: &TransactionSeen, asked: &RefundPayment, since: i64) -> Option<bool> {
    let is_amount = shown.money.amount?.is(asked.amount.decimal()?);
    let is_currency = shown.money.currency.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(&asked.currency));
    if !is_amount || !is_currency {
        return Some(false);
    }
    Some(shown.created?.as_millis() >= since)
}

/// Nothing more can be found out about a refund: a person is asked.
fn ask(of: &Intent, cx: &mut Cx<'_>) {
    cx.ask_about(|call| call.is_refund(of.as_str()));
}

/// A refund whose outcome is unknown, and when it was begun first.
fn lost(of: &Intent, cx: &Cx<'_>) -> Option<(Timestamp, RefundPayment)> {
    let pending = cx.pending(|call| call.is_refund(of.as_str())).filter(|it| it.sent)?;
    match pending.call {
        Call::RefundPayment(refund) => Some((pending.first_at?, (**refund).clone())),
        _ => None,
    }
}
