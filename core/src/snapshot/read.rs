//! What a snapshot says: what is owed, awaited and offered, and when any of it next changes by itself.

use alloc::vec::Vec;

use super::Snapshot;
use super::verdict::id_of;
use crate::effect::{Awaited, Effect, Owed};
use crate::flow::{Flow, Named, Offer, Rules};
use crate::id::CorrelationId;
use crate::policy::Env;
use crate::time::Timestamp;

impl<F: Flow> Snapshot<F> {
    /// What a worker must do, each once, in the order in which it arose.
    pub fn owed(&self, env: &Env<F::Settings>) -> Vec<Owed> {
        let visible = self.outbox.owed.iter().filter(|it| !it.kept && !it.is_hidden(env.now));
        let mut owed = Vec::with_capacity(self.outbox.owed.len());
        owed.extend(visible.map(|it| {
            let mut rules = self.leasing(Some(it), env);
            self.may_begin(it, &mut rules);
            it.owed(env.now, rules.violations.is_empty(), needs_id::<F>)
        }));
        owed.extend(self.outbox.owed.iter().filter_map(|it| {
            let question = it.asks(env.now, &env.policy)?;
            it.review(question, needs_id::<F>)
        }));
        owed
    }

    /// What others must do: the provider, the customer, or the host by a command.
    pub fn awaits(&self, env: &Env<F::Settings>) -> Vec<Awaited> {
        self.state.awaits(env)
    }

    /// What may be wished now, and what stands in the way of the rest.
    pub fn offers(&self, env: &Env<F::Settings>) -> Vec<Offer<F>> {
        let offer = |wish: F::Wish| {
            let Rules { violations, warnings, .. } = self.rules(wish, env);
            Offer { wish, violations, warnings }
        };
        F::Wish::ALL.iter().copied().map(offer).collect()
    }

    /// When to look at this flow again: now, while something but a review is ready; otherwise when what is owed, awaited or
    /// offered next changes by itself. `None` if it never does.
    pub fn deadline(&self, env: &Env<F::Settings>) -> Option<Timestamp> {
        let now = env.now;
        let is_work = |it: &Owed| it.ready && !matches!(it.effect, Effect::Review { .. });
        if self.owed(env).iter().any(is_work) {
            return Some(now);
        }
        let asks = self.outbox.owed.iter().filter_map(|it| it.question(&env.policy)).map(|(from, _)| Some(from));
        let rests = self.outbox.owed.iter().filter(|it| !it.kept).flat_map(|it| [it.in_hand(now), it.resting(now)]);
        let waits = self.awaits(env).into_iter().map(|it| it.by);
        rests.chain(waits).chain(asks).flatten().chain(self.state.turns(env)).filter(|at| !at.is_over(now)).min()
    }

    /// The ids by which a signal finds this flow: its key, and what the provider calls it.
    pub fn correlation_ids(&self) -> Vec<CorrelationId> {
        let mut ids = alloc::vec![self.key.as_str()];
        for id in self.state.correlation_ids() {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids.into_iter().filter_map(|id| CorrelationId::parse(id).ok()).collect()
    }
}

fn needs_id<F: Flow>(reason: &str, verdict: &str) -> bool {
    id_of::<F>(reason, verdict).is_some()
}
