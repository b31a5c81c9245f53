//! What a page wants to know of a subscription.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::Subscription;
use crate::id::EffectId;
use crate::money::Money;
use crate::providers::vend::api::plan::{Plan, ShownComponent};
use crate::providers::vend::ids::SubscriptionId;
use crate::time::Timestamp;

/// The status of a subscription, besides what every status has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionOwnStatus"))]
#[non_exhaustive]
pub struct Status {
    /// The retailer's domain.
    pub domain_prefix: Option<String>,
    /// The retailer, once a used token has named it.
    pub retailer_id: Option<String>,
    /// The partner's application, from the config or from a reply.
    pub application_id: Option<String>,
    /// The subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// Vend's state of the subscription, as the last lookup has shown it.
    pub provider_status: Option<String>,
    /// The name of the product, as the last lookup has shown it.
    pub product_name: Option<String>,
    /// The price of one period, in cents, as the last lookup has shown it.
    pub price: Option<Money>,
    /// The components with their totals and prices, as the last lookup has shown them. `null` if none has since the last
    /// consent, and if there are more than 16.
    pub components: Option<Vec<ComponentReport>>,
    /// Whether the state of the subscription comes from a person's verdict, without evidence.
    pub attested: bool,
    /// The requests whose consents are in force: the one for the plan first, and then those for components.
    pub confirmed_requests: Vec<EffectId>,
    /// The changes to which the retailer has not consented, the oldest first.
    pub pending_changes: Vec<PendingChange>,
    /// The requests of the last changes that have lapsed without the retailer's consent, the oldest first. They have
    /// changed nothing, and each can be requested again.
    pub lapsed_requests: Vec<EffectId>,
}

/// A component that Vend bills in addition to the plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendComponentReport"))]
#[non_exhaustive]
pub struct ComponentReport {
    /// The name that Vend shows. Requests name the component by its handle instead.
    pub name: Option<String>,
    /// The total.
    pub quantity: Option<i64>,
    /// The price of one, in cents. `null` if Vend shows none, or one with parts of a cent.
    pub unit_price: Option<Money>,
    /// The period that the price is for, in Vend's word.
    pub charge_interval_unit: Option<String>,
}

/// A change that waits for a token or for the retailer's consent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendPendingChange"))]
#[non_exhaustive]
pub struct PendingChange {
    /// The effect that requested its token.
    pub request: EffectId,
    /// When its token expires, in milliseconds. `null` while Vend has not issued the token.
    pub expires_at: Option<Timestamp>,
    /// Whether its token was used for something else, so that a person must decide.
    pub disputed: bool,
}

impl Subscription {
    /// What only a subscription has.
    pub(super) fn own_status(&self, application: Option<&str>) -> Status {
        let Self { account, billing, consent } = self;
        Status {
            domain_prefix: account.domain_prefix().map(Into::into),
            retailer_id: account.retailer_id().map(Into::into),
            application_id: application.map(Into::into),
            subscription_id: billing.id().cloned(),
            provider_status: billing.provider_state().map(|it| it.as_str().into()),
            product_name: billing.plan().and_then(|it| it.product_name.clone()),
            price: billing.plan().and_then(|it| Some(Money { amount: it.price?, currency: it.currency.clone() })),
            components: billing.plan().and_then(component_reports),
            attested: billing.is_attested(),
            confirmed_requests: consent.confirmed_requests(),
            pending_changes: consent.pending_changes(),
            lapsed_requests: consent.lapsed_requests(),
        }
    }
}

/// The components of a plan, in its currency.
fn component_reports(plan: &Plan) -> Option<Vec<ComponentReport>> {
    let report = |it: &ShownComponent| ComponentReport {
        name: it.name.clone(),
        quantity: it.quantity,
        unit_price: it.unit_price.map(|amount| Money { amount, currency: plan.currency.clone() }),
        charge_interval_unit: it.charge_interval_unit.clone(),
    };
    Some(plan.components.as_ref()?.iter().map(report).collect())
}
