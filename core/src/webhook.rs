//! Webhooks before any flow is known: where they come from, which flows they concern, and how to acknowledge them.

use core::fmt;

use thiserror::Error;

use crate::fact::Headers;
use crate::time::{Millis, Timestamp};

/// A secret that the host shares with a provider, borrowed for one call and never kept or printed.
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

    /// What no provider's secret looks like: what a file or a shell has added to it.
    fn spoilt(self) -> Option<SecretError> {
        // The last ones are as invisible, and no white space.
        let blank =
            |it: char| it.is_whitespace() || it.is_control() || matches!(it, '\u{feff}' | '\u{200b}'..='\u{200f}');
        match self.0 {
            "" => Some(SecretError::Empty),
            text if text.starts_with(blank) || text.ends_with(blank) => Some(SecretError::Blank),
            text if text.starts_with(['"', '\'', '`']) || text.ends_with(['"', '\'', '`']) => Some(SecretError::Quoted),
            text if text.contains(blank) => Some(SecretError::Blank),
            _ => None,
        }
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A webhook as it came, with what its origin is told by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) secrets: &'a [Secret<'a>],
    pub(crate) headers: &'a Headers<'a>,
    pub(crate) body: &'a [u8],
    pub(crate) now: Timestamp,
    /// How far from now its signature may be, where the host says so.
    pub(crate) tolerance: Option<Millis>,
}

impl Delivery<'_> {
    /// That there are secrets, and that each can be one; a provider's own test says of a secret what else is wrong with it.
    pub(crate) fn check_secrets(&self, wrong: impl Fn(Secret<'_>) -> Option<SecretError>) -> Result<(), AuthError> {
        if self.secrets.is_empty() {
            return Err(AuthError::NoSecret);
        }
        let wrongs = self.secrets.iter().map(|secret| secret.spoilt().or_else(|| wrong(*secret)));
        match wrongs.enumerate().find_map(|(index, wrong)| wrong.map(|wrong| (index, wrong))) {
            Some((index, wrong)) => Err(AuthError::Secret { index, wrong }),
            None => Ok(()),
        }
    }

    /// That a signature was made near now.
    pub(crate) fn check_time(&self, made: Timestamp, tolerance: Millis) -> Result<(), AuthError> {
        match made.after(tolerance) < self.now || self.now.after(tolerance) < made {
            true if self.now.looks_like_seconds() => Err(AuthError::NowInSeconds),
            true => Err(AuthError::Stale),
            false => Ok(()),
        }
    }
}

/// What is wrong with a secret, whatever the webhook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Nothing was given, or nothing behind its prefix.
    #[error("the secret is empty: copy the webhook's secret from the provider's dashboard")]
    Empty,
    /// Such as the line break at the end of a file.
    #[error("the secret contains a blank or a line break: remove it, also at the beginning and at the end")]
    Blank,
    /// Quotation marks that a shell or a file has left.
    #[error("the secret stands in quotation marks: remove them")]
    Quoted,
    /// Another secret of the host's, such as its API key.
    #[error("the secret is of another kind, such as an API key: a webhook's secret begins with `{0}`")]
    OtherKind(&'static str),
    /// Its key cannot be read.
    #[error("the secret is not base64 behind its prefix: copy it again, from its first to its last character")]
    NotBase64,
}

/// Why a webhook is not the provider's. Discard it; it must change nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There is no provider of that name.
    #[error("no provider of that name")]
    UnknownProvider,
    /// The host gave no secret.
    #[error("no secret to authenticate with: hand over the webhook's secret")]
    NoSecret,
    /// A secret is none, so that no webhook could be told by it.
    #[error("{wrong}")]
    #[non_exhaustive]
    Secret {
        /// Which of the secrets.
        index: usize,
        /// What is wrong with it.
        wrong: SecretError,
    },
    /// A header that belongs to the others is missing.
    #[error("the header `{0}` is missing: hand over all headers of the request")]
    MissingHeader(&'static str),
    /// No header carries a proof.
    #[error("no signature: there is none of the headers {0}; hand over all headers of the request")]
    NoSignature(&'static str),
    /// A header carries something else.
    #[error("the header `{0}` cannot be read")]
    UnreadableHeader(&'static str),
    /// The proof does not fit the body.
    #[error("the signature fits none of the secrets: hand over the raw body, and the secret of this very webhook")]
    Mismatch,
    /// The proof is older or newer than the host accepts.
    #[error("the signature's time is too far from now")]
    Stale,
    /// The time of the call is far from every signature's, since it is in another unit.
    #[error("the time looks like seconds since 1970: give it in milliseconds")]
    NowInSeconds,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(secret: &str) -> Option<SecretError> {
        Secret::new(secret).spoilt()
    }

    #[test]
    fn what_a_file_or_a_shell_adds_to_a_secret_is_said() {
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
    fn a_time_far_from_every_signature_may_be_in_another_unit() {
        let made = Timestamp::from_millis(1_700_000_000_000);
        let at = |now| {
            let (headers, now) = (Headers::default(), Timestamp::from_millis(now));
            let delivery = Delivery { secrets: &[], headers: &headers, body: b"", now, tolerance: None };
            delivery.check_time(made, Millis::from_minutes(5))
        };
        assert_eq!(at(1_700_000_300_000), Ok(()));
        assert_eq!(at(1_700_000_300_001), Err(AuthError::Stale));
        assert_eq!(at(1_699_999_699_999), Err(AuthError::Stale));
        assert_eq!(at(1_700_000_000), Err(AuthError::NowInSeconds));
        assert_eq!(at(0), Err(AuthError::Stale));
    }
}
