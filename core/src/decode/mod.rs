//! Reading JSON of our own shapes: strictly, and with the field named when it is wrong.

mod scan;

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};
use core::cell::Cell;
use core::fmt;

use serde::de::value::CowStrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, IntoDeserializer, MapAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::error::Category;
use thiserror::Error;

use crate::id::Text;
pub(crate) use scan::member;
use scan::{Which, pointer};

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

/// Reads a value. Only an error pays for finding where it is.
pub(crate) fn decode<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Malformed> {
    serde_json::from_str(text).map_err(|error| located(text, &error))
}

/// Reads one of our unions: an object whose `type` names the variant, beside the variant's own fields.
pub(crate) fn decode_tagged<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Malformed> {
    let tag = tag(text)?;
    let unknown = Cell::new(false);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Tagged { tag, reader: &mut reader, unknown: &unknown });
    value.and_then(|value| reader.end().map(|()| value)).map_err(|error| match unknown.get() {
        true => Malformed::new("/type", reason(&error)),
        false => located(text, &error),
    })
}

/// The `type` of one of our unions.
pub(crate) fn tag(text: &str) -> Result<Cow<'_, str>, Malformed> {
    #[derive(Deserialize)]
    struct Tag<'a> {
        #[serde(borrow, rename = "type")]
        tag: Option<Text<'a>>,
    }
    let tag = match member(text, "type").and_then(|tag| serde_json::from_str(tag).ok()) {
        Some(tag) => Some(tag),
        None => decode::<Tag<'_>>(text)?.tag,
    };
    tag.map(|Text(tag)| tag).ok_or_else(|| Malformed::new("/type", "is missing"))
}

/// An error of serde's with the field that it is about, which follows from where the reader stood.
#[cold]
fn located(text: &str, error: &serde_json::Error) -> Malformed {
    let reason = reason(error);
    // A broken escape is told from behind the text that it stands in.
    let end = offset(text, error).saturating_sub(usize::from(reason.ends_with("escape")));
    let is = |beginnings: &[&str]| beginnings.iter().any(|it| reason.starts_with(it));
    let which = match error.classify() {
        Category::Data if is(&["invalid type: map", "invalid type: sequence"]) => Which::Next,
        Category::Data if is(&["missing field", "unknown field", "duplicate field", "invalid length"]) => Which::Whole,
        Category::Data => Which::Scalar,
        Category::Io | Category::Syntax | Category::Eof => Which::Next,
    };
    let mut field = pointer(text, end, which);
    // What is missing has no place of its own.
    let missing = reason.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    if let Some((name, _)) = missing {
        field.push('/');
        field.push_str(name);
    }
    Malformed { field, reason }
}

/// Where in the text the reader stood.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    before.map(str::len).sum::<usize>().saturating_add(error.column())
}

/// What serde says, without a position that means nothing to the reader.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
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
        self.0.deserialize_map(WithoutType::of(IgnoredAny)).map(|_| ())
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
        self.0.deserialize_map(WithoutType::of(visitor))
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Untagged<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(WithoutType::of(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Hands a map on without the entry of its `type`.
struct WithoutType<V> {
    inner: V,
    seen: bool,
}

impl<V> WithoutType<V> {
    const fn of(inner: V) -> Self {
        Self { inner, seen: false }
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for WithoutType<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(WithoutType::of(map))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutType<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        loop {
            match self.inner.next_key::<Text<'de>>()? {
                None => return Ok(None),
                Some(Text(name)) if name == "type" => {
                    if core::mem::replace(&mut self.seen, true) {
                        return Err(de::Error::duplicate_field("type"));
                    }
                    self.inner.next_value::<IgnoredAny>()?;
                }
                Some(Text(name)) => {
                    let name: CowStrDeserializer<'de, A::Error> = name.into_deserializer();
                    return seed.deserialize(name).map(Some);
                }
            }
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

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

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what cannot be read of it matters")]
    struct Line {
        id: crate::id::Key,
        #[serde(default)]
        n: u32,
        #[serde(default)]
        list: Vec<crate::time::Millis>,
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
        assert_eq!(field(r#"{"type":"whole","price":1,"type":"whole"}"#), "/type");
        assert_eq!(field(r#"{"type":"whole","price":1,"price":2}"#), "/price");
        assert_eq!(field(r#"{"type":1,"price":1}"#), "/type");
        assert_eq!(field(r#"{"type":"line","item":[]}"#), "/item");
        assert_eq!(field(r#"{"type":"whole","price":{}}"#), "/price");
        assert_eq!(field(r#"{"type":"whole","price":1} x"#), "");
        assert_eq!(field("[]"), "");
    }

    #[test]
    fn what_serde_does_not_place_is_placed() {
        let field = |text: &str| decode::<Vec<Line>>(text).unwrap_err().field;
        assert_eq!(field(r#"[{"id": "0123456789abcdef", "n": 1}, {"id": "short", "n": 1}]"#), "/1/id");
        assert_eq!(field(r#"[{"n": 1, "id": "short"}]"#), "/0/id");
        assert_eq!(field("[\n {\"id\": \"0123456789abcdef\"},\n\n {\"id\": \"short\"}\n]"), "/1/id");
        assert_eq!(field(r#"[{"id": "0123456789abcdef", "n": "é", "x": 1}]"#), "/0/n");
        assert_eq!(field(r#"[{"id": "0123456789abcdef"}, {}]"#), "/1/id");
        assert_eq!(field(r#"[{"id": {"id": "short"}}]"#), "/0/id");
        assert_eq!(field(r#"[{"id": "0123456789abcdef", "more": [1]}]"#), "/0/more");
        assert_eq!(field(r#"[{"id": "0123456789abcdef", "list": [1, -1, 2]}]"#), "/0/list/1");
        assert_eq!(field(r#"[{"id": "0123456789abcdef", "list": [1, 2, []]}]"#), "/0/list/2");
        assert_eq!(field(r#"[{"id": "\ud800"}]"#), "/0/id");
        assert_eq!(field(r#"[{"id": "\ud800\ud800"}]"#), "/0/id");
        assert_eq!(field(r#"[{"id": "a\x"}]"#), "/0/id");
    }
}
