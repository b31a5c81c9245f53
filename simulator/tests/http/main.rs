//! The simulator over real HTTP: its worlds, its controls and each provider.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "a test fails by a panic"
)]

mod compare;
mod faults;
mod flex;
mod harness;
mod independence;
mod limits;
mod readme;
mod revup;
mod samples;
mod truemed;
mod vend;
mod webhooks;
mod worlds;
