//! Revup's ids, each with its own type: an order is never taken for a transaction.

use crate::id::{is_word, text_id};

text_id! {
    /// A stored card: the text that starts a subscription. Not printed.
    Token, (1, 128), is_word, secret
}

text_id! {
    /// One order.
    OrderId, (1, 128), is_word, plain
}

text_id! {
    /// One transaction of an order: a payment, a refund or a dispute.
    TransactionId, (1, 128), is_word, plain
}

text_id! {
    /// One subscription: always a UUID.
    SubscriptionId, (36, 36), is_of_uuid, plain
}

fn is_of_uuid(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b'-'
}

/// Whether a text is a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    const SHAPE: &str = "00000000-0000-0000-0000-000000000000";
    let like = |(have, want): (u8, u8)| if want == b'-' { have == b'-' } else { have.is_ascii_hexdigit() };
    text.len() == SHAPE.len() && text.bytes().zip(SHAPE.bytes()).all(like)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_dashes_in_place() {
        assert!(is_uuid("0192b445-55a7-74af-a5d1-79ca6d2310f4"));
        assert!(!is_uuid("0192b44555a7-74af-a5d1-79ca6d2310f4-"));
        assert!(!is_uuid("gold"));
    }
}
