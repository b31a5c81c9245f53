//! What keeps the library true: runners that its tests, and other languages' tests, share.

pub mod explore;
pub mod generated;
pub mod mutate;
pub mod parity;
pub mod survey;
pub mod vectors;
