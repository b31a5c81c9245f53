//! The functions of the package: load a snapshot of any flow, route webhooks, and read what is published.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use rulebound::ffi::{call, read_fact};
use rulebound::json::write;
use rulebound::{Secret, WebhookOptions, read_webhook_with};

use crate::arguments::{headers as header_fields, named, raw, secrets as texts};
use crate::errors::{Error, answered, not_authentic};
use crate::guard::guard;
use crate::snapshot::Snapshot;
use crate::{context, values, walk};

/// Adds the functions of this module, as those of the package.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let functions = [
        wrap_pyfunction!(load, module)?,
        wrap_pyfunction!(key_for, module)?,
        wrap_pyfunction!(read_webhook, module)?,
        wrap_pyfunction!(webhook_ids, module)?,
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

/// Reads a snapshot of any flow, as an object of that flow's own class.
#[pyfunction]
fn load(text: &Bound<'_, PyAny>) -> PyResult<Py<Snapshot>> {
    guard(|| Snapshot::load(text))
}

/// The key of a flow that belongs to one object of the provider, such as a token that can be used once.
///
/// The provider's page names the kinds, such as `revup.token`.
#[pyfunction]
fn key_for(kind: &Bound<'_, PyAny>, name: &Bound<'_, PyAny>) -> PyResult<String> {
    guard(|| match rulebound::key_for(named(kind, "kind")?, named(name, "name")?) {
        Ok(key) => Ok(key.as_str().to_owned()),
        Err(wrong) => Err(Error::from(wrong).raise(kind.py())),
    })
}

/// Reads a webhook: checks that it is the provider's, and finds out which snapshots it belongs to.
///
/// Call it with the raw body, before anything else reads it. Pass `fact` to `observe` unchanged. Raises `NotAuthentic` for a
/// webhook that must change nothing: reply with 401. Vend and Revup sign nothing, so the origin of their webhooks stays
/// `unverified`. `topic` is what only the URL or a header says about it. `tolerance` is how far the time of a signature can be
/// from `now`: a `timedelta` or integer milliseconds. By default it is 5 minutes at Flex, and Truemed's can have any time.
#[pyfunction]
#[pyo3(signature = (provider, secrets, headers, body, now, topic=None, tolerance=None))]
fn read_webhook<'py>(
    provider: &Bound<'py, PyAny>,
    secrets: &Bound<'py, PyAny>,
    headers: &Bound<'py, PyAny>,
    body: &Bound<'py, PyAny>,
    now: &Bound<'py, PyAny>,
    topic: Option<&Bound<'py, PyAny>>,
    tolerance: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = now.py();
    guard(|| {
        let provider = named(provider, "provider")?;
        let secrets = texts(secrets).map_err(|error| error.under("secrets").raise(py))?;
        let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
        let headers = header_fields(headers).map_err(|error| error.under("headers").raise(py))?;
        let now = context::time(now).map_err(|error| error.raise(py))?;
        let mut options = WebhookOptions::default();
        if let Some(topic) = topic {
            options = options.topic(named(topic, "topic")?);
        }
        if let Some(span) = tolerance {
            options = options.tolerance(context::span(span, "tolerance")?);
        }
        let raw = raw(body)?;
        let received = read_webhook_with(provider, &secrets, &headers, raw.as_bytes(), now, &options);
        let mut received = received.map_err(|why| not_authentic(py, provider, why))?;
        // A host stores the fact as JSON, which carries text. Bytes that are no text stay bytes.
        received.fact = received.fact.with_body(&b""[..]);
        let made = values::plain(py, &received)?;
        let text = std::str::from_utf8(raw.as_bytes()).ok().map(|it| PyString::new(py, it).into_any());
        let body = text.as_ref().unwrap_or_else(|| raw.as_any());
        made.get_item(intern!(py, "fact"))?.set_item(intern!(py, "body"), body)?;
        Ok(made)
    })
}

/// The ids of a webhook that you have received and stored: what `read_webhook` would find now.
///
/// A newer release may read a webhook that an older one could not. `fact` is what `read_webhook` gave. Its origin is not
/// checked again.
#[pyfunction]
fn webhook_ids<'py>(provider: &Bound<'py, PyAny>, fact: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = fact.py();
    guard(|| {
        let provider = named(provider, "provider")?;
        let (text, raw) = walk::fact(fact).map_err(|error| error.under("fact").raise(py))?;
        let mut read = read_fact(&text).map_err(|wrong| Error::from(wrong).under("fact").raise(py))?;
        if let Some(raw) = &raw {
            read = read.with_body(raw.as_bytes());
        }
        let found = rulebound::webhook_ids(provider, &read).map_err(|wrong| Error::from(wrong).raise(py))?;
        values::plain(py, &found)
    })
}

/// Answers a question that needs no snapshot, such as which items of a cart are eligible.
///
/// Raises `InvalidInput` if the provider has no such question, or if the question does not take these fields.
#[pyfunction]
fn ask<'py>(
    provider: &Bound<'py, PyAny>,
    question: &Bound<'py, PyAny>,
    fields: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = fields.py();
    guard(|| {
        let (provider, question) = (write(named(provider, "provider")?), write(named(question, "question")?));
        let fields = walk::json(fields).map_err(|error: Error| error.under("with").raise(py))?;
        verb(py, &format!(r#"{{"ask":{{"provider":{provider},"question":{question},"with":{fields}}}}}"#))
    })
}

/// Everything that the library knows: rules, flows, moves and actions.
#[pyfunction]
fn catalogue(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    guard(|| verb(py, r#"{"catalogue":{}}"#))
}

/// The versions of the library, of the rules and of the call protocol.
#[pyfunction]
fn versions(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    guard(|| verb(py, r#"{"versions":{}}"#))
}

/// Does one verb, from JSON text to JSON text, as in every language.
#[pyfunction]
#[pyo3(name = "call")]
fn call_text(request: &Bound<'_, PyAny>) -> PyResult<String> {
    guard(|| Ok(call(named(request, "request")?)))
}

/// The answer of a call of text: a value, or an error.
fn verb<'py>(py: Python<'py>, request: &str) -> PyResult<Bound<'py, PyAny>> {
    let answer = values::parsed(py, &call(request))?.cast_into::<PyDict>()?;
    match answer.get_item(intern!(py, "ok"))? {
        Some(value) => Ok(value),
        None => Err(answered(answer.as_any().get_item(intern!(py, "error"))?.cast()?)),
    }
}
