//! Refunds: what the session itself shows of them.
//!
//! A look-up tells one sum, of all that anybody has given back. Ours is what came on top of what others had given back by a
//! look-up before our refund was sent: without such a look-up, a sum proves no refund.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Known;
use super::step::Context;
use crate::flow::Outcome;
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::wire::SessionSeen;
use crate::time::{Millis, Timestamp};

/// What look-ups have told of all that was given back.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedGivenBack"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct GivenBack {
    /// What others have given back, in cents, where a look-up has told it while no refund of ours was open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_others: Option<Cents>,
    /// The largest sum that was told, in cents, whoever gave it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_all: Option<Cents>,
    /// When a refund of ours was over last: an older look-up may have been answered before it, or after.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Timestamp>,
}

impl GivenBack {
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
    super::ends::is_end(call) || is_refund(call)
}

/// What a look-up says of the refunds that are open: all of them were made, or none.
pub(super) fn shown(known: &mut Known, seen: &SessionSeen, cx: &mut Context<'_>) {
    let sum = known.sum(seen);
    known.given_back.in_all = known.given_back.in_all.max(sum);
    let looked = cx.begun_at();
    let counts = known.given_back.settled_at.is_none_or(|at| looked > at);
    let Some(sent_at) = cx.sent_last(is_refund) else {
        if counts {
            known.compare(seen, sum);
        }
        return;
    };
    let before = known.refunded.plus(known.given_back.others());
    let open = sent_refunds(cx).into_iter().fold(Cents::ZERO, Cents::plus);
    // That the whole was given back shows a refund of all that was left, whoever made it.
    let tells = known.given_back.by_others.is_some() || sum == known.whole(seen);
    match sum.filter(|_| counts) {
        Some(sum) if tells && looked >= sent_at && sum == before.plus(open) => while known.refund_is_shown(cx) {},
        Some(sum) if sum <= before => {
            if let Some((id, call)) = cx.deny(is_refund)
                && let Call::CreateRefund(_, refund) = &*call
            {
                known.settle_refund(&id, refund.amount, Outcome::Failed, cx);
            }
        }
        _ => cx.look_again(is_refund),
    }
}

/// The amounts of the refunds that may have been made.
fn sent_refunds(cx: &Context<'_>) -> Vec<Cents> {
    let amounts = cx.all_sent(is_refund).into_iter().filter_map(|call| match &*call {
        Call::CreateRefund(_, refund) => Some(refund.amount),
        _ => None,
    });
    amounts.collect()
}

impl Known {
    /// All that can be given back, where it is known.
    fn whole(&self, seen: &SessionSeen) -> Option<Cents> {
        let asked = self.session.asked.as_ref().map(|it| it.total);
        self.session.captured.or(seen.amount()).or(asked).filter(|whole| *whole > Cents::ZERO)
    }

    /// All that was given back, where a look-up tells it.
    fn sum(&self, seen: &SessionSeen) -> Option<Cents> {
        let all_back = is_summary(seen, "refunded");
        seen.refund_amount.max(self.whole(seen).filter(|_| all_back))
    }

    /// Notes what others have given back, by a look-up that no refund of ours came between.
    pub(super) fn compare(&mut self, seen: &SessionSeen, sum: Option<Cents>) {
        let known = self.refunded.plus(self.given_back.others());
        let by_others = &mut self.given_back.by_others;
        match sum {
            // Only more counts: look-ups may be answered in another order than they were begun.
            Some(sum) => *by_others = (*by_others).max(Some(sum.minus(self.refunded).max(Cents::ZERO))),
            None if is_summary(seen, "captured") => *by_others = (*by_others).max(Some(Cents::ZERO)),
            // Somebody gave back a sum that is not told.
            None if is_summary(seen, "partially refunded") && known == Cents::ZERO => *by_others = None,
            None => {}
        }
    }

    /// A session that is found in the list shows what was given back before anything was asked of it.
    pub(super) fn found_with(&mut self, seen: &SessionSeen) {
        self.given_back.in_all = self.sum(seen);
        self.compare(seen, self.given_back.in_all);
    }

    /// A look-up shows a refund. Says whether there was one that may have been made.
    fn refund_is_shown(&mut self, cx: &mut Context<'_>) -> bool {
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

    /// A refund that the customer's dispute holds up waits for its end, which only a look-up shows.
    pub(super) fn wait_for_dispute(&self, cx: &mut Context<'_>) {
        if self.disputed && cx.owed(is_refund).is_some() {
            let soon = cx.policy().look_ups.waiting.first().copied().unwrap_or(Millis::from_hours(24));
            cx.look_up_from(Call::RetrievePaymentSession(self.session.id.clone()), cx.now().after(soon));
        }
    }

    /// A refund is over.
    pub(super) fn settle_refund(&mut self, id: &EffectId, amount: Cents, outcome: Outcome, cx: &mut Context<'_>) {
        self.refunding = self.refunding.minus(amount).max(Cents::ZERO);
        if outcome == Outcome::Done {
            self.refunded = self.refunded.plus(amount);
        }
        self.given_back.settled_at = Some(cx.now());
        self.refunds.settle(id.intent(), outcome);
        // The look-up for this one stood in for the others as well.
        cx.look_again(is_refund);
    }
}

impl Known {
    /// A refund that had been ended as not made was made: what a look-up has told of it was not given back by others.
    pub(super) fn refunded_after_all(&mut self, id: &EffectId, amount: Cents, cx: &Context<'_>) {
        self.refunded = self.refunded.plus(amount);
        let told = self.given_back.in_all.unwrap_or_default();
        let others = told.minus(self.refunded).max(Cents::ZERO);
        self.given_back.by_others = self.given_back.by_others.map(|by| by.min(others));
        self.given_back.settled_at = Some(cx.now());
        self.refunds.settle(id.intent(), Outcome::Done);
    }
}

fn is_summary(seen: &SessionSeen, summary: &str) -> bool {
    seen.status_summary.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(summary))
}
