//! Disputes: what the customer wants back from the bank is not given back as well.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Context;
use crate::money::Cents;
use crate::providers::flex::ids::DisputeId;
use crate::providers::flex::wire::{DisputeSeen, DisputeStatus, SessionSeen};

/// How many disputes of a session are told apart.
const REMEMBERED: usize = 16;

/// The disputes of a session's payments.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutDisputes"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Disputes {
    /// Those that were seen, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Dispute>,
    /// What is disputed by Flex's own count, in cents: the most that was seen.
    #[serde(default)]
    pub counted: Cents,
    /// Whether there are more than are told apart.
    #[serde(default)]
    pub more: bool,
    /// What of Flex's count a person said that it is over, in cents.
    #[serde(default)]
    over: Cents,
}

/// A dispute that was seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutDispute"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Dispute {
    /// Its id.
    pub id: DisputeId,
    /// How much, in cents; all of it, where Flex does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
    /// The furthest status that was seen.
    pub status: DisputeStatus,
    /// Whether Flex says that its charge can be given back even so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refundable: Option<bool>,
}

impl DisputeStatus {
    /// How far a dispute has come; that the money is gone stands above everything.
    const fn rank(&self) -> u8 {
        match self {
            Self::Unknown(_) => 0,
            Self::NeedsResponse => 1,
            Self::UnderReview => 2,
            Self::Won => 3,
            Self::Lost => 4,
        }
    }
}

impl Disputes {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether nothing about them is open any more.
    pub(super) fn is_settled(&self) -> bool {
        let ended = |it: &Dispute| matches!(it.status, DisputeStatus::Won | DisputeStatus::Lost);
        !self.more && self.seen.iter().all(ended)
    }

    /// What of a sum cannot be given back, in cents.
    pub(super) fn blocked(&self, received: Cents) -> Cents {
        if self.more {
            return received;
        }
        let stands = |it: &&Dispute| it.status != DisputeStatus::Won && it.refundable != Some(true);
        let of = |it: &Dispute| it.amount.unwrap_or(received);
        let known = self.seen.iter().filter(stands).fold(Cents::ZERO, |sum, it| sum.plus(of(it)));
        known.plus(self.unexplained())
    }

    /// What Flex counts and no dispute explains, in cents.
    fn unexplained(&self) -> Cents {
        let named = self.seen.iter().filter_map(|it| it.amount).fold(Cents::ZERO, Cents::plus);
        self.counted.minus(named).minus(self.over).max(Cents::ZERO)
    }

    /// Takes in what a session shows of its disputes.
    pub(super) fn see(&mut self, seen: &SessionSeen, cx: &mut Context<'_>) {
        let session = seen.checkout_session_id.as_str();
        for it in seen.disputes.iter().flat_map(|it| &it.list) {
            self.take(it, session, cx);
        }
        let before = self.unexplained();
        self.counted = self.counted.max(seen.amount_disputed.unwrap_or_default());
        if self.unexplained() > before {
            cx.review("disputed", session, &["won", "lost"]);
        }
    }

    /// Takes in how a dispute stands; what it means for the merchant is a person's to see to.
    pub(super) fn take(&mut self, seen: &DisputeSeen, session: &str, cx: &mut Context<'_>) {
        let status = seen.status.clone().unwrap_or(DisputeStatus::Unknown(alloc::string::String::new()));
        let index = match self.seen.binary_search_by(|it| it.id.cmp(&seen.dispute_id)) {
            Ok(index) => index,
            Err(_) if self.seen.len() >= REMEMBERED => {
                self.more = true;
                return cx.review("disputed", session, &["won", "lost"]);
            }
            Err(index) => {
                let (id, amount, refundable) = (seen.dispute_id.clone(), seen.amount, seen.is_charge_refundable);
                let it = Dispute { id, amount, status: status.clone(), refundable };
                it.ask(cx);
                return self.seen.insert(index, it);
            }
        };
        let Some(it) = self.seen.get_mut(index) else { return };
        it.amount = it.amount.max(seen.amount);
        // Whoever says no is believed.
        it.refundable = [it.refundable, seen.is_charge_refundable].into_iter().flatten().min();
        if (status.rank(), status.as_str()) > (it.status.rank(), it.status.as_str()) {
            it.status = status;
            it.ask(cx);
        }
    }

    /// A person knows how a dispute has ended, or those of a session that Flex only counts.
    pub(super) fn judge(&mut self, of: &str, session: &str, word: &str, cx: &mut Context<'_>) {
        let won = word == "won";
        match self.seen.iter_mut().find(|it| it.id.as_str() == of) {
            Some(it) if won => it.status = DisputeStatus::Won,
            Some(it) => {
                it.status = DisputeStatus::Lost;
                cx.withdraw_word("dispute_lost", of);
            }
            None if won && of == session => {
                self.more = false;
                self.over = self.over.plus(self.unexplained());
            }
            None => {}
        }
    }
}

impl Dispute {
    /// Has a person look at it, as long as it stands.
    fn ask(&self, cx: &mut Context<'_>) {
        let id = self.id.as_str();
        match self.status {
            DisputeStatus::Won => cx.withdraw_words(&["disputed", "dispute_lost"], |of| of == id),
            DisputeStatus::Lost => {
                cx.withdraw_word("disputed", id);
                cx.review("dispute_lost", id, &["seen"]);
            }
            _ => cx.review("disputed", id, &["won", "lost"]),
        }
    }
}
