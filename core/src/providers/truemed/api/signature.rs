//! The proof of a webhook: whether Truemed sent it, which flows it is about, and how to acknowledge it.

use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::webhook::Signal;
use crate::fact::{FactError, Origin};
use crate::flow::Webhook;
use crate::id::TypedId;
use crate::time::{Millis, Timestamp};
use crate::webhook::{Delivery, NotAuthentic, Secret};

/// The status that acknowledges a webhook. After any other, Truemed retries for up to seven days.
pub(crate) const ACKNOWLEDGEMENT: u16 = 204;

/// The headers that can carry a proof, for an error.
const PROOFS: &str = "`x-truemed-signature` and `x-truemed-api-key`";

/// The header with the signature.
const SIGNATURE: &str = "x-truemed-signature";

/// Whether Truemed sent the webhook: by its signature, or without one by the shared secret in its header.
///
/// The time of a signature counts only if the host sets a tolerance. Truemed delivers a webhook for up to seven days,
/// and no document says that it signs each delivery again.
pub(crate) fn authenticate(delivery: &Delivery<'_>) -> Result<Origin, NotAuthentic> {
    delivery.check_secrets(|_| None)?;
    let secrets = delivery.secrets;
    let genuine = match (delivery.headers.get(SIGNATURE), delivery.headers.get("x-truemed-api-key")) {
        (Some(header), _) => {
            let signature = Signature::read(header).ok_or(NotAuthentic::UnreadableHeader(SIGNATURE))?;
            let genuine = secrets.iter().any(|secret| signature.is_signed_with(*secret, delivery.body));
            if let Some(tolerance) = delivery.tolerance.filter(|_| genuine) {
                delivery.check_time(signature.time()?, tolerance)?;
            }
            genuine
        }
        (None, Some(given)) => secrets.iter().any(|secret| secret.as_bytes().ct_eq(given.as_bytes()).into()),
        (None, None) => return Err(NotAuthentic::NoSignature(PROOFS)),
    };
    if genuine { Ok(Origin::Verified) } else { Err(NotAuthentic::Mismatch) }
}

/// A time, and signatures of any version over `{t}.{body}`. The documents show no encoding, so both hex and base64 are
/// read.
struct Signature<'a> {
    time: &'a str,
    listed: Vec<Vec<u8>>,
}

impl<'a> Signature<'a> {
    fn read(header: &'a str) -> Option<Self> {
        let parts = || header.split([',', ' ']).filter_map(|part| part.trim().split_once('='));
        let (_, time) = parts().find(|(name, _)| *name == "t")?;
        let bytes = |text: &str| hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok());
        Some(Self { time, listed: parts().filter_map(|(name, text)| bytes(text).filter(|_| name != "t")).collect() })
    }

    fn is_signed_with(&self, secret: Secret<'_>, body: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
        mac.update(self.time.as_bytes());
        mac.update(b".");
        mac.update(body);
        let wanted = mac.finalize().into_bytes();
        self.listed.iter().any(|given| wanted.as_slice().ct_eq(given.as_slice()).into())
    }

    /// The time of the signature. A number too large for seconds is in milliseconds.
    fn time(&self) -> Result<Timestamp, NotAuthentic> {
        let number: u64 = self.time.parse().map_err(|_| NotAuthentic::UnreadableHeader(SIGNATURE))?;
        Ok(Timestamp::from_documented_seconds(number)
            .unwrap_or_else(|| Timestamp::default().after(Millis::new(number))))
    }
}

