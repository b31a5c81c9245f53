//! What stands beside the flows: loading a row of any flow, webhooks before their flow is known, and what is published.

use std::marker::PhantomData;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PySequence, PyString};
use rulebound::json::{Problem, call, read, write};
use rulebound::{Headers, Key, Secret};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::errors::{Wrong, internal, malformed, not_authentic, raise};
use crate::guard::guard;
use crate::snapshot::Snapshot;
use crate::{around, values, walk};

/// Adds the functions of this module.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(load, module)?)?;
    module.add_function(wrap_pyfunction!(key_of, module)?)?;
    module.add_function(wrap_pyfunction!(authenticate, module)?)?;
    module.add_function(wrap_pyfunction!(correlate, module)?)?;
    module.add_function(wrap_pyfunction!(acknowledgement, module)?)?;
    module.add_function(wrap_pyfunction!(ask, module)?)?;
    module.add_function(wrap_pyfunction!(catalogue, module)?)?;
    module.add_function(wrap_pyfunction!(versions, module)?)?;
    module.add_function(wrap_pyfunction!(call_text, module)?)
}

/// Reads a snapshot of whichever flow, as an object of that flow's own class.
#[pyfunction]
fn load(py: Python<'_>, text: &str) -> PyResult<Py<Snapshot>> {
    guard(|| Snapshot::load(py, text))
}

/// The key of a flow whose identity is the provider's own thing, such as a token that can be used once.
#[pyfunction]
fn key_of(kind: &str, name: &str) -> PyResult<String> {
    guard(|| Ok(Key::of(kind, name).as_str().to_owned()))
}

/// Whether a webhook is the provider's: its origin, `verified` or `unverified`.
///
/// Call it with the raw body, before anything else reads it. Raises `NotAuthentic` for one that must change nothing.
#[pyfunction]
fn authenticate(
    provider: &str,
    secrets: &Bound<'_, PyAny>,
    headers: &Bound<'_, PyAny>,
    body: &Bound<'_, PyAny>,
    now: &Bound<'_, PyAny>,
) -> PyResult<Py<PyAny>> {
    let py = now.py();
    let read = || Ok::<_, Wrong>((texts(secrets)?, pairs(headers)?, around::time(now)?));
    guard(|| {
        let (secrets, headers, now) = read().map_err(|wrong| wrong.raise(py))?;
        let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
        let headers: Headers<'_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let origin = rulebound::authenticate(provider, &secrets, &headers, raw(body)?, now);
        values::plain(py, &origin.map_err(|why| not_authentic(py, why))?).map(Bound::unbind)
    })
}

/// The ids by which a webhook finds its snapshots, among those that `correlation_ids` gave.
#[pyfunction]
fn correlate<'py>(provider: &str, body: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = body.py();
    guard(|| {
        named(py, provider)?;
        let ids = rulebound::correlate(provider, raw(body)?).map_err(|wrong| raise(py, wrong.into()))?;
        values::list(py, &ids)
    })
}

/// The status that the provider wants for a webhook that was stored.
#[pyfunction]
fn acknowledgement(py: Python<'_>, provider: &str) -> PyResult<u16> {
    guard(|| named(py, provider))
}

/// Answers a question to one of the provider's pure modules, such as which items of a cart are eligible.
#[pyfunction]
#[pyo3(name = "ask")]
fn ask<'py>(provider: &str, question: &str, fields: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = fields.py();
    guard(|| {
        let fields = walk::json(fields).map_err(|wrong| wrong.under("with").raise(py))?;
        let (provider, question) = (write(provider), write(question));
        verb(py, &format!(r#"{{"ask":{{"provider":{provider},"question":{question},"with":{fields}}}}}"#))
    })
}

/// Everything that the library knows, as it is published: rules, flows, edges and wishes.
#[pyfunction]
fn catalogue(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    guard(|| verb(py, r#"{"catalogue":{}}"#))
}

/// The versions of the library, of the rules and of the call protocol.
#[pyfunction]
fn versions(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    guard(|| verb(py, r#"{"versions":{}}"#))
}

/// Does one verb, from JSON text to JSON text: what every language has.
#[pyfunction]
#[pyo3(name = "call")]
fn call_text(request: &str) -> PyResult<String> {
    guard(|| Ok(call(request)))
}

/// What a call of text answers: a value, or what is wrong.
fn verb<'py>(py: Python<'py>, request: &str) -> PyResult<Bound<'py, PyAny>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Answer<'a> {
        #[serde(borrow)]
        Ok(&'a RawValue),
        Error {
            code: String,
            field: String,
            message: String,
        },
    }
    let text = call(request);
    match read(&text, PhantomData) {
        Ok(Answer::Ok(value)) => values::parsed(py, value.get()),
        Ok(Answer::Error { code, field, message }) => Err(malformed(py, &code, &field, &message)),
        Err(wrong) => Err(internal(py, &wrong)),
    }
}

/// The status of a provider, if there is a provider of that name.
fn named(py: Python<'_>, provider: &str) -> PyResult<u16> {
    rulebound::acknowledgement(provider).ok_or_else(|| {
        let Problem { code, field, message, .. } = Problem::unknown("/provider", "provider", provider);
        malformed(py, code, &field, &message)
    })
}

/// A raw body: bytes as they came, or text.
fn raw<'a>(body: &'a Bound<'_, PyAny>) -> PyResult<&'a [u8]> {
    if let Ok(bytes) = body.cast::<PyBytes>() {
        return Ok(bytes.as_bytes());
    }
    text(body).map(str::as_bytes).map_err(|_| {
        malformed(
            body.py(),
            "malformed",
            "/body",
            "is neither bytes nor text: hand over the raw body, before it is parsed",
        )
    })
}

fn text<'a>(value: &'a Bound<'_, PyAny>) -> Result<&'a str, Wrong> {
    let Ok(text) = value.cast::<PyString>() else {
        return Err(Wrong::new(format!("is a `{}`, where text belongs", value.get_type().name()?)));
    };
    text.to_str().map_err(|_| Wrong::new("holds a lone surrogate, which is no text"))
}

/// One secret, or several while they are being exchanged.
fn texts(secrets: &Bound<'_, PyAny>) -> Result<Vec<String>, Wrong> {
    if secrets.is_instance_of::<PyString>() {
        return Ok(vec![text(secrets).map_err(|wrong| wrong.under("secrets"))?.to_owned()]);
    }
    let Ok(several) = secrets.cast::<PySequence>() else {
        return Err(Wrong::new("is neither one secret nor a list of them").under("secrets"));
    };
    let mut texts = Vec::new();
    for (index, secret) in several.try_iter()?.enumerate() {
        let secret = secret?;
        let secret = text(&secret).map_err(|wrong| wrong.under(&index.to_string()).under("secrets"))?;
        texts.push(secret.to_owned());
    }
    Ok(texts)
}

/// Headers by name, as every framework has them.
fn pairs(headers: &Bound<'_, PyAny>) -> Result<Vec<(String, String)>, Wrong> {
    let Ok(headers) = headers.cast::<PyMapping>() else {
        return Err(Wrong::new("is no mapping of header names to values").under("headers"));
    };
    let mut pairs = Vec::new();
    for pair in headers.items()?.iter() {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
        let name = text(&name).map_err(|wrong| wrong.under("headers"))?;
        let value = text(&value).map_err(|wrong| wrong.under(name).under("headers"))?;
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}
