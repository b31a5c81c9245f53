//! The outcome of requests that move money: what proves it, and what denies it.

use alloc::string::String;
use alloc::vec::Vec;

use super::in_flight::InFlight;
use super::refunding::refunds;
use super::{Payment, capture};
use crate::effect::idempotency_key;
use crate::flow::{Cause, Flow, Outcome, Reading};
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::SessionObject;
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::checkout::{Checkout, Cx};
use crate::providers::flex::ids::{CaptureId, RefundId};
use crate::time::Timestamp;

/// Whether the call is the request with this effect id.
pub(super) fn is_effect(call: &Call, effect: &EffectId) -> bool {
    matches!(call, Call::CreateRefund(_, have, _) | Call::CapturePayment(_, have, _) if have == effect)
}

/// A request whose outcome is unknown.
pub(super) struct OpenRequest {
    pub(super) effect: EffectId,
    pub(super) key: String,
    pub(super) amount: Cents,
    /// When the request was first sent, if a sending may have succeeded.
    pub(super) since: Option<Timestamp>,
    /// Whether no other request can have moved the same amount.
    pub(super) is_unrivaled: bool,
    /// Whether no other request can have moved anything.
    pub(super) is_only_request: bool,
}

impl OpenRequest {
    /// The request as a capture that may have succeeded.
    pub(super) fn capture(&self) -> Option<capture::RequestedCapture<'_>> {
        let (effect, key) = (&self.effect, Some(self.key.as_str()));
        Some(capture::RequestedCapture {
            effect,
            key,
            amount: self.amount,
            since: self.since?,
            has_unique_amount: self.is_only_request,
        })
    }
}

impl InFlight {
    /// The requests whose outcome is unknown.
    pub(super) fn requests(&self, cx: &Cx<'_>) -> Vec<OpenRequest> {
        let all = self.open();
        let sent = |effect: &EffectId| {
            cx.pending(|call| is_effect(call, effect)).filter(|it| it.sent).and_then(|it| it.first_at)
        };
        let open = |(effect, amount): &(EffectId, Cents)| {
            cx.pending(|call| is_effect(call, effect))?;
            let since = sent(effect);
            let rival = |(other, its): &(EffectId, Cents)| {
                other != effect && (its == amount || *its == Cents::ZERO) && sent(other).is_some()
            };
            let is_unrivaled = !all.iter().any(rival);
            let key = idempotency_key(Checkout::ID, cx.key(), effect);
            let is_only_request = !all.iter().any(|(other, _)| other != effect && sent(other).is_some());
            Some(OpenRequest { effect: effect.clone(), key, amount: *amount, since, is_unrivaled, is_only_request })
        };
        all.iter().filter_map(open).collect()
    }
}

impl Payment {
    /// Compares a successful reply with what is known. Only a new refund or a new capture proves a request.
    pub(in super::super) fn compare_reply(
        &self,
        call: &Call,
        event: Event,
        since: Timestamp,
        mode: Option<bool>,
    ) -> Reading<Event> {
        match (call, event) {
            (Call::CreateRefund(..) | Call::CapturePayment(..), Event::Session(object))
                if !object.test_mode.fits(mode) =>
            {
                Reading::missing("/checkout_session/test_mode")
            }
            (Call::CreateRefund(_, effect, refund), Event::Session(object)) => {
                self.compare_refund(effect, refund, object, since)
            }
            (Call::CapturePayment(_, effect, capture), event) => {
                self.compare_capture(effect, capture, event, since, mode)
            }
            (_, event) => Reading::Done(event),
        }
    }

    /// Settles every open request that the session shows, and stores the session. `requested` is the request whose
    /// outcome was looked up. A session that does not show it may deny it.
    pub(super) fn settle(&mut self, object: &SessionObject, requested: Option<&EffectId>, cx: &mut Cx<'_>) {
        let captures = self.capturing.requests(cx).into_iter();
        let found: Vec<_> = captures.filter_map(|open| Some((self.captured(&open.capture()?, object), open))).collect();
        let captures = object.captures.as_ref().map(|it| it.list.as_slice()).unwrap_or_default();
        let new_captures = self.new_echoed_captures(captures);
        self.apply(object, cx);
        for (found, open) in found {
            self.settle_capture(found, &open, requested == Some(&open.effect), &object.checkout_session_id, cx);
        }
        self.note_echoed_captures(&new_captures, captures, &object.checkout_session_id, cx);
        for open in self.refunding.requests(cx) {
            self.settle_refund(object, &open, requested == Some(&open.effect), cx);
        }
        for refund in refunds(object) {
            self.note_echoed_refund(refund, cx);
        }
    }

    /// A lookup denies a request. If the denial counts, the request ends as not done.
    pub(super) fn deny(&mut self, effect: &EffectId, cx: &mut Cx<'_>) {
        if let Some((_, call)) = cx.deny(|call| is_effect(call, effect)) {
            self.request_failed(effect, &call, Cause::NotMade);
        }
    }

    /// A request has moved nothing.
    pub(in super::super) fn request_failed(&mut self, effect: &EffectId, call: &Call, cause: Cause) {
        match call {
            Call::CapturePayment(_, _, capture) => self.end_capture(effect, capture, Outcome::Failed(cause)),
            _ => self.refund_not_made(effect, cause),
        }
    }

    /// A person names what a request has made, or says that it has made nothing.
    pub(in super::super) fn resolved(
        &mut self,
        effect: &EffectId,
        call: &Call,
        made_id: Option<&str>,
        cx: &mut Cx<'_>,
    ) {
        match (call, made_id) {
            (Call::CreateRefund(..), Some(made_id)) => {
                if let Ok(made_id) = RefundId::parse(made_id) {
                    self.refund_reviewed(effect, made_id, cx.now());
                }
            }
            (Call::CapturePayment(_, _, capture), Some(made_id)) => {
                if let Ok(made_id) = CaptureId::parse(made_id) {
                    self.capture_reviewed(effect, capture, made_id, cx);
                }
            }
            _ => self.request_failed(effect, call, Cause::Reviewed),
        }
    }

    /// The lookup could not tell the outcome of a request, so it is repeated.
    pub(in super::super) fn retry_lookup(effect: &EffectId, cx: &mut Cx<'_>) {
        cx.look_again(|call| is_effect(call, effect));
    }
}
