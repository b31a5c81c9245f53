//! Refunds, and what lookups of the session show of them.
//!
//! A lookup shows one sum: all that anybody has refunded. Our part is what exceeds the refunds of others. An earlier
//! lookup must show the refunds of others before ours is sent. Without that lookup, a sum proves no refund.

mod restored;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::ends::is_end;
use super::{Cx, Known};

use crate::flow::{Cause, Outcome, Stop};
use crate::id::{Digest, EffectId};
use crate::json::encode;
use crate::money::Cents;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::requests::CreateRefund;
use crate::providers::truemed::api::webhook::SessionReport;
use crate::time::{Millis, Timestamp};

/// What lookups have shown of all refunds.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedRefundTotals"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RefundTotals {
    /// What others have refunded, in cents, if a lookup showed it while none of our refunds was pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_others: Option<Cents>,
    /// The largest sum that a lookup showed, in cents, whoever refunded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_all: Option<Cents>,
    /// When our last refund was settled. An older lookup may have read the session before or after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Timestamp>,
}

impl RefundTotals {
    pub(super) const NOTHING: Self = Self { by_others: None, in_all: None, settled_at: None };

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::NOTHING
    }

    /// What others have refunded at least.
    pub(super) fn others(&self) -> Cents {
        self.by_others.unwrap_or_default()
    }
}

const fn is_refund(call: &Call) -> bool {
    matches!(call, Call::CreateRefund(..))
}

pub(super) use restored::UncheckedRefund;

pub(super) const fn is_end_or_refund(call: &Call) -> bool {
    is_end(call) || is_refund(call)
}

/// The fingerprint of a refund, whatever its name.
pub(super) fn refund_content(refund: &CreateRefund) -> Digest {
    let unnamed = CreateRefund { intent: None, ..refund.clone() };
    Digest::of([encode(&unnamed).as_bytes()])
}

/// The amounts of the refunds that Truemed may have made.
fn sent_refunds(cx: &Cx<'_>) -> Vec<Cents> {
    let amounts = cx.all_sent(is_refund).into_iter().filter_map(|call| match &*call {
        Call::CreateRefund(_, refund) => Some(refund.amount),
        _ => None,
    });
    amounts.collect()
}

impl Known {
    /// Requests a refund.
    pub(super) fn refund(&mut self, mut refund: CreateRefund, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Some(name) = refund.intent.take() else { return Err(Stop::NotNow) };
        let content = refund_content(&refund);
        let number = self.refunds.status_of(&name, content).number()?;
        self.refunding = self.refunding.plus(refund.amount);
        self.refunds.open(name.clone(), content, number, (Some(refund.amount), cx.now()));
        let amount = refund.amount;
        let of = cx.request_as(Call::CreateRefund(self.session.id.clone(), refund), &name, number);
        self.check_first(of, amount, cx);
        Ok(())
    }

    /// What is left to refund: the captured amount without refunds by anybody, and without pending refunds. An adopted
    /// session without an amount has `None`.
    pub(super) fn refundable(&self) -> Option<Cents> {
        let captured = self.session.captured.or_else(|| self.session.requested.as_ref().map(|it| it.total));
        // The sum of the last lookup may contain refunds that are still pending.
        let known = self.refunded.plus(self.refund_totals.others()).plus(self.refunding);
        captured.map(|it| it.minus(known.max(self.refund_totals.in_all.unwrap_or_default())))
    }

    /// What was refunded, as far as replies and lookups show.
    pub(super) fn refunded_by_anybody(&self) -> Cents {
        self.refunded.plus(self.refund_totals.others()).max(self.refund_totals.in_all.unwrap_or_default())
    }

    /// The largest sum that can be refunded, if it is known.
    fn refundable_total(&self, report: &SessionReport) -> Option<Cents> {
        let requested = self.session.requested.as_ref().map(|it| it.total);
        self.session.captured.or(report.amount()).or(requested).filter(|whole| *whole > Cents::ZERO)
    }

    /// The sum of all refunds, if the report shows it.
    fn refunded_total(&self, report: &SessionReport) -> Option<Cents> {
        let all_back = report.is_summary("refunded");
        report.refund_amount.max(self.refundable_total(report).filter(|_| all_back))
    }

