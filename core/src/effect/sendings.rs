//! The sendings of one request: which of them may have succeeded, and since when.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Call, Outbox, OutboxEntry, Retry};
use crate::config::Config;
use crate::id::EffectId;
use crate::time::{Millis, Timestamp};

/// How many separate runs of open sendings are kept. If there are more, two are merged, and the gap counts as open.
const RUNS: usize = 8;

/// How long after the first denial a second one settles a request about money.
pub(crate) const BETWEEN_DENIALS: Millis = Millis::from_minutes(10);

/// Sendings whose outcome is unknown, as runs of their numbers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub(crate) struct Open(Vec<(u32, u32)>);

impl Open {
    /// Whether every sending is known to have done nothing.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the outcome of that sending is unknown.
    pub(crate) fn has(&self, sending: u32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&sending))
    }

    /// Adds the newest sending.
    pub(crate) fn add(&mut self, sending: u32) {
        match self.0.last_mut() {
            Some(run) if run.1.saturating_add(1) >= sending => run.1 = run.1.max(sending),
            _ => self.0.push((sending, sending)),
        }
        // The gap between merged runs counts as open, so that an open sending never counts as settled.
        if self.0.len() > RUNS
            && let [first, second, ..] = self.0.as_mut_slice()
        {
            first.1 = second.1;
            self.0.remove(1);
        }
    }

    /// Closes a sending that is known to have done nothing.
    pub(crate) fn close(&mut self, sending: u32) {
        let Some(index) = self.0.iter().position(|(first, last)| (*first..=*last).contains(&sending)) else { return };
        let (first, last) = self.0.remove(index);
        let (before, after) = (sending.saturating_sub(1), sending.saturating_add(1));
        if after <= last {
            self.0.insert(index, (after, last));
        }
        if first <= before {
            self.0.insert(index, (first, before));
        }
    }

    /// Closes all of them.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Whether a sending got a reply with a good status.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum GoodReply {
    /// None did.
    #[default]
    #[serde(rename = "no")]
    None,
    /// One did, and the reply does not prove the success.
    Unreadable,
    /// One did, and no document shows the shape of the success. The request cannot be sent again.
    Accepted,
}

impl GoodReply {
    const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// What is known about the sendings of a request.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Sendings {
    /// When a worker first leased it.
    pub(crate) first_at: Timestamp,
    /// When a worker last leased it.
    pub(crate) last_at: Timestamp,
    /// The end of the last lease. Until then the last sending may still be in flight.
    pub(crate) lease: Timestamp,
    /// The sendings whose outcome is unknown.
    #[serde(default, skip_serializing_if = "Open::is_empty")]
    pub(crate) open: Open,
    /// Since when an outcome is unknown: the provider can know the idempotency key from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    /// When its schedule last began anew, because a person wanted it sent again or the host restored a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) again_at: Option<Timestamp>,
    /// The last sending that the host reported as lost, or whose reply proved nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<u32>,
    /// Whether no worker sends it again, although the provider would do one key once: nobody wants it any more.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) is_given_up: bool,
    /// Whether a sending got a reply with a good status.
    #[serde(rename = "answered", default, skip_serializing_if = "GoodReply::is_none")]
    pub(crate) good_reply: GoodReply,
    /// When a lookup first denied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) denied_at: Option<Timestamp>,
    /// Since when the provider rejects the API key of every sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unadmitted_since: Option<Timestamp>,
    /// From when a person is asked, if only a person can find out the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ask_at: Option<Timestamp>,
}

impl Sendings {
    /// The sendings of a request that is about to be sent for the first time.
    pub(crate) const fn first(now: Timestamp, lease: Timestamp) -> Self {
        Self {
            first_at: now,
            last_at: now,
            lease,
            open: Open(Vec::new()),
            since: None,
            again_at: None,
            lost: None,
            is_given_up: false,
            good_reply: GoodReply::None,
            denied_at: None,
            unadmitted_since: None,
            ask_at: None,
        }
    }

