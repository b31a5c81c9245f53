//! The pending effects of one flow, stored in its snapshot: an outbox inside the row.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::sendings::Sendings;
use super::{Call, Past};
use crate::config::Config;
use crate::id::{EffectId, Fingerprints, Intent, REMEMBERED, TypedId};
use crate::money::Cents;
use crate::time::{Millis, Timestamp};

/// The longest back-off, unless the config's first back-off is longer.
const LONGEST_BACKOFF: Millis = Millis::from_hours(1);

/// The pending effects, the oldest first, and how often each operation has been pending.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Outbox<C> {
    pub(crate) entries: Vec<OutboxEntry<C>>,
    pub(crate) counters: Vec<Counter>,
    /// Requests that are over and may still get a reply.
    pub(crate) past: Vec<Past<C>>,
    /// The objects that requests about money have made. No other request can have made the same one.
    pub(crate) made: Fingerprints,
    /// When the first backup was taken that the host restored. What was requested and done after it is unknown here.
    pub(crate) restored: Option<Timestamp>,
    /// When the last backup was taken that the host restored, if it restored several.
    pub(crate) restored_last: Option<Timestamp>,
}

impl<C> Default for Outbox<C> {
    fn default() -> Self {
        let (entries, counters, past) = (Vec::new(), Vec::new(), Vec::new());
        Self { entries, counters, past, made: Fingerprints::default(), restored: None, restored_last: None }
    }
}

/// The last number of an operation, or of an operation under an intent that the flow does not remember.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(crate) struct Counter(pub(crate) Cow<'static, str>, pub(crate) u32);

/// One pending effect, from the step that caused it until its outcome is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "{C}OutboxEntry"))]
#[serde(deny_unknown_fields)]
pub(crate) struct OutboxEntry<C> {
    /// Its id, which names its cause.
    pub(crate) id: EffectId,
    /// What the host must do.
    pub(crate) effect: StoredEffect<C>,
    /// The instant before which it rests, because of its schedule or a back-off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<Timestamp>,
    /// How often it was leased, which is the number of its last sending.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) attempts: u32,
    /// The end of its lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leased_until: Option<Timestamp>,
    /// What is known about the sendings of a request that was leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent: Option<Box<Sendings>>,
    /// Whether it is withheld. It is not listed, and a worker that holds its lease can still report `done`.
    #[serde(rename = "kept", default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) withheld: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A pending effect as it is stored.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "{C}StoredEffect"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum StoredEffect<C> {
    /// Send a request.
    // It never changes, so the snapshots of one flow share it.
    Request(Arc<C>),
    /// Notify the customer.
    Notify {
        /// The reason, such as `action_required`.
        reason: Cow<'static, str>,
        /// What it is about.
        #[serde(with = "crate::id::compact")]
        #[cfg_attr(feature = "schemas", schemars(with = "String"))]
        about: TypedId,
        /// What the customer must do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer_action: Option<String>,
        /// Where the customer can act on it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer_url: Option<String>,
    },
    /// Deliver what was paid.
    Fulfill {
        /// The provider's id of the payment.
        #[serde(with = "crate::id::compact")]
        #[cfg_attr(feature = "schemas", schemars(with = "String"))]
        about: TypedId,
        /// The host's name for the charge.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intent: Option<Intent>,
        /// The amount, in cents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paid: Option<Cents>,
    },
    /// Give the customer access until an instant.
    Access {
        /// The provider's id of the subscription.
        #[serde(with = "crate::id::compact")]
        #[cfg_attr(feature = "schemas", schemars(with = "String"))]
        about: TypedId,
        /// The instant until which the customer has paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paid_until: Option<Timestamp>,
        /// When access ends.
        access_until: Timestamp,
    },
    /// Ask a person. The id contains the reason, and mostly the subject as well.
    Review {
        /// The kind of thing that it is about, if that is not the subscription. A snapshot must stay small.
        #[serde(default = "subscription", skip_serializing_if = "is_subscription")]
        kind: Cow<'static, str>,
        /// What it is about, if the id cannot contain that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<String>,
        /// The verdicts to choose from, if they are not all of the question's.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        verdicts: Vec<Cow<'static, str>>,
    },
}

/// The name under which the ends of access to a subscription are counted.
pub(crate) fn ended(about: &TypedId) -> String {
    format!("access:{}:ended", about.as_str())
}

/// The kind of the most common subject of a review.
const fn subscription() -> Cow<'static, str> {
    Cow::Borrowed("subscription")
}

fn is_subscription(kind: &str) -> bool {
    kind == subscription()
}

impl<C: Call> Outbox<C> {
    /// When the backup was taken that the host has restored, the last one if there were several.
    pub(crate) fn restored_last(&self) -> Option<Timestamp> {
        self.restored_last.or(self.restored)
    }

