//! Vend's replies: wrapped in `data` or bare, read tolerantly. An error names the wrong member.

use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Deserializer};

use super::calls::Call;
use super::partner::{self, PartnerSubscription, SubscriptionsReply};
use super::token::{self, IssuedTokenReply, TokenReply};
use super::webhook::PartnerWebhook;
use crate::flow::{Reading, Refusal, Reply};
use crate::json::{RawText, decode, lenient_text, read_body, string_or_int, unmarked};
use crate::providers::vend::ids::SubscriptionId;

/// The contents of a reply or of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Vend issued a token.
    TokenIssued(IssuedTokenReply),
    /// A lookup shows one token.
    TokenRetrieved(Box<TokenReply>),
    /// A lookup shows one subscription.
    SubscriptionRetrieved(PartnerSubscription),
    /// A lookup shows all subscriptions of the retailer.
    SubscriptionsListed(SubscriptionsReply),
    /// A webhook of partner billing.
    Webhook(PartnerWebhook),
}

impl Call {
    /// Reads a successful reply to this call.
    pub(crate) fn read(&self, reply: &Reply<'_>) -> Reading<Event> {
        match self {
            Self::CreateSubscriptionToken(_) | Self::UpdateSubscriptionToken(_) => {
                token::read_issued(reply).map(Event::TokenIssued)
            }
            Self::RetrieveToken(token) => {
                token::read_lookup(token, reply).map(|it| Event::TokenRetrieved(Box::new(it)))
            }
            Self::RetrieveSubscription(id) => partner::read_one(id, reply).map(Event::SubscriptionRetrieved),
            Self::ListSubscriptions => partner::read_list(reply).map(Event::SubscriptionsListed),
        }
    }
}

/// The pointer to an error inside a wrapped reply.
pub(super) const ERROR: &str = "/data/error";

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<RawText<'a>>,
}

/// Reads a member that may be missing. A member that is null counts as present.
pub(super) fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawText<'a>>, D::Error> {
    RawText::deserialize(deserializer).map(Some)
}

/// The `data` member of a successful reply.
pub(super) fn data(body: &[u8]) -> Option<RawText<'_>> {
    read_body::<Wrapped<'_>>(body)?.data
}

/// Whether the text is an object with an error, or not an object at all. Such an object proves nothing, whatever else
/// is in it.
pub(super) fn names_error(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Failed<'a> {
        #[serde(borrow, default)]
        error: Option<RawText<'a>>,
    }
    let failed = |it: Failed<'_>| it.error.is_some_and(|error| error.get() != "null");
    decode(text).map_or(true, failed)
}

/// Reads the contents of a successful reply. Some documents show the contents in `data`, and others show them bare.
///
/// If the contents cannot be read, the error is the pointer to the wrong member. `members` has two pointers for each
/// member: bare, and inside `data`. The first one also stands for a member that `members` does not name.
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

/// The text of a JSON string or of a JSON integer. Any other value gives `None`.
pub(super) fn plain_text(value: RawText<'_>) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Plain(#[serde(deserialize_with = "lenient_text")] Option<String>);
    decode::<Plain>(value.get()).ok()?.0
}

/// Reads a string or a number as text, and any other value except null as its raw JSON.
pub(super) fn raw_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = RawText::deserialize(deserializer)?;
    let is_void = matches!(value.get(), "null" | "\"\"");
    Ok((!is_void).then(|| plain_text(value).unwrap_or_else(|| value.get().into())))
}

/// Reads a non-negative integer, written as a string or as a number.
pub(super) fn number_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    string_or_int(deserializer)?.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// Reads the digits of a subscription id, written as a string or as a number. Zero means that there is no id.
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

/// Reads a refusal in one of the forms that Vend documents.
pub(crate) fn refusal<E>(reply: &Reply<'_>) -> Option<Refusal<E>> {
    let ErrorBody { error: code, message, errors } = read_body(reply.body)?;
    let message = message.or_else(|| errors.map(|it| plain_text(it).unwrap_or_else(|| it.get().into())));
    (code.is_some() || message.is_some()).then(|| Refusal::new(code, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_one_of_three_forms() {
        let read = |body: &str| {
            let refusal: Option<Refusal<()>> = refusal(&Reply { status: 422, body: body.as_bytes() });
            refusal.map(|it| (it.code, it.message))
        };
        assert_eq!(
            read(r#"{"error":"Not Found","message":"no"}"#),
            Some((Some("Not Found".into()), Some("no".into())))
        );
        assert_eq!(read(r#"{"errors":["no","never"]}"#), Some((None, Some(r#"["no","never"]"#.into()))));
        assert_eq!(read(r#"{"message":"no","errors":{}}"#), Some((None, Some("no".into()))));
        assert_eq!(read(r#"{"reason":"no"}"#), None);
        assert_eq!(read("<html/>"), None);
    }
}
