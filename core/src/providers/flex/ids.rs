//! Flex's ids, one type each. An id is opaque, and its case is never changed.

use crate::id::{PROVIDER_ID, is_visible, text_id};

text_id! {
    /// One checkout session.
    CheckoutSessionId, PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One subscription.
    SubscriptionId, PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One customer.
    CustomerId, PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One invoice of a subscription.
    InvoiceId, PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One refund.
    RefundId, PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One capture of an authorized payment.
    CaptureId, PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One dispute.
    DisputeId, PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One price.
    PriceId, PROVIDER_ID, is_visible, plain
}
