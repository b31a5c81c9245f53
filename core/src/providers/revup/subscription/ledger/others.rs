//! The refunds that this flow did not request, such as those of the back office.

use alloc::vec::Vec;

use super::lines::{OtherRefund, PaidTransaction, Proof};
use super::name::{Name, Short};
use super::{Ledger, Payment, RECENT, shorten};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::event::EventWebhook;
use crate::providers::revup::api::notification::TransactionType;
use crate::providers::revup::api::replies::{TransactionReply, TransactionStatus, TransactionsReply};
use crate::providers::revup::ids::TransactionId;

impl Ledger {
    /// The refunds of a payment that this flow did not request, and whether all of them surely belong to it. A refund
    /// of an unknown payment may belong to any payment whose name is unknown.
    pub(super) fn other_refunds(&self, payment: &Payment<'_>) -> (Vec<Decimal>, bool) {
        let is_of = |it: &PaidTransaction, name: Short| {
            it.transaction.short() == name || it.payment.as_ref().is_some_and(|it| it.short() == name)
        };
        let (mut all, mut are_certain) = (Vec::new(), true);
        for (of, amount) in self.others.iter().filter_map(OtherRefund::counts) {
            let (name, is_certain) = (of.short(), payment.has(of));
            if is_certain || (!payment.is_named && !self.paid.iter().any(|paid| is_of(paid, name))) {
                all.push(amount);
                are_certain &= is_certain;
            }
        }
        (all, are_certain)
    }

    /// Notes a refund that this flow did not request, once, however often it is reported.
    pub(super) fn note_other(&mut self, by: &TransactionId, of: Option<Name>, amount: Option<Decimal>, proved: bool) {
        let amount = amount.map(Decimal::plain);
        if self.is_our_refund(by) || amount.is_some_and(Decimal::is_negative) {
            return;
        }
        let proof = if proved { Proof::Shown } else { Proof::Told };
        let transaction = Name::of(by.as_str());
        let short = transaction.short();
        match self.others.iter_mut().find(|it| it.transaction.is(&transaction, short)) {
            Some(known) if known.proof != Proof::Told && !proved => {}
            Some(known) => {
                known.of = of.or_else(|| known.of.take());
                known.amount = amount.or(known.amount);
                known.proof = known.proof.max(proof);
            }
            None => {
                self.others.push(OtherRefund { transaction, of, amount, proof });
                // An unproved refund does not count, and anyone can report one. So only a few are kept.
                let is_unproved = |it: &&OtherRefund| it.proof == Proof::Told;
                if self.others.iter().filter(is_unproved).count() > RECENT
                    && let Some(oldest) = self.others.iter().position(|it| is_unproved(&it))
                {
                    self.others.remove(oldest);
                }
                shorten(&mut self.others, OtherRefund::shorten);
            }
        }
    }

    /// An event lists refunds. With proof, the refunds that are not ours count at once. Returns those that did not count
    /// yet.
    pub(in super::super) fn count_listed(&mut self, event: &EventWebhook, is_proved: bool) -> Vec<TransactionId> {
        let payment = event.payment_name();
        let mut new = Vec::new();
        for (transaction, amount) in event.refunds() {
            let is_new = !(self.is_our_refund(&transaction) || self.is_counted(&transaction));
            self.note_other(&transaction, payment.as_deref().map(Name::of), amount, is_proved);
            new.extend(is_new.then_some(transaction));
        }
        new
    }

    /// A lookup shows the transactions of an order. Its refunds that are not ours count, unless they have failed.
    pub(in super::super) fn count_transactions(&mut self, list: &TransactionsReply) {
        let is_done = |it: &&TransactionReply| it.status == TransactionStatus::Success;
        let mut payments = list.all.iter().filter(is_done).filter(|it| it.kind == Some(TransactionType::Payment));
        // Only an event links a refund to one of several payments.
        let alone = match (payments.next(), payments.next()) {
            (Some(payment), None) if !list.is_odd => Some(payment.id.as_str()),
            _ => None,
        };
        for refund in list.all.iter().filter(|it| it.is_refund()) {
            match refund.status {
                TransactionStatus::Success => {
                    let payment = self.payment_of(&refund.id).or_else(|| alone.map(Name::of));
                    self.note_other(&refund.id, payment, refund.amount().and_then(|it| it.amount), true);
                }
                // The customer has not got the money.
                TransactionStatus::Failed => self.drop_other(&Name::of(refund.id.as_str())),
                _ => {}
            }
        }
    }

    /// A refund is one of ours, or it has failed.
    pub(super) fn drop_other(&mut self, by: &Name) {
        let short = by.short();
        self.others.retain(|it| !it.transaction.is(by, short));
    }

    /// A refund that this flow did not request, if one is known.
    fn other_refund(&self, by: &Name) -> Option<&OtherRefund> {
        let short = by.short();
        self.others.iter().find(|it| it.transaction.is(by, short))
    }

    /// Whether a refund that this flow did not request already counts for a payment.
    pub(in super::super) fn is_counted(&self, other: &TransactionId) -> bool {
        self.other_refund(&Name::of(other.as_str())).is_some_and(|it| it.counts().is_some())
    }

    /// Whether evidence has shown a refund that this flow did not request.
    pub(in super::super) fn has_shown_other(&self, other: &str) -> bool {
        self.other_refund(&Name::of(other)).is_some_and(|it| it.proof != Proof::Told)
    }

    /// The payment of a refund that this flow did not request, if an event named it.
    pub(super) fn payment_of(&self, other: &TransactionId) -> Option<Name> {
        self.other_refund(&Name::of(other.as_str()))?.of.clone()
    }

    /// The shown refunds that this flow did not request and that nobody was asked about. They count as asked about from now
    /// on.
    pub(in super::super) fn take_unasked(&mut self) -> Vec<TransactionId> {
        let unasked = self.others.iter_mut().filter(|it| it.proof == Proof::Shown);
        let asked = unasked.filter_map(|it| {
            it.proof = Proof::Asked;
            TransactionId::read(it.transaction.full()?)
        });
        asked.collect()
    }

    /// A refund of ours is done, but no reply names its transaction. A known refund of the same amount may be this one.
    /// Returns it.
    pub(in super::super) fn claim(&mut self, of: &TransactionId, amount: Decimal) -> Option<TransactionId> {
        let payment = self.payment(of);
        let may_be_of = |of: &Option<Name>| of.as_ref().is_none_or(|it| payment.has(it));
        let is_ours = |it: &&OtherRefund| it.amount.is_some_and(|it| it.equals(amount)) && may_be_of(&it.of);
        let ids = self.others.iter().filter(is_ours).filter_map(|it| it.transaction.full());
        let by = ids.filter_map(TransactionId::read).next()?;
        self.note_our_refund(&by);
        Some(by)
    }
}
