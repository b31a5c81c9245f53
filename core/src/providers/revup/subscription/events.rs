//! The events that were told already, so that a repeat moves nothing.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::fact::IgnoredReason;
use crate::id::Digest;
use crate::time::Timestamp;

/// How many events are remembered.
const REMEMBERED: usize = 8;

/// The newest events, by their own time.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionEvents"))]
#[serde(transparent)]
pub(super) struct Events(Vec<(Timestamp, Digest)>);

impl Events {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        (self.0.len() > REMEMBERED).then_some("more events are remembered than there is room for")
    }

    /// Remembers an event; one that was told before is known.
    pub(super) fn remember(&mut self, event: (Timestamp, Digest)) -> Result<(), IgnoredReason> {
        if self.0.iter().any(|it| it.1 == event.1) {
            return Err(IgnoredReason::Duplicate);
        }
        self.0.push(event);
        self.0.sort_unstable();
        if self.0.len() > REMEMBERED {
            self.0.remove(0);
        }
        Ok(())
    }
}
