//! The owner of the subscription. An account is only learned and never moves, so it is not a facet.

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::config::vend::Settings;
use crate::id::{TypedId, shown};

/// The retailer and the application of the partner, as far as they are known.
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

    pub(super) fn domain_prefix(&self) -> Option<&str> {
        self.domain_prefix.as_deref()
    }

    pub(super) fn retailer_id(&self) -> Option<&str> {
        self.retailer_id.as_deref()
    }

    /// The domain, by which a review about the retailer's subscriptions is named.
    pub(super) fn domain(&self) -> &str {
        self.domain_prefix.as_deref().unwrap_or_default()
    }

    /// The domain, as what a review is about.
    pub(super) fn domain_id(&self) -> TypedId {
        TypedId::new("domain_prefix", self.domain())
    }

    /// Whether the domain is the retailer's. An unknown domain may be.
    pub(super) fn is_on(&self, domain_prefix: Option<&str>) -> bool {
        is_same(self.domain_prefix.as_deref(), domain_prefix)
    }

    /// Whose domain it is, beside the one of the settings, as a sentence.
    pub(super) fn bound_to(&self, configured: &str) -> String {
        let bound = self.domain_prefix.as_deref().unwrap_or_default();
        format!("This subscription is on `{bound}`, but `config.vend.domain_prefix` is {}.", shown(configured))
    }

    /// Whether the id is the retailer's. An unknown id may be.
    pub(super) fn is_of(&self, retailer_id: Option<&str>) -> bool {
        is_same(self.retailer_id.as_deref(), retailer_id)
    }

    /// The partner's application, from the settings or from a reply.
    pub(super) fn application<'a>(&'a self, settings: &'a Settings) -> Option<&'a str> {
        settings.application_id.as_deref().or(self.application_id.as_deref())
    }

    /// Learns the ids that a reply names.
    pub(super) fn learn(&mut self, retailer_id: Option<&String>, application_id: Option<&String>) {
        self.retailer_id = retailer_id.cloned().or_else(|| self.retailer_id.take());
        self.application_id = application_id.cloned().or_else(|| self.application_id.take());
    }
}

/// Whether two names are equal, regardless of case. An unknown name may be equal to any other.
pub(super) fn is_same(known: Option<&str>, named: Option<&str>) -> bool {
    known.zip(named).is_none_or(|(known, named)| known.eq_ignore_ascii_case(named))
}
