//! What Vend sends: replies and webhooks, read tolerantly. A field that must not be missing makes them unreadable.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::ids::{ConsentToken, SubscriptionId};
use crate::fact::{whole_text, read};
use crate::flow::{Answer, Refusal, Reply};
use crate::time::{Millis, Timestamp};
use crate::value::open_enum;

/// The longest that a token lives.
pub(crate) const DAY: Millis = Millis::from_hours(24);

open_enum! {
    /// The state of a subscription. The documents list none of its values, and show one.
    pub enum State {
        /// It lives.
        Active = "active",
        /// The retailer has cancelled it.
        Canceled = "canceled" | "cancelled",
    }
}

/// The answer to a request for a token.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenIssued {
    /// The token.
    pub token: ConsentToken,
    /// How many seconds it lives.
    #[serde(default, deserialize_with = "seconds")]
    pub expires_in: Option<u64>,
    /// When it dies, if it can be read as an instant.
    #[serde(default, deserialize_with = "whole_text")]
    pub expires_at: Option<String>,
}

impl TokenIssued {
    /// When it dies, at the earliest of what is said and of a day after it was asked for.
    pub fn dies_at(&self, asked: Timestamp) -> Timestamp {
        let said = self.expires_in.map(|seconds| asked.after(Millis::from_seconds(seconds)));
        let at = self.expires_at.as_deref().and_then(Timestamp::parse_iso);
        [said, at].into_iter().flatten().fold(asked.after(DAY), Timestamp::min)
    }
}

/// Reads a number of seconds, as text or as a number.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = whole_text(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// The answer to `retrieve_token`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenSeen {
    /// Whether the retailer has consented.
    pub is_used: bool,
    /// The token.
    #[serde(default, deserialize_with = "whole_text")]
    pub token: Option<String>,
    /// The retailer.
    #[serde(default, deserialize_with = "whole_text")]
    pub retailer_id: Option<String>,
    /// The partner's application.
    #[serde(default, deserialize_with = "whole_text")]
    pub vend_application_id: Option<String>,
    /// The product.
    #[serde(default, deserialize_with = "whole_text")]
    pub product_handle: Option<String>,
    /// Its price, which requests call otherwise.
    #[serde(default, alias = "price_handle", deserialize_with = "whole_text")]
    pub product_price_point_handle: Option<String>,
    /// When it was used.
    #[serde(default, deserialize_with = "whole_text")]
    pub used_at: Option<String>,
    /// The subscription that it made or changed.
    #[serde(default, deserialize_with = "id")]
    pub subscription_id: Option<SubscriptionId>,
}

/// The answer to `retrieve_subscription`: what one partner bills one retailer.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct PartnerSubscription {
    /// The partner's application.
    #[serde(default, deserialize_with = "whole_text")]
    pub application_id: Option<String>,
    /// The subscriptions.
    #[serde(default)]
    pub partner_subscription_info: Option<Vec<SubscriptionInfo>>,
}

/// One subscription.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// Its id.
    #[serde(default, deserialize_with = "id")]
    pub id: Option<SubscriptionId>,
    /// Its state; without one nothing is known of it.
    #[serde(default, deserialize_with = "state")]
    pub state: State,
}

impl Default for State {
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

/// Reads an id from text or a number, as its digits.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SubscriptionId>, D::Error> {
    let text = whole_text(deserializer)?;
    text.map(|text| SubscriptionId::parse(text).map_err(serde::de::Error::custom)).transpose()
}

fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
    Ok(whole_text(deserializer)?.map_or_else(State::default, State::from))
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The body of an answer, which some documents show wrapped and others bare.
fn unwrapped(body: &[u8]) -> &[u8] {
    match read::<Wrapped<'_>>(body) {
        Some(Wrapped { data }) if data.get().starts_with('{') => data.get().as_bytes(),
        _ => body,
    }
}

/// Reads the body of a good answer about one thing.
pub(crate) fn says<T, E>(reply: &Reply<'_>, event: impl FnOnce(T) -> E) -> Answer<E>
where
    T: for<'de> Deserialize<'de>,
{
    match reply.status {
        200..=299 => read(unwrapped(reply.body)).map_or(Answer::Unreadable, |it| Answer::Says(event(it))),
        _ => refuses(reply),
    }
}

/// Reads a list; null is an empty one.
pub(crate) fn lists<E>(reply: &Reply<'_>, event: impl FnOnce(Vec<PartnerSubscription>) -> E) -> Answer<E> {
    match (reply.status, read::<Wrapped<'_>>(reply.body)) {
        (200..=299, Some(Wrapped { data })) => {
            let list: Option<Option<Vec<_>>> = read(data.get().as_bytes());
            list.map_or(Answer::Unreadable, |it| Answer::Says(event(it.unwrap_or_default())))
        }
        (200..=299, None) => read(reply.body).map_or(Answer::Unreadable, |it| Answer::Says(event(it))),
        _ => refuses(reply),
    }
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default, deserialize_with = "whole_text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "whole_text")]
    message: Option<String>,
}

/// Reads an answer that refuses.
fn refuses<E>(reply: &Reply<'_>) -> Answer<E> {
    let ErrorBody { error: code, message } = read(reply.body).unwrap_or_default();
    Answer::Refuses(Refusal { code, message, rule: None }, None)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn an_id_keeps_every_digit() {
        let seen: TokenSeen = read(br#"{"is_used": true, "subscription_id": 9223372036854775807}"#).unwrap();
        assert_eq!(seen.subscription_id.unwrap().as_str(), "9223372036854775807");
        assert_eq!(read::<TokenSeen>(br#"{"is_used": true, "subscription_id": 1.3e18}"#), None);
    }

    #[test]
    fn a_token_dies_at_the_earliest_of_what_is_said() {
        let dies = |body: &str| {
            let issued: TokenIssued = read(body.as_bytes()).unwrap();
            issued.dies_at(Timestamp::from_millis(1)).as_millis()
        };
        let token = "0a7e36eb05a94bf1a4d3daeff0f561f9";
        assert_eq!(dies(&format!(r#"{{"token":"{token}"}}"#)), 86_400_001);
        assert_eq!(dies(&format!(r#"{{"token":"{token}","expires_in":"60","expires_at":"expires_at"}}"#)), 60_001);
        assert_eq!(dies(&format!(r#"{{"token":"{token}","expires_in":99999999999}}"#)), 86_400_001);
        assert_eq!(dies(&format!(r#"{{"token":"{token}","expires_at":"1970-01-01T00:00:30Z"}}"#)), 30_000);
    }

    #[test]
    fn a_token_or_a_life_that_is_none_is_unreadable() {
        assert_eq!(read::<TokenIssued>(br#"{"token":"0a7e"}"#), None);
        assert_eq!(read::<TokenIssued>(br#"{"token":"0a7e36eb05a94bf1a4d3daeff0f561f9","expires_in":"soon"}"#), None);
        assert_eq!(read::<TokenIssued>(br#"{"token":"0a7e36eb05a94bf1a4d3daeff0f561f9","expires_in":"-1"}"#), None);
    }
}
