//! Captures: what is held is taken, and what a reply, a lookup or a list shows of the captures that were asked for.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Payment;
use super::outcome::{OpenRequest, is_named};
use crate::effect::idempotency_key;
use crate::flow::{Flow, IntentStatus, Outcome, Reading, Stop};
use crate::id::{Digest, EffectId};
use crate::json::encode;
use crate::money::Cents;
use crate::providers::flex::api::calls::{CAPTURE, Call};
use crate::providers::flex::api::objects::{CaptureSeen, Entries, SessionSeen};
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::api::request::CapturePayment;
use crate::providers::flex::api::session_request::{echoed_key, with_echo};
use crate::providers::flex::checkout::{Checkout, Cx};
use crate::providers::flex::ids::{CaptureId, CheckoutSessionId};
use crate::providers::flex::names::Review;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::SKEW;
use crate::time::Timestamp;

/// How many captures of a session are remembered.
const REMEMBERED: usize = 32;

/// A capture that was asked for.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a EffectId,
    /// The key that Flex echoes, where the request carried it.
    pub(super) key: Option<&'a str>,
    /// How much, in cents.
    pub(super) amount: Cents,
    /// When it was begun first.
    pub(super) since: Timestamp,
    /// Whether no other request that is on its way takes as much.
    pub(super) single: bool,
}

/// What was found of a capture.
pub(super) enum Captured {
    /// This one is it.
    By(CaptureId),
    /// As much more was received as was asked for.
    Some,
    /// Something was taken, and not what was asked for.
    Other,
    /// Nothing was.
    None,
    /// It is not known.
    Unclear,
}

/// The fingerprint of a capture.
fn content(capture: &CapturePayment) -> Digest {
    Digest::of([encode(capture).as_bytes()])
}

impl Payment {
    /// What has become of the capture of the same intent.
    pub(in super::super) fn capture_standing(&self, capture: &CapturePayment) -> Option<IntentStatus> {
        Some(self.captures.status_of(capture.intent.as_ref()?, content(capture)))
    }

    /// Takes what is held.
    pub(in super::super) fn capture(
        &mut self,
        mut capture: CapturePayment,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) -> Result<(), Stop> {
        let Some(intent) = capture.intent.clone() else { return Err(Stop::NotNow) };
        let content = content(&capture);
        let ordinal = self.captures.status_of(&intent, content).number()?;
        let name = EffectId::of_intent(CAPTURE.name, &intent, ordinal);
        with_echo(&mut capture.capture_metadata, &idempotency_key(Checkout::ID, cx.key(), &name));
        self.is_final = capture.final_capture == Some(true);
        self.capturing.begin(name.clone(), capture.amount, self.received(true));
        cx.request_as(Call::CapturePayment(session.clone(), name, Box::new(capture)), &intent, ordinal);
        self.captures.open(intent, content, ordinal);
        Ok(())
    }

    /// Whether a good reply to a capture proves it: a capture, or a session that shows one.
    pub(super) fn weigh_capture(
        &self,
        name: &EffectId,
        capture: &CapturePayment,
        event: Event,
        since: Timestamp,
        mode: Option<bool>,
    ) -> Reading<Event> {
        let key = echoed_key(capture.capture_metadata.as_ref());
        match event {
            Event::Capture(seen) => {
                // An echo decides alone.
                let other = seen.echo.is_some() && seen.echo != key;
                match () {
                    () if other => Reading::missing("/capture/metadata"),
                    () if !seen.test_mode.fits(mode) => Reading::missing("/capture/test_mode"),
                    () => Reading::Done(Event::Capture(seen)),
                }
            }
            Event::Session(seen) => {
                let (amount, single) = (capture.amount, self.capturing.is_only(name));
                match self.captured(&Wanted { name, key: key.as_deref(), amount, since, single }, &seen) {
                    Captured::By(id) => Reading::Done(Event::Captured(seen, Some(id))),
                    Captured::Some => Reading::Done(Event::Captured(seen, None)),
                    // Its own reply shows that money was taken, if no other request can have taken it.
                    Captured::Other if self.capturing.is_alone() => Reading::Done(Event::Captured(seen, None)),
                    _ => Reading::missing("/checkout_session/amount_received"),
                }
            }
            event => Reading::Done(event),
        }
    }

    /// What a session shows of a capture that was asked for.
    pub(super) fn captured(&self, wanted: &Wanted<'_>, seen: &SessionSeen) -> Captured {
        let listed = seen.captures.as_ref();
        match self.captured_among(wanted, listed.map(|it| it.list.as_slice()).unwrap_or_default()) {
            Captured::None => {}
            found => return found,
        }
        let in_flight = &self.capturing;
        // What another request has taken by its echo, this one has not.
        let others = listed.iter().flat_map(|it| &it.list).filter(|it| it.echo.is_some() && !self.has_taken(it));
        let others = others.filter_map(|it| it.amount_captured).fold(Cents::ZERO, Cents::plus);
        let received = seen.amount_received.map(|all| all.minus(others));
        let grown = received.map(|all| in_flight.grown(all));
        let whole = listed.is_none_or(|it| it.whole);
        match (grown, received) {
            (Some(grown), _)
                if grown > Cents::ZERO && wanted.single && in_flight.amount(wanted.name) == Some(grown) =>
            {
                Captured::Some
            }
            (Some(_), Some(all)) if in_flight.explains(all) => Captured::Some,
            (Some(grown), _) if grown > Cents::ZERO => Captured::Other,
            (Some(_), _) if whole => Captured::None,
            (None, _) if listed.is_some() && whole => Captured::None,
            _ => Captured::Unclear,
        }
    }

