//! Webhooks before their flow is known: the secrets of the host, and why a webhook is not authentic.

use core::fmt;

use thiserror::Error;

use crate::fact::Headers;
use crate::time::{Millis, Timestamp};

/// A secret that the host shares with a provider. It is borrowed for one call, and never kept or printed.
#[derive(Clone, Copy)]
pub struct Secret<'a>(&'a str);

impl<'a> Secret<'a> {
    /// Borrows a secret.
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }

    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }

    /// What a file or a shell has added to the secret. No provider's secret contains it.
    fn check(self) -> Option<SecretError> {
        // The last characters are invisible too, but they do not count as white space.
        let is_blank = |character: char| {
            character.is_whitespace()
                || character.is_control()
                || matches!(character, '\u{feff}' | '\u{200b}'..='\u{200f}')
        };
        match self.0 {
            "" => Some(SecretError::Empty),
            text if text.starts_with(is_blank) || text.ends_with(is_blank) => Some(SecretError::Blank),
            text if text.starts_with(['"', '\'', '`']) || text.ends_with(['"', '\'', '`']) => Some(SecretError::Quoted),
            text if text.contains(is_blank) => Some(SecretError::Blank),
            _ => None,
        }
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A webhook as it came, with all that proves its origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) secrets: &'a [Secret<'a>],
    pub(crate) headers: &'a Headers<'a>,
    pub(crate) body: &'a [u8],
    pub(crate) now: Timestamp,
    /// How far the time of the signature can be from now, if the host sets this.
    pub(crate) tolerance: Option<Millis>,
}

impl Delivery<'_> {
    /// Checks that there are secrets, and that each can be one. `check` is the provider's own check.
    pub(crate) fn check_secrets(&self, check: impl Fn(Secret<'_>) -> Option<SecretError>) -> Result<(), NotAuthentic> {
        if self.secrets.is_empty() {
            return Err(NotAuthentic::NoSecret);
        }
        for (index, secret) in self.secrets.iter().enumerate() {
            if let Some(wrong) = secret.check().or_else(|| check(*secret)) {
                return Err(NotAuthentic::Secret { index, wrong });
            }
        }
        Ok(())
    }

    /// Checks that the time of a signature is near now.
    pub(crate) fn check_time(&self, signed_at: Timestamp, tolerance: Millis) -> Result<(), NotAuthentic> {
        if tolerance < Millis::from_seconds(1) {
            return Err(NotAuthentic::ToleranceInSeconds);
        }
        match signed_at.after(tolerance) < self.now || self.now.after(tolerance) < signed_at {
            true => Err(NotAuthentic::Stale { signed_at, now: self.now }),
            false => Ok(()),
        }
    }
}

/// What is wrong with a secret, whatever the webhook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It is empty, or has nothing after its prefix.
    #[error("the secret is empty: copy the webhook's secret from the provider's dashboard")]
    Empty,
    /// It has white space, such as the line break at the end of a file.
    #[error("the secret contains a space or a line break: remove it, also at the beginning and at the end")]
    Blank,
    /// It has quotation marks, which a shell or a file has left.
    #[error("the secret has quotation marks: remove them")]
    Quoted,
    /// It is another secret of the host, such as its API key.
    #[error("the secret is of another kind, such as an API key: a webhook's secret begins with `{0}`")]
    OtherKind(&'static str),
    /// Its key is not base64.
    #[error("the secret is not base64 after its prefix: copy it again, from its first to its last character")]
    NotBase64,
}

/// Why a webhook is not authentic. Discard the webhook: it must change nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum NotAuthentic {
    /// There is no provider with this name.
    #[error("there is no provider with this name: use one of `PROVIDERS`")]
    UnknownProvider,
    /// The host passed no secret.
    #[error("there is no secret: pass the webhook's secret")]
    NoSecret,
    /// A secret cannot be one, so that it can verify no webhook.
    #[error("{wrong}")]
    #[non_exhaustive]
    Secret {
        /// Which of the secrets.
        index: usize,
        /// What is wrong with it.
        wrong: SecretError,
    },
    /// One of the signature's headers is missing.
    #[error("the header `{0}` is missing: pass all headers of the request")]
    MissingHeader(&'static str),
    /// No header has a signature.
    #[error("there is no signature in any of the headers {0}: pass all headers of the request")]
    NoSignature(&'static str),
    /// A header of the signature has another form.
    #[error("the header `{0}` is not readable")]
    UnreadableHeader(&'static str),
    /// The signature does not match the body.
    #[error("the signature matches none of the secrets: pass the raw body, and the secret of this webhook")]
    Mismatch,
    /// The signature is older or newer than the host accepts.
    #[error("the time of the signature ({signed_at}) is too far from now ({now})")]
    #[non_exhaustive]
    Stale {
        /// When the webhook was signed.
        signed_at: Timestamp,
        /// The time of the call.
        now: Timestamp,
    },
    /// The time of the call is in another unit than the times of signatures.
    #[error("the time looks like seconds since 1970: pass it in milliseconds")]
    NowInSeconds,
    /// The tolerance is shorter than 1 second, so that it was probably meant in seconds.
    #[error("the tolerance is shorter than 1 second: use milliseconds, such as 300000 for 5 minutes")]
    ToleranceInSeconds,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn wrong(secret: &str) -> Option<SecretError> {
        Secret::new(secret).check()
    }

    #[test]
    fn an_error_says_what_a_file_or_a_shell_has_added_to_a_secret() {
        assert_eq!(wrong(""), Some(SecretError::Empty));
        for blank in ["s\n", "\ns", " s", "s ", "s\r\n", "a b", "s\u{a0}", "\u{feff}s", "s\u{200b}", "\0s"] {
            assert_eq!(wrong(blank), Some(SecretError::Blank), "{blank:?}");
        }
        for quoted in ["\"s\"", "'s'", "`s`", "\"s", "s'"] {
            assert_eq!(wrong(quoted), Some(SecretError::Quoted), "{quoted}");
        }
        for secret in ["s", "whsec_a/b+c==", "it's"] {
            assert_eq!(wrong(secret), None, "{secret}");
        }
    }

    #[test]
    fn a_signature_counts_for_a_limited_time() {
        let signed_at = Timestamp::from_millis(1_700_000_000_000);
        let within = |now, tolerance| {
            let (headers, now) = (Headers::default(), Timestamp::from_millis(now));
            let delivery = Delivery { secrets: &[], headers: &headers, body: b"", now, tolerance: None };
            delivery.check_time(signed_at, Millis::new(tolerance))
        };
        let at = |now| within(now, 300_000);
        assert_eq!(at(1_700_000_300_000), Ok(()));
        for now in [1_700_000_300_001, 1_699_999_699_999, 0] {
            assert_eq!(at(now), Err(NotAuthentic::Stale { signed_at, now: Timestamp::from_millis(now) }));
        }
        assert_eq!(
            at(1_700_000_300_001).unwrap_err().to_string(),
            "the time of the signature (2023-11-14T22:13:20Z) is too far from now (2023-11-14T22:18:20.001Z)"
        );
        assert_eq!(within(1_700_000_000_000, 300), Err(NotAuthentic::ToleranceInSeconds));
        assert_eq!(within(1_700_000_001_000, 1000), Ok(()));
    }
}
