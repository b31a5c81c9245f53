//! The dispatch of a checkout: what each input does to the sessions and to the payment.

use alloc::boxed::Box;

use super::payment::Payment;
use super::{Checkout, Command, Cx, Trigger};
use crate::fact::{IgnoredReason, Origin};
use crate::flow::{AfterAll, Cause, Stop};
use crate::id::EffectId;
use crate::id::TypedId;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{ChargeObject, DisputeObject, RefundObject, SessionObject};
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::api::webhook::Signal;
use crate::providers::flex::ids::DisputeId;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::{Evidence, Session, Settled, Settlement, is_create};

impl Checkout {
    /// The payment, and the session that it belongs to.
    pub(super) fn payment_and_session(&mut self) -> Option<(&mut Payment, &Session)> {
        self.payment.as_deref_mut().zip(self.sessions.settled())
    }

    /// Carries out a command.
    pub(super) fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        match command {
            Command::CreateCheckoutSession(request) => {
                self.sessions.create(*request, cx)?;
                Ok(Trigger::Create)
            }
            Command::RetrieveCheckoutSession { checkout_session_id } => {
                self.sessions.retrieve(checkout_session_id, cx)?;
                Ok(Trigger::Retrieve)
            }
            Command::CreateRefund(refund) => {
                let (payment, session) = self.payment_and_session().ok_or(Stop::NotNow)?;
                payment.refund(*refund, session, cx)?;
                Ok(Trigger::Other)
            }
            Command::CapturePayment(capture) => {
                let (payment, session) = self.payment_and_session().ok_or(Stop::NotNow)?;
                payment.capture(*capture, session.id(), cx)?;
                Ok(Trigger::Other)
            }
            Command::RetrieveDispute { dispute_id } => {
                cx.look_up(Call::RetrieveDispute(dispute_id));
                Ok(Trigger::Other)
            }
            Command::CloseDispute { dispute_id } => {
                self.payment.as_mut().ok_or(Stop::NotNow)?.watched_mut().close(&dispute_id, cx)?;
                Ok(Trigger::Other)
            }
        }
    }

    /// Applies the reply that proves a request, or that a lookup got.
    pub(super) fn on_reply(
        &mut self,
        id: &EffectId,
        call: &Call,
        event: &Event,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        match (call, event) {
            (Call::CreateCheckoutSession(_), Event::Session(object)) => {
                let settled = self.sessions.add_created(object, Evidence::Reply, cx)?;
                self.apply_session(settled, object, None, cx);
            }
            (Call::FindCheckoutSession(_), Event::Sessions(list)) => {
                if let Some((settled, object)) = self.sessions.found(list, cx)? {
                    self.apply_session(settled, object, None, cx);
                }
            }
            (Call::RetrieveCheckoutSession(_), Event::Session(object)) => self.on_lookup(object, None, cx)?,
            (Call::ConfirmCheckoutSession(_, effect), Event::Session(object)) => {
                self.on_lookup(object, Some(effect), cx)?
            }
            (Call::ListCaptures(_), Event::Captures(list)) => {
                if let Some((payment, session)) = self.payment_and_session() {
                    payment.on_capture_list(list, session.id(), cx);
                }
            }
            // The refunds in its own reply belong to this request first. Only what is left over can belong to others.
            (Call::CreateRefund(..), Event::Refunded(object, ids)) => {
                let payment = self.payment.as_mut().ok_or(IgnoredReason::Unrelated)?;
                let surplus = payment.on_refund_reply(id, object, ids, cx);
                self.on_lookup(object, None, cx)?;
                if let Some((payment, session)) = self.payment_and_session() {
                    payment.ask_about_surplus(id, &surplus, cx);
                    payment.plan(session.id(), cx);
                }
            }
            (Call::CapturePayment(_, _, capture), Event::Captured(object, made)) => {
                let payment = self.payment.as_mut().ok_or(IgnoredReason::Unrelated)?;
                payment.on_capture_session(id, capture, object, made.as_ref(), cx);
                self.on_lookup(object, None, cx)?;
            }
            (Call::CapturePayment(_, _, capture), Event::Capture(object)) => {
                let (payment, session) = self.payment_and_session().ok_or(IgnoredReason::Unrelated)?;
                payment.on_capture_object(id, capture, object, session.id(), cx);
            }
            (_, Event::Dispute(object)) => self.on_dispute_reply(call, object, cx)?,
            _ => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// Applies a lookup of a session. `requested` is the request whose outcome was looked up.
    fn on_lookup(
        &mut self,
        object: &SessionObject,
        requested: Option<&EffectId>,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let settled = self.sessions.on_lookup(object, cx)?;
        if let Some(payment) = &mut self.payment {
            payment.note_lookup(cx);
        }
        self.apply_session(settled, object, requested, cx);
        Ok(())
    }

    /// Applies a shown session to the payment.
    fn apply_session(
        &mut self,
        settled: Settled,
        object: &SessionObject,
        requested: Option<&EffectId>,
        cx: &mut Cx<'_>,
    ) {
        self.settle(settled, cx);
        if let Some((payment, session)) = self.payment_and_session()
            && *session.id() == object.checkout_session_id
        {
            payment.on_session(session, object, requested, cx);
        }
    }

    /// A paid session settles the checkout.
    fn settle(&mut self, settled: Settled, cx: &mut Cx<'_>) {
        match settled {
            Some(Settlement::Paid(session)) => self.payment = Some(Box::new(Payment::new(&session, cx))),
            Some(Settlement::Differs(id)) => {
                let is_taken_back = cx.take_back_delivery(id.as_str());
                cx.ask(if is_taken_back { Review::NotAsAsked } else { Review::DiffersAfterAll }, &id);
            }
            None => {}
        }
    }

    /// A request was done after it had ended as not done. Its effect counts, and its retry is dropped.
    pub(super) fn after_all(&mut self, made: &AfterAll<Call>, event: &Event, cx: &mut Cx<'_>) {
        if let (Some((effect, call)), Some(payment)) = (&made.again, &mut self.payment) {
            payment.request_failed(effect, call, Cause::Dropped);
        }
        if let (Call::CreateCheckoutSession(_), Event::Session(object)) = (&*made.call, event) {
            let settled = self.sessions.after_all(made, object, cx);
            return self.apply_session(settled, object, None, cx);
        }
        // If the state does not allow it any more, the review that is open covers it.
        let _ = self.on_reply(&made.id, &made.call, event, cx);
    }

    /// Nothing came of a request so far.
    pub(super) fn not_sent(&mut self, call: &Call, cx: &mut Cx<'_>) {
        if is_create(call) {
            self.sessions.not_sent(cx);
        } else if let Some((payment, session)) = self.payment_and_session() {
            if let Call::CloseDispute(id) = call {
                payment.watched().plan(id, cx);
            }
            payment.withdraw_moot(session.is_manual(), cx);
        }
    }

    /// Flex has refused a request. A refused lookup means that the object does not exist.
    pub(super) fn refused(&mut self, id: &EffectId, call: &Call, cx: &mut Cx<'_>) {
        match call {
            Call::CreateRefund(session, ..) | Call::CapturePayment(session, ..) => {
                if let Some(payment) = &mut self.payment {
                    payment.request_failed(id, call, Cause::Refused);
                }
                // Flex may refuse because the money has moved already.
                cx.look_up(Call::RetrieveCheckoutSession(session.clone()));
            }
            Call::ConfirmCheckoutSession(session, effect) => {
                cx.ask(Review::NotFound, session);
                Payment::retry_lookup(effect, cx);
            }
            Call::RetrieveDispute(_) | Call::CloseDispute(_) => {
                self.payment.iter_mut().for_each(|payment| payment.watched_mut().refused(call, cx));
            }
            _ => self.sessions.refused(call, cx),
        }
    }

    /// Applies a person's verdict about a request, or the end of its retries. `made_id` is what the request has made.
    pub(super) fn resolved(
        &mut self,
        id: &EffectId,
        call: &Call,
        verdict: Option<Verdict>,
        made_id: Option<&str>,
        cx: &mut Cx<'_>,
    ) {
        match call {
            Call::RetrieveDispute(dispute) => {
                // No lookup shows the dispute. The review about it stays open.
                self.payment.iter_mut().for_each(|payment| payment.watched_mut().not_shown(dispute, cx));
                return;
            }
            Call::CloseDispute(dispute) => return self.close_resolved(dispute, verdict, cx),
            _ => {}
        }
        let is_money = matches!(call, Call::CreateRefund(..) | Call::CapturePayment(..));
        match &mut self.payment {
            Some(payment) if is_money => payment.resolved(id, call, made_id, cx),
            None if is_money => {}
            _ => self.sessions.resolved(call, made_id, cx),
        }
        if let Some((payment, session)) = self.payment_and_session() {
            payment.plan(session.id(), cx);
        }
    }

    /// Applies a webhook. An unsigned webhook proves nothing.
    pub(super) fn on_webhook(&mut self, event: Event, origin: Origin, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let Event::Signal(signal) = event else { return Err(IgnoredReason::Unrelated) };
        cx.check(Rule::WebhookSignature, origin == Origin::Verified);
        match *signal {
            _ if origin != Origin::Verified => return Err(IgnoredReason::Unrelated),
            Signal::SessionCompleted(object) => {
                let settled = self.sessions.on_webhook(&object, true, cx)?;
                self.apply_session(settled, &object, None, cx);
            }
            Signal::SessionChanged(object) => {
                let settled = self.sessions.on_webhook(&object, false, cx)?;
                self.apply_session(settled, &object, None, cx);
            }
            Signal::Refund(object) => self.on_refund(&object, cx)?,
            Signal::Dispute(object) => self.on_dispute(&object, cx)?,
            Signal::ChargeRefunded(object) => self.on_charge_refunded(&object, cx)?,
            _ => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// Ignores a webhook that is not in the mode of the current session.
    fn require_mode(&self, mode: TestMode, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        mode.require_mode(self.sessions.test_mode(), cx)
    }

    fn on_refund(&mut self, object: &RefundObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let owner = self.sessions.owner(object.payment_intent(), object.checkout_session(), None, cx);
        match owner.map(|(_, counts)| counts) {
            Ok(true) => {}
            // A returned key of ours decides alone.
            Err(_) if self.knows_refund(object, cx) => {}
            // The refund of a second payment is not a refund of the payment that counts.
            Ok(false) => return Err(IgnoredReason::Duplicate),
            Err(reason) => return Err(reason),
        }
        self.require_mode(object.test_mode, cx)?;
        let (payment, session) = self.payment_and_session().ok_or(IgnoredReason::Unrelated)?;
        payment.on_refund_webhook(object, session, cx);
        Ok(())
    }

    fn knows_refund(&self, object: &RefundObject, cx: &Cx<'_>) -> bool {
        Payment::echoes(object, cx) || self.payment.as_ref().is_some_and(|payment| payment.knows_refund(object))
    }

    /// A person must know of every dispute, even about a second payment.
    fn on_dispute(&mut self, object: &DisputeObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let (payment, session) = (object.payment_intent(), object.checkout_session());
        let owner = self.sessions.owner(payment, session, object.client_reference_id.as_deref(), cx);
        let known = self.payment.as_ref().is_some_and(|payment| payment.knows_dispute(&object.dispute_id));
        let (about, counts) = match owner {
            Ok((owner, counts)) => (TypedId::from(owner), counts),
            Err(_) if known => (TypedId::from(&object.dispute_id), true),
            Err(reason) => return Err(reason),
        };
        self.require_mode(object.test_mode, cx)?;
        if let Some((payment, session)) = self.payment_and_session() {
            payment.on_dispute_webhook(object, counts.then_some(about), session, cx);
        }
        Ok(())
    }

    /// Applies the reply to a lookup of a dispute, or to its acceptance. The reply may name less than the webhook did, so
    /// a dispute that is watched counts all the same.
    fn on_dispute_reply(&mut self, call: &Call, object: &DisputeObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        self.require_mode(object.test_mode, cx)?;
        let is_lookup = matches!(call, Call::RetrieveDispute(_));
        if let Some(payment) = self.payment.as_mut().filter(|_| is_lookup) {
            payment.watched_mut().looked(&object.dispute_id, cx);
        }
        let applied = self.on_dispute(object, cx);
        let payment = self.payment.as_mut().ok_or(IgnoredReason::Unrelated)?;
        if applied.is_err() {
            payment.watched().knows(&object.dispute_id).then_some(()).ok_or(IgnoredReason::Unrelated)?;
            payment.watched_mut().note(object, cx);
        }
        if is_lookup {
            payment.watched_mut().shown(object, cx);
        }
        Ok(())
    }

    /// A person says whether a dispute is closed, and so lost.
    fn close_resolved(&mut self, dispute: &DisputeId, verdict: Option<Verdict>, cx: &mut Cx<'_>) {
        let Some((payment, session)) = self.payment_and_session() else { return };
        if verdict == Some(Verdict::Closed) {
            cx.withdraw_review(Review::Disputed, dispute.as_str());
            payment.dispute_reviewed(session, dispute.as_str(), Verdict::Lost, cx);
        } else {
            payment.watched_mut().not_accepted(dispute, cx);
        }
    }

    /// A part of a charge was refunded. The lookup of the session shows by which refunds.
    fn on_charge_refunded(&mut self, object: &ChargeObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let (_, counts) = self.sessions.owner(object.payment_intent(), None, None, cx)?;
        if !counts {
            return Err(IgnoredReason::Duplicate);
        }
        self.require_mode(object.test_mode, cx)?;
        if let Some((payment, session)) = self.payment_and_session() {
            payment.on_charge_refunded(object);
            cx.look_up(Call::RetrieveCheckoutSession(session.id().clone()));
        }
        Ok(())
    }

    /// Applies a person's verdict.
    pub(super) fn reviewed(&mut self, review: Review, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        match review {
            Review::NotAsAsked if verdict == Verdict::Fulfill => cx.fulfill(TypedId::new("checkout_session", about)),
            Review::RefundPending => {
                if let Some((payment, session)) = self.payment_and_session() {
                    payment.refunds_reviewed(session, verdict, cx);
                }
            }
            Review::EvidenceDue => {
                if let Some(payment) = &mut self.payment {
                    payment.watched_mut().evidence_reviewed(about, cx);
                }
            }
            Review::Disputed => {
                if let Some((payment, session)) = self.payment_and_session() {
                    payment.dispute_reviewed(session, about, verdict, cx);
                }
            }
            _ => {
                let settled = self.sessions.reviewed(review, about, verdict, cx);
                self.settle(settled, cx);
            }
        }
    }
}
