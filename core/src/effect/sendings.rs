//! The sendings of one request: which of them may have come true, and since when.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Call, Outbox, Retry};
use crate::config::Config;
use crate::id::EffectId;
use crate::time::{Millis, Timestamp};

/// How many separate runs of open sendings are kept; beyond, the gap between two counts as open.
const RUNS: usize = 8;

/// How long after the first denial another one settles a request that is about money.
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

    /// Opens the newest sending.
    pub(crate) fn add(&mut self, sending: u32) {
        match self.0.last_mut() {
            Some(run) if run.1.saturating_add(1) >= sending => run.1 = run.1.max(sending),
            _ => self.0.push((sending, sending)),
        }
        // What is merged counts as open: nothing is ever taken for settled that is not.
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

/// Whether some sending was answered with a good status.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answered {
    /// None was.
    #[default]
    No,
    /// One was, in a way that cannot be read as its success.
    Unreadable,
    /// One was, in a way that no document shows: it is not sent again.
    Accepted,
}

impl Answered {
    const fn is_no(&self) -> bool {
        matches!(self, Self::No)
    }
}

/// What is known of a request that was handed out.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Sendings {
    /// When the first one was handed out.
    pub(crate) first_at: Timestamp,
    /// When the last one was handed out.
    pub(crate) last_at: Timestamp,
    /// The end of the last lease: until then the last one may still be on its way.
    pub(crate) lease: Timestamp,
    /// Those whose outcome is unknown.
    #[serde(default, skip_serializing_if = "Open::is_empty")]
    pub(crate) open: Open,
    /// Since when some outcome is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    /// The last one of which it was told that nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<u32>,
    /// Whether one was answered with a good status.
    #[serde(default, skip_serializing_if = "Answered::is_no")]
    pub(crate) answered: Answered,
    /// When a lookup denied it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) denied_at: Option<Timestamp>,
    /// Since when every sending is turned away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unadmitted_since: Option<Timestamp>,
    /// When a person is to be asked, where no more can be found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ask_at: Option<Timestamp>,
}

impl Sendings {
    /// The first sending.
    pub(crate) const fn first(now: Timestamp, lease: Timestamp) -> Self {
        Self {
            first_at: now,
            last_at: now,
            lease,
            open: Open(Vec::new()),
            since: None,
            lost: None,
            answered: Answered::No,
            denied_at: None,
            unadmitted_since: None,
            ask_at: None,
        }
    }

    /// Another sending, or the first one.
    pub(crate) fn send(&mut self, sending: u32, now: Timestamp, lease: Timestamp) {
        self.last_at = now;
        self.lease = self.lease.max(lease);
        self.since.get_or_insert(now);
        self.open.add(sending);
    }

    /// A sending is known to have done nothing. Whether none is open any more.
    pub(crate) fn close(&mut self, sending: u32) -> bool {
        self.open.close(sending);
        let over = self.open.is_empty();
        if over {
            (self.since, self.denied_at, self.ask_at) = (None, None, None);
        }
        over
    }
}

/// What is told of the sendings of a request that is owed.
impl<C: Call> Outbox<C> {
    fn sendings(&mut self, id: &str) -> Option<&mut Sendings> {
        self.find_mut(id)?.sent.as_deref_mut()
    }

    /// A sending did nothing. Whether none is open any more; of one that is not known which, nothing is closed.
    pub(crate) fn close(&mut self, id: &str, sending: Option<u32>) -> bool {
        let closed = sending.and_then(|sending| Some(self.sendings(id)?.close(sending)));
        closed.unwrap_or(false)
    }

    /// Puts a request to rest, see [`OutboxEntry::rest`](super::OutboxEntry::rest).
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

    /// Nothing is known of a sending.
    pub(crate) fn note_lost(&mut self, id: &str, sending: u32) {
        if let Some(it) = self.sendings(id) {
            it.lost = it.lost.max(Some(sending));
        }
    }

    /// A sending was answered with a good status that proves nothing.
    pub(crate) fn note_reply(&mut self, id: &str, answered: Answered) {
        if let Some(it) = self.sendings(id) {
            it.answered = it.answered.max(answered);
        }
    }

    /// A sending was turned away.
    pub(crate) fn turn_away(&mut self, id: &str, now: Timestamp) {
        if let Some(it) = self.sendings(id) {
            it.unadmitted_since.get_or_insert(now);
        }
    }

    /// A person is asked now: no more can be found out.
    pub(crate) fn ask(&mut self, id: &str, now: Timestamp) {
        if let Some(it) = self.sendings(id) {
            it.ask_at.get_or_insert(now);
        }
    }

    /// A person wants it tried on: its schedule begins anew.
    pub(crate) fn try_again(&mut self, id: &str, now: Timestamp) {
        if let Some(it) = self.find_mut(id) {
            it.not_before = None;
            // What a customer may have in hands waits for its lookup even so.
            let is_in_use = it.class() == Some(Retry::Harmless);
            if let Some(sent) = it.sent.as_deref_mut() {
                (sent.unadmitted_since, sent.ask_at) = (None, None);
                sent.since = sent.since.map(|_| now);
                if !is_in_use {
                    // What was taken and never shown is sent again: somebody says so.
                    sent.answered = sent.answered.min(Answered::Unreadable);
                }
            }
        }
    }

    /// Whatever is owed may have been sent since a backup was taken. The ids of what only its lookup can tell.
    pub(crate) fn restore(&mut self, taken_at: Timestamp, now: Timestamp, lease: Timestamp) -> Vec<EffectId> {
        let mut sent = Vec::new();
        for it in &mut self.entries {
            let Some(call) = it.call().filter(|call| !call.operation().is_lookup()) else { continue };
            let in_use = call.operation().class == Retry::Harmless && call.outcome_lookup().is_some();
            it.attempts = it.attempts.saturating_add(1);
            let sendings = it.sent.get_or_insert_with(|| Box::new(Sendings::first(taken_at, lease)));
            sendings.send(it.attempts, now, lease);
            if in_use {
                // What came of it may be in a customer's hands by now: its lookup tells before another is made.
                sendings.answered = Answered::Accepted;
            }
            (it.leased_until, it.not_before) = (Some(lease), None);
            sent.push(it.id.clone());
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
