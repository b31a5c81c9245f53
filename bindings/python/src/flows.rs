//! One class for every flow, made from the core's own list.

use std::sync::LazyLock;

use pyo3::prelude::*;
use pyo3::types::PyType;
use rulebound::json::{AnyError, AnySnapshot};
use rulebound::{Flow, Key};

use crate::errors::{Wrong, raise};
use crate::guard::guard;
use crate::snapshot::Snapshot;

/// Makes a snapshot of its flow's own class.
pub(crate) type Wrap = fn(Python<'_>, Box<dyn AnySnapshot>) -> PyResult<Py<Snapshot>>;

/// The class of one flow.
pub(crate) struct Class {
    pub(crate) flow: &'static str,
    pub(crate) wrap: Wrap,
    provider: &'static str,
    object: fn(Python<'_>) -> Py<PyType>,
}

impl Class {
    /// The class itself, under the name by which hosts import it.
    pub(crate) fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyType>> {
        let class = (self.object)(py).into_bound(py);
        class.setattr("__module__", format!("rulebound.{}", self.provider))?;
        Ok(class)
    }
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

fn all() -> Vec<Class> {
    let mut all = Vec::new();
    macro_rules! class {
        ($provider:ident :: $flow:ident) => {{
            type State = rulebound::$provider::$flow;

            #[doc = concat!("A snapshot of ", stringify!($provider), "'s flow `", stringify!($flow), "`.")]
            #[pyclass(frozen, extends = Snapshot, module = "rulebound")]
            struct $flow;

            #[pymethods]
            impl $flow {
                /// A flow that has not begun.
                ///
                /// Its key is never used again, and storage needs a primary key over the flow and the key.
                #[staticmethod]
                fn start(py: Python<'_>, key: &str) -> PyResult<Py<Snapshot>> {
                    guard(|| wrap(py, Box::new(rulebound::Snapshot::<State>::start(named(py, key)?))))
                }

                /// Reads a snapshot of this flow that this or an older release saved.
                #[staticmethod]
                fn load(py: Python<'_>, text: &str) -> PyResult<Py<Snapshot>> {
                    guard(|| match rulebound::Snapshot::<State>::load(text) {
                        Ok(snapshot) => wrap(py, Box::new(snapshot)),
                        Err(wrong) => Err(raise(py, AnyError::Load(wrong))),
                    })
                }
            }

            fn wrap(py: Python<'_>, inner: Box<dyn AnySnapshot>) -> PyResult<Py<Snapshot>> {
                let made = PyClassInitializer::from(Snapshot::new(inner, wrap)).add_subclass($flow);
                Ok(Bound::new(py, made)?.into_super().unbind())
            }

            let object = |py: Python<'_>| py.get_type::<$flow>().unbind();
            all.push(Class { flow: State::ID, provider: stringify!($provider), wrap, object });
        }};
    }
    rulebound::for_each_flow!(class);
    all
}

fn named(py: Python<'_>, key: &str) -> PyResult<Key> {
    Key::parse(key).map_err(|wrong| Wrong::new(wrong.to_string()).under("key").raise(py))
}
