//! A snapshot of any flow: for a host, such as a worker of all flows, that knows the flow only at run time.
//!
//! Commands are JSON here, with a `type`, and so is the status. Facts, effects, waits and ids are those of every flow.
//!
//! ```
//! use rulebound::any::{self, AnyError};
//! use rulebound::{Context, Key, time::Timestamp};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
//! let key = Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?;
//! let checkout = any::start("flex.checkout", key).ok_or("no such flow")?;
//! let lookup = r#"{"type": "retrieve_checkout_session", "checkout_session_id": "fcs_1"}"#;
//! let step = checkout.handle(lookup, &cx)?;
//! assert_eq!(step.next.effects(&cx)[0].id.as_str(), "retrieve_checkout_session:1");
//! let status = step.next.status(&cx);
//! assert_eq!((status.facets[0].facet, status.facets[0].state), ("session", "adopting"));
//! assert_eq!(status.facets[0].about, "A session is looked up for the first time.");
//! let stored = step.next.save();
//! assert_eq!(any::load(&stored)?.flow(), "flex.checkout");
//! let refund = r#"{"type": "create_refund", "amount": 500}"#;
//! assert!(matches!(any::load(&stored)?.handle(refund, &cx), Err(AnyError::Rejected(_))));
//! # Ok(()) }
//! ```

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;
use thiserror::Error;

use super::read::read_command;
use crate::config::Context;
use crate::effect::{PendingEffect, Request, Wait};
use crate::fact::{Fact, FactError, Failure};
use crate::flow::{FacetState, FacetTransition, Facets, Flow, Named, Status};
use crate::id::{EffectId, Key, TypedId};
use crate::json::{Malformed, Verbatim, encode};
use crate::providers::for_each_known_flow;
use crate::rule::Violation;
use crate::snapshot::{
    Fault, HandleError, Heading, Ignored, Lease, LeaseError, LoadError, ObserveError, Rejection, SaveError, Snapshot,
    Step,
};
use crate::time::Timestamp;

/// A snapshot of any flow, whose commands are JSON.
pub trait AnySnapshot: Send + Sync {
    /// The id of its flow.
    fn flow(&self) -> &'static str;
    /// The host's name for it.
    fn key(&self) -> &Key;
    /// The number of changes.
    fn revision(&self) -> u64;
    /// Its JSON.
    #[must_use = "saving returns the text, and stores nothing"]
    fn save(&self) -> String;
    /// Its JSON in an older format.
    ///
    /// # Errors
    ///
    /// If this release does not write the format, or the format cannot express the state.
    fn save_as(&self, format: u32) -> Result<String, SaveError>;
    /// See [`Snapshot::handle`].
    ///
    /// # Errors
    ///
    /// If the command is not readable, or would break rules.
    fn handle(&self, command: &str, context: &Context) -> Result<AnyStep, AnyError>;
    /// See [`Snapshot::lease`].
    ///
    /// # Errors
    ///
    /// If the effect cannot be leased now.
    fn lease(&self, effect: &EffectId, context: &Context) -> Result<AnyLease, AnyError>;
    /// See [`Snapshot::observe`].
    ///
    /// # Errors
    ///
    /// If the host built the fact wrong.
    fn observe(&self, fact: Fact<'_>, context: &Context) -> Result<AnyStep, AnyError>;
    /// See [`Snapshot::status`].
    fn status(&self, context: &Context) -> AnyStatus;
    /// See [`Snapshot::effects`].
    #[must_use = "the effects are only listed, and none is carried out"]
    fn effects(&self, context: &Context) -> Vec<PendingEffect>;
    /// See [`Snapshot::waiting_for`].
    fn waiting_for(&self, context: &Context) -> Vec<Wait>;
    /// See [`Snapshot::actions`].
    fn actions(&self, context: &Context) -> Vec<AnyAction>;
    /// See [`Snapshot::wake_at`].
    fn wake_at(&self, context: &Context) -> Option<Timestamp>;
    /// See [`Snapshot::ids`].
    fn ids(&self) -> Vec<TypedId>;
}

impl fmt::Debug for dyn AnySnapshot + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.flow(), self.key(), self.revision())
    }
}

