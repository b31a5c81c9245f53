//! Whose subscription it is: no facet, since an account is only learned and never moves.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::config::vend::Settings;

/// The retailer and the partner's application, as far as they are known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionAccount"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Account {
    /// The retailer's domain, from the first command on.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_prefix: Option<String>,
    /// The retailer, once a used token has named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    retailer_id: Option<String>,
    /// The partner's application, once a reply has named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<String>,
}

impl Account {
    /// Keeps the domain of the first command.
    pub(super) fn bind(&mut self, settings: &Settings) {
        self.domain_prefix.get_or_insert_with(|| settings.domain_prefix.clone());
    }

    pub(super) const fn is_bound(&self) -> bool {
        self.domain_prefix.is_some()
    }

    /// What a question about the retailer's subscriptions is about.
    pub(super) fn domain(&self) -> &str {
        self.domain_prefix.as_deref().unwrap_or_default()
    }

    /// Whether that is the retailer's domain, as far as both are known.
    pub(super) fn is_on(&self, domain_prefix: Option<&str>) -> bool {
        is_same(self.domain_prefix.as_deref(), domain_prefix)
    }

    /// Whether that is the retailer, as far as both are known.
    pub(super) fn is_of(&self, retailer_id: Option<&str>) -> bool {
        is_same(self.retailer_id.as_deref(), retailer_id)
    }

    /// The partner's application, as the settings or a reply names it.
    pub(super) fn application<'a>(&'a self, settings: &'a Settings) -> Option<&'a str> {
        settings.application_id.as_deref().or(self.application_id.as_deref())
    }

    /// Learns what a reply names.
    pub(super) fn learn(&mut self, retailer_id: Option<&String>, application_id: Option<&String>) {
        self.retailer_id = retailer_id.cloned().or_else(|| self.retailer_id.take());
        self.application_id = application_id.cloned().or_else(|| self.application_id.take());
    }
}

/// Whether two names are the same in any case; one that is not known may be.
pub(super) fn is_same(known: Option<&str>, named: Option<&str>) -> bool {
    known.zip(named).is_none_or(|(known, named)| known.eq_ignore_ascii_case(named))
}
