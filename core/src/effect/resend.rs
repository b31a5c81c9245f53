//! What a worker can do with a request whose outcome is unknown: how long it can be sent again, and when it is looked up.

use super::{Call, GoodReply, OutboxEntry, Retry};
use crate::config::Config;
use crate::time::{Millis, Timestamp};

/// How far the clocks of the provider and of the host may differ.
const CLOCKS_DIFFER: Millis = Millis::from_minutes(5);

/// How long a lookup waits if a worker can first send the request again under the same key.
const LOOK_AFTER: Millis = Millis::from_hours(1);

impl<C: Call> OutboxEntry<C> {
    /// What a worker can do while its outcome is unknown. A request that is given up, or whose idempotency key the provider
    /// may have forgotten, is looked up, and not sent again.
    pub(crate) fn class(&self, now: Timestamp, config: &Config) -> Option<Retry> {
        let class = self.call()?.operation().class;
        let is_given_up = self.sent.as_ref().is_some_and(|it| it.is_given_up);
        let is_once = is_given_up || self.resent_until(config).is_some_and(|end| end.is_over(now));
        Some(if is_once && class == Retry::SameKey { Retry::Reconcile } else { class })
    }

    /// Until when it can be leased again under its idempotency key. The provider must still know the key at the end of that
    /// lease, whichever of the two clocks is wrong.
    pub(crate) fn resent_until(&self, config: &Config) -> Option<Timestamp> {
        let operation = self.call()?.operation();
        let since = self.sent.as_ref()?.since.filter(|_| operation.class == Retry::SameKey)?;
        let lifetime = operation.key_lifetime.map_or(Millis::default(), |it| it.lifetime_ms);
        Some(since.after(lifetime).before(config.lease_ms).before(CLOCKS_DIFFER))
    }

    /// Whether it cannot be sent again, because a sending may have succeeded that must not be repeated.
    pub(crate) fn is_held(&self, now: Timestamp, config: &Config) -> bool {
        let is_accepted = self.sent.as_ref().is_some_and(|it| it.good_reply == GoodReply::Accepted);
        self.was_sent() && (is_accepted || self.class(now, config) == Some(Retry::Reconcile))
    }

    /// When the lookup of its outcome comes at the latest.
    ///
    /// A request that can be sent again is looked up all the same: no worker may come back before its key is forgotten.
    pub(crate) fn looked_up_at(&self, now: Timestamp, config: &Config) -> Option<Timestamp> {
        let sent = self.sent.as_ref()?;
        match self.class(now, config)? {
            Retry::Reconcile | Retry::Harmless => Some(sent.lease),
            Retry::SameKey => sent.scheduled_from().map(|from| from.after(LOOK_AFTER)),
            Retry::Goal | Retry::Lookup => None,
        }
    }
}
