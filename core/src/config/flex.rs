//! The settings of Flex: the host's account and its catalogue of prices.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::int::whole_if_any;
use crate::json::{Malformed, listed};
use crate::money::Cents;
use crate::url::BaseUrl;
use crate::value::{open_enum, setters};

/// Where Flex's server is, and the prices of the host's catalogue.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSettings"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// A server other than Flex's own, such as a test double. It must use `https`, or `http` on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// Whether the API key is one of test mode. If absent, the library skips the checks that depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_mode: Option<bool>,
    /// The prices that the host sells, by their ids. The library cannot check a price that is absent here.
    pub prices: BTreeMap<String, Price>,
}

impl Settings {
    /// The same settings with a server other than Flex's own, such as a test double.
    #[must_use]
    pub fn at(self, base_url: BaseUrl) -> Self {
        Self { base_url: Some(base_url), ..self }
    }

    /// Checks the prices, which no rule checks.
    pub(super) fn check(&self) -> Result<(), Malformed> {
        for (id, price) in &self.prices {
            let Some(recurring) = &price.recurring else { continue };
            let members = [
                ("interval", why_no_interval(&recurring.interval)),
                ("interval_count", why_below_one(recurring.interval_count)),
                ("trial_period_days", why_below_one(recurring.trial_period_days)),
            ];
            if let Some((member, reason)) = members.into_iter().find_map(|(member, wrong)| Some((member, wrong?))) {
                return Err(Malformed::new(format!("/prices/{id}/recurring/{member}"), reason));
            }
        }
        Ok(())
    }

    /// The server's address, without a slash at the end.
    pub fn base_url(&self) -> &str {
        self.base_url.as_ref().map_or("https://api.withflex.com", BaseUrl::as_str)
    }
}

setters!(Settings { test_mode: bool, prices: BTreeMap<String, Price> });

/// Every interval that a document names, in both spellings.
pub(crate) const INTERVALS: [&str; 8] = ["day", "week", "month", "year", "daily", "weekly", "monthly", "yearly"];

/// How often the customer pays a price.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRecurring"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recurring {
    /// The interval, such as `monthly` or `month`. It is sent as it is written.
    pub interval: String,
    /// How many intervals make a period; 1 if absent.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub interval_count: Option<i64>,
    /// How many days the customer pays nothing.
    #[serde(default, deserialize_with = "whole_if_any", skip_serializing_if = "Option::is_none")]
    pub trial_period_days: Option<i64>,
}

impl Recurring {
    /// One period of that interval.
    pub fn every(interval: &str) -> Self {
        Self { interval: interval.into(), interval_count: None, trial_period_days: None }
    }

    /// The interval in its first spelling, such as `month` for `monthly`; nothing if no document names it.
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

setters!(Recurring { interval_count: i64, trial_period_days: i64 });

open_enum! {
    /// How a product or price is eligible.
    pub enum Eligibility {
        /// It is not eligible.
        NotEligible = "not_eligible",
        /// It is on the list of eligible products.
        AutoSubstantiation = "auto_substantiation",
        /// It is on Flex's list of private labels.
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
    /// What one unit costs, in cents.
    pub unit_amount: Cents,
    /// How often the customer pays it; once if absent.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "Option<Known>"))]
    pub recurring: Option<Recurring>,
    /// The eligibility of the price or of its product, as Flex has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsa_fsa_eligibility: Option<Eligibility>,
}

impl Price {
    /// A price that the customer pays once.
    pub const fn new(unit_amount: Cents) -> Self {
        Self { unit_amount, recurring: None, hsa_fsa_eligibility: None }
    }
}

setters!(Price { recurring: Recurring, hsa_fsa_eligibility: Eligibility });

/// How often the customer pays a price of the catalogue. It is checked here, because no rule checks it.
#[derive(Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexPriceRecurring"))]
#[serde(deny_unknown_fields)]
struct Known {
    /// The interval.
    #[serde(deserialize_with = "interval")]
    #[cfg_attr(feature = "schemas", schemars(extend("enum" = INTERVALS)))]
    interval: String,
    /// How many intervals make a period; 1 if absent.
    #[serde(default, deserialize_with = "from_one")]
    #[cfg_attr(feature = "schemas", schemars(extend("minimum" = 1)))]
    interval_count: Option<i64>,
    /// How many days the customer pays nothing.
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
    match why_no_interval(&text) {
        None => Ok(text),
        Some(reason) => Err(D::Error::custom(reason)),
    }
}

fn from_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = whole_if_any(deserializer)?;
    match why_below_one(number) {
        None => Ok(number),
        Some(reason) => Err(D::Error::custom(reason)),
    }
}

/// Why a text is not an interval of a price.
fn why_no_interval(text: &str) -> Option<String> {
    let is_one = INTERVALS.contains(&text);
    (!is_one).then(|| format!("is not an interval of Flex: use one of {}", listed(&INTERVALS)))
}

/// Why a number cannot count intervals or days.
fn why_below_one(number: Option<i64>) -> Option<String> {
    number.filter(|it| *it < 1).map(|_| "is less than 1: use a number from 1, or leave it out".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::decode;

    #[test]
    fn the_error_of_a_misspelled_interval_lists_every_interval() {
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
