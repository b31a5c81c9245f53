//! Enums: a string, an object with one member, or one of our unions, which is an object with a `type`.

use alloc::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, Unexpected, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::ReadError;
use super::read::{Json, Known, Name};
use super::scan::Reader;

/// How JSON writes a variant.
pub(super) enum Form {
    /// As a string, which is the variant's name.
    Bare,
    /// As an object with one member: the variant's name and its value.
    Member,
    /// As an object whose `type` is the variant's name, beside the variant's fields. These members were read before.
    Type(Known),
}

/// A variant of an enum.
pub(super) struct Variant<'a, 'de> {
    pub(super) reader: &'a mut Reader<'de>,
    pub(super) name: Cow<'de, str>,
    pub(super) form: Form,
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a, 'de> {
    type Error = ReadError;
    type Variant = Content<'a, 'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), ReadError> {
        let Self { reader, name, form } = self;
        let variant = seed.deserialize(Name(name)).map_err(|error| match form {
            Form::Type(_) => error.within("type"),
            Form::Bare | Form::Member => error,
        })?;
        Ok((variant, Content { reader, form }))
    }
}

/// The contents of a variant that is only a name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// The contents of a variant.
pub(super) struct Content<'a, 'de> {
    reader: &'a mut Reader<'de>,
    form: Form,
}

impl<'a, 'de> Content<'a, 'de> {
    fn value(self) -> Result<Json<'a, 'de>, ReadError> {
        match self.form {
            Form::Bare => {
                Err(ReadError::custom("is a name without its fields: use an object with this name as its only member"))
            }
            Form::Member => Ok(Json::new(self.reader)),
            Form::Type(known) => Ok(Json::after(known, self.reader)),
        }
    }
}

impl<'de> VariantAccess<'de> for Content<'_, 'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.form {
            Form::Bare => Ok(()),
            Form::Member => Err(ReadError::invalid_type(Unexpected::NewtypeVariant, &"only a name")),
            Form::Type(_) => Nothing::deserialize(self.value()?).map(|_| ()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(self.value()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.value()?.array(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, ReadError> {
        self.value()?.object(visitor)
    }
}

/// One of our unions: an object whose `type` was read before.
pub(super) struct Tagged<'a, 'de> {
    pub(super) reader: &'a mut Reader<'de>,
    pub(super) name: Cow<'de, str>,
    pub(super) known: Known,
}

impl<'de> Deserializer<'de> for Tagged<'_, 'de> {
    type Error = ReadError;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(Variant { reader: self.reader, name: self.name, form: Form::Type(self.known) })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError::custom("only a union has a type"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
