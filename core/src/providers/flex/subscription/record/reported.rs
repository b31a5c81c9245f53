//! The newest disputes that Flex has shown, for the status. They decide nothing.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::money::{Cents, Money};
use crate::providers::flex::api::objects::{DisputeObject, DisputeStatus};
use crate::providers::flex::disputes::WatchedDisputes;
use crate::providers::flex::ids::DisputeId;
use crate::providers::flex::reports::{DisputeReport, word};

/// The most disputes that are kept. Those with the highest ids stay, whatever the order of the webhooks.
const REMEMBERED: usize = 8;

/// A dispute: its id, the largest amount, and the furthest status.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexReportedReturn"))]
struct Reported(String, Option<Cents>, String);

/// The disputes, sorted by id.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexReportedReturns"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Reports {
    /// The disputes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disputes: Vec<Reported>,
}

impl Reports {
    pub(super) const fn is_empty(&self) -> bool {
        self.disputes.is_empty()
    }

    /// Stores what a dispute shows. Returns whether any of it is new.
    pub(super) fn note_dispute(&mut self, object: &DisputeObject) -> bool {
        let rank = |text: &str| DisputeStatus::from(String::from(text)).rank();
        let status = object.status.as_ref().map(DisputeStatus::as_str);
        note(&mut self.disputes, object.dispute_id.as_str(), object.amount, status, rank)
    }

    /// The disputes, as the status shows them.
    pub(super) fn disputes(&self, watched: &WatchedDisputes) -> Vec<DisputeReport> {
        let report = |Reported(id, amount, status): &Reported| {
            let (id, provider_status) = (DisputeId::parse(id).ok()?, word(status));
            let evidence_due_at = watched.evidence_due_at(&id);
            Some(DisputeReport { id, amount: amount.map(Money::unnamed), provider_status, evidence_due_at })
        };
        self.disputes.iter().filter_map(report).collect()
    }
}

fn note(
    all: &mut Vec<Reported>,
    id: &str,
    amount: Option<Cents>,
    status: Option<&str>,
    rank: impl Fn(&str) -> u8,
) -> bool {
    let before = all.clone();
    let index = all.binary_search_by(|it| it.0.as_str().cmp(id)).unwrap_or_else(|index| {
        all.insert(index, Reported(id.into(), None, String::new()));
        index
    });
    if let Some(known) = all.get_mut(index) {
        known.1 = known.1.max(amount);
        if let Some(status) = status.filter(|status| (rank(status), *status) > (rank(&known.2), known.2.as_str())) {
            known.2 = status.into();
        }
    }
    if all.len() > REMEMBERED {
        all.remove(0);
    }
    *all != before
}