    /// Adds a sending.
    pub(crate) fn send(&mut self, sending: u32, now: Timestamp, lease: Timestamp) {
        self.last_at = now;
        self.lease = self.lease.max(lease);
        self.since.get_or_insert(now);
        self.open.add(sending);
    }

    /// Closes a sending that is known to have done nothing, and returns whether none is open any more.
    pub(crate) fn close(&mut self, sending: u32) -> bool {
        self.open.close(sending);
        let none_is_open = self.open.is_empty();
        if none_is_open {
            (self.since, self.again_at, self.denied_at, self.ask_at) = (None, None, None, None);
        }
        none_is_open
    }

    /// When the schedule of its lookups and of its question began.
    pub(crate) fn scheduled_from(&self) -> Option<Timestamp> {
        self.since.map(|since| self.again_at.map_or(since, |again| again.max(since)))
    }
}

/// Reports on the sendings of a pending request.
impl<C: Call> Outbox<C> {
    fn sendings(&mut self, id: &str) -> Option<&mut Sendings> {
        self.find_mut(id)?.sent.as_deref_mut()
    }

    /// The lookup that a worker must lease before it sends this request again, because an earlier sending may have done it.
    ///
    /// It is due, or under way. One lookup for each sending is enough, whatever its reply: a second object costs nothing,
    /// and a lookup that fails must not keep the customer from the page.
    pub(crate) fn lookup_before(&self, entry: &OutboxEntry<C>, now: Timestamp) -> Option<&EffectId> {
        let is_resent = |call: &&C| call.operation().class == Retry::Harmless && entry.was_sent();
        let lookup = entry.call().filter(is_resent)?.outcome_lookup()?;
        let lookup = self.entries.iter().find(|it| it.call() == Some(&lookup))?;
        let last_at = |it: &OutboxEntry<C>| it.sent.as_deref().map(|sent| sent.last_at);
        let is_due = lookup.resting(now).is_none() && last_at(lookup) < last_at(entry);
        (is_due || lookup.leased(now).is_some()).then_some(&lookup.id)
    }

    /// Closes a sending that did nothing, and returns whether none is open any more.
    ///
    /// Without the number of the sending, this closes nothing.
    pub(crate) fn close(&mut self, id: &str, sending: Option<u32>) -> bool {
        let none_is_open = sending.and_then(|sending| Some(self.sendings(id)?.close(sending)));
        none_is_open.unwrap_or(false)
    }

    /// Makes an entry rest; see [`OutboxEntry::rest`](super::OutboxEntry::rest).
    pub(crate) fn rest(
        &mut self,
        id: &str,
        sending: Option<u32>,
        now: Timestamp,
        config: &Config,
        until: Option<Timestamp>,
    ) {
        if let Some(it) = self.find_mut(id) {
            it.rest(sending, now, config, until);
        }
    }

    /// Notes that the outcome of a sending stays unknown.
    pub(crate) fn note_lost(&mut self, id: &str, sending: u32) {
        if let Some(it) = self.sendings(id) {
            it.lost = it.lost.max(Some(sending));
        }
    }

    /// Notes a reply with a good status that does not prove the success.
    pub(crate) fn note_good_reply(&mut self, id: &str, reply: GoodReply) {
        if let Some(it) = self.sendings(id) {
            it.good_reply = it.good_reply.max(reply);
        }
    }

    /// Notes that the provider rejected the API key of a sending.
    pub(crate) fn note_unadmitted(&mut self, id: &str, now: Timestamp) {
        if let Some(it) = self.sendings(id) {
            it.unadmitted_since.get_or_insert(now);
        }
    }

    /// Marks the matching requests that may have succeeded, so that no worker sends them again. Returns them, each with the
    /// end of its last lease.
    pub(crate) fn stop_sending(&mut self, of: &dyn Fn(&C) -> bool) -> Vec<(Arc<C>, Timestamp)> {
        let mut stopped = Vec::new();
        for entry in self.entries.iter_mut().filter(|it| it.was_sent() && it.call().is_some_and(of)) {
            let Some(call) = entry.shared_call().cloned() else { continue };
            let Some(sent) = entry.sent.as_deref_mut() else { continue };
            sent.is_given_up = true;
            stopped.push((call, sent.lease));
            entry.not_before = None;
        }
        stopped
    }

