//! Every call and every page of Flex.

use super::state::{
    Capture, Coupon, Customer, Dispute, Flex, Hook, Intent, Invoice, Price, Product, PromoCode, Refund, Session, Setup,
    ShippingRate, Subscription,
};
use super::store::{list, retrieve};
use super::{captures, catalog, disputes, events, offers, pages, refunds, sessions, source, subscribe, subscriptions};
use crate::provider::By::{Customer as Buyer, Merchant};
use crate::provider::Fidelity::{Documented, Inferred};
use crate::provider::Operation;

macro_rules! reference {
    ($page:literal) => {
        concat!("https://docs.withflex.com/api-reference/", $page)
    };
}

/// One line of the table below.
macro_rules! operation {
    ($name:literal $method:literal $path:literal $source:expr, $fidelity:ident $by:ident $run:expr) => {
        Operation {
            name: $name,
            method: $method,
            path: $path,
            source: $source,
            fidelity: $fidelity,
            by: $by,
            run: $run,
        }
    };
}

pub(super) const ALL: &[Operation<Flex>] = &[
    operation!("create_product" "POST" "/v1/products" source::SEED, Documented Merchant catalog::create_product),
    operation!("list_products" "GET" "/v1/products"
        reference!("products/list-products"), Documented Merchant list::<Product>),
    operation!("get_product" "GET" "/v1/products/{id}"
        reference!("products/get-product"), Documented Merchant retrieve::<Product>),
    operation!("update_product" "PATCH" "/v1/products/{id}" source::PLUGIN, Inferred Merchant catalog::update_product),
    operation!("create_price" "POST" "/v1/prices" source::SEED, Documented Merchant catalog::create_price),
    operation!("list_prices" "GET" "/v1/prices"
        reference!("prices/list-prices"), Documented Merchant list::<Price>),
    operation!("get_price" "GET" "/v1/prices/{id}"
        reference!("prices/get-price"), Documented Merchant retrieve::<Price>),
    operation!("update_price" "POST" "/v1/prices/{id}"
        reference!("prices/update-price"), Documented Merchant catalog::update_price),
    operation!("create_coupon" "POST" "/v1/coupons"
        reference!("coupons/create-coupon"), Documented Merchant offers::create_coupon),
    operation!("list_coupons" "GET" "/v1/coupons"
        reference!("coupons/list-coupons"), Documented Merchant list::<Coupon>),
    operation!("create_promo_code" "POST" "/v1/promo_codes"
        reference!("promo-codes/create-promo-code"), Documented Merchant offers::create_promo_code),
    operation!("list_promo_codes" "GET" "/v1/promo_codes"
        reference!("promo-codes/list-promo-codes"), Documented Merchant list::<PromoCode>),
    operation!("create_shipping_rate" "POST" "/v1/shipping_rates"
        source::GUIDES, Documented Merchant offers::create_shipping_rate),
    operation!("get_shipping_rate" "GET" "/v1/shipping_rates/{id}"
        reference!("shipping-rates/get-shipping-rate"), Documented Merchant retrieve::<ShippingRate>),
    operation!("update_shipping_rate" "PUT" "/v1/shipping_rates/{id}"
        reference!("shipping-rates/update-shipping-rate"), Documented Merchant offers::update_shipping_rate),
    operation!("create_customer" "POST" "/v1/customers"
        reference!("customers/create-customer"), Documented Merchant offers::create_customer),
    operation!("list_customers" "GET" "/v1/customers"
        reference!("customers/list-customers"), Inferred Merchant list::<Customer>),
    operation!("get_customer" "GET" "/v1/customers/{id}"
        reference!("customers/get-customer"), Documented Merchant retrieve::<Customer>),
    operation!("list_payment_methods" "GET" "/v1/customers/{id}/payment_methods"
        reference!("customers/list-payment-methods"), Inferred Merchant offers::list_cards),
    operation!("create_checkout_session" "POST" "/v1/checkout/sessions"
        source::SEED, Documented Merchant sessions::create),
    operation!("find_checkout_session" "GET" "/v1/checkout/sessions"
        reference!("checkout-sessions/list-checkout-sessions"), Documented Merchant list::<Session>),
    operation!("retrieve_checkout_session" "GET" "/v1/checkout/sessions/{id}"
        reference!("checkout-sessions/get-checkout-session"), Documented Merchant retrieve::<Session>),
    operation!("list_line_items" "GET" "/v1/checkout/sessions/{id}/line_items"
        reference!("checkout-sessions/get-line-items"), Documented Merchant sessions::line_items),
    operation!("capture_payment" "POST" "/v1/checkout/sessions/{id}/capture"
        reference!("checkout-sessions/capture-checkout-session"), Inferred Merchant captures::capture),
    operation!("preview_capture" "POST" "/v1/checkout/sessions/{id}/capture_allocation"
        reference!("checkout-sessions/preview-capture-allocation"), Documented Merchant captures::preview),
    operation!("cancel_checkout_session" "POST" "/v1/checkout/sessions/{id}/cancel"
        reference!("checkout-sessions/cancel-auth-checkout-session"), Documented Merchant captures::cancel),
    operation!("reauthorize_checkout_session" "POST" "/v1/checkout/sessions/{id}/reauth"
        "https://docs.withflex.com/changelog", Documented Merchant captures::reauthorize),
    operation!("refund_checkout_session" "POST" "/v1/checkout/sessions/{id}/refund"
        source::REFUND_GUIDE, Documented Merchant refunds::of_session),
    operation!("preview_refund_allocation" "POST" "/v1/checkout/sessions/{id}/refund_allocation"
        reference!("checkout-sessions/preview-refund-allocation"), Documented Merchant refunds::preview),
    operation!("list_subscriptions" "GET" "/v1/subscriptions"
        reference!("subscriptions/list-subscriptions"), Documented Merchant list::<Subscription>),
    operation!("create_subscription" "POST" "/v1/subscriptions"
        "https://docs.withflex.com/subscriptions", Inferred Merchant subscribe::create),
    operation!("retrieve_subscription" "GET" "/v1/subscriptions/{id}"
        reference!("subscriptions/get-subscription"), Documented Merchant retrieve::<Subscription>),
    operation!("update_subscription" "PATCH" "/v1/subscriptions/{id}"
        reference!("subscriptions/update-subscription"), Documented Merchant subscriptions::update),
    operation!("cancel_subscription" "DELETE" "/v1/subscriptions/{id}"
        reference!("subscriptions/cancel-subscription"), Documented Merchant subscriptions::cancel),
    operation!("get_refund_preview" "GET" "/v1/subscriptions/{id}/refund_preview"
        reference!("subscriptions/get-refund-preview"), Documented Merchant subscriptions::refund_preview),
    operation!("list_invoices" "GET" "/v1/invoices" source::INVOICE, Documented Merchant list::<Invoice>),
    operation!("retrieve_invoice" "GET" "/v1/invoices/{id}" source::INVOICE, Documented Merchant retrieve::<Invoice>),
    operation!("mark_invoice_uncollectible" "POST" "/v1/invoices/{id}/mark_uncollectible"
        reference!("invoices/mark-invoice-uncollectible"), Documented Merchant subscriptions::mark_uncollectible),
    operation!("list_payment_intents" "GET" "/v1/payment_intents"
        reference!("payment-intents/list-payment-intents"), Documented Merchant list::<Intent>),
    operation!("get_payment_intent" "GET" "/v1/payment_intents/{id}"
        reference!("payment-intents/get-payment-intent"), Documented Merchant retrieve::<Intent>),
    operation!("create_setup_intent" "POST" "/v1/setup_intents"
        reference!("setup-intents/create-setup-intent"), Documented Merchant sessions::create_setup),
    operation!("list_setup_intents" "GET" "/v1/setup_intents"
        reference!("setup-intents/list-setup-intents"), Documented Merchant list::<Setup>),
    operation!("retrieve_setup_intent" "GET" "/v1/setup_intents/{id}"
        reference!("setup-intents/get-setup-intent"), Documented Merchant retrieve::<Setup>),
    operation!("create_refund" "POST" "/v1/refunds"
        reference!("refunds/create-refund"), Documented Merchant refunds::create),
    operation!("list_refunds" "GET" "/v1/refunds"
        reference!("refunds/list-refunds"), Documented Merchant list::<Refund>),
    operation!("get_refund" "GET" "/v1/refunds/{id}"
        reference!("refunds/get-refund"), Inferred Merchant retrieve::<Refund>),
    operation!("update_refund" "PATCH" "/v1/refunds/{id}"
        reference!("refunds/update-refund"), Documented Merchant refunds::update),
    operation!("list_captures" "GET" "/v1/captures"
        reference!("captures/list-captures"), Documented Merchant list::<Capture>),
    operation!("get_capture" "GET" "/v1/captures/{id}"
        reference!("captures/get-capture"), Documented Merchant retrieve::<Capture>),
    operation!("update_capture" "PATCH" "/v1/captures/{id}"
        reference!("captures/update-capture"), Documented Merchant captures::update),
    operation!("retrieve_dispute" "GET" "/v1/disputes/{id}"
        reference!("disputes/get-dispute"), Documented Merchant retrieve::<Dispute>),
    operation!("update_dispute" "POST" "/v1/disputes/{id}" source::DISPUTES, Documented Merchant disputes::update),
    operation!("close_dispute" "POST" "/v1/disputes/{id}/close"
        source::DISPUTES, Documented Merchant disputes::give_up),
    operation!("retry_event" "POST" "/v1/events/{id}/retry" source::RETRY, Documented Merchant events::retry),
    operation!("create_webhook" "POST" "/v1/webhooks" source::FULFILLMENT, Documented Merchant events::create_hook),
    operation!("list_webhooks" "GET" "/v1/webhooks" source::PLUGIN, Inferred Merchant list::<Hook>),
    operation!("get_webhook" "GET" "/v1/webhooks/{id}" source::PLUGIN, Inferred Merchant retrieve::<Hook>),
    operation!("update_webhook" "POST" "/v1/webhooks/{id}" source::PLUGIN, Inferred Merchant events::update_hook),
    operation!("delete_webhook" "DELETE" "/v1/webhooks/{id}" source::PLUGIN, Inferred Merchant events::delete_hook),
    operation!("open_checkout" "GET" "/pay/c/{id}" source::SEED, Inferred Buyer pages::open),
    operation!("submit_letter" "POST" "/pay/c/{id}/letter" source::SEED, Inferred Buyer pages::letter),
    operation!("submit_card" "POST" "/pay/c/{id}/card" source::SEED, Inferred Buyer pages::card),
    operation!("cancel_checkout" "POST" "/pay/c/{id}/cancel" source::SEED, Inferred Buyer pages::cancel),
    operation!("open_setup" "GET" "/pay/s/{id}" source::SEED, Inferred Buyer pages::open_setup),
    operation!("submit_setup_card" "POST" "/pay/s/{id}/card" source::SEED, Inferred Buyer pages::setup_card),
];
