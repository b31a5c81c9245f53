//! Snapshots: one small value for each lifecycle, which the host stores and the library reads.

mod classify;
mod error;
mod explain;
mod failure;
mod handle;
mod key_used;
mod observe;
mod read;
mod reply;
mod status;
mod step;
#[cfg(test)]
mod tests;
mod verdict;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::effect::{Counter, Outbox, OutboxEntry, Past, StoredEffect};
use crate::fact::Failure;
use crate::flow::{Cx, Decided, Facets, Flow, Pending};
use crate::id::{Fingerprints, Key, Text, TypedId};
use crate::int::LARGEST;
use crate::json::{Malformed, RawText, Verbatim, decode, encode, member};
use crate::rule::Violation;
use crate::time::Timestamp;
pub use error::{Fault, HandleError, LeaseError, LoadError, ObserveError, Rejection, SaveError};
use failure::LastFailure;
pub use step::{Ignored, Lease, Step};
use verdict::choices_of;

/// The longest snapshot that is read: 2 MiB. It has room for the longest reply, and for what commands can add.
const LARGEST_SNAPSHOT: usize = 2 << 20;

/// The length from which a snapshot accepts nothing large. The rest has room for small facts and a first command.
const FULL_SNAPSHOT: usize = LARGEST_SNAPSHOT / 4 * 3;

/// The state of one lifecycle, with its pending effects.
///
/// It is a value: every decision leaves it as it is and returns the next one. Save the next one with `INSERT` if the
/// revision was 0, and otherwise with `UPDATE … WHERE revision = ?`.
///
/// ```
/// use rulebound::{Context, Key, Snapshot, time::Timestamp, truemed::payment_token::PaymentToken};
/// let token = Snapshot::<PaymentToken>::start(Key::parse("4f5a3b1e-90f3-4c1d-a8c2-0d6f4f9f3a10").unwrap());
/// assert_eq!(token.revision(), 0);
/// assert!(token.effects(&Context::at(Timestamp::from_millis(0))).is_empty());
/// assert_eq!(Snapshot::load(&token.save()), Ok(token));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Snapshot<F: Flow> {
    key: Key,
    revision: u64,
    state: Arc<F>,
    outbox: Arc<Outbox<F::Call>>,
    last_failure: Option<Arc<LastFailure>>,
}

/// One lifecycle as it is stored: one row each.
#[derive(Serialize)]
#[serde(bound = "", deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(bound = "", rename = "{F}Saved"))]
pub(crate) struct Saved<'a, F: Flow, S: Serialize = F> {
    /// The flow's id.
    #[cfg_attr(feature = "schemas", schemars(extend("const" = F::ID)))]
    flow: &'static str,
    /// The format in which the state is saved.
    #[cfg_attr(feature = "schemas", schemars(extend("const" = F::FORMAT)))]
    format: u32,
    /// The host's name for it.
    key: &'a Key,
    /// The number of changes. Compare it when you save.
    #[cfg_attr(feature = "schemas", schemars(range(max = LARGEST)))]
    revision: u64,
    /// The state of the lifecycle.
    #[cfg_attr(feature = "schemas", schemars(with = "F"))]
    state: &'a S,
    /// The pending effects, the oldest first.
    outbox: &'a [OutboxEntry<F::Call>],
    /// How many requests of each operation there were.
    counters: &'a [Counter],
    /// Requests that are over and may still get a reply.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(feature = "schemas", schemars(default))]
    past: &'a [Past<F::Call>],
    /// The objects that requests about money have made. No other request can have made the same one.
    #[serde(skip_serializing_if = "Fingerprints::is_empty")]
    #[cfg_attr(feature = "schemas", schemars(with = "Option<Fingerprints>"))]
    made: &'a Fingerprints,
    /// When the first backup was taken that the host restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(default))]
    restored: Option<Timestamp>,
    /// When the last backup was taken that the host restored, if it restored several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(default))]
    restored_last: Option<Timestamp>,
    /// The last request that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(default))]
    last_failure: Option<&'a LastFailure>,
}

/// A saved snapshot of a known flow, `S` being its state and `C` its calls.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "S: Deserialize<'de>, C: DeserializeOwned"))]
struct Stored<S, C> {
    flow: IgnoredAny,
    format: IgnoredAny,
    key: Key,
    revision: u64,
    // Boxed as soon as it is read, because it is large and moved often.
    state: Box<S>,
    outbox: Vec<OutboxEntry<C>>,
    counters: Vec<Counter>,
    #[serde(default = "Vec::new")]
    past: Vec<Past<C>>,
    #[serde(default)]
    made: Fingerprints,
    #[serde(default)]
    restored: Option<Timestamp>,
    #[serde(default)]
    restored_last: Option<Timestamp>,
    #[serde(default)]
    last_failure: Option<LastFailure>,
}

