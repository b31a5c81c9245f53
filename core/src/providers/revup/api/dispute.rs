//! Disputes, as an event or a notification names them.

use alloc::string::String;

use serde::Deserialize;

use super::notification::TransactionType;
use super::replies::{Money, TransactionStatus};
use crate::json::lenient_text;
use crate::providers::revup::ids::TransactionId;

/// Why the customer's bank disputes a payment. Every field is text for a person.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChargebackInfo {
    #[serde(default, deserialize_with = "lenient_text")]
    pub(crate) reason_code: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub(crate) description: Option<String>,
}

/// One dispute of a payment.
#[derive(Clone, Debug)]
pub(crate) struct ShownDispute {
    /// The transaction. A notification about a chargeback names the transaction of the payment.
    pub(crate) transaction: TransactionId,
    pub(crate) kind: TransactionType,
    pub(crate) status: TransactionStatus,
    /// Revup's id of the payment.
    pub(crate) payment: Option<String>,
    pub(crate) money: Option<Money>,
    pub(crate) info: Option<ChargebackInfo>,
}

impl TransactionType {
    /// Whether the transaction is a dispute, or a question of the customer's bank.
    pub(crate) const fn is_dispute(&self) -> bool {
        matches!(self, Self::Chargeback | Self::Rdr | Self::InformationRequested)
    }
}
