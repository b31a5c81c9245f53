//! Reads JSON of a provider leniently, so that an unimportant member never makes a reply or a webhook unreadable.

use alloc::format;
use alloc::string::String;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};

use super::{RawText, decode_mending as decode};

/// The byte order mark of UTF-8, which some programs put before JSON.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A body without the byte order mark that some programs put before it.
pub(crate) fn unmarked(body: &[u8]) -> &[u8] {
    body.strip_prefix(MARK).unwrap_or(body)
}

/// Reads a body as one of the provider's shapes. It can have more members, and half a surrogate pair.
pub(crate) fn read_body<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Option<T> {
    decode(core::str::from_utf8(unmarked(body)).ok()?).ok()
}

/// Reads a member that is not essential. A value of another type counts as absent.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(in_some_form(RawText::deserialize(deserializer)?.get()))
}

/// Reads an essential member. A number can be written as a string, and a string as a number.
pub(crate) fn any_form<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let raw = RawText::deserialize(deserializer)?.get();
    in_some_form(raw).ok_or_else(|| D::Error::custom("has another type"))
}

/// Reads an essential string that can be absent. It can be written as an integer.
pub(crate) fn string_or_int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = RawText::deserialize(deserializer)?.get();
    match raw.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => decode(raw).map(filled).map_err(D::Error::custom),
        _ => {
            integer(raw).map(|it| Some(it.into())).ok_or_else(|| D::Error::custom("is neither a string nor an integer"))
        }
    }
}

/// Reads a string that is not essential. It can be written as an integer, and any other value counts as absent.
pub(crate) fn lenient_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = RawText::deserialize(deserializer)?.get();
    Ok(match raw.as_bytes().first() {
        Some(b'"') => string(raw).and_then(filled),
        _ => integer(raw).map(String::from),
    })
}

/// The contents of a JSON string. Most strings have no escapes.
fn string(raw: &str) -> Option<String> {
    match unquoted(raw) {
        Some(plain) if !plain.contains('\\') => Some(plain.into()),
        _ => decode(raw).ok(),
    }
}

/// The part between the quotes, as it is written.
fn unquoted(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Reads a value. A number can be written as a string or with the fraction `.0`, and a string as a number.
fn in_some_form<T: DeserializeOwned>(raw: &str) -> Option<T> {
    if let Ok(value) = decode(raw) {
        return Some(value);
    }
    let number = integer(unquoted(raw).unwrap_or(raw))?;
    decode(number).or_else(|_| decode(&format!("\"{number}\""))).ok()
}

/// The sign and the digits of a whole number, without a fraction such as `.0`.
fn integer(text: &str) -> Option<&str> {
    let (number, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_plain = digits == "0" || (!digits.is_empty() && !digits.starts_with('0'));
    let is_whole = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    (is_plain && is_whole && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

/// The JSON of a string, with U+FFFD in place of every unpaired surrogate.
pub(super) fn mended(raw: &str) -> String {
    let mut mended = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        let is_half = |at: usize, wanted: u8| {
            let unit = escape.get(at..).and_then(unit);
            unit.is_some_and(|unit| unit.to_be_bytes().first().is_some_and(|high| high & 0xfc == wanted))
        };
        let (length, is_unpaired) = match (is_half(0, 0xd8), is_half(0, 0xdc)) {
            (true, _) if is_half(6, 0xdc) => (12, false),
            (false, false) => (2, false),
            _ => (6, true),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        mended.push_str(before);
        mended.push_str(if is_unpaired { "\\ufffd" } else { escape });
        rest = after;
    }
    mended.push_str(rest);
    mended
}

/// The number of the escape `\uXXXX` at the beginning.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EffectId;
    use crate::money::Cents;

    #[derive(Deserialize, PartialEq, Debug, Default)]
    #[serde(default)]
    struct Body {
        #[serde(deserialize_with = "lenient")]
        amount: Option<Cents>,
        #[serde(deserialize_with = "lenient")]
        id: Option<EffectId>,
        #[serde(deserialize_with = "lenient_text")]
        text: Option<String>,
        #[serde(deserialize_with = "string_or_int")]
        whole: Option<String>,
    }

    #[derive(Deserialize, PartialEq, Debug)]
    struct Essential {
        #[serde(deserialize_with = "any_form")]
        amount: Cents,
    }

    fn read(body: &str) -> Body {
        read_body(body.as_bytes()).unwrap_or_else(|| panic!("{body}"))
    }

    #[test]
    fn an_amount_is_read_as_a_number_as_a_string_or_with_the_fraction_0() {
        for written in ["4999", "4999.0", "4999.00", "\"4999\"", "\"4999.0\""] {
            assert_eq!(read(&format!("{{\"amount\":{written}}}")).amount, Some(Cents::new(4999)), "{written}");
            let essential = read_body(format!("{{\"amount\":{written}}}").as_bytes());
            assert_eq!(essential, Some(Essential { amount: Cents::new(4999) }), "{written}");
        }
        assert_eq!(read(r#"{"amount":"-1"}"#).amount, Some(Cents::new(-1)));
        for other in
            ["49.99", "\"49.99\"", "\"\"", "\"4,999\"", "\" 4999\"", "4e3", "\"4999.\"", "\"-\"", "true", "{}", "null"]
        {
            assert_eq!(read(&format!("{{\"amount\":{other}}}")).amount, None, "{other}");
            assert_eq!(read_body::<Essential>(format!("{{\"amount\":{other}}}").as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn an_id_is_read_as_a_string_or_a_number() {
        let long = "123456789012345678901234567890";
        for written in [long.into(), format!("\"{long}\"")] {
            let all = read(&format!("{{\"id\":{written},\"text\":{written},\"whole\":{written}}}"));
            assert_eq!(all.id, EffectId::parse(long).ok(), "{written}");
            assert_eq!((all.text.as_deref(), all.whole.as_deref()), (Some(long), Some(long)), "{written}");
        }
        assert_eq!(read(r#"{"id":[1],"text":1.5,"whole":null}"#), Body::default());
        assert_eq!(read_body::<Body>(br#"{"whole":1.5}"#), None);
        assert_eq!(read(r#"{"text":"","whole":""}"#), Body::default());
    }

    #[test]
    fn a_byte_order_mark_and_an_unpaired_surrogate_do_not_make_a_body_unreadable() {
        assert_eq!(read("\u{feff}{\"text\":\"a\"}").text.as_deref(), Some("a"));
        let cut = r#"{"customer":"\ud83d","\ud83d\ude00":["\ude00\ud83d"],"text":"\\\ud83d\u00e9\ud83d\ude00\ude00"}"#;
        assert_eq!(read(cut).text.as_deref(), Some("\\\u{fffd}é😀\u{fffd}"));
        assert_eq!(read(r#"{"id":"abc\ud83d","amount":"\ud83d"}"#), Body::default());
        assert_eq!(read(r#"{"whole":"\ud83d","text":"a\ude00"}"#).whole.as_deref(), Some("\u{fffd}"));
        let value: serde_json::Value = read_body(br#"{"a":["\ud83dx",{"\ude00":1}]}"#).unwrap();
        assert_eq!(value, serde_json::json!({"a": ["\u{fffd}x", {"\u{fffd}": 1}]}));
        for wrong in [r#"{"x":"\ud8"}"#, r#"{"x":"\x"}"#, "{\"x\":\"\u{1}\"}", r#"{"x":"\"#, r#"{"x":"a}"#] {
            assert_eq!(read_body::<Body>(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
