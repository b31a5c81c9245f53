//! Waits that a lookup can end: how often they were looked up, and when they are next.

use serde::{Deserialize, Serialize};

use crate::config::Lookups;
use crate::time::Timestamp;

/// A wait of ours for a signal that may be lost.
///
/// The schedule is the policy's: offsets from the beginning of the wait, and denser ones from the customer's return.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PollTimer {
    /// When it began.
    since: Timestamp,
    /// When the customer came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returned: Option<Timestamp>,
    /// When the last lookup was begun that proved nothing.
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

    /// Since when it lasts.
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// Whether no lookup has been answered yet and the customer has not come back.
    pub const fn is_fresh(&self) -> bool {
        self.returned.is_none() && self.looked.is_none()
    }

    /// The customer came back: the schedule begins anew, and dense.
    pub const fn returned(&mut self, now: Timestamp) {
        self.returned = Some(now);
        self.looked = None;
    }

    /// A lookup that was begun then proved nothing.
    pub fn looked(&mut self, at: Timestamp) {
        self.looked = self.looked.max(Some(at));
    }

    /// A person decided to wait no longer; a late signal still wins.
    pub const fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether a person decided to wait no longer.
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// When its schedule is over, whether or not any lookup was answered.
    pub fn end(&self, schedule: &Lookups) -> Option<Timestamp> {
        let waited = schedule.while_waiting_ms.last().map(|span| self.since.after(*span));
        let returned = self.returned.and_then(|back| schedule.after_return_ms.last().map(|span| back.after(*span)));
        waited.max(returned)
    }

    /// When it is looked up next: by time, whatever became of the lookups before. Never, once the schedule is over.
    pub fn next(&self, schedule: &Lookups) -> Option<Timestamp> {
        let last = schedule.after_return_ms.last();
        let dense_until = self.returned.map(|back| last.map_or(back, |span| back.after(*span)));
        let dense = self
            .returned
            .into_iter()
            .flat_map(|back| schedule.after_return_ms.iter().map(move |span| back.after(*span)));
        let sparse = schedule.while_waiting_ms.iter().map(|span| self.since.after(*span));
        let all = dense.chain(sparse.filter(|at| dense_until.is_none_or(|end| *at > end)));
        all.filter(|at| self.looked.is_none_or(|looked| *at > looked)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;

    fn walk(mut timer: PollTimer) -> alloc::vec::Vec<i64> {
        let schedule = Lookups::default();
        let mut all = alloc::vec::Vec::new();
        while let Some(at) = timer.next(&schedule) {
            all.push(at.as_millis());
            timer.looked(at);
        }
        all
    }

    #[test]
    fn a_wait_is_looked_up_after_a_day_three_and_seven() {
        let day = Millis::from_hours(24).as_u64() as i64;
        assert_eq!(walk(PollTimer::new(Timestamp::from_millis(0))), [day, 3 * day, 7 * day]);
    }

    #[test]
    fn after_a_return_it_is_looked_up_at_once_and_then_as_before() {
        let day = Millis::from_hours(24).as_u64() as i64;
        let mut timer = PollTimer::new(Timestamp::from_millis(0));
        timer.returned(Timestamp::from_millis(2 * day));
        let at = |ms: i64| 2 * day + ms;
        assert_eq!(walk(timer), [at(0), at(10_000), at(60_000), at(600_000), 3 * day, 7 * day]);
    }
}
