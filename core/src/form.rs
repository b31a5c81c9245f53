//! Forms, `application/x-www-form-urlencoded`. Each field is read by itself, so that a malformed one does not affect the rest.

use alloc::string::String;
use alloc::vec::Vec;

use crate::json::unmarked;

/// The fields of a form, as bytes without their escapes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Form(Vec<(Vec<u8>, Vec<u8>)>);

impl Form {
    /// Reads a form. A name without a value has an empty value, and a malformed escape stays as it is.
    pub(crate) fn read(body: &[u8]) -> Self {
        let body = unmarked(body).trim_ascii();
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let field = |pair: &[u8]| {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let mut part = || plain(parts.next().unwrap_or_default());
            (part(), part())
        };
        Self(pairs.map(field).collect())
    }

    /// The first field with this name, unless it is not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let field = self.0.iter().find(|(have, _)| have == name.as_bytes());
        String::from_utf8(field?.1.clone()).ok()
    }
}

/// A name or a value without its escapes.
fn plain(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let mut escaped = [0];
        let code = if *byte == b'%' { after.split_at_checked(2) } else { None };
        match (byte, code) {
            (_, Some((code, after))) if hex::decode_to_slice(code, &mut escaped).is_ok() => {
                bytes.extend_from_slice(&escaped);
                rest = after;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_read_by_itself() {
        let form = Form::read(b"&&a=1+2%2B&name&=x&bad=%FF&half=%f&zz=%zz&b=%7B%22c%22%3A%20%22%26%3D%22%7D&a=2&\r\n");
        let text = |name: &str| form.text(name);
        assert_eq!(text("a").as_deref(), Some("1 2+"));
        assert_eq!(text("name").as_deref(), Some(""));
        assert_eq!(text("").as_deref(), Some("x"));
        assert_eq!(text("bad"), None);
        assert_eq!(text("half").as_deref(), Some("%f"));
        assert_eq!(text("zz").as_deref(), Some("%zz"));
        assert_eq!(text("b").as_deref(), Some(r#"{"c": "&="}"#));
        assert_eq!(text("c"), None);
        assert_eq!(Form::read(b"\xef\xbb\xbfa=1").text("a").as_deref(), Some("1"));
        assert_eq!(Form::read(b"a=b=c\xff&d=e").text("d").as_deref(), Some("e"));
    }
}
