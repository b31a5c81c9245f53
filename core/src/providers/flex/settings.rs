//! What the host says of its Flex account and of its catalogue.

use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::eligibility::Eligibility;
use super::item::Recurring;
use crate::money::Cents;

/// Where Flex is, and what the host's catalogue says of its prices.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSettings"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Another server than Flex's own, such as a test double; without a slash at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Whether the API key is one of test mode; not checked unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_mode: Option<bool>,
    /// The prices that the host's server sells, by their ids. Of a price that is absent nothing is known.
    pub prices: BTreeMap<String, Price>,
}

impl Settings {
    /// The server's address, without a slash at the end.
    pub fn base_url(&self) -> &str {
        self.base_url.as_deref().unwrap_or("https://api.withflex.com")
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
    /// What Flex says of its eligibility, or of its product's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsa_fsa_eligibility: Option<Eligibility>,
}