    /// What a list of captures shows of one that was asked for.
    fn captured_among(&self, wanted: &Wanted<'_>, list: &[CaptureSeen]) -> Captured {
        if let Some(it) = list.iter().find(|it| it.echo.is_some() && it.echo.as_deref() == wanted.key) {
            return Captured::By(it.capture_id.clone());
        }
        let is_new = |it: &&CaptureSeen| {
            let young = it.created_at.is_none_or(|made| made.after(SKEW) >= wanted.since);
            it.echo.is_none() && young && !self.has_taken(it)
        };
        let new: Vec<_> = list.iter().filter(is_new).collect();
        match new.as_slice() {
            [] => Captured::None,
            [one] if self.capturing.is_alone() && one.amount_captured == Some(wanted.amount) => {
                Captured::By(one.capture_id.clone())
            }
            _ => Captured::Other,
        }
    }

    /// Settles a capture as it was found; `requested` is whether the lookup was made for its outcome.
    pub(super) fn settle_capture(
        &mut self,
        found: Captured,
        open: &OpenRequest,
        requested: bool,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        let name = &open.name;
        match found {
            Captured::By(_) | Captured::Some => {
                let id = if let Captured::By(id) = &found { Some(id) } else { None };
                if let Some((_, call)) = cx.prove(|call| is_named(call, name), id.map(CaptureId::as_str))
                    && let Call::CapturePayment(_, _, capture) = &*call
                {
                    self.capture_made(name, capture, id, session, cx);
                }
            }
            Captured::Other if open.single => cx.ask_about(|call| is_named(call, name)),
            Captured::None if requested => self.deny(name, cx),
            Captured::Unclear if requested => {
                cx.look_again(|call| is_named(call, name));
                cx.look_up(Call::ListCaptures(session.clone()));
            }
            Captured::Other if requested => cx.look_again(|call| is_named(call, name)),
            _ => {}
        }
    }

    /// A list of captures, looked up since the session tells too little.
    pub(in super::super) fn captures_listed(
        &mut self,
        list: &Entries<CaptureSeen>,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        for open in self.capturing.requests(cx) {
            let Some(wanted) = open.capture() else { continue };
            match self.captured_among(&wanted, &list.list) {
                // One that is missing here was not made; the lookup of the session repeats it in time.
                Captured::None if list.whole => self.deny(&open.name, cx),
                Captured::None => {}
                found => self.settle_capture(found, &open, false, session, cx),
            }
        }
        list.list.iter().for_each(|it| self.note_capture(it));
    }

    /// The reply to a capture is a session that shows it: by its id where it has one.
    pub(in super::super) fn capture_shown(
        &mut self,
        name: &EffectId,
        capture: &CapturePayment,
        seen: &SessionSeen,
        id: Option<&CaptureId>,
        cx: &mut Cx<'_>,
    ) {
        self.received = self.received.max(seen.amount_received);
        let all = seen.captures.iter().flat_map(|it| &it.list);
        all.filter(|it| Some(&it.capture_id) == id).for_each(|it| self.note_capture(it));
        self.capture_made(name, capture, id, &seen.checkout_session_id, cx);
    }

    /// The reply to a capture is the capture itself.
    pub(in super::super) fn capture_returned(
        &mut self,
        name: &EffectId,
        capture: &CapturePayment,
        seen: &CaptureSeen,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        self.note_capture(seen);
        self.capture_made(name, capture, Some(&seen.capture_id), session, cx);
    }

    /// A capture was made: by its id where it has one.
    fn capture_made(
        &mut self,
        name: &EffectId,
        capture: &CapturePayment,
        id: Option<&CaptureId>,
        session: &CheckoutSessionId,
        cx: &mut Cx<'_>,
    ) {
        let known = id.and_then(|id| self.captured.iter().find(|(have, _)| have == id)).map(|(_, amount)| *amount);
        let grown = self.received.map(|all| self.capturing.grown(all));
        let taken = known.or(grown.filter(|_| self.capturing.is_alone()));
        self.end_capture(name, capture, Outcome::Done);
        let same = taken.is_none_or(|taken| taken == capture.amount);
        cx.check(Rule::CaptureAmountAsAsked, same).at("/capture/amount_captured");
        if !same {
            cx.ask(Review::CapturedOtherAmount, id.map_or(session.as_str(), CaptureId::as_str));
        }
    }

    /// A person names the capture that a request has made.
    pub(super) fn capture_named(&mut self, name: &EffectId, capture: &CapturePayment, id: CaptureId) {
        self.note_capture(&CaptureSeen::named(id, capture.amount));
        self.end_capture(name, capture, Outcome::Done);
    }

    /// What has become of a capture that was asked for.
    pub(super) fn end_capture(&mut self, name: &EffectId, capture: &CapturePayment, outcome: Outcome) {
        self.captures.settle(name.intent(), outcome);
        if outcome == Outcome::Done {
            self.capturing.done(name);
        } else {
            self.is_final &= capture.final_capture != Some(true);
            self.capturing.undone(name);
        }
    }

    /// Whether a capture is known.
    fn has_taken(&self, seen: &CaptureSeen) -> bool {
        self.captured.iter().any(|(id, _)| *id == seen.capture_id)
    }

    /// Takes in a capture.
    pub(super) fn note_capture(&mut self, seen: &CaptureSeen) {
        let amount = seen.amount_captured.unwrap_or_default();
        match self.captured.binary_search_by(|it| it.0.cmp(&seen.capture_id)) {
            Ok(index) => {
                if let Some((_, taken)) = self.captured.get_mut(index) {
                    *taken = amount.max(*taken);
                }
            }
            Err(index) if self.captured.len() < REMEMBERED => {
                self.captured.insert(index, (seen.capture_id.clone(), amount));
            }
            Err(_) => {}
        }
    }
}
