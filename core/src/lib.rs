#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

// In the order of the layers: a module uses only those above it.
pub mod time;
pub mod money;
pub mod id;
pub mod value;
mod decode;
pub mod rule;
pub mod policy;
pub mod effect;
pub mod fact;
pub mod intake;
pub mod flow;
pub mod snapshot;
pub mod providers;
