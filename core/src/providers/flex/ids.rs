//! Flex's ids, one type each. An id is opaque, and its case is never changed.

use crate::id::{PROVIDER_ID, TypedId, is_visible, text_id};

text_id! {
    /// One checkout session.
    CheckoutSessionId = "checkout_session", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One subscription.
    SubscriptionId = "subscription", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One customer.
    CustomerId = "customer", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One payment method of a customer.
    PaymentMethodId = "payment_method", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One invoice of a subscription.
    InvoiceId = "invoice", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One refund.
    RefundId = "refund", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One capture of an authorized payment.
    CaptureId = "capture", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One dispute.
    DisputeId = "dispute", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One setup intent: a customer gives a payment method.
    SetupIntentId = "setup_intent", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One event.
    EventId = "event", PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One price.
    PriceId = "price", PROVIDER_ID, is_visible, plain
}

/// The id of a payment intent, which is only compared.
pub(crate) fn payment_intent_id(id: &str) -> Option<TypedId> {
    TypedId::read("payment_intent", id)
}

/// The host's reference of a session, or its key.
pub(crate) fn reference_id(id: &str) -> Option<TypedId> {
    TypedId::read("client_reference", id)
}
