//! The settings of Truemed: the host's account.

use serde::{Deserialize, Serialize};

use crate::url::BaseUrl;
use crate::value::setters;

/// Where Truemed's server is, and what the account can do.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedSettings"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Which of Truemed's two servers to use.
    pub environment: Environment,
    /// A server other than Truemed's own, such as a test double. It must use `https`, or `http` on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// Whether the account can send `kind`.
    pub kind_enabled: bool,
    /// The sign that `total_discounts` has on the wire.
    pub discounts: DiscountSign,
    /// Whether the total of a free trial can differ from its items without a warning.
    pub free_trial_waives_total: bool,
}

impl Settings {
    /// The same settings with a server other than Truemed's own, such as a test double.
    #[must_use]
    pub fn at(self, base_url: BaseUrl) -> Self {
        Self { base_url: Some(base_url), ..self }
    }

    /// The server's address, without a slash at the end.
    pub fn base_url(&self) -> &str {
        match (&self.base_url, self.environment) {
            (Some(url), _) => url.as_str(),
            (None, Environment::Production) => "https://api.truemed.com",
            (None, Environment::Staging) => "https://dev-api.truemed.com",
        }
    }
}

setters!(Settings {
    environment: Environment,
    kind_enabled: bool,
    discounts: DiscountSign,
    free_trial_waives_total: bool,
});

/// One of Truemed's servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedEnvironment"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Environment {
    /// Real money.
    #[default]
    Production,
    /// For development.
    Staging,
}

/// The sign that a discount has on the wire. The documents leave open which of the two it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedDiscountSign"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DiscountSign {
    /// A discount is a positive number that is subtracted.
    #[default]
    Positive,
    /// A discount is a negative number that is added.
    Negative,
}