    /// Lets a worker send the matching requests again that were given up.
    pub(crate) fn resume_sending(&mut self, of: &dyn Fn(&C) -> bool) {
        for entry in self.entries.iter_mut().filter(|it| it.call().is_some_and(of)) {
            if let Some(sent) = entry.sent.as_deref_mut() {
                sent.is_given_up = false;
            }
        }
    }

    /// Asks a person now, because only a person can find out the outcome.
    pub(crate) fn ask(&mut self, id: &str, now: Timestamp) {
        if let Some(it) = self.sendings(id) {
            it.ask_at.get_or_insert(now);
        }
    }

    /// Restarts the schedule of a request, because a person wants it sent again.
    pub(crate) fn try_again(&mut self, id: &str, now: Timestamp) {
        let Some(entry) = self.find_mut(id) else { return };
        entry.not_before = None;
        let is_harmless = entry.call().is_some_and(|call| call.operation().class == Retry::Harmless);
        let Some(sent) = entry.sent.as_deref_mut() else { return };
        (sent.unadmitted_since, sent.ask_at) = (None, None);
        sent.again_at = sent.since.map(|_| now);
        // The customer may use what a harmless request made, so it stays held until its lookup. The person's verdict
        // releases every other request that the provider accepted.
        if !is_harmless {
            sent.good_reply = sent.good_reply.min(GoodReply::Unreadable);
        }
    }

    /// Counts every pending request as sent, and returns their ids. A worker may have sent them after the backup.
    pub(crate) fn restore(&mut self, taken_at: Timestamp, now: Timestamp, lease: Timestamp) -> Vec<EffectId> {
        let mut sent = Vec::new();
        let first = self.restored.map_or(taken_at, |before| before.min(taken_at));
        let last = self.restored_last().map_or(taken_at, |before| before.max(taken_at));
        (self.restored, self.restored_last) = (Some(first), Some(last).filter(|it| *it != first));
        for entry in &mut self.entries {
            let Some(call) = entry.call().filter(|call| !call.operation().is_lookup()) else { continue };
            let may_be_in_use = call.operation().class == Retry::Harmless && call.outcome_lookup().is_some();
            entry.attempts = entry.attempts.saturating_add(1);
            let sendings = entry.sent.get_or_insert_with(|| Box::new(Sendings::first(taken_at, lease)));
            if sendings.since.is_none() {
                // A worker may have sent it as soon as the backup was taken. A person has a day from now on.
                (sendings.since, sendings.again_at) = (Some(taken_at.min(now)), Some(now));
            }
            sendings.send(entry.attempts, now, lease);
            if may_be_in_use {
                // The customer may use what it made. It is held, so that its lookup comes before another is made.
                sendings.good_reply = GoodReply::Accepted;
            }
            (entry.leased_until, entry.not_before) = (Some(lease), None);
            sent.push(entry.id.clone());
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_sendings_are_kept_as_runs() {
        let mut open = Open::default();
        (1..=5).for_each(|n| open.add(n));
        assert_eq!(open.0, [(1, 5)]);
        open.close(3);
        assert_eq!(open.0, [(1, 2), (4, 5)]);
        assert!(open.has(2) && !open.has(3) && open.has(4));
        open.close(1);
        open.close(2);
        open.close(9);
        assert_eq!(open.0, [(4, 5)]);
        open.close(5);
        open.close(4);
        assert!(open.is_empty());
    }

    #[test]
    fn too_many_runs_leave_more_open_and_never_less() {
        let mut open = Open::default();
        for n in 1..=40 {
            open.add(n);
            if n % 2 == 0 {
                open.close(n);
            }
        }
        assert_eq!(open.0.len(), RUNS);
        assert!((1..=40).filter(|n| n % 2 == 1).all(|n| open.has(n)));
    }
}
