//! The read-only context of a decision, and the rules that the decision finds broken.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::Flow;
use crate::config::{Config, Context};
use crate::effect::{End, GoodReply, Outbox, OutboxEntry};
use crate::id::{Digest, EffectId, Intent, Key};
use crate::rule::{Level, Rule, RuleSet, UnblockedBy, Violation};
use crate::time::Timestamp;

/// What the kernel decides on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// A command, or whether an action is allowed. A broken rule rejects it.
    Command,
    /// The lease of an effect. A broken rule rejects it.
    Lease,
    /// The lease of a request that was sent before, and whose outcome is unknown.
    Resend,
    /// A fact. A broken rule only warns.
    Fact,
}

/// The read-only context of one decision, and the rules that are broken.
pub struct Rules<'a, F: Flow> {
    pub(crate) key: &'a Key,
    pub(super) context: &'a Context,
    pub(super) moment: Moment,
    pub(crate) outbox: Cow<'a, Outbox<F::Call>>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) warnings: Vec<Violation>,
    /// The request that a worker is about to lease.
    leasing: Option<Arc<F::Call>>,
    /// Whether the command adds to its request.
    pub(super) has_extra: bool,
    /// The fingerprint of the command's contents, once it was needed.
    contents: Option<Digest>,
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
        Self {
            key,
            context,
            moment,
            outbox,
            violations: Vec::new(),
            warnings: Vec::new(),
            leasing: None,
            has_extra: false,
            contents: None,
        }
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

    /// The fingerprint of the command's contents. It is computed once, for the check and for the step.
    pub fn contents(&mut self, compute: impl FnOnce() -> Digest) -> Digest {
        *self.contents.get_or_insert_with(compute)
    }

    /// Whether a worker is about to lease the request.
    pub fn is_lease(&self) -> bool {
        matches!(self.moment, Moment::Lease | Moment::Resend)
    }

    /// The request that a worker is about to lease.
    pub fn leasing(&self) -> Option<&F::Call> {
        self.leasing.as_deref()
    }

    pub(crate) fn leases(mut self, call: Option<&Arc<F::Call>>) -> Self {
        self.leasing = call.cloned();
        self
    }

    /// Whether a worker is about to lease again a request whose outcome is unknown.
    ///
    /// Then only another sending can show the outcome.
    pub fn is_resend(&self) -> bool {
        self.moment == Moment::Resend
    }

    /// Checks a rule. A broken rule rejects a command or a lease unless its level under the config is `warn`. It only warns
    /// about a fact.
    ///
    /// A step can rely on a rule that is [`Level::Forbid`]. A config can soften every other rule.
    pub fn check(&mut self, rule: impl RuleSet, holds: bool) -> Check<'_> {
        if holds { Check { broken: None } } else { self.note(rule.rule()) }
    }

    /// Takes the violations and the warnings that were noted so far.
    pub(crate) fn take_broken(&mut self) -> (Vec<Violation>, Vec<Violation>) {
        (mem::take(&mut self.violations), mem::take(&mut self.warnings))
    }

    /// Checks a rule that only warns here, whatever its level.
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
        let found = if rejects { &mut self.violations } else { &mut self.warnings };
        let mut violation = Violation::new(rule);
        if rejects {
            violation.level = level;
        }
        found.push(violation);
        Check { broken: found.last_mut() }
    }

    /// The id of the first review with this reason.
    pub fn open_review(&self, reason: &str) -> Option<EffectId> {
        self.outbox.entries.iter().find(|it| it.is_review_of(reason)).map(|it| it.id.clone())
    }

    /// Whether a review with this reason and this subject is open or planned.
    pub fn asks_about(&self, reason: &str, about: &str) -> bool {
        self.outbox.entries.iter().any(|it| it.reason_and_subject() == Some((reason, about)))
    }

    /// The first pending request that matches.
    pub fn pending(&self, mut wanted: impl FnMut(&F::Call) -> bool) -> Option<PendingRequest<'_, F::Call>> {
        self.first(&mut wanted)
    }

    /// The reply to the first pending request that matches, as what unblocks a command.
    pub fn reply_to(&self, wanted: impl FnMut(&F::Call) -> bool) -> Option<UnblockedBy> {
        self.pending(wanted).map(|it| UnblockedBy::reply(it.id.clone()))
    }

    /// What unblocks a request that waits for a lookup, or for a person once the lookup has not decided it.
    pub fn lookup_or_review(&self, lookup: impl FnMut(&F::Call) -> bool, reason: &str) -> Option<UnblockedBy> {
        self.reply_to(lookup).or_else(|| self.open_review(reason).map(UnblockedBy::reply))
    }

    fn first(&self, wanted: &mut dyn FnMut(&F::Call) -> bool) -> Option<PendingRequest<'_, F::Call>> {
        self.outbox.entries.iter().find_map(|entry| {
            let call = entry.call().filter(|call| wanted(call))?;
            let sent = entry.sent.as_deref();
            Some(PendingRequest {
                id: &entry.id,
                call,
                sent: entry.was_sent(),
                lease: sent.map(|it| it.lease),
                first_at: sent.map(|it| it.first_at),
                held: entry.is_held(self.now(), self.config()),
                given_up: sent.is_some_and(|it| it.is_given_up),
                accepted: sent.is_some_and(|it| it.good_reply == GoodReply::Accepted),
            })
        })
    }

    /// How often an operation was requested under an intent that the flow itself does not remember, at least once.
    pub(crate) fn attempts_of(&self, operation: &str, intent: &Intent) -> u32 {
        self.outbox.number_of(&format!("{operation}:{intent}")).max(1)
    }

    /// Whether a worker may have sent a matching request whose outcome is unknown.
    pub fn sent(&self, wanted: impl Fn(&F::Call) -> bool) -> bool {
        self.outbox.entries.iter().any(|it| it.was_sent() && it.call().is_some_and(&wanted))
    }

    /// Whether a matching request that a worker had sent ended as not done.
    pub fn ended_undone(&self, of: impl Fn(&F::Call) -> bool) -> bool {
        self.outbox.past.iter().any(|it| it.end == End::Undone && of(&it.call))
    }

    /// Whether no later request of the same operation was pending.
    pub fn is_newest(&self, id: &EffectId) -> bool {
        id.number() == Some(self.outbox.number_of(id.kind()))
    }

    /// Whether the host has restored the row from a backup. What was requested and done after the backup is unknown to it.
    pub fn is_restored(&self) -> bool {
        self.outbox.restored.is_some()
    }

    /// When the backup was taken that the host has restored, the first one if there were several.
    pub fn restored_from(&self) -> Option<Timestamp> {
        self.outbox.restored
    }

    /// When the backup was taken that the host has restored, the last one if there were several.
    pub fn restored_last(&self) -> Option<Timestamp> {
        self.outbox.restored_last()
    }

    /// The pending requests.
    pub fn calls(&self) -> impl Iterator<Item = &F::Call> {
        self.outbox.entries.iter().filter_map(OutboxEntry::call)
    }

    /// The matching requests that a worker may have sent, and whose outcome is unknown.
    pub fn all_sent(&self, wanted: impl Fn(&F::Call) -> bool) -> Vec<Arc<F::Call>> {
        let sent = self.outbox.entries.iter().filter(|it| it.was_sent()).filter_map(OutboxEntry::shared_call);
        sent.filter(|call| wanted(call)).cloned().collect()
    }

    /// The latest instant at which a matching request, whose outcome is unknown, was first leased.
    pub fn sent_last(&self, wanted: impl Fn(&F::Call) -> bool) -> Option<Timestamp> {
        let sent = self.outbox.entries.iter().filter(|it| it.was_sent() && it.call().is_some_and(&wanted));
        sent.filter_map(|it| it.sent.as_deref().map(|sent| sent.first_at)).max()
    }

    /// Whether a worker has leased a matching request.
    pub fn is_leased(&self, wanted: impl Fn(&F::Call) -> bool) -> bool {
        let now = self.now();
        self.outbox.entries.iter().any(|it| it.call().is_some_and(&wanted) && it.leased(now).is_some())
    }
}

