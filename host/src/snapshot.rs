//! Rows as the application sees them: a snapshot with the time and the account's settings bound.

use std::fmt;

use rulebound::effect::Effect;
use rulebound::ffi::{self, AnyAction, AnySnapshot, AnyStatus};
use rulebound::{Action, Context, Flow, PendingEffect, Snapshot, Status, Wait};

use crate::error::Result;

/// A snapshot of a flow that is known only at run time.
pub type Any = Box<dyn AnySnapshot>;

/// One row: a snapshot, and what the host knows about it.
#[non_exhaustive]
pub struct Row<S = Any> {
    /// The flow, such as `truemed.payment_token`.
    pub flow: String,
    /// Your name for it.
    pub key: String,
    /// Which of your accounts at the provider; empty if there is one.
    pub account: String,
    /// What a person searches for.
    pub reference: Option<String>,
    /// When a worker looks at it again, in milliseconds since 1970.
    pub wake_at: Option<i64>,
    /// Open questions for a person.
    pub reviews: i64,
    /// Effects that were tried five times or more.
    pub failing: i64,
    /// Failures of the row itself.
    pub tries: i64,
    /// The class of the last failure of the row itself.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it was last saved.
    pub updated_at: i64,
    /// The snapshot.
    pub snapshot: S,
    /// The time of the call, and the settings.
    pub context: Context,
}

impl<S> fmt::Debug for Row<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row {{ {} {} }}", self.flow, self.key)
    }
}

impl Row {
    /// The number of changes.
    pub fn revision(&self) -> u64 {
        self.snapshot.revision()
    }

    /// How the lifecycle is now, as JSON.
    pub fn status(&self) -> AnyStatus {
        self.snapshot.status(&self.context)
    }

    /// What a worker must do.
    pub fn effects(&self) -> Vec<PendingEffect> {
        self.snapshot.effects(&self.context)
    }

    /// What the provider or the customer must do.
    pub fn waiting_for(&self) -> Vec<Wait> {
        self.snapshot.waiting_for(&self.context)
    }

    /// Every action: whether it is allowed, or why not.
    pub fn actions(&self) -> Vec<AnyAction> {
        self.snapshot.actions(&self.context)
    }

    /// The same row with a typed snapshot.
    ///
    /// # Errors
    ///
    /// If it is a row of another flow.
    pub fn typed<F: Flow>(self) -> Result<Row<Snapshot<F>>> {
        let snapshot = Snapshot::<F>::load(&self.snapshot.save()).map_err(ffi::AnyError::from)?;
        Ok(Row {
            flow: self.flow,
            key: self.key,
            account: self.account,
            reference: self.reference,
            wake_at: self.wake_at,
            reviews: self.reviews,
            failing: self.failing,
            tries: self.tries,
            last_error: self.last_error,
            created_at: self.created_at,
            updated_at: self.updated_at,
            snapshot,
            context: self.context,
        })
    }
}

impl<F: Flow> Row<Snapshot<F>> {
    /// The number of changes.
    pub const fn revision(&self) -> u64 {
        self.snapshot.revision()
    }

    /// How the lifecycle is now.
    pub fn status(&self) -> Status<F> {
        self.snapshot.status(&self.context)
    }

    /// What a worker must do.
    pub fn effects(&self) -> Vec<PendingEffect> {
        self.snapshot.effects(&self.context)
    }

    /// What the provider or the customer must do.
    pub fn waiting_for(&self) -> Vec<Wait> {
        self.snapshot.waiting_for(&self.context)
    }

    /// Every action: whether it is allowed, or why not.
    pub fn actions(&self) -> Vec<Action<F>> {
        self.snapshot.actions(&self.context)
    }
}

/// The provider of a flow: what stands in front of the point.
pub(crate) fn provider_of(flow: &str) -> &str {
    flow.split_once('.').map_or(flow, |(provider, _)| provider)
}

/// What a handler carries out. It has the effect, its id, and the row that it belongs to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Task {
    /// The flow.
    pub flow: String,
    /// The row's key.
    pub key: String,
    /// The account.
    pub account: String,
    /// What a person searches for.
    pub reference: Option<String>,
    /// The effect. Its id is unique in its row only: [`Task::effect_key`] tells repeats apart.
    pub effect: PendingEffect,
}

impl Task {
    /// Names the effect among all rows: a primary key, or an idempotency key.
    #[must_use]
    pub fn effect_key(&self) -> String {
        format!("{}/{}/{}", self.flow, self.key, self.effect.id.as_str())
    }
}

/// The word for the kind of an effect, as handlers are registered.
pub(crate) const fn kind_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Request { .. } => "request",
        Effect::Notify { .. } => "notify",
        Effect::Fulfill { .. } => "fulfill",
        Effect::Access { .. } => "access",
        Effect::Review { .. } => "review",
        _ => "unknown",
    }
}
