//! What keeps the library true: runners that its tests, and other languages' tests, share.

pub mod explore;
pub mod generated;
pub mod mutate;
pub mod parity;
pub mod rows;
pub mod survey;
pub mod vectors;

/// The names of every provider.
pub fn providers() -> impl Iterator<Item = &'static str> {
    rulebound::PROVIDERS.iter().map(|it| it.name)
}
