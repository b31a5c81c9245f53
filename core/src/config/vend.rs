//! The settings of Vend: the retailer, and the host's own application.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::{IdError, is_word, shown, text_id};
use crate::url::{BaseUrl, escaped};
use crate::value::setters;

/// Where the retailer's server is, and what the application can do there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSettings"))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The first label of the retailer's domain. It has no default, because every retailer has a different one.
    pub domain_prefix: String,
    /// The rest of the domain: the current `retail.lightspeed.app` by default, or the older `vendhq.com`.
    pub host: Host,
    /// The version of the API, as its path contains it. By default it is `2.0`, which the guides name for both domains.
    #[cfg_attr(feature = "schemas", schemars(extend("pattern" = r"^(2\.0|[0-9]{4}-(0[1-9]|1[0-2]))$")))]
    pub api_version: ApiVersion,
    /// A server other than the retailer's own, such as a test double. It must use `https`, or `http` on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// The scopes that the retailer granted, if the host knows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The application's own id. It distinguishes the application's subscriptions from those of other partners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
}

impl Settings {
    /// A retailer's settings.
    pub fn of(domain_prefix: &str, host: Host) -> Self {
        Self { domain_prefix: domain_prefix.into(), host, ..Self::default() }
    }

    /// The same settings with a server other than the retailer's own, such as a test double.
    #[must_use]
    pub fn at(self, base_url: BaseUrl) -> Self {
        Self { base_url: Some(base_url), ..self }
    }

    /// The retailer's address, without a slash at the end.
    pub fn base_url(&self) -> String {
        match &self.base_url {
            Some(url) => url.as_str().into(),
            None => format!("https://{}.{}", self.domain_prefix, self.host.as_str()),
        }
    }

    /// The page on which the retailer consents to a change.
    pub fn consent_page(&self, token: &str) -> String {
        format!("{}/billing/partner-consent?token={}", self.base_url(), escaped(token))
    }

    /// The page on which the retailer cancels subscriptions of partners.
    pub fn partner_apps_page(&self) -> String {
        format!("{}/billing/partner-apps", self.base_url())
    }

    /// Whether the prefix is one label of a domain.
    pub(crate) fn names_a_retailer(&self) -> bool {
        let label = self.domain_prefix.as_bytes();
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        let ends = [label.first(), label.last()];
        label.len() < 64 && label.iter().all(inner) && ends.into_iter().all(|end| end.is_some_and(|it| *it != b'-'))
    }

    /// What is wrong with the prefix, and what to set it to.
    pub(crate) fn cure(&self) -> String {
        let prefix = match self.domain_prefix.as_str() {
            "" => "missing".into(),
            prefix => shown(prefix),
        };
        let host = self.host.as_str();
        format!(
            "`config.vend.domain_prefix` is {prefix}: set it to the first label of the retailer's domain, such as \
             `marshmallow` for `marshmallow.{host}`."
        )
    }

    /// Whether the host knows that a scope was not granted.
    pub(crate) fn lacks(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_some_and(|granted| granted.iter().all(|it| it != scope))
    }

    /// Whether the settings combine the older host with a version that is a date.
    pub(crate) fn mixes_ages(&self) -> bool {
        self.host == Host::VendHq && self.api_version.as_str().contains('-')
    }
}

setters!(Settings {
    domain_prefix: String,
    host: Host,
    api_version: ApiVersion,
    scopes: Vec<String>,
    application_id: String,
});

/// The part of the domain after the retailer's prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendHost"))]
#[non_exhaustive]
pub enum Host {
    /// The current domain. It is the default.
    #[default]
    #[serde(rename = "retail.lightspeed.app")]
    Lightspeed,
    /// The older domain, which the older guides name.
    #[serde(rename = "vendhq.com")]
    VendHq,
}

impl Host {
    /// The domain.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lightspeed => "retail.lightspeed.app",
            Self::VendHq => "vendhq.com",
        }
    }
}

text_id! {
    /// A version of the API: `2.0`, or a date such as `2026-07`.
    ApiVersion, (1, 16), is_word, plain; is_version
}

/// Checks that a version has one of the two documented forms. Any other would become part of the path of every request.
fn is_version(text: &str) -> Result<(), IdError> {
    let is_number = |part: &str, digits| part.len() == digits && part.bytes().all(|it| it.is_ascii_digit());
    let is_month = |(year, month)| is_number(year, 4) && is_number(month, 2) && ("01"..="12").contains(&month);
    if text == "2.0" || text.split_once('-').is_some_and(is_month) { Ok(()) } else { Err(IdError::Version) }
}

impl Default for ApiVersion {
    fn default() -> Self {
        Self("2.0".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_a_retailer(prefix: &str) -> bool {
        Settings::of(prefix, Host::VendHq).names_a_retailer()
    }

    #[test]
    fn a_prefix_is_one_label() {
        assert!(names_a_retailer("marshmallow"));
        assert!(names_a_retailer("7th-street"));
        for wrong in ["", "-a", "a-", "a.b", "a/b", "a b", "é", "evil.example/", "a@b", &"a".repeat(64)] {
            assert!(!names_a_retailer(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_version_is_the_number_or_a_month() {
        for version in ["2.0", "2026-07", "2027-12"] {
            assert_eq!(ApiVersion::parse(version).unwrap().as_str(), version);
        }
        for wrong in ["2026-7", "202607", "2026-13", "2026-00", "v2", "2", "2.0.0", "26-07", "2026-07-01", "2026-0a"] {
            assert_eq!(ApiVersion::parse(wrong), Err(IdError::Version), "{wrong}");
        }
    }

    #[test]
    fn a_page_is_on_the_retailers_own_domain() {
        let settings = Settings::of("marshmallow", Host::Lightspeed);
        assert_eq!(settings.partner_apps_page(), "https://marshmallow.retail.lightspeed.app/billing/partner-apps");
        assert_eq!(
            settings.consent_page("a+b"),
            "https://marshmallow.retail.lightspeed.app/billing/partner-consent?token=a%2Bb"
        );
    }
}
