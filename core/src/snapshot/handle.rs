//! Commands of the host, and the lease, which alone hands out a request.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{HandleError, Ignored, Lease, Noted, Rejection, Snapshot, Step, declared};
use crate::config::Context;
use crate::effect::{Call, OutboxEntry, Request, StoredEffect, idempotency_key};
use crate::fact::IgnoredReason;
use crate::flow::{Cx, Flow, Input, Moment, Rules, Stop};
use crate::id::EffectId;
use crate::rule::{CoreRule, RuleSet, UnblockedBy, Violation};
use crate::time::Timestamp;

/// How many requests have room in any snapshot, so that its length need not be looked at.
const FEW: usize = 6;

impl<F: Flow> Snapshot<F> {
    /// The host wants something. On rejection nothing has changed, and every broken rule is named.
    pub fn handle(&self, command: impl Into<F::Command>, context: &Context) -> Result<Step<F>, HandleError> {
        let command = command.into();
        if self.state.is_duplicate(&command) {
            return Ok(self.unchanged(IgnoredReason::Duplicate, Vec::new()));
        }
        let mut rules = self.rules(F::action_of(&command), context);
        self.state.check(&command, &mut rules);
        if !rules.violations.is_empty() {
            return Err(Rejection { violations: rules.violations }.into());
        }
        let mut cx = Cx::from(rules);
        let mut state = Arc::clone(&self.state);
        let trigger = match Arc::make_mut(&mut state).step(Input::Command(command), &mut cx) {
            Ok(trigger) if cx.violations.is_empty() => trigger,
            // What `extra` adds is held against the whole request, which only the step makes.
            Ok(_) => return Err(Rejection { violations: cx.decided().violations }.into()),
            Err(Stop::NotNow) => {
                return Err(Rejection { violations: [Violation::new(CoreRule::NotNow.rule())].into() }.into());
            }
            Err(Stop::Ignored(because)) => return Ok(self.unchanged(because, cx.decided().warnings)),
        };
        let before = self.state.facets();
        declared(before, trigger, &*state)?;
        let (next, noted) = self.next(state, cx);
        // A few requests always have room, even if each is as long as a command may be.
        if next.outbox.entries.len() > FEW && next.overflows(self) {
            let mut full = Violation::new(CoreRule::Full.rule());
            full.unblocked_by = self.outbox.entries.first().map(|it| UnblockedBy::reply(it.id.clone()));
            return Err(Rejection { violations: [full].into() }.into());
        }
        let Noted { new_ids, warnings } = noted;
        let ignored = (next.revision == self.revision).then_some(Ignored { reason: IgnoredReason::Duplicate });
        Ok(Step { next, ignored, new_ids, failure: None, warnings, moved: Some((before, trigger)) })
    }

    /// What stands in the way of a command, as far as its contents do not decide it.
    pub(super) fn rules<'a>(&'a self, action: F::Action, context: &'a Context) -> Rules<'a, F> {
        let mut rules = Rules::new(&self.key, context, Moment::Command, &self.outbox);
        self.state.permits(action, &mut rules);
        self.state.accepts(action, &mut rules);
        rules
    }

    /// A worker takes an effect, alone until the lease ends: the complete request, where it is one. A review is never leased.
    pub fn lease(&self, id: &EffectId, context: &Context) -> Result<Lease<F>, Rejection> {
        let found = self.outbox.find(id.as_str()).filter(|it| !it.kept);
        let mut rules = self.leasing(found, context);
        let is_review = id.kind() == "review";
        let Some(entry) = found.filter(|it| !is_review && !it.is_hidden(context.now)) else {
            let due = found.and_then(|it| it.not_before).filter(|_| !is_review);
            let check = rules.check(CoreRule::NotPending, false).at("/effect").unblocked_by(due.map(UnblockedBy::time));
            if is_review {
                check.because(|| "A review is judged with `done`.".into());
            }
            return Err(Rejection { violations: rules.violations });
        };
        self.may_lease(entry, &mut rules);
        if !rules.violations.is_empty() {
            return Err(Rejection { violations: rules.violations });
        }
        let mut cx = Cx::from(rules);
        let lease = context.now.after(context.config.lease_ms);
        let request = match &entry.effect {
            StoredEffect::Request(call) => Some(self.request(entry, call, context)),
            _ => None,
        };
        cx.outbox.to_mut().lease(id.as_str(), context.now, lease);
        cx.look_for_outcome(id.as_str());
        let (next, noted) = self.next(Arc::clone(&self.state), cx);
        Ok(Lease { next, request, warnings: noted.warnings })
    }

    /// The context in which an obligation is begun, for the first time or again after one that may have been done.
    pub(super) fn leasing<'a>(&'a self, entry: Option<&OutboxEntry<F::Call>>, context: &'a Context) -> Rules<'a, F> {
        let again = entry.is_some_and(OutboxEntry::was_sent);
        Rules::new(&self.key, context, if again { Moment::Resend } else { Moment::Lease }, &self.outbox)
    }

    /// The rules of taking an obligation in hand, and those of the wish that it came from.
    pub(super) fn may_lease(&self, entry: &OutboxEntry<F::Call>, rules: &mut Rules<'_, F>) {
        let now = rules.now();
        let at = |instant: Option<Timestamp>| UnblockedBy::time(instant.unwrap_or(now));
        let (lease, rest) = (entry.leased(now), entry.resting(now));
        rules.check(CoreRule::Leased, lease.is_none()).at("/effect").unblocked_by(at(lease));
        rules.check(CoreRule::NotBefore, rest.is_none()).at("/effect").unblocked_by(at(rest));
        let is_asked = entry.asks(now, rules.config()).is_some();
        let free = lease.is_some() || !(is_asked || entry.is_held());
        rules.check(CoreRule::OutcomeUnknown, free).at("/effect");
        if let StoredEffect::Request(call) = &entry.effect {
            self.state.permits(F::action_of_call(call), rules);
        }
    }

    fn request(&self, of: &OutboxEntry<F::Call>, call: &F::Call, context: &Context) -> Request {
        let idempotency_key = idempotency_key(F::ID, &self.key, &of.id);
        let mut request = call.request(&idempotency_key, F::settings(&context.config));
        request.idempotency_key = idempotency_key;
        request.retry = call.operation().class;
        request.sending = of.attempts.saturating_add(1);
        request
    }
}
