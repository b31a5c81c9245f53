//! `partner.cancellation`, the one webhook of partner billing: as an object, or as a form that carries it.
//!
//! It is a hint, and its lookup is the proof: what does not tell which subscription it is about never costs it.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::replies::{plain_text, subscription_id};
use crate::fact::{FactError, Origin};
use crate::flow::Webhook;
use crate::form::Form;
use crate::id::CorrelationId;
use crate::json::{RawText, decode, lenient_text};
use crate::providers::vend::NAME;
use crate::providers::vend::ids::SubscriptionId;
use crate::time::Timestamp;
use crate::webhook::AuthError;

/// The type of the one webhook that is about subscriptions.
pub(crate) const CANCELLATION: &str = "partner.cancellation";

/// The status for a stored webhook; anything but 2xx makes Vend try again.
pub(crate) const ACKNOWLEDGEMENT: u16 = 200;

/// No signature is documented, so every webhook may be anyone's: it is a hint, and its lookup is the evidence.
pub(crate) const fn authenticate() -> Result<Origin, AuthError> {
    Ok(Origin::Unverified)
}

/// The ids by which a webhook finds its flows.
pub(crate) fn correlate(body: &[u8]) -> Result<Vec<CorrelationId>, FactError> {
    FactError::bounded(body)?;
    let signal = Signal::read(&Webhook::of(body));
    match signal.ok_or_else(|| FactError::new("/body", format!("is no webhook of {}", NAME)))? {
        Signal::Cancellation(webhook) => {
            Ok(CorrelationId::parse(webhook.subscription_id.as_str()).into_iter().collect())
        }
        Signal::Other => Ok(Vec::new()),
    }
}

/// What may stand before a text to say how it is encoded.
const BYTE_ORDER_MARK: char = '\u{feff}';

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
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The retailer's domain, where it is named.
    pub domain_prefix: Option<String>,
    /// The retailer, where it is named.
    pub retailer_id: Option<String>,
    /// The second, since the Unix epoch, where it can be read.
    pub cancelled_at: Option<i64>,
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
    payload: Option<RawText<'a>>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(default, deserialize_with = "subscription_id")]
    subscription_id: Option<SubscriptionId>,
    #[serde(borrow, default)]
    cancelled_at: Option<RawText<'a>>,
}

impl Signal {
    /// Reads a webhook of either encoding; nothing if it cannot be read.
    pub(crate) fn read(webhook: &Webhook<'_>) -> Option<Self> {
        let body = String::from_utf8_lossy(webhook.body);
        let text = opened(&body);
        if text.starts_with('{') {
            return Self::of(decode(text).ok()?, webhook.topic);
        }
        let form = Form::read(webhook.body);
        let payload = form.text("payload")?;
        let payload = opened(&payload);
        let carried: Envelope<'_> = decode(payload).ok()?;
        let beside = |name: &str| form.text(name).filter(|it| !it.is_empty());
        Self::of(
            Envelope {
                kind: carried.kind.or_else(|| beside("type")),
                domain_prefix: carried.domain_prefix.or_else(|| beside("domain_prefix")),
                retailer_id: carried.retailer_id.or_else(|| beside("retailer_id")),
                payload: carried.payload.or_else(|| decode(payload).ok()),
            },
            webhook.topic,
        )
    }

    fn of(envelope: Envelope<'_>, topic: Option<&str>) -> Option<Self> {
        let kind = envelope.kind.as_deref().or(topic)?;
        if !kind.eq_ignore_ascii_case(CANCELLATION) {
            return Some(Self::Other);
        }
        // The payload may be JSON in a text, as the provider's other webhooks carry it.
        let payload = envelope.payload?.get();
        let text: Cow<'_, str> =
            if payload.starts_with('"') { Cow::Owned(decode::<String>(payload).ok()?) } else { Cow::Borrowed(payload) };
        let Payload { subscription_id, cancelled_at } = decode(opened(&text)).ok()?;
        Some(Self::Cancellation(Cancellation {
            subscription_id: subscription_id?,
            domain_prefix: envelope.domain_prefix,
            retailer_id: envelope.retailer_id,
            cancelled_at: cancelled_at.and_then(second),
        }))
    }
}

/// A text without what may stand before it.
fn opened(text: &str) -> &str {
    text.trim_start().trim_start_matches(BYTE_ORDER_MARK).trim_start()
}

