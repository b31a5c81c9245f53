//! What stands beside the flows: loading a row of any flow, webhooks before their flow is known, and what is published.

use std::marker::PhantomData;

use pyo3::intern;
use pyo3::prelude::*;
use rulebound::ffi::call;
use rulebound::json::{RawText, read, write};
use rulebound::{Headers, Secret};
use serde::Deserialize;

use crate::arguments::{headers as pairs, named, raw, secrets as texts, span};
use crate::errors::{Wrong, internal, malformed, not_authentic, problem, unknown_provider};
use crate::guard::guard;
use crate::snapshot::Snapshot;
use crate::{around, values, walk};

/// Adds the functions of this module, as those of the package.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let functions = [
        wrap_pyfunction!(load, module)?,
        wrap_pyfunction!(key_of, module)?,
        wrap_pyfunction!(authenticate, module)?,
        wrap_pyfunction!(correlate, module)?,
        wrap_pyfunction!(acknowledgement, module)?,
        wrap_pyfunction!(ask, module)?,
        wrap_pyfunction!(catalogue, module)?,
        wrap_pyfunction!(versions, module)?,
        wrap_pyfunction!(call_text, module)?,
    ];
    for function in functions {
        function.setattr(intern!(module.py(), "__module__"), "rulebound")?;
        module.add_function(function)?;
    }
    Ok(())
}

/// Reads a snapshot of whichever flow, as an object of that flow's own class.
#[pyfunction]
fn load(text: &Bound<'_, PyAny>) -> PyResult<Py<Snapshot>> {
    guard(|| Snapshot::load(text))
}

/// The key of a flow whose identity is the provider's own thing, such as a token that can be used once.
///
/// The provider's page names the kinds, such as `revup.token`.
#[pyfunction]
fn key_of(kind: &Bound<'_, PyAny>, name: &Bound<'_, PyAny>) -> PyResult<String> {
    guard(|| match rulebound::key_of(named(kind, "kind")?, named(name, "name")?) {
        Ok(key) => Ok(key.as_str().to_owned()),
        Err(wrong) => Err(Wrong::from(wrong).raise(kind.py())),
    })
}

/// Whether a webhook is the provider's: its origin, `verified` or `unverified`.
///
/// Call it with the raw body, before anything else reads it. Raises `NotAuthentic` for one that must change nothing. What a
/// provider does not sign is always `unverified`. `tolerance` is how far from now a signature may be, in milliseconds: 5
/// minutes at Flex, and any at Truemed, unless told.
#[pyfunction]
#[pyo3(signature = (provider, secrets, headers, body, now, tolerance=None))]
fn authenticate(
    provider: &Bound<'_, PyAny>,
    secrets: &Bound<'_, PyAny>,
    headers: &Bound<'_, PyAny>,
    body: &Bound<'_, PyAny>,
    now: &Bound<'_, PyAny>,
    tolerance: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let py = now.py();
    guard(|| {
        let provider = named(provider, "provider")?;
        let secrets = texts(secrets).map_err(|wrong| wrong.under("secrets").raise(py))?;
        let headers = pairs(headers).map_err(|wrong| wrong.under("headers").raise(py))?;
        let now = around::time(now).map_err(|wrong| wrong.raise(py))?;
        let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
        let headers: Headers<'_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = raw(body)?;
        let body = body.as_bytes();
        let origin = match tolerance.map(|it| span(it, "tolerance")).transpose()? {
            Some(span) => rulebound::authenticate_within(provider, &secrets, &headers, body, now, span),
            None => rulebound::authenticate(provider, &secrets, &headers, body, now),
        };
        values::plain(py, &origin.map_err(|why| not_authentic(py, provider, why))?).map(Bound::unbind)
    })
}

/// The ids by which a webhook finds its snapshots, among those that `correlation_ids` gave.
#[pyfunction]
fn correlate<'py>(provider: &Bound<'py, PyAny>, body: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = body.py();
    guard(|| {
        status(provider)?;
        let ids = rulebound::correlate(named(provider, "provider")?, raw(body)?.as_bytes());
        values::list(py, &ids.map_err(|wrong| problem(py, &wrong.into()))?)
    })
}

/// The status that the provider wants for a webhook that was stored.
#[pyfunction]
fn acknowledgement(provider: &Bound<'_, PyAny>) -> PyResult<u16> {
    guard(|| status(provider))
}

/// Answers a question to one of the provider's pure modules, such as which items of a cart are eligible.
///
/// Raises `Malformed` where there is no such question, or where its fields are not what it takes.
#[pyfunction]
fn ask<'py>(
    provider: &Bound<'py, PyAny>,
    question: &Bound<'py, PyAny>,
    fields: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = fields.py();
    guard(|| {
        let (provider, question) = (write(named(provider, "provider")?), write(named(question, "question")?));
        let fields = walk::json(fields).map_err(|wrong: Wrong| wrong.under("with").raise(py))?;
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
fn call_text(request: &Bound<'_, PyAny>) -> PyResult<String> {
    guard(|| Ok(call(named(request, "request")?)))
}

/// What a call of text answers: a value, or what is wrong.
fn verb<'py>(py: Python<'py>, request: &str) -> PyResult<Bound<'py, PyAny>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Answer<'a> {
        #[serde(borrow)]
        Ok(RawText<'a>),
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
        Err(wrong) => Err(internal(&wrong)),
    }
}

/// The status of a provider, if there is a provider of that name.
fn status(provider: &Bound<'_, PyAny>) -> PyResult<u16> {
    let name = named(provider, "provider")?;
    rulebound::acknowledgement(name).ok_or_else(|| unknown_provider(provider.py(), name))
}