/// The flow and format of a saved snapshot, whatever else it holds.
#[derive(Deserialize)]
pub(crate) struct Heading<'a> {
    #[serde(borrow)]
    pub(crate) flow: Cow<'a, str>,
    format: u32,
}

impl<'a> Heading<'a> {
    /// Reads only these two members if they come first, as they do in every saved snapshot.
    pub(crate) fn read(json: &'a str) -> Result<Self, LoadError> {
        if json.len() > LARGEST_SNAPSHOT {
            return Err(LoadError::TooLong);
        }
        match (member(json, "flow"), member(json, "format")) {
            (Some(Ok(Text(flow))), Some(Ok(format))) => Ok(Self { flow, format }),
            _ => decode(json).map_err(|error| LoadError::of(json, error)),
        }
    }
}

impl<F: Flow> Snapshot<F> {
    /// A flow that has not started. Never use its key again. The table needs `PRIMARY KEY (flow, key)`.
    pub fn start(key: Key) -> Self {
        Self { key, revision: 0, state: Arc::default(), outbox: Arc::default(), last_failure: None }
    }

    /// Reads a snapshot that this or an older release saved, or reports what is wrong with it.
    ///
    /// # Errors
    ///
    /// If it is no snapshot of this flow, or a newer release saved it. The error has a pointer to what is wrong.
    pub fn load(json: &str) -> Result<Self, LoadError> {
        Self::restore(&Heading::read(json)?, json)
    }

    /// Reads the rest of a snapshot, which must belong to this flow.
    pub(crate) fn restore(heading: &Heading<'_>, json: &str) -> Result<Self, LoadError> {
        if heading.flow != F::ID {
            return Err(LoadError::OtherFlow { wanted: F::ID, found: heading.flow.clone().into_owned() });
        }
        // A later release may have added members. The format is then the better message than an unknown member.
        if heading.format > F::FORMAT {
            return Err(LoadError::Newer { known: F::FORMAT, found: heading.format });
        }
        let Stored {
            key,
            revision,
            state,
            outbox: entries,
            counters,
            past,
            made,
            restored,
            restored_last,
            last_failure,
            ..
        } = match heading.format == F::FORMAT {
            true => decode::<Stored<F, F::Call>>(json).map_err(|error| LoadError::of(json, error))?,
            false => Self::older(heading.format, decode(json).map_err(|error| LoadError::of(json, error))?)?,
        };
        if revision > LARGEST.unsigned_abs() {
            return Err(Malformed::new("/revision", "is beyond 2^53 - 1").into());
        }
        if !are_distinct(entries.iter().map(|it| it.id.as_str())) {
            return Err(Malformed::new("/outbox", "contains the same effect twice").into());
        }
        if !entries.iter().all(is_known_review::<F>) {
            return Err(Malformed::new("/outbox", "contains a review that this flow does not have").into());
        }
        let is_withheld_delivery =
            |it: &OutboxEntry<F::Call>| !it.withheld || matches!(it.effect, StoredEffect::Fulfill { .. });
        if !entries.iter().all(is_withheld_delivery) {
            return Err(Malformed::new("/outbox", "withholds an effect that is not a delivery").into());
        }
        if let Some(reason) = state.impossible().or_else(|| state.impossible_beside(&Pending::new(&entries))) {
            return Err(LoadError::Impossible(reason));
        }
        let outbox = Arc::new(Outbox { entries, counters, past, made, restored, restored_last });
        Ok(Self { key, revision, state: Arc::from(state), outbox, last_failure: last_failure.map(Arc::new) })
    }

    fn older(older: u32, stored: Stored<RawText<'_>, F::Call>) -> Result<Stored<F, F::Call>, LoadError> {
        let Stored {
            flow,
            format,
            key,
            revision,
            state,
            outbox,
            counters,
            past,
            made,
            restored,
            restored_last,
            last_failure,
        } = stored;
        let unknown = || Malformed::new("/format", format!("{older} has never been a format of this flow"));
        let state = F::upgrade(older, state.get()).ok_or_else(unknown)?;
        let state = state.map_err(|error| error.under("/state"))?;
        let state = Box::new(state);
        Ok(Stored {
            flow,
            format,
            key,
            revision,
            state,
            outbox,
            counters,
            past,
            made,
            restored,
            restored_last,
            last_failure,
        })
    }

    /// The JSON of this snapshot, in the newest format.
    #[must_use = "saving returns the text, and stores nothing"]
    pub fn save(&self) -> String {
        self.write(F::FORMAT, &*self.state)
    }

