//! What Vend sends: its replies wrapped or bare, read tolerantly, and with the member named that is wrong.

use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Deserializer};

use super::calls::Call;
use super::partner::{self, Listed, PartnerSubscription};
use super::token::{self, TokenIssued, TokenSeen};
use super::webhook::Signal;
use crate::flow::{Reading, Refusal, Reply};
use crate::json::{RawText, decode, lenient_text, read_body, string_or_int, unmarked};
use crate::providers::vend::ids::SubscriptionId;

/// What a reply or a webhook says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Vend issued a token.
    TokenIssued(TokenIssued),
    /// A lookup shows a token.
    TokenSeen(Box<TokenSeen>),
    /// A lookup shows one subscription.
    SubscriptionSeen(PartnerSubscription),
    /// A lookup shows the retailer's subscriptions.
    Listed(Listed),
    /// A webhook.
    Webhook(Signal),
}

impl Call {
    /// Reads the good reply to it.
    pub(crate) fn read(&self, reply: &Reply<'_>) -> Reading<Event> {
        match self {
            Self::CreateSubscriptionToken(_) | Self::UpdateSubscriptionToken(_) => {
                token::issued(reply).map(Event::TokenIssued)
            }
            Self::RetrieveToken(text) => token::seen(text, reply).map(|it| Event::TokenSeen(Box::new(it))),
            Self::RetrieveSubscription(id) => partner::shown(id, reply).map(Event::SubscriptionSeen),
            Self::ListSubscriptions => partner::listed(reply).map(Event::Listed),
        }
    }
}

/// Where an error stands beside what a wrapped reply is about.
pub(super) const ERROR: &str = "/data/error";

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<RawText<'a>>,
}

/// Reads a member that may be left out; null is one that is there.
pub(super) fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawText<'a>>, D::Error> {
    RawText::deserialize(deserializer).map(Some)
}

/// What a good reply carries in `data`.
pub(super) fn data(body: &[u8]) -> Option<RawText<'_>> {
    read_body::<Wrapped<'_>>(body)?.data
}

/// Whether an object names an error, or is none: it shows nothing then, whatever stands beside it.
pub(super) fn names_error(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Failed<'a> {
        #[serde(borrow, default)]
        error: Option<RawText<'a>>,
    }
    let failed = |it: Failed<'_>| it.error.is_some_and(|error| error.get() != "null");
    decode(text).map_or(true, failed)
}

/// Reads what a good reply is about, which some documents show in `data` and others bare.
///
/// Where it is not that, the member that is wrong: of those that are named, each as it stands bare and in `data`, and the
/// first where it is another.
pub(super) fn inner<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    members: &[(&'static str, &'static str)],
) -> Result<T, &'static str> {
    let wrapped = data(body).filter(|data| data.get().starts_with('{'));
    let text = match wrapped {
        Some(data) if names_error(data.get()) => return Err(ERROR),
        Some(data) => data.get(),
        None => core::str::from_utf8(unmarked(body)).map_err(|_| "")?,
    };
    decode(text).map_err(|wrong| {
        let named = members.iter().find(|(bare, _)| wrong.pointer.starts_with(bare)).or(members.first());
        named.map_or("", |(bare, inside)| if wrapped.is_some() { inside } else { bare })
    })
}

/// What a text or a whole number of JSON says, as its text; nothing of anything else.
pub(super) fn plain_text(value: RawText<'_>) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Plain(#[serde(deserialize_with = "lenient_text")] Option<String>);
    decode::<Plain>(value.get()).ok()?.0
}

/// Reads a text or a number as its text, and anything else that is not null as the JSON that it is.
pub(super) fn raw_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = RawText::deserialize(deserializer)?;
    let is_void = matches!(value.get(), "null" | "\"\"");
    Ok((!is_void).then(|| plain_text(value).unwrap_or_else(|| value.get().into())))
}

/// Reads a whole number that is not negative, as text or as a number.
pub(super) fn number_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    string_or_int(deserializer)?.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// Reads the id of a subscription from text or a number, as its digits. Zero is none.
pub(super) fn subscription_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SubscriptionId>, D::Error> {
    let text = string_or_int(deserializer)?.filter(|text| text != "0");
    text.map(|text| SubscriptionId::parse(text).map_err(serde::de::Error::custom)).transpose()
}

#[derive(Deserialize)]
struct ErrorBody<'a> {
    #[serde(default, deserialize_with = "lenient_text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    message: Option<String>,
    #[serde(borrow, default)]
    errors: Option<RawText<'a>>,
}

/// How Vend words a refusal; nothing if it is not worded so.
pub(crate) fn refusal<E>(reply: &Reply<'_>) -> Option<Refusal<E>> {
    let ErrorBody { error: code, message, errors } = read_body(reply.body)?;
    let message = message.or_else(|| errors.map(|it| plain_text(it).unwrap_or_else(|| it.get().into())));
    (code.is_some() || message.is_some()).then(|| Refusal::new(code, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_worded_in_one_of_three_ways() {
        let said = |body: &str| {
            let refusal: Option<Refusal<()>> = refusal(&Reply { status: 422, body: body.as_bytes() });
            refusal.map(|it| (it.code, it.message))
        };
        assert_eq!(
            said(r#"{"error":"Not Found","message":"no"}"#),
            Some((Some("Not Found".into()), Some("no".into())))
        );
        assert_eq!(said(r#"{"errors":["no","never"]}"#), Some((None, Some(r#"["no","never"]"#.into()))));
        assert_eq!(said(r#"{"message":"no","errors":{}}"#), Some((None, Some("no".into()))));
        assert_eq!(said(r#"{"reason":"no"}"#), None);
        assert_eq!(said("<html/>"), None);
    }
}
