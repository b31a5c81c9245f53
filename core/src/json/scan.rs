//! The scanner: it walks through JSON, and leaves only the scalars that are not plain to `serde_json`.

use alloc::borrow::Cow;
use alloc::string::String;
use core::mem::take;

use serde::de::{Error, Expected, Unexpected};
use serde_json::Number;

use super::ReadError;
use super::lenient::mended;

/// How deep objects and arrays can be nested.
const DEEPEST: u8 = 127;

/// A position in JSON.
pub(super) struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
    /// Whether an unpaired surrogate is read as U+FFFD.
    mends: bool,
}

/// A number as `serde` hands it over.
pub(super) enum Count {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

type Read<T> = Result<T, ReadError>;

impl<'de> Reader<'de> {
    pub(super) const fn new(text: &'de str) -> Self {
        Self::within(text, 0)
    }

    /// A reader of JSON that is nested in `depth` objects and arrays.
    pub(super) const fn within(text: &'de str, depth: u8) -> Self {
        Self { text, at: 0, depth, mends: false }
    }

    /// A reader that reads an unpaired surrogate as U+FFFD. An emoji that a program cut off leaves one.
    pub(super) const fn mending(text: &'de str) -> Self {
        Self { text, at: 0, depth: 0, mends: true }
    }

