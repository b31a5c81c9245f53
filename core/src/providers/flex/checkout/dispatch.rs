//! What each input does to the sessions and to the payment, and what one does to the other.

use alloc::boxed::Box;
use alloc::string::String;

use super::payment::Payment;
use super::{Checkout, Command, Cx, Trigger};
use crate::fact::{IgnoredReason, Origin};
use crate::flow::{AfterAll, Stop};
use crate::id::EffectId;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{ChargeSeen, DisputeSeen, RefundSeen, SessionSeen};
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::api::webhook::Signal;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::{Evidence, Session, Settled, is_create};

impl Checkout {
    /// The payment, and the session that it belongs to.
    pub(super) fn money(&mut self) -> Option<(&mut Payment, &Session)> {
        self.payment.as_deref_mut().zip(self.sessions.settled())
    }

    /// The host commands.
    pub(super) fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        match command {
            Command::CreateCheckoutSession(request) => {
                self.sessions.create(*request, cx);
                Ok(Trigger::Create)
            }
            Command::RetrieveCheckoutSession { checkout_session_id } => {
                self.sessions.retrieve(checkout_session_id, cx)?;
                Ok(Trigger::Retrieve)
            }
            Command::CreateRefund(refund) => {
                let (payment, session) = self.money().ok_or(Stop::NotNow)?;
                payment.refund(*refund, session, cx)?;
                Ok(Trigger::Other)
            }
            Command::CapturePayment(capture) => {
                let (payment, session) = self.money().ok_or(Stop::NotNow)?;
                payment.capture(capture, session.id(), cx)?;
                Ok(Trigger::Other)
            }
        }
    }

    /// A reply proves the success of a request, or answers a lookup.
    pub(super) fn answered(
        &mut self,
        id: &EffectId,
        call: &Call,
        event: &Event,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        match (call, event) {
            (Call::CreateCheckoutSession(_), Event::Session(seen)) => {
                let settled = self.sessions.created(seen, Evidence::Reply, cx)?;
                self.follow(settled, seen, None, cx);
            }
            (Call::FindCheckoutSession(_), Event::Sessions(list)) => {
                if let Some((settled, seen)) = self.sessions.found(list, cx)? {
                    self.follow(settled, seen, None, cx);
                }
            }
            (Call::RetrieveCheckoutSession(_), Event::Session(seen)) => self.shown(seen, None, cx)?,
            (Call::ConfirmCheckoutSession(_, name), Event::Session(seen)) => self.shown(seen, Some(name), cx)?,
            (Call::ListCaptures(_), Event::Captures(list)) => {
                if let Some((payment, session)) = self.money() {
                    payment.captures_listed(list, session.id(), cx);
                }
            }
            // What its own reply shows is its own first: of the others it says only what is left.
            (Call::CreateRefund(..), Event::Refunded(seen, ids)) => {
                let payment = self.payment.as_mut().ok_or(IgnoredReason::Unrelated)?;
                let beyond = payment.refund_shown(id, seen, ids, cx);
                self.shown(seen, None, cx)?;
                if let Some((payment, session)) = self.money() {
                    payment.ask_about_surplus(id, &beyond, cx);
                    payment.plan(session.id(), cx);
                }
            }
            (Call::CapturePayment(_, _, capture), Event::Captured(seen, made)) => {
                let payment = self.payment.as_mut().ok_or(IgnoredReason::Unrelated)?;
                payment.capture_shown(id, capture, seen, made.as_ref(), cx);
                self.shown(seen, None, cx)?;
            }
            (Call::CapturePayment(_, _, capture), Event::Capture(seen)) => {
                let (payment, session) = self.money().ok_or(IgnoredReason::Unrelated)?;
                payment.capture_returned(id, capture, seen, session.id(), cx);
            }
            _ => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// A reply shows a session; `requested` is the request for whose outcome it was looked up.
    fn shown(
        &mut self,
        seen: &SessionSeen,
        requested: Option<&EffectId>,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let settled = self.sessions.shown(seen, cx)?;
        if let Some(payment) = &mut self.payment {
            payment.looked(cx);
        }
        self.follow(settled, seen, requested, cx);
        Ok(())
    }

    /// What a session that was shown means for the payment.
    fn follow(&mut self, settled: Settled, seen: &SessionSeen, requested: Option<&EffectId>, cx: &mut Cx<'_>) {
        self.settle(settled, cx);
        if let Some((payment, session)) = self.money()
            && *session.id() == seen.checkout_session_id
        {
            payment.shown(session, seen, requested, cx);
        }
    }

    /// A session that is paid settles the checkout.
    fn settle(&mut self, settled: Settled, cx: &mut Cx<'_>) {
        if let Some(session) = settled {
            self.payment = Some(Box::new(Payment::of(&session, cx)));
        }
    }

    /// A request was done that had been ended as not done: what it moved counts, and the new try is none.
    pub(super) fn after_all(&mut self, made: &AfterAll<Call>, event: &Event, cx: &mut Cx<'_>) {
        if let (Some((name, call)), Some(payment)) = (&made.again, &mut self.payment) {
            payment.undone(name, call);
        }
        self.sessions.after_all(made, cx);
        // What does not fit the state any more is the person's, who is asked.
        let _ = self.answered(&made.id, &made.call, event, cx);
    }

    /// Nothing came of a request so far.
    pub(super) fn not_sent(&mut self, call: &Call, cx: &mut Cx<'_>) {
        if is_create(call) {
            self.sessions.not_sent(cx);
        } else if let Some((payment, session)) = self.money() {
            payment.withdraw_moot(session.is_manual(), cx);
        }
    }

    /// Flex refuses a request; of a lookup: there is no such thing.
    pub(super) fn refused(&mut self, id: &EffectId, call: &Call, cx: &mut Cx<'_>) {
        match call {
            Call::CreateRefund(session, ..) | Call::CapturePayment(session, ..) => {
                if let Some(payment) = &mut self.payment {
                    payment.undone(id, call);
                }
                // A refusal can say that money has moved.
                cx.look_up(Call::RetrieveCheckoutSession(session.clone()));
            }
            Call::ConfirmCheckoutSession(session, name) => {
                cx.ask(Review::NotFound, session.as_str());
                Payment::look_again(name, cx);
            }
            _ => self.sessions.refused(call, cx),
        }
    }

    /// A person says what has become of a request, or gives it up; `named` is the id of what it made.
    pub(super) fn resolved(&mut self, id: &EffectId, call: &Call, named: Option<&str>, cx: &mut Cx<'_>) {
        let is_money = matches!(call, Call::CreateRefund(..) | Call::CapturePayment(..));
        match &mut self.payment {
            Some(payment) if is_money => payment.resolved(id, call, named, cx),
            None if is_money => {}
            _ => self.sessions.resolved(call, named, cx),
        }
        if let Some((payment, session)) = self.money() {
            payment.plan(session.id(), cx);
        }
    }

    /// A webhook: one that is not signed proves nothing.
    pub(super) fn signaled(&mut self, event: Event, origin: Origin, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let Event::Signal(signal) = event else { return Err(IgnoredReason::Unrelated) };
        cx.check(Rule::WebhookSignature, origin == Origin::Verified);
        match *signal {
            _ if origin != Origin::Verified => return Err(IgnoredReason::Unrelated),
            Signal::SessionCompleted(seen) => {
                let settled = self.sessions.signaled(&seen, true, cx)?;
                self.follow(settled, &seen, None, cx);
            }
            Signal::SessionChanged(seen) => {
                let settled = self.sessions.signaled(&seen, false, cx)?;
                self.follow(settled, &seen, None, cx);
            }
            Signal::Refund(seen) => self.refund_signaled(&seen, cx)?,
            Signal::Dispute(seen) => self.dispute_signaled(&seen, cx)?,
            Signal::ChargeRefunded(seen) => self.charge_refunded(&seen, cx)?,
            _ => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// Lets a webhook through that is of the mode of the session that counts.
    fn admit(&self, said: TestMode, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        said.admit(self.sessions.test_mode(), cx)
    }

    fn refund_signaled(&mut self, seen: &RefundSeen, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let owner = self.sessions.owner(seen.payment_intent(), seen.checkout_session(), None, cx);
        match owner.map(|(_, counts)| counts) {
            Ok(true) => {}
            // An echo of a key of ours decides alone.
            Err(_) if self.knows_refund(seen, cx) => {}
            // What a second payment gives back is not the money of the one that counts.
            Ok(false) => return Err(IgnoredReason::Duplicate),
            Err(because) => return Err(because),
        }
        self.admit(seen.test_mode, cx)?;
        let (payment, session) = self.money().ok_or(IgnoredReason::Unrelated)?;
        payment.refund_signaled(seen, session, cx);
        Ok(())
    }

    fn knows_refund(&self, seen: &RefundSeen, cx: &Cx<'_>) -> bool {
        Payment::echoes(seen, cx) || self.payment.as_ref().is_some_and(|payment| payment.knows_refund(seen))
    }

    /// Whatever a dispute is about, a person must know of it.
    fn dispute_signaled(&mut self, seen: &DisputeSeen, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let (payment, session) = (seen.payment_intent(), seen.checkout_session());
        let owner = self.sessions.owner(payment, session, seen.client_reference_id.as_deref(), cx);
        let known = self.payment.as_ref().is_some_and(|payment| payment.knows_dispute(&seen.dispute_id));
        let (about, counts) = match owner {
            Ok((owner, counts)) => (String::from(owner.as_str()), counts),
            Err(_) if known => (String::from(seen.dispute_id.as_str()), true),
            Err(because) => return Err(because),
        };
        self.admit(seen.test_mode, cx)?;
        if let Some((payment, session)) = self.money() {
            payment.disputed(seen, counts.then_some(about.as_str()), session, cx);
        }
        Ok(())
    }

    /// Some of a charge was given back: the session tells by which refunds.
    fn charge_refunded(&mut self, seen: &ChargeSeen, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        let (_, counts) = self.sessions.owner(seen.payment_intent(), None, None, cx)?;
        if !counts {
            return Err(IgnoredReason::Duplicate);
        }
        self.admit(seen.test_mode, cx)?;
        if let Some((payment, session)) = self.money() {
            payment.charge_refunded(seen);
            cx.look_up(Call::RetrieveCheckoutSession(session.id().clone()));
        }
        Ok(())
    }

    /// A person answers a question.
    pub(super) fn reviewed(&mut self, review: Review, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        match review {
            Review::NotAsAsked if verdict == Verdict::Fulfill => cx.fulfill(about),
            Review::RefundPending => {
                if let Some((payment, session)) = self.money() {
                    payment.refunds_reviewed(session, verdict, cx);
                }
            }
            Review::Disputed => {
                if let Some((payment, session)) = self.money() {
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
