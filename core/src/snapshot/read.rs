//! What a snapshot tells: its effects, waits and actions, and when any of them next changes by itself.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::Snapshot;
use super::verdict::{named_by, offered};
use crate::config::Context;
use crate::effect::{Effect, PendingEffect, Wait};
use crate::flow::{Action, Flow, Named, Rules};
use crate::id::CorrelationId;
use crate::time::Timestamp;

impl<F: Flow> Snapshot<F> {
    /// The effects that have to be carried out, each once, in the order in which they arose.
    pub fn effects(&self, context: &Context) -> Vec<PendingEffect> {
        let visible = self.outbox.entries.iter().filter(|it| !it.kept && !it.is_hidden(context.now));
        let mut effects = Vec::with_capacity(self.outbox.entries.len());
        effects.extend(visible.map(|it| {
            let mut rules = self.leasing(Some(it), context);
            self.may_lease(it, &mut rules);
            it.effect_at(context.now, rules.violations.is_empty(), review::<F>)
        }));
        effects.extend(self.outbox.entries.iter().filter_map(|it| {
            let question = it.asks(context.now, &context.config)?;
            it.review(question, review::<F>)
        }));
        effects
    }

    /// What the provider or the customer has to do.
    pub fn waiting_for(&self, context: &Context) -> Vec<Wait> {
        self.state.waits(context)
    }

    /// Every action: whether it is allowed now, or every rule that it would break.
    pub fn actions(&self, context: &Context) -> Vec<Action<F>> {
        let action = |action: F::Action| {
            let Rules { violations, warnings, .. } = self.rules(action, context);
            Action { action, violations, warnings }
        };
        F::Action::ALL.iter().copied().map(action).collect()
    }

    /// When to look at this flow again: now, while an effect that is no review is ready; otherwise the instant at which its
    /// effects, waits or actions next change by themselves. `None` if they never do.
    pub fn wake_at(&self, context: &Context) -> Option<Timestamp> {
        let now = context.now;
        let is_work = |it: &PendingEffect| it.ready && !matches!(it.effect, Effect::Review { .. });
        if self.effects(context).iter().any(is_work) {
            return Some(now);
        }
        let asks = self.outbox.entries.iter().filter_map(|it| it.question(&context.config)).map(|(from, _)| Some(from));
        let rests = self.outbox.entries.iter().filter(|it| !it.kept).flat_map(|it| [it.leased(now), it.resting(now)]);
        let waits = self.waiting_for(context).into_iter().map(|it| it.expires_at);
        rests.chain(waits).chain(asks).flatten().chain(self.state.timers(context)).filter(|at| !at.is_over(now)).min()
    }

    /// The ids by which a signal finds this flow: its key, and what the provider calls it.
    pub fn ids(&self) -> Vec<CorrelationId> {
        let mut ids = alloc::vec![self.key.as_str()];
        for id in self.state.ids() {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids.into_iter().filter_map(|id| CorrelationId::parse(id).ok()).collect()
    }
}

/// A review, with those of its verdicts that need an id.
fn review<F: Flow>(reason: &str, about: &str, only: &[Cow<'static, str>]) -> Effect {
    let verdicts = offered::<F>(reason, only);
    let needs_id = verdicts
        .iter()
        .filter(|verdict| named_by::<F>(reason, verdict).is_some_and(|named| named.is_required))
        .cloned()
        .collect();
    Effect::Review { reason: String::from(reason).into(), about: about.into(), verdicts, needs_id }
}
