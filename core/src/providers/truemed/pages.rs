//! The pages of Truemed that the rules are read from.

use crate::rule::Source;

pub(super) const CREATE_PAYMENT_SESSION: Source = Source::new(
    "developers.truemed.com/api-reference/payment-sessions/create-payment-session",
    "Create Payment Session",
    "2026-11-21",
);
pub(super) const CAPTURE_PAYMENT_SESSION: Source = Source::new(
    "developers.truemed.com/api-reference/payment-sessions/capture-payment-session",
    "Capture Payment Session",
    "2026-11-21",
);
pub(super) const VOID_PAYMENT_SESSION: Source = Source::new(
    "developers.truemed.com/api-reference/payment-sessions/void-payment-session",
    "Void Payment Session",
    "2026-11-21",
);
pub(super) const CANCEL_PAYMENT_SESSION: Source = Source::new(
    "developers.truemed.com/api-reference/payment-sessions/cancel-payment-session",
    "Cancel Payment Session",
    "2026-11-21",
);
pub(super) const RETRIEVE_PAYMENT_SESSION: Source = Source::new(
    "developers.truemed.com/api-reference/payment-sessions/retrieve-payment-session",
    "Retrieve Payment Session",
    "2026-11-21",
);
pub(super) const LIST_PAYMENT_SESSIONS: Source = Source::new(
    "developers.truemed.com/api-reference/payment-sessions/list-payment-session",
    "List Payment Session",
    "2026-11-21",
);
pub(super) const CREATE_REFUND: Source =
    Source::new("developers.truemed.com/api-reference/payment-sessions/create-refund", "Create Refund", "2026-11-21");
pub(super) const PAYMENT_SESSION_COMPLETE_WEBHOOK: Source = Source::new(
    "developers.truemed.com/api-reference/payment-sessions/payment-session-completed-webhook",
    "Payment Session Complete Webhook",
    "2026-11-21",
);
pub(super) const CREATE_PAYMENT_TOKEN: Source = Source::new(
    "developers.truemed.com/api-reference/payment-tokens/create-payment-token",
    "Create Payment Token",
    "2026-11-21",
);
pub(super) const UPDATE_PAYMENT_TOKEN: Source = Source::new(
    "developers.truemed.com/api-reference/payment-tokens/update-payment-token",
    "Update Payment Token",
    "2026-11-21",
);
pub(super) const RETRIEVE_PAYMENT_TOKEN: Source = Source::new(
    "developers.truemed.com/api-reference/payment-tokens/retrieve-payment-token",
    "Retrieve Payment Token",
    "2026-11-21",
);
pub(super) const DELETE_PAYMENT_TOKEN: Source = Source::new(
    "developers.truemed.com/api-reference/payment-tokens/delete-payment-token",
    "Delete Payment Token",
    "2026-11-21",
);
pub(super) const RETRIEVE_PROVISION_TOKEN_REQUEST: Source = Source::new(
    "developers.truemed.com/api-reference/payment-tokens/retrieve-payment-token-provision-request",
    "Retrieve Payment Token Provision Request",
    "2026-11-21",
);
pub(super) const PAYMENT_TOKEN_UPDATED_WEBHOOK: Source = Source::new(
    "developers.truemed.com/api-reference/payment-tokens/payment-token-updated-webhook",
    "Payment Token Updated Webhook",
    "2026-11-21",
);
pub(super) const PAYMENTS_OVERVIEW: Source =
    Source::new("developers.truemed.com/guides/payment-sessions/payments-overview", "Payments Overview", "2026-11-21");
pub(super) const MANUAL_DELAYED_CAPTURE: Source = Source::new(
    "developers.truemed.com/guides/payment-sessions/manual-delayed-capture",
    "Manual/Delayed Capture",
    "2026-11-21",
);
pub(super) const ITEMIZED_FEES_AND_DISCOUNTS: Source = Source::new(
    "developers.truemed.com/guides/payment-sessions/itemized-fees-and-discounts",
    "Itemized Fees and Discounts",
    "2026-11-21",
);
pub(super) const CREATE_NEW_SUBSCRIBER: Source = Source::new(
    "developers.truemed.com/guides/subscriptions/create-a-subscription-new-subscriber",
    "Create a Subscription (New Subscriber)",
    "2026-11-21",
);
pub(super) const CREATE_EXISTING_SUBSCRIBER: Source = Source::new(
    "developers.truemed.com/guides/subscriptions/create-a-subscription-existing-subscriber",
    "Create a Subscription (Existing Subscriber)",
    "2026-11-21",
);
pub(super) const UPDATE_AN_ACTIVE_SUBSCRIPTION: Source = Source::new(
    "developers.truemed.com/guides/subscriptions/subscription-management/update-an-active-subscription",
    "Update an Active Subscription",
    "2026-11-21",
);
pub(super) const SUBSEQUENT_BILLING_PERIODS: Source = Source::new(
    "developers.truemed.com/guides/subscriptions/subsequent-billing-periods",
    "Subsequent Billing Periods",
    "2026-11-21",
);
pub(super) const PARTNER_ADMINISTRATIVE_OPERATIONS: Source = Source::new(
    "developers.truemed.com/guides/subscriptions/partner-administrative-operations",
    "Partner Administrative Operations",
    "2026-11-21",
);
pub(super) const UPDATE_CATALOG_ITEM: Source = Source::new(
    "developers.truemed.com/api-reference/product-catalog/update-item",
    "Update Catalog Item",
    "2026-11-30",
);
pub(super) const CATALOG_ITEM_WEBHOOK: Source = Source::new(
    "developers.truemed.com/api-reference/product-catalog/item-eligibility-updated-webhook",
    "Product Catalog Item Eligibility Updated Webhook",
    "2026-11-30",
);
pub(super) const CATALOG_OVERVIEW: Source =
    Source::new("developers.truemed.com/guides/product-catalog/overview", "Product Catalog Overview", "2026-11-30");
pub(super) const MANAGING_CATALOG: Source = Source::new(
    "developers.truemed.com/guides/product-catalog/managing-your-catalog",
    "Managing Your Catalog via API",
    "2026-11-30",
);
pub(super) const RETRIEVE_QUALIFICATION: Source = Source::new(
    "developers.truemed.com/api-reference/qualification-sessions/retrieve-qualification-session",
    "Get Qualification Session Details",
    "2026-11-30",
);
pub(super) const UPDATE_QUALIFICATION: Source = Source::new(
    "developers.truemed.com/api-reference/qualification-sessions/update-qualification-session",
    "Update Qualification Session",
    "2026-11-30",
);
pub(super) const QUALIFICATION_WEBHOOK: Source = Source::new(
    "developers.truemed.com/api-reference/qualification-sessions/qualification-status-updated-webhook",
    "Qualification Session Complete Webhook",
    "2026-11-30",
);
pub(super) const QUALIFICATION_GUIDE: Source = Source::new(
    "developers.truemed.com/guides/qualification-sessions/update-a-qualification-session",
    "Update a Qualification Session",
    "2026-11-30",
);
pub(super) const WEBHOOKS_GUIDE: Source =
    Source::new("developers.truemed.com/guides/resources/webhooks", "Webhooks", "2026-11-21");
