//! Refunds: what the session itself shows of them.
//!
//! A lookup tells one sum, of all that anybody has given back. Ours is what came on top of what others had given back by a
//! lookup before our refund was sent: without such a lookup, a sum proves no refund.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::ends::is_end;
use super::{Cx, Known};

use crate::flow::{Outcome, Stop};
use crate::id::{Digest, EffectId, Intent};
use crate::json::encode;
use crate::money::Cents;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::requests::CreateRefund;
use crate::providers::truemed::api::webhook::SessionReport;
use crate::time::{Millis, Timestamp};

/// What lookups have told of all that was given back.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedGivenBack"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RefundTotals {
    /// What others have given back, in cents, where a lookup has told it while no refund of ours was open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_others: Option<Cents>,
    /// The largest sum that was told, in cents, whoever gave it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_all: Option<Cents>,
    /// When a refund of ours was over last: an older lookup may have been answered before it, or after.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Timestamp>,
}

impl RefundTotals {
    pub(super) const NOTHING: Self = Self { by_others: None, in_all: None, settled_at: None };

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::NOTHING
    }

    /// What others have given back at least.
    pub(super) fn others(&self) -> Cents {
        self.by_others.unwrap_or_default()
    }
}

const fn is_refund(call: &Call) -> bool {
    matches!(call, Call::CreateRefund(..))
}

pub(super) const fn is_end_or_refund(call: &Call) -> bool {
    is_end(call) || is_refund(call)
}

/// The fingerprint of what a refund asks for.
pub(super) fn refund_content(refund: &CreateRefund) -> Digest {
    Digest::of([encode(refund).as_bytes()])
}

/// The amounts of the refunds that may have been made.
fn sent_refunds(cx: &Cx<'_>) -> Vec<Cents> {
    let amounts = cx.all_sent(is_refund).into_iter().filter_map(|call| match &*call {
        Call::CreateRefund(_, refund) => Some(refund.amount),
        _ => None,
    });
    amounts.collect()
}

impl Known {
    /// Gives money back.
    pub(super) fn refund(&mut self, intent: Option<Intent>, refund: CreateRefund, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Some(name) = intent else { return Err(Stop::NotNow) };
        let content = refund_content(&refund);
        let number = self.refunds.status_of(&name, content).number()?;
        self.refunding = self.refunding.plus(refund.amount);
        self.refunds.open(name.clone(), content, number);
        cx.request_as(Call::CreateRefund(self.session.id.clone(), refund), &name, number);
        Ok(())
    }

    /// What was captured and neither given back, by whomever, nor asked to be; unknown of an adopted session without an
    /// amount.
    pub(super) fn refundable(&self) -> Option<Cents> {
        let captured = self.session.captured.or_else(|| self.session.requested.as_ref().map(|it| it.total));
        // The sum that was told last may have in it what is still asked for.
        let known = self.refunded.plus(self.refund_totals.others()).plus(self.refunding);
        captured.map(|it| it.minus(known.max(self.refund_totals.in_all.unwrap_or_default())))
    }

    /// All that can be given back, where it is known.
    fn whole(&self, report: &SessionReport) -> Option<Cents> {
        let requested = self.session.requested.as_ref().map(|it| it.total);
        self.session.captured.or(report.amount()).or(requested).filter(|whole| *whole > Cents::ZERO)
    }

    /// All that was given back, where a lookup tells it.
    fn sum(&self, report: &SessionReport) -> Option<Cents> {
        let all_back = is_summary(report, "refunded");
        report.refund_amount.max(self.whole(report).filter(|_| all_back))
    }

