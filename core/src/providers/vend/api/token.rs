//! What Vend says of a consent token: when it is issued, and when it is looked up.

use alloc::string::String;

use serde::Deserialize;

use super::replies::{inner, number_if_any, raw_text, subscription_id};
use crate::flow::{Reading, Reply};
use crate::json::string_or_int;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::time::{Millis, Timestamp};

/// The longest that a token lives.
pub(crate) const DAY: Millis = Millis::from_hours(24);

/// The reply to a request for a token.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenIssued {
    /// The token.
    pub token: ConsentToken,
    /// How many seconds it lives.
    #[serde(default, deserialize_with = "number_if_any")]
    pub expires_in: Option<u64>,
    /// When it expires, if it can be read as an instant.
    #[serde(default, deserialize_with = "raw_text")]
    pub expires_at: Option<String>,
}

impl TokenIssued {
    /// When it expires, at the earliest of what is said and of a day after it was asked for.
    pub fn expires_at(&self, asked: Timestamp) -> Timestamp {
        let said = self.expires_in.map(|seconds| asked.after(Millis::from_seconds(seconds)));
        let at = self.expires_at.as_deref().and_then(instant);
        [said, at].into_iter().flatten().fold(asked.after(DAY), Timestamp::min)
    }
}

/// Reads an instant. What lies before the epoch is the zero of some other clock, and says nothing.
fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::parse_iso(text).filter(|at| at.as_millis() > 0)
}

/// The reply to `retrieve_token`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenSeen {
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
    /// Its price, which requests call otherwise.
    #[serde(default, alias = "price_handle", deserialize_with = "string_or_int")]
    pub product_price_point_handle: Option<String>,
    /// The components, as JSON or as something near it.
    #[serde(default, deserialize_with = "raw_text")]
    pub components: Option<String>,
    /// When it was used.
    #[serde(default, deserialize_with = "raw_text")]
    pub used_at: Option<String>,
    /// The subscription that it made or changed.
    #[serde(default, deserialize_with = "subscription_id")]
    pub subscription_id: Option<SubscriptionId>,
}

impl TokenSeen {
    /// When it was used, if that is shown.
    pub fn used(&self) -> Option<Timestamp> {
        self.used_at.as_deref().and_then(instant)
    }
}

/// Reads the reply to a request for a token.
pub(crate) fn issued(reply: &Reply<'_>) -> Reading<TokenIssued> {
    const MEMBERS: [(&str, &str); 2] = [("/token", "/data/token"), ("/expires_in", "/data/expires_in")];
    Reading::of(inner(reply.body, &MEMBERS))
}

/// Reads the reply to the lookup of that token. That another one is unused says nothing of it.
pub(crate) fn seen(token: &ConsentToken, reply: &Reply<'_>) -> Reading<TokenSeen> {
    const MEMBERS: [(&str, &str); 3] =
        [("/is_used", "/data/is_used"), ("/token", "/data/token"), ("/subscription_id", "/data/subscription_id")];
    let is_ours = |it: &TokenSeen| it.is_used || it.token.as_ref().is_none_or(|shown| shown == token.as_str());
    let seen = inner::<TokenSeen>(reply.body, &MEMBERS);
    Reading::of(seen.and_then(|it| if is_ours(&it) { Ok(it) } else { Err("/data/token") }))
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::json::read_body;

    #[test]
    fn an_id_keeps_every_digit() {
        let seen: TokenSeen = read_body(br#"{"is_used": true, "subscription_id": 9223372036854775807}"#).unwrap();
        assert_eq!(seen.subscription_id.unwrap().as_str(), "9223372036854775807");
        let whole: TokenSeen = read_body(br#"{"is_used": true, "subscription_id": 9223372036854775807.0}"#).unwrap();
        assert_eq!(whole.subscription_id.unwrap().as_str(), "9223372036854775807");
        let none: TokenSeen =
            read_body(br#"{"is_used": true, "subscription_id": 0, "used_at": "0001-01-01T00:00:00Z"}"#).unwrap();
        assert_eq!((&none.subscription_id, none.used()), (&None, None));
        assert_eq!(read_body::<TokenSeen>(br#"{"is_used": true, "subscription_id": 1.3e18}"#), None);
    }

    #[test]
    fn a_token_expires_at_the_earliest_of_what_is_said() {
        let expires = |body: &str| {
            let issued: TokenIssued = read_body(body.as_bytes()).unwrap();
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
        let issued = |body: &str| match issued(&Reply { status: 200, body: body.as_bytes() }) {
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
    fn another_token_that_is_unused_says_nothing() {
        let ours = ConsentToken::parse("0a7e36eb05a94bf1a4d3daeff0f561f9").unwrap();
        let done = |body: &str| matches!(seen(&ours, &Reply { status: 200, body: body.as_bytes() }), Reading::Done(_));
        assert!(done(r#"{"is_used":false}"#));
        assert!(done(r#"{"data":{"is_used":true,"token":"another"}}"#));
        assert!(!done(r#"{"data":{"is_used":false,"token":"another"}}"#));
        assert!(!done(r#"{"data":{"is_used":"true"}}"#));
    }
}
