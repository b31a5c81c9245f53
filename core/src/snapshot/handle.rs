//! The commands of the host, and the lease of an effect. Only a lease hands out a request.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{HandleError, Lease, LeaseError, Noted, Rejection, Snapshot, Step, declared};
use crate::config::{Config, Context, check_now};
use crate::effect::{Call, OutboxEntry, Request, StoredEffect, idempotency_key};
use crate::fact::IgnoredReason;
use crate::flow::{Cx, Facets, Flow, Input, Moment, Named, Rules, Stop};
use crate::id::EffectId;
use crate::json::Malformed;
use crate::rule::{CoreRule, RuleSet, UnblockedBy, Violation};
use crate::time::Timestamp;

/// How many requests always have room, so that the length of the snapshot need not be computed.
const FEW: usize = 6;

/// How many pending effects a message lists.
const LISTED: usize = 5;

impl<F: Flow> Snapshot<F> {
    /// Carries out a command of the host. A rejection names every broken rule, and nothing has changed.
    ///
    /// ```
    /// # use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
    /// # use rulebound::{Context, Fact, Key, Snapshot, money::Cents, time::Timestamp};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    /// # let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    /// # let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    /// # let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?);
    /// let step = token.handle(create, &cx)?;
    /// assert_eq!((step.next.revision(), step.transitions()[0].after), (1, "requested"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`HandleError::Rejected`] if the command would break rules, [`HandleError::Context`] if a member of the config is wrong or
    /// the time looks like seconds, and a [`Fault`](super::Fault) for a bug of the library.
    pub fn handle(&self, command: impl Into<F::Command>, context: &Context) -> Result<Step<F>, HandleError> {
        Self::check_context(context).map_err(HandleError::Context)?;
        let command = command.into();
        if self.state.is_duplicate(&command) {
            return Ok(self.unchanged(IgnoredReason::Duplicate, Vec::new()));
        }
        let mut rules = Rules::new(&self.key, context, Moment::Command, &self.outbox);
        let action = F::action_of(&command);
        self.check_action(action, &mut rules);
        self.state.check(&command, &mut rules);
        self.name_state(action, &mut rules);
        if !rules.violations.is_empty() {
            return Err(Rejection { violations: rules.violations }.into());
        }
        let mut cx = Cx::from(rules);
        let mut state = Arc::clone(&self.state);
        let trigger = match Arc::make_mut(&mut state).step(Input::Command(command), &mut cx) {
            Ok(trigger) if cx.violations.is_empty() => trigger,
            // `extra` is checked against the whole request, which only the step makes.
            Ok(_) => return Err(Rejection { violations: cx.decided().violations }.into()),
            Err(Stop::NotNow) => {
                let mut not_now = Violation::new(CoreRule::NotNow.rule());
                not_now.detail = Some(self.not_now(action));
                return Err(Rejection { violations: [not_now].into() }.into());
            }
            Err(Stop::Ignored(reason)) => return Ok(self.unchanged(reason, cx.decided().warnings)),
        };
        let before = self.state.facets();
        declared(before, trigger, &*state)?;
        let (next, noted) = self.next(state, cx, None);
        // A few requests always have room, even if each is as long as a command can be.
        if next.outbox.entries.len() > FEW && next.overflows(self) {
            let mut full = Violation::new(CoreRule::Full.rule());
            full.unblocked_by = self.outbox.entries.first().map(|it| UnblockedBy::reply(it.id.clone()));
            return Err(Rejection { violations: [full].into() }.into());
        }
        let Noted { new_ids, warnings, failure } = noted;
        let ignored = (next.revision == self.revision).then(|| IgnoredReason::Duplicate.into());
        Ok(Step { next, ignored, new_ids, failure, warnings, moved: Some((before, trigger)) })
    }

    /// Checks the time, and a config that no JSON reader has checked: every member that counts for this flow.
    pub(super) fn check_context(context: &Context) -> Result<(), Malformed> {
        check_now(context.now)?;
        Self::check_config(&context.config).map_err(|wrong| wrong.under("/config"))
    }

    fn check_config(config: &Config) -> Result<(), Malformed> {
        config.check()?;
        let is_of = |prefix, code: &str| code.split_once('.').is_some_and(|(first, _)| first == prefix);
        let own = |code: &str| F::Rule::ALL.iter().map(|it| it.rule()).find(|it| it.code == code);
        let common = |code: &str| CoreRule::ALL.iter().map(|it| it.rule()).find(|it| it.code == code);
        let of_flow = config.check_overrides(|code| is_of(Self::provider(), code), own);
        of_flow.and_then(|()| config.check_overrides(|code| is_of("rulebound", code), common))
    }

    /// Checks the rules on an action that do not depend on the contents of a command.
    pub(super) fn check_action(&self, action: F::Action, rules: &mut Rules<'_, F>) {
        self.state.permits(action, rules);
        self.state.accepts(action, rules);
        self.name_state(action, rules);
    }

    /// Adds the state to every violation that says only that the action is not possible in it.
    fn name_state(&self, action: F::Action, rules: &mut Rules<'_, F>) {
        for violation in rules.violations.iter_mut().filter(|it| it.rule.code == CoreRule::NotNow.rule().code) {
            violation.detail.get_or_insert_with(|| self.not_now(action));
        }
    }

    /// The state in which an action is not possible, and where to see what is.
    fn not_now(&self, action: F::Action) -> String {
        let states: Vec<_> = self.state.facets().states();
        let states: Vec<_> = states.iter().map(|(facet, state)| format!("`{facet}` is `{state}`")).collect();
        let (action, states) = (action.name(), states.join(" and "));
        format!("`{action}` is not possible while {states}. `actions` lists what is possible now.")
    }

