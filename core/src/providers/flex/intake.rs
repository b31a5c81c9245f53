//! The intake of webhooks: is it Flex's, whom does it concern, and what to answer.

use alloc::format;
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::signal::Signal;
use crate::fact::{FactError, Headers, Origin};
use crate::flow::Webhook;
use crate::id::CorrelationId;
use crate::intake::{AuthError, Secret};
use crate::time::{Millis, Timestamp};

/// The status that tells Flex that a webhook is stored.
pub(crate) const ACKNOWLEDGEMENT: u16 = 200;

/// How far from now a signature may be.
const TOLERANCE: Millis = Millis::from_minutes(5);

/// The names of the three headers, in the order in which they are looked for: families are never mixed.
const FAMILIES: [[&str; 3]; 3] = [
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
    ["svix-id", "svix-timestamp", "svix-signature"],
    ["flex-event-id", "flex-timestamp", "flex-signature"],
];

/// Whether a webhook is Flex's, by its signature over its id, its time and its raw body.
pub(crate) fn authenticate(
    secrets: &[Secret<'_>],
    headers: &Headers<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<Origin, AuthError> {
    if secrets.is_empty() || secrets.iter().any(|secret| key_of(*secret).is_empty()) {
        return Err(AuthError::NoSecret);
    }
    let family = FAMILIES.into_iter().find(|[_, _, signature]| headers.get(signature).is_some());
    let [id, time, signature] = family.ok_or(AuthError::MissingHeader("svix-signature"))?;
    let get = |name: &'static str| headers.get(name).ok_or(AuthError::MissingHeader(name));
    let (id, time, listed) = (get(id)?, get(time)?, get(signature)?);
    // The older headers carry one signature without its version.
    let listed = listed.split(' ').filter_map(|it| match it.split_once(',') {
        Some((version, text)) => (version == "v1").then_some(text),
        None => signature.starts_with("flex").then_some(it),
    });
    let listed: Vec<_> = listed.filter_map(|text| STANDARD.decode(text).ok()).collect();
    if !secrets.iter().any(|secret| is_signed(*secret, [id, time], body, &listed)) {
        return Err(AuthError::Mismatch);
    }
    let seconds: u64 = time.parse().map_err(|_| AuthError::Mismatch)?;
    let at = Timestamp::default().after(Millis::from_seconds(seconds));
    if at.after(TOLERANCE) < now || now.after(TOLERANCE) < at {
        return Err(AuthError::Stale);
    }
    Ok(Origin::Verified)
}

/// The text of a secret's key, which is base64 and stands behind the secret's prefix.
fn key_of(secret: Secret<'_>) -> &[u8] {
    let text = secret.as_bytes();
    let key = text.iter().position(|it| *it == b'_').and_then(|prefix| text.get(prefix.saturating_add(1)..));
    key.unwrap_or(text)
}

/// Whether any of the signatures is the secret's.
fn is_signed(secret: Secret<'_>, parts: [&str; 2], body: &[u8], listed: &[Vec<u8>]) -> bool {
    let Ok(key) = STANDARD.decode(key_of(secret)) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
    for part in parts {
        mac.update(part.as_bytes());
        mac.update(b".");
    }
    mac.update(body);
    let wanted = mac.finalize().into_bytes();
    listed.iter().any(|given| bool::from(wanted.as_slice().ct_eq(given.as_slice())))
}

/// The ids by which a webhook finds its flows.
pub(crate) fn correlate(body: &[u8]) -> Result<Vec<CorrelationId>, FactError> {
    FactError::bounded(body)?;
    let signal = Signal::read(&Webhook::of(body));
    let signal = signal.ok_or_else(|| FactError::new("/body", format!("is no webhook of {}", super::NAME)))?;
    Ok(signal.ids().into_iter().flatten().filter_map(|id| CorrelationId::parse(id).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"event_type":"x","object":{}}"#;
    const NOW: Timestamp = Timestamp::from_millis(1_700_000_100_000);
    const SECRETS: &[Secret<'_>] = &[Secret::new("whsec_b2xk"), Secret::new("fwhsec_c2VjcmV0")];
    // printf 'msg_1.1700000000.%s' "$BODY" | openssl dgst -sha256 -hmac secret -binary | base64
    const SIGNATURE: &str = "1id5S50fg8hKLXObxt0F24qCadHy8sRhAyCdyueMHtQ=";

    fn headers<'a>(family: [&'a str; 3], time: &'a str, signature: &'a str) -> Headers<'a> {
        let [id, at, name] = family;
        [(id, "msg_1"), (at, time), (name, signature)].into_iter().collect()
    }

    #[test]
    fn a_signature_over_id_time_and_raw_body_by_any_secret_is_genuine() {
        let listed = format!("v2,AAAA v1,AAAA v1,{SIGNATURE}");
        for family in [FAMILIES[0], FAMILIES[1]] {
            let given = headers(family, "1700000000", &listed);
            assert_eq!(authenticate(SECRETS, &given, BODY, NOW), Ok(Origin::Verified));
        }
        let bare = headers(FAMILIES[2], "1700000000", SIGNATURE);
        assert_eq!(authenticate(SECRETS, &bare, BODY, NOW), Ok(Origin::Verified));
        let spaced = [BODY, b" "].concat();
        assert_eq!(authenticate(SECRETS, &bare, &spaced, NOW), Err(AuthError::Mismatch));
        let other_time = headers(FAMILIES[1], "1700000001", &listed);
        assert_eq!(authenticate(SECRETS, &other_time, BODY, NOW), Err(AuthError::Mismatch));
        let unversioned = headers(FAMILIES[1], "1700000000", SIGNATURE);
        assert_eq!(authenticate(SECRETS, &unversioned, BODY, NOW), Err(AuthError::Mismatch));
    }

    #[test]
    fn a_signature_of_another_time_is_stale() {
        let listed = format!("v1,{SIGNATURE}");
        let given = headers(FAMILIES[1], "1700000000", &listed);
        let at = |millis| authenticate(SECRETS, &given, BODY, Timestamp::from_millis(millis));
        assert_eq!(at(1_700_000_300_000), Ok(Origin::Verified));
        assert_eq!(at(1_700_000_300_001), Err(AuthError::Stale));
        assert_eq!(at(1_699_999_699_999), Err(AuthError::Stale));
    }

    #[test]
    fn a_missing_header_or_secret_is_said() {
        let none = authenticate(SECRETS, &Headers::default(), BODY, NOW);
        assert_eq!(none, Err(AuthError::MissingHeader("svix-signature")));
        let alone = [("svix-signature", "v1,AAAA")].into_iter().collect();
        assert_eq!(authenticate(SECRETS, &alone, BODY, NOW), Err(AuthError::MissingHeader("svix-id")));
        assert_eq!(authenticate(&[], &alone, BODY, NOW), Err(AuthError::NoSecret));
        for blank in ["", "_", "whsec_", "fwhsec_"] {
            let secrets = [SECRETS[0], Secret::new(blank)];
            assert_eq!(authenticate(&secrets, &alone, BODY, NOW), Err(AuthError::NoSecret), "{blank}");
        }
    }

    #[test]
    fn an_event_is_routed_by_every_id_that_it_names() {
        let body = br#"{"event_type":"checkout_session.completed","object":{"checkout_session_id":"fcs_1",
            "client_reference_id":"order-1","subscription":{"subscription_id":"fsub_1"},"payment_intent":"fpi_1"}}"#;
        let ids = correlate(body).unwrap();
        assert_eq!(ids.iter().map(CorrelationId::as_str).collect::<Vec<_>>(), ["fcs_1", "order-1", "fsub_1", "fpi_1"]);
        assert!(correlate(b"[]").is_err());
    }
}
