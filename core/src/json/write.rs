//! The serializer: writes the types that `serde` derives as compact JSON, with the same bytes as `serde_json`.
//!
//! A snapshot is written after every change, so writing is a good part of what a call costs. This copies names and plain
//! strings as they are, and leaves the rest to `serde_json`. The code that is compiled for each type is small. The last
//! row of `cargo xtask bench` compares it with `serde_json::to_string`.

use alloc::string::String;
use core::fmt::{Display, Write};

use itoa::Buffer;
use serde::Serialize;
use serde::ser::{self, Serializer};
use serde_json::{Error, Result};

use super::{RAW, plain};

/// Writes a value of our own shapes as JSON.
#[expect(clippy::expect_used, reason = "an empty string in place of a snapshot would lose it without an error")]
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> String {
    // Most snapshots fit. A string that grows is copied.
    let mut writer = Writer { text: String::with_capacity(1024), is_json: false };
    value.serialize(&mut writer).expect("each of our shapes has a form in JSON");
    writer.text
}

/// A string that is JSON already, as a part of other JSON.
pub(crate) struct Verbatim<'a>(pub(crate) &'a str);

impl Serialize for Verbatim<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> core::result::Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(RAW, self.0)
    }
}

/// Writes a string in its quotes.
#[expect(clippy::expect_used, reason = "every string has a form in JSON")]
pub(super) fn quoted(to: &mut String, text: &str) {
    if plain(text.as_bytes()) < text.len() {
        to.push_str(&serde_json::to_string(text).expect("every string has a form in JSON"));
    } else {
        to.push('"');
        to.push_str(text);
        to.push('"');
    }
}

struct Writer {
    text: String,
    /// Whether the next string is JSON already.
    is_json: bool,
}

impl Writer {
    /// Begins the next item.
    fn item(&mut self) {
        // Only an object or array that has just been opened ends with its bracket. A string ends with its quote.
        if !matches!(self.text.as_bytes().last(), Some(b'{' | b'[')) {
            self.text.push(',');
        }
    }

    /// Writes a name that `serde` derives. It is one of our identifiers, so it needs no escapes.
    fn name(&mut self, name: &'static str) {
        self.item();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
    }

    fn open(&mut self, opening: &str, closing: &'static str) -> Within<'_> {
        self.text.push_str(opening);
        Within { writer: self, closing }
    }

    fn open_variant(&mut self, variant: &'static str, opening: &str, closing: &'static str) -> Within<'_> {
        self.text.push('{');
        self.name(variant);
        self.open(opening, closing)
    }
}

macro_rules! numbers {
    ($($serialize:ident $number:ty),+) => {$(
        fn $serialize(self, number: $number) -> Result<()> {
            self.text.push_str(Buffer::new().format(number));
            Ok(())
        }
    )+};
}

