//! Disputes: a disputed amount is not refunded as well.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::flow::Reviews;
use crate::id::TypedId;
use crate::money::{Cents, Money};
use crate::providers::flex::api::objects::{DisputeObject, DisputeStatus, SessionObject};
use crate::providers::flex::checkout::Cx;
use crate::providers::flex::disputes::WatchedDisputes;
use crate::providers::flex::ids::DisputeId;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::reports::{DisputeReport, word};

/// The most disputes of a session that are kept one by one.
const REMEMBERED: usize = 16;

/// The verdicts about the end of a dispute.
const ENDS: &[Verdict] = &[Verdict::Won, Verdict::Lost];

/// The disputes of a session's payments.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutDisputes"))]
#[serde(deny_unknown_fields)]
pub(super) struct Disputes {
    /// The disputes that Flex has shown, sorted by id.
    #[serde(rename = "seen", default, skip_serializing_if = "Vec::is_empty")]
    known: Vec<Dispute>,
    /// The highest disputed amount that Flex has shown, in cents.
    #[serde(default)]
    counted: Cents,
    /// Whether there are more disputes than are kept one by one.
    #[serde(default)]
    more: bool,
    /// The part of Flex's disputed amount that a person has called won, in cents.
    #[serde(default)]
    over: Cents,
    /// The watch over them, until they end.
    #[serde(default, skip_serializing_if = "WatchedDisputes::is_empty")]
    watched: WatchedDisputes,
}

/// A dispute that Flex has shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutDispute"))]
#[serde(deny_unknown_fields)]
pub(super) struct Dispute {
    /// The id of the dispute.
    id: DisputeId,
    /// The disputed amount, in cents. Without it, everything is disputed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Cents>,
    /// The furthest status that Flex has shown.
    status: DisputeStatus,
    /// Whether Flex says that the charge can be refunded all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refundable: Option<bool>,
}

