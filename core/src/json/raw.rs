//! JSON values that are passed on as they are written.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::value::RawValue;

/// The name of a newtype that our reader reads as raw JSON, and that our writer writes as it is.
pub(crate) const RAW: &str = "rulebound::RawText";

/// A JSON value as it is written, borrowed from the JSON that [`read`](crate::json::read) reads.
///
/// ```
/// use std::marker::PhantomData;
/// use rulebound::json::{RawText, read};
/// let items: Vec<RawText<'_>> = read("[1.10, {\"a\": 2}]", PhantomData).unwrap();
/// assert_eq!(items[1].get(), "{\"a\": 2}");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawText<'a>(&'a str);

impl<'a> RawText<'a> {
    /// The JSON of the value.
    pub const fn get(self) -> &'a str {
        self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> Visitor<'de> for Borrowed {
            type Value = &'de str;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value that `rulebound::json::read` reads")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(text)
            }
        }
        deserializer.deserialize_newtype_struct(RAW, Borrowed).map(Self)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for RawText<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        serde_json::Value::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        serde_json::Value::json_schema(generator)
    }
}

/// Any value as it is written: borrowed from our own reader, and copied from any other.
pub(crate) fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Written;
    impl<'de> Visitor<'de> for Written {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value")
        }

        fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, other: D) -> Result<Self::Value, D::Error> {
            Box::<RawValue>::deserialize(other).map(|it| Cow::Owned(it.get().into()))
        }
    }
    deserializer.deserialize_newtype_struct(RAW, Written)
}
