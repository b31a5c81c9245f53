//! The signature of a webhook: whether Flex sent the webhook, and which flows it is for.

use alloc::vec::Vec;

use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{Engine, alphabet};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::webhook::Signal;
use crate::fact::{FactError, Headers, Origin};
use crate::flow::Webhook;
use crate::id::TypedId;
use crate::time::{Millis, Timestamp};
use crate::webhook::{Delivery, NotAuthentic, Secret, SecretError};

/// The HTTP status that acknowledges a webhook.
pub(crate) const ACKNOWLEDGEMENT: u16 = 200;

/// How far the time of a signature may be from now, unless your backend sets another tolerance.
const TOLERANCE: Millis = Millis::from_minutes(5);

/// The three headers of each family, in order of preference. Families are never mixed.
const FAMILIES: [[&str; 3]; 3] = [
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
    ["svix-id", "svix-timestamp", "svix-signature"],
    ["flex-event-id", "flex-timestamp", "flex-signature"],
];

/// The signature headers, as an error names them.
const SIGNATURES: &str = "`webhook-signature`, `svix-signature` and `flex-signature`";

/// The prefix of a webhook secret.
const PREFIX: &str = "whsec_";

/// The base64 of a key, with or without padding.
const KEY: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Checks the signature over the id, the time and the raw body.
pub(crate) fn authenticate(delivery: &Delivery<'_>) -> Result<Origin, NotAuthentic> {
    delivery.check_secrets(|secret| key_of(secret).err())?;
    let family = family(delivery.headers)?;
    let get = |name: &'static str| delivery.headers.get(name).ok_or(NotAuthentic::MissingHeader(name));
    let [id, time, signature] = family;
    let (id, timestamp, listed) = (get(id)?, get(time)?, get(signature)?);
    // The older headers carry one signature without a version.
    let listed = listed.split(' ').filter_map(|it| match it.split_once(',') {
        Some((version, text)) => (version == "v1").then_some(text),
        None => signature.starts_with("flex").then_some(it),
    });
    let listed: Vec<_> = listed.filter_map(|text| STANDARD.decode(text).ok()).collect();
    if !delivery.secrets.iter().any(|secret| is_signed(*secret, [id, timestamp], delivery.body, &listed)) {
        return Err(NotAuthentic::Mismatch);
    }
    let made = timestamp.parse().ok().and_then(Timestamp::from_documented_seconds);
    let made = made.ok_or(NotAuthentic::UnreadableHeader(time))?;
    delivery.check_time(made, delivery.tolerance.unwrap_or(TOLERANCE))?;
    Ok(Origin::Verified)
}

/// The first complete family, or else the one with the most headers.
fn family(headers: &Headers<'_>) -> Result<[&'static str; 3], NotAuthentic> {
    let present = |family: &[&str; 3]| family.iter().filter(|name| headers.get(name).is_some()).count();
    // Reversed, because `max_by_key` returns the last of equal families.
    let best = FAMILIES.into_iter().rev().max_by_key(present);
    best.filter(|family| present(family) > 0).ok_or(NotAuthentic::NoSignature(SIGNATURES))
}

/// The key of a secret: the base64 after its prefix.
fn key_of(secret: Secret<'_>) -> Result<Vec<u8>, SecretError> {
    let text = secret.as_str();
    let key = match text.split_once('_') {
        Some((kind, _)) if !kind.ends_with(PREFIX.trim_end_matches('_')) => return Err(SecretError::OtherKind(PREFIX)),
        Some((_, "")) => return Err(SecretError::Empty),
        Some((_, key)) => key,
        None => text,
    };
    KEY.decode(key).map_err(|_| SecretError::NotBase64)
}

/// Whether one of the signatures was made with this secret.
fn is_signed(secret: Secret<'_>, parts: [&str; 2], body: &[u8], listed: &[Vec<u8>]) -> bool {
    let Ok(key) = key_of(secret) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
    for part in parts {
        mac.update(part.as_bytes());
        mac.update(b".");
    }
    mac.update(body);
    let wanted = mac.finalize().into_bytes();
    listed.iter().any(|given| bool::from(wanted.as_slice().ct_eq(given.as_slice())))
}

