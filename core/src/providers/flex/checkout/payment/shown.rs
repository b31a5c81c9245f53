//! What the status shows of a payment.

use alloc::vec::Vec;

use super::{Payment, Refund};
use crate::flow::Intents;
use crate::money::{Cents, Money};
use crate::providers::flex::reports::{CaptureReport, DisputeReport, RefundReport, word};

/// The amounts of a payment, in cents.
pub(in super::super) struct ShownMoney {
    pub(in super::super) received: Cents,
    pub(in super::super) capturable: Cents,
    pub(in super::super) capturing: Cents,
    pub(in super::super) refunded: Cents,
    pub(in super::super) refundable: Cents,
    pub(in super::super) refunding: Cents,
    pub(in super::super) disputed: Cents,
}

impl Payment {
    /// The amounts. `manual` is whether the session only authorizes the payment.
    pub(in super::super) fn shown(&self, manual: bool) -> ShownMoney {
        let received = self.received(manual);
        ShownMoney {
            received,
            capturable: self.capturable().max(Cents::ZERO),
            capturing: self.capturing.sum(),
            refunded: self.returned(),
            refundable: self.refundable(manual).min(self.undisputed(manual)).max(Cents::ZERO),
            refunding: self.refunding.sum(),
            disputed: self.disputes.blocked(received),
        }
    }

    /// The total, if Flex has shown it.
    pub(in super::super) const fn total(&self) -> Option<Cents> {
        self.total
    }

    /// The intents of the requested captures.
    pub(in super::super) const fn capture_intents(&self) -> &Intents {
        &self.captures
    }

    /// The intents of the requested refunds.
    pub(in super::super) const fn refund_intents(&self) -> &Intents {
        &self.returns
    }

    pub(in super::super) fn capture_reports(&self) -> Vec<CaptureReport> {
        let report =
            |(id, amount): &(_, Cents)| CaptureReport { id: Clone::clone(id), amount: Money::unnamed(*amount) };
        self.captured.iter().map(report).collect()
    }

    pub(in super::super) fn refund_reports(&self) -> Vec<RefundReport> {
        let report = |it: &Refund| RefundReport {
            id: it.id.clone(),
            amount: Some(it.amount).filter(|it| *it != Cents::ZERO).map(Money::unnamed),
            provider_status: word(it.status.as_str()),
            intent: it.intent.clone(),
        };
        self.refunds.iter().map(report).collect()
    }

    pub(in super::super) fn dispute_reports(&self) -> Vec<DisputeReport> {
        self.disputes.reports().collect()
    }
}
