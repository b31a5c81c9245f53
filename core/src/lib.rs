#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(test)]
extern crate std;

// In the order of the layers: a module uses only those above it.
mod int;
pub mod money;
pub mod schema;
pub mod time;
pub mod id;
mod url;
pub mod json;
mod form;
pub mod value;
pub mod rule;
pub mod policy;
pub mod effect;
pub mod fact;
pub mod intake;
pub mod flow;
pub mod snapshot;
pub mod providers;
pub mod catalogue;
pub mod ffi;

pub use effect::{Awaited, Effect, Owed, Request, Retry};
pub use fact::{Because, Fact, FactError, Failure, Headers, Origin, Verdict, Via};
pub use flow::{Flow, Named, Offer};
pub use id::{CorrelationId, EffectId, IdError, Intent, Key};
pub use intake::{AuthError, Secret, SecretError};
pub use json::Malformed;
pub use policy::{Env, LookUps, Mode, Policy};
pub use providers::{
    PROVIDERS, Provider, Question, acknowledgement, authenticate, authenticate_within, correlate, flex, key_of, revup,
    truemed, vend,
};
pub use rule::{Basis, Guards, Kept, Level, Rule, RuleSet, Source, Until, Violation};
pub use snapshot::{
    Command, Fault, HandleError, LoadError, Observation, ObserveError, Rejection, SaveError, Snapshot, Transition,
};
pub use url::{BaseUrl, BaseUrlError};
