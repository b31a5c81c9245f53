//! The settings of Revup: the host's account.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::url::BaseUrl;
use crate::value::setters;

/// The test server, which is the only server that the documents name.
const TEST_SERVER: &str = "https://test.api.macropay.com/v2";

/// Where Revup's server is, and the plans as Revup's back office has them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSettings"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Which of Revup's servers to use. It has no default, so that no request goes to a server that nobody chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The address of the production server, or of a test double. It must use `https`, or `http` on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// The currencies of each plan, by the plan's id. A plan that is absent here can have any currency.
    pub plans: BTreeMap<String, Vec<String>>,
}

impl Settings {
    /// The settings of one of Revup's servers.
    pub fn of(environment: Environment) -> Self {
        Self { environment: Some(environment), ..Self::default() }
    }

    /// The same settings with this server: the production server, or a test double.
    #[must_use]
    pub fn at(self, base_url: BaseUrl) -> Self {
        Self { base_url: Some(base_url), ..self }
    }

    /// The address of the API, without a slash at the end. `None` if the settings choose no server, or contradict
    /// themselves.
    pub fn base_url(&self) -> Option<&str> {
        match (self.environment, self.base_url.as_ref().map(BaseUrl::as_str)) {
            (Some(Environment::Production), Some(url)) if is_test_server(url) => None,
            (_, Some(url)) => Some(url),
            (Some(Environment::Test), None) => Some(TEST_SERVER),
            (Some(Environment::Production) | None, None) => None,
        }
    }

    /// How the settings have to change so that they choose a server.
    pub(crate) const fn cure(&self) -> &'static str {
        match (self.environment, &self.base_url) {
            (Some(Environment::Production), Some(_)) => {
                "`revup.environment` is `production`, but `revup.base_url` is the test server."
            }
            (Some(Environment::Production), None) => {
                "No document names the production server. Set `revup.base_url` to the address that Revup gave you."
            }
            _ => "Set `revup.environment` to `test`, or `revup.base_url` to the address that Revup gave you.",
        }
    }

    /// Whether the settings allow a plan in this currency.
    pub(crate) fn allows(&self, plan: Option<&str>, currency: &str) -> bool {
        let is_plan = |(id, _): &(&String, _)| plan.is_some_and(|plan| plan.eq_ignore_ascii_case(id));
        let currencies = self.plans.iter().find(is_plan).map(|(_, currencies)| currencies);
        currencies.is_none_or(|currencies| currencies.iter().any(|it| it == currency))
    }
}

setters!(Settings { environment: Environment, plans: BTreeMap<String, Vec<String>> });

/// One of Revup's servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupEnvironment"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Environment {
    /// Real money. No document names this server, so `base_url` must.
    Production,
    /// For development.
    Test,
}

/// Whether an address is on the test server.
fn is_test_server(url: &str) -> bool {
    let host = TEST_SERVER.trim_end_matches("/v2");
    url.get(..host.len()).is_some_and(|start| start.eq_ignore_ascii_case(host))
}
