//! Commands: wishes of the host, and `begin`, which alone hands out a request.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Command, HandleError, Rejection, Snapshot, Transition, declared};
use crate::effect::{Call, Duty, Obligation, Request, idempotency_key};
use crate::flow::{Cx, Flow, Input, Moment, Rules, Stop};
use crate::id::EffectId;
use crate::policy::Env;
use crate::rule::{CoreRule, RuleSet, Until, Violation};
use crate::time::Timestamp;

/// How many requests have room in any snapshot, so that its length need not be looked at.
const FEW: usize = 6;

impl<F: Flow> Snapshot<F> {
    /// The host wants something. On refusal nothing has changed, and every broken rule is named.
    pub fn handle(&self, command: impl Into<Command<F>>, env: &Env<F::Settings>) -> Result<Transition<F>, HandleError> {
        match command.into() {
            Command::Begin(effect) => Ok(self.begin(&effect, env)?),
            Command::Wish(command) => self.wish(command, env),
        }
    }

    fn wish(&self, command: F::Command, env: &Env<F::Settings>) -> Result<Transition<F>, HandleError> {
        if self.state.stands(&command) {
            return Ok(self.unchanged());
        }
        let mut rules = self.rules(F::wish(&command), env);
        self.state.check(&command, &mut rules);
        if !rules.violations.is_empty() {
            return Err(Rejection { violations: rules.violations }.into());
        }
        let mut cx = Cx::from(rules);
        let mut state = Arc::clone(&self.state);
        let on = match Arc::make_mut(&mut state).step(Input::Command(command), &mut cx) {
            Ok(on) if cx.violations.is_empty() => on,
            // What `extra` adds is held against the whole request, which only the step makes.
            Ok(_) => return Err(Rejection { violations: cx.decided().violations }.into()),
            Err(Stop::NotNow) => {
                return Err(Rejection { violations: [Violation::new(CoreRule::NotNow.rule())].into() }.into());
            }
            Err(Stop::Unmoved(_)) => return Ok(self.unchanged()),
        };
        let before = self.state.facets();
        declared(before, on, &*state)?;
        let (next, noted) = self.next(state, cx);
        // A few requests always have room, even if each is as long as a command may be.
        if next.outbox.owed.len() > FEW && next.overflows(self) {
            let mut full = Violation::new(CoreRule::Full.rule());
            full.until = self.outbox.owed.first().map(|it| Until::Reply(it.id.clone()));
            return Err(Rejection { violations: [full].into() }.into());
        }
        let moved = Some((before, on));
        Ok(Transition { next, take: None, learnt: noted.learnt, failure: None, warnings: noted.warnings, moved })
    }

    /// What stands in the way of a command, as far as its contents do not decide it.
    pub(super) fn rules<'a>(&'a self, wish: F::Wish, env: &'a Env<F::Settings>) -> Rules<'a, F> {
        let mut rules = Rules::new(&self.key, env, Moment::Command, &self.outbox);
        self.state.permits(wish, &mut rules);
        self.state.accepts(wish, &mut rules);
        rules
    }

    fn begin(&self, id: &EffectId, env: &Env<F::Settings>) -> Result<Transition<F>, Rejection> {
        let found = self.outbox.find(id.as_str()).filter(|it| !it.kept);
        let mut rules = self.leasing(found, env);
        let is_review = id.kind() == "review";
        let Some(obligation) = found.filter(|it| !is_review && !it.is_hidden(env.now)) else {
            let due = found.and_then(|it| it.due).filter(|_| !is_review);
            let check = rules.check(CoreRule::NotPending, false).at("/effect").until(due.map(Until::At));
            if is_review {
                check.because(|| "A review is judged with `done`.".into());
            }
            return Err(Rejection { violations: rules.violations });
        };
        self.may_begin(obligation, &mut rules);
        if !rules.violations.is_empty() {
            return Err(Rejection { violations: rules.violations });
        }
        let mut cx = Cx::from(rules);
        let lease = env.now.after(env.policy.lease);
        let take = match &obligation.duty {
            Duty::Request(call) => Some(self.request(obligation, call, env)),
            _ => None,
        };
        cx.outbox.to_mut().begin(id.as_str(), env.now, lease);
        cx.look_for_outcome(id.as_str());
        let (next, noted) = self.next(Arc::clone(&self.state), cx);
        Ok(Transition { next, take, learnt: noted.learnt, failure: None, warnings: noted.warnings, moved: None })
    }

    /// The context in which an obligation is begun, for the first time or again after one that may have been done.
    pub(super) fn leasing<'a>(
        &'a self,
        obligation: Option<&Obligation<F::Call>>,
        env: &'a Env<F::Settings>,
    ) -> Rules<'a, F> {
        let again = obligation.is_some_and(Obligation::was_sent);
        Rules::new(&self.key, env, if again { Moment::Resend } else { Moment::Lease }, &self.outbox)
    }

    /// The rules of taking an obligation in hand, and those of the wish that it came from.
    pub(super) fn may_begin(&self, obligation: &Obligation<F::Call>, rules: &mut Rules<'_, F>) {
        let now = rules.now();
        let at = |instant: Option<Timestamp>| Until::At(instant.unwrap_or(now));
        let (lease, rest) = (obligation.in_hand(now), obligation.resting(now));
        rules.check(CoreRule::Leased, lease.is_none()).at("/effect").until(at(lease));
        rules.check(CoreRule::NotBefore, rest.is_none()).at("/effect").until(at(rest));
        let asked = obligation.asks(now, rules.policy()).is_some();
        let free = lease.is_some() || !(asked || obligation.is_held());
        rules.check(CoreRule::OutcomeUnknown, free).at("/effect");
        if let Duty::Request(call) = &obligation.duty {
            self.state.permits(F::wish_of(call), rules);
        }
    }

    fn request(&self, of: &Obligation<F::Call>, call: &F::Call, env: &Env<F::Settings>) -> Request {
        let idempotency_key = idempotency_key(F::ID, &self.key, &of.id);
        let mut request = call.request(&idempotency_key, &env.settings);
        request.idempotency_key = idempotency_key;
        request.retry = call.operation().class;
        request.sending = of.begun.saturating_add(1);
        request
    }

    fn unchanged(&self) -> Transition<F> {
        let next = self.clone();
        Transition { next, take: None, learnt: Vec::new(), failure: None, warnings: Vec::new(), moved: None }
    }
}
