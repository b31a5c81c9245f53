//! Snapshots: frozen, and safe to share between threads.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rulebound::Context;
use rulebound::ffi::{AnySnapshot, load, read_fact};
use rulebound::json::write;

use crate::arguments::{saved, value};
use crate::errors::{Error, raise};
use crate::flows::{Wrap, class_of};
use crate::guard::guard;
use crate::step::{Lease, Step};
use crate::{context, values, walk};

/// The stored state of one lifecycle, with its pending effects.
///
/// It is a value: no method changes it, and each decision gives the next one. You can share it between threads, compare
/// it, pickle it and use it as a key.
#[pyclass(frozen, generic, subclass, weakref, module = "rulebound")]
pub(crate) struct Snapshot {
    inner: Box<dyn AnySnapshot>,
    wrap: Wrap,
}

impl Snapshot {
    pub(crate) const fn new(inner: Box<dyn AnySnapshot>, wrap: Wrap) -> Self {
        Self { inner, wrap }
    }

    /// Reads a snapshot of any flow.
    pub(crate) fn load(text: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let py = text.py();
        let inner = load(&saved(text)?).map_err(|wrong| raise(py, wrong.into()))?;
        let unknown = || PyRuntimeError::new_err("a flow without a class, which is a bug");
        (class_of(inner.flow()).ok_or_else(unknown)?.wrap)(py, inner)
    }

    /// What a view of the snapshot shows, as plain values.
    fn view<'py>(
        &self,
        now: &Bound<'py, PyAny>,
        config: Option<&Bound<'py, PyAny>>,
        view: fn(&dyn AnySnapshot, &Context) -> String,
    ) -> PyResult<Bound<'py, PyAny>> {
        guard(|| {
            let cx = context::read(now, config)?;
            values::parsed(now.py(), &view(self.inner.as_ref(), &cx))
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
    /// The id of the flow, such as `truemed.payment_token`.
    #[getter]
    fn flow(&self) -> PyResult<&'static str> {
        guard(|| Ok(self.inner.flow()))
    }

    /// Your name for this snapshot: with the flow, the primary key of its row.
    #[getter]
    fn key(&self) -> PyResult<&str> {
        guard(|| Ok(self.inner.key().as_str()))
    }

    /// The number of changes: compare it when you save.
    #[getter]
    fn revision(&self) -> PyResult<u64> {
        guard(|| Ok(self.inner.revision()))
    }

    /// The snapshot as JSON, in the newest format.
    fn save(&self) -> PyResult<String> {
        guard(|| Ok(self.inner.save()))
    }

    /// The snapshot as JSON in an older format, so that workers of the previous release can read it.
    fn save_as(&self, format: &Bound<'_, PyAny>) -> PyResult<String> {
        guard(|| self.inner.save_as(value(format, "format")?).map_err(|wrong| raise(format.py(), wrong.into())))
    }

    /// Applies a command: one of the provider's operations, as something that you want to do.
    ///
    /// Raises `Rejected` with every rule that the command would break; then nothing has changed.
    #[pyo3(signature = (command, *, now, config=None))]
    fn handle<'py>(
        slf: &Bound<'py, Self>,
        command: &Bound<'py, PyAny>,
        now: &Bound<'py, PyAny>,
        config: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Step> {
        let py = slf.py();
        guard(|| {
            let cx = context::read(now, config)?;
            let text = walk::json(command).map_err(|error| error.under("command").raise(py))?;
            let Self { inner, wrap } = slf.get();
            Step::of(slf, inner.handle(&text, &cx).map_err(|why| raise(py, why))?, *wrap)
        })
    }

    /// Leases an effect to one worker, with the request to send if the effect is one.
    ///
    /// Raises `Rejected` if the effect cannot be leased now; then nothing has changed.
    #[pyo3(signature = (effect, *, now, config=None))]
    fn lease(
        &self,
        effect: &Bound<'_, PyAny>,
        now: &Bound<'_, PyAny>,
        config: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Lease> {
        let py = effect.py();
        guard(|| {
            let id = value(effect, "effect")?;
            let cx = context::read(now, config)?;
            Lease::of(py, self.inner.lease(&id, &cx).map_err(|why| raise(py, why))?, self.wrap)
        })
    }

    /// Applies a fact: something that happened.
    ///
    /// A fact is never rejected. The step of an ignored fact gives the reason in `ignored`.
    #[pyo3(signature = (fact, *, now, config=None))]
    fn observe<'py>(
        slf: &Bound<'py, Self>,
        fact: &Bound<'py, PyAny>,
        now: &Bound<'py, PyAny>,
        config: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Step> {
        let py = slf.py();
        guard(|| {
            let cx = context::read(now, config)?;
            let (text, raw) = walk::fact(fact).map_err(|error| error.under("fact").raise(py))?;
            let mut read = read_fact(&text).map_err(|wrong| Error::from(wrong).under("fact").raise(py))?;
            if let Some(raw) = &raw {
                read = read.with_body(raw.as_bytes());
            }
            let Self { inner, wrap } = slf.get();
            Step::of(slf, inner.observe(read, &cx).map_err(|why| raise(py, why))?, *wrap)
        })
    }

    /// How the lifecycle is now: what a page for a customer or for a support agent shows.
    #[pyo3(signature = (*, now, config=None))]
    fn status<'py>(&self, now: &Bound<'py, PyAny>, config: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        self.view(now, config, |snapshot, cx| write(&snapshot.status(cx)))
    }

    /// What a worker must do, each effect once.
    #[pyo3(signature = (*, now, config=None))]
    fn effects<'py>(&self, now: &Bound<'py, PyAny>, config: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        self.view(now, config, |snapshot, cx| write(&snapshot.effects(cx)))
    }

    /// What the provider or the customer must do.
    #[pyo3(signature = (*, now, config=None))]
    fn waiting_for<'py>(
        &self,
        now: &Bound<'py, PyAny>,
        config: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.view(now, config, |snapshot, cx| write(&snapshot.waiting_for(cx)))
    }

    /// Every action: whether it is allowed now, or why not.
    #[pyo3(signature = (*, now, config=None))]
    fn actions<'py>(&self, now: &Bound<'py, PyAny>, config: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        self.view(now, config, |snapshot, cx| write(&snapshot.actions(cx)))
    }

    /// When to look at this snapshot again, in milliseconds since the Unix epoch.
    ///
    /// It is `None` if only a command or a fact can change something.
    #[pyo3(signature = (*, now, config=None))]
    fn wake_at(&self, now: &Bound<'_, PyAny>, config: Option<&Bound<'_, PyAny>>) -> PyResult<Option<i64>> {
        guard(|| {
            let cx = context::read(now, config)?;
            Ok(self.inner.wake_at(&cx).map(|it| it.as_millis()))
        })
    }

    /// The ids by which a webhook finds this snapshot.
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(|| values::list(py, &self.inner.ids()))
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
