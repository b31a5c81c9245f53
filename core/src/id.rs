//! Names: the host's keys and intents, the library's effect ids, and the providers' ids.

mod digest;
mod fingerprints;
mod typed;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::fmt;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

pub use digest::Digest;
pub(crate) use fingerprints::Fingerprints;
pub use typed::TypedId;
pub(crate) use typed::compact;

/// Why a string cannot be a name of some kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum IdError {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It is too short for a name that must never be used again.
    #[error("is shorter than {0} characters: use a UUID, not a serial number")]
    TooShort(usize),
    /// It is longer than any name of a provider.
    #[error("is longer than {0} characters")]
    TooLong(usize),
    /// It contains a character that would break an effect id, an idempotency key or a URL.
    #[error("contains a character that is not allowed here: letters, digits, `-`, `_`, `.` and `~` are")]
    Character,
    /// It is a step to another folder in a URL.
    #[error("is `.` or `..`, which names a folder in a URL: use another name")]
    Dots,
    /// It is not a version of a provider's API.
    #[error("is no version that the documents name: `2.0`, or a year and a month such as `2026-07`")]
    Version,
}

/// Defines a name: a checked string with its own type, so that the compiler distinguishes the kinds of ids.
///
/// Names are shared and not copied, because every step clones the snapshot, which contains many names.
macro_rules! text_id {
    ($(#[doc = $doc:literal])+ $name:ident $(= $kind:literal)?, $bounds:expr, $allowed:expr, $debug:ident $(, $form:path)? $(; $check:path)?) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(alloc::sync::Arc<str>);

        impl $name {
            /// Checks a string as this name.
            ///
            /// # Errors
            ///
            /// What the string has that the name cannot have.
            pub fn parse(text: impl AsRef<str>) -> Result<Self, $crate::id::IdError> {
                let text = text.as_ref();
                $crate::id::bounded(text, $bounds, $allowed)?;
                $($check(text)?;)?
                $(let text = $form(text);)?
                Ok(Self(text.into()))
            }

            /// The name as a string.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::id::IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<alloc::string::String> for $name {
            type Error = $crate::id::IdError;

            fn try_from(text: alloc::string::String) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = $crate::id::Text::deserialize(deserializer)?;
                Self::parse(text.0).map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "schemas")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> alloc::borrow::Cow<'static, str> {
                $crate::schema::named(module_path!(), stringify!($name))
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::schema::bounded(concat!($($doc, "\n"),+), $bounds, $allowed)
            }
        }

        $(
            impl From<&$name> for $crate::id::TypedId {
                fn from(id: &$name) -> Self {
                    Self::shared($kind, &id.0)
                }
            }
        )?

        text_id!(@$debug $name);
    };
    (@plain $name:ident) => {
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.0)
            }
        }
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
    (@secret $name:ident) => {
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}(…)", stringify!($name))
            }
        }
    };
}
pub(crate) use text_id;

