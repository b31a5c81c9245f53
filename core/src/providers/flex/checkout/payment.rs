//! What was received for a session, what of it was given back, and what of what is held was taken.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Context;
use super::dispute::Disputes;
use super::moving::Moving;
use super::refund::Refund;
use crate::json::encode;
use crate::flow::{Intents, Outcome, Watch};
use crate::id::{Digest, EffectId};
use crate::money::Cents;
use crate::providers::flex::ids::CaptureId;
use crate::providers::flex::request::{CapturePayment, CreateRefund};
use crate::providers::flex::wire::{CaptureSeen, SessionSeen};

/// How many captures of a session are remembered.
const REMEMBERED: usize = 32;

/// The money of a session that is complete.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutPayment"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Payment {
    /// What the customer pays, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Cents>,
    /// What was received, in cents: the most that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Cents>,
    /// What was given back by Flex's own count, in cents: the most that was seen.
    #[serde(default)]
    pub refunded: Cents,
    /// The refunds that were seen, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// The refunds that are asked for and whose outcome is unknown.
    #[serde(default, skip_serializing_if = "Moving::is_nothing")]
    pub refunding: Moving,
    /// The captures that were seen, and how much each took, in cents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captured: Vec<(CaptureId, Cents)>,
    /// The captures that are asked for and whose outcome is unknown.
    #[serde(default, skip_serializing_if = "Moving::is_nothing")]
    pub capturing: Moving,
    /// Whether a capture was asked for that is the last.
    #[serde(default)]
    pub is_final: bool,
    /// What the customer disputes.
    #[serde(default, skip_serializing_if = "unless_disputed")]
    pub disputes: Box<Disputes>,
    /// The wait for the end of refunds of ours that are on their way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settling: Option<Box<Watch>>,
    /// Refunds that were asked for.
    #[serde(default)]
    pub(super) returns: Intents,
    /// Captures that were asked for.
    #[serde(default)]
    pub(super) captures: Intents,
}

fn unless_disputed(disputes: &Disputes) -> bool {
    disputes.is_nothing()
}

impl Payment {
    /// What of all of it was received; what a session leaves out is its total, unless the money is only held.
    pub(super) fn received(&self, manual: bool) -> Cents {
        let taken = self.captured.iter().fold(Cents::ZERO, |sum, (_, amount)| sum.plus(*amount));
        self.received.or(self.total.filter(|_| !manual)).unwrap_or_default().max(taken)
    }

    /// What was given back: what is booked, without what came to nothing.
    pub(super) fn returned(&self) -> Cents {
        let all = |reversed: bool| {
            let some = self.refunds.iter().filter(|it| it.status.is_reversed() == reversed);
            some.fold(Cents::ZERO, |sum, it| sum.plus(it.amount))
        };
        all(false).max(self.refunded.minus(all(true)))
    }

    /// What can still be given back, whether or not it is disputed.
    pub(super) fn refundable(&self, manual: bool) -> Cents {
        self.received(manual).minus(self.refunding.with(self.returned()))
    }

    /// The same, without what is disputed.
    pub(super) fn undisputed(&self, manual: bool) -> Cents {
        self.refundable(manual).minus(self.disputes.blocked(self.received(manual)))
    }

    /// What can still be taken.
    pub(super) fn capturable(&self) -> Cents {
        let taken = self.capturing.with(self.received(true));
        if self.is_final { Cents::ZERO } else { self.total.unwrap_or_default().minus(taken) }
    }

    pub(super) fn refund(&mut self, name: EffectId, amount: Cents) {
        self.refunding.begin(name, amount, self.returned());
    }

    pub(super) fn capture(&mut self, name: EffectId, it: &CapturePayment) {
        self.is_final = it.final_capture == Some(true);
        self.capturing.begin(name, it.amount, self.received(true));
    }

    /// Takes in what a session says; the order in which its news come does not matter.
    pub(super) fn see(&mut self, seen: &SessionSeen, cx: &mut Context<'_>) {
        self.total = self.total.max(seen.amount_total);
        self.received = self.received.max(seen.amount_received);
        self.refunded = self.refunded.max(seen.amount_refunded.unwrap_or_default());
        for it in seen.captures.iter().flat_map(|it| &it.list) {
            self.see_capture(it);
        }
        self.see_refunds(seen, cx);
        self.disputes.see(seen, cx);
    }

    /// Whether a capture is known.
    pub(super) fn has_taken(&self, seen: &CaptureSeen) -> bool {
        self.captured.iter().any(|(id, _)| *id == seen.capture_id)
    }

    /// Takes in a capture.
    pub(super) fn see_capture(&mut self, seen: &CaptureSeen) {
        let amount = seen.amount_captured.unwrap_or_default();
        match self.captured.binary_search_by(|it| it.0.cmp(&seen.capture_id)) {
            Ok(index) => {
                if let Some(it) = self.captured.get_mut(index) {
                    it.1 = it.1.max(amount);
                }
            }
            Err(index) if self.captured.len() < REMEMBERED => {
                self.captured.insert(index, (seen.capture_id.clone(), amount));
            }
            Err(_) => {}
        }
    }

    /// What has become of a capture that was asked for.
    pub(super) fn capture_ends(&mut self, name: &EffectId, it: &CapturePayment, outcome: Outcome) {
        self.captures.settle(name.intent(), outcome);
        if outcome == Outcome::Done {
            self.capturing.done(name);
        } else {
            self.is_final &= it.final_capture != Some(true);
            self.capturing.undone(name);
        }
    }
}

/// The fingerprint of a refund.
pub(super) fn of_refund(refund: &CreateRefund) -> Digest {
    Digest::of([encode(refund).as_bytes()])
}

/// The fingerprint of a capture.
pub(super) fn of_capture(capture: &CapturePayment) -> Digest {
    Digest::of([encode(capture).as_bytes()])
}
