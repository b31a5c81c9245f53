//! The messages that were applied, so that a repeat changes nothing.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::fact::IgnoredReason;
use crate::id::Digest;
use crate::time::Timestamp;

/// How many messages are kept.
const REMEMBERED: usize = 8;

/// The newest messages, by their own time.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionEvents"))]
#[serde(transparent)]
pub(super) struct Events(Vec<(Timestamp, Digest)>);

impl Events {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        (self.0.len() > REMEMBERED).then_some("there are more events than can be kept")
    }

    /// Notes a message. A known message is a duplicate.
    pub(super) fn note(&mut self, stamp: (Timestamp, Digest)) -> Result<(), IgnoredReason> {
        if self.0.iter().any(|it| it.1 == stamp.1) {
            return Err(IgnoredReason::Duplicate);
        }
        self.0.push(stamp);
        self.0.sort_unstable();
        if self.0.len() > REMEMBERED {
            self.0.remove(0);
        }
        Ok(())
    }
}
