//! What a decision may look at, and what it says of the rules: nothing can be changed through it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::Flow;
use crate::config::{Config, Context};
use crate::effect::{Outbox, OutboxEntry};
use crate::id::{EffectId, Key};
use crate::rule::{Level, Rule, RuleSet, UnblockedBy, Violation};
use crate::time::Timestamp;

/// What a decision is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// A command, or the question whether one is possible: a broken rule rejects it.
    Command,
    /// A request is about to be handed out: the command that it came from is its own.
    Lease,
    /// The same, of a request whose first outcome is unknown.
    Resend,
    /// A fact: a broken rule only warns.
    Fact,
}

/// The circumstances of one decision, and the rules that are broken.
pub struct Rules<'a, F: Flow> {
    pub(crate) key: &'a Key,
    pub(super) context: &'a Context,
    pub(super) moment: Moment,
    pub(crate) outbox: Cow<'a, Outbox<F::Call>>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) warnings: Vec<Violation>,
    /// Whether the command adds to its request.
    pub(super) has_extra: bool,
}

impl<F: Flow> fmt::Debug for Rules<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("moment", &self.moment)
            .field("violations", &self.violations)
            .finish_non_exhaustive()
    }
}

impl<'a, F: Flow> Rules<'a, F> {
    pub(crate) fn new(key: &'a Key, context: &'a Context, moment: Moment, outbox: &'a Outbox<F::Call>) -> Self {
        let outbox = Cow::Borrowed(outbox);
        Self { key, context, moment, outbox, violations: Vec::new(), warnings: Vec::new(), has_extra: false }
    }

    /// The time of the call.
    pub fn now(&self) -> Timestamp {
        self.context.now
    }

    /// The key of the flow.
    pub fn key(&self) -> &'a Key {
        self.key
    }

    /// The host's choices.
    pub fn config(&self) -> &'a Config {
        &self.context.config
    }

    /// The provider's settings.
    pub fn settings(&self) -> &'a F::Settings {
        F::settings(&self.context.config)
    }

    /// Whether a request is about to be handed out.
    pub fn is_lease(&self) -> bool {
        matches!(self.moment, Moment::Lease | Moment::Resend)
    }

    /// Whether a request is about to be handed out again whose outcome is unknown: only sending it again may tell.
    pub fn is_resend(&self) -> bool {
        self.moment == Moment::Resend
    }

    /// Checks a rule. Broken, it rejects a command at the level that it has under the policy, and of a fact it only warns.
    ///
    /// A step may rely on a rule that is [`Level::Forbid`]; of every other it must be ready for a policy that softens it.
    pub fn check(&mut self, rule: impl RuleSet, holds: bool) -> Check<'_> {
        if holds { Check { broken: None } } else { self.note(rule.rule()) }
    }

    /// Warns of a rule that is only advice here, whatever its level.
    pub fn warn(&mut self, rule: impl RuleSet, holds: bool) -> Check<'_> {
        if holds {
            return Check { broken: None };
        }
        self.warnings.push(Violation::new(rule.rule()));
        Check { broken: self.warnings.last_mut() }
    }

    #[cold]
    fn note(&mut self, rule: &'static Rule) -> Check<'_> {
        let level = self.context.config.level(rule);
        let rejects = level != Level::Warn && self.moment != Moment::Fact;
        let list = if rejects { &mut self.violations } else { &mut self.warnings };
        let mut violation = Violation::new(rule);
        if rejects {
            violation.level = level;
        }
        list.push(violation);
        Check { broken: list.last_mut() }
    }

    /// The question of that reason that a person has not answered.
    pub fn open_review(&self, reason: &str) -> Option<EffectId> {
        let is_it = |it: &&OutboxEntry<F::Call>| it.reason_and_subject().is_some_and(|(have, _)| have == reason);
        self.outbox.entries.iter().find(is_it).map(|it| it.id.clone())
    }

    /// The first owed request for which something is true.
    pub fn pending(&self, mut wanted: impl FnMut(&F::Call) -> bool) -> Option<PendingRequest<'_, F::Call>> {
        self.first(&mut wanted)
    }

    /// The reply to that request, as what unblocks a command.
    pub fn reply_to(&self, wanted: impl FnMut(&F::Call) -> bool) -> Option<UnblockedBy> {
        self.pending(wanted).map(|it| UnblockedBy::reply(it.id.clone()))
    }

    fn first(&self, wanted: &mut dyn FnMut(&F::Call) -> bool) -> Option<PendingRequest<'_, F::Call>> {
        self.outbox.entries.iter().find_map(|it| {
            let call = it.call().filter(|call| wanted(call))?;
            let sent = it.sent.as_deref();
            Some(PendingRequest {
                id: &it.id,
                call,
                sent: it.was_sent(),
                lease: sent.map(|it| it.lease),
                first_at: sent.map(|it| it.first_at),
                held: it.is_held(),
            })
        })
    }

    /// Whether such a request was sent, or may have been, and is not answered.
    pub fn sent(&self, wanted: impl Fn(&F::Call) -> bool) -> bool {
        self.outbox.entries.iter().any(|it| it.was_sent() && it.call().is_some_and(&wanted))
    }

    /// What such requests do that were sent, or may have been, and are not answered.
    pub fn all_sent(&self, wanted: impl Fn(&F::Call) -> bool) -> Vec<Arc<F::Call>> {
        let sent = self.outbox.entries.iter().filter(|it| it.was_sent()).filter_map(OutboxEntry::shared_call);
        sent.filter(|call| wanted(call)).cloned().collect()
    }

    /// When the last of such requests was begun first, of those that were sent, or may have been, and are not answered.
    pub fn sent_last(&self, wanted: impl Fn(&F::Call) -> bool) -> Option<Timestamp> {
        let sent = self.outbox.entries.iter().filter(|it| it.was_sent() && it.call().is_some_and(&wanted));
        sent.filter_map(|it| it.sent.as_deref().map(|sent| sent.first_at)).max()
    }

    /// Whether an owed request is in somebody's hands.
    pub fn is_leased(&self, wanted: impl Fn(&F::Call) -> bool) -> bool {
        let now = self.now();
        self.outbox.entries.iter().any(|it| it.call().is_some_and(&wanted) && it.leased(now).is_some())
    }
}

