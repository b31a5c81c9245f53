//! The requests that move money: what a reply, a lookup or a webhook shows of them, and what it denies.

use alloc::string::String;
use alloc::vec::Vec;

use super::in_flight::InFlight;
use super::{Payment, capture};
use crate::effect::idempotency_key;
use crate::flow::{Flow, Outcome, Reading};
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::SessionSeen;
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::checkout::{Checkout, Cx};
use crate::providers::flex::ids::{CaptureId, RefundId};
use crate::time::Timestamp;

/// Whether it is the request of that name.
pub(super) fn is_named(call: &Call, name: &EffectId) -> bool {
    matches!(call, Call::CreateRefund(_, have, _) | Call::CapturePayment(_, have, _) if have == name)
}

/// A request whose outcome is unknown.
pub(super) struct OpenRequest {
    pub(super) name: EffectId,
    pub(super) key: String,
    pub(super) amount: Cents,
    /// When it was begun first, if a sending of it may have come true.
    pub(super) since: Option<Timestamp>,
    /// Whether no other can have moved the same.
    pub(super) alone: bool,
    /// Whether no other moves anything.
    pub(super) single: bool,
}

impl OpenRequest {
    /// It as a capture that may have come true.
    pub(super) fn capture(&self) -> Option<capture::Wanted<'_>> {
        let (name, key) = (&self.name, Some(self.key.as_str()));
        Some(capture::Wanted { name, key, amount: self.amount, since: self.since?, single: self.single })
    }
}

impl InFlight {
    /// The requests whose outcome is unknown.
    pub(super) fn requests(&self, cx: &Cx<'_>) -> Vec<OpenRequest> {
        let all = self.open();
        let sent =
            |name: &EffectId| cx.pending(|call| is_named(call, name)).filter(|it| it.sent).and_then(|it| it.first_at);
        let open = |(name, amount): &(EffectId, Cents)| {
            cx.pending(|call| is_named(call, name))?;
            let since = sent(name);
            let rival = |(other, its): &(EffectId, Cents)| {
                other != name && (its == amount || *its == Cents::ZERO) && sent(other).is_some()
            };
            let alone = !all.iter().any(rival);
            let key = idempotency_key(Checkout::ID, cx.key(), name);
            let single = !all.iter().any(|(other, _)| other != name && sent(other).is_some());
            Some(OpenRequest { name: name.clone(), key, amount: *amount, since, alone, single })
        };
        all.iter().filter_map(open).collect()
    }
}

impl Payment {
    /// Holds a good reply against what is known: only a refund or a capture that is new proves anything.
    pub(in super::super) fn compare_reply(
        &self,
        call: &Call,
        event: Event,
        since: Timestamp,
        mode: Option<bool>,
    ) -> Reading<Event> {
        match (call, event) {
            (Call::CreateRefund(..) | Call::CapturePayment(..), Event::Session(seen)) if !seen.test_mode.fits(mode) => {
                Reading::missing("/checkout_session/test_mode")
            }
            (Call::CreateRefund(_, name, refund), Event::Session(seen)) => self.weigh_refund(name, refund, seen, since),
            (Call::CapturePayment(_, name, capture), event) => self.weigh_capture(name, capture, event, since, mode),
            (_, event) => Reading::Done(event),
        }
    }

    /// Settles every open request that a session shows, and takes the session in. `requested` is the request for whose
    /// outcome it was looked up: what does not show it may deny it.
    pub(super) fn settle(&mut self, seen: &SessionSeen, requested: Option<&EffectId>, cx: &mut Cx<'_>) {
        let captures = self.capturing.requests(cx).into_iter();
        let found: Vec<_> = captures.filter_map(|open| Some((self.captured(&open.capture()?, seen), open))).collect();
        self.note(seen, cx);
        for (found, open) in found {
            self.settle_capture(found, &open, requested == Some(&open.name), &seen.checkout_session_id, cx);
        }
        for open in self.refunding.requests(cx) {
            self.settle_refund(seen, &open, requested == Some(&open.name), cx);
        }
    }

    /// A lookup denies a request: settled as not made, where that counts.
    pub(super) fn deny(&mut self, name: &EffectId, cx: &mut Cx<'_>) {
        if let Some((_, call)) = cx.deny(|call| is_named(call, name)) {
            self.undone(name, &call);
        }
    }

    /// A request came to nothing.
    pub(in super::super) fn undone(&mut self, name: &EffectId, call: &Call) {
        match call {
            Call::CapturePayment(_, _, capture) => self.end_capture(name, capture, Outcome::Failed),
            _ => self.refund_came_to_nothing(name),
        }
    }

    /// A person names what a request has made, or says that it came to nothing.
    pub(in super::super) fn resolved(&mut self, name: &EffectId, call: &Call, named: Option<&str>, cx: &Cx<'_>) {
        match (call, named) {
            (Call::CreateRefund(..), Some(named)) => {
                if let Ok(named) = RefundId::parse(named) {
                    self.refund_named(name, named, cx.now());
                }
            }
            (Call::CapturePayment(_, _, capture), Some(named)) => {
                if let Ok(named) = CaptureId::parse(named) {
                    self.capture_named(name, capture, named);
                }
            }
            _ => self.undone(name, call),
        }
    }

    /// Nothing that was looked up tells what has become of a request: it is looked up again.
    pub(in super::super) fn look_again(name: &EffectId, cx: &mut Cx<'_>) {
        cx.look_again(|call| is_named(call, name));
    }
}
