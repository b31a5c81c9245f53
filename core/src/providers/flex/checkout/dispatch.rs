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
use crate::providers::flex::ids::{CheckoutSessionId, DisputeId};
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
                self.refund_status(&refund).ok_or(Stop::NotNow)?.number()?;
                let of = self.refunded_session(&refund).cloned().ok_or(Stop::NotNow)?;
                let (payment, session) = self.ledger_mut(&of).ok_or(Stop::NotNow)?;
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
                let (payment, _) = self.disputed_mut(&dispute_id).ok_or(Stop::NotNow)?;
                payment.watched_mut().close(&dispute_id, cx)?;
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
            (Call::CreateRefund(of, ..), Event::Refunded(object, ids)) => {
                let (payment, _) = self.ledger_mut(of).ok_or(IgnoredReason::Unrelated)?;
                let surplus = payment.on_refund_reply(id, object, ids, cx);
                self.on_lookup(object, None, cx)?;
                if let Some((payment, session)) = self.ledger_mut(of) {
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
            (Call::RetrieveSetupIntent(_), Event::SetupIntent(object)) => self.sessions.note_setup_intent(object, cx),
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
        if let Some((payment, _)) = self.ledger_mut(&object.checkout_session_id) {
            payment.note_lookup(cx);
        }
        self.apply_session(settled, object, requested, cx);
        if let Some(session) = self.sessions.settled().filter(|it| *it.id() == object.checkout_session_id) {
            session.look_up_payment_method(object, cx);
        }
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
        if let Some(Settlement::Paid(session)) = &settled {
            session.look_up_payment_method(object, cx);
        }
        self.settle(settled, cx);
        if let Some((payment, session)) = self.ledger_mut(&object.checkout_session_id) {
            payment.on_session(session, object, requested, cx);
        }
        self.note_returned(&object.checkout_session_id, cx);
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
        self.open_ledgers();
    }

    /// A request was done after it had ended as not done. Its effect counts, and its retry is dropped.
    pub(super) fn after_all(&mut self, made: &AfterAll<Call>, event: &Event, cx: &mut Cx<'_>) {
        if let Some((effect, call)) = &made.again
            && let Some((payment, _)) = call.moves_money_of().and_then(|id| self.ledger_mut(id))
        {
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
            return self.sessions.not_sent(cx);
        }
        for (payment, session) in self.payments_mut() {
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
                if let Some((payment, _)) = self.ledger_mut(session) {
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
                self.payments_mut().for_each(|(payment, _)| payment.watched_mut().refused(call, cx));
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
                self.payments_mut().for_each(|(payment, _)| payment.watched_mut().not_shown(dispute, cx));
                return;
            }
            Call::CloseDispute(dispute) => return self.close_resolved(dispute, verdict, cx),
            _ => {}
        }
        let Some(of) = call.moves_money_of() else {
            self.sessions.resolved(call, made_id, cx);
            return self.payments_mut().for_each(|(payment, session)| payment.plan(session.id(), cx));
        };
        if let Some((payment, session)) = self.ledger_mut(of) {
            payment.resolved(id, call, made_id, cx);
            payment.plan(session.id(), cx);
        }
        self.note_returned(of, cx);
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

    /// Ignores a webhook that is not in the mode of its session.
    fn require_mode(&self, mode: TestMode, of: &CheckoutSessionId, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let known = self.sessions.find(of).and_then(Session::test_mode);
        mode.require_mode(known.or(self.sessions.test_mode()), cx)
    }

    fn on_refund(&mut self, object: &RefundObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let owner = self.sessions.owner(object.payment_intent(), object.checkout_session(), None, cx);
        let of = match owner.map(|(id, _)| id.clone()) {
            Ok(id) => id,
            // A returned key of ours decides alone.
            Err(reason) => self.session_of_refund(object, cx).ok_or(reason)?,
        };
        self.require_mode(object.test_mode, &of, cx)?;
        self.open_ledger(&of);
        let (payment, session) = self.ledger_mut(&of).ok_or(IgnoredReason::Unrelated)?;
        payment.on_refund_webhook(object, session, cx);
        self.note_returned(&of, cx);
        Ok(())
    }

    /// A person must know of every dispute, even about a second payment.
    fn on_dispute(&mut self, object: &DisputeObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let (payment, session) = (object.payment_intent(), object.checkout_session());
        let owner = self.sessions.owner(payment, session, object.client_reference_id.as_deref(), cx);
        let of = match owner.map(|(id, _)| id.clone()) {
            Ok(id) => id,
            Err(reason) => self.session_of_dispute(&object.dispute_id).ok_or(reason)?,
        };
        self.require_mode(object.test_mode, &of, cx)?;
        self.open_ledger(&of);
        if let Some((payment, session)) = self.ledger_mut(&of) {
            payment.on_dispute_webhook(object, session, cx);
        }
        Ok(())
    }

    /// Applies the reply to a lookup of a dispute, or to its acceptance. The reply may name less than the webhook did, so
    /// a dispute that is watched counts all the same.
    fn on_dispute_reply(&mut self, call: &Call, object: &DisputeObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let id = &object.dispute_id;
        let known = self.session_of_dispute(id).or_else(|| self.sessions.settled().map(|it| it.id().clone()));
        self.require_mode(object.test_mode, &known.ok_or(IgnoredReason::Unrelated)?, cx)?;
        let is_lookup = matches!(call, Call::RetrieveDispute(_));
        if let Some((payment, _)) = self.disputed_mut(id).filter(|_| is_lookup) {
            payment.watched_mut().looked(id, cx);
        }
        let _ = self.on_dispute(object, cx);
        let (payment, _) = self.disputed_mut(id).ok_or(IgnoredReason::Unrelated)?;
        if is_lookup {
            payment.watched_mut().shown(object, cx);
        }
        Ok(())
    }

    /// A person says whether a dispute is closed, and so lost.
    fn close_resolved(&mut self, dispute: &DisputeId, verdict: Option<Verdict>, cx: &mut Cx<'_>) {
        let Some((payment, session)) = self.disputed_mut(dispute) else { return };
        if verdict == Some(Verdict::Closed) {
            cx.withdraw_review(Review::Disputed, dispute.as_str());
            payment.dispute_reviewed(session, dispute.as_str(), Verdict::Lost, cx);
        } else {
            payment.watched_mut().not_accepted(dispute, cx);
        }
    }

    /// A part of a charge was refunded. The lookup of the session shows by which refunds.
    fn on_charge_refunded(&mut self, object: &ChargeObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let of = self.sessions.owner(object.payment_intent(), None, None, cx)?.0.clone();
        self.require_mode(object.test_mode, &of, cx)?;
        self.open_ledger(&of);
        if let Some((payment, session)) = self.ledger_mut(&of) {
            payment.on_charge_refunded(object);
            cx.look_up(Call::RetrieveCheckoutSession(session.id().clone()));
        }
        self.note_returned(&of, cx);
        Ok(())
    }

    /// The payment that a review is about: the review names its session or its dispute.
    fn reviewed_payment(&mut self, about: &str) -> Option<(&mut Payment, &Session)> {
        let by_session = CheckoutSessionId::parse(about).ok().filter(|id| self.ledger(id).is_some());
        let by_dispute = || DisputeId::parse(about).ok().and_then(|id| self.session_of_dispute(&id));
        let of = by_session.or_else(by_dispute)?;
        self.ledger_mut(&of)
    }

    /// Applies a person's verdict.
    pub(super) fn reviewed(&mut self, review: Review, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        match review {
            Review::NotAsAsked if verdict == Verdict::Fulfill => cx.fulfill(TypedId::new("checkout_session", about)),
            Review::RefundPending => {
                if let Some((payment, session)) = self.reviewed_payment(about) {
                    payment.refunds_reviewed(session, verdict, cx);
                }
            }
            Review::EvidenceDue => {
                self.payments_mut().for_each(|(payment, _)| payment.watched_mut().evidence_reviewed(about, cx));
            }
            Review::Disputed => {
                if let Some((payment, session)) = self.reviewed_payment(about) {
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
