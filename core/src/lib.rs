#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::missing_errors_doc)]
// Without the default features, a provider may be missing.
#![cfg_attr(
    not(feature = "default"),
    allow(dead_code, unused_imports, unused_macros, reason = "some of the kernel is there for one provider alone")
)]
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
#[cfg(feature = "http")]
mod http;
pub mod flow;
pub mod snapshot;
pub mod providers;
pub mod catalogue;
pub mod ffi;

pub use config::{Config, Context, Lookups, Mode};
pub use effect::{Effect, PendingEffect, Request, Retry, Wait};
pub use fact::{Fact, FactError, Failure, Headers, IgnoredReason, Origin, Verdict};
pub use ffi::any;
pub use flow::{Action, Flow, Named, Status};
pub use id::{EffectId, IdError, Intent, Key, TypedId};
pub use json::Malformed;
#[cfg(feature = "flex")]
pub use providers::flex;
#[cfg(feature = "revup")]
pub use providers::revup;
#[cfg(feature = "truemed")]
pub use providers::truemed;
#[cfg(feature = "vend")]
pub use providers::vend;
pub use providers::{
    PROVIDERS, Provider, Question, ReceivedWebhook, WebhookIds, WebhookOptions, key_for, read_webhook,
    read_webhook_with, webhook_ids,
};
pub use rule::{Basis, Enforcement, Guards, Level, Rule, RuleSet, Source, UnblockedBy, Violation};
pub use snapshot::{
    Fault, HandleError, Ignored, Lease, LeaseError, LoadError, ObserveError, Rejection, SaveError, Snapshot, Step,
};
pub use url::{BaseUrl, BaseUrlError};
pub use webhook::{NotAuthentic, Secret, SecretError};