    /// Notes what others have refunded. No refund of ours may be newer than the lookup.
    pub(super) fn note_others(&mut self, report: &SessionReport, sum: Option<Cents>) {
        let known = self.refunded.plus(self.refund_totals.others());
        let by_others = &mut self.refund_totals.by_others;
        match sum {
            // Only a larger sum counts, because replies to lookups can come in any order.
            Some(sum) => *by_others = (*by_others).max(Some(sum.minus(self.refunded).max(Cents::ZERO))),
            None if report.is_summary("captured") => *by_others = (*by_others).max(Some(Cents::ZERO)),
            // Others have refunded a sum that the report does not show.
            None if report.is_summary("partially refunded") && known == Cents::ZERO => *by_others = None,
            None => {}
        }
    }

    /// Notes the refunds of a session that a search found. The host had requested none of them.
    pub(super) fn first_report(&mut self, report: &SessionReport) {
        self.refund_totals.in_all = self.refunded_total(report);
        self.note_others(report, self.refund_totals.in_all);
    }

    /// Compares a lookup with the pending refunds: Truemed made all of them, or none.
    pub(super) fn compare_refunds(&mut self, report: &SessionReport, cx: &mut Cx<'_>) {
        let sum = self.refunded_total(report);
        self.refund_totals.in_all = self.refund_totals.in_all.max(sum);
        let leased_at = cx.leased_at();
        let counts = self.refund_totals.settled_at.is_none_or(|at| leased_at > at);
        let Some(sent_at) = cx.sent_last(is_refund) else {
            if counts {
                self.note_others(report, sum);
            }
            return;
        };
        let before = self.refunded.plus(self.refund_totals.others());
        let open = sent_refunds(cx).into_iter().fold(Cents::ZERO, Cents::plus);
        // A full refund proves ours for all that was left, whoever made it.
        let is_decisive = self.refund_totals.by_others.is_some() || sum == self.refundable_total(report);
        match sum.filter(|_| counts) {
            Some(sum) if is_decisive && leased_at >= sent_at && sum == before.plus(open) => {
                while self.prove_refund(cx) {}
            }
            Some(sum) if sum <= before => {
                if let Some((id, call)) = cx.deny(is_refund)
                    && let Call::CreateRefund(_, refund) = &*call
                {
                    self.settle_refund(&id, refund.amount, Outcome::Failed(Cause::NotMade), cx);
                }
            }
            _ => cx.look_again(is_refund),
        }
    }

    /// Ends one sent refund as done. Returns whether there was one.
    fn prove_refund(&mut self, cx: &mut Cx<'_>) -> bool {
        if !cx.sent(is_refund) {
            return false;
        }
        if let Some((id, call)) = cx.prove(is_refund, None)
            && let Call::CreateRefund(_, refund) = &*call
        {
            self.settle_refund(&id, refund.amount, Outcome::Done, cx);
        }
        true
    }

    /// Schedules a lookup while the customer's dispute blocks a refund. Only a lookup shows the end of a dispute.
    pub(super) fn wait_for_dispute(&self, cx: &mut Cx<'_>) {
        if self.disputed && cx.pending(is_refund).is_some() {
            let soon = cx.config().lookups.while_waiting_ms.first().copied().unwrap_or(Millis::from_hours(24));
            cx.look_up_from(Call::RetrievePaymentSession(self.session.id.clone()), cx.now().after(soon));
        }
    }

    /// A refund has ended.
    pub(super) fn settle_refund(&mut self, id: &EffectId, amount: Cents, outcome: Outcome, cx: &mut Cx<'_>) {
        self.refunding = self.refunding.minus(amount).max(Cents::ZERO);
        self.unchecked.retain(|it| !it.is(id.as_str()));
        if outcome == Outcome::Done {
            self.refunded = self.refunded.plus(amount);
        }
        self.refund_totals.settled_at = Some(cx.now());
        self.refunds.settle(id.intent(), outcome);
        // One lookup served all pending refunds, and the others still need one.
        cx.look_again(is_refund);
    }

    /// Truemed made a refund that had ended as not made. The sums of the lookups contain it, and others did not make
    /// it.
    pub(super) fn refunded_after_all(&mut self, id: &EffectId, amount: Cents, cx: &Cx<'_>) {
        self.refunded = self.refunded.plus(amount);
        let shown_total = self.refund_totals.in_all.unwrap_or_default();
        let others = shown_total.minus(self.refunded).max(Cents::ZERO);
        self.refund_totals.by_others = self.refund_totals.by_others.map(|by| by.min(others));
        self.refund_totals.settled_at = Some(cx.now());
        self.refunds.settle(id.intent(), Outcome::Done);
    }
}
