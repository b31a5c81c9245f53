//! Deliveries that are kept back: nobody begins them for now, and they are not forgotten.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Cx, Flow};
use crate::effect::{OutboxEntry, StoredEffect};
use crate::time::Timestamp;

impl<F: Flow> Cx<'_, F> {
    /// Keeps some deliveries back. Who has one in hand may still say that it is done: until when somebody may be at one.
    pub fn withhold(&mut self, which: impl Fn(&str) -> bool) -> Option<Timestamp> {
        let now = self.now();
        let is_it = |it: &OutboxEntry<F::Call>| matches!(&it.effect, StoredEffect::Fulfill { about } if which(about));
        let lease = self.outbox.entries.iter().filter(|it| is_it(it)).filter_map(|it| it.leased(now)).max();
        if self.outbox.entries.iter().any(|it| is_it(it) && !it.kept) {
            self.outbox.to_mut().entries.iter_mut().filter(|it| is_it(it)).for_each(|it| it.kept = true);
        }
        lease
    }

    /// Owes again what was kept back.
    pub fn release_withheld(&mut self) {
        if self.outbox.entries.iter().any(|it| it.kept) {
            self.outbox.to_mut().entries.iter_mut().for_each(|it| it.kept = false);
        }
    }

    /// Withdraws what was kept back: what each delivery was of.
    pub fn withdraw_withheld(&mut self) -> Vec<String> {
        let kept = self.outbox.entries.iter().filter(|it| it.kept).filter_map(|it| match &it.effect {
            StoredEffect::Fulfill { about } => Some(about.clone()),
            _ => None,
        });
        let kept = kept.collect();
        self.retain(&|it| !it.kept);
        kept
    }
}
