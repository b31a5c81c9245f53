//! `partner.cancellation`, the only webhook of partner billing: an object, or a form that contains it.
//!
//! The webhook is only a hint, and the lookup is the proof. So any field other than the subscription id may be missing
//! or wrong.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::replies::{plain_text, subscription_id};
use crate::fact::{FactError, Origin};
use crate::flow::Webhook;
use crate::form::Form;
use crate::id::TypedId;
use crate::json::{RawText, decode, lenient_text};
use crate::providers::vend::NAME;
use crate::providers::vend::ids::SubscriptionId;
use crate::time::Timestamp;
use crate::webhook::NotAuthentic;

/// The type of the only webhook about subscriptions.
pub(crate) const CANCELLATION: &str = "partner.cancellation";

/// The status for a stored webhook. Vend retries after any status that is not 2xx.
pub(crate) const ACKNOWLEDGEMENT: u16 = 200;

/// No signature is documented, so anyone may have sent a webhook. It is a hint, and its lookup is the evidence.
pub(crate) const fn authenticate() -> Result<Origin, NotAuthentic> {
    Ok(Origin::Unverified)
}

/// The ids by which a webhook finds its flows.
pub(crate) fn correlate(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
    FactError::bounded(webhook.body)?;
    let read = PartnerWebhook::read(webhook);
    match read.ok_or_else(|| FactError::new("/body", format!("is not a webhook of {NAME}")))? {
        PartnerWebhook::Cancellation(webhook) => Ok([TypedId::from(&webhook.subscription_id)].into()),
        PartnerWebhook::Other => Ok(Vec::new()),
    }
}

/// A mark before a text that says how the text is encoded.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The contents of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PartnerWebhook {
    /// The webhook says that a retailer has canceled.
    Cancellation(CancellationWebhook),
    /// The webhook is not about a subscription.
    Other,
}

/// `partner.cancellation`. Anyone may have sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CancellationWebhook {
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The retailer's domain, if the webhook names it.
    pub domain_prefix: Option<String>,
    /// The retailer, if the webhook names it.
    pub retailer_id: Option<String>,
    /// When the retailer canceled, in seconds since the Unix epoch, if that can be read.
    pub cancelled_at: Option<i64>,
}

/// The fields around the payload: members of the object, or fields of the form.
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

impl PartnerWebhook {
    /// Reads a webhook of either encoding. The result is `None` if it cannot be read.
    pub(crate) fn read(webhook: &Webhook<'_>) -> Option<Self> {
        let body = String::from_utf8_lossy(webhook.body);
        let text = trimmed(&body);
        if text.starts_with('{') {
            return Self::of(decode(text).ok()?, webhook.topic);
        }
        let form = Form::read(webhook.body);
        let payload = form.text("payload")?;
        let payload = trimmed(&payload);
        let inner: Envelope<'_> = decode(payload).ok()?;
        let field = |name: &str| form.text(name).filter(|it| !it.is_empty());
        Self::of(
            Envelope {
                kind: inner.kind.or_else(|| field("type")),
                domain_prefix: inner.domain_prefix.or_else(|| field("domain_prefix")),
                retailer_id: inner.retailer_id.or_else(|| field("retailer_id")),
                payload: inner.payload.or_else(|| decode(payload).ok()),
            },
            webhook.topic,
        )
    }

    fn of(envelope: Envelope<'_>, topic: Option<&str>) -> Option<Self> {
        let kind = envelope.kind.as_deref().or(topic)?;
        if !kind.eq_ignore_ascii_case(CANCELLATION) {
            return Some(Self::Other);
        }
        // The payload may be JSON inside a string, as in other webhooks of Vend.
        let payload = envelope.payload?.get();
        let text: Cow<'_, str> =
            if payload.starts_with('"') { Cow::Owned(decode::<String>(payload).ok()?) } else { Cow::Borrowed(payload) };
        let Payload { subscription_id, cancelled_at } = decode(trimmed(&text)).ok()?;
        Some(Self::Cancellation(CancellationWebhook {
            subscription_id: subscription_id?,
            domain_prefix: envelope.domain_prefix,
            retailer_id: envelope.retailer_id,
            cancelled_at: cancelled_at.and_then(second),
        }))
    }
}

/// A text without leading whitespace and byte order marks.
fn trimmed(text: &str) -> &str {
    text.trim_start().trim_start_matches(BYTE_ORDER_MARK).trim_start()
}

