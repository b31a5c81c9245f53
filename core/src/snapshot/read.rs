//! The views of a snapshot: its effects, waits and actions, and when any of them next changes by itself.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::Snapshot;
use super::verdict::{named_by, verdicts_of};
use crate::config::Context;
use crate::effect::{Effect, PendingEffect, Wait};
use crate::flow::{Action, Flow, Moment, Named, Rules};
use crate::id::CorrelationId;
use crate::time::Timestamp;

impl<F: Flow> Snapshot<F> {
    /// The pending effects, the oldest first, and then the reviews of requests whose outcome stays unknown.
    pub fn effects(&self, context: &Context) -> Vec<PendingEffect> {
        let visible = self.outbox.entries.iter().filter(|it| !it.withheld && !it.is_hidden(context.now));
        let mut effects = Vec::with_capacity(self.outbox.entries.len());
        effects.extend(visible.map(|entry| {
            let mut rules = self.leasing(Some(entry), context);
            self.may_lease(entry, &mut rules);
            entry.effect_at(context.now, rules.violations.is_empty(), review::<F>)
        }));
        effects.extend(self.outbox.entries.iter().filter_map(|entry| {
            let question = entry.asks(context.now, &context.config)?;
            entry.review(question, review::<F>)
        }));
        effects
    }

    /// What the provider or the customer must do.
    pub fn waiting_for(&self, context: &Context) -> Vec<Wait> {
        self.state.waits(context)
    }

    /// Every action, with every rule that it would break now.
    pub fn actions(&self, context: &Context) -> Vec<Action<F>> {
        let mut rules = Rules::new(&self.key, context, Moment::Command, &self.outbox);
        let mut actions = Vec::with_capacity(F::Action::ALL.len());
        for &action in F::Action::ALL {
            self.check_action(action, &mut rules);
            let (violations, warnings) = rules.take_broken();
            actions.push(Action { action, violations, warnings });
        }
        actions
    }

    /// When to look at this flow again. `None` if its effects, waits and actions never change by themselves.
    ///
    /// It is now while an effect other than a review is ready, and otherwise the instant of the next change.
    pub fn wake_at(&self, context: &Context) -> Option<Timestamp> {
        let now = context.now;
        let is_work = |it: &PendingEffect| it.ready && !matches!(it.effect, Effect::Review { .. });
        if self.effects(context).iter().any(is_work) {
            return Some(now);
        }
        let entries = || self.outbox.entries.iter();
        let reviews = entries().filter_map(|it| it.question(&context.config)).map(|(from, _)| Some(from));
        let rests = entries().filter(|it| !it.withheld).flat_map(|it| [it.leased(now), it.resting(now)]);
        let waits = self.waiting_for(context).into_iter().map(|it| it.expires_at);
        let instants = rests.chain(waits).chain(reviews).flatten().chain(self.state.timers(context));
        instants.filter(|at| !at.is_over(now)).min()
    }

    /// The ids by which a signal finds this flow: its key, and the provider's ids.
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

/// A review with its verdicts, and those of them that need an id.
fn review<F: Flow>(reason: &str, about: &str, only: &[Cow<'static, str>]) -> Effect {
    let verdicts = verdicts_of::<F>(reason, only);
    let needs_id = verdicts
        .iter()
        .filter(|verdict| named_by::<F>(reason, verdict).is_some_and(|named| named.is_required))
        .cloned()
        .collect();
    Effect::Review { reason: String::from(reason).into(), about: about.into(), verdicts, needs_id }
}
