//! What was received for a session, what of it was given back, and what of what is held was taken.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Context;
use crate::encode::encode;
use crate::flow::{Intents, Outcome};
use crate::id::{Digest, EffectId, Intent};
use crate::money::Cents;
use crate::providers::flex::call::{CapturePayment, CreateRefund};
use crate::providers::flex::ids::RefundId;
use crate::providers::flex::wire::{RefundSeen, RefundStatus, SessionSeen};

/// How many refunds of a session are remembered.
const REMEMBERED: usize = 16;

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
    /// The refunds that are asked for and not answered.
    #[serde(default, skip_serializing_if = "Moving::is_nothing")]
    pub refunding: Moving,
    /// The captures that are asked for and not answered.
    #[serde(default, skip_serializing_if = "Moving::is_nothing")]
    pub capturing: Moving,
    /// Whether a capture was asked for that is the last.
    #[serde(default)]
    pub is_final: bool,
    /// Refunds that were asked for.
    #[serde(default)]
    pub(super) returns: Intents,
    /// Captures that were asked for.
    #[serde(default)]
    pub(super) captures: Intents,
}

/// Money on its way.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutMoving"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Moving {
    /// The requests that move it, and how much, in cents; nothing where only Flex knows.
    pub open: Vec<(EffectId, Cents)>,
    /// What had moved by others, in cents.
    accounted: Cents,
}

/// What has become of money on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moved {
    Fully,
    NotAtAll,
    Unclear,
}

impl Moving {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn sum(&self) -> Cents {
        self.open.iter().fold(Cents::ZERO, |sum, (_, amount)| sum.plus(*amount))
    }

    /// All that has moved, with what is on its way.
    fn with(&self, all: Cents) -> Cents {
        all.max(self.accounted.plus(self.sum()))
    }

    /// A request is to move an amount, where so much has moved before.
    fn begin(&mut self, name: EffectId, amount: Cents, before: Cents) {
        if self.open.is_empty() {
            self.accounted = before;
        }
        self.open.push((name, amount));
    }

    /// A request has moved its amount.
    pub(super) fn done(&mut self, name: &EffectId) {
        if let Some(amount) = self.end(name) {
            self.accounted = self.accounted.plus(amount);
        }
        self.settle();
    }

    /// A request has moved nothing.
    pub(super) fn undone(&mut self, name: &EffectId) {
        self.end(name);
        self.settle();
    }

    fn end(&mut self, name: &EffectId) -> Option<Cents> {
        let index = self.open.iter().position(|(have, _)| have == name)?;
        Some(self.open.remove(index).1)
    }

    fn settle(&mut self) {
        if self.open.is_empty() {
            self.accounted = Cents::ZERO;
        }
    }

    /// What has become of a request, now that so much has moved in all. With others on their way it is clear only if
    /// nothing has moved, or everything.
    pub(super) fn moved(&self, name: &EffectId, all: Cents) -> Option<Moved> {
        let (_, amount) = self.open.iter().find(|(have, _)| have == name)?;
        let since = all.minus(self.accounted);
        let unknown = self.open.len() > 1 && *amount == Cents::ZERO;
        Some(match () {
            () if since <= Cents::ZERO => Moved::NotAtAll,
            () if since >= self.sum() && !unknown => Moved::Fully,
            () => Moved::Unclear,
        })
    }
}

/// A refund that was seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutRefund"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// How much, in cents.
    pub amount: Cents,
    /// The furthest status that was seen.
    pub status: RefundStatus,
    /// The host's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
}

impl RefundStatus {
    /// How far a refund has come: what was done can still come to nothing, and not the other way round.
    const fn rank(&self) -> u8 {
        match self {
            Self::Unknown(_) => 0,
            Self::Pending => 1,
            Self::RequiresAction => 2,
            Self::Succeeded => 3,
            Self::Canceled => 4,
            Self::Failed => 5,
        }
    }
}

