//! Fields that the library does not know.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, forward_to_deserialize_any};
use serde_json::Value;

use super::raw::RawJson;

/// Fields that the library does not know, which are added to a request's body as they are.
///
/// They cannot have the name of a field that the command has or that the request sets.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(with = "serde_json::Map<String, Value>"))]
#[serde(transparent)]
pub struct Extra(BTreeMap<String, RawJson>);

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

    /// The fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&String, &RawJson)> {
        self.0.iter()
    }

    /// The first field that a command of this type has itself.
    pub(crate) fn known_to<T: DeserializeOwned>(&self) -> Option<&str> {
        let known = if self.is_empty() { &[] } else { fields_of::<T>() };
        self.names().find(|name| *name == "idempotency_key" || known.contains(name))
    }
}

impl From<serde_json::Map<String, Value>> for Extra {
    fn from(fields: serde_json::Map<String, Value>) -> Self {
        fields.into_iter().map(|(name, value)| (name, value.into())).collect()
    }
}

impl FromIterator<(String, RawJson)> for Extra {
    fn from_iter<I: IntoIterator<Item = (String, RawJson)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

/// The field names of a struct, as its `Deserialize` names them.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    struct FieldNames<'a>(&'a mut &'static [&'static str]);
    impl<'de> Deserializer<'de> for FieldNames<'_> {
        type Error = de::value::Error;
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            Err(de::Error::custom("the names are known"))
        }
        fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
            Err(de::Error::custom("not a struct"))
        }
        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(FieldNames(&mut fields));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "the test only needs the names of the fields")]
    struct Command {
        price: i64,
        name: String,
    }

    #[test]
    fn extra_cannot_have_a_field_of_the_command() {
        let extra = |text: &str| serde_json::from_str::<Extra>(text).unwrap();
        assert_eq!(extra(r#"{"color": 1}"#).known_to::<Command>(), None);
        assert_eq!(extra(r#"{"price": 1}"#).known_to::<Command>(), Some("price"));
        assert_eq!(extra(r#"{"idempotency_key": 1}"#).known_to::<Command>(), Some("idempotency_key"));
    }
}
