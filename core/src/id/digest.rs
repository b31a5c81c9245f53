//! Fingerprints of contents that are not kept.

use core::fmt;
use core::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::{IdError, saved_as_text};

/// A fingerprint of contents that are not kept, such as a cart: the first 80 bits of their SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(with = "alloc::string::String"))]
#[cfg_attr(feature = "schemas", schemars(extend("pattern" = "^[A-Za-z0-9_-]{13}[AQgw]$")))]
pub struct Digest([u8; 10]);

saved_as_text!(Digest);

impl Digest {
    /// The fingerprint of several parts, each with its length.
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut short = [0; 10];
        for (to, from) in short.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(short)
    }

    /// Its bytes, as a part of another fingerprint.
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its first bytes, which are enough to distinguish a few hundred fingerprints.
    pub(crate) fn first<const N: usize>(&self) -> [u8; N] {
        self.0.first_chunk().copied().unwrap_or([0; N])
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 14];
        let _ = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text);
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for Digest {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 10];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(10) => Ok(Self(bytes)),
            _ => Err(IdError::Character),
        }
    }
}