/// The ids by which a webhook finds its flows.
pub(crate) fn correlate(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
    FactError::bounded(webhook.body)?;
    let signal = Signal::read(webhook);
    let signal = signal.ok_or_else(|| FactError::new("/body", "is not a Truemed webhook"))?;
    Ok(signal.ids())
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::fact::Headers;
    use crate::webhook::SecretError;

    const BODY: &[u8] = br#"{"webhook_delivery_id":"wd_1","event_type":"x","data":{}}"#;
    const SECRETS: &[Secret<'_>] = &[Secret::new("old"), Secret::new("whsec")];
    // printf '1700000000.%s' "$BODY" | openssl dgst -sha256 -hmac whsec
    const HEX: &str = "4ede13ffcf9f35c7b60668c6cb5c86191a153467f02f9ef1b191ab150a9a0143";

    fn authenticated(pairs: &[(&str, &str)], body: &[u8]) -> Result<Origin, NotAuthentic> {
        let headers: Headers<'_> = pairs.iter().copied().collect();
        let now = Timestamp::from_millis(1_700_604_800_000);
        authenticate(&Delivery { secrets: SECRETS, headers: &headers, body, now, tolerance: None })
    }

    #[test]
    fn a_signature_over_the_raw_body_by_any_secret_is_genuine() {
        let value = format!("t=1700000000,v0=00,v1={HEX}");
        assert_eq!(authenticated(&[("X-Truemed-Signature", &value)], BODY), Ok(Origin::Verified));
        let spaced = [BODY, b" "].concat();
        assert_eq!(authenticated(&[("X-Truemed-Signature", &value)], &spaced), Err(NotAuthentic::Mismatch));
        let other = format!("t=1700000001,v1={HEX}");
        assert_eq!(authenticated(&[("x-truemed-signature", &other)], BODY), Err(NotAuthentic::Mismatch));
        let timeless = format!("v1={HEX}");
        assert_eq!(
            authenticated(&[("x-truemed-signature", &timeless)], BODY),
            Err(NotAuthentic::UnreadableHeader(SIGNATURE))
        );
        assert_eq!(authenticated(&[("x-truemed-signature", "t=1700000000")], BODY), Err(NotAuthentic::Mismatch));
    }

    #[test]
    fn the_shared_secret_in_the_header_is_genuine() {
        assert_eq!(authenticated(&[("x-truemed-api-key", "whsec")], BODY), Ok(Origin::Verified));
        assert_eq!(authenticated(&[("x-truemed-api-key", "whse")], BODY), Err(NotAuthentic::Mismatch));
    }

    #[test]
    fn a_good_header_does_not_make_up_for_a_bad_signature() {
        let both = [("x-truemed-signature", "t=1,v1=00"), ("x-truemed-api-key", "whsec")];
        assert_eq!(authenticated(&both, BODY), Err(NotAuthentic::Mismatch));
    }

    #[test]
    fn the_time_of_a_signature_counts_if_the_host_sets_a_tolerance() {
        let value = format!("t=1700000000,v1={HEX}");
        let headers: Headers<'_> = [("x-truemed-signature", value.as_str())].into_iter().collect();
        let at = |millis, tolerance| {
            let now = Timestamp::from_millis(millis);
            authenticate(&Delivery { secrets: SECRETS, headers: &headers, body: BODY, now, tolerance })
        };
        let week = Some(Millis::from_hours(168));
        assert_eq!(at(0, None), Ok(Origin::Verified));
        assert_eq!(at(1_700_604_800_000, week), Ok(Origin::Verified));
        assert!(matches!(at(1_700_604_800_001, week), Err(NotAuthentic::Stale { .. })));
        let time = |time| Signature { time, listed: Vec::new() }.time().map(Timestamp::as_millis);
        assert_eq!((time("1700000000"), time("1700000000123")), (Ok(1_700_000_000_000), Ok(1_700_000_000_123)));
        assert_eq!(time("2023-11-14T22:13:20Z"), Err(NotAuthentic::UnreadableHeader(SIGNATURE)));
    }

    #[test]
    fn a_missing_proof_and_an_unusable_secret_are_errors() {
        assert_eq!(
            authenticated(&[("content-type", "application/json")], BODY),
            Err(NotAuthentic::NoSignature(PROOFS))
        );
        let headers: Headers<'_> = [("x-truemed-api-key", "")].into_iter().collect();
        let with = |secret| {
            let secrets = [Secret::new(secret)];
            let now = Timestamp::default();
            authenticate(&Delivery { secrets: &secrets, headers: &headers, body: BODY, now, tolerance: None })
        };
        for (secret, wrong) in
            [("", SecretError::Empty), ("whsec\n", SecretError::Blank), ("'whsec'", SecretError::Quoted)]
        {
            assert_eq!(with(secret), Err(NotAuthentic::Secret { index: 0, wrong }), "{secret:?}");
        }
    }
}
