//! Values of a provider whose list may grow, and fields that the library does not know.

use alloc::string::String;
use core::fmt;

use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, forward_to_deserialize_any};
use serde_json::Value;

use crate::decode::decode;
use crate::encode::encode;
use crate::id::Key;

/// Declares an enum of texts that keeps a text it does not know, so that nothing unknown is ever taken for good.
macro_rules! open_enum {
    (
        $(#[doc = $meta:literal])+
        $vis:vis enum $name:ident {
            $($(#[doc = $doc:literal])* $variant:ident = $text:literal $(| $alias:literal)*),+ $(,)?
        }
    ) => {
        $(#[doc = $meta])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Deserialize)]
        #[serde(from = "alloc::string::String")]
        #[non_exhaustive]
        $vis enum $name {
            $($(#[doc = $doc])* $variant,)+
            /// A text that the documents do not list, kept as it came.
            Unknown(alloc::string::String),
        }

        impl $name {
            /// The text on the wire.
            $vis fn as_str(&self) -> &str {
                match self { $(Self::$variant => $text,)+ Self::Unknown(text) => text }
            }

            /// Whether the documents list it.
            $vis const fn is_known(&self) -> bool {
                !matches!(self, Self::Unknown(_))
            }
        }

        impl From<alloc::string::String> for $name {
            fn from(text: alloc::string::String) -> Self {
                match text.as_str() { $($text $(| $alias)* => Self::$variant,)+ _ => Self::Unknown(text) }
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
                $crate::schema::named(module_path!(), stringify!($name))
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::schema::open(concat!($($meta, "\n"),+), &[$(($text, concat!($($doc, "\n"),*))),+])
            }
        }
    };
}
pub(crate) use open_enum;

/// Fields that the library does not know, merged into a request's body as they are.
///
/// It may not name a field that the command itself has: that would be two answers to one question.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Extra(serde_json::Map<String, Value>);

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Extra {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The first field that a command of that type knows itself.
    pub(crate) fn known_to<T: DeserializeOwned>(&self) -> Option<&str> {
        let known = if self.is_empty() { &[] } else { fields_of::<T>() };
        self.names().find(|name| *name == "idempotency_key" || known.contains(name))
    }
}

impl From<serde_json::Map<String, Value>> for Extra {
    fn from(fields: serde_json::Map<String, Value>) -> Self {
        Self(fields)
    }
}

/// The body of a request: a command's own fields but for ours, then `extra`, then the idempotency key if it takes one.
pub(crate) fn body(command: &impl Serialize, extra: &Extra, idempotency_key: Option<&str>) -> Value {
    let Ok(mut fields) = decode::<serde_json::Map<_, _>>(&encode(command)) else { return Value::Null };
    for ours in ["intent", "extra"] {
        fields.remove(ours);
    }
    fields.extend(extra.0.clone());
    if let Some(key) = idempotency_key {
        fields.insert("idempotency_key".into(), key.into());
    }
    Value::Object(fields)
}

/// The field names of a struct, asked of its own `Deserialize`.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Ask<'a>(&'a mut &'static [&'static str]);
    impl<'de> Deserializer<'de> for Ask<'_> {
        type Error = de::value::Error;
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            Err(de::Error::custom("asked"))
        }
        fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
            Err(de::Error::custom("no struct"))
        }
        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(Ask(&mut fields));
    fields
}

/// A text that the provider echoes. Anything else than text can be expressed, so that its rule can refuse it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Metadata {
    /// One text.
    Text(String),
    /// Anything else.
    Other(Value),
}

impl Metadata {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }
}

/// The text that comes back: the host's, or the flow's key where it gives none.
pub(crate) fn echoed(metadata: &mut Option<Metadata>, key: &Key) -> String {
    let metadata = metadata.get_or_insert_with(|| Metadata::from(key.as_str()));
    alloc::string::ToString::to_string(metadata)
}

impl From<&str> for Metadata {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
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
        /// A colour.
        enum Colour { Red = "red" | "rouge", Blue = "blue" }
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its field names matter")]
    struct Command {
        price: i64,
        name: String,
    }

    #[test]
    fn an_unknown_value_is_kept_as_it_came() {
        let read = |text: &str| serde_json::from_str::<Colour>(text).unwrap();
        assert_eq!(read("\"rouge\""), Colour::Red);
        assert_eq!(read("\"green\""), Colour::Unknown("green".into()));
        assert_eq!(serde_json::to_string(&read("\"green\"")).unwrap(), "\"green\"");
        assert!(!read("\"green\"").is_known());
        assert_eq!(Colour::Blue.as_str(), "blue");
    }

    #[test]
    fn extra_may_not_name_what_the_command_knows() {
        let extra = |text: &str| serde_json::from_str::<Extra>(text).unwrap();
        assert_eq!(extra(r#"{"colour": 1}"#).known_to::<Command>(), None);
        assert_eq!(extra(r#"{"price": 1}"#).known_to::<Command>(), Some("price"));
        assert_eq!(extra(r#"{"idempotency_key": 1}"#).known_to::<Command>(), Some("idempotency_key"));
    }
}
