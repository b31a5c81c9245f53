//! The disputes that Revup has told about. They are only learned and decide nothing, so they are not a facet.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::overview::DisputeReport;
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::dispute::ShownDispute;
use crate::providers::revup::ids::TransactionId;

/// How many disputes are kept.
const REMEMBERED: usize = 8;

/// The most characters of a text that are kept.
const LONGEST: usize = 100;

/// The newest disputes, the oldest first.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionDisputes"))]
#[serde(transparent)]
pub(super) struct Disputes(Vec<Dispute>);

/// One dispute.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionDispute"))]
#[serde(deny_unknown_fields)]
struct Dispute {
    /// The transaction that Revup names.
    transaction: TransactionId,
    /// Its type, in Revup's word.
    kind: String,
    /// Its status, in Revup's word.
    status: String,
    /// Revup's id of the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    /// The disputed amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Decimal>,
    /// The currency of the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// The bank's code of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason_code: Option<String>,
    /// The reason in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whether a message with proof of its origin has shown the dispute.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    proved: bool,
}

impl Disputes {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a dispute. What a message without proof says does not replace what one with proof has said.
    pub(super) fn note(&mut self, shown: ShownDispute, proved: bool) {
        let (money, info) = (shown.money.unwrap_or_default(), shown.info.unwrap_or_default());
        let dispute = Dispute {
            transaction: shown.transaction,
            kind: shortened(shown.kind.as_str().into()),
            status: shortened(shown.status.as_str().into()),
            payment: shown.payment.map(shortened),
            amount: money.amount.map(Decimal::plain),
            currency: money.currency.filter(|it| it.len() == 3),
            reason_code: info.reason_code.map(shortened),
            reason: info.description.map(shortened),
            proved,
        };
        let is_same = |it: &Dispute| {
            (&it.transaction, &it.kind, &it.status) == (&dispute.transaction, &dispute.kind, &dispute.status)
        };
        match self.0.iter_mut().find(|it| is_same(it)) {
            Some(known) if known.proved && !proved => {}
            Some(known) => *known = dispute,
            None => {
                if self.0.len() >= REMEMBERED {
                    // Anyone can report a dispute without proof, so such a one is dropped first.
                    let unproved = self.0.iter().position(|it| !it.proved);
                    self.0.remove(unproved.unwrap_or(0));
                }
                self.0.push(dispute);
            }
        }
    }

    /// The disputes, as the status shows them. `currency` is that of the subscription.
    pub(super) fn reports(&self, currency: Option<&str>) -> Vec<DisputeReport> {
        let report = |it: &Dispute| DisputeReport {
            transaction_id: it.transaction.clone(),
            payment_id: it.payment.clone(),
            kind: it.kind.clone(),
            provider_status: it.status.clone(),
            amount: it.amount.and_then(|amount| amount.in_smallest_unit(it.currency.as_deref().or(currency))),
            reason_code: it.reason_code.clone(),
            reason: it.reason.clone(),
            proved: it.proved,
        };
        self.0.iter().map(report).collect()
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        (self.0.len() > REMEMBERED).then_some("there are more disputes than can be kept")
    }
}

fn shortened(text: String) -> String {
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).collect() }
}
