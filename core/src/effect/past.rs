//! Requests that are over, and that may still get a reply.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Call, Outbox, OutboxEntry, Retry};
use crate::id::EffectId;

/// How many requests that are over are remembered.
const REMEMBERED: usize = 8;

/// How many objects that requests have made are remembered.
const MADE: usize = 32;

/// The name of an object that a request made. It contains the operation, so that it is unique among all operations.
fn name_of<C: Call>(call: &C, made: &str) -> String {
    format!("{}:{made}", call.operation().name)
}

/// A request that is over, although one of its sendings may still get a reply.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "{C}Past"))]
#[serde(deny_unknown_fields)]
pub(crate) struct Past<C> {
    /// Its id.
    pub(crate) id: EffectId,
    /// What it did.
    pub(crate) call: Arc<C>,
    /// How often it was leased.
    pub(crate) attempts: u32,
    /// How it ended.
    pub(crate) end: End,
}

/// How a request ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// It was not done, as a person decided or lookups showed.
    #[serde(rename = "judged")]
    Undone,
    /// It was done, and made the object with this id of the provider, if it makes any.
    Done(Option<String>),
}

impl<C: Call> Past<C> {
    /// Whether a second object that the request has made costs nothing, unless the customer has used it.
    pub(crate) fn is_harmless(&self) -> bool {
        !self.call.operation().class.must_be_known()
    }

    /// Whether an entry is a new try of this request about money, with the same content or under the same intent.
    pub(crate) fn is_retried_by(&self, entry: &OutboxEntry<C>) -> bool {
        let operation = self.call.operation();
        let is_same_operation = |call: &&C| call.operation().name == operation.name && operation.class.is_of_money();
        let has_same_intent = || entry.id.intent() == self.id.intent() && self.id.number().is_none();
        entry.call().filter(is_same_operation).is_some_and(|call| *call == *self.call || has_same_intent())
    }
}

impl<C: Call> Outbox<C> {
    /// Remembers a request that is over, and forgets the oldest if there are too many.
    pub(crate) fn remember(&mut self, ended: &OutboxEntry<C>, end: End) {
        let may_be_used = |call: &C| call.operation().class == Retry::Harmless && call.outcome_lookup().is_some();
        let is_kept = |call: &C| call.operation().class.must_be_known() || (may_be_used(call) && end != End::Undone);
        let Some(call) = ended.shared_call().filter(|call| is_kept(call)) else { return };
        self.past.retain(|it| it.id != ended.id);
        if self.past.len() >= REMEMBERED {
            let harmless = self.past.iter().position(Past::is_harmless);
            self.past.remove(harmless.unwrap_or(0));
        }
        self.past.push(Past { id: ended.id.clone(), call: Arc::clone(call), attempts: ended.attempts, end });
    }

    /// Notes the object that a request made, by the provider's id.
    pub(crate) fn note_made(&mut self, call: &C, made: Option<&str>) {
        if let (true, Some(made)) = (call.operation().class.is_of_money(), made) {
            self.made.add(&name_of(call, made), MADE);
        }
    }

    /// Whether an earlier request of the same operation made the object.
    pub(crate) fn was_made(&self, call: &C, made: &str) -> bool {
        call.operation().class.is_of_money() && self.made.has(&name_of(call, made))
    }

    /// Notes that a request was done, and which object it made.
    pub(crate) fn mark_done(&mut self, id: &EffectId, made: Option<&str>) {
        if let Some(past) = self.past.iter_mut().find(|it| it.id == *id) {
            past.end = End::Done(made.map(Into::into));
        }
    }

    /// Corrects how the last matching request ended: with the object of an id, or without one.
    pub(crate) fn correct(&mut self, of: &dyn Fn(&C) -> bool, before: Option<&str>, made: Option<&str>) {
        let end = |made: Option<&str>| made.map_or(End::Undone, |made| End::Done(Some(made.into())));
        let before = end(before);
        let Some(past) = self.past.iter_mut().rfind(|it| it.end == before && of(&it.call)) else { return };
        past.end = end(made);
        let call = Arc::clone(&past.call);
        self.note_made(&call, made);
    }

    /// A request that is over, by its id.
    pub(crate) fn past(&self, id: &str) -> Option<&Past<C>> {
        self.past.iter().find(|it| it.id.as_str() == id)
    }
}
