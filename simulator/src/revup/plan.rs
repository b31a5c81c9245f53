//! Plans. No call makes them: they are configured in Revup's back office.

use std::collections::BTreeMap;

use serde_json::Value;

use super::money;
use crate::calendar::Unit;
use crate::time::{DAY, Millis};

#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The amounts by currency: of the initial payment and of a renewal. An empty map accepts every currency.
    prices: BTreeMap<String, (i64, i64)>,
    pub(super) interval: i64,
    pub(super) unit: Unit,
    /// How many renewals there are before the plan ends.
    pub(super) renewals: Option<i64>,
    /// How often a failed renewal is tried again, and after how long.
    pub(super) retries: i64,
    pub(super) retry_after: Millis,
    /// A chargeback or an RDR cancels the subscription.
    pub(super) cancels_on_dispute: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            prices: BTreeMap::new(),
            interval: 1,
            unit: Unit::Month,
            renewals: None,
            retries: 3,
            retry_after: DAY,
            cancels_on_dispute: false,
        }
    }
}

impl Plan {
    /// Reads the plan that a test sets.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let default = Self::default();
        let mut prices = BTreeMap::new();
        for (currency, price) in value["prices"].as_object().into_iter().flatten() {
            let price = |name: &str| money::read(&price[name], currency);
            let price = price("initial").zip(price("renewal"));
            prices.insert(currency.clone(), price.ok_or("A price must have `initial` and `renewal`.")?);
        }
        let unit = value["unit"].as_str().unwrap_or("month");
        Ok(Self {
            prices,
            interval: value["interval"].as_i64().unwrap_or(1).clamp(1, 1_000),
            unit: Unit::read(unit).ok_or("`unit` must be day, week, month or year.")?,
            renewals: value["renewals"].as_i64(),
            retries: value["retries"].as_i64().unwrap_or(default.retries).clamp(0, 100),
            retry_after: value["retry_after_ms"].as_i64().unwrap_or(DAY).clamp(1_000, 366 * DAY),
            cancels_on_dispute: value["cancels_on_dispute"].as_bool().unwrap_or(false),
        })
    }

    /// The amounts in a currency, or nothing where the plan does not have it.
    pub(super) fn price(&self, currency: &str) -> Option<(i64, i64)> {
        if self.prices.is_empty() { Some((1_550, 3_000)) } else { self.prices.get(currency).copied() }
    }
}
