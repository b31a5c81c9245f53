//! Flex's ids, each with its own type: opaque texts, whose case is never changed.

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
    /// One capture of what was held.
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
