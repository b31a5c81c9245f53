//! Refunds and captures that return the key of a request that is over: it was done after all, or twice.

use alloc::vec::Vec;

use super::Payment;
use super::outcome::is_effect;
use super::refund::EchoedRefund;
use crate::effect::effect_of_key;
use crate::flow::{Cause, Flow, Outcome};
use crate::id::{EffectId, Intent};
use crate::providers::flex::api::calls::{CAPTURE, CREATE_REFUND, Call};
use crate::providers::flex::api::objects::{CaptureObject, RefundObject};
use crate::providers::flex::checkout::{Checkout, Cx};
use crate::providers::flex::ids::CheckoutSessionId;
use crate::providers::flex::names::Review;

/// The request whose key is returned, if it is over.
fn ended_request(echo: Option<&str>, operation: &str, cx: &Cx<'_>) -> Option<EffectId> {
    let effect = EffectId::parse(effect_of_key(Checkout::ID, cx.key(), echo?)?).ok()?;
    let is_over = cx.pending(|call| is_effect(call, &effect)).is_none();
    (effect.kind() == operation && is_over).then_some(effect)
}

impl Payment {
    /// Applies a refund that returns our key, if the request is over.
    pub(super) fn note_echoed_refund(&mut self, object: &RefundObject, cx: &mut Cx<'_>) {
        let Some(effect) = ended_request(object.echo.as_deref(), CREATE_REFUND.name, cx) else { return };
        let id = &object.refund_id;
        if let Ok(Some(made)) = cx.after_all(|call| is_effect(call, &effect), id, Review::MadeAfterAll) {
            if let Some((again, _)) = &made.again {
                self.refund_not_made(again, Cause::Dropped);
            }
            return self.refund_made(&effect, core::slice::from_ref(&object.refund_id));
        }
        let is_retried = self.refunding.open().iter().any(|(open, _)| open.intent() == effect.intent());
        match self.note_echo(&effect, object, is_retried) {
            EchoedRefund::Known => {}
            EchoedRefund::Twice => cx.ask(Review::MadeTwice, id),
            // Every sending was refused, but one has made the refund.
            EchoedRefund::AfterAll => {
                cx.ask(Review::MadeAfterAll, id);
                if let Some(retry) = unsent(self.refunding.open(), &effect, cx) {
                    self.withdraw_refund(&retry, cx);
                }
                self.returns.settle(effect.intent(), Outcome::Done);
            }
        }
    }

    /// The captures of a list that return a key and are not known yet.
    pub(super) fn new_echoed_captures(&self, list: &[CaptureObject]) -> Vec<CaptureObject> {
        list.iter().filter(|it| it.echo.is_some() && !self.knows_capture(it)).cloned().collect()
    }

    /// Applies the new captures of a list that return our key, if their requests are over.
    pub(super) fn note_echoed_captures(
        &mut self,
        new: &[CaptureObject],
        list: &[CaptureObject],
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        let is_new = |it: &CaptureObject| new.iter().any(|new| new.capture_id == it.capture_id);
        for object in new {
            let of_same_key = || list.iter().filter(|it| it.echo == object.echo);
            // The first one counts, unless another was known before.
            let counts = of_same_key().find(|it| !is_new(it)).or_else(|| of_same_key().next());
            let Some(effect) = ended_request(object.echo.as_deref(), CAPTURE.name, cx) else { continue };
            if counts.is_some_and(|it| it.capture_id != object.capture_id) {
                cx.ask(Review::MadeTwice, &object.capture_id);
            } else {
                self.note_echoed_capture(&effect, object, session, cx);
            }
        }
    }

    fn note_echoed_capture(
        &mut self,
        effect: &EffectId,
        object: &CaptureObject,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        let id = &object.capture_id;
        let Ok(made) = cx.after_all(|call| is_effect(call, effect), id, Review::MadeAfterAll) else { return };
        if let Some(made) = made {
            if let Some((again, call)) = &made.again {
                self.request_failed(again, call, Cause::Dropped);
            }
            if let Call::CapturePayment(_, _, capture) = &*made.call {
                self.capture_made(effect, capture, Some(&object.capture_id), session, cx);
            }
            return;
        }
        let is_retried = self.capturing.open().iter().any(|(open, _)| open.intent() == effect.intent());
        let has_failed = Intent::parse(effect.intent()).is_ok_and(|it| self.captures.has_failed(&it));
        if is_retried || has_failed {
            // Every sending was refused, but one has made the capture.
            cx.ask(Review::MadeAfterAll, id);
            if let Some(retry) = unsent(self.capturing.open(), effect, cx)
                && let Some(call) = cx.pending(|call| is_effect(call, &retry)).map(|it| it.call.clone())
            {
                cx.withdraw_unsent(|call| is_effect(call, &retry));
                self.request_failed(&retry, &call, Cause::Dropped);
            }
            self.captures.settle(effect.intent(), Outcome::Done);
        }
    }
}

/// The new try of a request, if no worker has sent it.
fn unsent<A>(open: &[(EffectId, A)], of: &EffectId, cx: &Cx<'_>) -> Option<EffectId> {
    let mut retries = open.iter().map(|(effect, _)| effect).filter(|effect| effect.intent() == of.intent());
    retries.find(|effect| cx.pending(|call| is_effect(call, effect)).is_some_and(|it| !it.sent)).cloned()
}
