//! A host for rulebound.
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("rulebound-host needs a database: enable at least one of the features sqlite and postgres");

// In the order of the layers: a module uses only those above it.
mod error;
mod db;
mod send;
mod hooks;
mod provider;
mod snapshot;
mod draft;
mod store;
mod inbox;
mod pause;
mod host;
mod schema;
mod visit;
mod webhook;
mod work;
mod handle;
mod ops;
mod doctor;
mod dashboard;
#[cfg(feature = "axum")]
mod router;

pub use dashboard::Access;
pub use db::{Database, Tx};
pub use error::{BoxError, Error, Result};
pub use handle::Handle;
pub use host::{Builder, Host};
pub use ops::{Import, Imported, Problem, Stats};
pub use pause::Pause;
pub use provider::{Account, Provider};
pub use send::{Outgoing, Sent, Transport};
pub use snapshot::{Any, Row, Task};
pub use webhook::Delivery;
pub use work::Did;
