//! How much of each payment is left to refund.

use super::{Ledger, Payment, sum};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::ids::TransactionId;

/// Whether a further refund fits into its payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Room {
    /// The refund fits.
    Enough,
    /// The payment is smaller than the sum of all its refunds would be.
    Short {
        /// The amount that can still be refunded.
        left: Decimal,
        /// Whether the amount of the payment is proved.
        proved: bool,
    },
    /// The amount of the payment is unknown.
    Unknown,
    /// The payment may be one that was dropped.
    Forgotten,
}

impl Ledger {
    /// Whether another refund of this amount fits into the payment of a transaction.
    pub(in super::super) fn room(&self, transaction: &TransactionId, amount: Decimal) -> Room {
        let payment = self.payment(transaction);
        let Some(paid) = payment.paid else {
            return if self.has_dropped { Room::Forgotten } else { Room::Unknown };
        };
        let (refunded, are_certain) = self.refunded_of(&payment);
        let fits = refunded.plus(amount).and_then(|all| all.at_most(paid.amount)) == Some(true);
        let left = paid.amount.minus(refunded).filter(|left| !left.is_negative()).unwrap_or(Decimal::ZERO);
        if fits { Room::Enough } else { Room::Short { left, proved: paid.proved && are_certain } }
    }

    /// Whether some refund fits into some payment.
    pub(in super::super) fn has_room(&self) -> bool {
        self.paid.iter().rev().filter(|it| !it.has_failed()).any(|it| {
            let (refunded, _) = self.refunded_of(&self.payment_named(&it.transaction));
            it.amount.minus(refunded).is_some_and(|left| !left.is_negative() && !left.is_zero())
        })
    }

    /// The refunded sum of a payment, and whether all of these refunds surely belong to it.
    fn refunded_of(&self, payment: &Payment<'_>) -> (Decimal, bool) {
        let (others, are_certain) = self.other_refunds(payment);
        let ours = self.refunded.iter().filter(|it| payment.has(&it.transaction)).map(|it| it.sum);
        (sum(ours.chain(others)).unwrap_or(Decimal::ZERO), are_certain)
    }

    /// Whether a payment is known that may have taken money.
    pub(in super::super) fn knows_a_payment(&self) -> bool {
        self.paid.iter().any(|it| !it.has_failed())
    }
}
