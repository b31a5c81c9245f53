//! Ids that are remembered only by a part of their fingerprints.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Digest, IdError, saved_as_text};

/// The number of bytes of a fingerprint.
const SHORT: usize = 6;

/// The most fingerprints that one string can contain.
const MOST: usize = 128;

/// The fingerprints of ids, the oldest first, saved as one string.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(with = "alloc::string::String"))]
pub(crate) struct Fingerprints(Vec<[u8; SHORT]>);

saved_as_text!(Fingerprints);

impl Fingerprints {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn short(id: &str) -> [u8; SHORT] {
        Digest::of([id.as_bytes()]).first()
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        !self.is_empty() && self.0.contains(&Self::short(id))
    }

    /// Adds an id, and forgets the oldest if there are `most` already.
    pub(crate) fn add(&mut self, id: &str, most: usize) {
        let fingerprint = Self::short(id);
        if self.0.contains(&fingerprint) {
            return;
        }
        if self.0.len() >= most.min(MOST) {
            self.0.remove(0);
        }
        self.0.push(fingerprint);
    }
}

impl fmt::Display for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.concat()))
    }
}

impl FromStr for Fingerprints {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| IdError::Character)?;
        match bytes.as_chunks::<SHORT>() {
            (all, []) if all.len() <= MOST => Ok(Self(all.to_vec())),
            _ => Err(IdError::TooLong(MOST * SHORT)),
        }
    }
}
