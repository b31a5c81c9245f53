//! Captures: the requests, and what replies, lookups and lists show of them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Payment;
use super::outcome::{OpenRequest, is_effect};
use crate::effect::idempotency_key;
use crate::flow::{Flow, IntentStatus, Outcome, Reading, Stop};
use crate::id::TypedId;
use crate::id::{Digest, EffectId};
use crate::json::encode;
use crate::money::Cents;
use crate::providers::flex::api::calls::{CAPTURE, Call};
use crate::providers::flex::api::capture_request::CapturePayment;
use crate::providers::flex::api::objects::{CaptureObject, Entries, SessionObject};
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::api::session_request::{echoed_key, with_echo};
use crate::providers::flex::checkout::{Checkout, Cx};
use crate::providers::flex::ids::{CaptureId, CheckoutSessionId};
use crate::providers::flex::names::Review;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::Made;
use crate::time::Timestamp;

/// The most captures of a session that are kept.
const REMEMBERED: usize = 32;

/// A requested capture.
pub(super) struct RequestedCapture<'a> {
    pub(super) effect: &'a EffectId,
    /// The key that Flex returns, if the request carried one.
    pub(super) key: Option<&'a str>,
    /// The amount, in cents.
    pub(super) amount: Cents,
    /// When the request was first sent.
    pub(super) since: Timestamp,
    /// Whether no other open request captures the same amount.
    pub(super) has_unique_amount: bool,
}

/// What Flex shows of a requested capture.
pub(super) enum CaptureFinding {
    /// This capture.
    Capture(CaptureId),
    /// The received amount has grown by the requested amount.
    Amount,
    /// Something was captured, but not what was requested.
    OtherAmount,
    /// Something was captured before the request, unless a clock is wrong.
    Doubtful,
    /// Nothing was captured.
    Nothing,
    /// Flex does not show enough to tell.
    Unclear,
}

/// The fingerprint of a capture.
fn content(capture: &CapturePayment) -> Digest {
    Digest::of([encode(capture).as_bytes()])
}

impl Payment {
    /// The status of the intent that the capture names.
    pub(in super::super) fn capture_status(&self, capture: &CapturePayment) -> Option<IntentStatus> {
        Some(self.captures.status_of(capture.intent.as_ref()?, content(capture)))
    }

    /// Requests a capture of the authorized payment.
    pub(in super::super) fn capture(
        &mut self,
        mut capture: CapturePayment,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) -> Result<(), Stop> {
        let Some(intent) = capture.intent.clone() else { return Err(Stop::NotNow) };
        let content = content(&capture);
        let number = self.captures.status_of(&intent, content).number()?;
        let effect = EffectId::of_intent(CAPTURE.name, &intent, number);
        with_echo(&mut capture.capture_metadata, &idempotency_key(Checkout::ID, cx.key(), &effect));
        let amount = capture.amount;
        self.is_final = capture.final_capture == Some(true);
        self.capturing.add(effect.clone(), capture.amount, self.received(true));
        cx.request_as(Call::CapturePayment(session.clone(), effect, Box::new(capture)), &intent, number);
        self.captures.open(intent, content, number, (amount.into(), cx.now()));
        Ok(())
    }

    /// Whether a successful reply proves a capture: it shows the capture, or a session that contains it.
    pub(super) fn compare_capture(
        &self,
        effect: &EffectId,
        capture: &CapturePayment,
        event: Event,
        since: Timestamp,
        mode: Option<bool>,
    ) -> Reading<Event> {
        let key = echoed_key(capture.capture_metadata.as_ref());
        match event {
            Event::Capture(object) => {
                // A returned key decides alone.
                let is_of_another = object.echo.is_some() && object.echo != key;
                if is_of_another {
                    Reading::missing("/capture/metadata")
                } else if !object.test_mode.fits(mode) {
                    Reading::missing("/capture/test_mode")
                } else {
                    Reading::Done(Event::Capture(object))
                }
            }
            Event::Session(object) => {
                let (amount, has_unique_amount) = (capture.amount, self.capturing.has_unique_amount(effect));
                let requested = RequestedCapture { effect, key: key.as_deref(), amount, since, has_unique_amount };
                match self.captured(&requested, &object) {
                    CaptureFinding::Capture(id) => Reading::Done(Event::Captured(object, Some(id))),
                    CaptureFinding::Amount => Reading::Done(Event::Captured(object, None)),
                    // Its own reply shows that money was captured, and no other request can have captured it.
                    CaptureFinding::OtherAmount if self.capturing.has_at_most_one() => {
                        Reading::Done(Event::Captured(object, None))
                    }
                    _ => Reading::missing("/checkout_session/amount_received"),
                }
            }
            event => Reading::Done(event),
        }
    }

