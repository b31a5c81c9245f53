//! Enums to which a provider can add values, and JSON of the host that is sent as it is written.

mod body;
mod build;
mod exact;
mod extra;
mod raw;

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::id::Key;

pub(crate) use body::{Body, body, clash};
pub(crate) use build::{from_fields, setters};
pub use extra::Extra;
pub use raw::{RawJson, RawNumber};

/// Declares an enum of strings, which are read without regard to ASCII case.
///
/// An unknown string is kept as it came, so that it never counts as a known one. Its schema is named after it, unless
/// another name follows in parentheses.
macro_rules! open_enum {
    (@schema $name:ident) => { stringify!($name) };
    (@schema $name:ident $schema:literal) => { $schema };
    (
        $(#[doc = $meta:literal])+
        $vis:vis enum $name:ident $(($schema:literal))? {
            $($(#[doc = $doc:literal])* $variant:ident = $text:literal $(| $alias:literal)*),+ $(,)?
        }
    ) => {
        $(#[doc = $meta])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Deserialize)]
        #[serde(from = "alloc::string::String")]
        #[non_exhaustive]
        $vis enum $name {
            $($(#[doc = $doc])* $variant,)+
            /// A string that the documents do not list, as it came.
            Unknown(alloc::string::String),
        }

        impl $name {
            /// The string on the wire.
            $vis fn as_str(&self) -> &str {
                match self { $(Self::$variant => $text,)+ Self::Unknown(text) => text }
            }

            /// Whether the documents list it.
            $vis const fn is_known(&self) -> bool {
                !matches!(self, Self::Unknown(_))
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

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::from(alloc::string::String::from(text))
            }
        }

        impl From<alloc::string::String> for $name {
            fn from(text: alloc::string::String) -> Self {
                let is = |known: &str| text.eq_ignore_ascii_case(known);
                $(if is($text) $(|| is($alias))* {
                    return Self::$variant;
                })+
                Self::Unknown(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "schemas")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> alloc::borrow::Cow<'static, str> {
                $crate::schema::named(module_path!(), $crate::value::open_enum!(@schema $name $($schema)?))
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::schema::open(concat!($($meta, "\n"),+), &[$(($text, concat!($($doc, "\n"),*))),+])
            }
        }
    };
}
pub(crate) use open_enum;

/// A string that the provider echoes. It can also be any other JSON, so that a rule can reject that by name.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Metadata {
    /// A string.
    Text(String),
    /// Anything else.
    Other(RawJson),
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RawJson::deserialize(deserializer).map(Self::from)
    }
}

impl Metadata {
    /// The string, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }
}

/// The string that the provider echoes: the host's, or the flow's key if the host gives none.
pub(crate) fn echoed(metadata: &mut Option<Metadata>, key: &Key) -> String {
    let metadata = metadata.get_or_insert_with(|| Metadata::from(key.as_str()));
    alloc::string::ToString::to_string(metadata)
}

impl From<&str> for Metadata {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Metadata {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<RawJson> for Metadata {
    /// A string of JSON is that string. Anything else stays as it is.
    fn from(raw: RawJson) -> Self {
        raw.read().map_or(Self::Other(raw), Self::Text)
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Other(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    open_enum! {
        /// A color.
        enum Color { Red = "red" | "rouge", Blue = "blue" }
    }

    #[test]
    fn an_unknown_value_is_kept_as_it_came() {
        let read = |text: &str| serde_json::from_str::<Color>(text).unwrap();
        assert_eq!(read("\"rouge\""), Color::Red);
        assert_eq!((read("\"RED\""), read("\"Rouge\"")), (Color::Red, Color::Red));
        assert_eq!(read("\"GREEN\""), Color::Unknown("GREEN".into()));
        assert_eq!(read("\"green\""), Color::Unknown("green".into()));
        assert_eq!(serde_json::to_string(&read("\"green\"")).unwrap(), "\"green\"");
        assert!(!read("\"green\"").is_known());
        assert_eq!(Color::Blue.as_str(), "blue");
    }

    #[test]
    fn metadata_is_a_string_or_any_other_json() {
        let read = |text: &str| serde_json::from_str::<Metadata>(text).unwrap();
        assert_eq!(read("\"order-1\"").text(), Some("order-1"));
        for other in ["1.50", "{\"a\":1.50}", "null", "[\"order-1\"]"] {
            assert_eq!((read(other).text(), serde_json::to_string(&read(other)).unwrap().as_str()), (None, other));
        }
    }
}