    pub(crate) fn find(&self, id: &str) -> Option<&OutboxEntry<C>> {
        self.entries.iter().find(|it| it.id.as_str() == id)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut OutboxEntry<C>> {
        self.entries.iter_mut().find(|it| it.id.as_str() == id)
    }

    /// Removes an entry, and the lookup of its outcome.
    pub(crate) fn remove(&mut self, id: &str) -> Option<OutboxEntry<C>> {
        let index = self.entries.iter().position(|it| it.id.as_str() == id)?;
        let removed = self.entries.remove(index);
        if let StoredEffect::Request(call) = &removed.effect {
            self.withdraw_outcome_lookup(call);
        }
        Some(removed)
    }

    /// Withdraws the lookup of a request's outcome, unless another request that may have succeeded needs the same one.
    pub(crate) fn withdraw_outcome_lookup(&mut self, call: &C) {
        let Some(lookup) = call.outcome_lookup() else { return };
        let needs = |call: &C| call.outcome_lookup().as_ref() == Some(&lookup);
        if !self.entries.iter().any(|it| it.was_sent() && it.call().is_some_and(needs)) {
            self.entries.retain(|it| it.call() != Some(&lookup));
        }
    }

    /// Leases an entry to a worker. A request then counts as sent once more.
    pub(crate) fn lease(&mut self, id: &str, now: Timestamp, lease: Timestamp) {
        let Some(entry) = self.find_mut(id) else { return };
        entry.attempts = entry.attempts.saturating_add(1);
        entry.leased_until = Some(lease);
        entry.not_before = None;
        let sending = entry.attempts;
        let StoredEffect::Request(call) = &entry.effect else { return };
        let name = call.operation().name;
        entry.sent.get_or_insert_with(|| Box::new(Sendings::first(now, lease))).send(sending, now, lease);
        if let Some(number) = entry.id.number() {
            self.count(name, number);
        }
    }

    /// The next id of an operation, by its number from 1.
    ///
    /// A lookup is counted only when it is leased. So a planned lookup that is withdrawn leaves no gap in the numbers.
    pub(crate) fn next_id(&mut self, call: &C) -> EffectId {
        let operation = call.operation().name;
        let counted = self.counters.iter().find(|it| it.0 == operation).map_or(0, |it| it.1);
        let planned = self.entries.iter().filter(|it| it.id.kind() == operation).filter_map(|it| it.id.number());
        let number = planned.fold(counted, u32::max).saturating_add(1);
        if !call.operation().is_lookup() {
            self.count(operation, number);
        }
        EffectId::of(operation, number)
    }

    /// Gives a lookup that has just become visible the lowest number among the hidden ones of its operation.
    ///
    /// The host has not seen the numbers of the hidden lookups, so they can be exchanged.
    pub(crate) fn renumber(&mut self, id: &EffectId, now: Timestamp) {
        let Some(visible) = self.entries.iter().position(|it| it.id == *id && !it.is_hidden(now)) else { return };
        let is_lower = |it: &OutboxEntry<C>| it.id.kind() == id.kind() && it.id.number() < id.number();
        let hidden = self.entries.iter().enumerate().filter(|(_, it)| it.is_hidden(now) && is_lower(it));
        let Some((lowest, _)) = hidden.min_by_key(|(_, it)| it.id.number()) else { return };
        if let Ok([visible, hidden]) = self.entries.get_disjoint_mut([visible, lowest]) {
            core::mem::swap(&mut visible.id, &mut hidden.id);
        }
    }

    /// The next number of an operation under an intent, which the two have never had before.
    ///
    /// The outbox keeps the last sixteen intents with their numbers, and the highest number of all the others. An intent
    /// that is not kept continues above that number.
    pub(crate) fn next_of(&mut self, operation: &str, intent: &Intent) -> u32 {
        let name = format!("{operation}:{intent}");
        let unnamed = format!("{operation}:");
        let count_of = |name: &str| self.counters.iter().find(|it| it.0 == name).map(|it| it.1);
        let number = count_of(&name).or_else(|| count_of(&unnamed)).unwrap_or(0).saturating_add(1);
        self.counters.retain(|it| it.0 != name);
        let is_named = |it: &Counter| it.0.starts_with(&unnamed) && it.0 != unnamed;
        while self.counters.iter().filter(|it| is_named(it)).count() >= REMEMBERED
            && let Some(oldest) = self.counters.iter().position(is_named)
        {
            let forgotten = self.counters.remove(oldest).1;
            self.count(unnamed.clone(), forgotten);
        }
        self.counters.push(Counter(Cow::Owned(name), number));
        number
    }

    /// Counts one more under a name, such as another level of access under `access:fsub_1`.
    pub(crate) fn count_one(&mut self, name: &str) {
        self.count(String::from(name), self.number_of(name).saturating_add(1));
    }

    /// The last number of an operation, or of a level of access.
    pub(crate) fn number_of(&self, name: &str) -> u32 {
        self.counters.iter().find(|it| it.0 == name).map_or(0, |it| it.1)
    }

    fn count(&mut self, operation: impl Into<Cow<'static, str>>, number: u32) {
        let operation = operation.into();
        match self.counters.iter_mut().find(|it| it.0 == operation) {
            Some(it) => it.1 = it.1.max(number),
            None => self.counters.push(Counter(operation, number)),
        }
    }

    /// Adds an entry, in place of the one with the same id.
    pub(crate) fn put(&mut self, id: EffectId, effect: StoredEffect<C>, not_before: Option<Timestamp>) {
        self.entries.retain(|it| it.id != id);
        self.entries.push(OutboxEntry {
            id,
            effect,
            not_before,
            attempts: 0,
            leased_until: None,
            sent: None,
            withheld: false,
        });
    }
}

impl<C: Call> OutboxEntry<C> {
    /// The end of its lease, if a worker holds one now.
    pub(crate) fn leased(&self, now: Timestamp) -> Option<Timestamp> {
        self.leased_until.filter(|end| !end.is_over(now))
    }

