//! rulebound for Python: frozen snapshots, with commands, facts and answers as plain mappings.

#[cfg(all(feature = "panics", not(debug_assertions)))]
compile_error!("`panics` is for tests, and never in a release");

mod arguments;
mod around;
mod classes;
mod errors;
mod flows;
mod guard;
mod intake;
mod snapshot;
mod transition;
mod values;
mod walk;

use pyo3::prelude::*;
use pyo3::types::PyMappingProxy;

/// The native part of `rulebound`: use it by way of `rulebound` itself.
#[pymodule]
fn _rulebound(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<snapshot::Snapshot>()?;
    module.add_class::<transition::Transition>()?;
    module.add_class::<transition::Observation>()?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    let flows = module.py().import("rulebound._flows")?.getattr("Flows")?.call0()?;
    for class in flows::classes() {
        flows.set_item(class.flow, (class.object)(module.py()))?;
    }
    module.add("flows", PyMappingProxy::new(module.py(), flows.cast()?))?;
    intake::add(module)?;
    guard::add(module)
}
