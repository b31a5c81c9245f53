//! URLs: escapes for paths and queries, the checks of the host's URLs, and the address of a provider's server.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::id::{Text, is_visible, is_word, parsed_text};

/// A string, escaped as one segment of a path or as one value of a query.
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

/// The parts of an `http` or `https` URL.
struct Parts<'a> {
    is_secure: bool,
    /// The user and the password, with the `@` after them.
    user: &'a str,
    /// The host. An IPv6 address has its brackets.
    host: &'a str,
    /// The port, with the `:` before it.
    port: &'a str,
    /// Everything after the host and the port.
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let rest = rest.strip_prefix("//")?;
        let is_secure = scheme.eq_ignore_ascii_case("https");
        if !is_secure && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let ends = |byte: u8| matches!(byte, b'/' | b'\\' | b'?' | b'#');
        let end = rest.bytes().position(ends).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let (user, address) = authority.split_at_checked(authority.rfind('@').map_or(0, |at| at.saturating_add(1)))?;
        let host_ends = address.rfind(':').filter(|at| address.find(']').is_none_or(|bracket| bracket < *at));
        let (host, port) = address.split_at_checked(host_ends.unwrap_or(address.len()))?;
        let is_blank = |host: &str| !is_visible_only(host) && host.contains(char::is_whitespace);
        let is_host = !host.is_empty() && host != "[]" && !is_blank(host);
        is_host.then_some(Self { is_secure, user, host, port, rest })
    }

    /// Whether its host is the machine that opens it.
    fn is_loopback(&self) -> bool {
        let host = self.host.to_ascii_lowercase();
        let is_named = host == "localhost" || host.ends_with(".localhost") || host == "[::1]";
        is_named || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Whether a string has only visible ASCII characters. Nearly every URL does, and then needs no slower check.
fn is_visible_only(text: &str) -> bool {
    text.bytes().all(is_visible)
}

/// Whether a URL has the scheme `http` or `https`, in any case, and a host.
pub(crate) fn is_absolute(url: &str) -> bool {
    (is_visible_only(url) || !url.contains(char::is_control)) && Parts::of(url).is_some()
}

/// Whether a URL is absolute and has the scheme `https`.
pub(crate) fn is_secure(url: &str) -> bool {
    is_absolute(url) && Parts::of(url).is_some_and(|it| it.is_secure)
}

/// Whether the host of a URL is the machine that opens it, or a machine in its local network.
pub(crate) fn is_local(url: &str) -> bool {
    let is_in_network = |it: &Parts<'_>| it.host.to_ascii_lowercase().ends_with(".local");
    Parts::of(url).is_some_and(|it| it.is_loopback() || is_in_network(&it))
}

/// The address of a provider's server, to which paths can be added.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct BaseUrl(String);

/// Why a string is not the address of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum BaseUrlError {
    /// It is not an `http` or `https` URL with a host.
    #[error("must be an `https` URL with a host, such as `https://api.example.com`")]
    NotAbsolute,
    /// It is not encrypted, and not on this machine.
    #[error("must begin with `https://`: `http://` is only for `localhost`, `127.0.0.1` and `[::1]`")]
    NotSecure,
    /// It names a user.
    #[error("must not contain a user or a password: the credential belongs in its header")]
    User,
    /// It has a query or a fragment, so that no path can be added to it.
    #[error("must end with its path: remove `?` or `#` and what follows")]
    Query,
    /// It has a character that no URL contains.
    #[error("contains a character that a URL cannot contain, such as a space or a line break: remove it")]
    Character,
}

impl BaseUrl {
    /// Checks a string as an address, and removes the slashes at its end.
    ///
    /// ```
    /// use rulebound::BaseUrl;
    /// assert_eq!(BaseUrl::parse("https://double.example/v2/").unwrap().as_str(), "https://double.example/v2");
    /// assert!(BaseUrl::parse("http://127.0.0.1:8080").is_ok());
    /// assert!(BaseUrl::parse("http://double.example").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// What the string has that no address has.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, BaseUrlError> {
        let text = text.as_ref();
        let is_sound = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
        if !text.bytes().all(is_sound) {
            return Err(BaseUrlError::Character);
        }
        let parts = Parts::of(text).ok_or(BaseUrlError::NotAbsolute)?;
        let port = parts.port.strip_prefix(':');
        let is_numbered =
            port.is_none_or(|port| port.bytes().all(|it| it.is_ascii_digit()) && port.parse::<u16>().is_ok());
        match () {
            () if !is_numbered || !is_host(parts.host) => Err(BaseUrlError::NotAbsolute),
            () if !parts.user.is_empty() => Err(BaseUrlError::User),
            () if parts.rest.contains(['?', '#']) => Err(BaseUrlError::Query),
            () if !parts.is_secure && !parts.is_loopback() => Err(BaseUrlError::NotSecure),
            () => Ok(Self(text.trim_end_matches('/').into())),
        }
    }

    /// The address, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_text!(BaseUrl, BaseUrlError);

