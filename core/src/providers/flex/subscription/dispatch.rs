//! What each input does to the sessions, to the subscription and to others beside it, and what one does to another.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::record::SubscriptionRecord;
use super::{Command, Cx, Subscription, Trigger};
use crate::fact::{IgnoredReason, Origin};
use crate::flow::{AfterAll, Stop};
use crate::providers::flex::api::calls::{Call, RefundsOf};
use crate::providers::flex::api::objects::{
    ChargeSeen, DisputeSeen, Expandable, RefundSeen, SessionSeen, Status, SubscriptionSeen, SubscriptionStatus,
};
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::api::request::{CancelSubscription, UpdateSubscription};
use crate::providers::flex::api::webhook::Signal;
use crate::providers::flex::ids::SubscriptionId;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::{Evidence, Session, Settled};
use crate::time::Timestamp;

impl Subscription {
    /// The host commands.
    pub(super) fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        match command {
            Command::CreateCheckoutSession(request) => {
                self.sessions.create(*request, cx);
                return Ok(Trigger::Create);
            }
            Command::RetrieveCheckoutSession { checkout_session_id } => {
                self.sessions.retrieve(checkout_session_id, cx)?;
                return Ok(Trigger::Retrieve);
            }
            Command::RetrieveSubscription { subscription_id } => {
                self.retrieve(subscription_id, cx)?;
                return Ok(Trigger::Retrieve);
            }
            Command::CancelSubscription(asked) => self.cancel(asked, cx)?,
            Command::UpdateSubscription(asked) => self.record.as_mut().ok_or(Stop::NotNow)?.update(asked, cx),
        }
        Ok(Trigger::Other)
    }

    fn retrieve(&mut self, given: Option<SubscriptionId>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if let Some(record) = &self.record {
            record.look(cx);
            return Ok(());
        }
        let id = given.ok_or(Stop::NotNow)?;
        // What was asked for before and not found is asked for no more.
        cx.withdraw_all_about(&[Review::NotFound.as_str()], |_| true);
        self.adopt(id, cx);
        Ok(())
    }

    /// Looks up a subscription for the first time.
    fn adopt(&mut self, id: SubscriptionId, cx: &mut Cx<'_>) {
        let record = SubscriptionRecord::adopted(id, cx.now());
        record.look(cx);
        self.record = Some(Box::new(record));
    }

    fn cancel(&mut self, mut asked: CancelSubscription, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let named = asked.subscription_id.take();
        let is_main = |id: &SubscriptionId| self.record.as_ref().is_some_and(|record| record.id() == id);
        if let Some(other) = named.filter(|id| !is_main(id)) {
            return self.others.find(Some(other.as_str())).ok_or(Stop::NotNow)?.cancel(asked, cx);
        }
        let record = self.record.as_mut().filter(|record| record.can_end()).ok_or(Stop::NotNow)?;
        match asked.cancel_at_period_end {
            Some(true) => record.update(UpdateSubscription { extra: asked.extra, ..UpdateSubscription::new(true) }, cx),
            _ => record.cancel(asked, cx),
        }
        Ok(())
    }

    /// A reply proves the success of a request, or answers a lookup.
    pub(super) fn answered(&mut self, call: &Call, event: &Event, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        match (call, event) {
            (Call::CreateCheckoutSession(_), Event::Session(seen)) => {
                let settled = self.sessions.created(seen, Evidence::Reply, cx)?;
                self.follow(settled, seen, cx);
            }
            (Call::FindCheckoutSession(_), Event::Sessions(list)) => {
                if let Some((settled, seen)) = self.sessions.found(list, cx)? {
                    self.follow(settled, seen, cx);
                }
            }
            (_, Event::Session(seen)) => {
                let settled = self.sessions.shown(seen, cx)?;
                self.follow(settled, seen, cx);
            }
            (_, Event::Subscription(seen)) => return self.shown(call, seen, cx),
            (Call::RetrieveInvoice(_), Event::Invoice(seen)) => {
                self.record.as_mut().ok_or(IgnoredReason::Unrelated)?.invoice_shown(seen, cx);
            }
            (Call::ListRefunds(of), Event::Refunds(seen)) => {
                let sold = self.sold();
                self.record.as_mut().ok_or(IgnoredReason::Unrelated)?.refunds_shown(of, seen, &sold, cx);
            }
            _ => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// A request was done that had been ended as not done: the new try is none.
    pub(super) fn after_all(&mut self, made: &AfterAll<Call>, event: &Event, cx: &mut Cx<'_>) {
        if let (Some((_, call)), Some(record)) = (&made.again, &mut self.record) {
            record.not_ended(call, cx);
        }
        self.sessions.after_all(made, cx);
        // What does not fit the state any more is the person's, who is asked.
        let _ = self.answered(&made.call, event, cx);
    }

    /// Nothing came of a request so far.
    pub(super) fn not_sent(&mut self, call: &Call, cx: &mut Cx<'_>) {
        match (call, &self.record) {
            (Call::CreateCheckoutSession(_), _) => self.sessions.not_sent(cx),
            (Call::UpdateSubscription(_, asked), Some(record)) => record.not_sent(asked, cx),
            _ => {}
        }
    }

    /// Flex refuses a request; of a lookup: there is no such thing.
    pub(super) fn refused(&mut self, call: &Call, cx: &mut Cx<'_>) {
        let is_unsold = self.sessions.settled().is_none();
        match (call, &mut self.record) {
            (Call::RetrieveSubscription(id) | Call::ConfirmSubscription(id), Some(record)) if id != record.id() => {}
            (Call::RetrieveSubscription(id), Some(record)) if is_unsold && record.is_only_requested() => {
                cx.ask(Review::NotFound, id.as_str());
                self.record = None;
            }
            (Call::RetrieveSubscription(_) | Call::ConfirmSubscription(_), Some(record)) => record.not_found(cx),
            (Call::RetrieveInvoice(id), Some(record)) => record.invoice_not_found(id, cx),
            (Call::CancelSubscription(id, _), Some(record)) if id == record.id() => record.not_ended(call, cx),
            (Call::CancelSubscription(id, _), Some(_)) => cx.look_up(Call::RetrieveSubscription(id.clone())),
            (Call::UpdateSubscription(..), Some(record)) => record.not_ended(call, cx),
            _ => self.sessions.refused(call, cx),
        }
    }

    /// A person says what has become of a request, or gives it up: no verdict then.
    pub(super) fn resolved(&mut self, call: &Call, verdict: Option<Verdict>, named: Option<&str>, cx: &mut Cx<'_>) {
        let has_ended = verdict == Some(Verdict::Ended);
        match call {
            Call::CancelSubscription(id, asked) => match (self.others.find(Some(id.as_str())), &mut self.record) {
                (Some(other), _) if has_ended => other.end(cx),
                (Some(_), _) | (None, None) => {}
                (None, Some(record)) if has_ended => {
                    record.expect_refund(asked, Timestamp::default(), cx);
                    record.end(SubscriptionStatus::Canceled, cx);
                }
                (None, Some(record)) => record.not_ended(call, cx),
            },
            Call::UpdateSubscription(..) => {
                if let Some(record) = &mut self.record {
                    record.not_ended(call, cx);
                }
            }
            Call::RetrieveSubscription(_) | Call::RetrieveInvoice(_) => {
                let is_unsold = self.sessions.settled().is_none();
                match self.record.as_mut().filter(|record| !(is_unsold && record.is_only_requested())) {
                    Some(record) => record.plan(cx),
                    None => self.record = None,
                }
            }
            Call::ConfirmSubscription(_) | Call::ListRefunds(_) => {}
            _ => self.sessions.resolved(call, named, cx),
        }
    }

    /// What a session that was shown leads to: delivery, once, and the lookup of its subscription.
    fn follow(&mut self, settled: Settled, seen: &SessionSeen, cx: &mut Cx<'_>) {
        if let Some(session) = settled {
            self.settle(&session, seen, cx);
        }
        let is_paid = seen.status == Some(Status::Complete) && self.sessions.find(&seen.checkout_session_id).is_some();
        if let Some(record) = self.record.as_ref().filter(|_| is_paid) {
            self.others.note(seen, record.id(), cx);
        }
    }

    /// A session that is paid sells its subscription. What it has sold is delivered once, if it is what was asked for.
    fn settle(&mut self, session: &Session, seen: &SessionSeen, cx: &mut Cx<'_>) {
        let before = self.record.take_if(|record| record.is_only_requested());
        if let Some(id) = seen.subscription_ids().next().filter(|_| self.record.is_none()) {
            cx.learn(id.as_str());
            // An adoption that has shown nothing yet gives way to what was paid.
            let gone = before.map(|record| record.id().clone()).filter(|gone| *gone != id);
            cx.withdraw(|call| matches!(call, Call::RetrieveSubscription(of) if Some(of) == gone.as_ref()));
            let record = SubscriptionRecord::sold(id, session, seen, cx.now());
            record.look(cx);
            self.record = Some(Box::new(record));
        } else {
            self.record = self.record.take().or(before);
        }
        let Some(record) = &mut self.record else { return };
        let shown = seen.subscription_status();
        match (session.is_own(), session.is_sound()) {
            (false, _) => {}
            (true, false) => cx.ask(Review::NotAsAsked, session.id().as_str()),
            // It is paid for nothing that runs yet.
            (true, true) if shown.is_some_and(|status| !status.is_live()) => record.hold(session.id().as_str()),
            (true, true) => record.deliver(session.id().as_str(), cx),
        }
    }

    /// The session that counts and its payments, by their ids.
    fn sold(&self) -> Vec<String> {
        self.sessions.settled().into_iter().flat_map(Session::ids).map(String::from).collect()
    }

    /// A reply shows a subscription.
    fn shown(&mut self, call: &Call, seen: &SubscriptionSeen, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if let Some(other) = self.others.find(Some(seen.subscription_id.as_str())) {
            other.shown(call, seen, cx);
            return Ok(());
        }
        let record = self.record.as_mut().filter(|record| *record.id() == seen.subscription_id);
        record.ok_or(IgnoredReason::Unrelated)?.answered(call, seen, cx);
        Ok(())
    }

    /// A webhook: one that is not signed proves nothing.
    pub(super) fn signaled(&mut self, event: Event, origin: Origin, cx: &mut Cx<'_>) -> Result<Trigger, IgnoredReason> {
        let Event::Signal(signal) = event else { return Err(IgnoredReason::Unrelated) };
        cx.check(Rule::WebhookSignature, origin == Origin::Verified);
        if origin != Origin::Verified {
            return Err(IgnoredReason::Unrelated);
        }
        // A session is held against its own mode.
        if !matches!(*signal, Signal::SessionCompleted(_) | Signal::SessionChanged(_) | Signal::Other) {
            signal.test_mode().admit(self.record.as_ref().and_then(|record| record.test_mode()), cx)?;
        }
        match *signal {
            Signal::SessionCompleted(seen) => {
                let settled = self.sessions.signaled(&seen, true, cx)?;
                self.follow(settled, &seen, cx);
            }
            Signal::SessionChanged(seen) => {
                let settled = self.sessions.signaled(&seen, false, cx)?;
                self.follow(settled, &seen, cx);
            }
            Signal::InvoicePaid(invoice) => match self.others.find(invoice.subscription()) {
                Some(other) => other.paid(&invoice, cx)?,
                None => self.owned(invoice.subscription(), invoice.customer.as_ref(), cx)?.paid(&invoice, cx)?,
            },
            Signal::InvoiceFailed(invoice) => {
                self.owned(invoice.subscription(), invoice.customer.as_ref(), cx)?.failed(&invoice, cx)?;
            }
            Signal::SubscriptionChanged(seen) => {
                self.owned(Some(seen.subscription_id.as_str()), seen.customer.as_ref(), cx)?.changed(cx)?;
            }
            Signal::SubscriptionDeleted(seen) => {
                let id = Some(seen.subscription_id.as_str());
                match self.others.find(id) {
                    Some(other) => other.deleted(cx)?,
                    None => self.owned(id, seen.customer.as_ref(), cx)?.deleted(cx)?,
                }
                return Ok(Trigger::Deleted);
            }
            Signal::Refund(seen) => self.refunded(&seen, cx)?,
            Signal::ChargeRefunded(seen) => self.charge_refunded(&seen, cx)?,
            Signal::Dispute(seen) => self.disputed(&seen, cx)?,
            Signal::Other => return Err(IgnoredReason::Unrelated),
        }
        Ok(Trigger::Session)
    }

    /// The subscription, if a webhook is about it; a webhook that comes before its id is early.
    fn owned(
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
            // Another session may be paid yet, and tell what it has sold.
            Some(record) if may_sell && id.is_some_and(|id| !record.is(id)) => Err(IgnoredReason::Early),
            Some(record) => {
                record.owns(id, customer, cx)?;
                Ok(record)
            }
        }
    }

    /// The subscription; a webhook about money that comes before its id is known is early.
    fn known(&mut self) -> Result<&mut SubscriptionRecord, IgnoredReason> {
        let missing = if self.is_absent() { IgnoredReason::Unrelated } else { IgnoredReason::Early };
        self.record.as_deref_mut().ok_or(missing)
    }

    fn refunded(&mut self, seen: &RefundSeen, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let sold = self.sold();
        let record = self.known()?;
        if !record.has_refund(seen, &sold) {
            return Err(unknown(seen.subscription(), seen.payment_intent()));
        }
        record.refunded(seen, cx)
    }

    /// Something of a charge was given back: the list tells by which refund.
    fn charge_refunded(&mut self, seen: &ChargeSeen, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let sold = self.sold();
        let payment = seen.payment_intent().ok_or(IgnoredReason::Unrelated)?;
        if !self.known()?.has_charge(seen, &sold) {
            return Err(unknown(None, Some(payment)));
        }
        cx.look_up(Call::ListRefunds(RefundsOf::PaymentIntent(payment.into())));
        Ok(())
    }

    fn disputed(&mut self, seen: &DisputeSeen, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let sold = self.sold();
        let reference = seen.client_reference_id.as_deref();
        let ours = reference.is_some() && reference == self.sessions.reference();
        let record = self.known()?;
        let own_key = ours && reference == Some(cx.key().as_str());
        if !own_key && !record.has_dispute(seen, &sold) {
            return Err(unknown(seen.subscription(), seen.payment_intent()));
        }
        record.disputed(seen, cx)
    }

    /// A person answers a question.
    pub(super) fn reviewed(&mut self, review: Review, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        if review == Review::NotFound
            && verdict == Verdict::Keep
            && self.is_absent()
            && let Ok(id) = SubscriptionId::parse(about)
        {
            // Nothing was adopted: it is looked up again.
            return self.adopt(id, cx);
        }
        let reviewed = self.record.as_mut().is_some_and(|record| record.reviewed(review, about, verdict, cx));
        if !reviewed {
            // A session of a subscription is not said to be complete: only Flex tells what it has made.
            let _ = self.sessions.reviewed(review, about, verdict, cx);
        }
    }
}

impl Trigger {
    /// What a reply counts as.
    pub(super) const fn of(event: &Event) -> Self {
        match event {
            Event::Subscription(_) => Self::Subscription,
            _ => Self::Session,
        }
    }
}

/// Why money that moved is not known to be of this subscription: the event of an invoice may still name its payment.
const fn unknown(subscription: Option<&str>, payment: Option<&str>) -> IgnoredReason {
    match (subscription, payment) {
        (None, Some(_)) => IgnoredReason::Early,
        _ => IgnoredReason::Unrelated,
    }
}
