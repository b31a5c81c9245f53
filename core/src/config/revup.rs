//! The settings of Revup: the host's account.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::url::BaseUrl;

/// Where Revup's server is, and the plans as Revup's back office has them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSettings"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The address of the API. It must use `https`, or `http` on this machine. If absent, it is that of the test server,
    /// because no document names another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// The currencies of each plan, by the plan's id. A plan that is absent here can have any currency.
    pub plans: BTreeMap<String, Vec<String>>,
}

impl Settings {
    /// The address of the API, without a slash at the end.
    pub fn base_url(&self) -> &str {
        self.base_url.as_ref().map_or("https://test.api.macropay.com/v2", BaseUrl::as_str)
    }

    /// Whether the settings allow a plan in this currency.
    pub(crate) fn allows(&self, plan: Option<&str>, currency: &str) -> bool {
        let is_plan = |(id, _): &(&String, _)| plan.is_some_and(|plan| plan.eq_ignore_ascii_case(id));
        let currencies = self.plans.iter().find(is_plan).map(|(_, currencies)| currencies);
        currencies.is_none_or(|currencies| currencies.iter().any(|it| it == currency))
    }
}
