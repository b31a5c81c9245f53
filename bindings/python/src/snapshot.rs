//! Snapshots: frozen, and safe to share between threads.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rulebound::ffi::{AnyError, AnySnapshot, Around, load, read_fact};
use serde::Serialize;

use crate::arguments::{format as number, saved};
use crate::around::Circumstances;
use crate::errors::{Wrong, raise};
use crate::flows::{Wrap, class_of};
use crate::guard::guard;
use crate::transition::{Observation, Transition};
use crate::{values, walk};

/// One lifecycle as it stands, with everything that is owed.
///
/// A value: every decision leaves it as it was and gives the next one. It may be shared between threads, compared,
/// pickled and used as a key.
#[pyclass(frozen, generic, subclass, weakref, module = "rulebound")]
pub(crate) struct Snapshot {
    inner: Box<dyn AnySnapshot>,
    wrap: Wrap,
}

impl Snapshot {
    pub(crate) const fn new(inner: Box<dyn AnySnapshot>, wrap: Wrap) -> Self {
        Self { inner, wrap }
    }

    /// Reads a snapshot of whichever flow.
    pub(crate) fn load(text: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let py = text.py();
        let inner = load(&saved(text)?).map_err(|wrong| raise(py, wrong.into()))?;
        let unknown = || PyRuntimeError::new_err("a flow without a class, which is a bug");
        (class_of(inner.flow()).ok_or_else(unknown)?.wrap)(py, inner)
    }

    /// What a view of the snapshot shows, as plain values.
    fn look<'py, T: Serialize>(
        &self,
        now: &Bound<'py, PyAny>,
        policy: Option<&Bound<'py, PyAny>>,
        settings: Option<&Bound<'py, PyAny>>,
        view: impl FnOnce(&dyn AnySnapshot, &Around<'_>) -> Result<Vec<T>, AnyError>,
    ) -> PyResult<Bound<'py, PyAny>> {
        guard(|| {
            let circumstances = Circumstances::read(now, policy, settings)?;
            let seen = view(self.inner.as_ref(), &circumstances.around()).map_err(|why| raise(now.py(), why))?;
            values::list(now.py(), &seen)
        })
    }

    /// Its flow, its key and its revision; what else it holds may be secret.
    pub(crate) fn name(&self) -> String {
        let Self { inner, .. } = self;
        format!("{} {} revision {}", inner.flow(), inner.key().as_str(), inner.revision())
    }

    fn is_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.inner, &other.inner);
        a.flow() == b.flow() && a.revision() == b.revision() && a.key() == b.key() && a.save() == b.save()
    }
}