    /// What a session shows of a requested capture.
    pub(super) fn captured(&self, requested: &RequestedCapture<'_>, object: &SessionObject) -> CaptureFinding {
        let listed = object.captures.as_ref();
        let all = listed.map(|it| it.list.as_slice()).unwrap_or_default();
        match self.captured_among(requested, all) {
            CaptureFinding::Nothing => {}
            found => return found,
        }
        match self.captured_beside(requested, object) {
            CaptureFinding::Nothing if self.may_have_captured(requested, all) => CaptureFinding::Doubtful,
            found => found,
        }
    }

    /// What a session shows of a requested capture besides the captures that were made since.
    fn captured_beside(&self, requested: &RequestedCapture<'_>, object: &SessionObject) -> CaptureFinding {
        let listed = object.captures.as_ref();
        let in_flight = &self.capturing;
        // Captures that return another request's key do not belong to this one.
        let others = listed.iter().flat_map(|it| &it.list).filter(|it| it.echo.is_some() && !self.knows_capture(it));
        let others = others.filter_map(|it| it.amount_captured).fold(Cents::ZERO, Cents::plus);
        let is_complete = listed.is_none_or(|it| it.complete);
        let Some(received) = object.amount_received.map(|all| all.minus(others)) else {
            let is_denied = listed.is_some() && is_complete;
            return if is_denied { CaptureFinding::Nothing } else { CaptureFinding::Unclear };
        };
        let grown = in_flight.grown(received);
        let is_only_fit = requested.has_unique_amount && in_flight.amount(requested.effect) == Some(grown);
        if (grown > Cents::ZERO && is_only_fit) || in_flight.explains(received) {
            CaptureFinding::Amount
        } else if grown > Cents::ZERO {
            CaptureFinding::OtherAmount
        } else if is_complete {
            CaptureFinding::Nothing
        } else {
            CaptureFinding::Unclear
        }
    }

    /// What a list of captures shows of a requested one, if it may be one of those from before.
    fn captured_in(&self, requested: &RequestedCapture<'_>, list: &[CaptureObject]) -> CaptureFinding {
        match self.captured_among(requested, list) {
            CaptureFinding::Nothing if self.may_have_captured(requested, list) => CaptureFinding::Doubtful,
            found => found,
        }
    }

    /// What a list of captures shows of a requested one.
    fn captured_among(&self, requested: &RequestedCapture<'_>, list: &[CaptureObject]) -> CaptureFinding {
        if let Some(it) = list.iter().find(|it| it.echo.is_some() && it.echo.as_deref() == requested.key) {
            return CaptureFinding::Capture(it.capture_id.clone());
        }
        let new: Vec<_> = list.iter().filter(|it| self.is_unknown(it, requested, Made::Since)).collect();
        match new.as_slice() {
            [] => CaptureFinding::Nothing,
            [one] if self.capturing.has_at_most_one() && one.amount_captured == Some(requested.amount) => {
                CaptureFinding::Capture(one.capture_id.clone())
            }
            _ => CaptureFinding::OtherAmount,
        }
    }

    /// Whether the request may have made one of these captures, if a clock is wrong.
    fn may_have_captured(&self, requested: &RequestedCapture<'_>, list: &[CaptureObject]) -> bool {
        list.iter().any(|it| self.is_unknown(it, requested, Made::Doubtful))
    }

    /// Whether no known request has made the capture, and it was made then.
    fn is_unknown(&self, it: &CaptureObject, requested: &RequestedCapture<'_>, made: Made) -> bool {
        it.echo.is_none() && !self.knows_capture(it) && Made::at(it.created_at, requested.since) == made
    }

    /// Settles a capture by what Flex shows. `is_outcome_lookup` is whether the lookup was made for this request.
    pub(super) fn settle_capture(
        &mut self,
        found: CaptureFinding,
        open: &OpenRequest,
        is_outcome_lookup: bool,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        let effect = &open.effect;
        match found {
            CaptureFinding::Capture(_) | CaptureFinding::Amount => {
                let id = if let CaptureFinding::Capture(id) = &found { Some(id) } else { None };
                if let Some((_, call)) = cx.prove(|call| is_effect(call, effect), id.map(CaptureId::as_str))
                    && let Call::CapturePayment(_, _, capture) = &*call
                {
                    self.capture_made(effect, capture, id, session, cx);
                }
            }
            CaptureFinding::OtherAmount if open.is_only_request => cx.ask_about(|call| is_effect(call, effect)),
            CaptureFinding::Doubtful if is_outcome_lookup => cx.doubt(|call| is_effect(call, effect)),
            CaptureFinding::Nothing if is_outcome_lookup => self.deny(effect, cx),
            CaptureFinding::Unclear if is_outcome_lookup => {
                cx.look_again(|call| is_effect(call, effect));
                cx.look_up(Call::ListCaptures(session.clone()));
            }
            CaptureFinding::OtherAmount if is_outcome_lookup => cx.look_again(|call| is_effect(call, effect)),
            _ => {}
        }
    }

