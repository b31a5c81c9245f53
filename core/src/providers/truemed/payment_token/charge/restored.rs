//! Charges in a row that was restored from a backup. A charge that the row does not know may have been made after the backup was
//! taken, so the list of sessions is searched before the first one is sent. A declined charge may be an old reply, which the key
//! brings again: the customer may have repaired the card after the backup, and the repeated charge may be paid.

use super::super::Rules;
use super::repair::FAILURE_EFFECTS;
use super::{Call, Charge, Charges, Cx, EffectId, Find, History, Review, SessionPage, is_charge};
use crate::flow::Flow;
use crate::providers::truemed::api::find::{Repeated, further_attempts};
use crate::providers::truemed::payment_token::PaymentToken;
use crate::providers::truemed::rules::Rule;
use crate::rule::{Level, RuleSet};

impl Charges {
    /// The requested charge, while the list must still show whether it was made after the last backup was taken.
    pub(in super::super) fn awaits_search(&self, rules: &Rules<'_>) -> Option<EffectId> {
        if !matches!(self.current, Charge::Requested { .. }) || self.searched >= rules.restored_last() {
            return None;
        }
        rules.pending(is_charge).filter(|it| !it.sent).map(|it| it.id.clone())
    }

    /// Searches the list while a charge waits for it, unless a person is asked or the host lets the charge go.
    pub(in super::super) fn keep_searching(&self, cx: &mut Cx<'_>) {
        if !cx.is_restored() {
            return;
        }
        let review = Review::ChargeBeforeRestore.as_str();
        let Some(of) = self.awaits_search(cx) else { return cx.withdraw_all_about(&[review], |_| true) };
        let is_enforced = cx.config().level(Rule::SessionChargeAfterRestore.rule()) != Level::Warn;
        if is_enforced && cx.pending(Call::is_find).is_none() && !cx.asks_about(review, of.as_str()) {
            cx.look_up(Call::FindPaymentSession(Find::default()));
        }
    }

    /// The whole list or a person says that the requested charge was not made after the backup was taken.
    pub(in super::super) fn not_made_before(&mut self, cx: &Cx<'_>) {
        self.searched = cx.restored_last();
    }

    /// Whether the list must still show if the failed charge was repeated and paid.
    pub(in super::super) const fn is_unchecked(&self) -> bool {
        matches!(&self.current, Charge::Failed(failed) if failed.unchecked)
    }

    /// Looks in the list for a repetition of the failed charge, before the customer is asked to repair anything.
    pub(super) fn look_for_repeated(&self, cx: &mut Cx<'_>) {
        if self.is_unchecked() {
            cx.look_up(Call::FindPaymentSession(Find::default()));
        }
    }

    /// A page of the list shows that the charge was repeated and paid, or not.
    pub(in super::super) fn on_page_after_restore(
        &mut self,
        find: &Find,
        page: &SessionPage,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) {
        let Charge::Failed(failed) = &mut self.current else { return };
        let (Some(intent), seq) = failed.charge() else { return };
        let again = further_attempts(PaymentToken::ID, cx.key(), &intent);
        match find.read_repeated(page, &again, cx.restored_from(), |id| history.has_id(id.as_str())) {
            Repeated::NextPage(next) => cx.look_up(next),
            Repeated::None => failed.tell(cx),
            Repeated::Paid(id, report) => {
                if let Some(declined) = failed.session() {
                    history.add_failed(seq, declined.clone(), Some(intent.clone()));
                }
                cx.withdraw_all_about(FAILURE_EFFECTS, |_| true);
                cx.learn(id);
                history.add_reviewed(seq, id.clone());
                self.current = Charge::Idle;
                match report.is_summary("refunded") {
                    true => cx.ask(Review::RefundedUndelivered, id),
                    false => cx.fulfill_charge(id, Some(&intent), report.amount()),
                }
                self.paid_after_all(Some(&intent), cx);
            }
        }
    }
}