/// The result of an accepted command or a fact, of any flow.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Step"))]
#[non_exhaustive]
#[must_use = "a step does nothing until its next snapshot is saved"]
pub struct AnyStep {
    /// The next snapshot. It has the same revision if nothing has changed.
    #[serde(serialize_with = "saved")]
    #[cfg_attr(feature = "schemas", schemars(with = "serde_json::Value"))]
    pub next: Box<dyn AnySnapshot>,
    /// Why nothing has changed.
    pub ignored: Option<Ignored>,
    /// The moves that the facets have made.
    pub transitions: Vec<FacetTransition>,
    /// Ids that the flow knows from now on. Offer the inbox rows that name them again.
    pub new_ids: Vec<TypedId>,
    /// The last request that the step has ended without its having done anything, or else the reply that proves no success, if the fact is one.
    pub failure: Option<Failure>,
    /// Broken rules that only warn.
    pub warnings: Vec<Violation>,
}

/// A worker's exclusive hold on an effect, for a limited time, of any flow.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Lease"))]
#[non_exhaustive]
#[must_use = "a lease holds only once its next snapshot is saved"]
pub struct AnyLease {
    /// The next snapshot. Save it before you send the request.
    #[serde(serialize_with = "saved")]
    #[cfg_attr(feature = "schemas", schemars(with = "serde_json::Value"))]
    pub next: Box<dyn AnySnapshot>,
    /// The complete request, if the effect is one.
    pub request: Option<Request>,
    /// Broken rules that only warn.
    pub warnings: Vec<Violation>,
}

/// The status of any flow: what every flow has as fields, and all of it as JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AnyStatus {
    /// The whole status as JSON, with what only its flow has.
    pub json: String,
    /// The state of each facet.
    pub facets: Vec<FacetState>,
    /// See [`Status::customer_action`].
    pub customer_action: Option<String>,
    /// See [`Status::customer_url`].
    pub customer_url: Option<String>,
    /// See [`Status::customer_url_blocked_by`].
    pub customer_url_blocked_by: Vec<EffectId>,
    /// See [`Status::last_failure`].
    pub last_failure: Option<Failure>,
    /// See [`Status::reviews`].
    pub reviews: Vec<EffectId>,
}

impl AnyStatus {
    fn of<F: Flow>(status: Status<F>) -> Self {
        let (json, facets) = (encode(&status), status.facets.0.described());
        let Status { customer_action, customer_url, customer_url_blocked_by, last_failure, reviews, .. } = status;
        Self { json, facets, customer_action, customer_url, customer_url_blocked_by, last_failure, reviews }
    }
}

impl Serialize for AnyStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Verbatim(&self.json).serialize(serializer)
    }
}

/// An action of any flow, and the rules that block it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Action"))]
#[non_exhaustive]
pub struct AnyAction {
    /// The action.
    pub action: &'static str,
    /// Whether it is allowed now.
    pub allowed: bool,
    /// The rules that it would break.
    pub violations: Vec<Violation>,
    /// The rules that it would break with a warning.
    pub warnings: Vec<Violation>,
}

/// Why a call led to nothing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AnyError {
    /// The command or the lease is rejected, which is a normal result.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// JSON of ours is wrong.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A snapshot is not readable.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A snapshot cannot be written in a format.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The host built a fact wrong.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// A bug in the library.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<HandleError> for AnyError {
    fn from(error: HandleError) -> Self {
        match error {
            HandleError::Rejected(rejection) => rejection.into(),
            HandleError::Context(wrong) => wrong.into(),
            HandleError::Fault(fault) => fault.into(),
        }
    }
}

impl From<LeaseError> for AnyError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Rejected(rejection) => rejection.into(),
            LeaseError::Context(wrong) => wrong.into(),
        }
    }
}

impl From<ObserveError> for AnyError {
    fn from(error: ObserveError) -> Self {
        match error {
            ObserveError::Fact(error) => error.into(),
            ObserveError::Context(wrong) => wrong.into(),
            ObserveError::Fault(fault) => fault.into(),
        }
    }
}

#[expect(clippy::borrowed_box, reason = "serde passes a reference to the field")]
fn saved<S: serde::Serializer>(next: &Box<dyn AnySnapshot>, serializer: S) -> Result<S::Ok, S::Error> {
    Verbatim(&next.save()).serialize(serializer)
}

