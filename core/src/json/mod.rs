//! JSON: reads our own shapes strictly with a pointer to each error, reads a provider's leniently, and writes both.

mod cut;
mod lenient;
mod raw;
mod read;
mod scan;
mod union;
mod words;
mod write;

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::marker::PhantomData;

use serde::de::{DeserializeSeed, Expected, Unexpected};
use serde::{Deserialize, Serialize};

use crate::id::Text;
pub(crate) use cut::is_cut_off;
pub(crate) use lenient::{any_form, lenient, lenient_text, read_body, string_or_int, unmarked};
pub use raw::RawText;
pub(crate) use raw::{RAW, written};
use read::{Json, Known};
use scan::Reader;
pub(crate) use scan::plain;
use union::Tagged;
use words::{in_json_words, shown};
use write::quoted;
pub(crate) use write::{Verbatim, encode};

/// How deep in a snapshot the contents of a command can be nested.
const SNAPSHOT: u8 = 16;

/// What is wrong in JSON of ours, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Malformed {
    /// A JSON Pointer to what is wrong.
    pub pointer: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.reason),
            field => write!(f, "`{field}`: {}", self.reason),
        }
    }
}

impl core::error::Error for Malformed {}

impl Malformed {
    pub(crate) fn new(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), reason: reason.into() }
    }

    /// The same error with its pointer below a prefix.
    pub(crate) fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

/// Reads JSON with a seed, and reports an error with the pointer to the wrong field.
///
/// ```
/// use std::marker::PhantomData;
/// let read = |text| rulebound::json::read(text, PhantomData::<Vec<u32>>);
/// assert_eq!(read("[1, 2]").unwrap(), [1, 2]);
/// assert_eq!(read("[1, -2]").unwrap_err().pointer, "/1");
/// ```
///
/// # Errors
///
/// If the text is no JSON of that form.
pub fn read<'de, S: DeserializeSeed<'de>>(text: &'de str, seed: S) -> Result<S::Value, Malformed> {
    decode_with(text, seed)
}

/// Writes JSON without blanks.
///
/// ```
/// assert_eq!(rulebound::json::write(&("a", [1, 2], None::<bool>)), r#"["a",[1,2],null]"#);
/// ```
///
/// # Panics
///
/// If JSON has no form for the value, such as for an array as a member's name. No shape of this library is such a value.
pub fn write(value: &(impl Serialize + ?Sized)) -> String {
    encode(value)
}

/// Appends a string in its quotes.
///
/// ```
/// let mut json = String::from("[");
/// rulebound::json::quote(&mut json, "6\" pipe");
/// assert_eq!(json, r#"["6\" pipe""#);
/// ```
pub fn quote(to: &mut String, text: &str) {
    quoted(to, text);
}

/// Reads a value.
pub(crate) fn decode<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Malformed> {
    decode_with(text, PhantomData)
}

/// Reads JSON with a seed.
pub(crate) fn decode_with<'de, S: DeserializeSeed<'de>>(text: &'de str, seed: S) -> Result<S::Value, Malformed> {
    finish(Reader::new(text), seed)
}

/// Reads JSON of a provider. It can contain half a surrogate pair, which is read as U+FFFD.
fn decode_mending<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Malformed> {
    finish(Reader::mending(text), PhantomData)
}

fn finish<'de, S: DeserializeSeed<'de>>(mut reader: Reader<'de>, seed: S) -> Result<S::Value, Malformed> {
    let value = seed.deserialize(Json::new(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// Reads one of our unions: an object whose `type`, which [`tag`] reads, names the variant beside the variant's fields.
///
/// Its contents are later nested deeper in a snapshot, and must be readable there. So they can be nested less deep here.
pub(crate) fn decode_tagged<'de, T: Deserialize<'de>>(tag: Cow<'de, str>, text: &'de str) -> Result<T, Malformed> {
    decode_after(&["type"], tag, text)
}

/// Reads a command, whose `flow` can stand beside its `type`.
pub(crate) fn decode_command<'de, T: Deserialize<'de>>(tag: Cow<'de, str>, text: &'de str) -> Result<T, Malformed> {
    decode_after(&["type", "flow"], tag, text)
}

fn decode_after<'de, T: Deserialize<'de>>(known: Known, tag: Cow<'de, str>, text: &'de str) -> Result<T, Malformed> {
    let mut reader = Reader::within(text, SNAPSHOT);
    let value = T::deserialize(Tagged { reader: &mut reader, name: tag, known })?;
    reader.end()?;
    Ok(value)
}

/// The `type` of one of our unions.
pub(crate) fn tag(text: &str) -> Result<Cow<'_, str>, Malformed> {
    match member(text, "type") {
        Some(tag) => tag.map(|Text(tag)| tag).map_err(|error| error.under("/type")),
        // Either it is not an object, or an object without a type.
        None => decode::<Object>(text).and(Err(Malformed::new("/type", "is missing"))),
    }
}

/// Reads one member of an object, wherever it is. Errors in the rest of the object are ignored.
pub(crate) fn member<'de, T: Deserialize<'de>>(text: &'de str, name: &str) -> Option<Result<T, Malformed>> {
    let mut reader = Reader::new(text);
    reader.seek(name)?;
    Some(T::deserialize(Json::new(&mut reader)).map_err(Malformed::from))
}

/// Any object.
#[derive(Deserialize)]
struct Object {}

/// An error of the reader, boxed so that every result of the reader is small.
#[derive(Debug)]
pub(crate) struct ReadError(Box<Malformed>);

impl ReadError {
    fn of(pointer: String, reason: String) -> Self {
        Self(Box::new(Malformed { pointer, reason }))
    }

    /// A scalar that `serde_json` rejects. The message loses its position, which counts from the scalar.
    #[cold]
    fn scalar(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let reason = message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason);
        Self::of(String::new(), reason.to_owned())
    }

    /// The same error in a member with this name.
    #[cold]
    fn within(mut self, name: &str) -> Self {
        self.0.pointer.insert_str(0, &pointer(name));
        self
    }

    /// The same error in the item with this index.
    #[cold]
    fn at(mut self, index: usize) -> Self {
        self.0.pointer.insert_str(0, &format!("/{index}"));
        self
    }
}

/// A name as a part of a JSON Pointer.
pub(crate) fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl From<ReadError> for Malformed {
    fn from(error: ReadError) -> Self {
        *error.0
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for ReadError {}

/// The longest name in characters that an error repeats. What is longer is not a misspelt name.
const MOST_QUOTED: usize = 64;

impl serde::de::Error for ReadError {
    #[cold]
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::of(String::new(), reason.to_string())
    }

    #[cold]
    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let (wanted, found) = (in_json_words(wanted), shown(found, wanted));
        Self::custom(format_args!("expected {wanted}, found {found}"))
    }

    #[cold]
    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }

    #[cold]
    fn unknown_variant(name: &str, expected: &'static [&'static str]) -> Self {
        let known = listed(expected);
        match name.chars().nth(MOST_QUOTED) {
            None => Self::custom(format_args!("unknown name `{name}`, expected {known}")),
            Some(_) => Self::custom(format_args!("unknown name, expected {known}")),
        }
    }

    #[cold]
    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        Self::of(pointer(name), format!("unknown field `{name}`, expected {}", listed(expected)))
    }

    #[cold]
    fn missing_field(name: &'static str) -> Self {
        Self::of(pointer(name), format!("missing field `{name}`"))
    }

    #[cold]
    fn duplicate_field(name: &'static str) -> Self {
        Self::of(pointer(name), format!("duplicate field `{name}`"))
    }
}

