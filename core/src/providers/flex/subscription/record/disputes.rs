//! Disputes of a subscription: what a person decides about access, and the watch over each dispute until it ends.

use super::SubscriptionRecord;
use super::refunds::ACCESS;
use crate::fact::IgnoredReason;
use crate::flow::Reviews;
use crate::id::TypedId;
use crate::providers::flex::api::objects::{DisputeObject, DisputeStatus};
use crate::providers::flex::disputes::WatchedDisputes;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::subscription::Cx;

impl SubscriptionRecord {
    /// The watch over the disputes.
    pub(in super::super) const fn watched(&self) -> &WatchedDisputes {
        &self.disputes
    }

    /// The watch over the disputes.
    pub(in super::super) const fn watched_mut(&mut self) -> &mut WatchedDisputes {
        &mut self.disputes
    }

    /// A payment is disputed. A person decides what becomes of access, and decides again if the dispute is lost.
    pub(in super::super) fn on_dispute(
        &mut self,
        object: &DisputeObject,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let won = object.status == Some(DisputeStatus::Won);
        let has_news = self.watch(object, cx);
        if object.status == Some(DisputeStatus::Lost) {
            self.lost(object.dispute_id.as_str(), cx);
        }
        if won {
            self.won(object.dispute_id.as_str(), cx);
        }
        let noted = self.refunds.note(Review::Disputed.only(ACCESS), (&object.dispute_id).into(), won, cx);
        noted.or_else(|why| if has_news { Ok(()) } else { Err(why) })
    }

    /// The payment of another subscription is disputed. Access to this one does not depend on it.
    pub(in super::super) fn on_other_dispute(
        &mut self,
        object: &DisputeObject,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        const ENDS: &[Verdict] = &[Verdict::Won, Verdict::Lost];
        let won = object.status == Some(DisputeStatus::Won);
        self.disputes.note(object, cx);
        self.refunds.note(Review::Disputed.only(ENDS), (&object.dispute_id).into(), won, cx)
    }

    /// Watches a dispute. Returns whether it shows anything new.
    fn watch(&mut self, object: &DisputeObject, cx: &mut Cx<'_>) -> bool {
        let before = self.disputes.clone();
        self.disputes.note(object, cx);
        self.refunds.reports_mut().note_dispute(object) || self.disputes != before
    }

    /// A dispute is lost, so the customer has the money back. What a person has decided before may not hold any more.
    fn lost(&mut self, dispute: &str, cx: &mut Cx<'_>) {
        cx.withdraw_review(Review::DisputeWon, dispute);
        if self.disputes.reopens_access(dispute) {
            cx.ask(Review::DisputeLost.only(ACCESS), TypedId::new("dispute", dispute));
        }
    }

    /// A dispute is won, so the merchant keeps the money. If a person has ended access because of it, and what was paid for has
    /// not ended, a person decides again.
    fn won(&mut self, dispute: &str, cx: &mut Cx<'_>) {
        let is_paid = self.paid.as_ref().is_some_and(|it| !it.span.end.is_over(cx.now()));
        let is_ended = self.access.is_some_and(|until| until.is_over(cx.now()));
        if self.disputes.returns_access(dispute) && is_paid && is_ended {
            cx.ask(Review::DisputeWon, TypedId::new("dispute", dispute));
        }
    }

    /// A person gives access again until the end of the paid period.
    fn return_access(&mut self, dispute: &str, cx: &mut Cx<'_>) {
        self.disputes.access_reviewed(dispute, Verdict::KeepAccess, cx);
        if let Some(end) = self.paid.as_ref().map(|it| it.span.end).filter(|end| !end.is_over(cx.now())) {
            self.give_access(end, cx);
        }
    }

    /// Applies a person's verdict about a dispute. Returns whether the verdict was about one.
    pub(super) fn dispute_reviewed(&mut self, review: Review, about: &str, verdict: Verdict, cx: &mut Cx<'_>) -> bool {
        match (review, verdict) {
            (Review::Disputed | Review::DisputeLost, Verdict::EndAccess) => {
                self.disputes.access_reviewed(about, verdict, cx);
                self.end_access(cx);
            }
            (Review::Disputed, Verdict::KeepAccess) => self.disputes.access_reviewed(about, verdict, cx),
            // The dispute is about another subscription.
            (Review::Disputed, _) => self.disputes.end(about, verdict == Verdict::Lost, cx),
            (Review::EvidenceDue, _) => self.disputes.evidence_reviewed(about, cx),
            (Review::DisputeUnsettled, Verdict::KeepWaiting) => self.disputes.keep_waiting(about, cx),
            (Review::DisputeUnsettled, Verdict::Lost) => {
                self.disputes.end(about, true, cx);
                self.lost(about, cx);
            }
            (Review::DisputeUnsettled, _) => {
                self.disputes.end(about, false, cx);
                self.won(about, cx);
                let _ = self.refunds.note(Review::Disputed.only(ACCESS), TypedId::new("dispute", about), true, cx);
            }
            (Review::DisputeWon, Verdict::GiveAccess) => self.return_access(about, cx),
            (Review::DisputeLost | Review::DisputeWon, _) => {}
            _ => return false,
        }
        true
    }
}
