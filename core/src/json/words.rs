//! What an error says was expected, and what it says is there instead.

use alloc::format;
use alloc::string::{String, ToString};

use serde::de::{Expected, Unexpected};

use crate::money::IN_CENTS;

/// What is expected, in words of JSON and not of Rust.
pub(super) fn in_json_words(wanted: &dyn Expected) -> String {
    let wanted = wanted.to_string();
    let plain = match wanted.as_str() {
        "i64" => "a whole number",
        "u64" => "a whole number from 0",
        "u32" => "a whole number from 0 to 4294967295",
        "u16" => "a whole number from 0 to 65535",
        "u8" => "a whole number from 0 to 255",
        "a sequence" => "an array",
        "a map" => "an object",
        rust if rust.starts_with("struct ") => "an object",
        rust if rust.starts_with("tuple ") => "an array",
        rust if rust.starts_with("enum ") => "one of its names",
        _ => return wanted,
    };
    plain.into()
}

/// What is there instead. A string that looks like an amount is shown where an amount must be.
pub(super) fn shown(found: Unexpected<'_>, wanted: &dyn Expected) -> String {
    let is_amount =
        |it: &str| it.len() <= 20 && it.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b',' | b'-'));
    match found {
        Unexpected::Str(text) if is_amount(text) && wanted.to_string() == IN_CENTS => format!("the string `{text}`"),
        other => kind(other),
    }
}

/// What is there instead. It never contains a string itself, which may be a secret.
fn kind(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("{value}"),
        Unexpected::Unsigned(number) => format!("{number}"),
        Unexpected::Signed(number) => format!("{number}"),
        Unexpected::Float(number) => format!("{number:?}"),
        Unexpected::Str(_) => "a string".into(),
        Unexpected::Unit => "null".into(),
        Unexpected::Map | Unexpected::NewtypeVariant => "an object".into(),
        Unexpected::Seq => "an array".into(),
        other => format!("{other}"),
    }
}
