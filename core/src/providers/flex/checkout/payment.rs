//! What was received for a session, what of it was given back, and what of what is held was taken.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Context;
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
    /// The refund that is asked for and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunding: Option<Moving>,
    /// The capture that is asked for and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capturing: Option<Moving>,
    /// Whether the last capture was said to be the last.
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
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Moving {
    /// The request that moves it.
    pub name: EffectId,
    /// How much, in cents; nothing where only Flex knows.
    pub amount: Cents,
    /// What had moved before, in cents.
    before: Cents,
}

/// What has become of money on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moved {
    Fully,
    NotAtAll,
    Unclear,
}

impl Moving {
    /// What has become of it, now that so much has moved in all.
    pub(super) fn moved(&self, all: Cents) -> Moved {
        let since = all.minus(self.before);
        match () {
            () if since <= Cents::ZERO => Moved::NotAtAll,
            () if since >= self.amount => Moved::Fully,
            () => Moved::Unclear,
        }
    }

    /// All that has moved, with what is on its way.
    fn with(&self, all: Cents) -> Cents {
        all.max(self.before.plus(self.amount))
    }
}

/// A refund that was seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
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
        let returned = self.refunding.as_ref().map_or(self.returned(), |it| it.with(self.returned()));
        self.received(manual).minus(returned)
    }

    /// What can still be taken.
    pub(super) fn capturable(&self) -> Cents {
        let received = self.received(true);
        let taken = self.capturing.as_ref().map_or(received, |it| it.with(received));
        if self.is_final { Cents::ZERO } else { self.total.unwrap_or_default().minus(taken) }
    }

    pub(super) fn refund(&mut self, name: EffectId, amount: Cents) {
        self.refunding = Some(Moving { name, amount, before: self.returned() });
    }

    pub(super) fn capture(&mut self, name: EffectId, amount: Cents) {
        self.capturing = Some(Moving { name, amount, before: self.received(true) });
    }

    /// Takes in what a session says; the order in which its news come does not matter.
    pub(super) fn see(&mut self, seen: &SessionSeen, cx: &mut Context<'_>) {
        self.total = self.total.max(seen.amount_total);
        self.received = self.received.max(seen.amount_received);
        self.refunded = self.refunded.max(seen.amount_refunded.unwrap_or_default());
        for refund in seen.refunds.iter().flatten() {
            self.see_refund(refund, cx);
        }
    }

    /// Takes in how a refund stands.
    pub(super) fn see_refund(&mut self, seen: &RefundSeen, cx: &mut Context<'_>) {
        let index = match self.refunds.binary_search_by(|it| it.id.cmp(&seen.refund_id)) {
            Ok(index) => index,
            Err(index) => {
                let (id, status) = (seen.refund_id.clone(), RefundStatus::Pending);
                self.refunds.insert(index, Refund { id, amount: seen.amount, status, intent: None });
                index
            }
        };
        let Some(it) = self.refunds.get_mut(index) else { return };
        if seen.status.rank() > it.status.rank() {
            it.status = seen.status.clone();
            if it.status.is_reversed() {
                // It was promised, and has not arrived.
                cx.review("refund_failed", it.id.as_str(), &["seen"]);
                if let Some(intent) = &it.intent {
                    self.returns.settle(intent.as_str(), Outcome::Failed);
                }
            }
        }
        if self.refunds.len() > REMEMBERED {
            self.refunds.remove(0);
        }
    }

    /// Gives the refunds that were seen since to the request that made them.
    pub(super) fn attribute(&mut self, name: &EffectId) {
        let Ok(intent) = Intent::parse(name.intent()) else { return };
        let failed = self.refunds.iter().any(|it| it.intent.as_ref() == Some(&intent) && it.status.is_reversed());
        let mut outcome = if failed { Outcome::Failed } else { Outcome::Done };
        for it in self.refunds.iter_mut().filter(|it| it.intent.is_none()) {
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
    Digest::of([serde_json::to_vec(refund).unwrap_or_default().as_slice()])
}

/// The fingerprint of a capture.
pub(super) fn of_capture(capture: &CapturePayment) -> Digest {
    Digest::of([serde_json::to_vec(capture).unwrap_or_default().as_slice()])
}
