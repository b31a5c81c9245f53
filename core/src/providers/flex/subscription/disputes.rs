//! The dispatch of disputes: the webhooks, the lookups, and the acceptance of a dispute.

use alloc::vec::Vec;

use super::money::unknown_owner;
use super::{Cx, Subscription};
use crate::fact::IgnoredReason;
use crate::flow::Stop;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{DisputeObject, Entries};
use crate::providers::flex::ids::DisputeId;
use crate::providers::flex::names::Verdict;

impl Subscription {
    /// Applies a dispute to the subscription whose payment it is about. The payment is not refunded as well.
    pub(super) fn on_dispute(&mut self, object: &DisputeObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let noted = self.note_dispute(object, cx);
        self.withdraw_moot_refunds(cx);
        noted
    }

    fn note_dispute(&mut self, object: &DisputeObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let sold_ids = self.sold_ids();
        let reference = object.client_reference_id.as_deref();
        let ours = reference.is_some() && reference == self.sessions.reference();
        let by_session = self.sessions.owner(object.payment_intent(), object.checkout_session(), None, cx);
        let is_of_other = matches!(by_session, Ok((_, false))) || self.others.find(object.subscription()).is_some();
        let record = self.record_for_money()?;
        let own_key = ours && reference == Some(cx.key().as_str());
        if is_of_other && !record.has_dispute(object, &sold_ids) {
            return record.on_other_dispute(object, cx);
        }
        if !own_key && !record.has_dispute(object, &sold_ids) {
            return Err(unknown_owner(object.subscription(), object.payment_intent()));
        }
        record.on_dispute(object, cx)
    }

    /// Applies the reply to a lookup of a dispute, or to its acceptance. The reply may name less than the webhook did, so
    /// a dispute that is watched counts all the same.
    pub(super) fn on_dispute_reply(
        &mut self,
        call: &Call,
        object: &DisputeObject,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let is_lookup = matches!(call, Call::RetrieveDispute(_));
        if let Some(record) = self.record.as_mut().filter(|_| is_lookup) {
            record.watched_mut().looked(&object.dispute_id, cx);
        }
        let has_owner = !matches!(self.on_dispute(object, cx), Err(IgnoredReason::Early | IgnoredReason::Unrelated));
        let record = self.record.as_mut().ok_or(IgnoredReason::Unrelated)?;
        if !has_owner && record.watched().knows(&object.dispute_id) {
            let _ = record.on_dispute(object, cx);
        }
        if is_lookup {
            record.watched_mut().shown(object, cx);
        }
        self.withdraw_moot_refunds(cx);
        Ok(())
    }

    /// Applies the disputes of a payment. That one is missing proves nothing, because the list shows only this moment.
    pub(super) fn on_dispute_list(
        &mut self,
        payment: &str,
        list: &Entries<DisputeObject>,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let mode = self.record.as_ref().ok_or(IgnoredReason::Unrelated)?.test_mode();
        let fits =
            |it: &&DisputeObject| it.payment_intent() == Some(payment) && it.test_mode.is_in_mode(cx.settings(), mode);
        let shown: Vec<_> = list.list.iter().filter(fits).collect();
        for object in shown {
            // A dispute that is known already, or whose owner is not, changes nothing.
            let _ = self.on_dispute(object, cx);
        }
        Ok(())
    }

    /// Whether Flex has shown a payment as one of this subscription, or of another paid one.
    pub(super) fn knows_payment(&self, payment: &str) -> bool {
        let sold_ids = self.sold_ids();
        self.record.as_ref().is_some_and(|it| it.has_payment(payment, &sold_ids))
            || self.payables().iter().any(|it| it.payment == payment)
    }

    /// Whether Flex has shown any such payment.
    pub(super) fn knows_any_payment(&self) -> bool {
        self.sessions.settled().is_some_and(|it| !it.payment_intents().is_empty())
            || self.record.as_ref().is_some_and(|it| it.has_payments())
            || !self.payables().is_empty()
    }

    /// Applies a person's verdict about the acceptance of a dispute, or the end of a request's retries.
    pub(super) fn dispute_resolved(&mut self, call: &Call, verdict: Option<Verdict>, cx: &mut Cx<'_>) {
        let Some(record) = &mut self.record else { return };
        match call {
            Call::CloseDispute(id) if verdict == Some(Verdict::Closed) => {
                record.watched_mut().end(id.as_str(), true, cx);
            }
            Call::CloseDispute(id) => record.watched_mut().not_accepted(id, cx),
            Call::RetrieveDispute(id) => record.watched_mut().not_shown(id, cx),
            _ => {}
        }
    }

    /// Accepts a dispute. Its payment is not refunded as well.
    pub(super) fn close_dispute(&mut self, id: &DisputeId, cx: &mut Cx<'_>) -> Result<(), Stop> {
        self.record.as_mut().ok_or(Stop::NotNow)?.watched_mut().close(id, cx)?;
        self.withdraw_moot_refunds(cx);
        Ok(())
    }

    /// Whether a dispute keeps a payment from being refunded.
    pub(super) fn is_disputed(&self, payment: &str) -> bool {
        self.record.as_ref().is_some_and(|record| record.watched().blocks_refund_of(payment))
    }
}
