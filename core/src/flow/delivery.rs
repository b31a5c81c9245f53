//! Deliveries of what was paid: withheld ones stay in the outbox, and no worker can lease them.

use alloc::vec::Vec;

use super::{Cx, Flow};
use crate::effect::{OutboxEntry, StoredEffect};
use crate::id::TypedId;
use crate::time::Timestamp;

impl<F: Flow> Cx<'_, F> {
    /// Withdraws every delivery that no worker has leased, and returns what each was about.
    pub fn withdraw_deliveries(&mut self) -> Vec<TypedId> {
        let now = self.now();
        self.take_out(&|it| matches!(it.effect, StoredEffect::Fulfill { .. }) && it.leased(now).is_none())
    }

    /// Withdraws a delivery that no worker has ever leased. Returns whether there was one.
    pub fn take_back_delivery(&mut self, about: &str) -> bool {
        let is_it = |it: &OutboxEntry<F::Call>| matches!(&it.effect, StoredEffect::Fulfill { about: have, .. } if have.as_str() == about);
        !self.take_out(&|it| it.attempts == 0 && is_it(it)).is_empty()
    }

    /// Whether a worker has leased a delivery that is still pending, so that it may have been carried out.
    pub fn has_leased_delivery(&self) -> bool {
        self.outbox.entries.iter().any(|it| it.attempts > 0 && matches!(it.effect, StoredEffect::Fulfill { .. }))
    }

    /// Withholds some deliveries, and returns the last end of their leases.
    ///
    /// A worker that holds such a lease can still report `done`.
    pub fn withhold(&mut self, which: impl Fn(&str) -> bool) -> Option<Timestamp> {
        let now = self.now();
        let is_meant = |it: &OutboxEntry<F::Call>| matches!(&it.effect, StoredEffect::Fulfill { about, .. } if which(about.as_str()));
        let lease = self.outbox.entries.iter().filter(|it| is_meant(it)).filter_map(|it| it.leased(now)).max();
        if self.outbox.entries.iter().any(|it| is_meant(it) && !it.withheld) {
            self.outbox.to_mut().entries.iter_mut().filter(|it| is_meant(it)).for_each(|it| it.withheld = true);
        }
        lease
    }

    /// What the withheld deliveries are about.
    pub fn withheld(&self) -> Vec<TypedId> {
        let withheld = self.outbox.entries.iter().filter(|it| it.withheld);
        withheld
            .filter_map(
                |it| if let StoredEffect::Fulfill { about, .. } = &it.effect { Some(about.clone()) } else { None },
            )
            .collect()
    }

    /// Makes the withheld deliveries pending again.
    pub fn release_withheld(&mut self) {
        if self.outbox.entries.iter().any(|it| it.withheld) {
            self.outbox.to_mut().entries.iter_mut().for_each(|it| it.withheld = false);
        }
    }

    /// Withdraws the withheld deliveries, and returns what each was about, with the end of its lease if a worker holds one.
    pub fn withdraw_withheld(&mut self) -> Vec<(TypedId, Option<Timestamp>)> {
        let now = self.now();
        let leased: Vec<_> = self.outbox.entries.iter().filter(|it| it.withheld).map(|it| it.leased(now)).collect();
        self.take_out(&|it| it.withheld).into_iter().zip(leased).collect()
    }

    /// Whether the delivery of what was paid is pending, whether it is withheld or not.
    pub fn has_delivery(&self, about: &str) -> bool {
        let is_it = |it: &OutboxEntry<F::Call>| matches!(&it.effect, StoredEffect::Fulfill { about: have, .. } if have.as_str() == about);
        self.outbox.entries.iter().any(is_it)
    }

    fn take_out(&mut self, is_meant: &dyn Fn(&OutboxEntry<F::Call>) -> bool) -> Vec<TypedId> {
        let mut subjects = Vec::new();
        for entry in self.outbox.entries.iter().filter(|it| is_meant(it)) {
            if let StoredEffect::Fulfill { about, .. } = &entry.effect {
                subjects.push(about.clone());
            }
        }
        self.retain(&|it| !is_meant(it));
        subjects
    }
}
