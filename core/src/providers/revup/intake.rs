//! The intake of events: whose they are, whom they concern, and what to answer.

use alloc::format;
use alloc::vec::Vec;

use super::event::EventSeen;
use crate::fact::{FactError, Origin};
use crate::id::CorrelationId;

/// The status that Revup wants for a stored event, within 20 seconds; any other makes it try again.
pub(crate) const ACKNOWLEDGEMENT: u16 = 200;

/// Nothing proves the origin of an event: Revup documents no signature, no secret and no addresses. A host with other
/// proof, such as an address that nobody can guess, says so in the fact.
pub(crate) const ORIGIN: Origin = Origin::Unverified;

/// The ids by which an event finds its flows: its subscription, and the order of its payment.
pub(crate) fn correlate(body: &[u8]) -> Result<Vec<CorrelationId>, FactError> {
    FactError::bounded(body)?;
    let event = EventSeen::read(body);
    let event = event.ok_or_else(|| FactError::new("/body", format!("is no event of {}", super::NAME)))?;
    let order = event.order();
    let ids = [Some(event.subscription().as_str()), order.as_ref().map(|it| it.as_str())];
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
        assert_eq!(correlate(b"{}").unwrap_err().field, "/body");
    }
}
