//! The pages of Revup that are the sources of the rules.

use crate::rule::Source;

pub(super) const TOKEN_BASED: Source = Source::new(
    "developers.revuppayments.com/api/subscription/token-based-subscription-creation",
    "Token-Based Subscription Creation",
    "2026-11-21",
);
pub(super) const CREATE_SUBSCRIPTION: Source = Source::new(
    "developers.revuppayments.com/api/subscription/create-subscription",
    "Create subscription",
    "2026-11-21",
);
pub(super) const GET_SUBSCRIPTION: Source =
    Source::new("developers.revuppayments.com/api/subscription/get-subscription", "Get subscription", "2026-11-21");
pub(super) const SUBSCRIPTION_PAYMENTS: Source = Source::new(
    "developers.revuppayments.com/api/subscription/subscription-payments",
    "Subscription payments",
    "2026-11-21",
);
pub(super) const CANCEL_SUBSCRIPTION: Source = Source::new(
    "developers.revuppayments.com/api/subscription/cancel-subscription",
    "Cancel subscription",
    "2026-11-21",
);
pub(super) const SUBSCRIPTIONS: Source = Source::new(
    "developers.revuppayments.com/get-started/additional-features/subscriptions",
    "Subscriptions",
    "2026-11-21",
);
pub(super) const EVENTS: Source =
    Source::new("developers.revuppayments.com/api/subscription/events", "Subscription events", "2026-11-21");
pub(super) const EVENT_CREATED: Source =
    Source::new("developers.revuppayments.com/api/subscription/events/created", "Subscription created", "2026-11-21");
pub(super) const EVENT_UPDATED: Source =
    Source::new("developers.revuppayments.com/api/subscription/events/updated", "Subscription updated", "2026-11-21");
pub(super) const EVENT_ARCHIVED: Source =
    Source::new("developers.revuppayments.com/api/subscription/events/archived", "Subscription archived", "2026-11-21");
pub(super) const EVENT_CANCELLED: Source = Source::new(
    "developers.revuppayments.com/api/subscription/events/cancelled",
    "Subscription cancelled",
    "2026-11-21",
);
pub(super) const EVENT_PAUSED: Source =
    Source::new("developers.revuppayments.com/api/subscription/events/paused", "Subscription paused", "2026-11-21");
pub(super) const EVENT_RESUMED: Source =
    Source::new("developers.revuppayments.com/api/subscription/events/resumed", "Subscription resumed", "2026-11-21");
pub(super) const EVENT_REFUNDED: Source =
    Source::new("developers.revuppayments.com/api/subscription/events/refunded", "Payment refunded", "2026-11-21");
pub(super) const EVENT_DISPUTED: Source =
    Source::new("developers.revuppayments.com/api/subscription/events/disputed", "Payment disputed", "2026-11-21");
pub(super) const DISPUTES: Source =
    Source::new("developers.revuppayments.com/chargeback/definition", "Definition", "2026-11-21");
pub(super) const SUBSCRIPTION_FIELDS: Source = Source::new(
    "developers.revuppayments.com/api/field-appendix/subscription-fields",
    "Subscription fields",
    "2026-11-21",
);
pub(super) const NOTIFICATION_FIELDS: Source = Source::new(
    "developers.revuppayments.com/api/field-appendix/notification-fields",
    "Notification fields",
    "2026-11-21",
);
pub(super) const ORDER: Source =
    Source::new("developers.revuppayments.com/api/api-reference/order", "Order", "2026-11-21");
pub(super) const CREATE_ORDER: Source = Source::new(
    "developers.revuppayments.com/get-started/integrate-macropay-api/create-order",
    "Create order",
    "2026-11-21",
);
pub(super) const PAYMENT: Source =
    Source::new("developers.revuppayments.com/api/api-reference/payment", "Payment", "2026-11-21");
pub(super) const TOKEN: Source =
    Source::new("developers.revuppayments.com/api/api-reference/token", "Token", "2026-11-21");
pub(super) const RECURRING: Source = Source::new(
    "developers.revuppayments.com/get-started/integrate-macropay-api/recurring-payments",
    "Recurring payments",
    "2026-11-21",
);
pub(super) const REFUND: Source =
    Source::new("developers.revuppayments.com/api/api-reference/refund", "Refund", "2026-11-21");
pub(super) const TRANSACTION_BY_ORDER: Source = Source::new(
    "developers.revuppayments.com/api/api-reference/transaction-by-order-id",
    "Transaction by order id",
    "2026-11-21",
);
pub(super) const CALLBACK: Source =
    Source::new("developers.revuppayments.com/api/callback-redirect", "Callback redirect", "2026-11-21");
pub(super) const CHECKING: Source = Source::new(
    "developers.revuppayments.com/get-started/integrate-macropay-api/checking-transaction",
    "Checking the transaction",
    "2026-11-21",
);
pub(super) const NOTIFICATIONS: Source =
    Source::new("developers.revuppayments.com/api/notification-reference", "Notification reference", "2026-11-21");
pub(super) const FALLBACK: Source = Source::new(
    "developers.revuppayments.com/get-started/additional-features/fallback-mid",
    "Fallback MID",
    "2026-11-21",
);
