//! The exceptions, which are classes of Python's own so that they have fields and can be pickled.

use std::borrow::Cow;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};
use rulebound::ffi::{AnyError, CallError};
use rulebound::{Malformed, NotAuthentic, Violation};

use crate::values;

static REJECTED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static INVALID_INPUT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static NOT_AUTHENTIC: PyOnceLock<Py<PyType>> = PyOnceLock::new();

fn class<'py>(py: Python<'py>, cell: &PyOnceLock<Py<PyType>>, name: &str) -> PyResult<Bound<'py, PyType>> {
    cell.import(py, "rulebound._errors", name).cloned()
}

/// Why a call has failed, as an exception.
pub(crate) fn raise(py: Python<'_>, why: AnyError) -> PyErr {
    match CallError::of(why) {
        Ok(wrong) => problem(py, &wrong),
        Err(rejection) => rejected(py, &rejection.violations).unwrap_or_else(|error| error),
    }
}

/// What is wrong, in the core's own words.
pub(crate) fn problem(py: Python<'_>, wrong: &CallError) -> PyErr {
    match wrong.code {
        "internal" => PyRuntimeError::new_err(wrong.message.clone()),
        "not_authentic" => of(py, &NOT_AUTHENTIC, "NotAuthentic", (wrong.code, &wrong.pointer, &wrong.message)),
        code => invalid_input(py, code, &wrong.pointer, &wrong.message),
    }
}

/// A rejected command or lease.
fn rejected(py: Python<'_>, violations: &[Violation]) -> PyResult<PyErr> {
    let violations = values::list(py, violations)?;
    Ok(PyErr::from_type(class(py, &REJECTED, "Rejected")?, (violations.unbind(),)))
}

/// Data that is wrong.
pub(crate) fn invalid_input(py: Python<'_>, code: &str, pointer: &str, message: &str) -> PyErr {
    of(py, &INVALID_INPUT, "InvalidInput", (code, pointer, message))
}

/// The error of an answer in JSON, whose members have the names of the exception's fields.
pub(crate) fn answered(error: &Bound<'_, PyDict>) -> PyErr {
    let made = class(error.py(), &INVALID_INPUT, "InvalidInput").and_then(|class| class.call((), Some(error)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// An answer of the core's that cannot be read, which is a bug.
pub(crate) fn internal(wrong: &Malformed) -> PyErr {
    PyRuntimeError::new_err(format!("a bug in rulebound: {wrong}"))
}

/// Why a webhook is not the provider's, or why that cannot be decided.
pub(crate) fn not_authentic(py: Python<'_>, provider: &str, why: NotAuthentic) -> PyErr {
    match why {
        NotAuthentic::UnknownProvider => problem(py, &CallError::no_provider(&short(provider))),
        why => problem(py, &why.into()),
    }
}

fn of(py: Python<'_>, cell: &PyOnceLock<Py<PyType>>, name: &str, said: (&str, &str, &str)) -> PyErr {
    let (code, pointer, message) = said;
    match class(py, cell, name) {
        Ok(class) => PyErr::from_type(class, (code.to_owned(), pointer.to_owned(), message.to_owned())),
        Err(error) => error,
    }
}

/// Why an argument cannot be read.
pub(crate) enum Error {
    /// It is not of our shape.
    Shape { pointer: String, reason: String },
    /// Code of the host's, such as a mapping of its own, raised this.
    Raised(PyErr),
}

impl Error {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self::Shape { pointer: String::new(), reason: reason.into() }
    }

    /// The same, seen from the object or the list around it.
    pub(crate) fn under(self, name: &str) -> Self {
        match self {
            Self::Raised(error) => Self::Raised(error),
            Self::Shape { pointer, reason } => {
                let name = short(name).replace('~', "~0").replace('/', "~1");
                Self::Shape { pointer: format!("/{name}{pointer}"), reason }
            }
        }
    }

    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Raised(error) => error,
            Self::Shape { pointer, reason } => invalid_input(py, "malformed", &pointer, &reason),
        }
    }
}

/// A name of the host's as an error repeats it: its beginning, if it is far longer than any of ours.
fn short(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", name.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(name),
    }
}

/// How much of a name is repeated, in characters.
const LONGEST_NAME: usize = 64;

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<Malformed> for Error {
    fn from(Malformed { pointer, reason, .. }: Malformed) -> Self {
        Self::Shape { pointer, reason }
    }
}
