//! Refunds that were requested after the row was restored from a backup. The same refund may have been made after the backup was
//! taken, under a key that Truemed has forgotten or as another attempt. A lookup of the session shows what was given back.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::super::{Cx, Known};
use crate::flow::Outcome;
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::webhook::SessionReport;
use crate::providers::truemed::names::{Review, Verdict};
use crate::time::Millis;

/// A refund that waits for a lookup of its session, or for a person.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedUncheckedRefund"))]
#[serde(deny_unknown_fields)]
pub(in super::super) struct UncheckedRefund {
    /// The request.
    of: EffectId,
    /// Its amount, in cents.
    amount: Cents,
    /// Whether a person is asked.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    asked: bool,
}

impl UncheckedRefund {
    pub(super) fn is(&self, id: &str) -> bool {
        self.of.as_str() == id
    }
}

impl Known {
    /// After a backup was restored, a refund waits until the session has been looked up.
    pub(super) fn check_first(&mut self, of: EffectId, amount: Cents, cx: &Cx<'_>) {
        if cx.is_restored() {
            self.unchecked.push(UncheckedRefund { of, amount, asked: false });
        }
    }

    /// Looks the session up while a refund waits for it, whatever has withdrawn the last lookup.
    pub(in super::super) fn keep_checking(&self, cx: &mut Cx<'_>) {
        let is_lookup = |call: &Call| call.looks_at(&self.session.id);
        if self.unchecked.iter().any(|it| !it.asked) && cx.pending(is_lookup).is_none() {
            // A lookup that is leased at the instant of our last refund would not count.
            let from = self.refund_totals.settled_at.map_or(cx.now(), |at| at.after(Millis::new(1)));
            cx.look_up_from(Call::RetrievePaymentSession(self.session.id.clone()), from);
        }
    }

    /// A lookup shows the sum of all refunds. What exceeds the known refunds of this row may be the requested one, unless it is
    /// less.
    pub(in super::super) fn check_refunds_before_restore(&mut self, report: &SessionReport, cx: &mut Cx<'_>) {
        // An older lookup may have read the session before our last refund.
        if self.refund_totals.settled_at.is_some_and(|at| cx.leased_at() <= at) {
            return;
        }
        let sum = self.refunded_total(report).or(report.is_summary("captured").then_some(Cents::ZERO));
        let unknown = sum.map(|sum| sum.minus(self.refunded));
        let (doubtful, free): (Vec<_>, Vec<_>) = core::mem::take(&mut self.unchecked)
            .into_iter()
            .partition(|it| unknown.is_none_or(|unknown| unknown >= it.amount));
        self.unchecked = doubtful;
        for it in free {
            cx.withdraw_review(Review::RefundBeforeRestore, it.of.as_str());
        }
        self.ask_about_unchecked(cx);
    }

    /// Nothing shows whether these refunds were made after the backup was taken, so a person is asked.
    pub(in super::super) fn ask_about_unchecked(&mut self, cx: &mut Cx<'_>) {
        for it in &mut self.unchecked {
            it.asked = true;
            cx.ask(Review::RefundBeforeRestore, &it.of);
        }
    }

    /// A person says whether such a refund was made after the backup was taken.
    pub(in super::super) fn refund_before_restore_reviewed(&mut self, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        let Some(index) = self.unchecked.iter().position(|it| it.is(about)) else { return };
        let UncheckedRefund { of, amount, .. } = self.unchecked.remove(index);
        if verdict == Verdict::Refunded {
            cx.withdraw_request(&of);
            // The sum of the lookup contains it, and others did not make it.
            let others = &mut self.refund_totals.by_others;
            *others = others.map(|it| it.minus(amount).max(Cents::ZERO));
            self.settle_refund(&of, amount, Outcome::Done, cx);
        }
    }

    /// Whether a refund waits for a lookup or for a person, who must say if it was made before.
    pub(in super::super) const fn has_unchecked_refund(&self) -> bool {
        !self.unchecked.is_empty()
    }
}
