//! Requests and replies as plain data: no socket is read here.

use serde_json::Value;

/// The largest body that a simulated provider accepts, in bytes.
pub const MAX_BODY: usize = 1 << 20;

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HttpRequest {
    /// `GET`, `POST`, …, in capitals.
    pub method: String,
    /// The path below the world's address, such as `/truemed/payments/v1/payment_sessions`.
    pub path: String,
    /// The query without its question mark.
    pub query: String,
    /// The headers, in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, empty when `too_large` is set.
    pub body: Vec<u8>,
    /// The body was longer than [`MAX_BODY`].
    pub too_large: bool,
}

impl HttpRequest {
    /// A request without headers and body.
    pub fn new(method: &str, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self { method: method.into(), path: path.into(), query: query.into(), ..Self::default() }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// The same request with a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    /// The first value of a header; the name is in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A reply as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// The headers, in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpReply {
    /// A reply with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string().into_bytes())
    }

    /// A page.
    pub fn html(status: u16, body: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", body.into_bytes())
    }

    /// A reply with a body of some type.
    pub fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type".into(), content_type.into())], body }
    }

    /// A reply without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Sends the browser to another address with GET.
    pub fn see_other(location: &str) -> Self {
        Self { status: 303, headers: vec![("location".into(), location.into())], body: Vec::new() }
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        // A header cannot hold a line break or a letter beyond ASCII.
        let value = value.chars().filter(|letter| letter.is_ascii() && !letter.is_ascii_control()).collect();
        self.headers.push((name.into(), value));
        self
    }
}

/// What the shell does with the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Send the reply.
    Reply(HttpReply),
    /// Close the connection without a reply. Nothing was done.
    Drop,
    /// Close the connection without a reply. Everything was done.
    CommitThenDrop,
    /// Send the headers and this many bytes of the body, then close the connection.
    Truncate(HttpReply, usize),
    /// Send the reply after so many real milliseconds.
    Delay(HttpReply, u64),
    /// Deliver every webhook that is due now, then send the reply.
    DeliverFirst(HttpReply),
}

/// The pairs of a query or of a form, decoded.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// Undoes percent-encoding, and `+` for a blank.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                match (ahead.next().and_then(digit), ahead.next().and_then(digit)) {
                    (Some(high), Some(low)) => {
                        out.push(high << 4 | low);
                        rest = ahead;
                    }
                    _ => out.push(b'%'),
                }
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_and_a_broken_escape_stays_as_it_is() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("a=1+2&b=%C3%A9&c=%zz&d=%4&e"),
            [pair("a", "1 2"), pair("b", "é"), pair("c", "%zz"), pair("d", "%4"), pair("e", "")]
        );
    }

    #[test]
    fn a_header_of_a_reply_is_one_line_of_ascii() {
        let reply = HttpReply::empty(200).header("x", "a\r\nb: ü");
        assert_eq!(reply.headers, [("x".to_owned(), "ab: ".to_owned())]);
    }
}