impl<F: Flow> AnySnapshot for Snapshot<F> {
    fn flow(&self) -> &'static str {
        F::ID
    }

    fn key(&self) -> &Key {
        self.key()
    }

    fn revision(&self) -> u64 {
        self.revision()
    }

    fn save(&self) -> String {
        self.save()
    }

    fn save_as(&self, format: u32) -> Result<String, SaveError> {
        self.save_as(format)
    }

    fn handle(&self, command: &str, context: &Context) -> Result<AnyStep, AnyError> {
        let command = read_command::<F>(command).map_err(|error| error.under("/command"))?;
        Ok(Self::handle(self, command, context)?.into_any())
    }

    fn lease(&self, effect: &EffectId, context: &Context) -> Result<AnyLease, AnyError> {
        Ok(Self::lease(self, effect, context)?.into_any())
    }

    fn observe(&self, fact: Fact<'_>, context: &Context) -> Result<AnyStep, AnyError> {
        Ok(Self::observe(self, fact, context)?.into_any())
    }

    fn status(&self, context: &Context) -> AnyStatus {
        AnyStatus::of(Self::status(self, context))
    }

    fn effects(&self, context: &Context) -> Vec<PendingEffect> {
        Self::effects(self, context)
    }

    fn waiting_for(&self, context: &Context) -> Vec<Wait> {
        Self::waiting_for(self, context)
    }

    fn actions(&self, context: &Context) -> Vec<AnyAction> {
        let actions = Self::actions(self, context).into_iter();
        let any = actions.map(|it| AnyAction {
            action: it.action.name(),
            allowed: it.is_allowed(),
            violations: it.violations,
            warnings: it.warnings,
        });
        any.collect()
    }

    fn wake_at(&self, context: &Context) -> Option<Timestamp> {
        Self::wake_at(self, context)
    }

    fn ids(&self) -> Vec<TypedId> {
        self.ids()
    }
}

impl<F: Flow> Step<F> {
    /// The same step as one of any flow.
    pub fn into_any(self) -> AnyStep {
        let transitions = self.transitions();
        let Self { next, ignored, new_ids, failure, warnings, .. } = self;
        AnyStep { next: Box::new(next), ignored, transitions, new_ids, failure, warnings }
    }
}

impl<F: Flow> Lease<F> {
    /// The same lease as one of any flow.
    pub fn into_any(self) -> AnyLease {
        let Self { next, request, warnings } = self;
        AnyLease { next: Box::new(next), request, warnings }
    }
}

/// A flow that has not started, by the flow's id; nothing if there is no such flow.
pub fn start(flow: &str, key: Key) -> Option<Box<dyn AnySnapshot>> {
    macro_rules! start {
        ($provider:ident :: $flow:ident) => {
            if flow == <$crate::providers::$provider::$flow as Flow>::ID {
                return Some(Box::new(Snapshot::<$crate::providers::$provider::$flow>::start(key)));
            }
        };
    }
    for_each_known_flow!(start);
    None
}

/// Reads a snapshot of any flow.
///
/// # Errors
///
/// If it is no snapshot of a flow of this release, or a newer release saved it.
pub fn load(json: &str) -> Result<Box<dyn AnySnapshot>, LoadError> {
    let heading = Heading::read(json)?;
    macro_rules! load {
        ($provider:ident :: $flow:ident) => {
            if heading.flow == <$crate::providers::$provider::$flow as Flow>::ID {
                return Ok(Box::new(Snapshot::<$crate::providers::$provider::$flow>::restore(&heading, json)?));
            }
        };
    }
    for_each_known_flow!(load);
    Err(LoadError::UnknownFlow(heading.flow.into_owned()))
}

/// The formats in which the snapshots of each flow are read and written, the newest last.
pub(super) fn formats() -> BTreeMap<&'static str, Vec<u32>> {
    let mut all = BTreeMap::new();
    macro_rules! formats {
        ($provider:ident :: $flow:ident) => {{
            type It = $crate::providers::$provider::$flow;
            all.insert(It::ID, It::OLDER.iter().copied().chain([It::FORMAT]).collect());
        }};
    }
    for_each_known_flow!(formats);
    all
}
