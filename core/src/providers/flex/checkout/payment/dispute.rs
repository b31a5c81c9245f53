//! Disputes: what the customer wants back from the bank is not given back as well.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::flow::Reviews;
use crate::money::Cents;
use crate::providers::flex::api::objects::{DisputeObject, DisputeStatus, SessionObject};
use crate::providers::flex::checkout::Cx;
use crate::providers::flex::ids::DisputeId;
use crate::providers::flex::names::{Review, Verdict};

/// How many disputes of a session are kept one by one.
const REMEMBERED: usize = 16;

/// How a dispute may have ended, by a person's word.
const ENDS: &[Verdict] = &[Verdict::Won, Verdict::Lost];

/// The disputes of a session's payments.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutDisputes"))]
#[serde(deny_unknown_fields)]
pub(super) struct Disputes {
    /// Those that were seen, by their ids.
    #[serde(rename = "seen", default, skip_serializing_if = "Vec::is_empty")]
    known: Vec<Dispute>,
    /// What is disputed by Flex's own count, in cents: the most that was seen.
    #[serde(default)]
    counted: Cents,
    /// Whether there are more than are kept one by one.
    #[serde(default)]
    more: bool,
    /// What of Flex's count a person said that it is over, in cents.
    #[serde(default)]
    over: Cents,
}

/// A dispute that was seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutDispute"))]
#[serde(deny_unknown_fields)]
pub(super) struct Dispute {
    /// Its id.
    id: DisputeId,
    /// How much, in cents; all of it, where Flex does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Cents>,
    /// The furthest status that was seen.
    status: DisputeStatus,
    /// Whether Flex says that its charge can be given back even so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refundable: Option<bool>,
}

impl DisputeStatus {
    /// How far a dispute has come; that the money is gone is above everything.
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

    /// Whether one is among them.
    pub(super) fn contains(&self, id: &DisputeId) -> bool {
        self.known.iter().any(|it| it.id == *id)
    }

    /// Their ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|it| it.id.as_str())
    }

    /// Whether nothing about them is open any more.
    pub(super) fn is_settled(&self) -> bool {
        let ended = |it: &Dispute| matches!(it.status, DisputeStatus::Won | DisputeStatus::Lost);
        !self.more && self.known.iter().all(ended)
    }

    /// What of a sum cannot be given back, in cents.
    pub(super) fn blocked(&self, received: Cents) -> Cents {
        if self.more {
            return received;
        }
        let stands = |it: &&Dispute| it.status != DisputeStatus::Won && it.refundable != Some(true);
        let of = |it: &Dispute| it.amount.unwrap_or(received);
        let known = self.known.iter().filter(stands).fold(Cents::ZERO, |sum, it| sum.plus(of(it)));
        known.plus(self.unexplained())
    }

    /// What Flex counts and no dispute explains, in cents.
    fn unexplained(&self) -> Cents {
        let named = self.known.iter().filter_map(|it| it.amount).fold(Cents::ZERO, Cents::plus);
        self.counted.minus(named).minus(self.over).max(Cents::ZERO)
    }

    /// Takes in what a session shows of its disputes.
    pub(super) fn note_all(&mut self, object: &SessionObject, cx: &mut Cx<'_>) {
        let session = object.checkout_session_id.as_str();
        for dispute in object.disputes.iter().flat_map(|it| &it.list) {
            self.note(dispute, session, cx);
        }
        let before = self.unexplained();
        self.counted = self.counted.max(object.amount_disputed.unwrap_or_default());
        if self.unexplained() > before {
            Self::ask(session, cx);
        }
    }

    /// Takes in what is shown of a dispute; what it means for the merchant is a person's to see to.
    pub(super) fn note(&mut self, object: &DisputeObject, session: &str, cx: &mut Cx<'_>) {
        let status = object.status.clone().unwrap_or(DisputeStatus::Unknown(String::new()));
        let index = match self.known.binary_search_by(|it| it.id.cmp(&object.dispute_id)) {
            Ok(index) => index,
            Err(_) if self.known.len() >= REMEMBERED => {
                self.more = true;
                return Self::ask(session, cx);
            }
            Err(index) => {
                let (id, amount, refundable) = (object.dispute_id.clone(), object.amount, object.is_charge_refundable);
                let dispute = Dispute { id, amount, status, refundable };
                dispute.ask(cx);
                return self.known.insert(index, dispute);
            }
        };
        let Some(dispute) = self.known.get_mut(index) else { return };
        dispute.amount = dispute.amount.max(object.amount);
        // Whoever says no is believed.
        dispute.refundable = [dispute.refundable, object.is_charge_refundable].into_iter().flatten().min();
        if (status.rank(), status.as_str()) > (dispute.status.rank(), dispute.status.as_str()) {
            dispute.status = status;
            dispute.ask(cx);
        }
    }

    /// Asks a person about a dispute, or about those of a session.
    pub(super) fn ask(about: &str, cx: &mut Cx<'_>) {
        cx.ask(Review::Disputed.only(ENDS), about);
    }

    /// A person knows how a dispute has ended, or those of a session that Flex only counts.
    pub(super) fn reviewed(&mut self, of: &str, session: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        let won = verdict == Verdict::Won;
        match self.known.iter_mut().find(|it| it.id.as_str() == of) {
            Some(dispute) if won => dispute.status = DisputeStatus::Won,
            Some(dispute) => {
                dispute.status = DisputeStatus::Lost;
                cx.withdraw_review(Review::DisputeLost, of);
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
    /// Asks a person about it, unless it was won.
    fn ask(&self, cx: &mut Cx<'_>) {
        let id = self.id.as_str();
        match self.status {
            DisputeStatus::Won => {
                cx.withdraw_review(Review::Disputed, id);
                cx.withdraw_review(Review::DisputeLost, id);
            }
            DisputeStatus::Lost => {
                cx.withdraw_review(Review::Disputed, id);
                cx.ask(Review::DisputeLost, id);
            }
            _ => Disputes::ask(id, cx),
        }
    }
}