/// The conversions of a string that is checked by `parse` and read by `as_str`.
macro_rules! parsed_text {
    ($name:ident, $error:ty) => {
        impl core::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<alloc::string::String> for $name {
            type Error = $error;

            fn try_from(text: alloc::string::String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use parsed_text;

/// Saves a type as the string that `Display` writes, and reads it with `FromStr`.
macro_rules! saved_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::id::Text::deserialize(deserializer)?.0.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use saved_as_text;

/// A text of the host as a message repeats it: at most 80 characters, without control characters.
pub(crate) fn shown(text: &str) -> String {
    let cut = text.chars().take(80).map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect::<String>();
    if cut.len() < text.len() { format!("`{cut}…`") } else { format!("`{cut}`") }
}

/// A string, borrowed if the JSON has no escapes.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Checks the length and the characters of a string.
pub(crate) fn bounded(text: &str, (least, most): (usize, usize), allowed: fn(u8) -> bool) -> Result<(), IdError> {
    match text.len() {
        0 => Err(IdError::Empty),
        n if n < least => Err(IdError::TooShort(least)),
        n if n > most => Err(IdError::TooLong(most)),
        _ if matches!(text, "." | "..") => Err(IdError::Dots),
        _ if !text.bytes().all(allowed) => Err(IdError::Character),
        _ => Ok(()),
    }
}

/// A letter, a digit, or a mark that needs no escape in a URL and cannot break an effect id.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// Whether a string is a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    const SHAPE: &str = "00000000-0000-0000-0000-000000000000";
    let like = |(have, want): (u8, u8)| if want == b'-' { have == b'-' } else { have.is_ascii_hexdigit() };
    text.len() == SHAPE.len() && text.bytes().zip(SHAPE.bytes()).all(like)
}

/// A string, in lower case if it is a UUID. Providers write the same UUID in either case.
pub(crate) fn in_one_case(text: &str) -> Cow<'_, str> {
    match is_uuid(text) && text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

/// A visible ASCII character.
pub(crate) fn is_visible(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// The lengths that an id of a provider can have.
pub(crate) const PROVIDER_ID: (usize, usize) = (1, 256);

text_id! {
    /// The host's name for one snapshot. Never use it again, in any environment that shares the provider account.
    ///
    /// Use a UUID. A serial number would come back after a database is reset, and with it an old idempotency key.
    /// The table needs `PRIMARY KEY (flow, key)`.
    Key = "key", (16, 128), is_word, plain
}

impl Key {
    /// The key of a flow that belongs to one object of the provider, such as a one-time token.
    ///
    /// The same parts always make the same key, and the key does not reveal them. The case of a UUID does not matter.
    pub fn of(kind: &str, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(kind.as_bytes());
        hash.update([0]);
        hash.update(in_one_case(name).as_bytes());
        Self(hex::encode(hash.finalize()).into())
    }
}

/// How many of the host's intents a flow remembers in full.
pub(crate) const REMEMBERED: usize = 16;

text_id! {
    /// The host's name for one charge, capture or refund, such as `2026-12`. The same intent is never done twice.
    Intent = "intent", (1, 64), is_word, plain
}

text_id! {
    /// The id of one effect, which names its cause, such as `update_payment_token:2`.
    EffectId = "effect", (3, 512), is_visible, plain
}

impl EffectId {
    /// The id of an effect, from its kind and its cause. The characters of the cause must be allowed in an id.
    pub(crate) fn of(kind: &str, cause: impl fmt::Display) -> Self {
        Self(format!("{kind}:{cause}").into())
    }

    /// The id of a request under an intent, with the number of the try.
    ///
    /// An intent of digits always has the number of the try beside it. So it differs from the id of a numbered request.
    pub(crate) fn of_intent(operation: &str, intent: &Intent, number: u32) -> Self {
        let is_number = intent.as_str().bytes().all(|byte| byte.is_ascii_digit());
        match number {
            1 if !is_number => Self::of(operation, intent),
            _ => Self::of(operation, format_args!("{intent}/{number}")),
        }
    }

    /// The id of an effect about a subject. A subject that is not allowed in an id is replaced by its fingerprint.
    pub(crate) fn about(kind: &str, subject: &str) -> Self {
        match bounded(subject, PROVIDER_ID, is_visible) {
            Ok(()) => Self::of(kind, subject),
            Err(_) => Self::of(kind, Digest::of([subject.as_bytes()])),
        }
    }

    /// The part after the first colon.
    pub(crate) fn cause(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, cause)| cause)
    }

    /// The name of the intent, in the id of a request that carries one.
    pub(crate) fn intent(&self) -> &str {
        let cause = self.cause();
        cause.split_once('/').map_or(cause, |(intent, _)| intent)
    }

    /// The intent and the number of the try, in the id of a request that carries an intent.
    pub(crate) fn try_of_intent(&self) -> Option<(Intent, u32)> {
        let (intent, number) = match self.cause().split_once('/') {
            Some((intent, number)) => (intent, number.parse().ok()?),
            None if self.number().is_none() => (self.cause(), 1),
            None => return None,
        };
        Some((Intent::parse(intent).ok()?, number))
    }

    /// The number, in the id of a request that carries no intent.
    pub(crate) fn number(&self) -> Option<u32> {
        self.0.split_once(':').and_then(|(_, cause)| cause.parse().ok())
    }

    /// The part before the first colon: the operation, or the type of effect.
    pub fn kind(&self) -> &str {
        self.0.split_once(':').map_or(self.as_str(), |(kind, _)| kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_is_rejected() {
        assert_eq!(Key::parse("42"), Err(IdError::TooShort(16)));
        assert_eq!(Key::parse(""), Err(IdError::Empty));
        assert_eq!(Key::parse("00000000 0000 4000"), Err(IdError::Character));
        assert!(Key::parse("00000000-0000-4000-8000-000000000001").is_ok());
    }

    #[test]
    fn an_id_cannot_be_a_step_in_a_path() {
        for dots in [".", ".."] {
            assert_eq!(Intent::parse(dots), Err(IdError::Dots));
            assert_eq!(TypedId::read("refund", dots), None);
        }
        assert!(Intent::parse("...").is_ok() && Intent::parse(".a").is_ok());
    }

    #[test]
    fn a_uuid_has_its_dashes_in_place() {
        assert!(is_uuid("0192b445-55a7-74af-a5d1-79ca6d2310f4"));
        assert!(!is_uuid("0192b44555a7-74af-a5d1-79ca6d2310f4-"));
        assert!(!is_uuid("gold"));
    }

    #[test]
    fn the_key_of_an_object_is_always_the_same_and_does_not_reveal_it() {
        let key = Key::of("revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c");
        assert_eq!(key, Key::of("revup.token", "fc44c6f8-6f92-43ab-98ea-3302b7586e7c"));
        assert_ne!(key, Key::of("revup.toke", "nfc44c6f8-6f92-43ab-98ea-3302b7586e7c"));
        assert!(!key.as_str().contains("fc44c6f8"));
        assert_eq!(key, Key::of("revup.token", "FC44C6F8-6f92-43AB-98ea-3302B7586E7C"));
        assert_ne!(Key::of("vend.subscription", "App/1"), Key::of("vend.subscription", "app/1"));
    }

    #[test]
    fn a_token_is_not_printed() {
        let printed = |kind, id| format!("{:?}", TypedId::new(kind, id));
        assert_eq!(printed("payment_token", "pt_secret"), "payment_token:…");
        assert_eq!(printed("invoice", "inv_7"), "invoice:inv_7");
    }

    #[test]
    fn a_digest_survives_json() {
        let digest = Digest::of([b"a".as_slice(), b"b"]);
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
        assert_ne!(digest, Digest::of([b"ab".as_slice()]));
    }
}
