//! Finding one's way in a JSON text without reading it: the text may be broken anywhere.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// The value of a member of the object that the text is, where that is a scalar; nothing says nothing.
pub(crate) fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut tokens = Tokens { rest: text };
    let (mut depth, mut names) = (0_u32, false);
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => {
                depth = depth.saturating_add(1);
                names = depth == 1;
            }
            "}" | "]" => depth = depth.saturating_sub(1),
            "," => names = depth == 1,
            _ if names => {
                names = false;
                if unquoted(token) == Some(name) {
                    return tokens.next().filter(|it| *it == ":").and_then(|_| tokens.next());
                }
            }
            _ => {}
        }
    }
    None
}

/// Which of the values around a place in a text is meant.
#[derive(Clone, Copy)]
pub(super) enum Which {
    /// The scalar that ended last; the object that it names a member of, where it has just named one.
    Scalar,
    /// The object or list that ended last, or the value that has begun.
    Whole,
    /// The value that comes next, or else what it is missing from.
    Next,
}

/// A JSON Pointer to a value around a place in a text.
pub(super) fn pointer(text: &str, end: usize, which: Which) -> String {
    let mut path = Path { levels: Vec::new(), open: 0, last: "", named: false };
    let mut tokens = Tokens { rest: text };
    while let Some(token) = tokens.next() {
        if text.len().saturating_sub(tokens.rest.len()) > end {
            break;
        }
        path.take(token);
    }
    path.pointer(which)
}

/// One object or list on the way to a value.
enum Level<'a> {
    Object(Option<&'a str>),
    List(usize),
}

/// The way to a value: the levels that are open, then those that ended since the last scalar.
struct Path<'a> {
    levels: Vec<Level<'a>>,
    open: usize,
    /// The last token.
    last: &'a str,
    /// Whether that is the name of a member.
    named: bool,
}

impl<'a> Path<'a> {
    fn take(&mut self, token: &'a str) {
        self.named = false;
        match token {
            "}" | "]" => self.open = self.open.saturating_sub(1),
            "," | ":" => {}
            _ => {
                self.go_on();
                match (token, self.levels.last_mut()) {
                    ("{", _) => self.enter(Level::Object(None)),
                    ("[", _) => self.enter(Level::List(0)),
                    (_, Some(Level::Object(name @ None))) => {
                        *name = unquoted(token);
                        self.named = true;
                    }
                    _ => {}
                }
            }
        }
        self.last = token;
    }

    /// Leaves what has ended, and passes the comma.
    fn go_on(&mut self) {
        self.levels.truncate(self.open);
        if self.last == "," {
            match self.levels.last_mut() {
                Some(Level::Object(name)) => *name = None,
                Some(Level::List(index)) => *index = index.saturating_add(1),
                None => {}
            }
        }
    }

    fn enter(&mut self, level: Level<'a>) {
        self.levels.push(level);
        self.open = self.levels.len();
    }

    fn pointer(mut self, which: Which) -> String {
        match which {
            Which::Scalar if self.named => {
                self.levels.pop();
            }
            Which::Scalar => {}
            Which::Whole => self.levels.truncate(self.open),
            Which::Next => {
                self.go_on();
                if !matches!(self.last, "," | ":" | "[") {
                    self.levels.pop();
                }
            }
        }
        let mut text = String::new();
        for level in &self.levels {
            let _ = match level {
                Level::Object(None) => Ok(()),
                Level::Object(Some(name)) => write!(text, "/{}", name.replace('~', "~0").replace('/', "~1")),
                Level::List(index) => write!(text, "/{index}"),
            };
        }
        text
    }
}

/// The tokens of a JSON text: marks, texts with their quotes, and what stands between.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_ascii_start();
        let length = match rest.as_bytes().first()? {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => text_length(rest),
            _ => rest.find(|it: char| "{}[],:\"".contains(it) || it.is_ascii_whitespace()).unwrap_or(rest.len()),
        };
        let (token, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(token)
    }
}

/// The length of the text in quotes with which something begins.
fn text_length(from: &str) -> usize {
    let mut escaped = false;
    let end = from.bytes().skip(1).position(|byte| match byte {
        b'"' => !core::mem::take(&mut escaped),
        _ => {
            escaped = byte == b'\\' && !escaped;
            false
        }
    });
    end.map_or(from.len(), |end| end.saturating_add(2))
}

/// What stands in the quotes, as it is written.
fn unquoted(token: &str) -> Option<&str> {
    token.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a\"": [1, {"b/c": "x,]"}, [], {"d": null}], "type" : "t", "e": {"type": 2}}"#;

    fn after(mark: &str, which: Which) -> String {
        pointer(TEXT, TEXT.find(mark).unwrap().saturating_add(mark.len()), which)
    }

    #[test]
    fn a_member_is_found_at_the_outermost_level_only() {
        assert_eq!(member(TEXT, "type"), Some("\"t\""));
        assert_eq!(member(TEXT, "d"), None);
        assert_eq!(member(r#"{"a": {"type": 1}, "type": "x"}"#, "type"), Some("\"x\""));
        assert_eq!(member(r#"{"a": "type", "b": [{"type": 1}]}"#, "type"), None);
        for broken in ["", "{", "{\"type\"", "{\"type\":", "{\"type\" 1}", "[[[", "}}}", "\"", "{\"type"] {
            assert_eq!(member(broken, "type"), None, "{broken}");
        }
    }

    #[test]
    fn a_pointer_leads_to_the_scalar_that_ended_last() {
        assert_eq!(after("[1", Which::Scalar), "/a\\\"/0");
        assert_eq!(after("[1, ", Which::Scalar), "/a\\\"/0");
        assert_eq!(after("x,]\"", Which::Scalar), "/a\\\"/1/b~1c");
        assert_eq!(after("x,]\"}, ", Which::Scalar), "/a\\\"/1/b~1c");
        assert_eq!(after("null}]", Which::Scalar), "/a\\\"/3/d");
        assert_eq!(after("\"t\"", Which::Scalar), "/type");
        assert_eq!(after("\"d\"", Which::Scalar), "/a\\\"/3");
    }

    #[test]
    fn a_pointer_leads_to_what_has_ended_or_comes_next() {
        assert_eq!(after("x,]\"}", Which::Whole), "/a\\\"/1");
        assert_eq!(after("[]", Which::Whole), "/a\\\"/2");
        assert_eq!(after("null}]", Which::Whole), "/a\\\"");
        assert_eq!(after("\"d\"", Which::Whole), "/a\\\"/3/d");
        assert_eq!(after("[1, ", Which::Next), "/a\\\"/1");
        assert_eq!(after("\"e\": ", Which::Next), "/e");
        assert_eq!(after("null}", Which::Next), "/a\\\"");
        assert_eq!(after("null", Which::Next), "/a\\\"/3");
        assert_eq!(pointer(TEXT, TEXT.len(), Which::Whole), "");
        assert_eq!(pointer("{\"a\": 1, \"b", 11, Which::Next), "");
    }
}
