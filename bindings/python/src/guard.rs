//! A panic is a bug of ours, and never more to the host than an ordinary exception.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// Does what an exported function does, and turns a panic into a `RuntimeError`.
///
/// Nothing that is shared changes on the way, so the next call finds everything as it was.
pub(crate) fn guard<T>(body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let watched = AssertUnwindSafe(|| {
        armed::go_off();
        body()
    });
    catch_unwind(watched).unwrap_or_else(|payload| Err(exception(payload)))
}

/// The exception of a panic: one function for all, so that each exported function stays small.
#[cold]
#[inline(never)]
fn exception(payload: Box<dyn Any + Send>) -> PyErr {
    let said = payload.downcast_ref::<&str>().copied();
    let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    PyRuntimeError::new_err(format!("rulebound panicked, which is a bug: {said}"))
}

/// Adds what tests of this module need.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    armed::add(module)
}

#[cfg(not(feature = "panics"))]
mod armed {
    use pyo3::prelude::*;

    pub(super) const fn go_off() {}

    pub(super) fn add(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        Ok(())
    }
}

#[cfg(feature = "panics")]
mod armed {
    use std::cell::Cell;

    use pyo3::prelude::*;

    thread_local! {
        static ARMED: Cell<bool> = const { Cell::new(false) };
    }

    #[expect(clippy::panic, reason = "it is what a test asked for")]
    pub(super) fn go_off() {
        if ARMED.take() {
            panic!("as a test asked");
        }
    }

    pub(super) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add_function(wrap_pyfunction!(panic_next, module)?)
    }

    /// Makes the next call on this thread panic.
    #[pyfunction]
    fn panic_next() {
        ARMED.set(true);
    }
}
