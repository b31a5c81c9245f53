//! Whether JSON was cut off, such as by a column that is too short.

use alloc::vec::Vec;

use super::plain;

/// Whether the text is the beginning of an object or an array, and ends before its last bracket.
#[cold]
pub(crate) fn is_cut_off(text: &str) -> bool {
    let (mut rest, mut open) = (text.as_bytes(), Vec::new());
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' if open.pop() != Some(*byte) => return false,
            b'"' => match after_text(after) {
                Some(after) => rest = after,
                None => return true,
            },
            _ => {}
        }
    }
    !open.is_empty()
}

/// What follows a string whose first quote was read; nothing if the string does not end.
fn after_text(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest.get(plain(rest)..)? {
            [b'"', after @ ..] => return Some(after),
            [b'\\', _, after @ ..] | [_, after @ ..] => after,
            [] => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_off_if_a_bracket_or_a_quote_is_missing() {
        let whole = r#"{"a":[1,"}]\\\"",{"b":"é\u00e9"}],"c":null}"#;
        assert!(!is_cut_off(whole));
        for (end, _) in whole.char_indices().skip(1) {
            let start = whole.get(..end).unwrap();
            assert!(is_cut_off(start), "{start}");
        }
    }

    #[test]
    fn another_mistake_is_not_a_cut() {
        for text in ["", "x", "null", "{]", r#"{"a":[}"#, r#"{"a"} {"#.trim_end_matches(" {")] {
            assert!(!is_cut_off(text), "{text}");
        }
    }
}
