//! Waits, and when their lookups are due.

use rulebound::time::Timestamp;
use serde::{Deserialize, Serialize};

const HOUR: i64 = 3_600_000;
const WAITING: [i64; 3] = [24 * HOUR, 72 * HOUR, 168 * HOUR];
const RETURNED: [i64; 4] = [0, 10_000, 60_000, 600_000];

/// A wait for a signal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PollTimer {
    since: Timestamp,
    returned: Option<Timestamp>,
    lookups: u8,
}

impl PollTimer {
    /// A wait that starts now.
    pub fn new(now: Timestamp) -> Self {
        Self { since: now, returned: None, lookups: 0 }
    }

    /// Whether it was never looked up.
    pub fn is_fresh(&self) -> bool {
        self.returned.is_none() && self.lookups == 0
    }

    /// When it is looked up next.
    pub fn next(&self) -> Option<Timestamp> {
        let (since, lookups) = (self.since.as_millis(), usize::from(self.lookups));
        let Some(back) = self.returned.map(Timestamp::as_millis) else {
            return WAITING.get(lookups).map(|span| Timestamp::from_millis(since + span));
        };
        let dense = RETURNED.iter().map(|span| back + span);
        let sparse = WAITING.iter().map(|span| since + span).filter(|instant| *instant > back + RETURNED[3]);
        dense.chain(sparse).nth(lookups).map(Timestamp::from_millis)
    }

    /// When its schedule is over.
    pub fn end(&self) -> Timestamp {
        Timestamp::from_millis(self.since.as_millis() + WAITING[2])
    }
}
