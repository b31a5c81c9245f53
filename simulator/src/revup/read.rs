//! Reads members of a body.

use serde_json::{Map, Value};

use super::errors::invalid;
use super::money;
use crate::provider::Reply;

type Body = Map<String, Value>;

/// A member that is a text and not empty.
pub(super) fn text<'a>(body: &'a Body, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A member that must be a UUID.
pub(super) fn uuid<'a>(body: &'a Body, name: &str, rule: &'static str) -> Result<&'a str, Reply> {
    let found = text(body, name).filter(|text| is_uuid(text));
    found.ok_or_else(|| invalid(rule, format!("{name} must be a UUID.")))
}

pub(super) fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) fn currency<'a>(body: &'a Body, rule: &'static str) -> Result<&'a str, Reply> {
    let found = text(body, "currency").filter(|text| money::is_currency(text));
    found.ok_or_else(|| invalid(rule, "currency must be three capital letters."))
}

/// `money` with an amount and a currency.
pub(super) fn money(body: &Body, rule: &'static str) -> Result<(i64, String), Reply> {
    let empty = Body::new();
    let members = body.get("money").and_then(Value::as_object).unwrap_or(&empty);
    let currency = currency(members, rule)?;
    let minor = members.get("amount").and_then(|it| money::read(it, currency)).filter(|minor| *minor > 0);
    let minor = minor.ok_or_else(|| invalid(rule, "money.amount must be a positive number in this currency."))?;
    Ok((minor, currency.to_owned()))
}