    /// The end of its rest, if it rests now.
    pub(crate) fn resting(&self, now: Timestamp) -> Option<Timestamp> {
        self.not_before.filter(|not_before| !not_before.is_over(now))
    }

    /// Whether it is not listed, because it was never leased and its time has not come.
    pub(crate) fn is_hidden(&self, now: Timestamp) -> bool {
        self.attempts == 0 && self.resting(now).is_some()
    }

    /// What the request does, if it is one.
    pub(crate) fn call(&self) -> Option<&C> {
        self.shared_call().map(Arc::as_ref)
    }

    /// What the request does, if it is one, as the value that the snapshots share.
    pub(crate) const fn shared_call(&self) -> Option<&Arc<C>> {
        match &self.effect {
            StoredEffect::Request(call) => Some(call),
            _ => None,
        }
    }

    /// Its id and what the request does, if it is one.
    pub(crate) fn into_request(self) -> Option<(EffectId, Arc<C>)> {
        match self.effect {
            StoredEffect::Request(call) => Some((self.id, call)),
            _ => None,
        }
    }

    /// Whether a sending of it may have succeeded.
    pub(crate) fn was_sent(&self) -> bool {
        self.sent.as_ref().is_some_and(|it| !it.open.is_empty())
    }

    /// Whether it was leased more than once. Then a report without a number may be about any of its sendings.
    pub(crate) const fn is_leased_again(&self) -> bool {
        self.attempts > 1
    }

    /// Whether it is a request that only reads.
    pub(crate) fn is_lookup(&self) -> bool {
        self.call().is_some_and(|call| call.operation().is_lookup())
    }

    /// Makes it rest after a report that settles nothing.
    ///
    /// `sending` is the sending that the report is about, if the host says so. Only a report on the last one releases the
    /// lease. A request that is held does not rest.
    pub(crate) fn rest(&mut self, sending: Option<u32>, now: Timestamp, config: &Config, until: Option<Timestamp>) {
        if sending.unwrap_or(1) == self.attempts {
            self.leased_until = None;
        } else if sending.is_some() {
            return;
        }
        self.not_before = (!self.is_held(now, config)).then(|| self.end_of_rest(now, config, until));
    }

    /// The latest of the back-off, the instant that the provider asks for, and the end of the lease.
    fn end_of_rest(&self, now: Timestamp, config: &Config, until: Option<Timestamp>) -> Timestamp {
        let backoff =
            config.backoff_ms.doubled(self.attempts.saturating_sub(1)).min(LONGEST_BACKOFF.max(config.backoff_ms));
        let rest = backoff.max(self.rest_while_asked(now, config));
        [until, self.leased_until].into_iter().flatten().fold(now.after(rest), Timestamp::max)
    }

    /// Whether it is a review with this reason.
    pub(crate) fn is_review_of(&self, reason: &str) -> bool {
        let is_review = matches!(self.effect, StoredEffect::Review { .. });
        is_review && self.reason_and_subject().is_some_and(|(have, _)| have == reason)
    }

    /// The reason and the subject of a notice or a review.
    pub(crate) fn reason_and_subject(&self) -> Option<(&str, &str)> {
        match &self.effect {
            StoredEffect::Notify { reason, about, .. } => Some((reason, about.as_str())),
            StoredEffect::Review { about, .. } => {
                let (reason, subject) = self.id.cause().split_once(':')?;
                Some((reason, about.as_deref().unwrap_or(subject)))
            }
            StoredEffect::Request(_) | StoredEffect::Fulfill { .. } | StoredEffect::Access { .. } => None,
        }
    }
}
