//! Nets: checks that must hold whatever happens, fed with the bytes of a fuzzer or of a seed.

pub mod chance;
pub mod histories;
pub mod hold;
pub mod places;
pub mod targets;

/// The folder of the conformance vectors.
pub const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors");
