//! What a delivery is for: the charge, the money, the items and the period.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::id::Intent;
use crate::money::Money;
use crate::time::Timestamp;

/// What was paid. Every field is `null` if the provider has not shown it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Delivery {
    /// The host's name for the charge.
    pub intent: Option<Intent>,
    /// The amount.
    pub paid: Option<Money>,
    /// What was sold.
    pub items: Option<Vec<DeliveredItem>>,
    /// The period that was paid.
    pub period: Option<Period>,
}

/// One thing that was sold, by the provider's id of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DeliveredItem {
    /// The id: a price or a SKU. `null` if the provider names none.
    pub id: Option<String>,
    /// How many.
    pub quantity: i64,
}

/// A span of time that was paid.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Period {
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

impl Period {
    pub(crate) const fn new(starts_at: Timestamp, ends_at: Timestamp) -> Self {
        Self { starts_at, ends_at }
    }
}
