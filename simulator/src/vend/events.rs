//! The only webhook: `partner.cancellation`, without a signature.

use serde_json::{Value, json};

use super::POST;
use super::state::Subscription;
use crate::time::SECOND;
use crate::world::{Context, Endpoint, Sending};

const CANCELLATION: &str = "partner.cancellation";

pub(super) fn cancellation(subscription: &Subscription, context: &mut Context<'_>) {
    let data = json!({
        "domain_prefix": super::domain_prefix(context),
        "payload": {
            "cancelled_at": {"seconds": context.now.div_euclid(SECOND)},
            "subscription_id": subscription.id,
        },
        "retailer_id": super::retailer_id(context),
        "type": CANCELLATION,
    });
    if subscription.addresses.is_empty() || context.reading("webhook-address") == "current" {
        context.webhook(CANCELLATION, data, POST);
        return;
    }
    for url in &subscription.addresses {
        context.webhook_to(url, CANCELLATION, data.clone(), POST);
    }
}

/// The page of this webhook shows JSON; Vend's general page says that webhooks are forms with a field `payload`.
pub(super) fn sign(sending: &Sending<'_>, _: &Endpoint) -> (Vec<(String, String)>, Vec<u8>) {
    let encoding = sending.readings.get("vend.webhook-encoding").map_or("json", String::as_str);
    let whole = sending.data.to_string();
    let body = match encoding {
        "form" => form(&[("payload", &whole), ("domain_prefix", text(sending.data, "domain_prefix"))]),
        "form-inner" => {
            let inner = sending.data["payload"].to_string();
            let other = |name| (name, text(sending.data, name));
            form(&[("payload", &inner), other("domain_prefix"), other("retailer_id"), other("type")])
        }
        _ => return (Vec::new(), whole.into_bytes()),
    };
    (vec![("content-type".into(), "application/x-www-form-urlencoded".into())], body.into_bytes())
}

fn text<'a>(data: &'a Value, name: &str) -> &'a str {
    data[name].as_str().unwrap_or_default()
}

fn form(fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    fields.join("&")
}

/// Percent-encodes what a form cannot hold.
fn encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}
