//! What Revup posts: whose a message is, whom it concerns, and how it is acknowledged.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::event::EventSeen;
use super::notification::Notification;
use crate::fact::{FactError, Origin};
use crate::id::CorrelationId;
use crate::providers::revup::callback::Callback;

/// The status that Revup wants for a stored event, within 20 seconds; any other makes it try again.
pub(crate) const ACKNOWLEDGEMENT: u16 = 200;

/// Nothing proves the origin of an event: Revup documents no signature, no secret and no addresses. A host with other
/// proof, such as an address that nobody can guess, says so in the fact.
pub(crate) const ORIGIN: Origin = Origin::Unverified;

/// The ids by which an event finds its flows: its subscription, and the order of its payment.
pub(crate) fn correlate(body: &[u8]) -> Result<Vec<CorrelationId>, FactError> {
    FactError::bounded(body)?;
    let ids = if let Some(event) = EventSeen::read(body) {
        let order = event.order();
        [Some(event.subscription().as_str().into()), order.map(|it| it.as_str().into())]
    } else if let Some(seen) = Notification::read(body) {
        [Some(String::from(seen.order.as_str())), Some(seen.transaction.as_str().into())]
    } else if let Some(seen) = Callback::read(body) {
        [seen.order.map(|it| it.as_str().into()), seen.transaction.map(|it| it.as_str().into())]
    } else {
        let reason = format!("is not an event, a notification or a callback of {}", crate::providers::revup::NAME);
        return Err(FactError::new("/body", reason));
    };
    Ok(ids.into_iter().flatten().filter_map(|id| CorrelationId::parse(id).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "0192b445-55a7-74af-a5d1-79ca6d2310f4";

    #[test]
    fn an_event_finds_its_subscription_and_its_order() {
        let body = format!(
            r#"{{"eventId":"e","eventType":"subscription.created","ocurredAt":"2026-11-21T10:00:00Z",
            "originator":{{"type":"PAYMENT","data":{{"orderId":"o-1"}}}},
            "data":{{"subscriptionId":"{SUBSCRIPTION}","status":"FULFILLED"}}}}"#
        );
        let ids = correlate(body.as_bytes()).unwrap();
        assert_eq!(ids.iter().map(CorrelationId::as_str).collect::<Vec<_>>(), [SUBSCRIPTION, "o-1"]);
        assert_eq!(correlate(b"{}").unwrap_err().pointer, "/body");
    }

    #[test]
    fn a_notification_and_a_callback_find_their_order_and_their_transaction() {
        let notification =
            br#"{"orderId":"o-1","transactionId":"t-1","transactionType":"refund","transactionStatus":"failed"}"#;
        let callback = br#"[{"orderId":"o-1","transactionId":"t-0","transactionStatus":"failed"},
            {"orderId":"O-1","transactionId":"t-1","transactionStatus":"success"}]"#;
        for (body, order) in [(notification.as_slice(), "o-1"), (callback, "O-1")] {
            let ids = correlate(body).unwrap();
            assert_eq!(ids.iter().map(CorrelationId::as_str).collect::<Vec<_>>(), [order, "t-1"]);
        }
    }
}
