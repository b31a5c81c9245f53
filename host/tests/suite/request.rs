//! Requests to the dashboard, mounted at `/ops`, and the shapes of its replies.

use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use rulebound_host::{Access, Host, Visitor};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::text;

/// The headers that every reply has.
const HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

/// Sends a request of a scenario, and compares the reply. The result is the reply's `next`.
pub(crate) async fn play(host: &Host, with: &Value, expect: &Value, next: &str) -> Result<Option<String>, String> {
    let word = with["access"].as_str().or_else(|| with["access"]["access"].as_str());
    let access = match word.unwrap_or("all") {
        "all" => Access::All,
        "read_only" => Access::ReadOnly,
        _ => Access::Forbidden,
    };
    let visitor = with["access"]["name"].as_str().map_or_else(|| Visitor::from(access), |name| access.named(name));
    let app: Router = Router::new().nest_service("/ops", host.dashboard(move |_| std::future::ready(visitor.clone())));
    let reply = app.oneshot(request(with, next)).await.unwrap();
    let (parts, body) = reply.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let shown = String::from_utf8_lossy(&body).into_owned();
    let wrong = |what: String| Err(format!("{}: {what}, in {} {shown}", with["path"], parts.status));
    if expect["status"].as_u64().is_some_and(|it| it != u64::from(parts.status.as_u16())) {
        return wrong(format!("wanted {}", expect["status"]));
    }
    let wanted = expect["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    for (name, value) in wanted.chain(HEADERS) {
        let got = parts.headers.get(name).map(|it| it.to_str().unwrap());
        if got != Some(value) {
            return wrong(format!("the header {name} is {got:?}"));
        }
    }
    if let Some(file) = expect["file"].as_str() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard").join(file);
        if std::fs::read(path).unwrap() != body {
            return wrong(format!("the body is not {file}"));
        }
    }
    if expect["body"].as_str().is_some_and(|it| it != shown) {
        return wrong("another body".into());
    }
    for unwanted in expect["not_in_body"].as_array().into_iter().flatten() {
        if shown.contains(unwanted.as_str().unwrap()) {
            return wrong(format!("{unwanted} is in the body"));
        }
    }
    let got: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !expect["json"].is_null() {
        fits(&expect["json"], &got).or_else(|at| wrong(format!("at {at}")).map(drop))?;
    }
    Ok(got["next"].as_str().map(str::to_owned))
}

fn request(with: &Value, next: &str) -> axum::extract::Request {
    let path = with["path"].as_str().unwrap().replace("{next}", &encoded(next));
    let mut headers = json!({"host": "shop.example"});
    if with.get("json").is_some() {
        let own = json!({"content-type": "application/json", "x-rulebound": "1", "sec-fetch-site": "same-origin"});
        headers.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    }
    for (name, value) in with["headers"].as_object().into_iter().flatten() {
        headers[name.to_lowercase()] = value.clone();
    }
    let mut builder = axum::extract::Request::builder().method(with["method"].as_str().unwrap()).uri(path);
    for (name, value) in headers.as_object().unwrap() {
        if let Some(value) = value.as_str() {
            builder = builder.header(name, value.replace("{host}", "shop.example"));
        }
    }
    let body = with.get("json").map_or_else(|| text(&with["body"]), Value::to_string);
    builder.body(Body::from(body)).unwrap()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|it| if it.is_ascii_alphanumeric() { char::from(it).to_string() } else { format!("%{it:02X}") })
        .collect()
}

/// Whether a value has a shape. The error says where it has not.
fn fits(shape: &Value, value: &Value) -> Result<(), String> {
    match shape {
        Value::String(names) => match names.split('|').any(|name| is_of(name, value)) {
            true => Ok(()),
            false => Err(format!(": {value} is not {names}")),
        },
        Value::Object(members) if members.contains_key("=") => match members["="] == *value {
            true => Ok(()),
            false => Err(format!(": {value} is not {}", members["="])),
        },
        Value::Object(members) if members.contains_key("#") => {
            let elements = value.as_array().ok_or_else(|| format!(": {value} is not an array"))?;
            if members["#"] != json!(elements.len()) {
                return Err(format!(": {} elements, not {}", elements.len(), members["#"]));
            }
            let each = members.get("each").unwrap_or(&Value::Null);
            let each = if each.is_null() { json!("any") } else { each.clone() };
            elements.iter().try_for_each(|it| fits(&each, it))
        }
        Value::Object(members) => {
            let got = value.as_object().ok_or_else(|| format!(": {value} is not an object"))?;
            for (name, shape) in members.iter().filter(|(name, _)| *name != "*") {
                fits(shape, got.get(name).ok_or_else(|| format!("/{name} is missing"))?)
                    .map_err(|at| format!("/{name}{at}"))?;
            }
            let mut rest = got.iter().filter(|(name, _)| !members.contains_key(*name));
            rest.try_for_each(|(name, it)| match members.get("*") {
                Some(shape) => fits(shape, it).map_err(|at| format!("/{name}{at}")),
                None => Err(format!("/{name} is not expected")),
            })
        }
        Value::Array(shapes) => {
            let elements = value.as_array().ok_or_else(|| format!(": {value} is not an array"))?;
            match shapes.as_slice() {
                [one] => elements.iter().try_for_each(|it| fits(one, it)),
                _ if shapes.len() != elements.len() => {
                    Err(format!(": {} elements, not {}", elements.len(), shapes.len()))
                }
                _ => shapes.iter().zip(elements).try_for_each(|(shape, it)| fits(shape, it)),
            }
        }
        other => Err(format!(": {other} is no shape")),
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        _ => name == "any",
    }
}
