//! The lookup schedule of a wait: when the next lookup comes, and when the schedule is over.

use serde::{Deserialize, Serialize};

use crate::config::Lookups;
use crate::time::Timestamp;

/// The lookup schedule of a wait for a signal, which the provider may never send.
///
/// The config has the schedule: offsets from the beginning of the wait, and denser offsets from the customer's return.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PollTimer {
    /// When the wait began.
    since: Timestamp,
    /// When the customer returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returned: Option<Timestamp>,
    /// When a worker leased the last lookup that proved nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    looked: Option<Timestamp>,
    /// Whether a person decided to wait no longer.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    stopped: bool,
}

impl PollTimer {
    /// A wait that begins now.
    pub const fn new(now: Timestamp) -> Self {
        Self { since: now, returned: None, looked: None, stopped: false }
    }

    /// When the wait began.
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// Whether no lookup has had a reply yet, and the customer has not returned.
    pub const fn is_fresh(&self) -> bool {
        self.returned.is_none() && self.looked.is_none()
    }

    /// Restarts the schedule with its dense offsets, because the customer returned.
    pub const fn returned(&mut self, now: Timestamp) {
        self.returned = Some(now);
        self.looked = None;
    }

    /// Notes that a lookup, which a worker leased at this instant, proved nothing.
    pub fn looked(&mut self, at: Timestamp) {
        self.looked = self.looked.max(Some(at));
    }

    /// Notes that a person decided to wait no longer. A late signal still counts.
    pub const fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether a person decided to wait no longer.
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// When the schedule is over, whether or not any lookup had a reply.
    pub fn end(&self, schedule: &Lookups) -> Option<Timestamp> {
        let waited = schedule.while_waiting_ms.last().map(|span| self.since.after(*span));
        let dense = self.returned.and_then(|back| schedule.after_return_ms.last().map(|span| back.after(*span)));
        waited.max(dense)
    }

    /// When the next lookup comes, whatever the outcome of those before; never once the schedule is over.
    pub fn next(&self, schedule: &Lookups) -> Option<Timestamp> {
        let last = schedule.after_return_ms.last();
        let dense_until = self.returned.map(|back| last.map_or(back, |span| back.after(*span)));
        let dense = self
            .returned
            .into_iter()
            .flat_map(|back| schedule.after_return_ms.iter().map(move |span| back.after(*span)));
        let sparse = schedule.while_waiting_ms.iter().map(|span| self.since.after(*span));
        let instants = dense.chain(sparse.filter(|at| dense_until.is_none_or(|end| *at > end)));
        instants.filter(|at| self.looked.is_none_or(|looked| *at > looked)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;

    /// The instants of every lookup, if none of them proves anything.
    fn lookups_of(mut timer: PollTimer) -> alloc::vec::Vec<i64> {
        let schedule = Lookups::default();
        let mut instants = alloc::vec::Vec::new();
        while let Some(at) = timer.next(&schedule) {
            instants.push(at.as_millis());
            timer.looked(at);
        }
        instants
    }

    #[test]
    fn a_wait_is_looked_up_after_a_day_three_and_seven() {
        let day = Millis::from_hours(24).as_u64() as i64;
        assert_eq!(lookups_of(PollTimer::new(Timestamp::from_millis(0))), [day, 3 * day, 7 * day]);
    }

    #[test]
    fn after_a_return_it_is_looked_up_at_once_and_then_as_before() {
        let day = Millis::from_hours(24).as_u64() as i64;
        let mut timer = PollTimer::new(Timestamp::from_millis(0));
        timer.returned(Timestamp::from_millis(2 * day));
        let at = |ms: i64| 2 * day + ms;
        assert_eq!(lookups_of(timer), [at(0), at(10_000), at(60_000), at(600_000), 3 * day, 7 * day]);
    }
}