    /// The JSON of this snapshot in an older format, so that workers of the previous release can read it.
    ///
    /// Nothing is lost: a state that the older format cannot express is an error.
    ///
    /// ```
    /// # use rulebound::{Key, SaveError, Snapshot, truemed::PaymentToken};
    /// let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11").unwrap());
    /// assert_eq!(token.save_as(1), Ok(token.save()));
    /// assert_eq!(token.save_as(2), Err(SaveError::Unknown(2)));
    /// ```
    ///
    /// # Errors
    ///
    /// If this release does not write the format, or the format cannot express the state.
    pub fn save_as(&self, format: u32) -> Result<String, SaveError> {
        if format == F::FORMAT {
            return Ok(self.save());
        }
        let state = self.state.downgrade(format).ok_or(SaveError::Unknown(format))?;
        let state = state.map_err(|what| SaveError::Inexpressible { format, what })?;
        Ok(self.write(format, &Verbatim(&state)))
    }

    fn write(&self, format: u32, state: &impl Serialize) -> String {
        let Self { key, revision, outbox, .. } = self;
        let Outbox { entries, counters, past, made, restored, restored_last } = &**outbox;
        let (flow, revision, last_failure) = (F::ID, *revision, self.last_failure.as_deref());
        let (outbox, restored, restored_last) = (entries, *restored, *restored_last);
        let saved: Saved<'_, F, _> = Saved {
            flow,
            format,
            key,
            revision,
            state,
            outbox,
            counters,
            past,
            made,
            restored,
            restored_last,
            last_failure,
        };
        encode(&saved)
    }

    /// The host's name for this flow.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// The number of changes. Compare it when you save.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// When the last backup was taken that the host restored.
    pub(crate) fn restored_last(&self) -> Option<Timestamp> {
        self.outbox.restored_last()
    }

    /// The state.
    pub fn state(&self) -> &F {
        &self.state
    }

    /// Whether this snapshot is longer than the one before, and so long that a later one could not be loaded.
    fn overflows(&self, before: &Self) -> bool {
        let length = self.save().len();
        length > FULL_SNAPSHOT && length > before.save().len()
    }

    /// The next snapshot, with the next revision if anything differs from this one. `failure` is that of the fact.
    /// A request that the step has ended says more: it is not pending any more.
    fn next(&self, state: Arc<F>, cx: Cx<'_, F>, failure: Option<Failure>) -> (Self, Noted) {
        let Decided { outbox, new_ids, succeeded, ended, warnings, .. } = cx.decided();
        let failure = ended.or(failure);
        let still_failed = |it: &&Arc<LastFailure>| !succeeded.iter().any(|operation| it.is_of(operation));
        let before = self.last_failure.as_ref().filter(still_failed);
        let last_failure = match (&failure, before) {
            (Some(failure), Some(before)) if !before.gives_way_to(failure) => Some(Arc::clone(before)),
            (Some(failure), _) => Some(Arc::new(LastFailure::of(failure))),
            (None, before) => before.cloned(),
        };
        let outbox = match outbox {
            Cow::Owned(outbox) if outbox != *self.outbox => Arc::new(outbox),
            Cow::Owned(_) | Cow::Borrowed(_) => Arc::clone(&self.outbox),
        };
        let changed = state != self.state || !Arc::ptr_eq(&outbox, &self.outbox) || last_failure != self.last_failure;
        let revision = self.revision.saturating_add(changed.into());
        (Self { key: self.key.clone(), revision, state, outbox, last_failure }, Noted { new_ids, warnings, failure })
    }
}

/// Whether an entry is not a review, or one of the flow's reviews.
fn is_known_review<F: Flow>(entry: &OutboxEntry<F::Call>) -> bool {
    match (&entry.effect, entry.reason_and_subject()) {
        (StoredEffect::Review { verdicts, .. }, Some((reason, _))) => !choices_of::<F>(reason, verdicts).is_empty(),
        (StoredEffect::Review { .. }, None) => false,
        _ => true,
    }
}

fn are_distinct<'a>(ids: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = BTreeSet::new();
    ids.into_iter().all(|id| seen.insert(id))
}

/// The results of a decision besides the next snapshot.
struct Noted {
    new_ids: Vec<TypedId>,
    warnings: Vec<Violation>,
    failure: Option<Failure>,
}

/// Checks that every move of a step has a row in its table.
fn declared<F: Flow>(from: F::Facets, trigger: F::Trigger, to: &F) -> Result<(), Fault> {
    let to = to.facets();
    if from == to { Ok(()) } else { undeclared::<F>(from, trigger, to) }
}

#[inline(never)]
fn undeclared<F: Flow>(from: F::Facets, trigger: F::Trigger, to: F::Facets) -> Result<(), Fault> {
    match from.undeclared(trigger, to) {
        None => Ok(()),
        Some(moved) => Err(Fault::Undeclared { flow: F::ID, moved: Box::new(moved) }),
    }
}
