//! URLs: what may stand in a path or a query as it is, and what is an address at all.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use crate::id::is_word;

/// A text as one segment of a path, or as one value of a query.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_word) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::new();
    for byte in text.bytes() {
        if is_word(byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(escaped)
}

/// Whether a URL has a scheme of the web, and a host.
pub(crate) fn is_absolute(url: &str) -> bool {
    url.split_once("://")
        .is_some_and(|(scheme, rest)| matches!(scheme, "https" | "http") && !rest.starts_with('/') && !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_segment_of_the_path() {
        assert_eq!(escaped("pt_1"), "pt_1");
        assert_eq!(escaped("a/../b?c"), "a%2F..%2Fb%3Fc");
    }

    #[test]
    fn a_url_is_absolute() {
        assert!(is_absolute("https://shop.example/ok"));
        assert!(!is_absolute("/ok"));
        assert!(!is_absolute("https:///ok"));
        assert!(!is_absolute("javascript://x"));
    }
}
