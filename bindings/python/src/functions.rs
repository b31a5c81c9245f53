//! The functions of the package: load a snapshot of any flow, route webhooks, and read what is published.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rulebound::Secret;
use rulebound::ffi::call;
use rulebound::json::write;

use crate::arguments::{headers as header_fields, named, raw, secrets as texts, value};
use crate::errors::{Error, answered, not_authentic, problem, unknown_provider};
use crate::guard::guard;
use crate::snapshot::Snapshot;
use crate::{context, values, walk};

/// Adds the functions of this module, as those of the package.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let functions = [
        wrap_pyfunction!(load, module)?,
        wrap_pyfunction!(key_for, module)?,
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

/// Checks that a webhook is the provider's, and gives its origin: `verified` or `unverified`.
///
/// Call it with the raw body, before anything else reads it. Raises `NotAuthentic` for a webhook that must change nothing.
/// A webhook of a provider that does not sign is always `unverified`. `tolerance` is how far a signature's time may be from
/// `now`, in milliseconds. By default it is 5 minutes at Flex, and Truemed's may have any time.
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
        let secrets = texts(secrets).map_err(|error| error.under("secrets").raise(py))?;
        let headers = header_fields(headers).map_err(|error| error.under("headers").raise(py))?;
        let now = context::time(now).map_err(|error| error.raise(py))?;
        let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
        let body = raw(body)?;
        let body = body.as_bytes();
        let origin = match tolerance.map(|it| value(it, "tolerance")).transpose()? {
            Some(span) => rulebound::authenticate_within(provider, &secrets, &headers, body, now, span),
            None => rulebound::authenticate(provider, &secrets, &headers, body, now),
        };
        values::plain(py, &origin.map_err(|why| not_authentic(py, provider, why))?).map(Bound::unbind)
    })
}

/// The ids by which a webhook finds its snapshots: compare them with those of `Snapshot.ids`.
#[pyfunction]
fn correlate<'py>(provider: &Bound<'py, PyAny>, body: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = body.py();
    guard(|| {
        status(provider)?;
        let ids = rulebound::correlate(named(provider, "provider")?, raw(body)?.as_bytes());
        values::list(py, &ids.map_err(|wrong| problem(py, &wrong.into()))?)
    })
}

/// The HTTP status with which the provider wants a stored webhook acknowledged.
#[pyfunction]
fn acknowledgement(provider: &Bound<'_, PyAny>) -> PyResult<u16> {
    guard(|| status(provider))
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

/// The status of a provider, if there is a provider of that name.
fn status(provider: &Bound<'_, PyAny>) -> PyResult<u16> {
    let name = named(provider, "provider")?;
    rulebound::acknowledgement(name).ok_or_else(|| unknown_provider(provider.py(), name))
}
