//! The dispatch of refunds: what replies and webhooks about returned money do to the subscription, to its refunds and to
//! the others beside it.

use alloc::string::String;
use alloc::vec::Vec;

use super::record::SubscriptionRecord;
use super::refunding::is_echo;
use super::{Cx, Subscription};
use crate::fact::IgnoredReason;
use crate::id::EffectId;
use crate::providers::flex::api::calls::{Call, RefundsOf};
use crate::providers::flex::api::objects::{ChargeObject, Entries, RefundObject};
use crate::providers::flex::sessions::Session;

impl Subscription {
    /// The subscription that a webhook about money may be about. A webhook that arrives before the subscription is
    /// known is early.
    pub(super) fn record_for_money(&mut self) -> Result<&mut SubscriptionRecord, IgnoredReason> {
        let missing = if self.is_absent() { IgnoredReason::Unrelated } else { IgnoredReason::Early };
        self.record.as_deref_mut().ok_or(missing)
    }

    /// The ids of the session that counts and of its payments.
    pub(super) fn sold_ids(&self) -> Vec<String> {
        self.sessions.settled().into_iter().flat_map(Session::ids).map(String::from).collect()
    }

    /// Whether a refund is of the subscription that counts.
    fn is_own_refund(&self, object: &RefundObject) -> bool {
        let sold_ids = self.sold_ids();
        self.record.as_ref().is_some_and(|it| it.has_refund(object, &sold_ids) || it.knows_refund(object))
    }

    /// Applies a webhook about a refund.
    pub(super) fn on_refund(&mut self, object: &RefundObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        self.record_for_money()?;
        let is_own = self.is_own_refund(object);
        let is_other = || self.is_of_other(object) || self.refunding.knows(&object.refund_id);
        if !is_own && !is_echo(object, cx) && !is_other() {
            return Err(unknown_owner(object.subscription(), object.payment_intent()));
        }
        let before = self.refunding.clone();
        self.take_refunds(&[object], None, cx);
        let has_news = self.refunding != before;
        // A person decides about a refund that this flow did not request.
        let is_foreign = is_own && !self.refunding.is_ours(object.refund_id.as_str());
        let noted = match self.record.as_deref_mut().filter(|_| is_foreign) {
            Some(record) => record.on_refund(object, cx),
            None => Err(IgnoredReason::Duplicate),
        };
        noted.or_else(|why| if has_news { Ok(()) } else { Err(why) })
    }

    /// Stores refunds, and ends the requests that they prove. `looked_up` is the request whose outcome was looked up, and
    /// whether the list is complete.
    fn take_refunds(&mut self, list: &[&RefundObject], looked_up: Option<(&EffectId, bool)>, cx: &mut Cx<'_>) {
        for object in list {
            let payment = self.payment_of(object);
            self.refunding.note(object, payment.as_deref(), cx);
        }
        self.refunding.settle(list, looked_up, cx);
        self.after_refunds(cx);
    }

    /// What follows once refunds have changed.
    pub(super) fn after_refunds(&mut self, cx: &mut Cx<'_>) {
        self.withdraw_moot_refunds(cx);
        self.ask_about_full_refunds(cx);
        self.refunding.plan(cx);
    }

    /// Withdraws the requested refunds that cannot be sent any more.
    pub(super) fn withdraw_moot_refunds(&mut self, cx: &mut Cx<'_>) {
        if let Some(record) = &self.record {
            self.refunding.withdraw_moot(record.watched(), cx);
        }
        self.drop_disputed_cancellation(cx);
    }

