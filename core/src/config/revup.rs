//! What the host says of its Revup account.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::url::BaseUrl;

/// Where Revup is, and what the back office has configured.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSettings"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The API's address, `https` or `http` on this machine; the test server's unless told, since no document names another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// The currencies of the plans, by their ids; a plan that is not listed takes any.
    pub plans: BTreeMap<String, Vec<String>>,
}

impl Settings {
    /// The API's address, without a slash at the end.
    pub fn base_url(&self) -> &str {
        self.base_url.as_ref().map_or("https://test.api.macropay.com/v2", BaseUrl::as_str)
    }

    /// Whether a plan may be charged in a currency, as far as is known.
    pub(crate) fn allows(&self, plan: Option<&str>, currency: &str) -> bool {
        let is_it = |(id, _): &(&String, _)| plan.is_some_and(|plan| plan.eq_ignore_ascii_case(id));
        let known = self.plans.iter().find(is_it).map(|(_, currencies)| currencies);
        known.is_none_or(|currencies| currencies.iter().any(|it| it == currency))
    }
}