#[pymethods]
impl Snapshot {
    /// The id of its flow, such as `truemed.payment_token`.
    #[getter]
    fn flow(&self) -> PyResult<&'static str> {
        guard(|| Ok(self.inner.flow()))
    }

    /// The host's name for it.
    #[getter]
    fn key(&self) -> PyResult<&str> {
        guard(|| Ok(self.inner.key().as_str()))
    }

    /// How often it has changed: the number to compare when it is saved.
    #[getter]
    fn revision(&self) -> PyResult<u64> {
        guard(|| Ok(self.inner.revision()))
    }

    /// Its JSON, in the newest format.
    fn save(&self) -> PyResult<String> {
        guard(|| Ok(self.inner.save()))
    }

    /// Its JSON in an older format, so that workers of the previous release can read it.
    fn save_as(&self, format: &Bound<'_, PyAny>) -> PyResult<String> {
        guard(|| self.inner.save_as(number(format)?).map_err(|wrong| raise(format.py(), wrong.into())))
    }

    /// What the host wants: `begin`, or one of the provider's operations.
    ///
    /// Raises `Refused` with every rule that the command breaks, and then nothing has changed.
    #[pyo3(signature = (command, *, now, policy=None, settings=None))]
    fn handle(
        &self,
        command: &Bound<'_, PyAny>,
        now: &Bound<'_, PyAny>,
        policy: Option<&Bound<'_, PyAny>>,
        settings: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Transition> {
        let py = command.py();
        guard(|| {
            let circumstances = Circumstances::read(now, policy, settings)?;
            let text = walk::json(command).map_err(|wrong| wrong.under("command").raise(py))?;
            let transition = self.inner.handle(&text, &circumstances.around()).map_err(|why| raise(py, why))?;
            Transition::of(py, transition, self.wrap)
        })
    }

    /// What has happened. Facts are never refused: one that moves nothing says why.
    #[pyo3(signature = (fact, *, now, policy=None, settings=None))]
    fn observe<'py>(
        slf: &Bound<'py, Self>,
        fact: &Bound<'py, PyAny>,
        now: &Bound<'py, PyAny>,
        policy: Option<&Bound<'py, PyAny>>,
        settings: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Py<Observation>> {
        let py = slf.py();
        guard(|| {
            let circumstances = Circumstances::read(now, policy, settings)?;
            let (text, raw) = walk::fact(fact).map_err(|wrong| wrong.under("fact").raise(py))?;
            let mut read = read_fact(&text).map_err(|wrong| Wrong::from(wrong).under("fact").raise(py))?;
            if let Some(raw) = &raw {
                read = read.with_body(raw.as_bytes());
            }
            let at = slf.get();
            let seen = at.inner.observe(read, &circumstances.around()).map_err(|why| raise(py, why))?;
            Observation::of(slf, seen, at.wrap)
        })
    }

    /// What a worker must do, each once.
    #[pyo3(signature = (*, now, policy=None, settings=None))]
    fn owed<'py>(
        &self,
        now: &Bound<'py, PyAny>,
        policy: Option<&Bound<'py, PyAny>>,
        settings: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.look(now, policy, settings, |at, around| at.owed(around))
    }

    /// What others must do: the provider, or the customer.
    #[pyo3(signature = (*, now, policy=None, settings=None))]
    fn awaits<'py>(
        &self,
        now: &Bound<'py, PyAny>,
        policy: Option<&Bound<'py, PyAny>>,
        settings: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.look(now, policy, settings, |at, around| at.awaits(around))
    }

    /// What may be wished now, and what stands in the way of the rest.
    #[pyo3(signature = (*, now, policy=None, settings=None))]
    fn offers<'py>(
        &self,
        now: &Bound<'py, PyAny>,
        policy: Option<&Bound<'py, PyAny>>,
        settings: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.look(now, policy, settings, |at, around| at.offers(around))
    }

    /// When what is owed, awaited or offered next changes by itself, in milliseconds since the Unix epoch.
    #[pyo3(signature = (*, now, policy=None, settings=None))]
    fn deadline(
        &self,
        now: &Bound<'_, PyAny>,
        policy: Option<&Bound<'_, PyAny>>,
        settings: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<i64>> {
        guard(|| {
            let circumstances = Circumstances::read(now, policy, settings)?;
            let at = self.inner.deadline(&circumstances.around()).map_err(|why| raise(now.py(), why))?;
            Ok(at.map(|it| it.as_millis()))
        })
    }

    /// The ids by which a webhook finds this snapshot.
    fn correlation_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(|| values::list(py, &self.inner.correlation_ids()))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = other.py();
        guard(|| {
            let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
            let same = self.is_same(other.get());
            Ok(same.into_pyobject(py)?.to_owned().into_any().unbind())
        })
    }

    fn __hash__(&self) -> PyResult<u64> {
        guard(|| {
            let mut hasher = DefaultHasher::new();
            (self.inner.flow(), self.inner.key().as_str(), self.inner.revision()).hash(&mut hasher);
            Ok(hasher.finish())
        })
    }

    fn __repr__(&self) -> PyResult<String> {
        guard(|| Ok(format!("<{}>", self.name())))
    }

    fn __copy__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        guard(|| Ok(slf))
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyDict>) -> PyResult<Bound<'py, Self>> {
        guard(|| Ok(slf))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        guard(|| Ok((slf.get_type().getattr("load")?, (slf.get().inner.save(),))))
    }
}
