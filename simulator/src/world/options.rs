//! What a world is made with.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::provider::{Reading, all};
use crate::time::{EPOCH, LATEST, Millis, parse};

/// What a world is made with.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) seed: String,
    /// The address in every link, without a slash at its end.
    pub(crate) url: String,
    pub(crate) start: Millis,
    pub(crate) endpoints: Vec<Endpoint>,
    /// The only valid keys, or every key.
    pub(crate) accounts: Option<Vec<String>>,
    pub(crate) readings: BTreeMap<String, String>,
}

/// Where webhooks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    /// The only provider that sends to it, or every provider.
    pub(crate) provider: Option<String>,
    pub(crate) secret: String,
    /// How the provider authenticates its webhooks, in the provider's own words; empty for its default.
    pub(crate) auth: String,
}

impl Options {
    /// Reads the body that makes a world.
    pub(crate) fn read(body: &Value, url: String, readings: &BTreeMap<String, String>) -> Result<Self, String> {
        only(body, &["seed", "webhook_urls", "accounts", "readings", "clock", "public_url"], "A world")?;
        let start = match &body["clock"] {
            Value::Null => EPOCH,
            value => instant(value).ok_or("`clock` must be a time, such as \"2026-01-01T00:00:00Z\".")?,
        };
        let mut readings = readings.clone();
        match &body["readings"] {
            Value::Null => {}
            Value::Object(chosen) => readings.extend(chosen.iter().map(|(name, value)| (name.clone(), text(value)))),
            _ => return Err("`readings` must be an object, as in {\"truemed.none-as\": \"absent\"}.".into()),
        }
        check_readings(&readings)?;
        let accounts = match &body["accounts"] {
            Value::Null => None,
            Value::Array(keys) => Some(keys.iter().map(text).collect()),
            _ => return Err("`accounts` must be a list of API keys.".into()),
        };
        let url = match &body["public_url"] {
            Value::Null => url,
            Value::String(given) if given.contains("://") => given.trim_end_matches('/').to_owned(),
            _ => return Err("`public_url` must be an address, as in \"http://simulator.test:4010\".".into()),
        };
        Ok(Self {
            seed: if body["seed"].is_null() { "1".into() } else { text(&body["seed"]) },
            url,
            start,
            endpoints: endpoints(&body["webhook_urls"])?,
            accounts,
            readings,
        })
    }
}

/// The secret of an endpoint that names none, in a form that every provider takes: a prefix, and the key in base64.
const SECRET: &str = "whsec_c2ltdWxhdG9y";

/// Reads a time in ISO 8601 or in milliseconds since 1970.
pub(crate) fn instant(value: &Value) -> Option<Millis> {
    let at = value.as_i64().or_else(|| value.as_str().and_then(parse))?;
    (0..=LATEST).contains(&at).then_some(at)
}

/// Reads a list of endpoints, each an address or an object.
pub(crate) fn endpoints(value: &Value) -> Result<Vec<Endpoint>, String> {
    let list = match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    if list.len() > 32 {
        return Err("A world has at most 32 endpoints for webhooks.".into());
    }
    list.iter().map(endpoint).collect()
}

/// Whether an object has no other members than these: a misspelled one would be ignored in silence.
pub(super) fn only(value: &Value, known: &[&str], of: &str) -> Result<(), String> {
    let Some(members) = value.as_object() else { return Err(format!("{of} must be described by a JSON object.")) };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(format!("{of} has no `{name}`. It has {}.", known.join(", "))),
    }
}

fn endpoint(value: &Value) -> Result<Endpoint, String> {
    if !value.is_string() {
        only(value, &["url", "provider", "secret", "auth"], "An endpoint of webhooks")?;
    }
    let member = |name: &str| value[name].as_str().map(str::to_owned);
    let url = value.as_str().map(str::to_owned).or_else(|| member("url"));
    let url = url.filter(|url| url.starts_with("http://")).ok_or("Each of `webhook_urls` must begin with http://.")?;
    let provider = member("provider");
    if let Some(unknown) = provider.as_deref().filter(|name| all().iter().all(|provider| provider.name() != *name)) {
        return Err(format!("There is no provider `{unknown}`."));
    }
    let secret = member("secret").unwrap_or_else(|| SECRET.into());
    let auth = member("auth").unwrap_or_default();
    let known: Vec<&str> = all().iter().flat_map(|it| it.auths()).copied().collect();
    if !auth.is_empty() && !known.contains(&auth.as_str()) {
        return Err(format!("There is no `auth` `{auth}`. There are {}.", known.join(", ")));
    }
    Ok(Endpoint { url, provider, secret, auth })
}

/// Every reading, by its whole name.
pub(crate) fn known_readings() -> Vec<(String, Reading)> {
    let named = |name, reading: &Reading| (format!("{name}.{}", reading.name), *reading);
    let of = |provider: &dyn crate::provider::Hosted| {
        let name = provider.name();
        provider.readings().iter().map(|reading| named(name, reading)).collect::<Vec<_>>()
    };
    all().iter().flat_map(|provider| of(provider.as_ref())).collect()
}

/// Whether each reading exists and has this value.
pub(crate) fn check_readings(readings: &BTreeMap<String, String>) -> Result<(), String> {
    let known = known_readings();
    for (name, value) in readings {
        let Some((_, reading)) = known.iter().find(|(known, _)| known == name) else {
            return Err(format!("There is no reading `{name}`. GET /_sim lists them."));
        };
        if !reading.values.contains(&value.as_str()) {
            return Err(format!("The reading `{name}` must be one of {}.", reading.values.join(", ")));
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