/// An owed request, as a flow sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PendingRequest<'a, C> {
    /// Its id.
    pub id: &'a EffectId,
    /// What it does.
    pub call: &'a C,
    /// Whether a sending of it may have come true.
    pub sent: bool,
    /// The end of the last lease under which it was begun: until then it may still be on its way.
    pub lease: Option<Timestamp>,
    /// When it was begun first.
    pub first_at: Option<Timestamp>,
    /// Whether it is not sent again unless a lookup denies it.
    pub held: bool,
}

/// A rule that was looked at; the words that follow say more of it where it is broken.
#[derive(Debug)]
pub struct Check<'c> {
    broken: Option<&'c mut Violation>,
}

impl Check<'_> {
    /// Where in the command: a JSON Pointer.
    pub fn at(self, pointer: &'static str) -> Self {
        self.say(|violation| violation.pointer = Cow::Borrowed(pointer))
    }

    /// Where in the command, where the pointer has an index.
    pub fn at_index(self, pointer: impl FnOnce() -> String) -> Self {
        self.say(|violation| violation.pointer = Cow::Owned(pointer()))
    }

    /// What would unblock the command, if anything would.
    pub fn unblocked_by(self, what: impl Into<Option<UnblockedBy>>) -> Self {
        self.say(|violation| violation.unblocked_by = what.into())
    }

    /// The wishes that say the same in a shape that is allowed.
    pub fn instead(self, wishes: &'static [&'static str]) -> Self {
        self.say(|violation| violation.instead = wishes)
    }

    /// What broke it, in a half sentence after the rule's statement.
    pub fn because(self, detail: impl FnOnce() -> String) -> Self {
        self.say(|violation| violation.detail = Some(detail()))
    }

    fn say(mut self, say: impl FnOnce(&mut Violation)) -> Self {
        if let Some(violation) = self.broken.as_deref_mut() {
            say(violation);
        }
        self
    }
}
