//! The ids of Vend, one type each, so that a consent token cannot stand in for a subscription.

use crate::id::{Digest, PROVIDER_ID, is_visible, text_id};

text_id! {
    /// The consent token of one change: 32 characters, valid for one day and one use. It is never printed.
    ConsentToken = "consent_token", (32, 32), is_visible, secret
}

impl ConsentToken {
    /// The fingerprint that recognizes a token after the token itself is dropped.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of([self.as_str().as_bytes()])
    }
}

text_id! {
    /// A subscription id: a 64-bit number, kept as its digits.
    SubscriptionId = "subscription", PROVIDER_ID, is_visible, plain
}