impl DisputeStatus {
    /// The order of statuses. `lost` is the highest, because the money is gone.
    pub(in crate::providers::flex) const fn rank(&self) -> u8 {
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

    /// Whether this dispute is known.
    pub(super) fn contains(&self, id: &DisputeId) -> bool {
        self.known.iter().any(|it| it.id == *id)
    }

    /// The ids of all disputes.
    pub(super) fn ids(&self) -> impl Iterator<Item = TypedId> {
        self.known.iter().map(|it| TypedId::from(&it.id))
    }

    /// The disputes, by id.
    pub(super) fn reports(&self) -> impl Iterator<Item = DisputeReport> {
        self.known.iter().map(|it| DisputeReport {
            id: it.id.clone(),
            amount: it.amount.map(Money::unnamed),
            provider_status: word(it.status.as_str()),
            evidence_due_at: self.watched.evidence_due_at(&it.id),
        })
    }

    /// The amount of a dispute, if Flex has shown it.
    pub(super) fn amount(&self, id: &DisputeId) -> Option<Cents> {
        self.known.iter().find(|it| it.id == *id)?.amount
    }

    /// The watch over the disputes.
    pub(super) const fn watched(&self) -> &WatchedDisputes {
        &self.watched
    }

    /// The watch over the disputes.
    pub(super) const fn watched_mut(&mut self) -> &mut WatchedDisputes {
        &mut self.watched
    }

    /// Whether every dispute has ended.
    pub(super) fn is_settled(&self) -> bool {
        let ended = |it: &Dispute| matches!(it.status, DisputeStatus::Won | DisputeStatus::Lost);
        !self.more && self.known.iter().all(ended)
    }

    /// The part of the received amount that cannot be refunded, in cents.
    pub(super) fn blocked(&self, received: Cents) -> Cents {
        if self.more {
            return received;
        }
        let blocks = |it: &&Dispute| match it.status {
            DisputeStatus::Won => false,
            // The customer has the money already, or will have it.
            DisputeStatus::Lost => true,
            _ => it.refundable != Some(true) || self.watched.is_accepted(&it.id),
        };
        let amount = |it: &Dispute| it.amount.unwrap_or(received);
        let known = self.known.iter().filter(blocks).fold(Cents::ZERO, |sum, it| sum.plus(amount(it)));
        known.plus(self.unexplained())
    }

    /// The part of Flex's disputed amount that no dispute explains, in cents.
    fn unexplained(&self) -> Cents {
        let named = self.known.iter().filter_map(|it| it.amount).fold(Cents::ZERO, Cents::plus);
        self.counted.minus(named).minus(self.over).max(Cents::ZERO)
    }

    /// Stores the disputes that a session shows.
    pub(super) fn note_all(&mut self, object: &SessionObject, cx: &mut Cx<'_>) {
        let session = &object.checkout_session_id;
        for dispute in object.disputes.iter().flat_map(|it| &it.list) {
            self.note(dispute, session.into(), cx);
        }
        let before = self.unexplained();
        self.counted = self.counted.max(object.amount_disputed.unwrap_or_default());
        if self.unexplained() > before {
            Self::ask(session, cx);
        }
    }

    /// Stores a dispute, and asks a person about it; about `many` if there are too many to store.
    pub(super) fn note(&mut self, object: &DisputeObject, many: TypedId, cx: &mut Cx<'_>) {
        self.watched.note(object, cx);
        let status = object.status.clone().unwrap_or(DisputeStatus::Unknown(String::new()));
        let index = match self.known.binary_search_by(|it| it.id.cmp(&object.dispute_id)) {
            Ok(index) => index,
            Err(_) if self.known.len() >= REMEMBERED => {
                self.more = true;
                return Self::ask(many, cx);
            }
            Err(index) => {
                let (id, amount, refundable) = (object.dispute_id.clone(), object.amount, object.is_charge_refundable);
                let dispute = Dispute { id, amount, status, refundable };
                dispute.ask(&self.watched, cx);
                return self.known.insert(index, dispute);
            }
        };
        let Some(dispute) = self.known.get_mut(index) else { return };
        dispute.amount = dispute.amount.max(object.amount);
        // A single `false` decides.
        dispute.refundable = [dispute.refundable, object.is_charge_refundable].into_iter().flatten().min();
        if (status.rank(), status.as_str()) > (dispute.status.rank(), dispute.status.as_str()) {
            dispute.status = status;
            dispute.ask(&self.watched, cx);
        }
    }

    /// Asks a person about a dispute, or about all disputes of a session.
    pub(super) fn ask(about: impl Into<TypedId>, cx: &mut Cx<'_>) {
        cx.ask(Review::Disputed.only(ENDS), about);
    }

    /// A person says how a dispute has ended, or those that Flex only counts.
    pub(super) fn reviewed(&mut self, about: &str, session: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        let won = verdict == Verdict::Won;
        self.watched.end(about, !won, cx);
        match self.known.iter_mut().find(|it| it.id.as_str() == about) {
            Some(dispute) if won => dispute.status = DisputeStatus::Won,
            Some(dispute) => {
                dispute.status = DisputeStatus::Lost;
                cx.withdraw_review(Review::DisputeLost, about);
            }
            None if won && about == session => {
                self.more = false;
                self.over = self.over.plus(self.unexplained());
            }
            None => {}
        }
    }
}

impl Dispute {
    /// Asks a person about the dispute, unless it was won, or the host has accepted it.
    fn ask(&self, watched: &WatchedDisputes, cx: &mut Cx<'_>) {
        let id = &self.id;
        match self.status {
            DisputeStatus::Won => {
                cx.withdraw_review(Review::Disputed, id.as_str());
                cx.withdraw_review(Review::DisputeLost, id.as_str());
            }
            DisputeStatus::Lost => {
                cx.withdraw_review(Review::Disputed, id.as_str());
                if !watched.is_accepted(id) {
                    cx.ask(Review::DisputeLost.only(&[Verdict::Seen]), id);
                }
            }
            _ => Disputes::ask(id, cx),
        }
    }
}
