//! The intake of webhooks, before any flow is known: origin, routing and the status to answer.

use core::fmt;

use thiserror::Error;

/// A secret that the host shares with a provider, borrowed for one call and never kept or printed.
#[derive(Clone, Copy)]
pub struct Secret<'a>(&'a str);

impl<'a> Secret<'a> {
    /// Borrows a secret.
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a webhook is not the provider's. Discard it; it must change nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There is no provider of that name.
    #[error("no provider of that name")]
    UnknownProvider,
    /// The host gave no secret, or an empty one.
    #[error("no secret to authenticate with")]
    NoSecret,
    /// The header that carries the proof is missing.
    #[error("the header `{0}` is missing")]
    MissingHeader(&'static str),
    /// The proof does not fit the body.
    #[error("the signature fits none of the secrets")]
    Mismatch,
    /// The proof is older or newer than the host accepts.
    #[error("the signature's time is too far from now")]
    Stale,
}
