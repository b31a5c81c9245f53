//! The pages of Flex that the rules are read from.

use crate::rule::Source;

macro_rules! pages {
    (read on $read:literal: $($name:ident = $page:literal $section:literal;)+) => {
        $(pub(super) const $name: Source = Source::new(concat!("docs.withflex.com/", $page), $section, $read);)+
    };
}

pages! {
    read on "2026-11-21":
    SEED = "subscription/quickstart" "Build a subscription integration";
    INTRO = "api-reference/introduction" "Introduction";
    CHECKOUT = "developer-guides/integration/checkout/how-checkout-works" "How Checkout works";
    GUIDES = "integration/checkout/guides" "Checkout guides";
    FULFILLMENT = "developer-guides/integration/checkout/fulfillment" "Fulfillment";
    OFF_SESSION = "developer-guides/integration/checkout/off-session-checkouts" "Off-session checkouts";
    WALKTHROUGH = "developer-guides/integration/checkout/example-walkthrough" "Example walkthrough";
    REIMBURSE = "developer-guides/integration/reimbursement" "Reimbursement";
    PRODUCTS = "product-prices/how-product-and-prices-work" "How products and prices work";
    PRODUCT_API = "developer-guides/products-and-prices/api-product-creation-walkthrough" "API product creation";
    SUBSCRIPTIONS = "developer-guides/subscriptions/overview" "Subscriptions";
    OVERVIEW_OLD = "subscription/overview" "Subscriptions";
    API_OLD = "subscriptions" "Subscriptions";
    WEBHOOKS = "developer-guides/webhooks/overview" "Webhooks";
    EVENTS = "developer-guides/webhooks/events" "Events";
    VERIFYING = "developer-guides/webhooks/verifying-webhooks" "Verifying webhooks";
    REDIRECTS = "developer-guides/webhooks/using-redirects" "Using redirects";
    REFUNDS = "api-refund-best-practices" "Refunds";
    TEST_MODE = "integration/test-mode" "Test mode";
    CHANGELOG = "changelog" "Changelog";
    CREATE_PRICE = "api-reference/prices/create-price" "Create Price";
    UPDATE_PRICE = "api-reference/prices/update-price" "Update Price";
    CREATE_COUPON = "api-reference/coupons/create-coupon" "Create Coupon";
    CREATE_REFUND = "api-reference/refunds/create-refund" "Create Refund";
    LIST_REFUNDS = "api-reference/refunds/list-refunds" "List Refunds";
    LIST_CAPTURES = "api-reference/captures/list-captures" "List Captures";
    DISPUTES = "disputes-api-guide" "Disputes API guide";
    GET_INVOICE = "api-reference/invoices/get-invoice" "Get Invoice";
    UPDATE_SUBSCRIPTION = "api-reference/subscriptions/update-subscription" "Update Subscription";
    GET_SETUP_INTENT = "api-reference/setup-intents/get-setup-intent" "Get Setup Intent";
    GET_SESSION = "api-reference/checkout-sessions/get-checkout-session" "Get Checkout Session";
    GET_SUBSCRIPTION = "api-reference/subscriptions/get-subscription" "Get Subscription";
    CANCEL_SUBSCRIPTION = "api-reference/subscriptions/cancel-subscription" "Cancel Subscription";
}

pages! {
    read on "2026-11-30":
    GET_DISPUTE = "api-reference/disputes/get-dispute" "Get Dispute";
    LIST_DISPUTES = "api-reference/disputes/list-disputes" "List Disputes";
    UPDATE_DISPUTE = "api-reference/disputes/update-dispute" "Update Dispute";
    CREATE_FILE = "api-reference/files/create-file" "Create File";
    CLOSE_DISPUTE = "api-reference/disputes/close-dispute" "Close Dispute";
    RETRY_EVENT = "api-reference/events/retry-event" "Retry Event";
    CAPTURE_SESSION = "api-reference/checkout-sessions/capture-checkout-session" "Capture Checkout Session";
    PREVIEW_CAPTURE = "api-reference/checkout-sessions/preview-capture-allocation" "Preview Capture Allocation";
    GET_LINE_ITEMS = "api-reference/checkout-sessions/get-line-items" "Get Line Items";
}
