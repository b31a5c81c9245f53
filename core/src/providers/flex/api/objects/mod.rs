//! The objects that Flex sends in replies and webhooks, read leniently. A missing required member makes an object
//! unreadable. An unreadable optional member counts as absent.

mod form;
mod money;
mod session;
mod setup_intent;
mod subscription;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use crate::flow::{Refusal, Reply};
use crate::json::{RawText, lenient_text, read_body};
use crate::providers::flex::api::calls::PAGE;
use crate::providers::flex::rules::Rule;
use crate::rule::RuleSet;

pub(crate) use form::Member;
pub use form::{Entries, Expandable};
pub use money::{
    CaptureObject, ChargeObject, DisputeObject, DisputeStatus, EvidenceDetails, RefundObject, RefundStatus,
};
pub(crate) use session::PAYMENT_FAILED;
pub use session::{FeeObject, NextAction, SessionObject, Status, TotalDetails};
pub use setup_intent::{SetupIntentObject, SetupIntentStatus};
pub(crate) use subscription::LatestInvoice;
pub use subscription::{InvoiceObject, InvoiceStatus, SubscriptionObject, SubscriptionStatus};

/// Reads an object, with or without the wrapper named after its kind.
pub(crate) fn unwrapped<T: for<'a> Deserialize<'a>>(text: &[u8], kind: &str) -> Option<T> {
    let members: BTreeMap<String, RawText<'_>> = read_body(text)?;
    match members.get(kind) {
        Some(inner) if inner.get().starts_with('{') => read_body(inner.get().as_bytes()),
        _ => read_body(text),
    }
}

/// Reads a list in the wrapper that is named after its entries. The undocumented wrapper `data` is read too, but its
/// list counts as incomplete.
pub(crate) fn listed<T: for<'a> Deserialize<'a>>(text: &[u8], kind: &str) -> Option<Entries<T>> {
    let members: BTreeMap<String, RawText<'_>> = read_body(text)?;
    let named = members.get(kind);
    let list = named.or_else(|| members.get("data"))?;
    let entries: Vec<RawText<'_>> = read_body(list.get().as_bytes())?;
    let more = members.get("has_more").is_some_and(|it| it.get() == "true");
    Some(Entries::of(&entries, if more || named.is_none() { 0 } else { PAGE }))
}

#[derive(Deserialize)]
struct ErrorBody<'a> {
    #[serde(borrow, default)]
    error: Option<RawText<'a>>,
    #[serde(borrow, default)]
    detail: Option<RawText<'a>>,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(default, deserialize_with = "lenient_text")]
    code: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient_text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    message: Option<String>,
}

#[derive(Deserialize, Default)]
struct Detail {
    #[serde(default, rename = "type", deserialize_with = "lenient_text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    msg: Option<String>,
}

/// Reads a refusal in one of Flex's two error formats. Returns nothing for any other body.
pub(crate) fn refusal<E>(reply: &Reply<'_>) -> Option<Refusal<E>> {
    let ErrorBody { error, detail } = read_body(reply.body)?;
    let (error, detail) = (error.map(|it| it.get().as_bytes()), detail.map(|it| it.get().as_bytes()));
    let (code, message) = if let Some(ErrorObject { code, kind, message }) = error.and_then(read_body) {
        (code.or(kind), message)
    } else if let Some(all) = detail.and_then(read_body::<Vec<RawText<'_>>>) {
        let first: Option<Detail> = all.first().and_then(|it| read_body(it.get().as_bytes()));
        let Detail { kind, msg } = first.unwrap_or_default();
        (kind, msg)
    } else {
        (None, Some(error.or(detail).and_then(read_body::<String>)?))
    };
    let rule = (code.as_deref() == Some("price_not_found")).then(|| Rule::CheckoutPriceActive.rule());
    Some(Refusal { rule, ..Refusal::new(code, message) })
}