macro_rules! floats {
    ($($serialize:ident $number:ty),+) => {$(
        fn $serialize(self, number: $number) -> Result<()> {
            self.text.push_str(&serde_json::to_string(&number)?);
            Ok(())
        }
    )+};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Within<'a>;
    type SerializeTuple = Within<'a>;
    type SerializeTupleStruct = Within<'a>;
    type SerializeTupleVariant = Within<'a>;
    type SerializeMap = Within<'a>;
    type SerializeStruct = Within<'a>;
    type SerializeStructVariant = Within<'a>;

    numbers!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128);
    numbers!(serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128);
    floats!(serialize_f32 f32, serialize_f64 f64);

    fn serialize_bool(self, value: bool) -> Result<()> {
        self.text.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<()> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<()> {
        match self.is_json {
            true => self.text.push_str(text),
            false => quoted(&mut self.text, text),
        }
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<()> {
        let start = self.text.len();
        self.text.push('"');
        write!(self.text, "{value}").map_err(ser::Error::custom)?;
        let text = self.text.get(start..).unwrap_or_default().strip_prefix('"').unwrap_or_default();
        if plain(text.as_bytes()) == text.len() {
            self.text.push('"');
        } else {
            let text = String::from(text);
            self.text.truncate(start);
            quoted(&mut self.text, &text);
        }
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<()> {
        self.collect_seq(bytes)
    }

    fn serialize_unit(self) -> Result<()> {
        self.text.push_str("null");
        Ok(())
    }

    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<()> {
        self.is_json = name == RAW;
        value.serialize(&mut *self)?;
        self.is_json = false;
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let within = self.open_variant(variant, "", "}");
        value.serialize(&mut *within.writer)?;
        within.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Within<'a>> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Within<'a>> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Within<'a>> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Within<'a>> {
        Ok(self.open_variant(variant, "[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Within<'a>> {
        Ok(self.open("{", "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Within<'a>> {
        // `serde_json` passes raw JSON as a struct with one string.
        Ok(if self.is_json { self.open("", "") } else { self.open("{", "}") })
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Within<'a>> {
        Ok(self.open_variant(variant, "{", "}}"))
    }
}

/// An array or an object that is not closed yet.
struct Within<'a> {
    writer: &'a mut Writer,
    closing: &'static str,
}

impl Within<'_> {
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.writer.item();
        value.serialize(&mut *self.writer)
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        if !self.writer.is_json {
            self.writer.name(name);
        }
        value.serialize(&mut *self.writer)
    }

    fn close(self) -> Result<()> {
        self.writer.text.push_str(self.closing);
        Ok(())
    }
}

macro_rules! items {
    ($($how:ident $serialize:ident),+) => {$(
        impl ser::$how for Within<'_> {
            type Ok = ();
            type Error = Error;

            fn $serialize<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.value(value)
            }

            fn end(self) -> Result<()> {
                self.close()
            }
        }
    )+};
}

macro_rules! members {
    ($($how:ident),+) => {$(
        impl ser::$how for Within<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
                self.member(name, value)
            }

            fn end(self) -> Result<()> {
                self.close()
            }
        }
    )+};
}

items!(SerializeSeq serialize_element, SerializeTuple serialize_element);
items!(SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);
members!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Within<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<()> {
        self.writer.item();
        let start = self.writer.text.len();
        name.serialize(&mut *self.writer)?;
        match self.writer.text.as_bytes().get(start) {
            Some(b'"') => Ok(()),
            // JSON has only strings as names.
            Some(b'0'..=b'9' | b'-' | b't' | b'f') => {
                self.writer.text.insert(start, '"');
                self.writer.text.push('"');
                Ok(())
            }
            _ => Err(ser::Error::custom("a name is not a string")),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.writer.text.push(':');
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec;
    use alloc::vec::Vec;

    use serde_json::{Value, json};

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        Newtype(Option<i64>),
        Tuple(u8, bool),
        Struct { name: &'static str, list: Vec<Self> },
    }

    #[derive(Serialize)]
    struct Pair(i8, char);

    #[test]
    #[should_panic(expected = "has a form in JSON")]
    fn a_value_without_a_form_panics_instead_of_writing_nothing() {
        let _ = encode(&BTreeMap::from([([1], 1)]));
    }

    #[test]
    fn every_shape_is_written_as_serde_json_does() {
        fn same<T: Serialize>(value: &T) {
            assert_eq!(encode(value), serde_json::to_string(value).unwrap());
        }
        let list = vec![Shape::Unit, Shape::Newtype(None), Shape::Newtype(Some(i64::MIN)), Shape::Tuple(255, false)];
        same(&Shape::Struct { name: "a \"b\" \\ \u{1} é \u{7f} \u{2028} /", list });
        same(&Shape::Struct { name: "", list: Vec::new() });
        same(&BTreeMap::from([("[", Pair(-1, '\n')), ("{", Pair(0, 'é'))]));
        same(&BTreeMap::from([(-1, true), (20, false)]));
        same(&BTreeMap::from([(true, 1)]));
        same(&json!({"a": [1.5, -0.0, 1e300, u64::MAX, null, true, {}], "{": "[", "[": {"b": []}}));
        assert_eq!(encode(&(Verbatim("[]"), (), Value::Null, "[")), r#"[[],null,null,"["]"#);
        assert_eq!(encode(&(Verbatim("[ 1 ]"), "x")), r#"[[ 1 ],"x"]"#);
    }
}
