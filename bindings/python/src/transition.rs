//! What a command or a fact leads to: its parts become Python values when they are asked for.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rulebound::ffi::{AnyObservation, AnyTransition};
use rulebound::{Because, CorrelationId, Failure, Request, Violation};

use crate::flows::Wrap;
use crate::guard::guard;
use crate::snapshot::Snapshot;
use crate::values::{list, plain};

/// What an accepted command leads to: nothing, until its next snapshot is saved.
///
/// What it says is made anew whenever it is asked for: changing that changes no transition.
#[pyclass(frozen, generic, subclass, weakref, module = "rulebound")]
pub(crate) struct Transition {
    next: Py<Snapshot>,
    changed: bool,
    take: Option<Request>,
    learnt: Vec<CorrelationId>,
    failure: Option<Failure>,
    warnings: Vec<Violation>,
}

impl Transition {
    pub(crate) fn of(py: Python<'_>, transition: AnyTransition, wrap: Wrap) -> PyResult<Self> {
        let AnyTransition { next, changed, take, learnt, failure, warnings, .. } = transition;
        Ok(Self { next: wrap(py, next)?, changed, take, learnt, failure, warnings })
    }

    /// Nothing but warnings: the snapshot stays as it is.
    const fn none(at: Py<Snapshot>, warnings: Vec<Violation>) -> Self {
        Self { next: at, changed: false, take: None, learnt: Vec::new(), failure: None, warnings }
    }
}

#[pymethods]
impl Transition {
    /// The next snapshot; of the same revision where nothing has changed.
    #[getter]
    fn next(&self, py: Python<'_>) -> PyResult<Py<Snapshot>> {
        guard(|| Ok(self.next.clone_ref(py)))
    }

    /// Whether the next snapshot differs from the one before.
    #[getter]
    fn changed(&self) -> PyResult<bool> {
        guard(|| Ok(self.changed))
    }

    /// The complete request that was begun. Save before you send it.
    #[getter]
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(|| self.take.as_ref().map(|it| plain(py, it)).transpose())
    }

    /// Ids that are known from now on: offer the inbox rows that name them again.
    #[getter]
    fn learnt<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(|| list(py, &self.learnt))
    }

    /// The provider's refusal that this fact brought.
    #[getter]
    fn failure<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(|| self.failure.as_ref().map(|it| plain(py, it)).transpose())
    }

    /// Rules that are broken and only warned about.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(|| list(py, &self.warnings))
    }

    fn __repr__(&self) -> PyResult<String> {
        guard(|| Ok(format!("<Transition to {}>", self.next.get().name())))
    }

    fn __copy__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        guard(|| Ok(slf))
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyDict>) -> PyResult<Bound<'py, Self>> {
        guard(|| Ok(slf))
    }
}

/// What a fact leads to: a transition, of which nothing is to be saved unless it was applied.
#[pyclass(frozen, extends = Transition, module = "rulebound")]
pub(crate) struct Observation {
    because: Option<Because>,
}

impl Observation {
    pub(crate) fn of(at: &Bound<'_, Snapshot>, seen: AnyObservation, wrap: Wrap) -> PyResult<Py<Self>> {
        let (transition, because) = match seen {
            AnyObservation::Applied(transition) => (Transition::of(at.py(), transition, wrap)?, None),
            AnyObservation::Unmoved { because, warnings, .. } => {
                (Transition::none(at.clone().unbind(), warnings), Some(because))
            }
        };
        Py::new(at.py(), PyClassInitializer::from(transition).add_subclass(Self { because }))
    }
}

#[pymethods]
impl Observation {
    /// Whether it moved the flow.
    #[getter]
    fn applied(&self) -> PyResult<bool> {
        guard(|| Ok(self.because.is_none()))
    }

    /// Why it moved nothing: `known`, `early`, `unrelated` or `unreadable`.
    #[getter]
    fn because<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(|| self.because.as_ref().map(|it| plain(py, it)).transpose())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        guard(|| {
            let name = slf.as_super().get().next.get().name();
            Ok(match slf.get().because {
                None => format!("<Observation to {name}>"),
                Some(because) => format!("<Observation of {name}, {because:?}>"),
            })
        })
    }
}
