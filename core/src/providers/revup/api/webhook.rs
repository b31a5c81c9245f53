//! The messages that Revup posts: their origin, their ids, and their acknowledgment.

use alloc::format;
use alloc::vec::Vec;

use super::event::EventWebhook;
use super::notification::Notification;
use crate::fact::{FactError, Origin};
use crate::flow::Webhook;
use crate::id::TypedId;
use crate::providers::revup::callback::Callback;

/// The status that Revup needs within 20 seconds for a stored event. Revup retries after any other status.
pub(crate) const ACKNOWLEDGEMENT: u16 = 200;

/// Nothing proves the origin of an event: Revup documents no signature, no secret and no addresses. A host with other
/// proof, such as a secret URL, says so in the fact.
pub(crate) const ORIGIN: Origin = Origin::Unverified;

/// The ids by which a message finds its flows: the subscription, the order and the transaction that it names.
pub(crate) fn correlate(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
    FactError::bounded(webhook.body)?;
    let ids = if let Some(event) = EventWebhook::read(webhook.body) {
        let order = event.order();
        [Some(TypedId::from(event.subscription())), order.as_ref().map(TypedId::from)]
    } else if let Some(notification) = Notification::read(webhook.body) {
        [Some(TypedId::from(&notification.order)), Some(TypedId::from(&notification.transaction))]
    } else if let Some(callback) = Callback::read(webhook.body) {
        [callback.order.as_ref().map(TypedId::from), callback.transaction.as_ref().map(TypedId::from)]
    } else {
        let reason = format!("is not an event, a notification or a callback of {}", crate::providers::revup::NAME);
        return Err(FactError::new("/body", reason));
    };
    Ok(ids.into_iter().flatten().collect())
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
        let ids = correlate(&Webhook::of(body.as_bytes())).unwrap();
        assert_eq!(ids.iter().map(TypedId::as_str).collect::<Vec<_>>(), [SUBSCRIPTION, "o-1"]);
        assert_eq!(correlate(&Webhook::of(b"{}")).unwrap_err().pointer, "/body");
    }

    #[test]
    fn a_notification_and_a_callback_find_their_order_and_their_transaction() {
        let notification =
            br#"{"orderId":"o-1","transactionId":"t-1","transactionType":"refund","transactionStatus":"failed"}"#;
        let callback = br#"[{"orderId":"o-1","transactionId":"t-0","transactionStatus":"failed"},
            {"orderId":"O-1","transactionId":"t-1","transactionStatus":"success"}]"#;
        for (body, order) in [(notification.as_slice(), "o-1"), (callback, "O-1")] {
            let ids = correlate(&Webhook::of(body)).unwrap();
            assert_eq!(ids.iter().map(TypedId::as_str).collect::<Vec<_>>(), [order, "t-1"]);
        }
    }
}