impl Payment {
    /// What of all of it was received; what a session leaves out is its total, unless the money is only held.
    pub(super) fn received(&self, manual: bool) -> Cents {
        self.received.or(self.total.filter(|_| !manual)).unwrap_or_default()
    }

    /// What was given back: what is booked, without what came to nothing.
    pub(super) fn returned(&self) -> Cents {
        let all = |reversed: bool| {
            let some = self.refunds.iter().filter(|it| it.status.is_reversed() == reversed);
            some.fold(Cents::ZERO, |sum, it| sum.plus(it.amount))
        };
        all(false).max(self.refunded.minus(all(true)))
    }

    /// What can still be given back.
    pub(super) fn refundable(&self, manual: bool) -> Cents {
        self.received(manual).minus(self.refunding.with(self.returned()))
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
        let amount = it.amount;
        self.capturing.begin(name, amount, self.received(true));
    }

    /// Takes in what a session says; the order in which its news come does not matter.
    pub(super) fn see(&mut self, seen: &SessionSeen, cx: &mut Context<'_>) {
        self.total = self.total.max(seen.amount_total);
        self.received = self.received.max(seen.amount_received);
        self.refunded = self.refunded.max(seen.amount_refunded.unwrap_or_default());
        let refunds = seen.refunds.iter().flatten();
        let failed: Vec<_> = refunds.filter(|it| self.takes(it)).map(|it| it.refund_id.as_str()).collect();
        match failed.as_slice() {
            // More than are remembered: a person looks at the session, and not at each.
            [_, rest @ ..] if rest.len() >= REMEMBERED => {
                cx.review("refund_failed", seen.checkout_session_id.as_str(), &["seen"]);
            }
            some => some.iter().for_each(|id| cx.review("refund_failed", id, &["seen"])),
        }
    }

    /// Takes in how a refund stands. One that was promised and has not arrived owes a review.
    pub(super) fn see_refund(&mut self, seen: &RefundSeen, cx: &mut Context<'_>) {
        if self.takes(seen) {
            cx.review("refund_failed", seen.refund_id.as_str(), &["seen"]);
        }
    }

    /// Takes in how a refund stands, and tells whether it is news that it has come to nothing.
    fn takes(&mut self, seen: &RefundSeen) -> bool {
        let mut failed = false;
        let index = match self.refunds.binary_search_by(|it| it.id.cmp(&seen.refund_id)) {
            Ok(index) => index,
            Err(index) => {
                let (id, status) = (seen.refund_id.clone(), RefundStatus::Pending);
                self.refunds.insert(index, Refund { id, amount: seen.amount, status, intent: None });
                index
            }
        };
        let Some(it) = self.refunds.get_mut(index) else { return failed };
        if seen.status.rank() > it.status.rank() {
            it.status = seen.status.clone();
            failed = it.status.is_reversed();
            if let Some(intent) = it.intent.as_ref().filter(|_| failed) {
                self.returns.settle(intent.as_str(), Outcome::Failed);
            }
        }
        if self.refunds.len() > REMEMBERED {
            self.refunds.remove(0);
        }
        failed
    }

    /// Gives the refunds that were seen since to the request that made them; with others on their way, those of its
    /// amount.
    pub(super) fn attribute(&mut self, name: &EffectId) {
        let Ok(intent) = Intent::parse(name.intent()) else { return };
        let failed = self.refunds.iter().any(|it| it.intent.as_ref() == Some(&intent) && it.status.is_reversed());
        let mut outcome = if failed { Outcome::Failed } else { Outcome::Done };
        let alone = self.refunding.open.len() <= 1;
        let amount = self.refunding.open.iter().find(|(have, _)| have == name).map(|(_, amount)| *amount);
        let made = |it: &&mut Refund| it.intent.is_none() && (alone || amount == Some(it.amount));
        for it in self.refunds.iter_mut().filter(made) {
            it.intent = Some(intent.clone());
            if it.status.is_reversed() {
                outcome = Outcome::Failed;
            }
        }
        self.returns.settle(intent.as_str(), outcome);
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