/// Names in backticks, as an error lists them.
pub(crate) fn listed(names: &[&str]) -> String {
    if names.is_empty() { "nothing".into() } else { format!("`{}`", names.join("`, `")) }
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
        Unit,
    }

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Item {
        price: i64,
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "the tests only read malformed ones")]
    struct Line {
        id: crate::id::Key,
        #[serde(default)]
        n: u32,
        #[serde(default)]
        list: Vec<crate::time::Millis>,
    }

    fn read(text: &str) -> Result<Union, Malformed> {
        decode_tagged(tag(text)?, text)
    }

    fn field(text: &str) -> String {
        read(text).unwrap_err().pointer
    }

    #[test]
    fn a_type_beside_the_fields_names_the_variant() {
        assert_eq!(read(r#"{"type":"whole","price":1}"#), Ok(Union::Whole(Item { price: 1 })));
        assert_eq!(read(r#"{"item":{"price":1},"type":"line"}"#), Ok(Union::Line { item: Item { price: 1 } }));
        assert_eq!(read(r#"{"type":"nothing"}"#), Ok(Union::Nothing {}));
        assert_eq!(read(r#"{"type":"unit"}"#), Ok(Union::Unit));
    }

    #[test]
    fn an_error_names_the_field() {
        assert_eq!(field(r#"{"type":"line","item":{"price":"1"}}"#), "/item/price");
        assert_eq!(field(r#"{"type":"line","item":{"cost":1}}"#), "/item/cost");
        assert_eq!(field(r#"{"type":"line"}"#), "/item");
        assert_eq!(field(r#"{"type":"whole","price":1.5}"#), "/price");
        assert_eq!(field(r#"{"type":"nothing","x":1}"#), "/x");
        assert_eq!(field(r#"{"type":"unit","x":1}"#), "/x");
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
        let command = |text| tag(text).and_then(|it| decode_command::<Union>(it, text)).map_err(|it| it.pointer);
        assert_eq!(command(r#"{"flow":"f","type":"whole","price":1}"#), Ok(Union::Whole(Item { price: 1 })));
        assert_eq!(command(r#"{"flow":"f","type":"nothing"}"#), Ok(Union::Nothing {}));
        assert_eq!(command(r#"{"flow":"f","type":"nothing","flow":"f"}"#), Err("/flow".into()));
        assert_eq!(field(r#"{"flow":"f","type":"nothing"}"#), "/flow");
    }

    #[test]
    fn an_error_is_in_words_of_json_and_repeats_no_string() {
        let reason = |value: &str| read(&format!(r#"{{"type":"whole","price":{value}}}"#)).unwrap_err().reason;
        assert_eq!(reason(r#""secret""#), "expected a whole number, found a string");
        assert_eq!(reason("1.5"), "expected a whole number, found 1.5");
        assert_eq!(reason("18446744073709551615"), "expected a whole number, found 18446744073709551615");
        assert_eq!(reason("null"), "expected a whole number, found null");
        assert_eq!(reason("[]"), "expected a whole number, found an array");
        assert_eq!(reason("x"), "expected a value");
        assert_eq!(reason("1,\"x\":2"), "unknown field `x`, expected `price`");
        assert_eq!(read("[]").unwrap_err().reason, "expected an object, found an array");
    }

    #[test]
    fn every_error_has_a_pointer_even_where_serde_gives_none() {
        let field = |text: &str| decode::<Vec<Line>>(text).unwrap_err().pointer;
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
