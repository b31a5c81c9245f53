//! Truemed's ids, each with a type of its own, so that a provision request cannot be used as a token. The case of a
//! UUID does not count.

use crate::id::{PROVIDER_ID, in_one_case, is_visible, text_id};

text_id! {
    /// A stored HSA/FSA payment method: the secret string that charges it. `Debug` does not print it.
    Token = "payment_token", PROVIDER_ID, is_visible, secret, in_one_case
}

text_id! {
    /// One attempt to provision or to update a token.
    ProvisionTokenRequestId = "provision_token_request", PROVIDER_ID, is_visible, plain, in_one_case
}

text_id! {
    /// One payment session.
    PaymentSessionId = "payment_session", PROVIDER_ID, is_visible, plain, in_one_case
}

text_id! {
    /// One qualification session.
    QualificationSessionId = "qualification_session", PROVIDER_ID, is_visible, plain, in_one_case
}
