//! The deserializer: reads the types that `serde` derives from JSON.
//!
//! We have our own for three reasons. It knows the pointer of an error, and it takes the `type` of a union out of its
//! object. The code that is compiled for each type is small.

use alloc::borrow::Cow;
use core::mem::{replace, take};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::ReadError;
use super::raw::RAW;
use super::scan::{Count, Reader};
use super::union::{Form, Variant};

/// The value that comes next.
pub(super) struct Json<'a, 'de> {
    reader: &'a mut Reader<'de>,
    known: Known,
}

/// The members of a union that were read before its variant, such as its `type`.
pub(super) type Known = &'static [&'static str];

impl<'a, 'de> Json<'a, 'de> {
    pub(super) const fn new(reader: &'a mut Reader<'de>) -> Self {
        Self { reader, known: &[] }
    }

    pub(super) const fn after(known: Known, reader: &'a mut Reader<'de>) -> Self {
        Self { reader, known }
    }

    pub(super) fn object<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { reader, known } = self;
        let Some(depth) = reader.enter(b'{')? else { return Err(reader.unexpected(&visitor)) };
        let value = visitor.visit_map(Members { reader, known, first: true, passed: 0, name: 0 })?;
        reader.leave(depth, b'}')?;
        Ok(value)
    }

    pub(super) fn array<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { reader, .. } = self;
        let Some(depth) = reader.enter(b'[')? else { return Err(reader.unexpected(&visitor)) };
        let value = visitor.visit_seq(Items { reader, index: 0 })?;
        reader.leave(depth, b']')?;
        Ok(value)
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.reader.count(&visitor)? {
            Count::Unsigned(number) => visitor.visit_u64(number),
            Count::Signed(number) => visitor.visit_i64(number),
            Count::Float(number) => visitor.visit_f64(number),
        }
    }
}

fn visit_text<'de, V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value, ReadError> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

macro_rules! read_as {
    ($how:ident: $($deserialize:ident)+) => {$(
        #[inline]
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.$how(visitor)
        }
    )+};
}

impl<'de> Deserializer<'de> for Json<'_, 'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.reader.peek() {
            Some(b'{') => self.object(visitor),
            Some(b'[') => self.array(visitor),
            Some(b'"') => visit_text(self.reader.text()?, visitor),
            Some(b't' | b'f' | b'n') => match self.reader.word()? {
                Some(value) => visitor.visit_bool(value),
                None => visitor.visit_unit(),
            },
            _ => self.number(visitor),
        }
    }

    read_as!(number: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    read_as!(number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_f32 deserialize_f64);
    read_as!(array: deserialize_seq);
    read_as!(object: deserialize_map);

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visit_text(self.reader.string(&visitor)?, visitor)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.reader.peek() {
            Some(b't' | b'f') => visitor.visit_bool(self.reader.word()?.unwrap_or_default()),
            _ => Err(self.reader.unexpected(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.reader.peek() {
            Some(b'n') => self.reader.word().and_then(|_| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == RAW { visitor.visit_borrowed_str(self.reader.span()?) } else { visitor.visit_newtype_struct(self) }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.array(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.array(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.object(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Self { reader, .. } = self;
        let (mut at, depth) = (0, reader.enter(b'{')?);
        let (name, form) = match depth {
            Some(_) => (reader.name(&mut at)?, Form::Member),
            None => (reader.string(&visitor)?, Form::Bare),
        };
        let value = visitor.visit_enum(Variant { reader, name, form });
        let Some(depth) = depth else { return value };
        let value = value.map_err(|error| error.within(&reader.name_at(at)))?;
        reader.leave(depth, b'}')?;
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit unit_struct identifier }
}

/// The members of an object.
struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
    known: Known,
    /// A bit for each of the known members that has been passed.
    passed: u8,
    /// The position of the last member's name.
    name: usize,
}

impl<'de> Members<'_, 'de> {
    fn next(&mut self) -> Result<Option<Cow<'de, str>>, ReadError> {
        while self.reader.more(take(&mut self.first), b'}')? {
            let name = self.reader.name(&mut self.name)?;
            let Some((bit, known)) = (0u32..).zip(self.known).find(|(_, known)| **known == name) else {
                return Ok(Some(name));
            };
            let passed = self.passed | 1u8.wrapping_shl(bit);
            if replace(&mut self.passed, passed) == passed {
                return Err(ReadError::duplicate_field(known));
            }
            self.reader.skip()?;
        }
        Ok(None)
    }

    #[cold]
    fn within(&self, error: ReadError) -> ReadError {
        error.within(&self.reader.name_at(self.name))
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        match self.next()? {
            Some(name) => seed.deserialize(Name(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(Json::new(self.reader)).map_err(|error| self.within(error))
    }
}

/// The items of an array.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        if !self.reader.more(self.index == 0, b']')? {
            return Ok(None);
        }
        let item = seed.deserialize(Json::new(self.reader)).map_err(|error| error.at(self.index))?;
        self.index = self.index.saturating_add(1);
        Ok(Some(item))
    }
}

/// The name of a member, or of a variant.
pub(super) struct Name<'de>(pub(super) Cow<'de, str>);

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visit_text(self.0, visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(&self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct enum ignored_any
    }
}
