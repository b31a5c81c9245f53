#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
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
pub mod config;
pub mod effect;
pub mod fact;
pub mod webhook;
pub mod flow;
pub mod snapshot;
pub mod providers;
pub mod catalogue;
pub mod ffi;

pub use config::{Config, Context, Lookups, Mode};
pub use effect::{Effect, PendingEffect, Request, Retry, Wait};
pub use fact::{Fact, FactError, Failure, Headers, IgnoredReason, Origin, Verdict};
pub use flow::{Action, Flow, Named, Status};
pub use id::{EffectId, IdError, Intent, Key, TypedId};
pub use json::Malformed;
pub use providers::{
    PROVIDERS, Provider, Question, ReceivedWebhook, WebhookOptions, flex, key_for, read_webhook, read_webhook_with,
    revup, truemed, vend,
};
pub use rule::{Basis, Enforcement, Guards, Level, Rule, RuleSet, Source, UnblockedBy, Violation};
pub use snapshot::{Fault, HandleError, Ignored, Lease, LoadError, ObserveError, Rejection, SaveError, Snapshot, Step};
pub use url::{BaseUrl, BaseUrlError};
pub use webhook::{NotAuthentic, Secret, SecretError};
