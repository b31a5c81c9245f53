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
        if self.disputes.reopens_access(dispute) {
            cx.ask(Review::DisputeLost.only(ACCESS), TypedId::new("dispute", dispute));
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
                let _ = self.refunds.note(Review::Disputed.only(ACCESS), TypedId::new("dispute", about), true, cx);
            }
            (Review::DisputeLost, _) => {}
            _ => return false,
        }
        true
    }
}
