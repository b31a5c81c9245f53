//! Vend's replies about a consent token: when it is issued, and when it is looked up.

use alloc::string::String;

use serde::Deserialize;

use super::replies::{inner, number_if_any, raw_text, subscription_id};
use crate::flow::{Reading, Reply};
use crate::json::string_or_int;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::time::{Millis, Timestamp};

/// The longest lifetime of a token.
pub(crate) const DAY: Millis = Millis::from_hours(24);

/// The reply to a request for a token.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct IssuedTokenReply {
    /// The token.
    pub token: ConsentToken,
    /// The lifetime in seconds.
    #[serde(default, deserialize_with = "number_if_any")]
    pub expires_in: Option<u64>,
    /// The instant of expiry, as Vend sends it. It may not be readable.
    #[serde(default, deserialize_with = "raw_text")]
    pub expires_at: Option<String>,
}

impl IssuedTokenReply {
    /// When the token expires: at the earliest time that the reply names, and at most a day after `requested_at`.
    pub fn expires_at(&self, requested_at: Timestamp) -> Timestamp {
        let by_lifetime = self.expires_in.map(|seconds| requested_at.after(Millis::from_seconds(seconds)));
        let by_instant = self.expires_at.as_deref().and_then(instant);
        [by_lifetime, by_instant].into_iter().flatten().fold(requested_at.after(DAY), Timestamp::min)
    }
}

/// Reads an instant. A time before the Unix epoch is the zero value of another clock, and counts as missing.
fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::parse_iso(text).filter(|at| at.as_millis() > 0)
}

/// The reply to `retrieve_token`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenReply {
    /// Whether the retailer has consented.
    pub is_used: bool,
    /// The token.
    #[serde(default, deserialize_with = "string_or_int")]
    pub token: Option<String>,
    /// The retailer.
    #[serde(default, deserialize_with = "string_or_int")]
    pub retailer_id: Option<String>,
    /// The partner's application.
    #[serde(default, deserialize_with = "string_or_int")]
    pub vend_application_id: Option<String>,
    /// The product.
    #[serde(default, deserialize_with = "string_or_int")]
    pub product_handle: Option<String>,
    /// The price of the product. Requests call it `price_handle`.
    #[serde(default, alias = "price_handle", deserialize_with = "string_or_int")]
    pub product_price_point_handle: Option<String>,
    /// The components, as JSON or as text that resembles JSON.
    #[serde(default, deserialize_with = "raw_text")]
    pub components: Option<String>,
    /// When the retailer used the token.
    #[serde(default, deserialize_with = "raw_text")]
    pub used_at: Option<String>,
    /// The subscription that the token created or changed.
    #[serde(default, deserialize_with = "subscription_id")]
    pub subscription_id: Option<SubscriptionId>,
}

impl TokenReply {
    /// When the retailer used the token, if the reply says so.
    pub fn used_at(&self) -> Option<Timestamp> {
        self.used_at.as_deref().and_then(instant)
    }
}

/// Reads the reply to a request for a token.
pub(crate) fn read_issued(reply: &Reply<'_>) -> Reading<IssuedTokenReply> {
    const MEMBERS: [(&str, &str); 2] = [("/token", "/data/token"), ("/expires_in", "/data/expires_in")];
    Reading::of(inner(reply.body, &MEMBERS))
}

/// Reads the reply to the lookup of that token. A reply that shows another token as unused proves nothing.
pub(crate) fn read_lookup(token: &ConsentToken, reply: &Reply<'_>) -> Reading<TokenReply> {
    const MEMBERS: [(&str, &str); 3] =
        [("/is_used", "/data/is_used"), ("/token", "/data/token"), ("/subscription_id", "/data/subscription_id")];
    let is_ours = |it: &TokenReply| it.is_used || it.token.as_ref().is_none_or(|shown| shown == token.as_str());
    let read = inner::<TokenReply>(reply.body, &MEMBERS);
    Reading::of(read.and_then(|it| if is_ours(&it) { Ok(it) } else { Err("/data/token") }))
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::json::read_body;

    #[test]
    fn an_id_keeps_every_digit() {
        let number: TokenReply = read_body(br#"{"is_used": true, "subscription_id": 9223372036854775807}"#).unwrap();
        assert_eq!(number.subscription_id.unwrap().as_str(), "9223372036854775807");
        let fraction: TokenReply =
            read_body(br#"{"is_used": true, "subscription_id": 9223372036854775807.0}"#).unwrap();
        assert_eq!(fraction.subscription_id.unwrap().as_str(), "9223372036854775807");
        let none: TokenReply =
            read_body(br#"{"is_used": true, "subscription_id": 0, "used_at": "0001-01-01T00:00:00Z"}"#).unwrap();
        assert_eq!((&none.subscription_id, none.used_at()), (&None, None));
        assert_eq!(read_body::<TokenReply>(br#"{"is_used": true, "subscription_id": 1.3e18}"#), None);
    }

    #[test]
    fn a_token_expires_at_the_earliest_time_that_the_reply_names() {
        let expires = |body: &str| {
            let issued: IssuedTokenReply = read_body(body.as_bytes()).unwrap();
            issued.expires_at(Timestamp::from_millis(1)).as_millis()
        };
        let token = "0a7e36eb05a94bf1a4d3daeff0f561f9";
        assert_eq!(expires(&format!(r#"{{"token":"{token}"}}"#)), 86_400_001);
        assert_eq!(expires(&format!(r#"{{"token":"{token}","expires_in":"60","expires_at":"expires_at"}}"#)), 60_001);
        assert_eq!(expires(&format!(r#"{{"token":"{token}","expires_in":60.0,"expires_at":[7]}}"#)), 60_001);
        assert_eq!(expires(&format!(r#"{{"token":"{token}","expires_in":99999999999}}"#)), 86_400_001);
        assert_eq!(expires(&format!(r#"{{"token":"{token}","expires_at":"1970-01-01T00:00:30Z"}}"#)), 30_000);
        assert_eq!(expires(&format!(r#"{{"token":"{token}","expires_at":"0001-01-01T00:00:00Z"}}"#)), 86_400_001);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let issued = |body: &str| match read_issued(&Reply { status: 200, body: body.as_bytes() }) {
            Reading::Missing { pointer, .. } => pointer,
            Reading::Done(_) => "done",
        };
        let token = "0a7e36eb05a94bf1a4d3daeff0f561f9";
        assert_eq!(issued(r#"{"token":"0a7e"}"#), "/token");
        assert_eq!(issued(r#"{"data":{}}"#), "/data/token");
        assert_eq!(issued(&format!(r#"{{"data":{{"token":"{token}","expires_in":"soon"}}}}"#)), "/data/expires_in");
        assert_eq!(issued(&format!(r#"{{"token":"{token}","expires_in":"-1"}}"#)), "/expires_in");
        assert_eq!(issued(&format!(r#"{{"token":"{token}"}}"#)), "done");
    }

    #[test]
    fn another_token_that_is_unused_proves_nothing() {
        let ours = ConsentToken::parse("0a7e36eb05a94bf1a4d3daeff0f561f9").unwrap();
        let done =
            |body: &str| matches!(read_lookup(&ours, &Reply { status: 200, body: body.as_bytes() }), Reading::Done(_));
        assert!(done(r#"{"is_used":false}"#));
        assert!(done(r#"{"data":{"is_used":true,"token":"another"}}"#));
        assert!(!done(r#"{"data":{"is_used":false,"token":"another"}}"#));
        assert!(!done(r#"{"data":{"is_used":"true"}}"#));
    }
}