/// The second that a time names: an object with `seconds`, a number of them, or an instant.
fn second(time: RawText<'_>) -> Option<i64> {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(borrow, default)]
        seconds: Option<RawText<'a>>,
    }
    let named = decode::<Parts<'_>>(time.get()).ok().and_then(|it| it.seconds);
    let text = plain_text(named.unwrap_or(time))?;
    let instant = || Some(Timestamp::parse_iso(&text)?.as_millis().div_euclid(1000));
    text.parse().ok().or_else(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = r#"{"domain_prefix":"m","payload":{"cancelled_at":{"seconds":7,"nanos":5},"subscription_id":"1"},
        "retailer_id":"r","type":"partner.cancellation","more":[1.5]}"#;

    fn signal(body: &[u8]) -> Option<Signal> {
        Signal::read(&Webhook::of(body))
    }

    fn cancellation() -> Cancellation {
        Cancellation {
            domain_prefix: Some("m".into()),
            retailer_id: Some("r".into()),
            subscription_id: SubscriptionId::parse("1").unwrap(),
            cancelled_at: Some(7),
        }
    }

    fn reads(body: &str) {
        assert_eq!(signal(body.as_bytes()), Some(Signal::Cancellation(cancellation())), "{body}");
    }

    fn inner() -> String {
        r#"{"cancelled_at":{"seconds":"7"},"subscription_id":1}"#.replace(' ', "+")
    }

    #[test]
    fn an_object_and_both_forms_say_the_same() {
        reads(OBJECT);
        reads(&format!("\u{feff}{OBJECT}"));
        reads(&format!("payload={}", crate::url::escaped(OBJECT)));
        reads(&format!("domain_prefix=m&type=partner.cancellation&retailer_id=r&payload={}", inner()));
        let text = serde_json::to_string(&inner()).unwrap();
        let wrapped =
            format!(r#"{{"type":"Partner.Cancellation","domain_prefix":"m","retailer_id":"r","payload":{text}}}"#);
        reads(&wrapped);
        reads(&format!("payload={}", crate::url::escaped(&wrapped)));
    }

    #[test]
    fn what_stands_beside_the_payload_costs_nothing() {
        let form = format!("domain_prefix=m&type=partner.cancellation&retailer_id=r&payload={}", inner());
        for wrapped in ["&{}", "{}&", "a&&{}", "{}&a=%", "{}&a=%zz", "{}&a=%E9", "b=%ff%&{}", "{}\r\n", "\u{feff}&{}"] {
            reads(&wrapped.replace("{}", &form));
        }
        let mut bytes = form.into_bytes();
        bytes.extend(b"&name=Caf\xe9");
        assert_eq!(signal(&bytes), Some(Signal::Cancellation(cancellation())));
        let object = OBJECT.replace("more", "mor\u{e9}");
        let latin: Vec<_> = object.chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
        assert_eq!(signal(&latin), Some(Signal::Cancellation(cancellation())));
    }

    #[test]
    fn a_time_is_read_in_every_form_and_may_be_missing() {
        let at = |time: &str| match signal(OBJECT.replace(r#"{"seconds":7,"nanos":5}"#, time).as_bytes()) {
            Some(Signal::Cancellation(it)) => it.cancelled_at,
            other => panic!("{time}: {other:?}"),
        };
        for seven in ["7", "\"7\"", "7.0", "{\"seconds\":7.0}", "\"1970-01-01T00:00:07Z\""] {
            assert_eq!(at(seven), Some(7), "{seven}");
        }
        for none in ["null", "[7]", "\"soon\"", "{}", "{\"seconds\":null}", "{\"seconds\":[]}", "7.5"] {
            assert_eq!(at(none), None, "{none}");
        }
    }

    #[test]
    fn what_names_no_subscription_cannot_be_read_and_another_type_is_another_matter() {
        for (missing, is_read) in
            [("\"subscription_id\":\"1\"", false), ("\"domain_prefix\":\"m\",", true), ("\"retailer_id\":\"r\",", true)]
        {
            let body = OBJECT.replace(missing, "").replace(",}", "}");
            assert_eq!(signal(body.as_bytes()).is_some(), is_read, "{missing}");
        }
        assert_eq!(signal(OBJECT.replace("partner.", "sale.").as_bytes()), Some(Signal::Other));
        for body in ["", "no json", "payload=%", "payload=%zz", "payload=[]", "a&b", "[]", "{", "&&&", "payload"] {
            assert_eq!(signal(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_cancellation_finds_its_subscription() {
        let body =
            br#"{"domain_prefix":"m","payload":{"cancelled_at":{"seconds":7},"subscription_id":"1504300454752022528"},
            "retailer_id":"r","type":"partner.cancellation"}"#;
        let ids = correlate(body).unwrap();
        assert_eq!(ids.iter().map(CorrelationId::as_str).collect::<Vec<_>>(), ["1504300454752022528"]);
        assert_eq!(correlate(b"no json").unwrap_err().pointer, "/body");
        assert_eq!(authenticate(), Ok(Origin::Unverified));
    }
}