/// The pending effects of a stored snapshot, as a flow sees them.
pub struct Pending<'a, F: Flow>(&'a [OutboxEntry<F::Call>]);

impl<F: Flow> fmt::Debug for Pending<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pending").field(&self.0.len()).finish()
    }
}

impl<'a, F: Flow> Pending<'a, F> {
    pub(crate) const fn new(entries: &'a [OutboxEntry<F::Call>]) -> Self {
        Self(entries)
    }

    /// Whether a matching request is pending.
    pub fn has_request(&self, wanted: impl Fn(&F::Call) -> bool) -> bool {
        self.0.iter().any(|it| it.call().is_some_and(&wanted))
    }

    /// Whether a review with this reason is pending.
    pub fn has_review(&self, reason: &str) -> bool {
        self.0.iter().any(|it| it.is_review_of(reason))
    }
}

/// A pending request, as a flow sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PendingRequest<'a, C> {
    /// Its id.
    pub id: &'a EffectId,
    /// What it does.
    pub call: &'a C,
    /// Whether a sending of it may have succeeded.
    pub sent: bool,
    /// The end of its last lease. Until then it may still be in flight.
    pub lease: Option<Timestamp>,
    /// When it was first leased.
    pub first_at: Option<Timestamp>,
    /// Whether no worker can send it again unless a lookup denies it.
    pub held: bool,
    /// Whether it is given up: it only stays pending until its outcome is known.
    pub given_up: bool,
    /// Whether a reply proves that a request with its key was accepted, and not what it made.
    pub accepted: bool,
}

/// The result of checking a rule; the methods add to its violation if the rule is broken.
#[derive(Debug)]
pub struct Check<'c> {
    broken: Option<&'c mut Violation>,
}

impl Check<'_> {
    /// Adds a JSON Pointer into the command.
    pub fn at(self, pointer: &'static str) -> Self {
        self.amend(|violation| violation.pointer = Cow::Borrowed(pointer))
    }

    /// Adds a JSON Pointer that must be computed, such as one with an index.
    pub fn at_index(self, pointer: impl FnOnce() -> String) -> Self {
        self.amend(|violation| violation.pointer = Cow::Owned(pointer()))
    }

    /// Adds what would unblock the command, if anything would.
    pub fn unblocked_by(self, what: impl Into<Option<UnblockedBy>>) -> Self {
        self.amend(|violation| violation.unblocked_by = what.into())
    }

    /// Adds the actions that do the same in a way that is allowed.
    pub fn instead(self, actions: &'static [&'static str]) -> Self {
        self.amend(|violation| violation.instead = actions)
    }

    /// Adds what broke the rule: a sentence that follows the rule's statement.
    pub fn because(self, detail: impl FnOnce() -> String) -> Self {
        self.amend(|violation| violation.detail = Some(detail()))
    }

    fn amend(mut self, amend: impl FnOnce(&mut Violation)) -> Self {
        if let Some(violation) = self.broken.as_deref_mut() {
            amend(violation);
        }
        self
    }
}
