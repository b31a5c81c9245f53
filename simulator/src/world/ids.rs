//! Ids that derive from the seed, so that the same requests make the same ids.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// Makes the ids of one world.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: String,
    counts: BTreeMap<String, u64>,
}

impl Ids {
    pub(crate) fn new(seed: &str) -> Self {
        Self { seed: seed.into(), counts: BTreeMap::new() }
    }

    /// An id from an idempotency key, or the next one of its kind. A kind can name its parent, as in `refund of ps_1`.
    pub(crate) fn make(&mut self, kind: &str, key: Option<&str>) -> Id {
        let part = match key {
            Some(key) => format!("key {key}"),
            None => {
                let count = self.counts.entry(kind.into()).or_default();
                *count = count.saturating_add(1);
                format!("nth {count}")
            }
        };
        let mut hash = Sha256::new();
        for text in [self.seed.as_str(), kind, &part] {
            hash.update(text.len().to_be_bytes());
            hash.update(text.as_bytes());
        }
        Id(hash.finalize().into())
    }
}

/// The id that a seed gives to a key, outside of any world.
pub(crate) fn id(seed: &str, key: &str) -> Id {
    Ids::new(seed).make("", Some(key))
}

/// 32 bytes from which an id is written in the provider's manner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id([u8; 32]);

impl Id {
    /// The first `length` hexadecimal digits, at most 64.
    pub(crate) fn hex(self, length: usize) -> String {
        hex(&self.0).chars().take(length).collect()
    }

    /// A UUID of version 4 by its looks.
    pub(crate) fn uuid(self) -> String {
        let mut digits = self.hex(32);
        digits.replace_range(12..13, "4");
        digits.replace_range(16..17, "a");
        for at in [20, 16, 12, 8] {
            digits.insert(at, '-');
        }
        digits
    }
}

/// Bytes in hexadecimal digits, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_hexadecimal_digits() {
        assert_eq!(hex(&[0, 9, 0x0a, 0x7f, 0xf0, 0xff]), "00090a7ff0ff");
    }

    #[test]
    fn ids_depend_on_the_seed_the_kind_and_the_key_or_number() {
        let mut ids = Ids::new("1");
        let first = ids.make("session", None).uuid();
        assert_eq!(first.len(), 36);
        assert_ne!(ids.make("session", None).uuid(), first);
        assert_eq!(Ids::new("1").make("session", None).uuid(), first);
        assert_ne!(Ids::new("2").make("session", None).uuid(), first);
        let keyed = ids.make("session", Some("k")).uuid();
        assert_eq!(ids.make("session", Some("k")).uuid(), keyed);
    }
}
