//! rulebound for Python: frozen snapshots, with commands, facts and results as plain mappings.

#[cfg(all(feature = "panics", not(debug_assertions)))]
compile_error!("`panics` is for tests, and never in a release");

mod arguments;
mod classes;
mod context;
mod errors;
mod flows;
mod functions;
mod guard;
mod snapshot;
mod step;
mod values;
mod walk;

use pyo3::prelude::*;
use pyo3::types::PyMappingProxy;

/// The native part of `rulebound`: import `rulebound` instead.
#[pymodule]
fn _rulebound(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<snapshot::Snapshot>()?;
    module.add_class::<step::Step>()?;
    module.add_class::<step::Lease>()?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    let flows = module.py().import("rulebound._flows")?.getattr("Flows")?.call0()?;
    for class in flows::classes() {
        flows.set_item(class.flow, (class.object)(module.py()))?;
    }
    module.add("flows", PyMappingProxy::new(module.py(), flows.cast()?))?;
    functions::add(module)?;
    guard::add(module)
}
