//! The intake of webhooks: whom does one concern, and what to answer. None is signed, so none can be authenticated.

use alloc::format;
use alloc::vec::Vec;

use super::webhook::Signal;
use crate::fact::{FactError, Origin};
use crate::flow::Webhook;
use crate::id::CorrelationId;
use crate::intake::AuthError;

/// The status for a stored webhook; anything but 2xx makes Vend try again.
pub(crate) const ACKNOWLEDGEMENT: u16 = 200;

/// No signature is documented, so every webhook may be anyone's: it is a hint, and its look-up is the evidence.
pub(crate) const fn authenticate() -> Result<Origin, AuthError> {
    Ok(Origin::Unverified)
}

/// The ids by which a webhook finds its flows.
pub(crate) fn correlate(body: &[u8]) -> Result<Vec<CorrelationId>, FactError> {
    FactError::bounded(body)?;
    let signal = Signal::read(&Webhook::of(body));
    match signal.ok_or_else(|| FactError::new("/body", format!("is no webhook of {}", super::NAME)))? {
        Signal::Cancellation(it) => Ok(CorrelationId::parse(it.subscription_id.as_str()).into_iter().collect()),
        Signal::Other => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancellation_finds_its_subscription() {
        let body = br#"{"domain_prefix":"m","payload":{"cancelled_at":{"seconds":7},"subscription_id":"1504300454752022528"},
            "retailer_id":"r","type":"partner.cancellation"}"#;
        let ids = correlate(body).unwrap();
        assert_eq!(ids.iter().map(CorrelationId::as_str).collect::<Vec<_>>(), ["1504300454752022528"]);
        assert_eq!(correlate(b"no json").unwrap_err().field, "/body");
        assert_eq!(authenticate(), Ok(Origin::Unverified));
    }
}