/// Whether a string can be the name of a host, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')),
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Text::deserialize(deserializer)?.0).map_err(serde::de::Error::custom)
    }
}

/// What [`BaseUrl::parse`] accepts: `https` and any host, or `http` and this machine, and then a port and a path.
#[cfg(feature = "schemas")]
const PATTERN: &str = concat!(
    r"^([Hh][Tt][Tt][Pp][Ss]://([-._A-Za-z0-9]+|\[[0-9A-Fa-f:.]+\])",
    r"|[Hh][Tt][Tt][Pp]://(([-._A-Za-z0-9]+\.)?[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127(\.[0-9]{1,3}){3}|\[::1\]))",
    r"(:[0-9]{1,5})?(/[!$-;=@-\[\]_a-z~]*)?$"
);

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for BaseUrl {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("BaseUrl")
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The address of a provider's server, to which paths can be added.",
            "type": "string", "pattern": PATTERN
        })
    }
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
        for url in ["https://shop.example/ok", "HTTPS://SHOP.EXAMPLE/ok", "Http://[::1]:80", "https://shop.example?a=b"]
        {
            assert!(is_absolute(url), "{url}");
        }
        let other = ["javascript://x", "JavaScript:alert(1)", "javascript:alert('https://shop.example')", "data://x"];
        let wrong =
            ["", "/ok", "//x", "https:///ok", "https://", "https:/x", "https://?x", "https://user@/", "https://:80"];
        let broken = ["https://shop.example/\n", "https://a b/ok", " https://shop.example", "https://[]/"];
        for url in other.into_iter().chain(wrong).chain(broken) {
            assert!(!is_absolute(url), "{url}");
        }
    }

    #[test]
    fn a_url_is_secure_or_local_in_any_case() {
        assert!(is_secure("HTTPS://SHOP.EXAMPLE/ok") && !is_secure("HTTP://shop.example") && !is_secure("https://"));
        for url in [
            "http://LOCALHOST:3000/ok",
            "https://127.0.0.9",
            "http://[::1]/",
            "https://mac.Local/",
            "http://a@localhost",
        ] {
            assert!(is_local(url), "{url}");
        }
        for url in ["https://localhost.example", "https://127.example", "https://shop.example/localhost", "localhost"] {
            assert!(!is_local(url), "{url}");
        }
    }

    #[test]
    fn the_address_of_a_server_is_encrypted_or_on_this_machine_and_can_have_a_path() {
        for (url, wanted) in [
            ("https://api.example", "https://api.example"),
            ("HTTPS://api.example:8443/v2//", "HTTPS://api.example:8443/v2"),
            ("http://localhost:3000/", "http://localhost:3000"),
            ("http://127.0.0.1", "http://127.0.0.1"),
            ("http://[::1]:80", "http://[::1]:80"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ] {
            assert_eq!(BaseUrl::parse(url).map(|it| it.0).as_deref(), Ok(wanted));
        }
        for (url, wrong) in [
            ("", BaseUrlError::NotAbsolute),
            ("api.example", BaseUrlError::NotAbsolute),
            ("ftp://api.example", BaseUrlError::NotAbsolute),
            ("https://api.example:port", BaseUrlError::NotAbsolute),
            ("https://api.example:99999", BaseUrlError::NotAbsolute),
            ("https://api.example:", BaseUrlError::NotAbsolute),
            ("https://[x]", BaseUrlError::NotAbsolute),
            ("https://a,b", BaseUrlError::NotAbsolute),
            ("http://api.example", BaseUrlError::NotSecure),
            ("http://localhost.example", BaseUrlError::NotSecure),
            ("https://key@api.example", BaseUrlError::User),
            ("https://api.example@evil.example", BaseUrlError::User),
            ("http://localhost:80@evil.example", BaseUrlError::User),
            ("https://api.example?x", BaseUrlError::Query),
            ("https://api.example/#x", BaseUrlError::Query),
            ("https://api.example\r\nx: y", BaseUrlError::Character),
            ("https://api.example\\@evil.example", BaseUrlError::Character),
            (" https://api.example", BaseUrlError::Character),
        ] {
            assert_eq!(BaseUrl::parse(url), Err(wrong), "{url}");
        }
    }
}
