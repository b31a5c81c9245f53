//! What the host says of its Flex account and of its catalogue.

use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::int::whole_if_any;
use crate::json::listed;
use crate::money::Cents;
use crate::url::BaseUrl;
use crate::value::open_enum;

/// Where Flex is, and what the host's catalogue says of its prices.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSettings"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Another server than Flex's own, such as a test double: `https`, or `http` on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// Whether the API key is one of test mode; not checked unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_mode: Option<bool>,
    /// The prices that the host's server sells, by their ids. Of a price that is absent nothing is known.
    pub prices: BTreeMap<String, Price>,
}

impl Settings {
    /// The server's address, without a slash at the end.
    pub fn base_url(&self) -> &str {
        self.base_url.as_ref().map_or("https://api.withflex.com", BaseUrl::as_str)
    }
}

/// Every interval that a document names, in both spellings.
pub(crate) const INTERVALS: [&str; 8] = ["day", "week", "month", "year", "daily", "weekly", "monthly", "yearly"];

/// How often a price is charged.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRecurring"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recurring {
    /// `monthly` or `month`, and the like; sent as it is written.
    pub interval: String,
    /// How many intervals make a period; one, unless told.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub interval_count: Option<i64>,
    /// For how many days nothing is charged.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub trial_period_days: Option<i64>,
}

impl Recurring {
    /// One period of that interval.
    pub fn every(interval: &str) -> Self {
        Self { interval: interval.into(), interval_count: None, trial_period_days: None }
    }

    /// The interval under the name that both spellings share; nothing if no document names it.
    pub fn normal(&self) -> Option<&'static str> {
        Some(match self.interval.as_str() {
            "day" | "daily" => "day",
            "week" | "weekly" => "week",
            "month" | "monthly" => "month",
            "year" | "yearly" => "year",
            _ => return None,
        })
    }
}

open_enum! {
    /// How a product or price is eligible.
    pub enum Eligibility {
        /// It is not.
        NotEligible = "not_eligible",
        /// It stands on the list of eligible products.
        AutoSubstantiation = "auto_substantiation",
        /// It stands on Flex's list of private labels.
        PrivateLabel = "private_label",
        /// With a prescription for glasses.
        Vision = "vision",
        /// With a prescription.
        Prescription = "prescription",
        /// With a letter of medical necessity.
        LetterOfMedicalNecessity = "letter_of_medical_necessity",
        /// A service.
        Service = "service",
    }
}

/// A price of the catalogue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexPrice"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Price {
    /// What one costs, in cents.
    pub unit_amount: Cents,
    /// How often it is charged; once, unless told.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "Option<Known>"))]
    pub recurring: Option<Recurring>,
    /// What Flex says of its eligibility, or of its product's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsa_fsa_eligibility: Option<Eligibility>,
}

/// How often a price of the catalogue is charged: as a document names it, since no rule refuses it by name.
#[derive(Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexPriceRecurring"))]
#[serde(deny_unknown_fields)]
struct Known {
    /// The interval.
    #[serde(deserialize_with = "interval")]
    #[cfg_attr(feature = "schemas", schemars(extend("enum" = INTERVALS)))]
    interval: String,
    /// How many intervals make a period; one, unless told.
    #[serde(default, deserialize_with = "from_one")]
    #[cfg_attr(feature = "schemas", schemars(extend("minimum" = 1)))]
    interval_count: Option<i64>,
    /// For how many days nothing is charged.
    #[serde(default, deserialize_with = "from_one")]
    #[cfg_attr(feature = "schemas", schemars(extend("minimum" = 1)))]
    trial_period_days: Option<i64>,
}

fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Recurring>, D::Error> {
    let known = Option::<Known>::deserialize(deserializer)?;
    Ok(known.map(|Known { interval, interval_count, trial_period_days }| Recurring {
        interval,
        interval_count,
        trial_period_days,
    }))
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match INTERVALS.contains(&text.as_str()) {
        true => Ok(text),
        false => Err(D::Error::custom(format_args!("is not an interval of Flex: use {}", listed(&INTERVALS)))),
    }
}

fn from_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match whole_if_any(deserializer)? {
        Some(number) if number < 1 => Err(D::Error::custom("is less than 1: leave it out, or count from 1")),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::decode;

    #[test]
    fn a_misspelt_interval_is_told_with_those_that_there_are() {
        let price = |recurring: &str| {
            let text = alloc::format!(r#"{{"prices":{{"p":{{"unit_amount":1,"recurring":{recurring}}}}}}}"#);
            decode::<Settings>(&text)
        };
        let wrong = price(r#"{"interval":"montly"}"#).unwrap_err();
        assert_eq!(wrong.pointer, "/prices/p/recurring/interval");
        assert!(INTERVALS.iter().all(|it| wrong.reason.contains(&alloc::format!("`{it}`"))), "{wrong}");
        for interval in INTERVALS {
            let known = price(&alloc::format!(r#"{{"interval":"{interval}"}}"#)).unwrap();
            assert!(known.prices["p"].recurring.as_ref().unwrap().normal().is_some(), "{interval}");
        }
    }
}