/// The ids that a webhook names, by which its flows are found.
pub(crate) fn correlate(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
    FactError::bounded(webhook.body)?;
    let signal = Signal::read(webhook);
    let signal = signal.ok_or_else(|| FactError::new("/body", "is not a Flex webhook"))?;
    Ok(signal.ids())
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const BODY: &[u8] = br#"{"event_type":"x","object":{}}"#;
    const NOW: Timestamp = Timestamp::from_millis(1_700_000_100_000);
    const SECRETS: &[Secret<'_>] = &[Secret::new("whsec_b2xk"), Secret::new("fwhsec_c2VjcmV0")];
    // printf 'msg_1.1700000000.%s' "$BODY" | openssl dgst -sha256 -hmac secret -binary | base64
    const SIGNATURE: &str = "1id5S50fg8hKLXObxt0F24qCadHy8sRhAyCdyueMHtQ=";

    fn headers<'a>(family: [&'a str; 3], time: &'a str, signature: &'a str) -> Headers<'a> {
        let [id, timestamp, name] = family;
        [(id, "msg_1"), (timestamp, time), (name, signature)].into_iter().collect()
    }

    fn check(headers: &Headers<'_>, body: &[u8]) -> Result<Origin, NotAuthentic> {
        authenticate(&Delivery { secrets: SECRETS, headers, body, now: NOW, tolerance: None })
    }

    #[test]
    fn a_signature_over_id_time_and_raw_body_by_any_secret_is_genuine() {
        let listed = format!("v2,AAAA v1,AAAA v1,{SIGNATURE}");
        for family in [FAMILIES[0], FAMILIES[1]] {
            assert_eq!(check(&headers(family, "1700000000", &listed), BODY), Ok(Origin::Verified));
        }
        let bare = headers(FAMILIES[2], "1700000000", SIGNATURE);
        assert_eq!(check(&bare, BODY), Ok(Origin::Verified));
        let spaced = [BODY, b" "].concat();
        assert_eq!(check(&bare, &spaced), Err(NotAuthentic::Mismatch));
        let other_time = headers(FAMILIES[1], "1700000001", &listed);
        assert_eq!(check(&other_time, BODY), Err(NotAuthentic::Mismatch));
        let unversioned = headers(FAMILIES[1], "1700000000", SIGNATURE);
        assert_eq!(check(&unversioned, BODY), Err(NotAuthentic::Mismatch));
    }

    #[test]
    fn a_signature_of_another_time_is_stale() {
        let listed = format!("v1,{SIGNATURE}");
        let headers = headers(FAMILIES[1], "1700000000", &listed);
        let at = |millis, tolerance| {
            let now = Timestamp::from_millis(millis);
            authenticate(&Delivery { secrets: SECRETS, headers: &headers, body: BODY, now, tolerance })
        };
        assert_eq!(at(1_700_000_300_000, None), Ok(Origin::Verified));
        assert!(matches!(at(1_700_000_300_001, None), Err(NotAuthentic::Stale { .. })));
        assert!(matches!(at(1_699_999_699_999, None), Err(NotAuthentic::Stale { .. })));
        let minute = Some(Millis::from_minutes(1));
        assert_eq!(at(1_700_000_060_000, minute), Ok(Origin::Verified));
        assert!(matches!(at(1_700_000_060_001, minute), Err(NotAuthentic::Stale { .. })));
    }

    #[test]
    fn an_error_names_the_missing_header_of_the_right_family() {
        assert_eq!(check(&Headers::default(), BODY), Err(NotAuthentic::NoSignature(SIGNATURES)));
        let of = |names: &[&'static str]| check(&names.iter().map(|name| (*name, "x")).collect(), BODY);
        assert_eq!(of(&["svix-signature"]), Err(NotAuthentic::MissingHeader("svix-id")));
        assert_eq!(of(&["Svix-Id", "svix-timestamp"]), Err(NotAuthentic::MissingHeader("svix-signature")));
        assert_eq!(of(&["webhook-id", "webhook-signature"]), Err(NotAuthentic::MissingHeader("webhook-timestamp")));
        assert_eq!(of(&["flex-timestamp"]), Err(NotAuthentic::MissingHeader("flex-event-id")));
        assert_eq!(
            of(&["webhook-id", "flex-event-id", "flex-timestamp"]),
            Err(NotAuthentic::MissingHeader("flex-signature"))
        );
        // A header that a proxy adds does not hide a complete family.
        let listed = format!("v1,{SIGNATURE}");
        let whole = headers(FAMILIES[1], "1700000000", &listed);
        let pairs = ["svix-id", "svix-timestamp", "svix-signature"].map(|name| (name, whole.get(name).unwrap()));
        assert_eq!(check(&pairs.into_iter().chain([("webhook-signature", "x")]).collect(), BODY), Ok(Origin::Verified));
    }

    #[test]
    fn an_error_names_the_wrong_secret() {
        let with = |secrets: &[Secret<'_>]| {
            let headers = headers(FAMILIES[1], "1700000000", "v1,AAAA");
            authenticate(&Delivery { secrets, headers: &headers, body: BODY, now: NOW, tolerance: None })
        };
        assert_eq!(with(&[]), Err(NotAuthentic::NoSecret));
        assert_eq!(with(&[Secret::new("b2xk"), Secret::new("fwhsec_b2xkZQ")]), Err(NotAuthentic::Mismatch));
        for (secret, wrong) in [
            ("", SecretError::Empty),
            ("whsec_", SecretError::Empty),
            ("fwhsec_", SecretError::Empty),
            ("whsec_b2xk\n", SecretError::Blank),
            (" whsec_b2xk", SecretError::Blank),
            ("\"whsec_b2xk\"", SecretError::Quoted),
            ("fsk_test_b2xk", SecretError::OtherKind(PREFIX)),
            ("whsec_b2x%", SecretError::NotBase64),
            ("whsec_b2xk\u{e9}", SecretError::NotBase64),
            ("secret!", SecretError::NotBase64),
        ] {
            let given = with(&[SECRETS[0], Secret::new(secret)]);
            assert_eq!(given, Err(NotAuthentic::Secret { index: 1, wrong }), "{secret:?}");
        }
    }

    #[test]
    fn a_webhook_is_correlated_by_every_id_in_it() {
        let body = br#"{"event_type":"checkout_session.completed","object":{"checkout_session_id":"fcs_1",
            "client_reference_id":"order-1","subscription":{"subscription_id":"fsub_1"},"payment_intent":"fpi_1"}}"#;
        let ids = correlate(&Webhook::of(body)).unwrap();
        assert_eq!(ids.iter().map(TypedId::as_str).collect::<Vec<_>>(), ["fcs_1", "order-1", "fsub_1", "fpi_1"]);
        assert!(correlate(&Webhook::of(b"[]")).is_err());
    }
}
