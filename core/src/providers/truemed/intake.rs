//! The intake of webhooks: is it Truemed's, whom does it concern, and what to answer.

use alloc::format;
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::wire::Signal;
use crate::fact::{FactError, Headers, Origin};
use crate::flow::Webhook;
use crate::id::CorrelationId;
use crate::intake::{AuthError, Secret};

/// The status that Truemed wants for a stored webhook; any other makes it try again for up to seven days.
pub(crate) const ACKNOWLEDGEMENT: u16 = 204;

/// Whether a webhook is Truemed's: by its signature where there is one, otherwise by the shared secret in its header.
pub(crate) fn authenticate(secrets: &[Secret<'_>], headers: &Headers<'_>, body: &[u8]) -> Result<Origin, AuthError> {
    if secrets.is_empty() || secrets.iter().any(|secret| secret.as_bytes().is_empty()) {
        return Err(AuthError::NoSecret);
    }
    let genuine = match (headers.get("x-truemed-signature"), headers.get("x-truemed-api-key")) {
        (Some(signature), _) => secrets.iter().any(|secret| is_signed(*secret, signature, body)),
        (None, Some(given)) => secrets.iter().any(|secret| secret.as_bytes().ct_eq(given.as_bytes()).into()),
        (None, None) => return Err(AuthError::MissingHeader("x-truemed-signature")),
    };
    if genuine { Ok(Origin::Verified) } else { Err(AuthError::Mismatch) }
}

/// Whether any of the listed signatures is the secret's over `{t}.{body}`: hex or base64 of any version, since the
/// documents show neither.
fn is_signed(secret: Secret<'_>, header: &str, body: &[u8]) -> bool {
    let parts = || header.split([',', ' ']).filter_map(|part| part.trim().split_once('='));
    let Some((_, time)) = parts().find(|(name, _)| *name == "t") else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    let wanted = mac.finalize().into_bytes();
    let listed = parts().filter(|(name, _)| *name != "t");
    listed.map(|(_, text)| hex::decode(text).or_else(|_| STANDARD.decode(text)).unwrap_or_default()).any(|given| {
        let same: bool = wanted.as_slice().ct_eq(given.as_slice()).into();
        same
    })
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

    const BODY: &[u8] = br#"{"webhook_delivery_id":"wd_1","event_type":"x","data":{}}"#;
    const SECRETS: &[Secret<'_>] = &[Secret::new("old"), Secret::new("whsec")];
    // printf '1700000000.%s' "$BODY" | openssl dgst -sha256 -hmac whsec
    const HEX: &str = "4ede13ffcf9f35c7b60668c6cb5c86191a153467f02f9ef1b191ab150a9a0143";

    fn headers<'a>(name: &'a str, value: &'a str) -> Headers<'a> {
        [(name, value)].into_iter().collect()
    }

    #[test]
    fn a_signature_over_the_raw_body_by_any_secret_is_genuine() {
        let value = format!("t=1700000000,v0=00,v1={HEX}");
        assert_eq!(authenticate(SECRETS, &headers("X-Truemed-Signature", &value), BODY), Ok(Origin::Verified));
        let spaced = [BODY, b" "].concat();
        assert_eq!(authenticate(SECRETS, &headers("X-Truemed-Signature", &value), &spaced), Err(AuthError::Mismatch));
        let other = format!("t=1700000001,v1={HEX}");
        assert_eq!(authenticate(SECRETS, &headers("x-truemed-signature", &other), BODY), Err(AuthError::Mismatch));
    }

    #[test]
    fn the_shared_secret_in_the_header_is_genuine() {
        assert_eq!(authenticate(SECRETS, &headers("x-truemed-api-key", "whsec"), BODY), Ok(Origin::Verified));
        assert_eq!(authenticate(SECRETS, &headers("x-truemed-api-key", "whse"), BODY), Err(AuthError::Mismatch));
    }

    #[test]
    fn a_bad_signature_is_not_saved_by_a_good_header() {
        let both = [("x-truemed-signature", "t=1,v1=00"), ("x-truemed-api-key", "whsec")];
        assert_eq!(authenticate(SECRETS, &both.into_iter().collect(), BODY), Err(AuthError::Mismatch));
    }

    #[test]
    fn no_header_or_an_empty_secret_is_said() {
        assert_eq!(
            authenticate(SECRETS, &Headers::default(), BODY),
            Err(AuthError::MissingHeader("x-truemed-signature"))
        );
        let none = authenticate(&[Secret::new("")], &headers("x-truemed-api-key", ""), BODY);
        assert_eq!(none, Err(AuthError::NoSecret));
    }
}