/// The second of a time: an object with `seconds`, a number of seconds, or an instant.
fn second(time: RawText<'_>) -> Option<i64> {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(borrow, default)]
        seconds: Option<RawText<'a>>,
    }
    let seconds = decode::<Parts<'_>>(time.get()).ok().and_then(|it| it.seconds);
    let text = plain_text(seconds.unwrap_or(time))?;
    let instant = || Some(Timestamp::parse_iso(&text)?.as_millis().div_euclid(1000));
    text.parse().ok().or_else(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = r#"{"domain_prefix":"m","payload":{"cancelled_at":{"seconds":7,"nanos":5},"subscription_id":"1"},
        "retailer_id":"r","type":"partner.cancellation","more":[1.5]}"#;

    fn webhook(body: &[u8]) -> Option<PartnerWebhook> {
        PartnerWebhook::read(&Webhook::of(body))
    }

    fn cancellation() -> CancellationWebhook {
        CancellationWebhook {
            domain_prefix: Some("m".into()),
            retailer_id: Some("r".into()),
            subscription_id: SubscriptionId::parse("1").unwrap(),
            cancelled_at: Some(7),
        }
    }

    fn assert_cancellation(body: &str) {
        assert_eq!(webhook(body.as_bytes()), Some(PartnerWebhook::Cancellation(cancellation())), "{body}");
    }

    fn payload() -> String {
        r#"{"cancelled_at":{"seconds":"7"},"subscription_id":1}"#.replace(' ', "+")
    }

    #[test]
    fn an_object_and_both_forms_are_read_alike() {
        assert_cancellation(OBJECT);
        assert_cancellation(&format!("\u{feff}{OBJECT}"));
        assert_cancellation(&format!("payload={}", crate::url::escaped(OBJECT)));
        assert_cancellation(&format!("domain_prefix=m&type=partner.cancellation&retailer_id=r&payload={}", payload()));
        let text = serde_json::to_string(&payload()).unwrap();
        let wrapped =
            format!(r#"{{"type":"Partner.Cancellation","domain_prefix":"m","retailer_id":"r","payload":{text}}}"#);
        assert_cancellation(&wrapped);
        assert_cancellation(&format!("payload={}", crate::url::escaped(&wrapped)));
    }

    #[test]
    fn odd_fields_around_the_payload_are_ignored() {
        let form = format!("domain_prefix=m&type=partner.cancellation&retailer_id=r&payload={}", payload());
        for wrapped in ["&{}", "{}&", "a&&{}", "{}&a=%", "{}&a=%zz", "{}&a=%E9", "b=%ff%&{}", "{}\r\n", "\u{feff}&{}"] {
            assert_cancellation(&wrapped.replace("{}", &form));
        }
        let mut bytes = form.into_bytes();
        bytes.extend(b"&name=Caf\xe9");
        assert_eq!(webhook(&bytes), Some(PartnerWebhook::Cancellation(cancellation())));
        let object = OBJECT.replace("more", "mor\u{e9}");
        let latin: Vec<_> = object.chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
        assert_eq!(webhook(&latin), Some(PartnerWebhook::Cancellation(cancellation())));
    }

    #[test]
    fn a_time_is_read_in_every_form_and_may_be_missing() {
        let cancelled_at = |time: &str| match webhook(OBJECT.replace(r#"{"seconds":7,"nanos":5}"#, time).as_bytes()) {
            Some(PartnerWebhook::Cancellation(webhook)) => webhook.cancelled_at,
            other => panic!("{time}: {other:?}"),
        };
        for seven in ["7", "\"7\"", "7.0", "{\"seconds\":7.0}", "\"1970-01-01T00:00:07Z\""] {
            assert_eq!(cancelled_at(seven), Some(7), "{seven}");
        }
        for none in ["null", "[7]", "\"soon\"", "{}", "{\"seconds\":null}", "{\"seconds\":[]}", "7.5"] {
            assert_eq!(cancelled_at(none), None, "{none}");
        }
    }

    #[test]
    fn a_webhook_without_a_subscription_cannot_be_read_and_another_type_is_other() {
        for (missing, is_read) in
            [("\"subscription_id\":\"1\"", false), ("\"domain_prefix\":\"m\",", true), ("\"retailer_id\":\"r\",", true)]
        {
            let body = OBJECT.replace(missing, "").replace(",}", "}");
            assert_eq!(webhook(body.as_bytes()).is_some(), is_read, "{missing}");
        }
        assert_eq!(webhook(OBJECT.replace("partner.", "sale.").as_bytes()), Some(PartnerWebhook::Other));
        for body in ["", "no json", "payload=%", "payload=%zz", "payload=[]", "a&b", "[]", "{", "&&&", "payload"] {
            assert_eq!(webhook(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_cancellation_finds_its_subscription() {
        let body =
            br#"{"domain_prefix":"m","payload":{"cancelled_at":{"seconds":7},"subscription_id":"1504300454752022528"},
            "retailer_id":"r","type":"partner.cancellation"}"#;
        let ids = correlate(&Webhook::of(body)).unwrap();
        assert_eq!(ids.iter().map(TypedId::as_str).collect::<Vec<_>>(), ["1504300454752022528"]);
        assert_eq!(correlate(&Webhook::of(b"no json")).unwrap_err().pointer, "/body");
        assert_eq!(authenticate(), Ok(Origin::Unverified));
    }
}
