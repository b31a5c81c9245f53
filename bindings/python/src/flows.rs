//! One class for every flow, made from the core's own list.

use std::sync::LazyLock;

use pyo3::prelude::*;
use pyo3::types::PyType;
use rulebound::ffi::{AnyError, AnySnapshot};
use rulebound::{Key, LoadError};

use crate::arguments;
use crate::classes::for_each_class;
use crate::errors::raise;
use crate::guard::guard;
use crate::snapshot::Snapshot;

/// Makes a snapshot of its flow's own class.
pub(crate) type Wrap = fn(Python<'_>, Box<dyn AnySnapshot>) -> PyResult<Py<Snapshot>>;

/// The class of one flow.
pub(crate) struct Class {
    pub(crate) flow: &'static str,
    pub(crate) wrap: Wrap,
    /// The class itself.
    pub(crate) object: fn(Python<'_>) -> Py<PyType>,
}

/// The class of every flow.
pub(crate) fn classes() -> &'static [Class] {
    static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(all);
    &CLASSES
}

/// The class of a flow.
pub(crate) fn class_of(flow: &str) -> Option<&'static Class> {
    classes().iter().find(|it| it.flow == flow)
}

type Start = fn(Key) -> Box<dyn AnySnapshot>;
type Load = fn(&str) -> Result<Box<dyn AnySnapshot>, LoadError>;

// What the classes have in common is compiled once.
#[inline(never)]
fn start(key: &Bound<'_, PyAny>, start: Start, wrap: Wrap) -> PyResult<Py<Snapshot>> {
    guard(|| wrap(key.py(), start(arguments::key(key)?)))
}

#[inline(never)]
fn load(text: &Bound<'_, PyAny>, load: Load, wrap: Wrap) -> PyResult<Py<Snapshot>> {
    guard(|| match load(&arguments::saved(text)?) {
        Ok(snapshot) => wrap(text.py(), snapshot),
        Err(wrong) => Err(raise(text.py(), AnyError::Load(wrong))),
    })
}

fn all() -> Vec<Class> {
    let mut all = Vec::new();
    macro_rules! class {
        ($id:literal, $module:literal, $provider:ident :: $flow:ident) => {{
            #[doc = concat!("A snapshot of the flow `", $id, "`.")]
            #[pyclass(frozen, extends = Snapshot, module = $module)]
            struct $flow;

            #[pymethods]
            impl $flow {
                /// A flow that has not started.
                ///
                /// The key has 16 to 128 characters and is never used again: a UUID, or a key that `key_for` gives. Your table
                /// needs a primary key over the flow and the key.
                #[staticmethod]
                fn start(key: &Bound<'_, PyAny>) -> PyResult<Py<Snapshot>> {
                    start(key, |key| Box::new(State::start(key)), wrap)
                }

                /// Reads a snapshot of this flow that this or an older release saved.
                #[staticmethod]
                fn load(text: &Bound<'_, PyAny>) -> PyResult<Py<Snapshot>> {
                    load(text, |text| Ok(Box::new(State::load(text)?)), wrap)
                }
            }

            type State = rulebound::Snapshot<rulebound::$provider::$flow>;

            fn wrap(py: Python<'_>, inner: Box<dyn AnySnapshot>) -> PyResult<Py<Snapshot>> {
                let made = PyClassInitializer::from(Snapshot::new(inner, wrap)).add_subclass($flow);
                Ok(Bound::new(py, made)?.into_super().unbind())
            }

            let object = |py: Python<'_>| py.get_type::<$flow>().unbind();
            all.push(Class { flow: $id, wrap, object });
        }};
    }
    for_each_class!(class);
    all
}
