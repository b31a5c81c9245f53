//! Reading JSON of our own shapes: strictly, and with the field named when it is wrong.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString};
use core::cell::Cell;
use core::fmt;

use serde::de::value::CowStrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, IntoDeserializer, MapAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_path_to_error::{Path, Segment};
use thiserror::Error;

use crate::id::Text;

/// JSON of ours that is wrong, with the field that is.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{field}`: {reason}")]
#[non_exhaustive]
pub struct Malformed {
    /// A JSON Pointer to what is wrong.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Malformed {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    /// The same, seen from further out.
    pub(crate) fn under(mut self, prefix: &str) -> Self {
        self.field.insert_str(0, prefix);
        self
    }
}

/// Reads a value. Only an error pays for keeping track of where it is.
pub(crate) fn decode<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Malformed> {
    serde_json::from_str(text).or_else(|_| {
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| located(&error))?;
        reader.end().map_err(|error| Malformed::new("", reason(&error)))?;
        Ok(value)
    })
}

/// Reads one of our unions: an object whose `type` names the variant, beside the variant's own fields.
pub(crate) fn decode_tagged<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Malformed> {
    let Tag { tag } = decode(text)?;
    let Some(tag) = tag else { return Err(Malformed::new("/type", "is missing")) };
    let unknown = Cell::new(false);
    let tagged = |reader| Tagged { tag: tag.clone(), reader, unknown: &unknown };
    let mut reader = serde_json::Deserializer::from_str(text);
    if let Ok(value) = T::deserialize(tagged(&mut reader)) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(tagged(&mut reader)).map_err(|error| match unknown.get() {
        true => Malformed::new("/type", reason(error.inner())),
        false => located(&error),
    })
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow, rename = "type")]
    tag: Option<Cow<'a, str>>,
}

fn located(error: &serde_path_to_error::Error<serde_json::Error>) -> Malformed {
    let reason = reason(error.inner());
    let mut field = pointer(error.path());
    // The path of a field that is missing or not ours ends at the object around it.
    for prefix in ["missing field `", "unknown field `", "duplicate field `"] {
        let named = reason.strip_prefix(prefix).and_then(|rest| rest.split_once('`'));
        if let Some((name, _)) = named.filter(|(name, _)| !field.ends_with(&format!("/{name}"))) {
            field.push('/');
            field.push_str(name);
        }
    }
    Malformed { field, reason }
}

/// What serde says, without a position that means nothing to the reader.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}

/// A path of serde's as a JSON Pointer.
fn pointer(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("/{index}")),
            Segment::Map { key } => text.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

type Reader<'a, 'de> = &'a mut serde_json::Deserializer<serde_json::de::StrRead<'de>>;

/// An object with a `type`, seen as the enum that serde derives.
struct Tagged<'a, 'de> {
    tag: Cow<'de, str>,
    reader: Reader<'a, 'de>,
    unknown: &'a Cell<bool>,
}

impl<'de> Deserializer<'de> for Tagged<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("only a union has a type"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'a, 'de> EnumAccess<'de> for Tagged<'a, 'de> {
    type Error = serde_json::Error;
    type Variant = Untagged<Reader<'a, 'de>>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), Self::Error> {
        let tag: CowStrDeserializer<'de, serde_json::Error> = self.tag.into_deserializer();
        self.unknown.set(true);
        let variant = seed.deserialize(tag)?;
        self.unknown.set(false);
        Ok((variant, Untagged(self.reader)))
    }
}

/// An object without its `type`.
struct Untagged<D>(D);

impl<'de, D: Deserializer<'de>> VariantAccess<'de> for Untagged<D> {
    type Error = D::Error;

    fn unit_variant(self) -> Result<(), D::Error> {
        self.0.deserialize_map(WithoutType(IgnoredAny)).map(|_| ())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, D::Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, D::Error> {
        Err(de::Error::custom("no variant of ours is a tuple"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(WithoutType(visitor))
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Untagged<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(WithoutType(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Hands a map on without the entry of its `type`.
struct WithoutType<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for WithoutType<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(WithoutType(map))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutType<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        loop {
            match self.0.next_key::<Text<'de>>()? {
                None => return Ok(None),
                Some(Text(name)) if name == "type" => {
                    self.0.next_value::<IgnoredAny>()?;
                }
                Some(Text(name)) => {
                    let name: CowStrDeserializer<'de, A::Error> = name.into_deserializer();
                    return seed.deserialize(name).map(Some);
                }
            }
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Union {
        Line { item: Item },
        Whole(Item),
        Nothing {},
    }

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Item {
        price: i64,
    }

    fn field(text: &str) -> String {
        decode_tagged::<Union>(text).unwrap_err().field
    }

    #[test]
    fn a_type_beside_the_fields_names_the_variant() {
        assert_eq!(decode_tagged(r#"{"type":"whole","price":1}"#), Ok(Union::Whole(Item { price: 1 })));
        assert_eq!(decode_tagged(r#"{"item":{"price":1},"type":"line"}"#), Ok(Union::Line { item: Item { price: 1 } }));
        assert_eq!(decode_tagged(r#"{"type":"nothing"}"#), Ok(Union::Nothing {}));
    }

    #[test]
    fn an_error_names_the_field() {
        assert_eq!(field(r#"{"type":"line","item":{"price":"1"}}"#), "/item/price");
        assert_eq!(field(r#"{"type":"line","item":{"cost":1}}"#), "/item/cost");
        assert_eq!(field(r#"{"type":"line"}"#), "/item");
        assert_eq!(field(r#"{"type":"whole","price":1.5}"#), "/price");
        assert_eq!(field(r#"{"type":"nothing","x":1}"#), "/x");
        assert_eq!(field(r#"{"type":"other"}"#), "/type");
        assert_eq!(field(r#"{"price":1}"#), "/type");
        assert_eq!(field(r#"{"type":"whole","pri"#), "");
    }
}