    /// Drops an unsent cancellation that would refund a disputed payment. The subscription goes on, so the host has to
    /// cancel again, without the refund.
    fn drop_disputed_cancellation(&mut self, cx: &mut Cx<'_>) {
        let is_it = |call: &Call| matches!(call, Call::CancelSubscription(_, it) if it.refunds());
        let Some(call) = cx.pending(is_it).filter(|it| !it.sent).map(|it| it.call.clone()) else { return };
        if !self.is_end_disputed() || cx.drop_unsent(is_it, "Its refund would return a disputed payment.").is_none() {
            return;
        }
        if let Some(record) = &mut self.record {
            record.not_ended(&call, cx);
            record.tell_of_refusal(&call, cx);
        }
    }

    /// Applies the reply to the refund of a payment.
    pub(super) fn on_refund_reply(&mut self, effect: &EffectId, object: &RefundObject, cx: &mut Cx<'_>) {
        let payment = self.payment_of(object);
        self.refunding.note(object, payment.as_deref(), cx);
        self.refunding.made(effect, &object.refund_id, cx);
        self.after_refunds(cx);
    }

    /// Applies a list of refunds. `confirms` is the request whose outcome the list was to show.
    pub(super) fn on_refund_list(
        &mut self,
        of: &RefundsOf,
        confirms: Option<&EffectId>,
        object: &Entries<RefundObject>,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let mode = self.record.as_ref().ok_or(IgnoredReason::Unrelated)?.test_mode();
        let asked = match of {
            RefundsOf::PaymentIntent(id) => Some(id.as_str()),
            RefundsOf::CheckoutSession(_) | RefundsOf::Any => None,
        };
        let fits = |it: &&RefundObject| {
            let is_of = asked.is_none() || it.payment_intent().is_none() || it.payment_intent() == asked;
            is_of && it.test_mode.is_in_mode(cx.settings(), mode)
        };
        let all: Vec<_> = object.list.iter().filter(fits).collect();
        let own: Vec<_> = all.iter().copied().filter(|it| self.is_own_refund(it)).collect();
        let is_known = |it: &&&RefundObject| {
            confirms.is_some() || is_echo(it, cx) || self.is_own_refund(it) || self.is_of_other(it)
        };
        let known: Vec<_> = all.iter().filter(is_known).copied().collect();
        if let Some(payment) = asked {
            self.refunding.looked(payment, cx);
        }
        let complete = object.complete && all.len() == object.list.len();
        self.take_refunds(&known, confirms.map(|effect| (effect, complete)), cx);
        let foreign: Vec<_> = own.iter().copied().filter(|it| !self.refunding.is_ours(it.refund_id.as_str())).collect();
        // Only an event about a charge says that the payment was refunded at all.
        let unexplained = own.is_empty() && asked.is_some_and(|it| self.refunding.is_reported(it));
        let sold_ids = self.sold_ids();
        if let Some(record) = &mut self.record {
            let unexplained = unexplained && asked.is_some_and(|it| record.has_payment(it, &sold_ids));
            record.on_refund_list(of, unexplained, &foreign, cx);
        }
        Ok(())
    }

    /// A part of a charge was refunded. The list of refunds shows by which refund.
    pub(super) fn on_charge_refunded(&mut self, object: &ChargeObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let sold_ids = self.sold_ids();
        let payment = object.payment_intent().ok_or(IgnoredReason::Unrelated)?;
        let is_other = self.payables().iter().any(|it| it.payment == payment);
        if !self.record_for_money()?.has_charge(object, &sold_ids) && !is_other {
            return Err(unknown_owner(None, Some(payment)));
        }
        self.refunding.note_charge(payment, object.amount_refunded);
        self.withdraw_moot_refunds(cx);
        cx.look_up(Call::ListRefunds(RefundsOf::PaymentIntent(payment.into())));
        Ok(())
    }
}

/// Why a webhook about money does not find the subscription. It is early if an invoice may still name its payment.
pub(super) const fn unknown_owner(subscription: Option<&str>, payment: Option<&str>) -> IgnoredReason {
    match (subscription, payment) {
        (None, Some(_)) => IgnoredReason::Early,
        _ => IgnoredReason::Unrelated,
    }
}
