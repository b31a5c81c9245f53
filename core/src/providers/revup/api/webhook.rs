//! The messages that Revup posts: their origin, their ids, and their acknowledgment.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::event::EventWebhook;
use super::notification::Notification;
use crate::fact::{FactError, Origin};
use crate::id::CorrelationId;
use crate::providers::revup::callback::Callback;

/// The status that Revup needs within 20 seconds for a stored event. Revup retries after any other status.
pub(crate) const ACKNOWLEDGEMENT: u16 = 200;

/// Nothing proves the origin of an event: Revup documents no signature, no secret and no addresses. A host with other
/// proof, such as a secret URL, says so in the fact.
pub(crate) const ORIGIN: Origin = Origin::Unverified;

/// The ids by which a message finds its flows: the subscription, the order and the transaction that it names.
pub(crate) fn correlate(body: &[u8]) -> Result<Vec<CorrelationId>, FactError> {
    FactError::bounded(body)?;
    let ids = if let Some(event) = EventWebhook::read(body) {
        let order = event.order();
        [Some(event.subscription().as_str().into()), order.map(|it| it.as_str().into())]
    } else if let Some(notification) = Notification::read(body) {
        [Some(String::from(notification.order.as_str())), Some(notification.transaction.as_str().into())]
    } else if let Some(callback) = Callback::read(body) {
        [callback.order.map(|it| it.as_str().into()), callback.transaction.map(|it| it.as_str().into())]
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
