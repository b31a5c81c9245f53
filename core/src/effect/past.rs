//! Requests that are over: what may still be told of them.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Call, Outbox, OutboxEntry};
use crate::id::EffectId;

/// How many of them are remembered.
const REMEMBERED: usize = 8;

/// Of how many things it is remembered that they were made.
const MADE: usize = 32;

/// What a request has made, so that no other operation's has the same name.
fn named<C: Call>(call: &C, made: &str) -> String {
    format!("{}:{made}", call.operation().name)
}

/// A request that is over although one of its sendings was never answered.
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

/// How a request ended one of whose sendings was never answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// It was not done, as a person said or lookups showed.
    #[serde(rename = "judged")]
    Undone,
    /// It was done, and made what the provider calls so, where it makes anything.
    Done(Option<String>),
}

impl<C: Call> Past<C> {
    /// Whether a request is a new try of this one: for the same intent, or with the same content where there is none.
    pub(crate) fn is_retried_by(&self, it: &OutboxEntry<C>) -> bool {
        let operation = self.call.operation();
        let Some(call) =
            it.call().filter(|call| call.operation().name == operation.name && operation.class.is_of_money())
        else {
            return false;
        };
        *call == *self.call || (it.id.intent() == self.id.intent() && self.id.number().is_none())
    }
}

impl<C: Call> Outbox<C> {
    /// Remembers a request that is over, in place of the oldest.
    pub(crate) fn remember(&mut self, gone: &OutboxEntry<C>, end: End) {
        let Some(call) = gone.shared_call().filter(|call| call.operation().class.must_be_known()) else { return };
        self.past.retain(|it| it.id != gone.id);
        if self.past.len() >= REMEMBERED {
            self.past.remove(0);
        }
        self.past.push(Past { id: gone.id.clone(), call: Arc::clone(call), attempts: gone.attempts, end });
    }

    /// Notes what a request has made, by the provider's id.
    pub(crate) fn note_made(&mut self, call: &C, made: Option<&str>) {
        if let (true, Some(made)) = (call.operation().class.is_of_money(), made) {
            self.made.add(&named(call, made), MADE);
        }
    }

    /// Whether an earlier request of the same operation has made it.
    pub(crate) fn was_made(&self, call: &C, made: &str) -> bool {
        call.operation().class.is_of_money() && self.made.has(&named(call, made))
    }

    /// Notes that a request that had been ended as not done was done.
    pub(crate) fn mark_done(&mut self, id: &EffectId, made: Option<&str>) {
        if let Some(it) = self.past.iter_mut().find(|it| it.id == *id) {
            it.end = End::Done(made.map(Into::into));
        }
    }

    /// A request that is over, by its id.
    pub(crate) fn past(&self, id: &str) -> Option<&Past<C>> {
        self.past.iter().find(|it| it.id.as_str() == id)
    }
}
