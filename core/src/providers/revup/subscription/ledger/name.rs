//! The names of payments and transactions in a ledger: in full while they are new, and as a fingerprint later.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::id::{Digest, IdError, bounded, in_one_case, is_word, saved_as_text};

/// The beginning of a name's fingerprint.
pub(super) type Short = [u8; 6];

/// The first character of a fingerprint. No id begins with it.
const MARK: char = '#';

/// A name from Revup.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "RevupLedgerName", with = "alloc::string::String")
)]
pub(super) enum Name {
    /// The name itself.
    Full(Arc<str>),
    /// Its fingerprint, which recognizes the name.
    Short(Short),
}

saved_as_text!(Name);

impl Name {
    /// A name as Revup sends it. A name that cannot be a word of a line is kept as a fingerprint.
    pub(super) fn of(text: &str) -> Self {
        let text = in_one_case(text);
        match bounded(&text, (1, 128), is_word) {
            Ok(()) => Self::Full(text.as_ref().into()),
            Err(_) => Self::Short(Digest::of([text.as_bytes()]).first()),
        }
    }

    /// The full name, while it is kept.
    pub(super) fn full(&self) -> Option<&str> {
        match self {
            Self::Full(text) => Some(text),
            Self::Short(_) => None,
        }
    }

    /// Its fingerprint.
    pub(super) fn short(&self) -> Short {
        match self {
            Self::Full(text) => Digest::of([text.as_bytes()]).first(),
            Self::Short(short) => *short,
        }
    }

    /// Whether both are the same name. `short` is the fingerprint of the other name.
    pub(super) fn is(&self, other: &Self, short: Short) -> bool {
        match (self, other) {
            (Self::Full(one), Self::Full(other)) => one == other,
            _ => self.short() == short,
        }
    }

    pub(super) const fn is_short(&self) -> bool {
        matches!(self, Self::Short(_))
    }

    /// Keeps only the fingerprint.
    pub(super) fn shorten(&mut self) {
        *self = Self::Short(self.short());
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(text) => f.write_str(text),
            Self::Short(short) => write!(f, "{MARK}{}", URL_SAFE_NO_PAD.encode(short)),
        }
    }
}

impl FromStr for Name {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let Some(short) = text.strip_prefix(MARK) else {
            bounded(text, (1, 128), is_word)?;
            return Ok(Self::Full(text.into()));
        };
        let bytes = URL_SAFE_NO_PAD.decode(short).map_err(|_| IdError::Character)?;
        bytes.try_into().map(Self::Short).map_err(|_| IdError::Character)
    }
}

/// The word of a line for an unknown value. It is not a valid name.
pub(super) const UNKNOWN: &str = "?";

/// Reads a word of a line, which may be the one for an unknown value.
pub(super) fn word<T: FromStr>(word: Option<&str>) -> Result<Option<T>, IdError> {
    match word {
        None => Err(IdError::Empty),
        Some(UNKNOWN) => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| IdError::Character),
    }
}

/// Writes a word of a line.
pub(super) fn or_unknown<T: fmt::Display>(value: Option<&T>) -> String {
    value.map_or_else(|| UNKNOWN.into(), |it| alloc::format!("{it}"))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_fingerprint_recognizes_its_name() {
        let full = Name::of("0192B445-88DA-77D2-98A4-ACFD9F5643C7");
        assert_eq!(full.to_string(), "0192b445-88da-77d2-98a4-acfd9f5643c7");
        let mut short = full.clone();
        short.shorten();
        assert!(full.is(&short, short.short()) && short.is(&full, full.short()));
        assert!(!short.is(&Name::of("other"), Name::of("other").short()));
        for name in [full, short, Name::of("two words")] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for wrong in ["", "#", "#AAAA", "#?", "two words", "?"] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }
}