    /// Applies a list of captures, which is looked up if the session does not show enough.
    pub(in super::super) fn on_capture_list(
        &mut self,
        list: &Entries<CaptureObject>,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        let open = self.capturing.requests(cx).into_iter();
        let found: Vec<_> =
            open.filter_map(|open| Some((self.captured_in(&open.capture()?, &list.list), open))).collect();
        let new = self.new_echoed_captures(&list.list);
        // The amounts must be known before the requests are settled.
        list.list.iter().for_each(|it| self.note_capture(it, cx));
        for (found, open) in found {
            match found {
                // A complete list denies a missing capture. The next lookup of the session repeats the check.
                CaptureFinding::Nothing if list.complete => self.deny(&open.effect, cx),
                CaptureFinding::Nothing => {}
                found => self.settle_capture(found, &open, false, session, cx),
            }
        }
        self.note_echoed_captures(&new, &list.list, session, cx);
    }

    /// Applies the reply to a capture that is a session. `id` is the capture, if the session shows one.
    pub(in super::super) fn on_capture_session(
        &mut self,
        effect: &EffectId,
        capture: &CapturePayment,
        object: &SessionObject,
        id: Option<&CaptureId>,
        cx: &mut Cx<'_>,
    ) {
        self.received = self.received.max(object.amount_received);
        let all = object.captures.iter().flat_map(|it| &it.list);
        all.filter(|it| Some(&it.capture_id) == id).for_each(|it| self.note_capture(it, cx));
        self.capture_made(effect, capture, id, &object.checkout_session_id, cx);
    }

    /// Applies the reply to a capture that is the capture itself.
    pub(in super::super) fn on_capture_object(
        &mut self,
        effect: &EffectId,
        capture: &CapturePayment,
        object: &CaptureObject,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        self.note_capture(object, cx);
        self.capture_made(effect, capture, Some(&object.capture_id), session, cx);
    }

    /// Settles a request whose capture was made. `id` is the capture, if Flex shows one.
    pub(super) fn capture_made(
        &mut self,
        effect: &EffectId,
        capture: &CapturePayment,
        id: Option<&CaptureId>,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        let known = id.and_then(|id| self.captured.iter().find(|(have, _)| have == id)).map(|(_, amount)| *amount);
        let grown = self.received.map(|all| self.capturing.grown(all));
        let taken = known.or(grown.filter(|_| self.capturing.has_at_most_one()));
        self.end_capture(effect, capture, Outcome::Done);
        let same = taken.is_none_or(|taken| capture.is_amount(taken));
        check_captured_amount(same, id.map_or_else(|| session.into(), TypedId::from), cx);
    }

    /// A person names the capture that a request has made.
    pub(super) fn capture_reviewed(
        &mut self,
        effect: &EffectId,
        capture: &CapturePayment,
        id: CaptureId,
        cx: &mut Cx<'_>,
    ) {
        let object = CaptureObject::named(id, capture.amount);
        if self.knows_capture(&object) {
            let shown = self.captured.iter().find(|(have, _)| *have == object.capture_id).map(|(_, amount)| *amount);
            check_captured_amount(shown.is_none_or(|shown| capture.is_amount(shown)), &object.capture_id, cx);
        } else {
            self.note_capture(&object, cx);
            self.attested.push(object.capture_id);
        }
        self.end_capture(effect, capture, Outcome::Done);
    }

    /// Ends a requested capture with an outcome.
    pub(super) fn end_capture(&mut self, effect: &EffectId, capture: &CapturePayment, outcome: Outcome) {
        self.captures.settle(effect.intent(), outcome);
        if outcome == Outcome::Done {
            self.capturing.done(effect);
        } else {
            self.is_final &= capture.final_capture != Some(true);
            self.capturing.failed(effect);
        }
    }

    /// Whether a capture is known.
    pub(super) fn knows_capture(&self, object: &CaptureObject) -> bool {
        self.captured.iter().any(|(id, _)| *id == object.capture_id)
    }

    /// Stores a capture.
    pub(super) fn note_capture(&mut self, object: &CaptureObject, cx: &mut Cx<'_>) {
        let amount = object.amount_captured.unwrap_or_default();
        let id = &object.capture_id;
        // A person has named the capture, but not its amount.
        if object.amount_captured.is_some() && self.attested.extract_if(.., |it| it == id).next().is_some() {
            for (_, taken) in self.captured.iter_mut().filter(|(have, _)| have == id) {
                check_captured_amount(*taken == amount, id, cx);
                *taken = amount;
            }
            return;
        }
        match self.captured.binary_search_by(|it| it.0.cmp(&object.capture_id)) {
            Ok(index) => {
                if let Some((_, taken)) = self.captured.get_mut(index) {
                    *taken = amount.max(*taken);
                }
            }
            Err(index) if self.captured.len() < REMEMBERED => {
                self.captured.insert(index, (object.capture_id.clone(), amount));
            }
            Err(_) => {}
        }
    }
}

/// Asks a person if Flex has captured another amount than the requested one.
fn check_captured_amount(same: bool, about: impl Into<TypedId>, cx: &mut Cx<'_>) {
    cx.check(Rule::CaptureAmountAsAsked, same).at("/capture/amount_captured");
    if !same {
        cx.ask(Review::CapturedOtherAmount, about);
    }
}
