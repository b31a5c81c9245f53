//! Truemed's ids, each with its own type: a provision request is never taken for a token. A UUID is the
//! same in any case.

use crate::id::{PROVIDER_ID, in_one_case, is_visible, text_id};

text_id! {
    /// A stored HSA/FSA payment method: the text with which it is charged. Not printed.
    Token, PROVIDER_ID, is_visible, secret, in_one_case
}

text_id! {
    /// One attempt to provision or to update a token.
    ProvisionTokenRequestId, PROVIDER_ID, is_visible, plain, in_one_case
}

text_id! {
    /// One payment session.
    PaymentSessionId, PROVIDER_ID, is_visible, plain, in_one_case
}