    /// Leases an effect to one worker until the lease ends, and hands out the request if the effect is one.
    ///
    /// A review cannot be leased.
    ///
    /// ```
    /// # use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
    /// # use rulebound::{Context, Fact, Key, Snapshot, money::Cents, time::Timestamp};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    /// # let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    /// # let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    /// # let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?);
    /// let token = token.handle(create, &cx)?.next;
    /// let effect = token.effects(&cx).remove(0);
    /// let lease = token.lease(&effect.id, &cx)?;
    /// assert_eq!(lease.request.unwrap().method, "POST");
    /// assert!(lease.next.lease(&effect.id, &cx).is_err(), "another worker has it");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the effect is not pending, another worker has it, its request would break a rule now, a member of the config is
    /// wrong, or the time looks like seconds.
    pub fn lease(&self, id: &EffectId, context: &Context) -> Result<Lease<F>, LeaseError> {
        Self::check_context(context).map_err(LeaseError::Context)?;
        let found = self.outbox.find(id.as_str()).filter(|it| !it.withheld);
        let mut rules = self.leasing(found, context);
        let is_review = id.kind() == "review";
        let Some(entry) = found.filter(|it| !is_review && !it.is_hidden(context.now)) else {
            let from = found.and_then(|it| it.not_before).filter(|_| !is_review);
            let check =
                rules.check(CoreRule::NotPending, false).at("/effect").unblocked_by(from.map(UnblockedBy::time));
            check.because(|| self.not_pending(id, from, context));
            return Err(Rejection { violations: rules.violations }.into());
        };
        self.may_lease(entry, &mut rules);
        if !rules.violations.is_empty() {
            return Err(Rejection { violations: rules.violations }.into());
        }
        let mut cx = Cx::from(rules);
        let lease = context.now.after(context.config.lease_ms);
        let request = match &entry.effect {
            StoredEffect::Request(call) => Some(self.request(entry, call, context)),
            _ => None,
        };
        cx.outbox.to_mut().lease(id.as_str(), context.now, lease);
        cx.plan_outcome_lookup(id.as_str());
        let (next, noted) = self.next(Arc::clone(&self.state), cx, None);
        Ok(Lease { next, request, warnings: noted.warnings })
    }

    /// Why an effect cannot be leased that is not pending, and what is pending instead.
    fn not_pending(&self, id: &EffectId, from: Option<Timestamp>, context: &Context) -> String {
        if id.kind() == "review" {
            return format!("`{id}` is a review, which cannot be leased. Report its verdict with `reviewed`.");
        }
        let why = match from {
            Some(from) => format!("`{id}` is planned, and is pending from {from} on."),
            None if self.may_have_had(id.as_str()) => {
                format!("`{id}` is not pending: it was done, withdrawn or never requested.")
            }
            None => format!("`{id}` is not pending: this flow has never had it."),
        };
        let effects = self.effects(context);
        let names = effects.iter().filter(|it| it.id.kind() != "review").map(|it| format!("`{}`", it.id));
        let names: Vec<_> = names.collect();
        let listed = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
        match names.len().saturating_sub(LISTED) {
            _ if names.is_empty() => format!("{why} No effect is pending that can be leased."),
            0 => format!("{why} Lease one that is pending: {listed}."),
            more => format!("{why} Lease one that is pending: {listed} and {more} more."),
        }
    }

    /// The context of a lease: the first one, or another one after a sending whose outcome is unknown.
    pub(super) fn leasing<'a>(&'a self, entry: Option<&OutboxEntry<F::Call>>, context: &'a Context) -> Rules<'a, F> {
        let again = entry.is_some_and(OutboxEntry::was_sent);
        let moment = if again { Moment::Resend } else { Moment::Lease };
        Rules::new(&self.key, context, moment, &self.outbox).leases(entry.and_then(OutboxEntry::shared_call))
    }

    /// Checks the rules on a lease, and the rules on the action that the request came from.
    pub(super) fn may_lease(&self, entry: &OutboxEntry<F::Call>, rules: &mut Rules<'_, F>) {
        let now = rules.now();
        let (lease, rest) = (entry.leased(now), entry.resting(now));
        rules.check(CoreRule::Leased, lease.is_none()).at("/effect").unblocked_by(lease.map(UnblockedBy::time));
        rules.check(CoreRule::NotBefore, rest.is_none()).at("/effect").unblocked_by(rest.map(UnblockedBy::time));
        let is_asked = entry.is_held_by_question(now, rules.config());
        let lookup = self.outbox.lookup_before(entry, now).map(|id| UnblockedBy::reply(id.clone()));
        let can_be_sent = lease.is_some() || !(is_asked || entry.is_held(now, rules.config()) || lookup.is_some());
        let forgotten = entry.resent_until(rules.config()).filter(|end| end.is_over(now));
        let check = rules.check(CoreRule::OutcomeUnknown, can_be_sent).at("/effect").unblocked_by(lookup);
        if let Some(until) = forgotten {
            check.because(|| {
                format!(
                    "The provider may have forgotten its idempotency key, which it could be sent under until {until}."
                )
            });
        }
        if let StoredEffect::Request(call) = &entry.effect {
            let action = F::action_of_call(call);
            self.state.permits(action, rules);
            self.name_state(action, rules);
        }
    }

    fn request(&self, entry: &OutboxEntry<F::Call>, call: &F::Call, context: &Context) -> Request {
        let idempotency_key = idempotency_key(F::ID, &self.key, &entry.id);
        let mut request = call.request(&idempotency_key, F::settings(&context.config));
        request.idempotency_key = idempotency_key;
        request.retry = entry.class(context.now, &context.config).unwrap_or(call.operation().class);
        request.sending = entry.attempts.saturating_add(1);
        request
    }
}
