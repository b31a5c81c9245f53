//! The canonical form of JSON: without white space, members sorted by their names, every number as it is written.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::json::{Malformed, RawText, decode, pointer, quote};

/// The canonical form of JSON, or what is wrong with it. An object cannot have the same member twice.
pub(super) fn exact(text: &str) -> Result<String, Malformed> {
    let mut exact = String::with_capacity(text.len());
    write(decode(text)?, &mut exact)?;
    Ok(exact)
}

fn write(value: RawText<'_>, to: &mut String) -> Result<(), Malformed> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => object(text, to),
        Some(b'[') => array(text, to),
        Some(b'"') => {
            quote(to, &decode::<String>(text)?);
            Ok(())
        }
        _ => {
            to.push_str(text);
            Ok(())
        }
    }
}

fn object(text: &str, to: &mut String) -> Result<(), Malformed> {
    let Members(mut members) = decode(text)?;
    members.sort_unstable_by(|(one, _), (two, _)| one.cmp(two));
    to.push('{');
    let mut last = None;
    for (name, value) in &members {
        if last.is_some() {
            to.push(',');
        }
        if last.replace(name) == Some(name) {
            return Err(Malformed::new(pointer(name), "is there twice"));
        }
        quote(to, name);
        to.push(':');
        write(*value, to).map_err(|error| error.under(&pointer(name)))?;
    }
    to.push('}');
    Ok(())
}

fn array(text: &str, to: &mut String) -> Result<(), Malformed> {
    to.push('[');
    for (index, value) in decode::<Vec<RawText<'_>>>(text)?.into_iter().enumerate() {
        if index > 0 {
            to.push(',');
        }
        write(value, to).map_err(|error| error.under(&format!("/{index}")))?;
    }
    to.push(']');
    Ok(())
}

/// The members of an object in the order in which they are written, duplicates included.
struct Members<'a>(Vec<(String, RawText<'a>)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_one_form_in_which_every_number_keeps_its_digits() {
        for (text, wanted) in [
            (
                " { \"b\" : [ 1.10 , -0, 1E+2 ] ,\n\"a\" : { } , \"\\u0061a\": [] } ",
                r#"{"a":{},"aa":[],"b":[1.10,-0,1E+2]}"#,
            ),
            ("12345678901234567890.0123456789", "12345678901234567890.0123456789"),
            ("[\"\\u00e9\\ud83d\\ude00\\n\", true, null]", "[\"é😀\\n\",true,null]"),
        ] {
            assert_eq!(exact(text).as_deref(), Ok(wanted));
            assert_eq!(exact(wanted).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn an_error_has_a_pointer() {
        let wrong = |text: &str| exact(text).map_err(|it| it.pointer);
        assert_eq!(wrong(r#"{"a":[{"b":1,"b":1}]}"#), Err("/a/0/b".into()));
        assert_eq!(wrong(r#"{"a/~":{"b":"\ud83d"}}"#), Err("/a~1~0/b".into()));
        assert_eq!(wrong("[01]"), Err("/0".into()));
        assert_eq!(wrong("[1] 2"), Err(String::new()));
        assert_eq!(wrong(""), Err(String::new()));
        assert!(exact(&format!("{}{}", "[".repeat(127), "]".repeat(127))).is_ok());
        assert!(exact(&"[".repeat(1 << 20)).is_err());
    }
}
