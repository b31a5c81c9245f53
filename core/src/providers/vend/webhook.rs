//! `partner.cancellation`, the one webhook of partner billing: as an object, or as a form that carries it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ids::SubscriptionId;
use crate::fact::{lenient_text, read};
use crate::flow::Webhook;

/// The type of the one webhook that is about subscriptions.
pub(crate) const CANCELLATION: &str = "partner.cancellation";

/// A webhook, once read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Signal {
    /// A retailer is said to have cancelled.
    Cancellation(Cancellation),
    /// Something that is not about subscriptions.
    Other,
}

/// `partner.cancellation`: anyone may have sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Cancellation {
    /// The retailer's domain.
    pub domain_prefix: String,
    /// The retailer.
    pub retailer_id: String,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The second, since the Unix epoch.
    pub cancelled_at: i64,
}

/// What stands around the payload: members of the object, or fields of the form.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, rename = "type", deserialize_with = "lenient_text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    domain_prefix: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    retailer_id: Option<String>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default, deserialize_with = "lenient_text")]
    subscription_id: Option<String>,
    cancelled_at: Seconds,
}

#[derive(Deserialize)]
struct Seconds {
    #[serde(default, deserialize_with = "lenient_text")]
    seconds: Option<String>,
}

impl Signal {
    /// Reads a webhook of either encoding; nothing if it cannot be read.
    pub(crate) fn read(webhook: &Webhook<'_>) -> Option<Self> {
        let text = core::str::from_utf8(webhook.body).ok()?.trim_start();
        if text.starts_with('{') {
            return Self::of(read(text.as_bytes())?, webhook.topic);
        }
        let fields = form(text)?;
        let field = |name: &str| fields.iter().find(|(have, _)| have == name).map(|(_, value)| value.clone());
        let payload = field("payload")?;
        let carried: Envelope<'_> = read(payload.as_bytes())?;
        Self::of(
            Envelope {
                kind: carried.kind.or_else(|| field("type")),
                domain_prefix: carried.domain_prefix.or_else(|| field("domain_prefix")),
                retailer_id: carried.retailer_id.or_else(|| field("retailer_id")),
                payload: carried.payload.or_else(|| read(payload.as_bytes())),
            },
            webhook.topic,
        )
    }

    fn of(envelope: Envelope<'_>, topic: Option<&str>) -> Option<Self> {
        let kind = envelope.kind.as_deref().or(topic)?;
        if kind != CANCELLATION {
            return Some(Self::Other);
        }
        let payload: Payload = read(envelope.payload?.get().as_bytes())?;
        Some(Self::Cancellation(Cancellation {
            domain_prefix: envelope.domain_prefix?,
            retailer_id: envelope.retailer_id?,
            subscription_id: SubscriptionId::parse(payload.subscription_id?).ok()?,
            cancelled_at: payload.cancelled_at.seconds?.parse().ok()?,
        }))
    }
}

/// The fields of a form, if it is one.
fn form(text: &str) -> Option<Vec<(String, String)>> {
    text.trim().split('&').map(|pair| pair.split_once('=').and_then(|(name, it)| Some((plain(name)?, plain(it)?)))).collect()
}

/// A name or a value of a form, without its escapes.
fn plain(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut escaped = [0];
                hex::decode_to_slice([rest.next()?, rest.next()?], &mut escaped).ok()?;
                let [byte] = escaped;
                byte
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const OBJECT: &str = r#"{"domain_prefix":"m","payload":{"cancelled_at":{"seconds":7,"nanos":5},"subscription_id":"1"},
        "retailer_id":"r","type":"partner.cancellation","more":[1.5]}"#;

    fn signal(body: &str) -> Option<Signal> {
        Signal::read(&Webhook::of(body.as_bytes()))
    }

    fn cancellation() -> Signal {
        Signal::Cancellation(Cancellation {
            domain_prefix: "m".into(),
            retailer_id: "r".into(),
            subscription_id: SubscriptionId::parse("1").unwrap(),
            cancelled_at: 7,
        })
    }

    #[test]
    fn an_object_and_both_forms_say_the_same() {
        assert_eq!(signal(OBJECT), Some(cancellation()));
        let escaped = crate::url::escaped(OBJECT);
        assert_eq!(signal(&format!("payload={escaped}")), Some(cancellation()));
        let inner = r#"{"cancelled_at":{"seconds":"7"},"subscription_id":1}"#.replace(' ', "+");
        let form = format!("domain_prefix=m&type=partner.cancellation&retailer_id=r&payload={inner}");
        assert_eq!(signal(&form), Some(cancellation()));
    }

    #[test]
    fn what_lacks_something_cannot_be_read_and_another_type_is_another_matter() {
        for missing in ["\"subscription_id\":\"1\"", "\"domain_prefix\":\"m\",", "\"retailer_id\":\"r\",", "\"seconds\":7,"] {
            assert_eq!(signal(&OBJECT.replace(missing, "").replace(",}", "}")), None, "{missing}");
        }
        assert_eq!(signal(&OBJECT.replace("partner.", "sale.")), Some(Signal::Other));
        for body in ["", "no json", "payload=%", "payload=%zz", "payload=[]", "a&b", "[]", "{"] {
            assert_eq!(signal(body), None, "{body}");
        }
    }
}
