//! JSON text, as the core reads and writes it itself: for bindings that make of it what their language has.

use alloc::string::String;

use serde::Serialize;
use serde::de::DeserializeSeed;

use crate::decode::{Malformed, decode_with};
use crate::encode;

/// Reads what a seed makes of JSON, and names the field of what is wrong.
///
/// ```
/// use std::marker::PhantomData;
/// let read = |text| rulebound::json::read(text, PhantomData::<Vec<u32>>);
/// assert_eq!(read("[1, 2]").unwrap(), [1, 2]);
/// assert_eq!(read("[1, -2]").unwrap_err().field, "/1");
/// ```
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
/// For what JSON has no form for, such as a list as a name; no shape of this library is so.
pub fn write(value: &(impl Serialize + ?Sized)) -> String {
    encode::encode(value)
}

/// Appends a text in its quotes.
///
/// ```
/// let mut json = String::from("[");
/// rulebound::json::quote(&mut json, "6\" pipe");
/// assert_eq!(json, r#"["6\" pipe""#);
/// ```
pub fn quote(to: &mut String, text: &str) {
    encode::quote(to, text);
}
