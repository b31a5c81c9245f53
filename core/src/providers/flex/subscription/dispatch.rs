//! The dispatch of a subscription: what each input does to the sessions, to the subscription and to the others beside
//! it.

use alloc::boxed::Box;

use super::record::SubscriptionRecord;
use super::refunding::is_effect;
use super::{Cx, Subscription, Trigger};
use crate::fact::{IgnoredReason, Origin};
use crate::flow::{AfterAll, Cause};
use crate::providers::flex::api::calls::{Call, RefundsOf};
use crate::providers::flex::api::objects::{Expandable, SessionObject, Status, SubscriptionObject, SubscriptionStatus};
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::api::webhook::Signal;
use crate::providers::flex::ids::SubscriptionId;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::{Evidence, Session, Settled, Settlement};
use crate::time::Timestamp;

impl Subscription {
    /// Applies the reply that proves a request, or that a lookup got.
    pub(super) fn on_reply(&mut self, call: &Call, event: &Event, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        match (call, event) {
            (Call::CreateCheckoutSession(_), Event::Session(object)) => {
                let settled = self.sessions.add_created(object, Evidence::Reply, cx)?;
                self.apply_session(settled, object, cx);
            }
            (Call::FindCheckoutSession(_), Event::Sessions(list)) => {
                if let Some((settled, object)) = self.sessions.found(list, cx)? {
                    self.apply_session(settled, object, cx);
                }
            }
            (Call::SetUpPaymentMethod(_), Event::Session(object)) => {
                self.record.as_mut().ok_or(IgnoredReason::Unrelated)?.on_page(call, object, cx);
            }
            (Call::RetrieveSetupIntent(_), Event::SetupIntent(object)) => {
                self.record.as_mut().ok_or(IgnoredReason::Unrelated)?.on_setup_intent(object, cx);
            }
            (Call::RetrieveCheckoutSession(id), Event::Session(object)) if self.has_page(id) => {
                self.record.as_mut().ok_or(IgnoredReason::Unrelated)?.on_page_lookup(object, cx);
            }
            (_, Event::Session(object)) => {
                let settled = self.sessions.on_lookup(object, cx)?;
                self.apply_session(settled, object, cx);
            }
            (_, Event::Subscription(object)) => return self.on_subscription(call, object, cx),
            (Call::RetrieveInvoice(_), Event::Invoice(object)) => {
                self.record.as_mut().ok_or(IgnoredReason::Unrelated)?.on_invoice_lookup(object, cx);
            }
            (Call::RefundPayment(effect, _), Event::Refund(object)) => self.on_refund_reply(effect, object, cx),
            (Call::ListRefunds(of), Event::Refunds(list)) => self.on_refund_list(of, None, list, cx)?,
            (Call::ConfirmRefund(payment, effect), Event::Refunds(list)) => {
                self.on_refund_list(&RefundsOf::PaymentIntent(payment.clone()), Some(effect), list, cx)?;
            }
            (Call::FindDisputes(payment), Event::Disputes(list)) => self.on_dispute_list(payment, list, cx)?,
            (_, Event::Dispute(object)) => self.on_dispute_reply(call, object, cx)?,
            _ => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// A request was done after it had ended as not done. Its retry is dropped.
    pub(super) fn after_all(&mut self, made: &AfterAll<Call>, event: &Event, cx: &mut Cx<'_>) {
        match (made.again.as_ref().map(|(_, call)| &**call), &mut self.record) {
            (Some(Call::RefundPayment(effect, _)), _) => self.refunding.not_made(effect, Cause::Dropped),
            (Some(call), Some(record)) => record.not_done(call, cx),
            _ => {}
        }
        if let (Call::CreateCheckoutSession(_), Event::Session(object)) = (&*made.call, event) {
            let settled = self.sessions.after_all(made, object, cx);
            return self.apply_session(settled, object, cx);
        }
        // If the state does not allow it any more, the review that is open covers it.
        let _ = self.on_reply(&made.call, event, cx);
    }

    /// Nothing came of a request so far.
    pub(super) fn not_sent(&mut self, call: &Call, cx: &mut Cx<'_>) {
        match (call, &self.record) {
            (Call::CreateCheckoutSession(_), _) => self.sessions.not_sent(cx),
            (Call::UpdateSubscription(_, requested), Some(record)) => record.not_sent(requested, cx),
            (Call::CloseDispute(id), Some(record)) => record.watched().plan(id, cx),
            (Call::RefundPayment(..) | Call::CancelSubscription(..), _) => self.withdraw_moot_refunds(cx),
            _ => {}
        }
    }

    /// Flex has refused a request. A refused lookup means that the object does not exist.
    pub(super) fn refused(&mut self, call: &Call, cx: &mut Cx<'_>) {
        let is_unsold = self.sessions.settled().is_none();
        match (call, &mut self.record) {
            (Call::RefundPayment(effect, requested), _) => {
                self.refunding.not_made(effect, Cause::Refused);
                // Flex may refuse because the money was returned already.
                let payment = requested.payment_intent_id.clone().map(RefundsOf::PaymentIntent);
                payment.into_iter().for_each(|of| cx.look_up(Call::ListRefunds(of)));
            }
            (Call::RetrieveSetupIntent(_), Some(record)) => record.page_not_found(call, cx),
            (Call::RetrieveCheckoutSession(id), Some(record)) if record.knows_page(id) => {
                record.page_not_found(call, cx)
            }
            (Call::ConfirmRefund(_, effect), _) => cx.look_again(|call| is_effect(call, effect)),
            (Call::RetrieveDispute(_) | Call::CloseDispute(_), record) => {
                record.iter_mut().for_each(|record| record.watched_mut().refused(call, cx));
            }
            (Call::RetrieveSubscription(id) | Call::ConfirmSubscription(id), Some(record)) if id != record.id() => {}
            (Call::RetrieveSubscription(id), Some(record)) if is_unsold && record.is_only_requested() => {
                cx.ask(Review::NotFound, id);
                self.record = None;
            }
            (Call::RetrieveSubscription(_) | Call::ConfirmSubscription(_), Some(record)) => record.not_found(cx),
            (Call::FindDisputes(_), _) => {}
            (Call::RetrieveInvoice(id), Some(record)) => record.invoice_not_found(id, cx),
            (Call::CancelSubscription(id, _), Some(record)) if id == record.id() => {
                record.not_ended(call, cx);
                record.tell_of_refusal(call, cx);
            }
            (Call::CancelSubscription(id, _), Some(_)) => {
                self.others.find(Some(id.as_str())).into_iter().for_each(|other| other.not_ended(cx));
            }
            (Call::UpdateSubscription(..) | Call::ChangeSubscription(..), Some(record)) => {
                record.not_done(call, cx);
                record.tell_of_refusal(call, cx);
            }
            _ => self.sessions.refused(call, cx),
        }
    }

    /// Applies a person's verdict about a request, or the end of its retries. Then there is no verdict.
    pub(super) fn resolved(&mut self, call: &Call, verdict: Option<Verdict>, made_id: Option<&str>, cx: &mut Cx<'_>) {
        let has_ended = verdict == Some(Verdict::Ended);
        match call {
            Call::RetrieveDispute(_) | Call::CloseDispute(_) => self.dispute_resolved(call, verdict, cx),
            Call::CancelSubscription(id, requested) => match (self.others.find(Some(id.as_str())), &mut self.record) {
                (Some(other), _) if has_ended => other.end(cx),
                (Some(other), _) => other.not_ended(cx),
                (None, None) => {}
                (None, Some(record)) if has_ended => {
                    record.expect_refund(requested, Timestamp::default(), cx);
                    record.end(SubscriptionStatus::Canceled, cx);
                }
                (None, Some(record)) => {
                    record.not_ended(call, cx);
                    record.tell_of_refusal(call, cx);
                }
            },
            Call::UpdateSubscription(_, requested) => {
                if let Some(record) = &mut self.record {
                    record.not_ended(call, cx);
                    match verdict {
                        Some(Verdict::Changed) => record.flag_attested(requested),
                        _ => record.tell_of_refusal(call, cx),
                    }
                }
            }
            Call::ChangeSubscription(_, requested) => {
                if let Some(record) = &mut self.record {
                    record.not_done(call, cx);
                    if verdict == Some(Verdict::Changed) {
                        record.changed(requested, cx);
                    }
                }
            }
            Call::RetrieveSubscription(_) | Call::RetrieveInvoice(_) => {
                let is_unsold = self.sessions.settled().is_none();
                match self.record.as_mut().filter(|record| !(is_unsold && record.is_only_requested())) {
                    Some(record) => record.plan(cx),
                    None => self.record = None,
                }
            }
            Call::RefundPayment(effect, _) => {
                self.refunding.resolved(effect, made_id, cx);
                self.after_refunds(cx);
            }
            Call::RetrieveCheckoutSession(id) if self.has_page(id) => {}
            Call::ConfirmSubscription(_)
            | Call::ListRefunds(_)
            | Call::ConfirmRefund(..)
            | Call::FindDisputes(_)
            | Call::SetUpPaymentMethod(_)
            | Call::RetrieveSetupIntent(_) => {}
            _ => self.sessions.resolved(call, made_id, cx),
        }
    }

    /// Applies a shown session: its purchase is delivered once, and its subscription is looked up.
    fn apply_session(&mut self, settled: Settled, object: &SessionObject, cx: &mut Cx<'_>) {
        match settled {
            Some(Settlement::Paid(session)) => self.settle(&session, object, cx),
            Some(Settlement::Differs(id)) => {
                let is_taken_back = self.record.as_mut().is_some_and(|record| record.take_back(id.as_str(), cx));
                cx.ask(if is_taken_back { Review::NotAsAsked } else { Review::DiffersAfterAll }, &id);
            }
            None => {}
        }
        let is_paid =
            object.status == Some(Status::Complete) && self.sessions.find(&object.checkout_session_id).is_some();
        if let Some(record) = self.record.as_ref().filter(|_| is_paid) {
            self.others.note(object, record.id(), cx);
        }
    }

    /// A paid session has sold its subscription. The purchase is delivered once, if the session matches the request.
    fn settle(&mut self, session: &Session, object: &SessionObject, cx: &mut Cx<'_>) {
        let before = self.record.take_if(|record| record.is_only_requested());
        if let Some(id) = object.subscription_ids().next().filter(|_| self.record.is_none()) {
            cx.learn(&id);
            // The paid subscription replaces an adopted one that no lookup has shown yet.
            let replaced = before.map(|record| record.id().clone()).filter(|replaced| *replaced != id);
            cx.withdraw(|call| matches!(call, Call::RetrieveSubscription(id) if Some(id) == replaced.as_ref()));
            let record = SubscriptionRecord::sold(id, session, object, cx.now());
            record.look_up(cx);
            self.record = Some(Box::new(record));
        } else {
            self.record = self.record.take().or(before);
        }
        let Some(record) = &mut self.record else { return };
        let status = object.subscription_status();
        match (session.is_own(), session.is_sound()) {
            (false, _) => {}
            (true, false) => cx.ask(Review::NotAsAsked, session.id()),
            // The session is paid, but its subscription does not run yet.
            (true, true) if status.is_some_and(|status| !status.is_live()) => record.hold(session.id().as_str()),
            (true, true) => record.deliver(session.id().as_str(), cx),
        }
    }

    /// Applies a reply that shows a subscription.
    fn on_subscription(
        &mut self,
        call: &Call,
        object: &SubscriptionObject,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        if let Some(other) = self.others.find(Some(object.subscription_id.as_str())) {
            other.on_lookup(call, object, cx);
            return Ok(());
        }
        let record = self.record.as_mut().filter(|record| *record.id() == object.subscription_id);
        record.ok_or(IgnoredReason::Unrelated)?.on_reply(call, object, cx);
        Ok(())
    }

    /// Applies a webhook. An unsigned webhook proves nothing.
    pub(super) fn on_webhook(
        &mut self,
        event: Event,
        origin: Origin,
        cx: &mut Cx<'_>,
    ) -> Result<Trigger, IgnoredReason> {
        let Event::Signal(signal) = event else { return Err(IgnoredReason::Unrelated) };
        cx.check(Rule::WebhookSignature, origin == Origin::Verified);
        if origin != Origin::Verified {
            return Err(IgnoredReason::Unrelated);
        }
        // The mode of a session is checked against that session instead.
        if !matches!(*signal, Signal::SessionCompleted(_) | Signal::SessionChanged(_) | Signal::Other) {
            signal.test_mode().require_mode(self.record.as_ref().and_then(|record| record.test_mode()), cx)?;
        }
        match *signal {
            Signal::SessionCompleted(object) | Signal::SessionChanged(object) if self.is_page(&object) => {
                self.record.as_mut().ok_or(IgnoredReason::Unrelated)?.on_page_webhook(&object, cx)?;
            }
            Signal::SessionCompleted(object) => {
                let settled = self.sessions.on_webhook(&object, true, cx)?;
                self.apply_session(settled, &object, cx);
            }
            Signal::SessionChanged(object) => {
                let settled = self.sessions.on_webhook(&object, false, cx)?;
                self.apply_session(settled, &object, cx);
            }
            Signal::InvoicePaid(invoice) => match self.others.find(invoice.subscription()) {
                Some(other) => other.on_invoice_paid(&invoice, cx)?,
                None => self
                    .record_for(invoice.subscription(), invoice.customer.as_ref(), cx)?
                    .on_invoice_paid(&invoice, cx)?,
            },
            Signal::InvoiceFailed(invoice) => {
                self.record_for(invoice.subscription(), invoice.customer.as_ref(), cx)?
                    .on_invoice_failed(&invoice, cx)?;
            }
            Signal::SubscriptionChanged(object) => {
                self.record_for(Some(object.subscription_id.as_str()), object.customer.as_ref(), cx)?.on_changed(cx)?;
            }
            Signal::SubscriptionDeleted(object) => {
                let id = Some(object.subscription_id.as_str());
                match self.others.find(id) {
                    Some(other) => other.on_deleted(cx)?,
                    None => self.record_for(id, object.customer.as_ref(), cx)?.on_deleted(cx)?,
                }
                return Ok(Trigger::Deleted);
            }
            Signal::Refund(object) => self.on_refund(&object, cx)?,
            Signal::ChargeRefunded(object) => self.on_charge_refunded(&object, cx)?,
            Signal::Dispute(object) => self.on_dispute(&object, cx)?,
            Signal::Other => return Err(IgnoredReason::Unrelated),
        }
        Ok(Trigger::Session)
    }

    /// The subscription that a webhook is about. A webhook that arrives before the subscription is known is early.
    fn record_for(
        &mut self,
        id: Option<&str>,
        customer: Option<&Expandable>,
        cx: &mut Cx<'_>,
    ) -> Result<&mut SubscriptionRecord, IgnoredReason> {
        let waiting = !self.is_absent();
        let may_sell = self.sessions.may_sell();
        match &mut self.record {
            None if waiting && id.is_some() => Err(IgnoredReason::Early),
            None => Err(IgnoredReason::Unrelated),
            // Another session may still be paid, and then name this subscription.
            Some(record) if may_sell && id.is_some_and(|id| !record.is(id)) => Err(IgnoredReason::Early),
            Some(record) => {
                record.check_owner(id, customer, cx)?;
                Ok(record)
            }
        }
    }

    /// Applies a person's verdict.
    pub(super) fn reviewed(&mut self, review: Review, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        if review == Review::NotFound
            && verdict == Verdict::Keep
            && self.is_absent()
            && let Ok(id) = SubscriptionId::parse(about)
        {
            // No subscription was adopted, so the flow looks the id up again.
            return self.adopt(id, cx);
        }
        if review == Review::RefundPending && self.refunding.reviewed(about, verdict, cx) {
            return;
        }
        let reviewed = self.record.as_mut().is_some_and(|record| record.reviewed(review, about, verdict, cx));
        if !reviewed {
            // A person cannot call the session of a subscription complete. Only Flex can say what the session has
            // created.
            let _ = self.sessions.reviewed(review, about, verdict, cx);
        }
        self.withdraw_moot_refunds(cx);
    }
}

impl Trigger {
    /// The trigger of a reply.
    pub(super) const fn of(event: &Event) -> Self {
        match event {
            Event::Subscription(_) => Self::Subscription,
            _ => Self::Session,
        }
    }
}
