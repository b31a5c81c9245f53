//! Refunds that this flow did not request: a person says what each means for access.

use super::super::Cx;
use super::super::ledger::Ledger;
use super::Refunds;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::names::Review;

impl Refunds {
    /// Asks once about each refund that this flow did not request, as soon as none of ours can be the same. A question about
    /// one that turns out to be ours all the same, or to have failed, is withdrawn.
    pub(in super::super) fn ask_about_others(&self, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        cx.withdraw_all_about(&[Review::Refunded.as_str()], |about| !ledger.has_shown_other(about));
        let is_unchecked = |call: &Call| self.unchecked.iter().any(|it| call.is_refund(it.as_str()));
        if cx.sent(|call| matches!(call, Call::RefundPayment(_))) || cx.pending(is_unchecked).is_some() {
            return;
        }
        for transaction in ledger.take_unasked() {
            cx.ask(Review::Refunded, &transaction);
        }
    }
}
