//! The results of commands, facts and leases: their parts become Python values when they are read.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rulebound::ffi::{AnyLease, AnyStep};
use rulebound::flow::FacetTransition;
use rulebound::json::write;
use rulebound::{Failure, Ignored, Request, TypedId, Violation};

use crate::flows::Wrap;
use crate::guard::guard;
use crate::snapshot::Snapshot;
use crate::values::{list, plain};

/// The result of a command or a fact: the next snapshot, and what came with it.
///
/// It changes nothing until you save `next`. Each attribute is made anew when you read it: changing its value does not
/// change the step.
#[pyclass(frozen, generic, weakref, module = "rulebound")]
pub(crate) struct Step {
    next: Py<Snapshot>,
    ignored: Option<Ignored>,
    transitions: Vec<FacetTransition>,
    new_ids: Vec<TypedId>,
    failure: Option<Failure>,
    warnings: Vec<Violation>,
}

impl Step {
    /// What a snapshot leads to: the snapshot itself, if the command or the fact was ignored.
    pub(crate) fn of(snapshot: &Bound<'_, Snapshot>, step: AnyStep, wrap: Wrap) -> PyResult<Self> {
        let AnyStep { next, ignored, transitions, new_ids, failure, warnings, .. } = step;
        let next = match ignored {
            Some(_) => snapshot.clone().unbind(),
            None => wrap(snapshot.py(), next)?,
        };
        Ok(Self { next, ignored, transitions, new_ids, failure, warnings })
    }
}

#[pymethods]
impl Step {
    /// The next snapshot; the same snapshot if the command or the fact was ignored.
    #[getter]
    fn next(&self, py: Python<'_>) -> PyResult<Py<Snapshot>> {
        guard(|| Ok(self.next.clone_ref(py)))
    }

    /// Why nothing has changed; `None` if something has.
    #[getter]
    fn ignored<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(|| self.ignored.as_ref().map(|it| plain(py, it)).transpose())
    }

    /// The moves that the facets have made.
    #[getter]
    fn transitions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(|| list(py, &self.transitions))
    }

    /// The ids that are known from now on: observe the stored webhooks that name them.
    #[getter]
    fn new_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(|| list(py, &self.new_ids))
    }

    /// Why a reply is not a success; `None` if the fact is not such a reply.
    #[getter]
    fn failure<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(|| self.failure.as_ref().map(|it| plain(py, it)).transpose())
    }

    /// The broken rules that only warn.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(|| list(py, &self.warnings))
    }

    fn __repr__(&self) -> PyResult<String> {
        guard(|| {
            let name = self.next.get().name();
            Ok(match &self.ignored {
                None => format!("<Step to {name}>"),
                Some(Ignored { reason, .. }) => {
                    format!("<Step to {name}, ignored: {}>", write(reason).trim_matches('"'))
                }
            })
        })
    }

    fn __copy__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        guard(|| Ok(slf))
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyDict>) -> PyResult<Bound<'py, Self>> {
        guard(|| Ok(slf))
    }
}

/// A worker's exclusive hold on an effect, for a limited time.
///
/// It holds only once you have saved `next`.
#[pyclass(frozen, generic, weakref, module = "rulebound")]
pub(crate) struct Lease {
    next: Py<Snapshot>,
    request: Option<Request>,
    warnings: Vec<Violation>,
}

impl Lease {
    pub(crate) fn of(py: Python<'_>, lease: AnyLease, wrap: Wrap) -> PyResult<Self> {
        let AnyLease { next, request, warnings, .. } = lease;
        Ok(Self { next: wrap(py, next)?, request, warnings })
    }
}

#[pymethods]
impl Lease {
    /// The next snapshot. Save it before you send the request.
    #[getter]
    fn next(&self, py: Python<'_>) -> PyResult<Py<Snapshot>> {
        guard(|| Ok(self.next.clone_ref(py)))
    }

    /// The complete request; `None` if the effect is not a request.
    #[getter]
    fn request<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(|| self.request.as_ref().map(|it| plain(py, it)).transpose())
    }

    /// The broken rules that only warn.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(|| list(py, &self.warnings))
    }

    fn __repr__(&self) -> PyResult<String> {
        guard(|| Ok(format!("<Lease to {}>", self.next.get().name())))
    }

    fn __copy__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        guard(|| Ok(slf))
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyDict>) -> PyResult<Bound<'py, Self>> {
        guard(|| Ok(slf))
    }
}
