//! The ids of Revup, one type each, so that an order cannot stand in for a transaction. They are UUIDs, in any case.

pub(crate) use crate::id::is_uuid;
use crate::id::{in_one_case, is_word, text_id};

text_id! {
    /// A stored card, with which a subscription starts. It is never printed.
    Token = "token", (1, 128), is_word, secret, in_one_case
}

text_id! {
    /// One order.
    OrderId = "order", (1, 128), is_word, plain, in_one_case
}

text_id! {
    /// One transaction of an order: a payment, a refund or a dispute.
    TransactionId = "transaction", (1, 128), is_word, plain, in_one_case
}

text_id! {
    /// One subscription. Its id is always a UUID.
    SubscriptionId = "subscription", (36, 36), is_of_uuid, plain, in_one_case
}

/// Reads ids as Revup sends them.
macro_rules! read {
    ($($name:ident),+) => {$(
        impl $name {
            /// An id as Revup sends it, if the text is a valid id.
            pub(crate) fn read(text: &str) -> Option<Self> {
                Self::parse(text).ok()
            }
        }
    )+};
}

read!(OrderId, TransactionId, SubscriptionId);

fn is_of_uuid(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_capitals_is_the_same_id() {
        let capitals = "0192B445-55A7-74AF-A5D1-79CA6D2310F4";
        assert_eq!(SubscriptionId::parse(capitals), SubscriptionId::parse(capitals.to_ascii_lowercase()));
        assert_eq!(Token::parse(capitals), Token::parse(capitals.to_ascii_lowercase()));
        assert_eq!(OrderId::parse("Order-1").unwrap().as_str(), "Order-1");
    }
}
