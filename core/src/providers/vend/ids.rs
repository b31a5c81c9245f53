//! Vend's ids, each with its own type: a consent token is never taken for a subscription.

use crate::id::{Digest, PROVIDER_ID, is_visible, text_id};

text_id! {
    /// The consent token of one change: 32 characters, good for one day and one use. Not printed.
    ConsentToken, (32, 32), is_visible, secret
}

impl ConsentToken {
    /// The fingerprint by which a token that is no longer kept is known again.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of([self.as_str().as_bytes()])
    }
}

text_id! {
    /// A subscription: a 64-bit number, kept as its digits.
    SubscriptionId, PROVIDER_ID, is_visible, plain
}
