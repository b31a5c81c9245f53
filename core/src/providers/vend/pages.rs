//! The pages of Vend (Lightspeed Retail X-Series) that the rules are read from.

use crate::rule::Source;

pub(super) const UPDATING: Source = Source::new(
    "docs.vendhq.com/tutorials/guides/beta/third-party-billing/update",
    "Third Party Billing - updating an existing subscription",
    "2026-11-21",
);
pub(super) const ACTIVATING: Source = Source::new(
    "docs.vendhq.com/tutorials/guides/beta/third-party-billing",
    "Third Party Billing - activating a subscription",
    "2026-11-21",
);
pub(super) const CANCELING: Source = Source::new(
    "x-series-api.lightspeedhq.com/docs/third_party_billing_canceling_a_subscription",
    "Third Party Billing - canceling a subscription",
    "2026-11-21",
);
pub(super) const PARTNER_BILLING: Source =
    Source::new("x-series-api.lightspeedhq.com/reference/partner-billing", "Partner Billing", "2026-11-21");
pub(super) const CREATE_TOKEN: Source =
    Source::new("x-series-api.lightspeedhq.com/reference/partnertoken", "PartnerToken", "2026-11-21");
pub(super) const UPDATE_TOKEN: Source = Source::new(
    "x-series-api.lightspeedhq.com/reference/partnerupdatesubscriptiontoken",
    "PartnerUpdateSubscriptionToken",
    "2026-11-21",
);
pub(super) const GET_TOKEN: Source =
    Source::new("x-series-api.lightspeedhq.com/reference/partnertokenget", "PartnerTokenGet", "2026-11-21");
pub(super) const GET_SUBSCRIPTION: Source =
    Source::new("x-series-api.lightspeedhq.com/reference/partnersubscription", "PartnerSubscription", "2026-11-21");
pub(super) const WEBHOOKS: Source =
    Source::new("x-series-api.lightspeedhq.com/docs/webhooks", "Webhooks", "2026-11-21");
pub(super) const RATE_LIMITING: Source =
    Source::new("x-series-api.lightspeedhq.com/docs/rate_limiting", "Rate limiting", "2026-11-21");
pub(super) const AUTHORIZATION: Source =
    Source::new("x-series-api.lightspeedhq.com/docs/authorization", "Authorization", "2026-11-21");
pub(super) const APP_SUBSCRIPTIONS: Source =
    Source::new("support.vendhq.com/hc/en-us/articles/360004134196", "App Subscriptions", "2026-11-21");
