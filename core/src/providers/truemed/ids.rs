//! Truemed's ids, each with its own type: a provision request is never taken for a token.

use crate::id::{PROVIDER_ID, is_visible, text_id};

text_id! {
    /// A stored HSA/FSA payment method: the text with which it is charged. Not printed.
    Token, PROVIDER_ID, is_visible, secret
}

text_id! {
    /// One attempt to provision or to update a token.
    ProvisionTokenRequestId, PROVIDER_ID, is_visible, plain
}

text_id! {
    /// One payment session.
    PaymentSessionId, PROVIDER_ID, is_visible, plain
}
