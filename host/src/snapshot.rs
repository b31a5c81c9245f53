//! Rows as the application sees them: a snapshot with the time and the account's settings bound.

use std::fmt;
use std::ops::Deref;

use rulebound::effect::Effect;
use rulebound::ffi::{self, AnyAction, AnySnapshot, AnyStatus};
use rulebound::{Action, Context, Flow, PendingEffect, Snapshot, Status, Wait};
use serde::Serialize;

use crate::db::Record;
use crate::error::Result;

/// A snapshot of a flow that is known only at run time.
pub type Any = Box<dyn AnySnapshot>;

/// What the host knows about a row: its columns without the snapshot, as the dashboard's API has them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct RowRecord {
    /// The flow, such as `truemed.payment_token`.
    pub flow: String,
    /// Your name for it.
    pub key: String,
    /// Which of your accounts at the provider; empty if there is one.
    pub account: String,
    /// What a person searches for.
    pub reference: Option<String>,
    /// The number of changes.
    pub revision: i64,
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
    /// When it last changed.
    pub updated_at: i64,
}

impl RowRecord {
    /// The columns, in the order in which [`RowRecord::read`] expects them.
    pub(crate) const COLUMNS: &str =
        "flow, key, account, reference, revision, wake_at, reviews, failing, tries, last_error, created_at, updated_at";
    /// How many columns there are: what a query selects after them begins here.
    pub(crate) const WIDTH: usize = 12;

    pub(crate) fn read(record: &Record) -> Result<Self> {
        Ok(Self {
            flow: record.text(0)?,
            key: record.text(1)?,
            account: record.text(2)?,
            reference: record.maybe_text(3)?,
            revision: record.int(4)?,
            wake_at: record.maybe_int(5)?,
            reviews: record.int(6)?,
            failing: record.int(7)?,
            tries: record.int(8)?,
            last_error: record.maybe_text(9)?,
            created_at: record.int(10)?,
            updated_at: record.int(11)?,
        })
    }

    /// The provider, and the account there.
    pub(crate) fn account(&self) -> (&str, &str) {
        (provider_of(&self.flow), &self.account)
    }
}

/// One row: a snapshot, and what the host knows about it. The members of its [`RowRecord`] can be read without naming it.
#[non_exhaustive]
pub struct Row<S = Any> {
    /// What the host knows about it.
    pub record: RowRecord,
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

impl<S> Deref for Row<S> {
    type Target = RowRecord;

    fn deref(&self) -> &RowRecord {
        &self.record
    }
}

impl Row {
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
        Ok(Row { record: self.record, snapshot, context: self.context })
    }
}

impl<F: Flow> Row<Snapshot<F>> {
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