    /// The next byte after white space; nothing at the end.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.pass(1),
                next => return next.copied(),
            }
        }
    }

    #[inline(always)]
    fn pass(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    #[inline(always)]
    fn rest(&self) -> &'de str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Checks that the JSON ends here.
    pub(super) fn end(&mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(ReadError::custom("trailing characters")),
        }
    }

    /// The error of a value that has another type than the expected one.
    #[cold]
    pub(super) fn unexpected(&mut self, expected: &dyn Expected) -> ReadError {
        let text;
        let found = match self.peek() {
            Some(b'{') => Unexpected::Map,
            Some(b'[') => Unexpected::Seq,
            Some(b'"') => match self.text() {
                Ok(found) => {
                    text = found;
                    Unexpected::Str(&text)
                }
                Err(error) => return error,
            },
            Some(b't' | b'f' | b'n') => match self.word() {
                Ok(None) => Unexpected::Unit,
                Ok(Some(found)) => Unexpected::Bool(found),
                Err(error) => return error,
            },
            Some(b'0'..=b'9' | b'-') => match self.count(expected) {
                Ok(Count::Unsigned(found)) => Unexpected::Unsigned(found),
                Ok(Count::Signed(found)) => Unexpected::Signed(found),
                Ok(Count::Float(found)) => Unexpected::Float(found),
                Err(error) => return error,
            },
            _ => return self.no_value(),
        };
        ReadError::invalid_type(found, expected)
    }

    /// Reads `true` or `false`, or nothing for `null`.
    pub(super) fn word(&mut self) -> Read<Option<bool>> {
        let words = [("null", None), ("true", Some(true)), ("false", Some(false))];
        match words.into_iter().find(|(word, _)| self.rest().starts_with(word)) {
            Some((word, value)) => {
                self.pass(word.len());
                Ok(value)
            }
            None => Err(self.no_value()),
        }
    }

    #[cold]
    fn no_value(&self) -> ReadError {
        match self.rest().is_empty() {
            true => self.ends("where a value is expected"),
            false => ReadError::custom("expected a value"),
        }
    }

    /// The error of JSON that ends too early.
    #[cold]
    fn ends(&self, place: &str) -> ReadError {
        ReadError::custom(format_args!("the JSON ends after {} bytes, {place}", self.text.len()))
    }

    /// Reads a number, or reports what is there instead.
    pub(super) fn count(&mut self, expected: &dyn Expected) -> Read<Count> {
        match self.peek() {
            Some(b'0'..=b'9' | b'-') => {}
            _ => return Err(self.unexpected(expected)),
        }
        if let Some(digits) = self.digits() {
            return Ok(Count::Unsigned(digits));
        }
        let number = self.number()?;
        Ok(match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => Count::Unsigned(number),
            (_, Some(number), _) => Count::Signed(number),
            (.., number) => Count::Float(number.unwrap_or(f64::NAN)),
        })
    }

    /// Reads a number that has only digits; nothing if it is another number.
    fn digits(&mut self) -> Option<u64> {
        let rest = self.rest().as_bytes();
        let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let is_plain = match rest.first()? {
            b'0' => end == 1,
            _ => (1..=18).contains(&end),
        };
        if !is_plain || matches!(rest.get(end), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        let digits = rest.get(..end)?;
        let value = digits
            .iter()
            .fold(0_u64, |all, digit| all.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0'))));
        self.pass(end);
        Some(value)
    }

    /// Reads any other number.
    fn number(&mut self) -> Read<Number> {
        let rest = self.rest();
        let end = rest.find(|it: char| !matches!(it, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let number = rest.get(..end).filter(|it| !it.is_empty()).ok_or_else(|| self.no_value())?;
        let value = serde_json::from_str(number).map_err(|error| ReadError::scalar(&error))?;
        self.pass(end);
        Ok(value)
    }

    /// Reads a string, or reports what is there instead.
    pub(super) fn string(&mut self, expected: &dyn Expected) -> Read<Cow<'de, str>> {
        match self.peek() {
            Some(b'"') => self.text(),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// Reads a string whose quote comes next.
    pub(super) fn text(&mut self) -> Read<Cow<'de, str>> {
        self.pass(1);
        let rest = self.rest();
        let length = plain(rest.as_bytes());
        match (rest.as_bytes().get(length), rest.get(..length)) {
            (Some(b'"'), Some(plain)) => {
                self.pass(length.saturating_add(1));
                Ok(Cow::Borrowed(plain))
            }
            _ => self.escaped().map(Cow::Owned),
        }
    }

    /// Reads a string with escapes, after its first quote.
    #[cold]
    fn escaped(&mut self) -> Read<String> {
        let rest = self.text.get(self.at.saturating_sub(1)..).unwrap_or_default();
        let mut after_escape = false;
        let quote = rest.bytes().skip(1).position(|byte| {
            let was = core::mem::replace(&mut after_escape, false);
            after_escape = byte == b'\\' && !was;
            byte == b'"' && !was
        });
        let length = quote.map_or(rest.len(), |quote| quote.saturating_add(2));
        let quoted = rest.get(..length).unwrap_or(rest);
        let text = match serde_json::from_str(quoted) {
            Err(_) if self.mends => serde_json::from_str(&mended(quoted)),
            text => text,
        };
        let text = text.map_err(|error| match quote {
            Some(_) => ReadError::scalar(&error),
            None => self.ends("within a string"),
        })?;
        self.pass(length.saturating_sub(1));
        Ok(text)
    }

    /// Passes a string without reading it. It can contain an unpaired surrogate.
    fn pass_text(&mut self) -> Read<()> {
        let quote = self.at;
        self.pass(1);
        loop {
            self.pass(plain(self.rest().as_bytes()));
            match self.rest().as_bytes() {
                [b'"', ..] => break,
                [b'\\', b'u', code @ ..] if code.iter().take(4).filter(|it| it.is_ascii_hexdigit()).count() == 4 => {
                    self.pass(6)
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.pass(2),
                _ => {
                    self.at = quote;
                    return self.text().map(drop);
                }
            }
        }
        self.pass(1);
        Ok(())
    }

    /// Enters an object or an array if one comes next, and returns the depth around it.
    pub(super) fn enter(&mut self, open: u8) -> Read<Option<u8>> {
        let depth = self.depth;
        if self.peek() != Some(open) {
            return Ok(None);
        }
        if depth >= DEEPEST {
            return Err(ReadError::custom("is nested too deeply"));
        }
        self.pass(1);
        self.depth = depth.saturating_add(1);
        Ok(Some(depth))
    }

    /// Whether another member or item comes next. If not, this passes the closing bracket.
    pub(super) fn more(&mut self, first: bool, close: u8) -> Read<bool> {
        match self.peek() {
            Some(next) if next == close => {
                self.pass(1);
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            Some(_) if first => Ok(true),
            Some(b',') => {
                self.pass(1);
                Ok(true)
            }
            Some(_) => Err(ReadError::custom("expected a comma or a closing bracket")),
            None => Err(self.ends("before its closing bracket")),
        }
    }

    /// Checks that the object or array, which was entered at this depth, ends here or has ended.
    pub(super) fn leave(&mut self, depth: u8, close: u8) -> Read<()> {
        match self.depth == depth || !self.more(false, close)? {
            true => Ok(()),
            false => Err(ReadError::custom("has more items than expected")),
        }
    }

    /// Reads the name of a member and its colon, and sets `at` to the position of the name.
    pub(super) fn name(&mut self, at: &mut usize) -> Read<Cow<'de, str>> {
        if self.peek() != Some(b'"') {
            return Err(ReadError::custom("expected the name of a member"));
        }
        *at = self.at;
        let name = self.text()?;
        if self.peek() != Some(b':') {
            return Err(ReadError::custom("expected a colon").within(&name));
        }
        self.pass(1);
        Ok(name)
    }

    /// The name at a position where one was read before.
    #[cold]
    pub(super) fn name_at(&self, at: usize) -> Cow<'de, str> {
        Self { text: self.text, at, depth: 0, mends: self.mends }.text().unwrap_or_default()
    }

    /// Goes to the value of a member of the next object; nothing if there is no such member.
    pub(super) fn seek(&mut self, name: &str) -> Option<()> {
        self.enter(b'{').ok()??;
        let (mut first, mut at) = (true, 0);
        while self.more(take(&mut first), b'}').ok()? {
            if self.name(&mut at).ok()? == name {
                return Some(());
            }
            self.skip().ok()?;
        }
        None
    }

    /// Passes any value, and returns it as it is written.
    pub(super) fn span(&mut self) -> Read<&'de str> {
        let _ = self.peek();
        let from = self.at;
        self.skip()?;
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    /// Passes any value.
    pub(super) fn skip(&mut self) -> Read<()> {
        if self.enter(b'{')?.is_some() {
            let (mut first, mut at) = (true, 0);
            while self.more(take(&mut first), b'}')? {
                self.name(&mut at)?;
                self.skip().map_err(|error| error.within(&self.name_at(at)))?;
            }
            return Ok(());
        }
        if self.enter(b'[')?.is_some() {
            let mut index = 0_usize;
            while self.more(index == 0, b']')? {
                self.skip().map_err(|error| error.at(index))?;
                index = index.saturating_add(1);
            }
            return Ok(());
        }
        match self.peek() {
            Some(b'"') => self.pass_text(),
            Some(b't' | b'f' | b'n') => self.word().map(drop),
            _ if self.digits().is_some() => Ok(()),
            _ => self.number().map(drop),
        }
    }
}

/// The number of bytes before a quote, a backslash, a control character or the end. It compares eight bytes at a time.
pub(crate) fn plain(text: &[u8]) -> usize {
    let (chunks, rest) = text.as_chunks::<8>();
    let mut length = 0_usize;
    for chunk in chunks {
        match plain_of(*chunk) {
            8 => length = length.saturating_add(8),
            fewer => return length.saturating_add(fewer),
        }
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    length.saturating_add(plain_of(last))
}

#[inline]
fn plain_of(bytes: [u8; 8]) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    let bytes = u64::from_le_bytes(bytes);
    // Sets the highest bit of each byte that is less than `n`, and perhaps of bytes after it.
    let less = |bytes: u64, n: u64| bytes.wrapping_sub(EACH.wrapping_mul(n)) & !bytes;
    let is = |byte: u8| less(bytes ^ EACH.wrapping_mul(byte.into()), 1);
    let found = (less(bytes, 0x20) | is(b'"') | is(b'\\')) & HIGHEST;
    (found.trailing_zeros() / 8) as usize
}