    /// Notes what others have given back, by a lookup that no refund of ours came between.
    pub(super) fn note_others(&mut self, report: &SessionReport, sum: Option<Cents>) {
        let known = self.refunded.plus(self.refund_totals.others());
        let by_others = &mut self.refund_totals.by_others;
        match sum {
            // Only more counts: lookups may be answered in another order than they were begun.
            Some(sum) => *by_others = (*by_others).max(Some(sum.minus(self.refunded).max(Cents::ZERO))),
            None if is_summary(report, "captured") => *by_others = (*by_others).max(Some(Cents::ZERO)),
            // Somebody gave back a sum that is not told.
            None if is_summary(report, "partially refunded") && known == Cents::ZERO => *by_others = None,
            None => {}
        }
    }

    /// A session that is found in the list shows what was given back before anything was asked of it.
    pub(super) fn first_report(&mut self, report: &SessionReport) {
        self.refund_totals.in_all = self.sum(report);
        self.note_others(report, self.refund_totals.in_all);
    }

    /// What a lookup says of the refunds that are open: all of them were made, or none.
    pub(super) fn compare_refunds(&mut self, report: &SessionReport, cx: &mut Cx<'_>) {
        let sum = self.sum(report);
        self.refund_totals.in_all = self.refund_totals.in_all.max(sum);
        let looked = cx.leased_at();
        let counts = self.refund_totals.settled_at.is_none_or(|at| looked > at);
        let Some(sent_at) = cx.sent_last(is_refund) else {
            if counts {
                self.note_others(report, sum);
            }
            return;
        };
        let before = self.refunded.plus(self.refund_totals.others());
        let open = sent_refunds(cx).into_iter().fold(Cents::ZERO, Cents::plus);
        // That the whole was given back shows a refund of all that was left, whoever made it.
        let tells = self.refund_totals.by_others.is_some() || sum == self.whole(report);
        match sum.filter(|_| counts) {
            Some(sum) if tells && looked >= sent_at && sum == before.plus(open) => while self.prove_refund(cx) {},
            Some(sum) if sum <= before => {
                if let Some((id, call)) = cx.deny(is_refund)
                    && let Call::CreateRefund(_, refund) = &*call
                {
                    self.settle_refund(&id, refund.amount, Outcome::Failed, cx);
                }
            }
            _ => cx.look_again(is_refund),
        }
    }

    /// A lookup shows a refund. Says whether there was one that may have been made.
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

    /// A refund that the customer's dispute holds up waits for its end, which only a lookup shows.
    pub(super) fn wait_for_dispute(&self, cx: &mut Cx<'_>) {
        if self.disputed && cx.pending(is_refund).is_some() {
            let soon = cx.config().lookups.while_waiting_ms.first().copied().unwrap_or(Millis::from_hours(24));
            cx.look_up_from(Call::RetrievePaymentSession(self.session.id.clone()), cx.now().after(soon));
        }
    }

    /// A refund is over.
    pub(super) fn settle_refund(&mut self, id: &EffectId, amount: Cents, outcome: Outcome, cx: &mut Cx<'_>) {
        self.refunding = self.refunding.minus(amount).max(Cents::ZERO);
        if outcome == Outcome::Done {
            self.refunded = self.refunded.plus(amount);
        }
        self.refund_totals.settled_at = Some(cx.now());
        self.refunds.settle(id.intent(), outcome);
        // The lookup for this one stood in for the others as well.
        cx.look_again(is_refund);
    }

    /// A refund that had been ended as not made was made: what a lookup has told of it was not given back by others.
    pub(super) fn refunded_after_all(&mut self, id: &EffectId, amount: Cents, cx: &Cx<'_>) {
        self.refunded = self.refunded.plus(amount);
        let told = self.refund_totals.in_all.unwrap_or_default();
        let others = told.minus(self.refunded).max(Cents::ZERO);
        self.refund_totals.by_others = self.refund_totals.by_others.map(|by| by.min(others));
        self.refund_totals.settled_at = Some(cx.now());
        self.refunds.settle(id.intent(), Outcome::Done);
    }
}

fn is_summary(report: &SessionReport, summary: &str) -> bool {
    report.status_summary.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(summary))
}
